"""Draw the pictures of the README by running tatami itself: `make pictures`.

The terminal picture is a plan and a training of the memo's network on the built-in digits, as they ran on this machine.
The pictures of the page are the screenshots of its tests in a browser, cut to their upper part: `make test-web` first.
"""

import os
import re
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console

from tatami.cli.progress import Progress
from tatami.cli.result import result_line
from tatami.cli.train import DEFAULT_DATA, DEFAULT_NET
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.train import TrainConfig, train
from tatami.views.plan_table import plan_table

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
VIEWS = ("design", "convolution", "train", "look", "compare")
HIGHEST, WIDTH = 0.75, 900  # of the part that is shown, by its width; pixels of a picture


def terminal() -> None:
    """`tatami plan memo`, then `tatami train`, into terminal.svg."""
    console = Console(record=True, width=84, force_terminal=True)
    source = find_network(DEFAULT_NET)
    console.print(f"[bold]$ tatami plan {DEFAULT_NET}")
    console.print(plan_table(make_plan(source.build())))
    console.print("\n[bold]$ tatami train")
    with tempfile.TemporaryDirectory() as folder, Progress(console, bar=False) as progress:
        outcome = train(source, TrainConfig(DEFAULT_DATA), Path(folder) / "run", progress.tell)
    tested = outcome.tested
    assert tested is not None
    console.print(result_line(tested), highlight=False)
    PICTURES.mkdir(parents=True, exist_ok=True)
    # A fixed id keeps the file the same where the text is the same; fonts from the network are left out.
    svg = console.export_svg(title="tatami", unique_id="terminal")
    (PICTURES / "terminal.svg").write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


def page(screenshots: Path) -> None:
    """The five views of `tatami web`, into web-NAME.png."""
    for name in VIEWS:
        with Image.open(screenshots / f"{name}-desktop-light.png") as shot:
            upper = shot.convert("RGB").crop((0, 0, shot.width, min(shot.height, round(HIGHEST * shot.width))))
            small = upper.resize((WIDTH, round(upper.height * WIDTH / upper.width)), Image.Resampling.LANCZOS)
            small.quantize(128).save(PICTURES / f"web-{name}.png", optimize=True)


if __name__ == "__main__":
    terminal()
    page(Path(os.environ["TATAMI_ARTEFACTS"]))
