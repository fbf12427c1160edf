"""What a notebook shows of what users hold."""

import tatami


def test_a_network_is_shown_as_its_plan() -> None:
    net = tatami.Network("INPUT(8x8x1) -> CONV(4) -> FC(2)")
    shown = net._repr_html_()
    assert shown == net.plan()._repr_html_()
    assert "<svg" in shown
    assert "conv1" in shown
