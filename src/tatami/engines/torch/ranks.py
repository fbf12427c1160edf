"""The ranks of a training through ``torch.distributed``: nccl between GPUs, gloo between CPUs.

What the hosts say to one another (whether to stop, losses, texts) goes through a second group, always gloo: it waits
for no GPU, and it notices at once when a process at its other end has died.
"""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, Protocol, cast

import numpy as np
import torch
import torch.distributed as dist

from tatami.engines.base import Array, Model
from tatami.engines.ranks import Share
from tatami.engines.torch.device import find_device
from tatami.errors import OptionError, RankError

PATIENCE = timedelta(hours=6)
"""So long a rank may keep the others waiting between two steps, as where the first reads a large data set."""

# What gloo and nccl say when a peer is gone; they have no type of their own for it.
_GONE = re.compile(r"connection (closed|reset|refused)|broken pipe|timed out|gloo|nccl|remote process", re.IGNORECASE)


class StepsTogether(Protocol):
    """A model that takes a step together with those of other ranks."""

    def step_share(self, x: Array, y: Array, share: Share, lr: float | None = None) -> float:
        """One step on the samples of all ranks, of which x and y are this one's; the mean loss of all of them."""
        ...


class TorchRanks:
    """:class:`tatami.engines.ranks.Ranks`, between :func:`join` and its end."""

    def __init__(self, device: str, host: dist.ProcessGroup, lines: set[int]) -> None:
        """``lines`` are the file descriptors of the connections to the other ranks."""
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.device, self._host, self._lines = device, host, lines

    def any(self, flag: bool) -> bool:
        with self._together():
            found = torch.tensor(int(flag))
            dist.all_reduce(found, dist.ReduceOp.MAX, group=self._host)
            return bool(found)

    def exchange(self, value: Any) -> list[Any]:
        text = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        with self._together():
            lengths = [torch.zeros((), dtype=torch.int64) for _ in range(self.size)]
            dist.all_gather(lengths, torch.tensor(len(text)), group=self._host)
            longest = max(map(int, lengths))
            texts = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.size)]
            dist.all_gather(texts, torch.nn.functional.pad(text, (0, longest - len(text))), group=self._host)
        return [json.loads(bytes(t[:n].tolist())) for t, n in zip(texts, map(int, lengths), strict=True)]

    def first(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        found = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        with self._together():
            for tensor in found.values():
                dist.broadcast(tensor, 0, group=self._host)
        return {name: tensor.numpy() for name, tensor in found.items()}

    def step(self, model: Model, x: Array, y: Array, share: Share, lr: float) -> float:
        with self._together():
            return cast(StepsTogether, model).step_share(x, y, share, lr=lr)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Within the block the ranks speak with one another: its errors may mean that one of them is gone."""
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and not _GONE.search(str(error)):
                raise
            self._hang_up()
            # Every rank that is left finds this; rank 0 tells it, unless it is the one, which is found out later.
            raise RankError("another rank of this training is gone", got=_line(error), said=self.rank != 0) from error

    def _hang_up(self) -> None:
        """Close all connections. Ranks that have none to the one that is gone wait for those that have, and so notice.

        PyTorch can close them only by ending the process, and this one has something to save.
        """
        for descriptor in self._lines:
            with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as line:
                line.getpeername()  # one that listens stays open: gloo does not expect it to end
                line.shutdown(socket.SHUT_RDWR)


def _sockets() -> set[int]:
    """The file descriptors of this process's sockets, where the system tells."""
    found = set()
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    found.add(int(name))
    return found


@contextmanager
def join(device: str | None) -> Iterator[TorchRanks]:
    """Meet the other ranks, whose place of meeting ``torchrun`` has put into the environment.

    Args:
        device: ``cuda``, ``cpu``, or None for the GPU of the rank's own number if there are GPUs.

    Raises:
        OptionError: a device that the ranks cannot have.
        RankError: the others do not come.
    """
    if device not in (None, "cuda", "cpu"):
        raise OptionError("a device for several ranks", got=device, expected="cuda, one GPU for each of them, or cpu")
    place = find_device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    on_gpu = place.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(place)
    before = _sockets()
    try:
        dist.init_process_group("nccl" if on_gpu else "gloo", device_id=place if on_gpu else None)
        host = dist.new_group(backend="gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise RankError("the ranks of this training do not find one another", got=_line(error)) from error
    assert isinstance(host, dist.ProcessGroup)
    yield TorchRanks(str(place), host, _sockets() - before)
    # Not where an error ends the block: to take leave of a rank that is gone may wait for it for ever. Models go first:
    # gloo's threads outlive a group that a model still holds, and now and then abort the process as it ends.
    gc.collect()
    dist.destroy_process_group()


def _line(error: Exception) -> str:
    """The first sentence of a message, without the place in the library's source: ours is one line."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return re.sub(r"^\[[^\]]*\] *", "", first).split(". ")[0]
