"""The views of a data set's health: a table, JSON and a page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from rich.console import Console

from tatami.views.health_html import health_page
from tatami.views.health_json import health_json
from tatami.views.health_table import MAX_ROWS, health_table


@dataclass
class Finding:
    level: str
    kind: str
    text: str
    names: tuple[str, ...] = ()


@dataclass
class Target:
    name: str = "load"
    quantiles: tuple[float, ...] = (0, 1, 2, 3, 4, 5, 6)
    mean: float = 3.5
    std: float = 2.0


@dataclass
class Split:
    name: str
    samples: int = 1200
    bytes: int = 4096
    counts: tuple[int, ...] = (1000, 200)
    targets: tuple[Target, ...] = ()
    low: float | None = 0.0
    high: float | None = 255.0
    mean: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    std: tuple[float, ...] = (1.0,)


@dataclass
class Health:
    name: str = "pets"
    source: str = "data/<pets>"
    kind: str = "image"
    shape: tuple[int, ...] = (32, 32, 3)
    dtype: str = "uint8"
    classes: tuple[str, ...] = ("cat", "<b>dog")
    targets: tuple[str, ...] = ()
    splits: tuple[Split, ...] = (Split("train"), Split("test", low=None, high=None, mean=(), std=()))
    imbalance: float | None = 5.0
    findings: tuple[Finding, ...] = field(
        default_factory=lambda: (
            Finding("error", "leakage", "1 sample of test is in train as well", ("a[0].png = <i>b.png",)),
            Finding("warning", "imbalance", "the largest class is 5.0 times the smallest"),
        )
    )
    samples: int = 2400
    errors: int = 1
    warnings: int = 1
    summary: str = "2,400 samples, 2 classes, 1 error, 1 warning"


@dataclass
class Shown:
    name: str
    picture: str = ""
    curves: tuple[tuple[float, ...], ...] = ()


@dataclass
class Gallery:
    title: str
    samples: tuple[Shown, ...]


def printed(health: Health) -> list[str]:
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        console.print(health_table(health))
    return captured.get().splitlines()


def test_the_table() -> None:
    lines = printed(Health())
    assert lines[0] == "pets: images of 32x32x3, uint8"
    cells = [line.split() for line in lines]
    assert ["samples", "1,200", "1,200"] in cells
    assert ["size", "4.0", "KiB", "4.0", "KiB"] in cells
    assert ["values", "0", "to", "255", "-"] in cells
    assert ["mean", "1", "2", "3", "...", "-"] in cells
    assert ["<b>dog", "200", "200"] in cells
    assert lines[-4:] == [
        "error: 1 sample of test is in train as well",
        "    a[0].png = <i>b.png" + " " * 57,
        "warning: the largest class is 5.0 times the smallest",
        "2,400 samples, 2 classes, 1 error, 1 warning",
    ]
    assert max(map(len, lines)) <= 80


def test_many_classes_are_cut() -> None:
    names = tuple(f"class {i}" for i in range(1000))
    lines = printed(Health(classes=names, splits=(Split("train", counts=tuple(range(1000))),)))
    assert sum(line.lstrip().startswith("class ") for line in lines) == MAX_ROWS + 1
    assert f"and {1000 - MAX_ROWS} more; --format json lists all" in lines


def test_targets_stand_in_place_of_classes() -> None:
    health = Health(classes=(), targets=("load",), splits=(Split("train", counts=(), targets=(Target(),)),))
    cells = [line.split() for line in printed(health)]
    assert ["load,", "train", "0", "1", "2", "3", "4", "5", "6", "3.5", "2"] in cells


def test_json_is_plain_and_versioned() -> None:
    values = json.loads(json.dumps(health_json(Health()), allow_nan=False))
    assert values["schema"] == "tatami.data/1"
    assert (values["kind"], values["shape"], values["samples"]) == ("image", [32, 32, 3], 2400)
    assert (values["errors"], values["warnings"], values["imbalance"]) == (1, 1, 5.0)
    assert values["splits"][0]["counts"] == [1000, 200]
    assert values["splits"][1]["low"] is None
    assert values["findings"][0] == {
        "level": "error",
        "kind": "leakage",
        "text": "1 sample of test is in train as well",
        "names": ["a[0].png = <i>b.png"],
    }


class Balance(HTMLParser):
    """Counts open elements, and collects what the page would fetch."""

    VOID = ("meta", "img", "line", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    galleries = [
        Gallery("<b>dog", (Shown("a'\"<.png", picture="data:image/png;base64,AAAA"),)),
        Gallery("wave", (Shown("row 1", curves=((0.0, 1.0, 2.0), (2.0, 2.0, 2.0))),)),
    ]
    text = health_page(Health(), galleries)
    balance = Balance()
    balance.feed(text)
    assert balance.open == []
    assert balance.addresses == ["data:image/png;base64,AAAA"]
    assert "http" not in text.replace("http-equiv", "")
    assert "<b>dog" not in text
    assert "<i>b" not in text
    assert "1 sample of test is in train as well" in text
    assert "not shown" not in text
    (first, second) = re.findall(r"points='([^']*)'", text)
    assert first == "0.0,62.0 80.0,32.0 160.0,2.0"
    assert second == "0.0,2.0 80.0,2.0 160.0,2.0"


def test_the_page_says_what_it_leaves_out() -> None:
    health = Health(classes=tuple("abcde"), splits=(Split("train", counts=(1, 2, 3, 4, 5)),), findings=())
    text = health_page(health, [Gallery("a", (Shown("row 0", curves=((1.0,),)),)), Gallery("b", ())])
    assert "The first 2 classes; 3 more are not shown." in text
    assert "Nothing to complain of." in text
    assert "points='0.0,32.0'" in text  # one value, in the middle
