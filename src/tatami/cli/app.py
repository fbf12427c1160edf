"""The commands, and what becomes of errors: one clear message and an exit code, never a traceback."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tatami._version import __version__
from tatami.cli import compare, evaluate, gpus, plan, predict, train, zoo
from tatami.errors import BAD_INPUT, INTERRUPTED, NotationError, TatamiError

app = typer.Typer(
    name="tatami",
    help="A ConvNet workbench: write a convolutional network in one line, see what it costs, train it, keep it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = {
    **{"plan": plan, "compare": compare, "train": train, "evaluate": evaluate, "predict": predict},
    **{"zoo": zoo, "gpus": gpus},
}
for name, module in COMMANDS.items():
    app.command(name)(module.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tatami {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line of this process."""
    try:
        app()
    except NotationError as error:
        _complain(f"{error}\n{error.excerpt()}")
    except TatamiError as error:
        _complain(str(error))
    except MemoryError as error:
        _complain(f"not enough memory: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output, such as `head`, is gone
        sys.stderr.close()
        sys.exit(0)


def _complain(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(BAD_INPUT)
