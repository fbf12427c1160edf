"""Files that mean harm, or are broken: refused in one line, in little memory and time."""

import json
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from tatami.errors import NetworkError

onnx = pytest.importorskip("onnx", reason="needs tatami[onnx]")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tatami.exchange.onnx.reading import import_onnx  # noqa: E402

MOST_BYTES = 100 * 2**20
MOST_SECONDS = 1.0


def model(
    nodes: list, initializers: list = (), sizes: tuple = (1, 3, 8, 8), opset: int = 18, output: str = "y"
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        list(initializers),
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return made.SerializeToString()


def tensor(name: str, dims: tuple, kind: int = TensorProto.FLOAT, raw: bytes | None = b"\0" * 4):
    made = TensorProto(name=name, data_type=kind, dims=dims)
    if raw is not None:
        made.raw_data = raw
    return made


def external(location: str) -> bytes:
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(2, 3, 1, 1))
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    return model([helper.make_node("Conv", ["x", "w"], ["y"], "c")], [weight])


def nested(depth: int) -> bytes:
    """Graphs within graphs, by hand: the library's own printer does not go so deep either."""

    def field(number: int, content: bytes) -> bytes:
        size, head = len(content), bytes([number << 3 | 2])
        while size > 127:
            head += bytes([size & 127 | 128])
            size >>= 7
        return head + bytes([size]) + content

    inner = b""
    for _ in range(depth):
        attribute = field(1, b"then_branch") + field(6, inner)  # AttributeProto.name, .g
        inner = field(1, field(4, b"If") + field(5, attribute))  # GraphProto.node: op_type, attribute
    return b"\x08\x09" + field(7, inner)  # ir_version, graph


def doubled(times: int) -> bytes:
    """A constant joined to itself again and again: 2^times values from one."""
    nodes = [helper.make_node("Constant", [], ["c0"], "c", value=numpy_helper.from_array(np.ones(1, np.float32)))]
    nodes += [helper.make_node("Concat", [f"c{i}"] * 2, [f"c{i + 1}"], f"n{i}", axis=0) for i in range(times)]
    nodes.append(helper.make_node("Add", ["x", f"c{times}"], ["y"], "add"))
    return model(nodes)


def many_shapes() -> bytes:
    """Thousands of constants that are each small enough."""
    sizes = numpy_helper.from_array(np.array([1_000_000], np.int64), "n")
    nodes = [helper.make_node("ConstantOfShape", ["n"], [f"c{i}"], f"n{i}") for i in range(2000)]
    nodes += [
        helper.make_node("Add", ["x" if i == 0 else f"a{i - 1}", f"c{i}"], [f"a{i}"], f"a{i}") for i in range(2000)
    ]
    return model(nodes, [sizes], output="a1999")


def reused_weights() -> bytes:
    """One matrix in thousands of layers: copies of it would fill the memory."""
    weight = numpy_helper.from_array(np.eye(256, dtype=np.float32), "w")
    nodes = [helper.make_node("Gemm", ["x" if i == 0 else f"v{i - 1}", "w"], [f"v{i}"], f"n{i}") for i in range(3000)]
    return model(nodes, [weight], (1, 256), output="v2999")


def long_chain() -> bytes:
    nodes = [helper.make_node("Exp", ["x" if i == 0 else f"v{i - 1}"], [f"v{i}"], f"n{i}") for i in range(20_000)]
    return model(nodes, output="v19999")


def conv(*names: str) -> list:
    return [helper.make_node("Conv", list(names), ["y"], "c")]


def declared(operator: str) -> bytes:
    """A constant of 10^9 values that is only declared, as an input without data."""
    made = onnx.ModelProto()
    made.ParseFromString(model([helper.make_node(operator, ["x", "w"], ["y"], "n")]))
    made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (10**9,)))
    return bytes(made.SerializeToString())


def seventeen_axes() -> bytes:
    sizes = numpy_helper.from_array(np.array([10] * 17, np.int64), "n")
    nodes = [helper.make_node("ConstantOfShape", ["n"], ["c"], "k"), helper.make_node("Add", ["x", "c"], ["y"], "a")]
    return model(nodes, [sizes])


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "cycle": (
        lambda: model(
            [
                helper.make_node("Add", ["x", "b"], ["a"], "p"),
                helper.make_node("Relu", ["a"], ["b"], "q"),
                helper.make_node("Relu", ["b"], ["y"], "r"),
            ]
        ),
        "the model, p: the operators form a cycle; got it reads b, which comes later",
    ),
    "out of order": (
        lambda: model([helper.make_node("Relu", ["a"], ["y"], "q"), helper.make_node("Relu", ["x"], ["a"], "p")]),
        "the model, q: the operators are not in order; got it reads a, which comes later",
    ),
    "from nothing": (
        lambda: model([helper.make_node("Relu", ["z"], ["y"], "q")]),
        "the model, q: an operator reads what nothing gives; got z",
    ),
    "no such output": (
        lambda: model([helper.make_node("Relu", ["x"], ["z"], "q")]),
        "the model: an output that nothing gives; got y",
    ),
    "10^9 values in a kilobyte": (
        lambda: model(conv("x", "w"), [tensor("w", (10**9,))]),
        "the model, w: a tensor does not hold what it declares; got 4 bytes; expected 1,000,000,000 values of 4 bytes",
    ),
    "10^9 values, none there": (
        lambda: model(conv("x", "w"), [tensor("w", (10**3, 10**3, 10**3), raw=None)]),
        "the model, w: a tensor does not hold what it declares; got 0 values; expected 1,000,000,000 values of 4 bytes",
    ),
    "sizes whose product overflows": (
        lambda: model(conv("x", "w"), [tensor("w", (2**62, 4, 1, 1))]),
        "the model, w: a tensor does not hold what it declares; got 4 bytes; "
        "expected 18,446,744,073,709,551,616 values of 4 bytes",
    ),
    "a negative size": (
        lambda: model(conv("x", "w"), [tensor("w", (-1, 3, 1, 1))]),
        "the model, w: a tensor with a negative size; got [-1, 3, 1, 1]",
    ),
    "a tensor of texts": (
        lambda: model(conv("x", "w"), [TensorProto(name="w", data_type=TensorProto.STRING, dims=(1,))]),
        "the model, w: a tensor of a type that is not read; got STRING",
    ),
    "path traversal": (
        lambda: external("../../etc/passwd"),
        "the model, w: a tensor lies in another file, outside of the model's folder; got ../../etc/passwd; "
        "expected a model in one file",
    ),
    "path traversal, absolute": (
        lambda: external("/etc/passwd"),
        "the model, w: a tensor lies in another file, outside of the model's folder; got /etc/passwd; "
        "expected a model in one file",
    ),
    "external data": (
        lambda: external("weights.bin"),
        "the model, w: a tensor lies in another file; got weights.bin; expected a model in one file "
        "(hint: onnx.save(onnx.load(path), other_path) makes one)",
    ),
    "control characters": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "a\x1b[2J\nb")]),
        r"the model: a name with control characters; got a\x1b[2J\nb",
    ),
    "letters that turn the line around": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "a\u202eb")]),
        r"the model: a name with control characters; got a\u202eb",
    ),
    "nesting": (
        lambda: nested(200),
        "the model: not a model of ONNX; expected protobuf that is whole and nested no deeper than 100 levels",
    ),
    "an If": (
        lambda: model([helper.make_node("If", ["x"], ["y"], "if", then_branch=helper.make_graph([], "t", [], []))]),
        "the model: operators that tatami has no layer for; got If (if) "
        "(hint: tatami plan takes them as placeholders where their sizes are known)",
    ),
    "two values of one name": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "p"), helper.make_node("Relu", ["x"], ["y"], "q")]),
        "the model: two operators give one value; got y",
    ),
    "two tensors of one name": (
        lambda: model(conv("x", "w"), [tensor("w", (1,)), tensor("w", (1,))]),
        "the model: two tensors have one name; got w",
    ),
    "opset": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "p")], opset=99),
        "the model: ONNX is not read in this opset; got 99; expected 6 to 27",
    ),
    "cut off": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "p")])[:40],
        "the model: not a model of ONNX; expected protobuf that is whole and nested no deeper than 100 levels",
    ),
    "nothing": (lambda: b"", "the model: not a model of ONNX; expected a graph with an output"),
    "a picture": (
        lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
        "the model: not a model of ONNX; expected protobuf that is whole and nested no deeper than 100 levels",
    ),
    "a constant that doubles": (
        lambda: doubled(60),
        "the model: operators that tatami has no layer for; got Concat (n20: input 0 is a constant) "
        "(hint: tatami plan takes them as placeholders where their sizes are known)",
    ),
    "many constants": (many_shapes, "the model: operators that tatami has no layer for; got "),
    "weights used over and over": (
        reused_weights,
        "the model: weights that are used over and over; got 196,608,000 parameters of 65,536 values",
    ),
    "a chain without layers": (long_chain, "the model: operators that tatami has no layer for; got "),
    **{
        f"{operator} of 10^9 values without data": (
            partial(declared, operator),
            f"the model: operators that tatami has no layer for; got {operator} (n: {why}) "
            "(hint: tatami plan takes them as placeholders where their sizes are known)",
        )
        for operator, why in (
            ("Sub", "a sum with a constant that is no number a channel"),
            ("Div", "a factor that is no number a channel"),
        )
    },
    "a constant of seventeen axes": (
        seventeen_axes,
        "the model: operators that tatami has no layer for; got ConstantOfShape (k) "
        "(hint: tatami plan takes them as placeholders where their sizes are known)",
    ),
    "an input of 10^6 x 10^6": (
        lambda: model([helper.make_node("Relu", ["x"], ["y"], "p")], sizes=(1, 1000, 10**6, 10**6)),
        "input: too many values in one map; got 1000000x1000000x1000; expected at most 1,000,000,000,000",
    ),
}

CHILD = textwrap.dedent("""
    import json, resource, sys, time
    from tatami.errors import TatamiError
    from tatami.exchange.onnx.reading import import_onnx
    import onnx.shape_inference
    path = sys.argv[1]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        import_onnx(path)
        text = "read"
    except TatamiError as error:
        text = str(error)
    seconds = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"text": text, "seconds": seconds, "bytes": grown * 1024}))
""")


@pytest.mark.parametrize("name", CASES)
def test_one_line(name: str) -> None:
    make, text = CASES[name]
    with pytest.raises(NetworkError) as caught:
        import_onnx(make())
    told = str(caught.value)
    assert told == text or (text.endswith("got ") and told.startswith(text))
    assert "\n" not in told
    assert told.isprintable()
    assert len(told) < 3000


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("name", CASES)
def test_little_memory_and_time(name: str, tmp_path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(CASES[name][0]())
    done = subprocess.run([sys.executable, "-c", CHILD, path], capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)

    assert found["text"] != "read"
    assert found["bytes"] < MOST_BYTES
    assert found["seconds"] < MOST_SECONDS


def test_the_measurement_sees_memory(tmp_path) -> None:
    """The figure that the cases are held against grows with what a process takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    taking = "x = bytearray(300 * 2**20)"
    subprocess.run([sys.executable, "-c", taking], check=True)

    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >= max(before, 300 * 1024)


def test_files_that_are_none(tmp_path) -> None:
    with pytest.raises(NetworkError, match=r"missing\.onnx: cannot be read; got No such file or directory"):
        import_onnx(tmp_path / "missing.onnx")
    huge = tmp_path / "huge.onnx"
    with huge.open("wb") as file:
        file.truncate(2**31 + 1)  # sparse: it takes no space
    with pytest.raises(
        NetworkError, match=r"huge\.onnx: too large for a model of ONNX; expected at most 2,147,483,648"
    ):
        import_onnx(huge)
