"""Every engine's model: for tests of what each must do."""

import pytest


@pytest.fixture(params=["textbook", "cpu", "cpu compiled", "torch"])
def engine(request, monkeypatch):
    """The networks of these tests are tiny: the CPU engine runs them in plain NumPy, unless it is told to compile."""
    if request.param == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")
    if request.param == "cpu compiled":
        monkeypatch.setattr("tatami.engines.cpu.model.is_tiny", lambda network, batch: False)
    return request.param.split()[0]
