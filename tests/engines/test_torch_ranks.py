"""Ranks that take steps together do what one process does with the samples of all of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

ROOT = Path(__file__).parents[2]
JOB = Path(__file__).parent / "steps_of_ranks.py"

PLAIN = "INPUT(6x6x2) -> CONV(4) -> RELU -> POOL -> DROPOUT(0.3) -> FC(6) -> RELU -> FC(3)"
NORMED = "INPUT(6x6x2) -> CONV(4) -> BN -> RELU -> RES[CONV(4) -> BN] -> RELU -> GAP -> FC(3)"


def trained(tmp_path: Path, ranks: int, text: str, **options) -> dict[str, np.ndarray]:
    """What ``ranks`` processes come to."""
    path = tmp_path / f"{ranks}.npz"
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"] if ranks > 1 else []
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *launcher, str(JOB), text, json.dumps(options), str(path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(path) as found:
        return dict(found)


@pytest.mark.parametrize(
    ("ranks", "text", "options"),
    [
        (2, PLAIN, {}),
        (3, PLAIN, {}),
        (2, PLAIN.replace("DROPOUT(0.3) -> ", ""), {"batch": 3}),  # in parts: gradients are summed, then shared
        (2, NORMED, {"sync_bn": True}),
        (2, PLAIN.replace("DROPOUT(0.3) -> ", ""), {"batch": 2}),
        (2, PLAIN, {"checkpoint": True}),
    ],
    ids=["two", "three", "in parts", "synchronised BN", "in unequal parts", "checkpointing"],
)
def test_together_they_are_one(tmp_path, ranks, text, options):
    alone = trained(tmp_path, 1, text, dtype="float32", **options)
    found = trained(tmp_path, ranks, text, dtype="float32", **options)

    assert alone["losses"][-1] != pytest.approx(alone["losses"][0], rel=1e-2)
    for name, value in alone.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


def test_without_it_batch_norm_sees_a_ranks_samples_alone(tmp_path):
    alone, found = (trained(tmp_path, ranks, NORMED, dtype="float64") for ranks in (1, 2))

    assert np.abs(found["losses"] - alone["losses"]).max() > 1e-4


def test_synchronised_in_parts_they_come_to_an_end(tmp_path):
    """Each pass has the statistics of its own samples, so that it is not one process's step: but a step it is."""
    found = trained(tmp_path, 2, NORMED, dtype="float64", sync_bn=True, batch=2)

    assert found["losses"][-1] < found["losses"][0]
