"""On a Dask cluster of two workers, one of which is killed at work: no trial is lost, none is trained twice."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.explore import Settings, explore
from tatami.explore.journal import Journal
from tatami.explore.search import Moment
from tatami.explore.workers import Cluster
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import train
from tatami.train.events import EpochEnded, Started
from tatami.train.run import LAST, Run

distributed = pytest.importorskip("distributed", reason="Dask is not installed; `make test-cluster` brings it")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Dask's own are not ours to mend


def test_a_killed_worker_loses_no_trial_and_none_is_trained_twice(settings: Settings, tmp_path: Path) -> None:
    long = replace(settings, epochs=(10, 20), choices={"N": ["1", "2"]})
    killed: list[str] = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        workers = Cluster(cluster.scheduler_address)
        assert workers.jobs == 2
        with distributed.Client(cluster) as watcher:
            pids = watcher.run(os.getpid)

            def kill(moment: Moment) -> None:
                if killed or len(moment.journal.results) < 2:
                    return
                busy = [address for address, tasks in watcher.processing().items() if tasks]
                killed.extend(busy[:1])
                for address in busy[:1]:
                    os.kill(pids[address], signal.SIGKILL)

            values = explore(long, tmp_path / "found", workers, kill).values
    assert killed
    assert len(values.trials) == 8
    assert not any(tried.failure for tried in values.trials)
    journal = Journal(tmp_path / "found")
    assert not journal.pending
    lines = (tmp_path / "found" / "events.jsonl").read_text().splitlines()
    assert sum('"ended"' in line for line in lines) == len(journal.began)
    for tried in values.trials:
        events = Run(Path(tried.run)).events()
        assert [type(event) for event in events].count(Started) == 1
        assert [event.epoch for event in events if isinstance(event, EpochEnded)] == list(range(1, tried.epochs + 1))
        if tried.epochs == 10:
            by_hand = tmp_path / "by-hand" / f"{tried.number}"
            train(find_network(tried.line), Run(Path(tried.run)).config(), by_hand, lambda event: None)
            here, there = (load_weights(run / LAST)[0] for run in (by_hand, Path(tried.run)))
            assert all(np.array_equal(here[name], there[name]) for name in there)


def test_nobody_answers_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tatami.explore.workers.SECONDS_TO_CONNECT", 1)
    with pytest.raises(
        OptionError,
        match=r"--cluster: no Dask scheduler with workers there; got tcp://127.0.0.1:9; expected tcp://HOST:PORT",
    ):
        Cluster("tcp://127.0.0.1:9")
