"""Files that tatami writes: atomic replacement and weights in safetensors."""

from tatami.formats.atomic import atomic_path, atomic_write
from tatami.formats.weights import load_weights, save_weights

__all__ = ["atomic_path", "atomic_write", "load_weights", "save_weights"]
