"""The command line: thin. Options in, views out."""

from tatami.cli.app import main

__all__ = ["main"]
