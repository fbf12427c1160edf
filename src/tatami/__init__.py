"""tatami, a ConvNet workbench: write a network in one line."""

from tatami._version import __version__

__all__ = ["__version__"]
