"""The fixtures of the browser tests find what they are there to find."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

NewPage = Callable[..., AbstractContextManager["Page"]]

DOCUMENT = """<!doctype html><html lang="en"><head><title>a test</title><link rel="icon" href="data:,"></head>
<body><main><h1>a test</h1>{}</main></body></html>"""


def at_home(page: Page, server: Any, body: str) -> None:
    """A document of the server's origin that the server does not have."""
    page.route("**/of-this-test", lambda route: route.fulfill(body=DOCUMENT.format(body), content_type="text/html"))
    page.goto(f"{server.home}/of-this-test")


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("fetch('http://example.com/x').catch(() => 0)", "a request off the machine: http://example.com/x"),
        ("new Image().src = 'http://127.0.0.1:9/x.png'", "a request off the machine: http://127.0.0.1:9/x.png"),
        ("console.error('oh')", "console: oh"),
        ("setTimeout(() => { throw new Error('unseen') })", "error in the page: .*unseen"),
    ],
)
def test_what_goes_wrong_in_a_page_fails_its_test(new_page: NewPage, server: Any, script: str, found: str) -> None:
    def use() -> None:
        with new_page() as page:
            at_home(page, server, "")
            page.evaluate(f"() => {{ {script} }}")
            page.wait_for_timeout(200)

    with pytest.raises(AssertionError, match=found):
        use()


def test_a_quiet_page_passes(new_page: NewPage, server: Any) -> None:
    with new_page() as page:
        at_home(page, server, "")
        page.evaluate("() => console.log('all is well')")


def test_axe_finds_a_picture_without_words_and_faint_text(page: Page, server: Any, axe: Callable[[Page], None]) -> None:
    at_home(page, server, '<img src="data:," width="9"><p style="color: #ccc; background: #fff">hardly to be read</p>')
    with pytest.raises(AssertionError) as caught:
        axe(page)
    assert "image-alt (critical)" in str(caught.value)
    assert "color-contrast (serious)" in str(caught.value)
    at_home(page, server, "<p>words</p>")
    axe(page)


def test_screenshots_are_four_and_refuse_a_page_wider_than_a_phone(
    page: Page, server: Any, screenshots: Callable[[Page, str], None], artefacts: Path
) -> None:
    at_home(page, server, "<p>narrow</p>")
    screenshots(page, "fixture")
    taken = sorted(artefacts.glob("fixture-*.png"))
    names = [f"fixture-{device}-{scheme}" for device in ("desktop", "phone") for scheme in ("dark", "light")]
    assert [path.stem for path in taken] == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in taken)
    at_home(page, server, '<p><canvas width="600">wide</canvas></p>')
    with pytest.raises(AssertionError, match=r"fixture: 6\d\d pixels wide on a phone of 390"):
        screenshots(page, "fixture")
    for path in taken:
        path.unlink()
