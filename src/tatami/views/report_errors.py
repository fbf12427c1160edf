"""The worst errors of a report, as pictures or waveforms."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tatami.views.evaluation import WorstError
from tatami.views.waveform import waveform_svg


def errors_html(worst: Sequence[WorstError]) -> str:
    """A gallery, worst first; the empty text where there is no error."""
    if not worst:
        return ""
    sure = worst[0].probability is not None
    about = "The mistakes of which the network was surest." if sure else "The largest errors, by the targets' spread."
    items = "".join(map(_item, worst))
    return f"<h2>Worst errors</h2><p class=small>{about}</p><div class=errors>{items}</div>"


def _item(error: WorstError) -> str:
    name = escape(error.name, quote=True)
    shown = waveform_svg(error.curves, error.name)
    if error.picture:
        shown = f'<img src="{escape(error.picture, quote=True)}" alt="{name}">'
    sure = "" if error.probability is None else f" ({error.probability:.4f})"
    words = f"true <b>{escape(error.true)}</b><br>predicted <b>{escape(error.predicted)}</b>{sure}"
    return f"<figure>{shown}<p>{words}<br><span class=small>{name}</span></p></figure>"
