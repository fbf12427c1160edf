"""What a program has around its network: text before it, how samples are prepared, and a command line.

Letters: N samples, H and W pixels, L length, C channels, K outputs.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tatami._version import __version__
from tatami.engines.base import Array
from tatami.errors import RunError
from tatami.exchange.parcel import Parcel
from tatami.formats import atomic_write, save_weights
from tatami.network.fold import folded_text
from tatami.network.layers import Softmax

PROGRAM, WEIGHTS = "model.py", "model.safetensors"
_WIDTH = 112


@dataclass(frozen=True)
class Framework:
    """What programs of one framework have in common.

    Attributes:
        name: of the framework.
        imports: of the program.
        tensor: the type of what the network takes.
        order: how that lies.
        result: the expression that makes it of ``x``, float32 (N, ..., C).
        load: the function ``load``.
        scores: lines that take ``x`` to ``scores``, float32 (K,).
    """

    name: str
    imports: str
    tensor: str
    order: str
    result: str
    load: str
    scores: str


def write_folder(folder: Path, text: str, tensors: dict[str, Array], parcel: Parcel) -> None:
    """Write program and weights.

    Raises:
        RunError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(folder / WEIGHTS, tensors, parcel.metadata())
        atomic_write(folder / PROGRAM, text)
    except OSError as error:
        raise RunError("the folder cannot be written", where=str(folder), got=error.strerror) from error


def whole_text(parcel: Parcel, framework: Framework, network: Sequence[str]) -> str:
    """The program.

    Args:
        parcel: what is written.
        framework: in which.
        network: its classes and functions.
    """
    imports = framework.imports
    if reads_pictures(parcel):
        imports = imports.replace("import numpy as np\n", "import numpy as np\nfrom PIL import Image, ImageOps\n")
    known = f"CLASSES = {json.dumps(list(parcel.classes), ensure_ascii=False)}"
    if parcel.targets is not None:
        rows = list(zip(parcel.targets.names, parcel.targets.mean, parcel.targets.std, strict=True))
        known = f"# Each target with mean and standard deviation in training.\nTARGETS = {rows!r}"
    head = "\n\n".join([_docstring(parcel, framework), imports, known])
    sections = (head, *network, _read(parcel), _prepare(parcel, framework))
    ending = 'if __name__ == "__main__":\n    main()'
    return "\n\n\n".join([*sections, framework.load, _main(parcel, framework), ending]) + "\n"


def reads_pictures(parcel: Parcel) -> bool:
    """Whether a sample is a picture that Pillow reads."""
    return parcel.resizes and parcel.network.input_shape[-1] in (1, 3)


def call_lines(head: str, arguments: Sequence[str], tail: str) -> Iterator[str]:
    """A call, or the head of a function: in one line, or in several where it is long."""
    line = f"{head}{', '.join(arguments)}{tail}"
    if len(line) <= _WIDTH:
        yield line
        return
    indent = " " * (len(head) - len(head.lstrip()))
    yield head
    yield from (f"{indent}    {text}" for text in textwrap.wrap(f"{', '.join(arguments)},", _WIDTH - 8))
    yield f"{indent}{tail}"


def docstring_lines(text: str, indent: str = "") -> Iterator[str]:
    """A docstring, wrapped."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    lines = textwrap.wrap(f'"""{safe}', _WIDTH - len(indent) - 3)
    if len(lines) == 1:
        yield f'{indent}{lines[0]}"""'
        return
    yield from (f"{indent}{line}" for line in lines)
    yield f'{indent}"""'


def _docstring(parcel: Parcel, framework: Framework) -> str:
    lines = [f"A network in {framework.name}, written by tatami {__version__}.", ""]
    if parcel.text:
        for line in folded_text(parcel.network).splitlines():
            lines += textwrap.wrap(line, _WIDTH, initial_indent="    ", subsequent_indent="      ")
        lines.append("")
    lines.append(f"`load()` gives it with the weights of {WEIGHTS}, `prepare` makes its input of raw samples, and")
    lines.append(f"`python {PROGRAM} FILE` scores one.")
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


_PICTURE = '''
def read(path: str) -> np.ndarray:
    """A picture as uint8 ({H}, {W}, {C}): upright, on white where it is transparent, resized."""
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    resized = picture.convert("{mode}").resize(({W}, {H}), Image.Resampling.BILINEAR)
    return np.asarray(resized).reshape({H}, {W}, {C})
'''

_ARRAY = '''
def read(path: str) -> np.ndarray:
    """A raw sample {shape}, channels last, from an .npy file."""
    return np.load(path).reshape({shape})
'''

_SIGNAL = '''
def read(path: str) -> np.ndarray:
    """A raw signal ({L}, {C}) from an .npy file (L, {C}); zeros behind one that is shorter, a longer one is cropped."""
    return np.pad(np.load(path).reshape(-1, {C}), ((0, {L}), (0, 0)))[:{L}]
'''


def _read(parcel: Parcel) -> str:
    shape = parcel.network.input_shape
    if reads_pictures(parcel):
        H, W, C = shape
        return _PICTURE.format(H=H, W=W, C=C, mode="L" if C == 1 else "RGB").strip()
    if parcel.preprocess is not None and parcel.preprocess.pads:
        return _SIGNAL.format(L=shape[0], C=shape[1]).strip()
    return _ARRAY.format(shape=shape).strip()


def _prepare(parcel: Parcel, framework: Framework) -> str:
    pre = parcel.preprocess
    sizes = ", ".join(map(str, parcel.network.input_shape))
    lines = [
        f"def prepare(x: np.ndarray) -> {framework.tensor}:",
        f'    """Raw samples (N, {sizes}) as the network takes them, {framework.order}."""',
        "    x = np.asarray(x, np.float32)",
    ]
    if pre is not None:
        if pre.scale != 1.0:
            lines[-1] += f" * np.float32({pre.scale!r})"
        lines += [
            f"    mean = np.array({list(pre.mean)!r}, np.float32)",
            f"    std = np.array({list(pre.std)!r}, np.float32)",
            "    x = (x - mean) / std",
        ]
    return "\n".join([*lines, f"    return {framework.result}"])


_CLASSES = """
    for i in np.argsort(-shares)[:3]:
        print(f"{CLASSES[i]} {shares[i]:.1%}")
"""

_SHARES = """
    powers = np.exp(scores - scores.max())
    shares = powers / powers.sum()
"""

_TARGETS = """
    for (name, mean, std), score in zip(TARGETS, scores):
        print(f"{name} {score * std + mean:.6g}")
"""


def _main(parcel: Parcel, framework: Framework) -> str:
    lines = ["def main() -> None:", '    """Print what the network says of the sample in a file."""']
    lines += ["    x = prepare(read(sys.argv[1])[None])", *framework.scores.strip("\n").splitlines()]
    if parcel.targets is not None:
        lines += _TARGETS.strip("\n").splitlines()
    elif parcel.classes:
        if isinstance(parcel.network.nodes[-1].layer, Softmax):
            lines.append("    shares = scores")
        else:
            lines += _SHARES.strip("\n").splitlines()
        lines += _CLASSES.strip("\n").splitlines()
    else:
        lines.append("    print(scores)")
    return "\n".join(lines)
