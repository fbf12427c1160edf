from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tatami.errors import OptionError
from tatami.web.guard import BODY_LIMIT
from tatami.web.server import serve
from tatami.web.session import Session


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, int, str]]:
    """`tatami web` as a user starts it: the process, the address it printed, its port, its token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tatami", "web", "--no-browser", "--runs", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs a command in the background has it ignore Ctrl-C, and so would the tests' own.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{32})", address)
        assert found, address
        yield process, address, int(found[1]), found[2]
    finally:
        process.kill()
        process.communicate()


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return 1024 * int(found[1])


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc to see the server's memory")
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/api/design/plan", "body larger than 2,000,000 bytes"), ("/api/nothing", "nothing is here")],
)
def test_a_body_of_a_gigabyte_is_refused_early_and_never_held(
    server: tuple[subprocess.Popen[str], str, int, str], path: str, reason: str
) -> None:
    process, _, port, token = server
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        f"Cookie: tatami-{port}={token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    before, sent = _resident(process.pid), 0
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 10**9:
                connection.sendall(chunk)
                sent += 0x10000
            answer = connection.recv(1000)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert sent < 50 * BODY_LIMIT, f"{sent:,} bytes were taken"
    assert _resident(process.pid) - before < 10 * BODY_LIMIT
    process.send_signal(signal.SIGINT)
    _, logged = process.communicate(timeout=20)
    assert f"refused POST {path!r}: {reason}\n" in logged
    assert not answer or answer[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 404")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_stops_cleanly(server: tuple[subprocess.Popen[str], str, int, str], number: signal.Signals) -> None:
    process, _, port, _ = server
    with socket.create_connection(("127.0.0.1", port), timeout=20):  # somebody is connected
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=20) == 130
    assert time.monotonic() - began < 5
    assert process.stderr is not None
    assert process.stderr.read().strip() == "interrupted"  # no traceback, nothing else


def test_data_or_a_run_begin_with_their_view(tmp_path: Path) -> None:
    run = tmp_path / "elsewhere" / "digits 1"
    run.mkdir(parents=True)
    (run / "config.toml").write_text("")
    for source, start in (("sample:gunpoint", "#/train?data=sample%3Agunpoint"), (str(run), "#/look?run=digits+1")):
        command = [sys.executable, "-m", "tatami", "web", source, "--no-browser", "--runs", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip().endswith(start)
            process.terminate()


def test_a_taken_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OptionError) as caught:
            serve(Session(), port, print, open_browser=False)
    assert str(caught.value) == (
        f"--port: the port cannot be used; got {port} (Address already in use) "
        "(hint: without --port a free one is taken)"
    )
