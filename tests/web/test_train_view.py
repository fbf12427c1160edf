"""The Train view in a browser, used as a person would: start, pause, step, go on, stop, replay, rewind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tatami.network import find_network
from tatami.train import TrainConfig, train

if TYPE_CHECKING:
    from playwright.sync_api import Page

TINY = "INPUT -> CONV(4) -> RELU -> POOL(4) -> FC"


def doing(page: Page, what: str, timeout: int = 30_000) -> None:
    page.wait_for_selector(f'.view-train[data-doing="{what}"]', timeout=timeout)


def step(page: Page) -> int:
    return int(page.get_attribute(".view-train", "data-step") or 0)


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until an expression is true. (Playwright's own way evaluates texts in the page, which its CSP forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def after(page: Page, least: int) -> None:
    """Wait until the page shows a later step."""
    until(page, f"Number(document.querySelector('.view-train').dataset.step) >= {least}")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def fact(page: Page, name: str) -> str:
    return page.locator(".controls dl div", has=page.get_by_text(name, exact=True)).locator("dd").inner_text()


def told(runs: Path, run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (runs / run / "events.jsonl").read_text().splitlines()]


def test_a_training_from_start_to_rewind(
    page: Page, visit: Any, server: Any, axe: Callable[[Page], None], screenshots: Callable[[Page, str], None]
) -> None:
    visit(page, "train", net=TINY)
    page.get_by_label("Epochs", exact=True).fill("400")
    press(page, "Start")
    page.wait_for_selector(".view-train[data-run]")
    doing(page, "training")
    after(page, 1)
    page.locator("figure.plot canvas").first.wait_for()
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()

    press(page, "Pause")
    doing(page, "paused")
    rest = step(page)
    page.wait_for_timeout(600)
    assert step(page) == rest
    press(page, "One step")
    after(page, rest + 1)
    doing(page, "paused")
    assert step(page) == rest + 1
    assert fact(page, "Step").startswith(f"{rest + 1:,} of ")

    press(page, "Go on")
    doing(page, "training")
    until(page, "document.querySelectorAll('.rewind option').length >= 2")
    page.wait_for_selector(".strip li")
    axe(page)
    press(page, "Stop")
    doing(page, "interrupted")
    assert fact(page, "Result").startswith("test accuracy 0.")
    name = page.get_attribute(".view-train", "data-run")
    assert name == "digits-1"
    assert told(server.runs, name)[-1]["reason"] == "interrupted"
    screenshots(page, "train")

    page.get_by_label("Behind epoch").select_option("1")
    press(page, "Rewind")
    page.wait_for_selector(f'.view-train[data-run="{name}-from-1-1"]')
    doing(page, "idle")
    assert fact(page, "Epochs done") == "1 of 400"
    press(page, "One step")
    doing(page, "paused")
    press(page, "Stop")
    doing(page, "interrupted")
    assert told(server.runs, name)[-1]["reason"] == "interrupted"


@pytest.fixture
def finished(server: Any) -> str:
    """A run that was trained by the command line, without insights."""
    path = server.runs / "finished"
    if not path.exists():
        config = TrainConfig("sample:gunpoint", epochs=30, batch=8, validation=0.2)
        train(find_network("INPUT -> CONV(4, 5) -> RELU -> GAP -> FC"), config, path, lambda event: None)
    return path.name


def test_a_finished_run_is_replayed_the_same(page: Page, visit: Any, server: Any, finished: str) -> None:
    visit(page, "train", run=finished)
    doing(page, "finished")
    events = told(server.runs, finished)
    page.wait_for_selector(f'.view-train[data-events="{len(events)}"]')
    at_end = page.locator(".controls dl").inner_text()
    place = page.get_by_label("Place")
    middle = next(i for i, event in enumerate(events) if event["event"] == "epoch" and event["epoch"] == 10)
    place.evaluate(f"(field) => {{ field.value = {middle + 1}; field.dispatchEvent(new Event('input')); }}")
    until(page, "document.querySelector('.controls dl').innerText.includes('10 of 30')")
    assert fact(page, "Epochs done") == "10 of 30"
    page.get_by_label("Speed").fill("6")
    press(page, "Replay")
    until(page, f"document.querySelector('.controls dl').innerText === {json.dumps(at_end)}")
    assert place.input_value() == str(len(events))


def test_a_run_of_the_command_line_says_why_it_shows_less(page: Page, visit: Any, finished: str) -> None:
    visit(page, "train", run=finished)
    doing(page, "finished")
    page.get_by_text("are kept by trainings that this page starts").wait_for()


def test_a_run_that_is_not_there_is_said(page: Page, visit: Any) -> None:
    visit(page, "train", run="<b>gone</b>")
    assert page.locator(".view-train .error").inner_text() == "The run <b>gone</b> is not among these."


def test_a_training_that_another_page_has_begun_can_be_chosen(page: Page, visit: Any, new_page: Any) -> None:
    visit(page, "train", net=TINY)
    with new_page() as other:
        visit(other, "train", net=TINY)
        press(other, "Start paused")
        doing(other, "paused")
        run = other.get_attribute(".view-train", "data-run")
        press(page, "Start")
        page.locator(".view-train .error", has_text="a training is under way").wait_for()
        page.get_by_label("Run").select_option(run)
        doing(page, "paused")
        press(page, "Stop")
        doing(page, "interrupted")


def test_two_pages_see_the_same(page: Page, visit: Any, new_page: Any, server: Any) -> None:
    visit(page, "train", net=TINY, epochs="40", data="sample:gunpoint")
    page.get_by_label("Network").fill("INPUT -> CONV(2, 5) -> RELU -> GAP -> FC")
    press(page, "Start paused")
    doing(page, "paused")
    run = page.get_attribute(".view-train", "data-run")
    with new_page() as second:
        visit(second, "train")  # finds the training that is under way
        second.wait_for_selector(f'.view-train[data-run="{run}"]')
        doing(second, "paused")
        press(second, "One step")
        after(second, 1)
        after(page, 1)
        doing(page, "paused")
        press(page, "Go on")
        doing(page, "finished")
        doing(second, "finished")
        figures = [each.locator(".controls dl").inner_text() for each in (page, second)]
        assert figures[0] == figures[1]
        assert page.get_attribute(".view-train", "data-events") == second.get_attribute(".view-train", "data-events")


def test_a_page_that_is_closed_changes_nothing(page: Page, visit: Any, new_page: Any, server: Any) -> None:
    with new_page() as other:
        visit(other, "train", net="INPUT -> CONV(2, 5) -> RELU -> GAP -> FC", epochs="30", data="sample:gunpoint")
        press(other, "Start")
        other.wait_for_selector(".view-train[data-run]:not([data-run=''])")
        run = other.get_attribute(".view-train", "data-run")
    events, end = server.runs / run / "events.jsonl", time.monotonic() + 60
    while not events.exists() or '"ended"' not in events.read_text():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert told(server.runs, run)[-1]["reason"] == "finished"
    visit(page, "train", run=run)
    doing(page, "finished")


def test_what_is_refused_is_said_at_its_place(page: Page, visit: Any) -> None:
    visit(page, "train", net="INPUT -> [CONV -> FC")
    press(page, "Start")
    alert = page.locator(".view-train .error")
    until(page, "document.querySelector('.view-train .error').textContent.includes('never closed')")
    page.get_by_label("Network").fill("INPUT -> CONW -> FC")
    press(page, "Start")
    until(page, "document.querySelector('.view-train .error').textContent.includes('unknown layer CONW')")
    assert "did you mean CONV?" in alert.inner_text()
    place = page.get_by_label("Network").evaluate("(field) => [field.selectionStart, field.selectionEnd]")
    assert place == [9, 13]
    page.locator("button.primary:enabled").wait_for()


def test_the_keyboard_is_enough(phone: Page, visit: Any) -> None:
    """On a phone's screen: Tab reaches the line and Start, Enter starts, Space pauses."""
    visit(phone, "train", net="INPUT -> CONV(2, 5) -> RELU -> GAP -> FC", data="sample:gunpoint", epochs="2000")
    phone.get_by_label("Network").focus()
    for _ in range(8):
        phone.keyboard.press("Tab")
    assert phone.evaluate("document.activeElement.textContent") == "Start"
    phone.keyboard.press("Enter")
    doing(phone, "training")
    phone.get_by_role("button", name="Pause", exact=True).focus()
    phone.keyboard.press("Space")
    doing(phone, "paused")
    press(phone, "Stop")
    doing(phone, "interrupted")


def test_a_server_that_is_gone_is_said(page: Page, visit: Any, server: Any, finished: str) -> None:
    visit(page, "train", run=finished)
    doing(page, "finished")
    page.route("**/api/train/**", lambda route: route.fulfill(status=400, body="away\n"))
    alert = page.get_by_role("alert").filter(has_text="away")
    alert.wait_for()
    page.unroute("**/api/train/**")
    alert.wait_for(state="detached")
