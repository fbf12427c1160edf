"""How fast the Look view is: frames a second while drawing, where the time of a frame goes, the time of a page load.

    python benchmarks/web_look.py [RUN]

Trains the memo's network on the built-in digits for an epoch unless RUN, a run directory, is given; starts `tatami web`
and a browser on it (Chromium by Playwright), and draws for some seconds. A frame is a sample sent, a whole forward
pass, all maps of all layers sent back and drawn. Needs `pip install playwright` and /usr/bin/chromium, or another in
$TATAMI_CHROMIUM.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tatami.data import load_sample
from tatami.network import find_network
from tatami.train import TrainConfig, train
from tatami.train.evaluation import probabilities
from tatami.web.look_answers import answers
from tatami.web.look_frame import frame
from tatami.web.look_input import fit_raw
from tatami.web.opened_run import open_run
from tatami.web.session import Session

MEMO = "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [FC -> RELU]*1 -> FC"
SECONDS = 8
LOADS = 7
CHROMIUM = os.environ.get("TATAMI_CHROMIUM", "/usr/bin/chromium")

# Circles, drawn by a pen that moves every 4 ms, faster than any frame. The browser tells of every answer when it came.
DRAW = """async (seconds) => {
  performance.setResourceTimingBufferSize(10000);
  const pad = document.querySelector(".look-pad");
  const box = pad.getBoundingClientRect();
  const send = (type, angle) => pad.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, bubbles: true, button: 0,
    clientX: box.left + box.width * (0.5 + 0.3 * Math.cos(angle)),
    clientY: box.top + box.height * (0.5 + 0.3 * Math.sin(angle)),
  }));
  pad.setPointerCapture = () => {};
  const entries = () => performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/frame?"));
  let angle = 0;
  send("pointerdown", angle);
  const pen = setInterval(() => send("pointermove", (angle += 0.02)), 4);
  await new Promise((done) => setTimeout(done, 1000));
  const before = entries().length;
  const start = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  const spent = (performance.now() - start) / 1000;
  const found = entries().slice(before);
  clearInterval(pen);
  send("pointerup", angle);
  return {
    seconds: spent,
    requests: found.map((entry) => entry.responseEnd - entry.startTime),
    between: found.slice(1).map((entry, i) => entry.startTime - found[i].responseEnd),
  };
}"""

# The page's own clock: the driver looks for elements at growing intervals, of up to half a second.
WATCH = """new MutationObserver(() => {
  if (window.firstFrame || !document.querySelector(".look-word:not(:empty)")) return;
  requestAnimationFrame(() => { window.firstFrame ??= performance.now(); });
}).observe(document, { subtree: true, childList: true, characterData: true });"""


def median_ms(act: Callable[[], Any], repeats: int = 50) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def measure_server(runs: Path, run: str) -> None:
    """The parts of a frame on the server's side, without a server."""
    opened = open_run(Session(None, runs), run)
    split = load_sample("digits").test
    assert split is not None
    drawing = np.kron(split.x[0][..., 0], np.ones((4, 4), np.uint8))[..., None]  # as fine as the page draws
    prepare = opened.subject.preprocess
    x = prepare(fit_raw(drawing, prepare, centred=True)[None])
    outputs = answers(opened.subject, x)
    *_, scores = outputs.values()
    shares = probabilities(opened.subject.network, scores)
    packed = frame(outputs, shares).packed()
    print(f"centre and prepare     {median_ms(lambda: prepare(fit_raw(drawing, prepare, centred=True)[None])):6.2f} ms")
    print(f"forward, all layers    {median_ms(lambda: answers(opened.subject, x)):6.2f} ms")
    print(f"quantise and pack      {median_ms(lambda: frame(outputs, shares).packed()):6.2f} ms, {len(packed):,} bytes")


def measure_page(page: Page, home: str, run: str) -> None:
    page.goto(f"{home}/#/look?run={run}&sample=0")
    page.locator(".look-word:not(:empty)").wait_for()
    found = page.evaluate(DRAW, SECONDS)
    requests, between = found["requests"], found["between"]
    print(f"answer to a frame      {statistics.median(requests):6.2f} ms, as the browser sees it")
    print(f"answer to next request {statistics.median(between):6.2f} ms: the frame is drawn behind it")
    print(f"frames                 {len(requests) / found['seconds']:6.1f} a second, over {found['seconds']:.1f} s")


def measure_loads(browser: Browser, address: str, home: str, run: str) -> None:
    """From the address to the page loaded, and to the first frame, each time in a fresh browser profile."""
    loaded, shown = [], []
    for _ in range(LOADS):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.request.get(address)
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(f"{home}/#/look?run={run}&sample=0")
        page.locator(".look-word:not(:empty)").wait_for()
        times = page.evaluate("[performance.getEntriesByType('navigation')[0].loadEventEnd, firstFrame]")
        loaded.append(times[0] / 1000)
        shown.append(times[1] / 1000)
        context.close()
    print(f"page loaded            {statistics.median(loaded):6.2f} s (largest of {LOADS}: {max(loaded):.2f} s)")
    print(f"first frame drawn      {statistics.median(shown):6.2f} s (largest of {LOADS}: {max(shown):.2f} s)")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        if len(sys.argv) > 1:
            path = Path(sys.argv[1]).resolve()
        else:
            path = Path(folder) / "digits-1"
            train(find_network(MEMO), TrainConfig("sample:digits", epochs=1), path, lambda event: None)
        measure_server(path.parent, path.name)
        command = [sys.executable, "-m", "tatami", "web", "--no-browser", "--runs", str(path.parent)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            assert re.match(r"http://127\.0\.0\.1:\d+/", address), address
            home = address.partition("/?")[0]
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=os.geteuid() != 0)
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.request.get(address)
                measure_page(context.new_page(), home, path.name)
                measure_loads(browser, address, home, path.name)
                browser.close()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


if __name__ == "__main__":
    main()
