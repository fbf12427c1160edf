"""The definitions in plain NumPy, one screen a layer: the oracle of the other engines, and what a learner reads.

Begin with ``conv.py``, then ``pool.py``, ``dense.py`` and ``activation.py``; ``walk.py`` puts layers together, and
``model.py`` takes a step of gradient descent.
"""

from tatami.engines.base import EVERYWHERE

# Each of these files adds its layers to ``rules.run``.
from tatami.engines.textbook import activation, conv, dense, dropout, merge, norm, pool, scale, shape_ops
from tatami.engines.textbook.model import TextbookModel

DTYPES = EVERYWHERE
OPTIONS: tuple[str, ...] = ()  # of compile, beyond what all engines take
make_model = TextbookModel

__all__ = [
    "DTYPES",
    "OPTIONS",
    "TextbookModel",
    "activation",
    "conv",
    "dense",
    "dropout",
    "make_model",
    "merge",
    "norm",
    "pool",
    "scale",
    "shape_ops",
]
