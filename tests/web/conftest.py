"""A server of the page and a browser at it. Nothing may go wrong unseen: see :func:`watched`."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("TATAMI_CHROMIUM", "/usr/bin/chromium")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests in a browser where there is none: now, before a fixture of theirs trains a network."""
    missing = _missing()
    if missing is None:
        return
    for item in items:
        if {"browser", "axe"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.skip(reason=f"needs {missing}: make test-web installs it"))


def _missing() -> str | None:
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return package
    return None if Path(CHROMIUM).is_file() else f"a browser at {CHROMIUM}, or named by TATAMI_CHROMIUM"


@dataclass(frozen=True)
class Server:
    """A running `tatami web`: its first address, with the token; the home that it leads to; where its runs are."""

    address: str
    home: str
    runs: Path


@contextmanager
def serving(runs: Path, *arguments: str) -> Iterator[Server]:
    """`tatami web` as a user starts it, on a free port, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tatami", "web", "--no-browser", "--runs", str(runs), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+", address), address
        yield Server(address, address.partition("/?")[0], runs)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this module's tests, with a folder of runs that is empty at first, started with the digits."""
    with serving(tmp_path_factory.mktemp("runs"), "sample:digits") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window, that can resolve no name: only 127.0.0.1 is there for it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=CHROMIUM,
            chromium_sandbox=os.geteuid() != 0,  # Chromium's sandbox refuses to work for root
            args=["--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
        )
        yield chromium
        chromium.close()


@contextmanager
def watched(browser: Browser, server: Server, **options: Any) -> Iterator[Page]:
    """An empty page that knows the server's token. At its end, errors in it and requests elsewhere fail the test."""
    wrong: list[str] = []
    context = browser.new_context(**options)
    _watch(context, server, wrong)
    assert context.request.get(server.address).ok  # the cookie is the context's
    page = context.new_page()
    page.set_default_timeout(15_000)
    try:
        yield page
    finally:
        context.close()
    assert not wrong, "\n".join(wrong)


def _watch(context: BrowserContext, server: Server, wrong: list[str]) -> None:
    own = urlsplit(server.home).netloc

    def on_request(request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != own:
            wrong.append(f"a request off the machine: {request.url}")

    def on_console(message: Any) -> None:
        # A refused line of notation is status 400, which the browser itself writes to the console.
        if message.type == "error" and "server responded with a status of 400" not in message.text:
            wrong.append(f"console: {message.text} ({message.location.get('url')})")

    context.on("request", on_request)
    context.on("console", on_console)
    context.on("weberror", lambda caught: wrong.append(f"error in the page: {caught.error}"))


@pytest.fixture
def new_page(browser: Browser, server: Server) -> Callable[..., AbstractContextManager[Page]]:
    """Another page for the same test, with the options of Playwright's contexts: ``with new_page() as second:``."""
    return lambda **options: watched(browser, server, **{"viewport": DESKTOP, "color_scheme": "light", **options})


@pytest.fixture
def page(new_page: Callable[..., AbstractContextManager[Page]]) -> Iterator[Page]:
    """A page at the size of a desktop, still empty: see :func:`visit`."""
    with new_page() as it:
        yield it


@pytest.fixture
def phone(new_page: Callable[..., AbstractContextManager[Page]]) -> Iterator[Page]:
    """A page at the size of a phone, with a finger beside the mouse."""
    with new_page(viewport=PHONE, has_touch=True, device_scale_factor=2) as it:
        yield it


@pytest.fixture
def visit(server: Server) -> Callable[..., None]:
    """Open a view with values of its state: ``visit(page, "design", net="INPUT(8x8x1) -> FC(2)")``."""

    def open_view(page: Page, view: str, **state: object) -> None:
        query = urlencode({key: str(value) for key, value in state.items()})
        page.goto("about:blank")  # else only the hash would change, and the page go on
        page.goto(f"{server.home}/#/{view}{f'?{query}' if query else ''}")
        page.wait_for_selector(f'main[data-ready="{view}"]')

    return open_view


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Check accessibility (axe-core): any finding of impact serious or critical fails the test."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page: Page) -> None:
        # Playwright evaluates through the browser's debugger, which the page's Content-Security-Policy does not bind.
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [rule for rule in found if rule["impact"] in SERIOUS]
        lines: list[str] = []
        for rule in serious:
            lines.append(f"{rule['id']} ({rule['impact']}): {rule['help']}")
            lines += [f"    {node['html']}" for node in rule["nodes"]]
        assert not serious, "\n".join(lines)

    return check


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: $TATAMI_ARTEFACTS, or a folder that pytest cleans up."""
    kept = os.environ.get("TATAMI_ARTEFACTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def screenshots(artefacts: Path) -> Callable[[Page, str], None]:
    """Take NAME-desktop-light.png and its three sisters; nothing may make the page wider than the screen."""

    def take(page: Page, name: str) -> None:
        size = page.viewport_size
        for device, wanted in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(wanted)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(150)  # what draws itself anew for a size or a scheme has done so
                page.screenshot(path=artefacts / f"{name}-{device}-{scheme}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= wanted["width"], f"{name}: {wide} pixels wide on a {device} of {wanted['width']}"
        page.emulate_media(color_scheme="light")
        if size is not None:
            page.set_viewport_size(size)

    return take
