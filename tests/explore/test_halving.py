"""The rule of promotion: by hand, and as properties of whole searches on made-up scores."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.errors import OptionError
from tatami.explore.halving import FAILED, Job, Ladder, Score, Standing, make_ladder, next_job, promotions

LADDER = Ladder((1, 3, 9), 3)


def standing(*scores: dict[int, float], running: tuple[Job, ...] = ()) -> Standing:
    return Standing(tuple({trial: (score,) for trial, score in rung.items()} for rung in scores), frozenset(running))


@pytest.mark.parametrize(
    ("epochs", "eta", "rungs", "found"),
    [(27, 3, 3, (3, 9, 27)), (20, 3, 3, (2, 6, 20)), (9, 2, 4, (1, 2, 4, 9)), (2, 3, 3, (1, 2)), (5, 3, 1, (5,))],
)
def test_rungs_are_shares_of_the_epochs(epochs: int, eta: int, rungs: int, found: tuple[int, ...]) -> None:
    assert make_ladder(epochs, eta, rungs) == Ladder(found, eta)


@pytest.mark.parametrize(("given", "name"), [((0, 3, 3), "epochs"), ((9, 1, 3), "eta"), ((9, 3, 0), "rungs")])
def test_ladders_that_cannot_be(given: tuple[int, int, int], name: str) -> None:
    with pytest.raises(OptionError, match=f"impossible {name}; got "):
        make_ladder(*given)


def test_the_best_third_is_promoted_and_new_trials_begin_until_there_is_one() -> None:
    two = standing({0: 0.5, 1: 0.7}, {}, {})
    assert next_job(LADDER, two, fresh=2) == Job(2, 0)
    three = standing({0: 0.5, 1: 0.7, 2: 0.6}, {}, {})
    assert next_job(LADDER, three, fresh=3) == Job(1, 1)
    on_its_way = standing({0: 0.5, 1: 0.7, 2: 0.6}, {}, {}, running=(Job(1, 1),))
    assert next_job(LADDER, on_its_way, fresh=3) == Job(3, 0)


def test_a_late_trial_that_is_better_is_promoted_although_another_was() -> None:
    # Of four, one may go on: it is the new best, trial 3, and not trial 1, which went when it was.
    four = standing({0: 0.5, 1: 0.7, 2: 0.6, 3: 0.8}, {1: 0.9}, {})
    assert list(promotions(LADDER, four)) == [Job(3, 1)]
    six = standing({0: 0.5, 1: 0.7, 2: 0.6, 3: 0.8, 4: 0.1, 5: 0.75}, {1: 0.9, 3: 0.9}, {})
    assert list(promotions(LADDER, six)) == [Job(5, 1)]


def test_the_top_rung_comes_first() -> None:
    both = standing({n: n / 20 for n in range(12)}, {11: 0.8, 10: 0.9, 9: 0.7}, {})
    assert list(promotions(LADDER, both)) == [Job(10, 2), Job(8, 1)]


def test_what_failed_counts_and_never_goes_on() -> None:
    failed = Standing(({0: FAILED, 1: FAILED, 2: FAILED}, {}, {}))
    assert next_job(LADDER, failed, fresh=3) == Job(3, 0)
    assert next_job(LADDER, failed, fresh=None) is None


def test_without_new_trials_the_best_go_on_beyond_their_share_up_to_eta() -> None:
    few = standing({0: 0.5, 1: 0.7}, {}, {})
    assert next_job(LADDER, few, fresh=None) == Job(1, 1)
    assert next_job(LADDER, standing({0: 0.5, 1: 0.7}, {1: 0.8}, {}), fresh=None) == Job(1, 2)
    done = standing({0: 0.5, 1: 0.7, 2: 0.1, 3: 0.2}, {1: 0.8, 0: 0.8, 3: 0.3}, {0: 0.9, 1: 0.8, 3: 0.5})
    assert next_job(LADDER, done, fresh=None) is None


def test_a_job_for_which_there_is_no_time_is_passed_over() -> None:
    three = standing({0: 0.5, 1: 0.7, 2: 0.6}, {}, {})
    assert next_job(LADDER, three, 3, lambda job: job.rung == 0) == Job(3, 0)
    assert next_job(LADDER, three, 3, lambda job: job == Job(2, 1)) == Job(2, 1)
    assert next_job(LADDER, three, 3, lambda job: False) is None


@given(st.integers(1, 40), st.integers(2, 4), st.integers(1, 4), st.integers(1, 5), st.randoms(use_true_random=False))
def test_whole_searches(trials: int, eta: int, rungs: int, workers: int, random: Random) -> None:
    ladder = Ladder(tuple(eta**k for k in range(rungs)), eta)
    scores: tuple[dict[int, Score], ...] = tuple({} for _ in ladder.epochs)
    running: list[Job] = []
    done: list[Job] = []
    begun = 0
    while True:
        while len(running) < workers:
            known = Standing(scores, frozenset(running))
            job = next_job(ladder, known, begun if begun < trials else None)
            if job is None:
                break
            assert job not in done
            assert job not in running
            if job.rung:
                assert Job(job.trial, job.rung - 1) in done
                if begun < trials:  # Li et al.: it is among the best 1/eta of its rung
                    below = scores[job.rung - 1]
                    better = sum(score > below[job.trial] for score in below.values())
                    assert better < len(below) // eta
            begun += job.rung == 0
            running.append(job)
        if not running:
            break
        job = running.pop(random.randrange(len(running)))
        scores[job.rung][job.trial] = (random.random(),)
        done.append(job)
    assert begun == trials
    for rung in range(rungs):
        assert len(scores[rung]) >= min(trials, eta)
    for below, above in pairwise(scores):
        assert len(above) >= len(below) // eta
        assert set(above) <= set(below)
