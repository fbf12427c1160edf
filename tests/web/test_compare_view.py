"""Compare as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tatami.network import find_network
from tatami.train import TrainConfig, train
from tatami.train.run import EVENTS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SMALL = "INPUT -> CONV(2) -> RELU -> POOL(4) -> FC"


def make_run(folder: Path, name: str, **settings: Any) -> Path:
    """Train a network so small that it takes a moment."""
    config = TrainConfig(net=SMALL, data="sample:digits", batch=512, test=False, **settings)
    return train(find_network(SMALL), config, folder / name, lambda event: None).run.path


@pytest.fixture(scope="module")
def trained(server: Any) -> None:
    """Two runs in the folder of the browser's server."""
    make_run(server.runs, "first", epochs=2, lr=0.001)
    make_run(server.runs, "second", epochs=2, lr=0.01)


def wait_for_lines(page: Page, lines: list[str]) -> None:
    page.wait_for_function(
        "lines => [...document.querySelectorAll('[data-lines]')].some((each) => each.dataset.lines === lines)",
        arg=json.dumps(lines, separators=(",", ":")),
    )


def test_networks_are_added_changed_and_removed(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "compare", n1="memo", n2="lenet5")
    wait_for_lines(page, ["memo", "lenet5"])
    table = page.locator(".side-by-side")
    assert table.locator("thead th").all_inner_texts() == ["memo", "lenet5"]
    page.get_by_role("button", name="Add a network").click()
    page.get_by_role("textbox", name="Network 3").press_sequentially("INPUT(8x8x1) -> FC(10)")
    wait_for_lines(page, ["memo", "lenet5", "INPUT(8x8x1) -> FC(10)"])
    parameters = table.locator("tr", has=page.locator("th", has_text="parameters"))
    assert parameters.locator("td").nth(2).inner_text().startswith("650")
    page.get_by_role("button", name="Remove network 1").click()
    wait_for_lines(page, ["lenet5", "INPUT(8x8x1) -> FC(10)"])
    page.get_by_role("textbox", name="Network 1").fill("lenet")
    page.locator(".lines .error", has_text="did you mean lenet5?").wait_for()
    page.wait_for_function("() => location.hash.includes('n1=lenet&') && !location.hash.includes('n3')")


def test_the_line_of_design_is_compared(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net="INPUT(8x8x1) -> FC(10)")
    page.wait_for_function("() => document.querySelector('.view-design').dataset.line")
    page.get_by_role("link", name="Compare").click()
    wait_for_lines(page, ["INPUT(8x8x1) -> FC(10)", "memo"])


@pytest.mark.usefixtures("trained")
def test_runs_are_chosen_and_their_curves_overlaid(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "compare")
    page.get_by_label("first", exact=True).check()
    page.get_by_label("second", exact=True).check()
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.includes('second@')")
    loss = page.get_by_role("group", name="Loss")
    labels = loss.locator(".u-legend th").all_inner_texts()
    assert labels == ["step", "first training", "first validation", "second training", "second validation"]
    differs = page.get_by_role("table", name="Settings that differ")
    assert differs.locator("tbody tr", has_text="lr").locator("td").all_inner_texts() == ["0.001", "0.01"]
    page.reload()
    page.get_by_role("group", name="Loss").wait_for()
    assert page.get_by_label("second", exact=True).is_checked()
    page.get_by_label("first", exact=True).uncheck()
    page.wait_for_function(
        "() => document.querySelectorAll('.charts .u-legend')[1]?.querySelectorAll('tr').length === 2"
    )


@pytest.mark.usefixtures("trained")
def test_a_run_that_trains_is_followed(page: Page, visit: Callable[..., None], server: Any) -> None:
    visit(page, "compare", runs="growing")
    whole = (server.runs / "first" / EVENTS).read_text().splitlines(keepends=True)
    growing = server.runs / "growing"
    growing.mkdir()
    for name in ("config.toml", "network.net"):
        (growing / name).write_text((server.runs / "first" / name).read_text())
    at = next(i for i, line in enumerate(whole) if '"epoch"' in line and line.startswith('{"event": "epoch"'))
    (growing / EVENTS).write_text("".join(whole[: at + 1]))
    row = page.locator("tr[data-run=growing]")
    row.get_by_text("1 of 2").wait_for()
    row.get_by_label("growing").check()
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.startsWith('growing@')")
    with (growing / EVENTS).open("a") as file:
        file.writelines(whole[at + 1 :])
    row.get_by_text("2 of 2").wait_for()
    row.get_by_text("finished").wait_for()


@pytest.mark.usefixtures("trained")
def test_it_is_accessible_and_looks_well(
    page: Page, visit: Callable[..., None], axe: Callable[[Page], None], screenshots: Callable[[Page, str], None]
) -> None:
    visit(page, "compare", runs="first/second", n1="memo", n2="lenet5", n3="KONV")
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.includes('second@')")
    wait_for_lines(page, ["memo", "lenet5", "KONV"])
    axe(page)
    screenshots(page, "compare")
