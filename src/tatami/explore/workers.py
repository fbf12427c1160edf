"""Who trains the trials: processes of this machine, or a Dask cluster. Both are executors of :mod:`concurrent.futures`.

joblib's own loop hands out work that it was given beforehand; which trial comes next is only known when another has
ended. So trials are given, one by one, to what joblib runs on: its pool of processes (loky), or Dask's.
"""

from __future__ import annotations

import signal
from concurrent.futures import Executor
from types import TracebackType
from typing import Protocol, Self

from tatami.errors import OptionError
from tatami.plan.machine import THREADS

SECONDS_TO_CONNECT = 10


class Workers(Protocol):
    """A context that lends an executor, anew after it has broken."""

    @property
    def jobs(self) -> int:
        """How many trials run at a time, as things are."""
        ...

    @property
    def shares(self) -> int:
        """How many trials' threads one training may take when it runs alone."""
        ...

    def executor(self) -> Executor:
        """To submit to."""
        ...

    def renew(self) -> None:
        """After workers were lost: see to it that :meth:`executor` works."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Processes:
    """Processes of this machine, each with its share of threads.

    Args:
        jobs: how many.
        threads: of each.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self.jobs, self.shares, self.threads = jobs, jobs, threads
        self._pool: Executor | None = None

    def executor(self) -> Executor:
        """To submit to; the processes start with their first work."""
        if self._pool is None:
            from joblib.externals.loky import ProcessPoolExecutor

            names = (THREADS, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
            env = dict.fromkeys(names, str(self.threads))
            self._pool = ProcessPoolExecutor(self.jobs, env=env, initializer=_ignore_interrupt)
        return self._pool

    def renew(self) -> None:
        """Make new processes in place of the old, of which one was killed."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]  # loky's own
            self._pool = None


def _ignore_interrupt() -> None:
    """Ctrl-C reaches all processes of a terminal: the one that leads tells the workers to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Cluster:
    """The workers of a Dask cluster, which see the same folders as this process.

    Dask itself gives the work of a worker that is lost to another.

    Args:
        address: of the scheduler, ``tcp://host:8786``.

    Raises:
        OptionError: Dask is not installed, nobody answers there, or there is no worker.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise OptionError(
                "--cluster needs Dask", got="no distributed", hint="pip install 'tatami[cluster]'"
            ) from None
        try:
            self._client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
            self._client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
        except (OSError, ValueError, TimeoutError) as error:
            raise OptionError(
                "no Dask scheduler with workers there",
                where="--cluster",
                got=address,
                expected="tcp://HOST:PORT of one that runs",
            ) from error
        self._executor: Executor = self._client.get_executor(pure=False)

    shares = 1  # the other workers are other processes, or machines

    @property
    def jobs(self) -> int:
        """Threads of all workers that there are now: each takes one trial. Without any, one trial waits for one."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def executor(self) -> Executor:
        """To submit to."""
        return self._executor

    def renew(self) -> None:
        """Nothing: the scheduler is still there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
