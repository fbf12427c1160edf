"""Arrays: the forward and backward passes of a network."""

from tatami.engines.base import Model, compile

__all__ = ["Model", "compile"]
