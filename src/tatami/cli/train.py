"""``tatami train``: from one line to a trained network."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tatami.cli.data_options import Reading, reads_data
from tatami.cli.options import Bindings, FitOption, Format, FormatOption, read_bindings
from tatami.cli.place import DeviceOption, DtypeOption, EngineOption, all_ranks
from tatami.errors import INTERRUPTED, OptionError

if TYPE_CHECKING:
    from tatami.data import DataOptions
    from tatami.train import Outcome, TrainConfig

DEFAULT_NET, DEFAULT_DATA = "memo", "sample:digits"


@reads_data
def command(
    net: Annotated[
        str | None,
        typer.Argument(metavar="[NET]", help="Notation, a zoo name, a .net or .onnx file.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="A folder, a file, or sample:digits, sample:gunpoint.", show_default=False
        ),
    ] = None,
    bind: Bindings = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data; found from the data unless given.")] = None,
    batch: Annotated[int | None, typer.Option(help="Samples at once; found from data and memory unless given.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Batches in one step of gradient descent: 1.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam; adamw unless given.")
    ] = None,
    lr: Annotated[
        str | None, typer.Option(help="Highest learning rate; auto: by a range test; the optimizer's unless given.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay; the optimizer's default unless given.")
    ] = None,
    clip_norm: Annotated[float | None, typer.Option(help="Longest that the gradient may be.")] = None,
    schedule: Annotated[str | None, typer.Option(help="constant, step, cosine; onecycle unless given.")] = None,
    loss: Annotated[str | None, typer.Option(help="cross-entropy, mse, hinge; by the labels unless given.")] = None,
    smoothing: Annotated[float | None, typer.Option(help="Share of each label spread over all classes.")] = None,
    class_weight: Annotated[str | None, typer.Option(help="none, or balanced: rare classes weigh more.")] = None,
    augment: Annotated[str | None, typer.Option(help="none, light, strong; by the data unless given.")] = None,
    ema: Annotated[float | None, typer.Option(help="Decay of a moving average of the weights, such as 0.999.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better validation loss before the end.")
    ] = None,
    init: Annotated[str | None, typer.Option(help="Initial weights: he, xavier.")] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="First weights from here: .safetensors or .onnx; a last FC may begin anew."),
    ] = None,
    checkpoint: Annotated[
        bool | None,
        typer.Option("--checkpoint", help="Compute some layers again rather than keep them: less memory, more time."),
    ] = None,
    validation: Annotated[float | None, typer.Option(help="Share held out to choose the best epoch.")] = None,
    test: Annotated[
        bool | None,
        typer.Option("--test/--no-test", help="Leave the test split unseen: the result is on the validation samples."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of weights, shuffling, augmentation, dropout and split: 0.")
    ] = None,
    fit: Annotated[
        FitOption | None, typer.Option(help="Where sizes do not divide: crop the rest and say so, or error.")
    ] = None,
    save_every: Annotated[float | None, typer.Option(help="Seconds between saves within an epoch: 60.")] = None,
    keep_epochs: Annotated[
        int | None, typer.Option(help="Epochs' ends to keep, spread over the training, to go back to: 0.")
    ] = None,
    engine: EngineOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    sync_bn: Annotated[
        bool | None, typer.Option("--sync-bn", help="BN takes its statistics over the samples of all ranks.")
    ] = None,
    capture: Annotated[
        str | None, typer.Option(help="How the torch engine runs layers: none, compile, graphs.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings from a TOML file, such as config.toml of a run; options come first.")
    ] = None,
    run: Annotated[
        Path | None,
        # The second name is for torchrun, which takes the first for a short form of two options of its own.
        typer.Option("--run", "--run-dir", help="A new directory for the run; runs/DATA-N unless given."),
    ] = None,
    format: FormatOption = Format.table,
    *,
    reading: Reading,
) -> None:
    """Train a network. Without arguments: the memo's network on the built-in handwritten digits."""
    given = {
        **{"data": data, "net": net, "epochs": epochs, "batch": batch, "accumulate": accumulate, "lr": _rate(lr)},
        **{"optimizer": optimizer, "weight_decay": weight_decay, "clip_norm": clip_norm, "schedule": schedule},
        **{"loss": loss, "smoothing": smoothing, "class_weight": _weight(class_weight), "augment": augment},
        **{"ema": ema, "patience": patience, "init": init, "validation": validation, "test": test, "seed": seed},
        **{"fit": fit.value if fit is not None else None, "save_every": save_every, "engine": engine},
        **{"keep_epochs": keep_epochs, "weights": weights},
        **{"checkpoint": checkpoint, "device": device, "dtype": dtype, "sync_bn": sync_bn, "capture": capture},
    }
    settings = make_settings(given, reading.options(), config)
    if settings.net.startswith("sample:") or settings.net.endswith((".npz", ".gz", "-ubyte", ".zip", ".csv", ".ts")):
        raise OptionError("this is data, not a network", got=settings.net, hint=f"tatami train memo {settings.net}")

    from tatami.cli.progress import Progress
    from tatami.exchange.source import open_for_training
    from tatami.train import train

    source, own_weights = open_for_training(settings.net, read_bindings(bind))
    settings = replace(settings, weights=settings.weights or own_weights)
    with all_ranks(settings.device) as ranks:
        with Progress() as progress:
            outcome = train(source, settings, run, progress.tell, ranks)
        show_outcome(outcome, format, ranks.rank)


def make_settings(given: dict[str, Any], reading: DataOptions, config: Path | None) -> TrainConfig:
    """Settings from the command line over those of a file over the defaults.

    Raises:
        OptionError: the file cannot be read or holds something else.
    """
    from tatami.data import DataOptions
    from tatami.train import TrainConfig
    from tatami.train.config_file import read_settings

    values: dict[str, Any] = {"net": DEFAULT_NET, "data": DEFAULT_DATA}
    values |= read_settings(config) if config is not None else {}
    values |= {name: value for name, value in given.items() if value is not None}
    usual = DataOptions()
    said = {each.name: getattr(reading, each.name) for each in fields(DataOptions)}
    said = {name: value for name, value in said.items() if value != getattr(usual, name)}
    values["reading"] = replace(values.get("reading", usual), **said)
    return TrainConfig(**values)


def show_outcome(outcome: Outcome, format: Format, rank: int) -> None:
    """Where the run lies, and its result, which rank 0 shows; the exit code says whether it was interrupted."""
    if rank == 0:
        _print_outcome(outcome, format)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)


def _print_outcome(outcome: Outcome, format: Format) -> None:
    note = ""
    if outcome.interrupted:
        when = "" if outcome.tested else " before the first epoch ended"
        again = f"tatami resume {outcome.run.path} goes on"
        note = f"interrupted{when}; everything so far is saved\n{again}\n"
    typer.echo(f"{note}run    {outcome.run.path}\nreport {outcome.report}", err=format is Format.json)
    if outcome.tested is not None:
        from tatami.cli.result import print_result

        print_result(outcome.tested, format, run=outcome.run.path)


def _rate(text: str | None) -> float | str | None:
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise OptionError("unreadable --lr", got=text, expected="a number above 0, or auto") from None


def _weight(text: str | None) -> str | None:
    if text not in (None, "none", "balanced"):
        raise OptionError("unknown class weight", got=text, expected="none, balanced")
    return text
