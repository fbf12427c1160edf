"""Depth as published, and figures by name."""

from dataclasses import replace

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.plan.figures import FIGURES, Figures, figure_named, plan_figures


def figures_of(net: str, batch: int = 1) -> Figures:
    return plan_figures(make_plan(find_network(net).build(), batch))


@pytest.mark.parametrize(
    ("net", "depth"), [("alexnet", 8), ("vgg19", 19), ("googlenet", 22), ("resnet50", 50), ("resnet152", 152)]
)
def test_depth_is_that_of_the_networks_name(net: str, depth: int) -> None:
    assert figures_of(net).depth == depth


def test_projections_are_layers_but_add_no_depth() -> None:
    assert figures_of("resnet50").layers == 50 + 4  # one projection a stage


def test_figures_by_hand() -> None:
    network = build(parse("INPUT(8x8x2) -> CONV(3, 3) -> RELU -> POOL -> FC(5)"))
    plan = make_plan(network, batch=2)
    figures = plan_figures(plan)
    values = 8 * 8 * 2 + 8 * 8 * 3 + 4 * 4 * 3 + 5
    params = (3 * 3 * 2 + 1) * 3 + (4 * 4 * 3 + 1) * 5
    assert figures.output == (5,)
    assert (figures.layers, figures.depth, figures.nonlinearities, figures.largest_map) == (2, 2, 1, 8 * 8 * 3)
    assert figures.flops == 2 * figures.macs
    assert FIGURES["activations"].value(figures) == 4 * 2 * values
    assert FIGURES["textbook_memory"].value(figures) == 2 * 4 * 2 * values
    assert FIGURES["weights"].value(figures) == 4 * params
    assert FIGURES["memory"].value(figures) == plan.memory.peak_bytes
    assert plan_figures(plan, peak=False) == replace(figures, peak_bytes=None)


def test_receptive_fields_that_differ_along_the_axes_or_have_no_single_size() -> None:
    read = FIGURES["receptive_field"].value
    assert read(figures_of("INPUT(9x9x1) -> CONV(1, 3x5)")) == (3, 5)
    assert read(figures_of("INPUT(9x9x1) -> ADD[CONV(1, 2) | ID]")) is None


def test_unknown_figure() -> None:
    with pytest.raises(OptionError, match=r"unknown figure; got parms; expected params, .*did you mean params\?"):
        figure_named("parms")
