"""Hold the command line to its import budget.

Run by any Python that has tatami: `python scripts/import_budget.py`. It asks for `tatami --help` and for a plan in
this process, then looks at what was imported. Heavy packages, NumPy among them, must wait until there are arrays.
"""

import contextlib
import io
import sys

COMMANDS = (["tatami", "--help"], ["tatami", "plan", "vgg16", "--format", "json"])

# Third-party packages that a command without arrays may import: typer and rich, and what these import themselves.
ALLOWED = {
    *{"typer", "annotated_doc", "annotated_types", "click", "shellingham", "typing_extensions", "typing_inspection"},
    *{"pydantic", "pydantic_core"},  # recent typer checks the types of arguments with it
    *{"rich", "markdown_it", "mdurl", "pygments"},
    "attr",  # rich looks for it, and finds it where something else has brought it
}


def third_party() -> set[str]:
    """Return the top-level names of the imported modules that are neither tatami's nor the standard library's."""
    names = {name.partition(".")[0] for name in sys.modules if not name.startswith("_")}
    return names - sys.stdlib_module_names - {"tatami"}


def run(command: list[str]) -> None:
    """Run one command line in this process, in silence, and insist that it succeeds."""
    from tatami.cli import main

    sys.argv = command
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            main()
    except SystemExit as stop:
        if stop.code not in (None, 0):
            sys.exit(f"`{' '.join(command)}` ended with {stop.code}:\n{output.getvalue()}")


def check() -> None:
    """Exit with a list of the packages that break the budget, if there are any."""
    before = third_party()  # what the interpreter's own start-up files brought in
    for command in COMMANDS:
        run(command)
    extra = sorted(third_party() - before - ALLOWED)
    if extra:
        sys.exit(f"imported, but not in the import budget: {', '.join(extra)}")
    print("import budget kept")


if __name__ == "__main__":
    check()
