"""Every experiment of the lab in its quick form, into docs/lab.md.

make lab
make lab LAB=--anew     # what was measured before is measured again
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from marked import write_between

DOCS = Path(__file__).parents[1] / "docs" / "lab.md"
COMMAND = ["tatami", "lab", "--all", "--quick"]


def printed(format: str, *more: str) -> str:
    """What the command prints in a format."""
    words = [sys.executable, "-m", *COMMAND, "--output", "runs/lab", "--format", format, *more]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def made_on(reports: list[dict[str, Any]]) -> str:
    """The machine and versions, and how long it took, where all was measured now."""
    first = reports[0]
    versions = ", ".join(f"{name} {version}" for name, version in first["versions"].items())
    lines = [f"Measured on {first['machine']}; {versions}."]
    if all(report["measured"] == report["trials"] for report in reports):
        took = ", ".join(f"{report['claim']} {report['seconds']:.0f} s" for report in reports)
        lines.append(f"It took {sum(report['seconds'] for report in reports) / 60:.1f} minutes: {took}.")
    return "\n".join(lines)


def main() -> None:
    """Measure, then write what was found; the second time everything is kept already."""
    reports = json.loads(printed("json", *os.environ.get("LAB", "").split()))
    write_between(DOCS, "the lab", f"{made_on(reports)}\n\n{printed('markdown')}")


if __name__ == "__main__":
    main()
