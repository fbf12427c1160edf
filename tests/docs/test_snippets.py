"""What the documents show is run: command lines, the Python of the README, errors to the letter, and limits.

A command line stands in an indented or fenced block, or in backticks with its arguments. Behind a `$` stands one whose
output follows; `...` in the output leaves lines out.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tatami as package
from tatami.network import expand, values
from tatami.network.layers import arguments
from tatami.notation import lexer, parser

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
INLINE = ("plan", "compare", "zoo", "gpus")  # in running text, other commands are only named

# Not run: they train for long, need a file or a run of the reader's, or measure the machine.
SKIPPED = {
    "tatami export runs/pets-1 -o model.onnx --preprocess",
    "tatami export runs/pets-1 -o pets-torch --format torch",
    "tatami export runs/pets-1 -o pets-keras --format keras",
    "tatami convert resnet50.safetensors --net resnet50 -o resnet50-weights.safetensors",
    "tatami convert resnet50.safetensors --net resnet50 -o resnet50-weights.safetensors --classes imagenet.txt",
    "tatami predict resnet50-weights.safetensors cat.jpg",
    "tatami train",
    "tatami train fcn sample:gunpoint",
    "tatami train 'INPUT -> [CONV(16, 5) -> RELU -> POOL]*2 -> FC' my-data.npz --epochs 10",
    "tatami train memo pets/",
    "tatami train memo pets/ --config recipe.toml",
    "tatami train resnet50 pets/ --engine torch --dtype bf16",
    "tatami train resnet20 pets/ --engine torch",
    "tatami train resnet20 pets/ --engine torch --dtype bf16",
    "tatami resume runs/pets-1 --engine torch",
    "tatami predict runs/pets-1 new.jpg --engine torch --device cpu",
    "tatami data check pets/",
    "tatami lr-find memo pets/",
    "tatami resume runs/pets-1",
    "tatami resume runs/pets-1 --epochs 40",
    "tatami resume runs/pets-1 --from-epoch 8",
    "tatami report runs/pets-1",
    "tatami report runs/pets-1 --csv classes.csv --png run.png",
    "tatami evaluate runs/pets-1 pets/",
    "tatami evaluate runs/pets-1 pets/ --split validation",
    "tatami evaluate runs/pets-1 more.npz -o page.html --format json",
    "tatami predict runs/pets-1 'new/*.jpg'",
    "tatami predict runs/pets-1 new/ 'more/*.jpg' --format csv -o predicted.csv",
    "tatami web",
    "tatami inspect runs/pets-1 new.jpg -o page.html",
    "tatami explore 'INPUT -> [[CONV({16|32}) -> RELU]*N -> POOL]*M -> FC' pets/ --budget 'params < 200k' --time 20m",
    "tatami export runs/pets-1 -o model.onnx",
    "tatami train model.onnx pets/",
    "tatami plan model.onnx",
    "tatami compare model.onnx resnet50",
    "tatami convert model.onnx -o model.net",
    "tatami inspect runs/digits-1 sample:digits --sample 3,5 -o page.html",
    "tatami inspect runs/digits-1 'new/*.png' --target 7 --layers conv1,conv4 --all-units -o page.html",
    "tatami inspect runs/gunpoint-1 sample:gunpoint --unit conv3:5 --tsne -o page.html",
    "tatami inspect runs/digits-1 digit.png -o arrays.npz",
    "tatami plan model.net --assert 'params < 5M' --assert 'memory(batch=64) < 8GB' --assert 'receptive_field >= 64'",
    "tatami plan vgg16 --time",
    "tatami explore 'INPUT -> [[CONV({16|32}) -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC' sample:digits "
    "--budget 'params < 200k' --budget 'memory(batch=64) < 2GB' --time 20m",
    "tatami bench resnet20 --batch 64",
}


@dataclass(frozen=True)
class Snippet:
    """A command line in a document, and the output that is shown below it, if there is any."""

    document: str
    words: tuple[str, ...]
    shown: str = ""

    @property
    def line(self) -> str:
        return shlex.join(self.words)


def blocks_of(text: str) -> list[str]:
    """The indented and the fenced blocks of a document, without their indentation and fences."""
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^    .*\n)(?:(?:^    .*\n)|(?:^\n(?=    )))*", rest, re.MULTILINE)
    return fenced + [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in indented]


def snippets_of(name: str, text: str) -> list[Snippet]:
    found = []
    text = re.sub(r"<!-- the \w+ begins -->.*?<!-- the \w+ ends -->", "", text, flags=re.DOTALL)  # written by a command
    for block in blocks_of(text):
        lines = re.sub(r" *\\\n *", " ", block).splitlines()
        for i, line in enumerate(lines):
            if match := re.match(r" *(\$ )?(tatami .*)", line):
                output = []
                if match[1]:
                    end = next((j for j in range(i + 1, len(lines)) if lines[j].startswith("$ ")), len(lines))
                    output = lines[i + 1 : end]
                found.append(Snippet(name, tuple(shlex.split(match[2], comments=True)), "\n".join(output).rstrip()))
    for span in re.findall(rf"`(tatami (?:{'|'.join(INLINE)}) [^`\n]+)`", text):
        found.append(Snippet(name, tuple(shlex.split(span))))
    return found


SNIPPETS = [snippet for path in DOCUMENTS for snippet in snippets_of(path.name, path.read_text(encoding="utf-8"))]


def is_experiment(snippet: Snippet) -> bool:
    """Whether it takes minutes by what it is: the tests of the lab run experiments."""
    return snippet.words[1:2] == ("lab",) and len(snippet.words) > 2


RUN = [snippet for snippet in SNIPPETS if snippet.line not in SKIPPED and not is_experiment(snippet)]


def test_the_parser_finds_what_a_reader_sees() -> None:
    text = (
        "Run `tatami plan vgg16`, not `tatami train`.\n\n"
        '    tatami plan "A -> B" \\\n      -D N=2   # a note\n\n'
        "    $ tatami zoo nothing\n    error: one\n\n    ^\n\nIt ends.\n\n"
        "```yaml\n- run: |\n    tatami plan a.net\n```\n"
    )
    assert [(s.words[1:], s.shown) for s in snippets_of("x.md", text)] == [
        (("plan", "a.net"), ""),
        (("plan", "A -> B", "-D", "N=2"), ""),
        (("zoo", "nothing"), "error: one\n\n^"),
        (("plan", "vgg16"), ""),
    ]


def test_no_skipped_command_is_stale() -> None:
    assert {snippet.line for snippet in SNIPPETS} >= SKIPPED
    assert len(RUN) >= 8
    assert {snippet.document for snippet in SNIPPETS} >= {"README.md", "notation.md", "budgets.md", "gpus.md"}


@pytest.mark.parametrize("snippet", RUN, ids=lambda snippet: f"{snippet.document}: {snippet.line[:60]}")
def test_a_command_of_the_documents(tatami, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snippet: Snippet) -> None:
    assert snippet.words[1] not in ("train", "evaluate", "predict"), "list it in SKIPPED: it is not run here"
    monkeypatch.chdir(tmp_path)
    for folder in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(folder, str(tmp_path))
    result = tatami(*snippet.words[1:])
    shown = snippet.shown.splitlines()
    expected = (
        2 if any(s.startswith("error: ") for s in shown) else 1 if any(s.startswith("failed: ") for s in shown) else 0
    )
    assert result.code == expected, result.err
    # To the letter, but for the lines that "..." leaves out.
    if shown:
        pattern = re.escape(f"{snippet.shown}\n").replace(re.escape("...\n"), "(?:.*\n)*")
        assert re.fullmatch(pattern, result.out + result.err)


def test_the_notation_shows_an_error_to_the_letter() -> None:
    (error,) = [s for s in RUN if s.document == "notation.md" and s.shown]  # compared above
    assert len(error.shown.splitlines()) == 3


def test_the_python_of_the_readme_runs() -> None:
    """It is run as it stands, but for a batch of 8 samples instead of 128, and gives what its comments say."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENTS[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for comment in ("(128, 28, 28, 1), (128,)", "inference: (128, 10)", '{"conv1.weight": (3, 3, 1, 32), ...}'):
        assert comment in code
    names: dict[str, Any] = {}
    exec(code.replace("128", "8"), names)
    assert (names["x"].shape, names["y"].shape) == ((8, 28, 28, 1), (8,))
    assert 0 < names["loss"] < 20
    assert names["scores"].shape == (8, 10)
    assert names["weights"]["conv1.weight"].shape == (3, 3, 1, 32)


def test_the_limits_of_the_grammar_are_those_of_the_code() -> None:
    def power(limit: int) -> int:
        assert limit == 10 ** (len(str(limit)) - 1)
        return len(str(limit)) - 1

    grammar = (Path(package.__file__).parent / "notation" / "GRAMMAR.md").read_text(encoding="utf-8")
    limits = " ".join(grammar.split("## Limits\n")[1].split())
    assert limits == (
        f"{lexer.MAX_CHARACTERS:,} characters, {parser.MAX_NESTING} levels of brackets, "
        f"{parser.MAX_OPERATORS} operators in one value, {parser.MAX_STARS} stars on one item, "
        f"{lexer.MAX_DIGITS} digits in a whole number as written and {power(values.MAX_MAGNITUDE)} as computed, "
        f"{expand.MAX_LAYERS:,} layers after all repeats; checked before anything is built. "
        f"{arguments.MAX_LENGTH:,} along an axis, for windows, strides, dilations and paddings too; "
        f"{arguments.MAX_CHANNELS:,} channels, units or groups; 10^{power(arguments.MAX_VALUES)} values in one map; "
        f"10^{power(arguments.MAX_PARAMETERS)} parameters in a network."
    )
