"""The page of `tatami inspect` in a browser: it asks for nothing, is accessible, and fits a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tatami.network import find_network
from tatami.train import TrainConfig, train

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NETWORKS = {
    "digits": "INPUT -> [CONV(8, S=2) -> RELU -> POOL]*2 -> [FC(16) -> RELU]*1 -> FC",
    "gunpoint": "INPUT -> [CONV({4,8}, 5) -> RELU]*2 -> GAP -> FC",
}


@pytest.mark.parametrize("sample", NETWORKS)
def test_it_needs_nothing_and_can_be_read(
    tatami: Callable[..., object],
    browser: Browser,
    axe: Callable[[Page], None],
    screenshots: Callable[[Page, str], None],
    tmp_path: Path,
    sample: str,
) -> None:
    config = TrainConfig(f"sample:{sample}", epochs=1, batch=64)
    train(find_network(NETWORKS[sample]), config, tmp_path / "run", lambda event: None)
    path = tmp_path / "page.html"
    tatami(
        *("inspect", tmp_path / "run", f"sample:{sample}", "--sample", "3", "--samples", 200),
        *("--unit", "conv2:1", "-o", path),
    )
    asked: list[str] = []
    context = browser.new_context()
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(path.as_uri())
    for folded in page.query_selector_all("details:not([open]) > summary"):
        folded.click()
    broken = page.evaluate("[...document.images].filter((image) => !image.naturalWidth).map((image) => image.alt)")
    assert broken == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    axe(page)
    page.emulate_media(color_scheme="dark")
    axe(page)
    screenshots(page, f"inspect-{sample}")
    context.close()
