"""What every layer is: a frozen dataclass of attributes, with pure rules on shapes. No arrays here.

A shape is that of one sample, channels last: ``(H, W, C)`` for an image, ``(L, C)`` for a signal, ``(D, H, W, C)``
for a volume, ``(n,)`` for a plain vector. The batch axis is never part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from tatami.errors import NetworkError
from tatami.network.layers.arguments import Argument, Kind
from tatami.network.layers.windows import Window

Shape: TypeAlias = tuple[int, ...]
Role: TypeAlias = Literal["weight", "bias", "scale", "shift", "running_mean", "running_var"]


@dataclass(frozen=True)
class Parameter:
    """A tensor that belongs to a layer.

    Attributes:
        shape: the tensor's shape.
        role: what it is for, which also says how it starts: weights at random by their fans, scale at ``start``,
            running variance at 1, the others at 0.
        fan_in, fan_out: inputs that feed one output and outputs that one input feeds (weights only).
        start: the first value of a scale.
    """

    shape: Shape
    role: Role
    fan_in: int = 0
    fan_out: int = 0
    start: float = 1.0

    @property
    def trainable(self) -> bool:
        """Whether gradient descent changes it; running statistics are kept by forward passes instead."""
        return not self.role.startswith("running_")

    @property
    def size(self) -> int:
        """Number of values."""
        return product(self.shape)


@dataclass(frozen=True)
class Context:
    """What a layer written in notation may take its defaults from.

    Attributes:
        shapes: the shapes that come in.
        pools: POOL layers passed on the way from the input; a bare CONV doubles its filters after each.
    """

    shapes: tuple[Shape, ...]
    pools: int = 0

    @property
    def depth(self) -> int:
        """Channels of the (first) input."""
        return self.shapes[0][-1]


@dataclass(frozen=True)
class Layer:
    """Base of all layers. The defaults are those of an element-wise layer without parameters.

    Class attributes:
        keyword: the layer's name in the notation.
        arguments: how its attributes are written in the notation, in the order of positional ones.
        kinds: what each attribute may be; from the arguments.
        in_place: it may write over its input, so it adds no activation memory (ReLU, dropout).
        arity: the fewest inputs that it takes, and the most; None where there is no most.
    """

    keyword: ClassVar[str]
    arguments: ClassVar[tuple[Argument, ...]] = ()
    kinds: ClassVar[Mapping[str, Kind]] = {}
    in_place: ClassVar[bool] = False
    arity: ClassVar[tuple[int, int | None]] = (1, 1)

    def __post_init__(self) -> None:
        """Refuse attributes that make no sense.

        Raises:
            NetworkError: names the attribute.
        """
        for field, kind in self.kinds.items():
            value = getattr(self, field)
            refusal = kind.refusal(value)
            if refusal is not None:
                problem, expected = refusal
                raise NetworkError(f"{field} {problem}", where=type(self).__name__, got=shown(value), expected=expected)

    @classmethod
    def from_notation(cls, given: Mapping[str, Any], context: Context) -> Self:
        """The layer from the attributes ``given`` in the text; the others take their defaults."""
        return cls(**given)

    def output_shape(self, *shapes: Shape) -> Shape:
        """Shape of the output for the input ``shapes``.

        Raises:
            NetworkError: when the layer cannot take them.
        """
        return shapes[0]

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        """The layer's tensors by name, for the input ``shapes``."""
        return {}

    def macs(self, *shapes: Shape) -> int:
        """Multiply-accumulates of one forward pass of one sample, those with weights only."""
        return 0

    def window(self, *shapes: Shape) -> Window | None:
        """The sliding window, or None for a layer that maps each position to itself."""
        return None


LAYERS: dict[str, type[Layer]] = {}
"""Every layer by its keyword in the notation (upper case). Filled by :func:`layer`."""

_L = TypeVar("_L", bound=type[Layer])


def layer(keyword: str) -> Callable[[_L], _L]:
    """Class decorator: give the layer its keyword and enter it in :data:`LAYERS`."""

    def register(cls: _L) -> _L:
        cls.keyword = keyword
        own = {a.field: a.kind for base in cls.__mro__[::-1] for a in vars(base).get("arguments", ())}
        cls.kinds = {field.name: own[field.name] for field in fields(cls) if field.name in own}
        LAYERS[keyword] = cls
        return cls

    return register


def shown(value: object) -> str:
    """``value`` as an error shows it."""
    try:
        return repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number of thousands of digits"


def product(sizes: tuple[int, ...]) -> int:
    """Product of sizes; 1 for none."""
    result = 1
    for size in sizes:
        result *= size
    return result


def size_text(shape: Shape) -> str:
    """``(32, 32, 3)`` as ``32x32x3``."""
    return "x".join(map(str, shape))


def need_axes(shape: Shape, keyword: str) -> int:
    """Number of spatial axes of ``shape``; an error when it has none, as after FC."""
    if len(shape) < 2:
        raise NetworkError(
            f"{keyword} needs a map with positions, but its input is a plain vector",
            got=f"{size_text(shape)} values",
            expected="an image HxWxC, a signal LxC or a volume DxHxWxC",
            hint=f"{keyword} comes before FC, GAP and FLATTEN",
        )
    return len(shape) - 1
