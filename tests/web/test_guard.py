from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tatami.web.app import make_app
from tatami.web.guard import POLICY
from tatami.web.session import Session

PORT, TOKEN = 8765, "the-token-of-this-test"
HOME = f"http://127.0.0.1:{PORT}"
PAGES = ["/", "/static/app.js", "/static/lib/call.js", "/api/nothing"]


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[TestClient]:
    """Whoever sends requests to the right address without the token."""
    with TestClient(make_app(Session(runs_folder=tmp_path), TOKEN, PORT), base_url=HOME, follow_redirects=False) as it:
        yield it


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """The page itself: it has been at the address that was printed."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 303
    return stranger


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n") and len(text) > 2


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=wrong", f"?token={TOKEN[:-1]}", f"?token={TOKEN}x", "?token=é"]
)
def test_nothing_is_served_without_the_token(
    stranger: TestClient, path: str, query: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = stranger.get(path + query)
    assert answer.status_code == 403
    assert answer.text == "no token: open the address that `tatami web` printed\n"
    assert capsys.readouterr().err == f"refused GET {path!r}: {answer.text}"


@pytest.mark.parametrize("path", PAGES[1:])
def test_only_the_first_page_takes_the_token_from_its_address(stranger: TestClient, path: str) -> None:
    assert stranger.get(f"{path}?token={TOKEN}").status_code == 403


def test_first_page_keeps_the_token_in_a_cookie_and_drops_it_from_the_address(stranger: TestClient) -> None:
    answer = stranger.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"tatami-{PORT}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    page = stranger.get("/")
    assert page.status_code == 200
    assert '<main id="view"' in page.text
    assert TOKEN not in page.text


@pytest.mark.parametrize(
    "cookie", ["tatami-8765=wrong", f"tatami-1={TOKEN}", f"other={TOKEN}", "tatami-8765", "=;;,\x01"]
)
def test_other_cookies_are_no_token(stranger: TestClient, cookie: str) -> None:
    assert stranger.get("/", headers={"Cookie": cookie}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"localhost.evil:{PORT}", ""]
)
def test_a_foreign_host_is_refused_even_with_the_token(
    client: TestClient, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get("/", headers={"Host": host, "Cookie": f"tatami-{PORT}={TOKEN}"})
    assert answer.status_code == 403
    assert answer.text == f"not addressed to this server (Host {host!r})\n"
    assert one_line(capsys.readouterr().err)


def test_localhost_is_this_machine_too(stranger: TestClient) -> None:
    answer = stranger.get(f"/?token={TOKEN}", headers={"Host": f"localhost:{PORT}"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused_even_with_the_token(
    client: TestClient, method: str, origin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.request(method, "/", headers={"Origin": origin})
    assert answer.status_code == 403
    assert answer.text == f"from another page (Origin {origin!r})\n"
    assert one_line(capsys.readouterr().err)


def test_localhost_and_127_0_0_1_are_two_origins(client: TestClient) -> None:
    assert client.get("/", headers={"Origin": f"http://localhost:{PORT}"}).status_code == 403
    assert client.get("/", headers={"Origin": HOME}).status_code == 200


def test_a_post_says_where_it_comes_from(client: TestClient) -> None:
    assert client.post("/api/nothing").text == "no Origin\n"
    assert client.post("/api/nothing", headers={"Origin": HOME}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/lib/../../guard.py",
        "/static/",
        "/static/lib",
        "/static/app.js%00",
        "/etc/passwd",
    ],
)
def test_paths_outside_are_refused_and_logged(
    client: TestClient, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (404, "Not Found\n")
    logged = capsys.readouterr().err
    assert one_line(logged)
    assert logged.startswith("refused GET ")


def test_a_method_that_is_none_is_refused_and_logged(client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    answer = client.put("/", headers={"Origin": HOME})
    assert (answer.status_code, answer.text) == (405, "Method Not Allowed\n")
    assert one_line(capsys.readouterr().err)


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    client.cookies.clear()
    answers = [client.get("/"), client.get(f"/?token={TOKEN}"), client.get("/"), client.get("/static/none")]
    assert [answer.status_code for answer in answers] == [403, 303, 200, 404]
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
    assert POLICY.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
    )


@pytest.mark.parametrize("length", ["2000001", "1000000000", "9" * 40])
def test_a_large_body_is_refused_by_its_length(
    client: TestClient, length: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.post("/api/nothing", headers={"Origin": HOME, "Content-Length": length}, content=b"x")
    assert (answer.status_code, answer.text) == (413, "body larger than 2,000,000 bytes\n")
    assert one_line(capsys.readouterr().err)


@pytest.mark.parametrize("length", ["-1", "1e3", "²"])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    headers = {"Origin": HOME, "Content-Length": length.encode("latin-1")}
    assert client.post("/api/nothing", headers=headers, content=b"x").status_code == 400


def test_the_page_is_small_and_asks_for_nothing_elsewhere() -> None:
    from tatami.web.app import static_files

    pages = static_files()
    assert sum(map(len, pages.values())) < 400_000
    for name, content in pages.items():
        if name.startswith("vendor/") or not name.endswith((".js", ".css", ".html")):
            continue
        text = content.decode().replace("http://www.w3.org/", "")  # the names of SVG and MathML, never fetched
        assert not re.search(r"https?://|\bstyle=\"|\son\w+=\"|javascript:", text), name


def test_a_fault_is_one_line_with_the_security_headers(tmp_path: Path) -> None:
    class Faulty(Session):
        def data_ids(self) -> list[str]:
            raise ZeroDivisionError("a fault")

    app = make_app(Faulty(runs_folder=tmp_path), TOKEN, PORT)
    with TestClient(app, base_url=HOME, follow_redirects=False, raise_server_exceptions=False) as page:
        page.get(f"/?token={TOKEN}")
        answer = page.get("/api/train/setup")
    assert answer.status_code == 500
    assert one_line(answer.text)
    assert "a fault" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
