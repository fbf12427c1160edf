"""What the sections of an inspection's page are made of: pictures with captions, legends, and the style of all.

Letters: H and W pixels, L time steps, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tatami.views.inspect_curves import curves_svg
from tatami.views.inspect_pixels import BLUE, RED, WHITE, Scale, address, map_address, sample_image
from tatami.views.inspection import Raw, Values


def picture(source: str, label: str) -> str:
    """An ``img``; ``label`` says what it is to those who do not see it, and when it is pointed at."""
    text = escape(label, quote=True)
    return f'<img src="{source}" alt="{text}" title="{text}">'


def tile(content: str, caption: str) -> str:
    """A picture and what stands below it, which is HTML."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


def tiles(items: Sequence[str], kind: str = "") -> str:
    """Pictures beside one another, as many as there is room for."""
    return f"<div class='tiles {kind}'>{''.join(items)}</div>" if items else ""


def sample_picture(raw: Raw, label: str, scale: Scale | None = None) -> str:
    """An image (H, W, C) or a signal (L, C) as it was read; the signal on its own scale unless one is given."""
    return picture(address(sample_image(raw)), label) if raw.ndim == 3 else curves_svg(raw, label, scale)


def map_picture(values: Values, scale: Scale, label: str) -> str:
    """One unit's map: (H, W) as a picture, (L,) as a curve."""
    return (
        picture(map_address(values, scale), label)
        if values.ndim == 2
        else curves_svg(values[:, None], label, Scale(min(scale.low, 0.0), max(scale.high, 0.0)))
    )


def legend(scale: Scale) -> str:
    """The colours of maps and the values that they stand for."""
    ends: tuple[str, ...]
    if scale.signed:
        ends, kind = (f"{-scale.most:.3g}", "0", f"{scale.most:.3g}"), "diverging"
    else:
        ends, kind = ("0", f"{scale.most:.3g}"), "grey"
    marks = "".join(f"<span>{end}</span>" for end in ends)
    return f"<div class=legend><i class={kind}></i><div>{marks}</div></div>"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are HTML."""
    head = "".join(f"<th scope=col>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def gauge(share: float, label: str) -> str:
    """A share from 0 to 1 as a bar, and its label beside it."""
    width = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    return f"<span class=gauge><i style='width:{width}'></i></span> {escape(label)}"


def units_text(units: int, shown: int | None) -> str:
    """Which units a row of maps shows."""
    return f"all {units} units" if shown is None or units <= shown else f"the first {shown} of {units} units"


def _rgb(colour: tuple[int, int, int]) -> str:
    return f"rgb({', '.join(map(str, colour))})"


TILES = """<style>
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.5rem, 1fr)); gap: .6rem; margin: .5rem 0; }
.tiles.wide { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1rem; }
.tiles.signal { grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); }
.tiles.wide.signal { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
.tiles img, .tiles svg { display: block; width: 100%; height: auto; }
.tiles img { image-rendering: pixelated; outline: 1px solid var(--line); }
.tiles svg { border: 1px solid var(--line); box-sizing: border-box; overflow: hidden; }
.tiles figcaption { font-weight: 400; font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; }
details { margin: .5rem 0; } summary { cursor: pointer; } summary b { font-weight: 600; }
</style>"""
"""The style of :func:`tiles` and of what is folded."""

STYLE = f"""<style>
.sample {{ border-top: 1px solid var(--line); margin-top: 2rem; }}
h3 {{ font-size: .95rem; font-weight: 600; margin: 1.25rem 0 .5rem; }}
.vector svg {{ max-width: 36rem; }} svg image {{ image-rendering: pixelated; }} .embedding {{ max-width: 36rem; }}
.look {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }} .input {{ width: 13rem; }}
.input img, .input svg {{ display: block; width: 100%; height: auto; image-rendering: pixelated; }}
.input svg {{ border: 1px solid var(--line); box-sizing: border-box; overflow: hidden; }}
.input figcaption {{ font-weight: 400; font-size: .85rem; color: var(--faint); overflow-wrap: anywhere; }}
.legend {{ width: 11rem; font-size: .75rem; color: var(--faint); margin: .25rem 0; }}
.tiles .legend {{ width: auto; }} .legend div {{ display: flex; justify-content: space-between; }}
.legend i {{ display: block; height: .5rem; outline: 1px solid var(--line); }}
.legend .grey {{ background: linear-gradient(90deg, #000, #fff); }}
.legend .diverging {{ background: linear-gradient(90deg, {_rgb(BLUE)}, {_rgb(WHITE)}, {_rgb(RED)}); }}
.gauge {{ display: inline-block; width: 7rem; height: .6rem; background: var(--line); margin-right: .4rem; }}
.gauge i {{ display: block; height: 100%; background: var(--c0); }}
td .gauge {{ vertical-align: middle; }} td:has(.gauge) {{ white-space: nowrap; }}
</style>"""
"""The style of everything else on the page."""
