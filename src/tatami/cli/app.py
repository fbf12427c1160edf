"""The commands, and what becomes of errors: one clear message and an exit code, never a traceback."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tatami._version import __version__
from tatami.cli import (
    bench,
    compare,
    convert,
    data,
    evaluate,
    explore,
    export,
    gpus,
    inspect,
    lab,
    lr_find,
    plan,
    predict,
    report,
    resume,
    train,
    web,
    zoo,
)
from tatami.errors import BAD_INPUT, INTERRUPTED, NotationError, TatamiError


class _Commands(TyperGroup):
    """All commands. Of a Ctrl-C in one of them typer would say nothing: as an abort it gets to :func:`main`."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Abort from None


app = typer.Typer(
    name="tatami",
    cls=_Commands,
    help="A ConvNet workbench: write a convolutional network in one line, see what it costs, train it, keep it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = {
    **{
        "plan": plan,
        "compare": compare,
        "train": train,
        "resume": resume,
        "evaluate": evaluate,
        "predict": predict,
        "inspect": inspect,
        "report": report,
        "lr-find": lr_find,
    },
    **{"zoo": zoo, "gpus": gpus, "bench": bench, "lab": lab, "explore": explore, "web": web},
    **{"export": export, "convert": convert},
}
for name, module in COMMANDS.items():
    app.command(name)(module.command)
app.add_typer(data.app, name="data")


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character shows a question mark
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except NotationError as error:
        _complain(f"{error}\n{error.excerpt()}")
    except TatamiError as error:
        _complain(str(error))
    except MemoryError as error:
        _complain(f"not enough memory: {error}")
    except (KeyboardInterrupt, typer.Abort):  # the former before a command has begun
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output, such as `head`, is gone
        _leave_quietly()
    except OSError as error:
        _leave_quietly(f"{error.filename or 'the output'}: cannot be read or written; got {error.strerror}")
    except Exception as error:
        # Wrong options are exceptions of the library that reads them, each with a message and an exit code.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed already
            sys.exit(BAD_INPUT)
        _complain(_usage_message(error))
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _usage_message(error: Any) -> str:
    """One line about a command line that does not fit the command."""
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message} (hint: {context.command_path} --help lists what there is)" if context else message


def _complain(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def _leave_quietly(message: str | None = None) -> None:
    """Leave without another try to write what could not be written."""
    if message is not None:
        print(f"error: {message}", file=sys.stderr)
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # the interpreter flushes it when it ends
    sys.exit(0 if message is None else BAD_INPUT)
