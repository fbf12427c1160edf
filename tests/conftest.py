"""What every test may use: Hypothesis profiles and the data that only a working copy beside its data has."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets beside the repository, or skip the test."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the data sets (MNIST, CIFAR-10, UCR) are not in ../shared/data")
    return SHARED_DATA
