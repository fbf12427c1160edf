"""What a convolution is, in the memo's two lines; its paddings and sizes; and a short rule for TensorFlow's ``same``.

The lines are written out here, position by position, and every engine is held against them on random layers.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from tatami.engines import Model, compile, cpu
from tatami.engines.base import Array
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.intervals import exact
from tatami.network import Network, find_network
from tatami.network.layers.windows import make_window
from tatami.recipe import SGD, CrossEntropy
from tatami.views.experiment import Conclusion, Quoted, Statement, Table

PADDINGS = ("valid", "n", "uneven", "same")
AXES = (1, 2, 3)
SAMPLES = 2  # in a layer's input
CASES = 4  # random layers in a trial
DTYPES = {"float64": 1e-12, "float32": 1e-4}  # the largest error, as a share of the sum of |x * w| and |b|
RULE = "the short rule"
LONGEST, FULL_LONGEST = 64, 160  # W of the short rule


@dataclass(frozen=True)
class Case:
    """A layer CONV: sizes and padding (before, after) are per axis, ``padding`` is as the notation has it."""

    lengths: tuple[int, ...]
    depth: int
    filters: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    padding: str
    pads: tuple[tuple[int, int], ...]

    def network(self) -> Network:
        """The layer alone."""
        shape, F, S, D = ("x".join(map(str, v)) for v in (self.lengths, self.size, self.stride, self.dilation))
        conv = f"CONV({self.filters}, {F}, S={S}, P={self.padding}, dilation={D}, groups={self.groups})"
        return find_network(f"INPUT({shape}x{self.depth}) -> {conv}").build()


def engines() -> list[str]:
    """Those that can run here."""
    return ["textbook", "cpu", "cpu in NumPy", *(["torch"] if importlib.util.find_spec("torch") else [])]


def make_model(engine: str, network: Network, dtype: str) -> Model:
    """The network in an engine; the CPU engine computes small networks in NumPy, larger ones in compiled kernels."""
    if engine.startswith("cpu"):
        found = cpu.make_model(
            network,
            batch=SAMPLES,
            optimizer=SGD(),
            loss=CrossEntropy(),
            seed=0,
            dtype=np.dtype(dtype),
            init="he",
            plain=engine != "cpu",
        )
        return cast(Model, found)
    return compile(network, engine, batch=SAMPLES, dtype=dtype, device="cpu" if engine == "torch" else None)


def trials(size: Size) -> list[Trial]:
    """Random layers of each padding with 1 to 3 axes; then the short rule on all sizes up to a limit."""
    found = [
        Trial(f"{axes}-D, P={padding}", {"axes": axes, "padding": padding, "cases": CASES, "engines": engines()}, seed)
        for seed in size.seeds_or(quick=3, full=25)
        for axes in AXES
        for padding in PADDINGS
    ]
    return [*found, Trial(RULE, {"longest": FULL_LONGEST if size.is_full else LONGEST})]


def measure(trial: Trial, data: str) -> Figures:
    """The largest errors of a trial's layers, or how often the short rule is right."""
    if trial.group == RULE:
        return short_rule(trial.settings["longest"])
    axes, padding = trial.settings["axes"], trial.settings["padding"]
    rng = np.random.default_rng([trial.seed, axes, PADDINGS.index(padding)])
    cases = [draw_case(rng, axes, padding, usual=i == 0) for i in range(trial.settings["cases"])]
    found = [compare(case, rng, trial.settings["engines"]) for case in cases]
    worst = {key: max(one[key] for one in found) for key in found[0] if key.startswith("error")}
    return {**worst, "wrong_sizes": sum(one["wrong_sizes"] for one in found), "cases": len(found)}


def draw_case(rng: np.random.Generator, axes: int, padding: str, usual: bool) -> Case:
    """A random layer whose filters fit at least once; a usual one, of size 3 and stride 1, may take Winograd's way."""

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(v) for v in rng.integers(low, high + 1, axes))

    size, stride, dilation = draw(1, 5 if axes < 3 else 3), draw(1, 3), draw(1, 2)
    groups = int(rng.choice([1, 2, 3]))
    depth, filters = (groups * int(rng.integers(1, 4)) for _ in range(2))
    if usual:
        size, stride, dilation, groups, depth, filters = (3,) * axes, (1,) * axes, (1,) * axes, 1, 8, 8
    extents = [(F - 1) * D + 1 for F, D in zip(size, dilation, strict=True)]
    lengths = tuple(extent + int(rng.integers(0, 8)) for extent in extents)
    if padding == "n":
        pads = tuple((n, n) for n in draw(0, 3))
        written = "x".join(str(before) for before, _ in pads)
    elif padding == "uneven":
        pads = tuple(zip(draw(0, 3), draw(0, 3), strict=True))
        pairs = ",".join(f"({before},{after})" for before, after in pads)
        written = pairs if axes == 1 else f"({pairs})"
    elif padding == "same":
        pads = tuple(map(same, lengths, extents, stride))
        written = padding
    else:
        pads, written = ((0, 0),) * axes, padding
    return Case(lengths, depth, filters, size, stride, dilation, groups, written, pads)


def same(W: int, F: int, S: int) -> tuple[int, int]:
    """TensorFlow's padding: so much that the output is ceil(W/S), and where it is uneven, more of it behind."""
    total = max((math.ceil(W / S) - 1) * S + F - W, 0)
    return total // 2, total - total // 2


def compare(case: Case, rng: np.random.Generator, names: list[str]) -> Figures:
    """The largest error of each engine against the first line, and of the second line; wrong sizes."""
    network = case.network()
    X = rng.standard_normal((SAMPLES, *network.input_shape))
    weights = {name: rng.standard_normal(p.shape) for name, p in network.parameters().items()}
    W, b = weights["conv1.weight"], weights["conv1.bias"]
    sums, dots, magnitudes = (np.stack([convolve(x, W, b, case, line) for x in X]) for line in LINES)
    scale = magnitudes.max()
    found = {"error lines": float(np.abs(sums - dots).max() / scale)}
    counted, formula = sums.shape[1:-1], tuple(map(output_size, case.lengths, case.size, case.stride, *_rest(case)))
    wrong = (formula != counted) + (network.output_shape != sums.shape[1:])
    for name in names:
        for dtype in DTYPES:
            model = make_model(name, network, dtype)
            model.load_state_dict({key: value.astype(dtype) for key, value in weights.items()})
            Y = model.forward(X.astype(dtype))
            wrong += Y.shape != sums.shape
            found[f"error {name} {dtype}"] = float(np.abs(Y - sums).max() / scale) if Y.shape == sums.shape else 1.0
    return {**found, "wrong_sizes": int(wrong)}


def _rest(case: Case) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(map(sum, case.pads)), case.dilation


def output_size(W: int, F: int, S: int, P: int, D: int = 1) -> int:
    """(W - F + P)/S + 1, rounded down, where P is the padding of both sides: the memo's 2P."""
    return (W - ((F - 1) * D + 1) + P) // S + 1


def _sum(patch: Array, W: Array, b: float) -> float:
    return float(np.sum(patch * W) + b)


def _dot(patch: Array, W: Array, b: float) -> float:
    return float(np.dot(patch.flatten(), W.flatten()) + b)


def _magnitude(patch: Array, W: Array, b: float) -> float:
    return float(np.sum(np.abs(patch * W)) + np.abs(b))


Line: TypeAlias = Callable[[Array, Array, Any], float]
LINES: tuple[Line, ...] = (_sum, _dot, _magnitude)


def convolve(X: Array, W: Array, b: Array, case: Case, line: Line) -> Array:
    """``line`` at every position of one sample and for every filter: (*out, K).

    Args:
        X: (*spatial, C).
        W: (*F, C/groups, K).
        b: (K,).
        case: how the filters move.
        line: gives the number of a position.
    """
    X = np.pad(X, [*case.pads, (0, 0)])
    depth, per_group = W.shape[-2], W.shape[-1] // case.groups
    places = [list(_places(*axis)) for axis in zip(X.shape[:-1], case.size, case.stride, case.dilation, strict=True)]
    Y = np.empty((*map(len, places), W.shape[-1]))
    for position in np.ndindex(Y.shape):
        *where, k = position
        first = k // per_group * depth  # of the filter's channels
        seen = tuple(places[axis][i] for axis, i in enumerate(where))
        Y[position] = line(X[(*seen, slice(first, first + depth))], W[..., k], b[k])
    return Y


def _places(length: int, F: int, S: int, D: int) -> Iterator[slice]:
    """What the filter sees along an axis, from its first place to the last where it does not stand over the end."""
    x = 0
    while x + (F - 1) * D < length:
        yield slice(x, x + (F - 1) * D + 1, D)
        x += S


def short_rule(longest: int) -> Figures:
    """For all F <= W <= ``longest`` and S <= F: how often a short rule's P gives the output size ceil(W/S)."""
    W, F, S = np.meshgrid(*[np.arange(1, longest + 1)] * 3, indexing="ij")
    kept = (F <= W) & (S <= F)
    W, F, S = W[kept], F[kept], S[kept]

    def right(P: Array) -> Array:
        return np.asarray((W - F + 2 * P) // S + 1 == -(-W // S))

    up, down = right(-(-F // 2)), right(F // 2)
    at_one, odd = S == 1, F % 2 == 1
    return {
        "cases": len(W),
        "up": int(up.sum()),
        "down": int(down.sum()),
        "cases_at_one": int(at_one.sum()),
        "up_at_one": int(up[at_one].sum()),
        "odd_at_one": int((at_one & odd).sum()),
        "wrong_odd_at_one": int((~down[at_one & odd]).sum()),
    }


def conclude(results: Results) -> Conclusion:
    """Errors are the largest of all layers; the rule's cases are all that there are."""
    groups = [group for group in results.groups() if group != RULE]
    names = list(results.settings(groups[0])["engines"])
    (rule,) = (figures for trial, figures in results.trials if trial.group == RULE)
    longest = results.settings(RULE)["longest"]

    def worst(key: str, chosen: list[str] = groups) -> float:
        return max(float(error) for group in chosen for error in results.of(group, f"error {key}"))

    wrong = sum(sum(results.of(group, "wrong_sizes")) for group in groups)
    columns = ("layers", "cases", "two lines", *(f"{name}, {dtype}" for name in names for dtype in DTYPES))
    errors = [
        (
            group,
            str(sum(results.of(group, "cases"))),
            *(f"{worst(key, [group]):.1e}" for key in ("lines", *(f"{n} {d}" for n in names for d in DTYPES))),
        )
        for group in groups
    ]
    engine_statements = [
        Statement(f"{name} computes them in {dtype}", exact(worst(f"{name} {dtype}")), "below", bound)
        for name in names
        for dtype, bound in DTYPES.items()
    ]
    ((before, after),) = make_window((13,), (6,), (5,), "same").padding
    missed = rule["cases"] - rule["up"]
    return Conclusion(
        statements=(
            Statement("the memo's two lines give one number", exact(worst("lines")), "below", DTYPES["float64"]),
            *engine_statements,
            Statement("(W - F + 2P)/S + 1, rounded down, is the size: no exception", exact(wrong), "below", 0.5),
            Statement(
                "P = (F-1)/2 gives the size of `same` at S = 1 and odd F: no exception",
                exact(rule["wrong_odd_at_one"]),
                "below",
                0.5,
            ),
            Statement("P = ceil(F/2) gives the size of `same`: no exception", exact(missed), "below", 0.5),
        ),
        tables=(
            Table("Largest error, as a share of the sum of |x * w| and |b|", columns, tuple(errors)),
            Table(
                f"Where a short rule gives `same`'s size ceil(W/S), of all F <= W <= {longest}, S <= F",
                ("rule", "right", "of", "share"),
                (
                    _share("P = ceil(F/2)", rule["up"], rule["cases"]),
                    _share("P = ceil(F/2), S = 1", rule["up_at_one"], rule["cases_at_one"]),
                    _share("P = floor(F/2)", rule["down"], rule["cases"]),
                    _share(
                        "P = (F-1)/2, S = 1, odd F",
                        rule["odd_at_one"] - rule["wrong_odd_at_one"],
                        rule["odd_at_one"],
                    ),
                ),
            ),
        ),
        quoted=(
            Quoted("227 pixels, 11x11, stride 4, no padding", "55", str(output_size(227, 11, 4, 0)), "CS231n; AlexNet"),
            Quoted(
                "where `same` puts what is more of an uneven padding",
                "after",
                "after" if after > before else "before",
                "TensorFlow, kernel_shape_util.cc",
            ),
        ),
        cautions=(
            "Errors of rounding remain: a sum depends on the order of its terms, so float32 is held to 1e-4 only.",
            *(() if "torch" in names else ("PyTorch is not installed here, so the torch engine was not compared.",)),
        ),
    )


def _share(name: str, right: int, cases: int) -> tuple[str, ...]:
    return name, f"{right:,}", f"{cases:,}", f"{right / cases:.1%}"


CLAIM = Claim(
    name="definition",
    says="A convolution is np.sum(X[x:x+F, y:y+F, :] * W) + b at every position; (W - F + 2P)/S + 1 is its size, and "
    "TensorFlow's `same` is P = ceil(F/2).",
    sources=(
        "CS231n, Convolutional Networks, section 'Convolutional Layer'",
        "TensorFlow, API documentation of tf.nn, 'Notes on padding'",
    ),
    trials=trials,
    measure=measure,
    conclude=conclude,
    data="",
)
