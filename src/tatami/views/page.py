"""The frame of our pages: one HTML file that needs nothing else, readable on a phone and in the dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def page(title: str, sections: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: plain text.
        sections: HTML, the heading not included.
    """
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} - tatami</title><style>{_STYLE}</style></head><body><main>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(sections) + "\n</main></body></html>\n"
    )


def framed(title: str, content: str) -> str:
    """A whole page as a notebook shows it: in a frame, so that the style of neither reaches the other."""
    name, shown = escape(title), escape(content)
    return f'<iframe title="{name}" srcdoc="{shown}" sandbox style="width: 100%; height: 45rem; border: 0"></iframe>'


def facts_html(facts: Iterable[tuple[str, str]]) -> str:
    """Names and values beside one another."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f"<dl>{items}</dl>"


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b19; --faint: #77736b; --paper: #fbfaf6; --line: #d9d5ca;
  --good: #4f7f52; --bad: #c0563b; --c0: #35618f; --c1: #c0563b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e6df; --faint: #9a958a; --paper: #1b1a18; --line: #3c3a35;
  --good: #7fb483; --bad: #e0805f; --c0: #7fb0e0; --c1: #e0805f; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 0 0 1rem; } dl div { min-width: 8rem; }
dt { color: var(--faint); font-size: .85rem; } dd { margin: 0; font-weight: 600; }
h1, p, li, dd, figcaption { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid var(--line); padding: .25rem 1rem;
  font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; overflow: visible; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; color: var(--faint); font-weight: 500; } td, th { padding: .15rem .75rem; }
tbody tr { border-top: 1px solid var(--line); } td:not(:first-child) { text-align: right; }
thead th:not(:first-child) { text-align: right; }
.confusion td, .confusion thead th { text-align: center; min-width: 1.6rem; padding: .15rem .4rem; }
.bar { display: flex; height: 1.5rem; border-radius: 4px; overflow: hidden; gap: 1px; margin: .5rem 0; }
.keys { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .9rem; padding: 0; margin: 0 0 1rem;
  list-style: none; } .keys i { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px;
  margin-right: .4rem; } .small { color: var(--faint); font-size: .85rem; }
""".strip()
