"""The search for the largest batch, on cards whose truth is known."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def module(bench) -> ModuleType:
    return bench("memory_search")


def test_any_truth_from_any_prediction(module: ModuleType) -> None:
    @given(st.integers(0, 5000), st.integers(0, 5000))
    def check(truth: int, predicted: int) -> None:
        tried: list[int] = []

        def fits(batch: int) -> bool:
            assert batch >= 1
            tried.append(batch)
            return batch <= truth

        found = module.search(fits, predicted)
        assert found.largest <= truth < found.failed
        assert found.failed - found.largest <= max(1, 0.03 * found.largest)
        assert found.largest == 0 or found.largest in tried
        assert found.failed in tried
        assert found.tries == len(tried) == len(set(tried))
        # A batch between what ran and what did not is no reproach.
        if predicted > truth:
            assert not found.never_too_large
        assert found.share <= (predicted / truth if truth else 1) * (1 + 1e-9)

    check()


@pytest.mark.parametrize(
    ("predicted", "truth", "tries"),
    [(100, 100, [100, 103]), (100, 102, [100, 103]), (100, 99, [100, 97, 98]), (20, 20, [20, 21])],
)
def test_a_good_prediction_takes_few_tries(module: ModuleType, predicted: int, truth: int, tries: list[int]) -> None:
    tried: list[int] = []
    module.search(lambda batch: tried.append(batch) or batch <= truth, predicted)
    assert tried == tries


def test_the_share_is_that_of_the_largest_there_may_be(module: ModuleType) -> None:
    found = module.search(lambda batch: batch <= 102, 100)
    assert (found.largest, found.failed) == (100, 103)
    assert found.share == pytest.approx(100 / 102)
    assert found.never_too_large
    too_large = module.search(lambda batch: batch <= 99, 100)
    assert not too_large.never_too_large


def test_no_more_are_tried_than_may_be(module: ModuleType) -> None:
    found = module.search(lambda batch: batch <= 64, 10, most=64)
    assert (found.largest, found.failed) == (64, None)


def test_nothing_fits(module: ModuleType) -> None:
    found = module.search(lambda batch: False, 40)
    assert (found.largest, found.failed, found.share) == (0, 1, 1.0)
    assert not found.never_too_large
