"""What scripts write into a page of the docs, between two marks."""

from pathlib import Path


def write_between(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks ``<!-- NAME begins -->`` and ``<!-- NAME ends -->`` of a page."""
    begin, end = f"<!-- {name} begins -->\n", f"<!-- {name} ends -->"
    head, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page}: no marks of {name!r}")
    page.write_text(f"{head}{begin}{text}{end}{tail}", encoding="utf-8")
