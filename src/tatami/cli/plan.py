"""``tatami plan``: what a network costs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatami.cli.options import FamilyBindings, FitChoice, FitOption, PlanFormat, read_choices, read_shape
from tatami.cli.output import output_to
from tatami.cli.plan_print import print_page, print_plan
from tatami.errors import CHECK_FAILED, OptionError
from tatami.exchange.source import ModelSource, open_network
from tatami.network import Network
from tatami.network.layers import Conv, size_text
from tatami.plan import make_plan
from tatami.plan.budget import Verdict, check_budget, read_assertion
from tatami.plan.family import family_choices, plan_family
from tatami.plan.figures import plan_figures
from tatami.recipe import make_optimizer

if TYPE_CHECKING:
    from tatami.plan.devices import Dtype
    from tatami.plan.kernel_choice import KernelRow
    from tatami.plan.memory import StepSettings
    from tatami.plan.time import StepTime


def command(
    net: Annotated[str, typer.Argument(metavar="NET", help="Notation, a zoo name, a .net or .onnx file.")],
    input: Annotated[str | None, typer.Option("--input", metavar="SIZES", help="The input's shape: 32x32x3.")] = None,
    bind: FamilyBindings = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Size of a bare last FC.")] = None,
    batch: Annotated[int, typer.Option(help="Samples in one step.")] = 1,
    optimizer: Annotated[str, typer.Option(help="Whose state the memory counts: sgd, momentum, adam ...")] = "sgd",
    engine: Annotated[
        str | None, typer.Option(help="Whose memory: cpu, or torch (a GPU), which --gpu and --memory take.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32; on a GPU tf32, or bf16 for mixed precision.")] = "float32",
    inference: Annotated[bool, typer.Option("--inference", help="The memory of inference, not of training.")] = False,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Find the largest batch for this memory: 24GB, 16GiB.")
    ] = None,
    fit: FitChoice = FitOption.crop,
    time: Annotated[bool, typer.Option("--time", help="Foretell the time of a step, here or on --gpu.")] = False,
    gpu: Annotated[
        str | None, typer.Option(metavar="NAME", help="The largest batch, or --time, on a card of `tatami gpus`.")
    ] = None,
    asserted: Annotated[
        list[str] | None,
        typer.Option(
            "--assert", metavar="BUDGET", help="Exit 1 unless it holds: 'params < 5M', 'memory(batch=64) < 8GB'."
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="FIGURE", help="Order of a family: params, macs, memory ...; -params: largest first."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Show the arithmetic of a layer (conv1), of all, or of the memory."),
    ] = None,
    kernels: Annotated[
        bool,
        typer.Option("--kernels", help="How the CPU engine computes: which layers run as one, by which methods."),
    ] = False,
    memory_lines: Annotated[
        bool,
        typer.Option("--memory-lines", help="What a step takes on a GPU, term by term; needs --engine torch."),
    ] = False,
    force: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Take this method of convolution wherever it can be taken: winograd4, ..."),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="More columns: backward MACs, bytes, arithmetic intensity.")
    ] = False,
    format: Annotated[PlanFormat, typer.Option("--format", help="How to print the result.")] = PlanFormat.table,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the result here, not to the terminal.")
    ] = None,
) -> None:
    """Say what a network costs: sizes, parameters, MACs, memory, receptive field. Or list a family's members."""
    given, budget = read_choices(bind), [read_assertion(text) for text in asserted or []]
    engine = engine or ("cpu" if gpu is None and memory is None else "torch")
    planner = partial(
        make_plan,
        optimizer=make_optimizer(optimizer),
        engine=engine,
        dtype=dtype,
        training=not inference,
        forced=tuple(force or ()),
    )
    if kernels and engine != "cpu":
        raise OptionError("--kernels are those of the CPU engine", got=f"engine {engine}", expected="--engine cpu")
    if memory_lines and engine != "torch":
        raise OptionError("--memory-lines are those of a GPU", got=f"engine {engine}", expected="--engine torch")
    source = open_network(net, input_shape=read_shape(input))
    if isinstance(source, ModelSource):
        for note in source.notes:
            typer.echo(f"note: {note}", err=True)
    choices = family_choices(source, given)
    if any(len(values) > 1 for values in choices.values()):
        from tatami.cli.family import print_family, read_order

        alone = {"--time": time, "--explain": explain, "--memory": memory, "--gpu": gpu}
        alone |= {"--kernels": kernels, "--memory-lines": memory_lines}
        alone["--format html"] = format is PlanFormat.html
        for option in (option for option, value in alone.items() if value):
            raise OptionError(f"{option} is for one network, not for a family", expected="one value for each -D")
        order = read_order(sort) if sort is not None else None
        family = plan_family(
            source,
            choices,
            input_shape=read_shape(input),
            classes=classes,
            fit=fit.value,
            batch=batch,
            planner=planner,
            budget=budget,
            peak=order is not None and order[0].name == "memory",
        )
        with output_to(output):
            print_family(family, order, format)
        return
    if sort is not None:
        raise OptionError("--sort is for a family, and this is one network", expected="several values, as in -D N=0..3")
    extras = [
        option
        for option, given in (
            *(("--time", time), ("--memory", memory), ("--gpu", gpu)),
            *(("--kernels", kernels), ("--memory-lines", memory_lines)),
        )
        if given
    ]
    places = "" if explain is None else "--explain"
    if format in (PlanFormat.csv, PlanFormat.markdown):
        places = f"--format {format.value}"
    if format is PlanFormat.html and (kernels or memory_lines):
        places, extras = "--format html", ["--kernels" if kernels else "--memory-lines"]
    if extras and places:
        raise OptionError(f"{places} has no place for {extras[0]}", expected="a table, json or html of the whole plan")
    bound = source.bind({name: values[0] for name, values in choices.items()})
    network = bound.build(read_shape(input), classes, fit=fit.value)
    if classes is not None and network.output_shape != (classes,):
        raise OptionError(
            "the network does not take its size from the classes",
            where="--classes",
            got=classes,
            expected=f"a bare FC at the end; it has {size_text(network.output_shape)} outputs",
        )
    for name in force or ():
        _need_place(network, name)
    plan = planner(network, batch)
    largest = None
    if memory is not None or gpu is not None:
        from tatami.cli.plan_batch import answer_batch

        largest = answer_batch(network, plan.settings, memory, gpu)
    lines = None
    if memory_lines:
        from tatami.cli.plan_batch import answer_lines

        lines = answer_lines(network, plan.settings, memory, gpu)
    step = _foretell(network, gpu, plan.settings) if time else None
    rows = _kernel_rows(network, plan.settings) if kernels else None
    verdicts: tuple[Verdict, ...] = ()
    if budget:
        verdicts = check_budget(budget, plan_figures(plan), lambda n: plan_figures(planner(network, n)))
    if explain is not None:
        from tatami.cli.explain import print_explanation

        with output_to(output):
            print_explanation(network, plan, explain, format)
    elif format is PlanFormat.html:
        with output_to(output):
            print_page(plan, bound, largest, step, verdicts)
    else:
        with output_to(output):
            print_plan(plan, largest, lines, step, verdicts, rows, format, wide)
    failures = [verdict for verdict in verdicts if not verdict.holds]
    for failure in failures:
        typer.echo(f"failed: {failure}", err=True)
    if failures:
        raise typer.Exit(CHECK_FAILED)


def _foretell(network: Network, gpu: str | None, settings: StepSettings) -> StepTime:
    """The time of a step on the card ``gpu``, or on this machine, which is measured first where that was never done."""
    from tatami.plan.card_names import find_device
    from tatami.plan.devices import DTYPES
    from tatami.plan.time import foretell_time

    if gpu is not None:
        device = find_device(gpu)
    else:
        from tatami.engines.calibration import machine_device

        device = machine_device(lambda line: typer.echo(line, err=True))
    dtype: Dtype = next(name for name in DTYPES if name == settings.dtype)
    return foretell_time(network, device, settings.batch, settings.optimizer, dtype)


def _kernel_rows(network: Network, settings: StepSettings) -> list[KernelRow]:
    """What the CPU engine will run."""
    from tatami.plan.kernel_choice import kernel_rows
    from tatami.plan.memory import program_settings
    from tatami.plan.program import make_program, scored_network

    scored = scored_network(network, settings.loss)
    return kernel_rows(make_program(scored, program_settings(network, settings)))


def _need_place(network: Network, method: str) -> None:
    """Refuse a forced method that no convolution can take."""
    from tatami.plan.methods import Methods, methods_for

    Methods(forced=(method,))  # an unknown one is refused here
    possible = {
        name
        for node in network
        if isinstance(node.layer, Conv)
        for name in methods_for(node.layer, network.input_shapes(node)[0])
    }
    if method not in possible:
        expected = ", ".join(sorted(possible)) or "a network with convolutions"
        raise OptionError(f"no convolution here can take {method}", where="--force", expected=expected)
