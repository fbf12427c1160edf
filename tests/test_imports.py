import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_commands_without_arrays_keep_the_import_budget():
    script = ROOT / "scripts" / "import_budget.py"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}

    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
