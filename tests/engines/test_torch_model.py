"""What the torch engine has beyond the others: devices, precisions, capture, module names, shares of a step."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from tatami.engines import compile
from tatami.engines.ranks import Share
from tatami.errors import OptionError
from tatami.network import find_network
from tatami.recipe import SGD, Adam, CrossEntropy, MeanSquaredError

torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-torch` brings it")

from tatami.engines.torch.device import find_device  # noqa: E402
from tatami.engines.torch.dropout import Draws, kept  # noqa: E402
from tatami.engines.torch.module import NetworkModule  # noqa: E402

TEXT = "INPUT(6x6x2) -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.3) -> FC(4) -> RELU -> FC(3)"
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((8, 6, 6, 2)), RNG.integers(3, size=8)


def make(text=TEXT, **options):
    return compile(find_network(text).build(), "torch", **{"batch": 8, "device": "cpu", **options})


# --- devices and precisions ---


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"device": "gpu"}, "unknown device; got gpu; expected cuda, cuda:1, mps or cpu"),
        ({"device": "xla"}, "unknown device; got xla; expected cuda, cuda:1, mps or cpu"),
        ({"dtype": "tf32"}, "tf32 is a precision of NVIDIA's GPUs; got device cpu; expected float32 or bf16"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_bad_options(options, text):
    with pytest.raises(OptionError) as error:
        make(**options)

    assert str(error.value) == text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_card_that_is_not_there():
    with pytest.raises(OptionError) as error:
        find_device("cuda:3")

    assert str(error.value) == "PyTorch finds no CUDA device here; got cuda:3 (hint: --device cpu)"


def test_without_a_name_the_best_device_that_there_is():
    usual = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"

    assert find_device(None).type == usual


def test_bf16_computes_in_16_bits_and_keeps_weights_in_32():
    narrow, wide = make(dtype="bf16", optimizer=Adam(lr=0.01)), make(optimizer=Adam(lr=0.01))
    outputs = [model.forward(X) for model in (narrow, wide)]
    losses = [[model.step(X, Y) for _ in range(10)] for model in (narrow, wide)]

    assert all(value.dtype == np.float32 for value in narrow.state_dict().values())
    np.testing.assert_allclose(*outputs, rtol=0.05, atol=0.05)
    assert not np.array_equal(*outputs)  # 8 bits of mantissa are not 24
    np.testing.assert_allclose(*losses, rtol=0.1)
    assert losses[0][-1] < 0.9 * losses[0][0]


TF32 = """
import torch
from tatami.engines.torch.precision import rounding_products
matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn

def asked(*questions):
    found = []
    for question in questions:
        try:
            found.append(question())
        except RuntimeError as error:  # the user has set the newer switches apart
            found.append("refused")
    return found

def state():
    older = asked(lambda: matmul.allow_tf32, lambda: cudnn.allow_tf32, torch.get_float32_matmul_precision)
    return [matmul.fp32_precision, cudnn.conv.fp32_precision, *older]

{before}
first = state()
for allowed in (True, False):
    with rounding_products(allowed):
        assert [precision == "tf32" for precision in state()[:2]] == [allowed, allowed], state()
    assert state() == first, (state(), first)
"""


@pytest.mark.skipif(not hasattr(torch.backends.cudnn, "conv"), reason="an older PyTorch has one way only")
@pytest.mark.parametrize(
    "before",
    [
        "",
        "matmul.allow_tf32 = True",
        "torch.set_float32_matmul_precision('medium')",
        "torch.backends.fp32_precision = 'tf32'",
        "matmul.fp32_precision = 'tf32'; cudnn.conv.fp32_precision = 'ieee'",
    ],
)
def test_rounding_to_tf32_is_switched_and_put_back(before):
    """PyTorch has two ways to say so, and whoever used the one may not use the other."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TF32.format(before=before)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_a_card_without_room_is_said_in_one_line():
    from tatami.engines.torch.device import room

    with pytest.raises(OptionError) as error, room(torch.device("cuda:0"), 64):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    assert str(error.value).startswith(
        "cuda:0: the device's memory does not suffice; got batch 64 (hint: a smaller --batch"
    )
    assert isinstance(error.value.__cause__, torch.OutOfMemoryError)


def test_checkpoint_and_capture():
    with pytest.raises(OptionError, match="checkpoint and capture do not go together; got capture compile"):
        make(checkpoint=True, capture="compile")


def test_graphs_take_a_step_in_one_pass():
    model = make(batch=3)
    model._capture = "graphs"  # as one that was made so: making it loads the compiler

    with pytest.raises(OptionError, match="graphs take a step in one pass; got 3 parts; expected a larger batch"):
        model.step(X, Y)


def test_a_model_among_ranks_takes_no_step_alone():
    model = make()
    model._ranks = 2  # as one that was made with its process group

    with pytest.raises(OptionError, match="this model takes steps together with others; expected step_share"):
        model.step(X, Y)


def test_the_devices_own_dropout_leaves_the_users_random_numbers():
    model = make()
    model.module.draws.native = True  # as on a GPU
    again = make()
    again.module.draws.native = True
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    losses = [model.step(X, Y) for _ in range(3)]

    assert torch.equal(torch.rand(3), expected)
    assert losses == [again.step(X, Y) for _ in range(3)]  # but it follows from the seed


def test_pytorchs_own_synchronised_batch_norm_works_on_ours():
    """Between GPUs it takes their place; alone, as here, it is a batch norm like any other."""
    from tatami.engines.torch.batch_norm_sync import converted

    usual = make(TEXT.replace("DROPOUT(0.3) -> ", "")).module.train()
    x = torch.randn(2, 2, 6, 6)
    expected = usual(x)
    module = converted(usual)

    assert isinstance(module.bn1, torch.nn.SyncBatchNorm)
    torch.testing.assert_close(module(x), expected)


def test_one_value_a_channel_keeps_its_type():
    model = make("INPUT(4) -> FC(3) -> BN -> FC(2)", dtype="bf16")
    model.step(RNG.standard_normal((1, 4)), np.array([1]))
    with torch.autocast("cpu", torch.bfloat16):
        assert model.module.bn1(torch.zeros(1, 3, dtype=torch.bfloat16)).dtype == torch.bfloat16


# --- the module ---


def test_submodules_and_parameters_have_the_networks_names():
    network = find_network(TEXT).build()
    module = NetworkModule(network)

    assert [name for name, _ in module.named_children()] == [node.name for node in network.nodes[1:]]
    assert isinstance(module.conv1, torch.nn.Conv2d)
    assert isinstance(module.bn1, torch.nn.BatchNorm2d)
    assert set(module.state_dict()) == set(network.parameters())


def test_what_is_laid_around_a_map_has_a_module_of_its_own():
    module = NetworkModule(find_network("INPUT(12x12x2) -> CONV(4, 3, S=2) -> POOL(3, S=2, P=same) -> GAP").build())

    assert [name for name, _ in module.named_children()] == ["conv1_padding", "conv1", "pool1", "gap1"]
    assert module.pool1.ceil_mode


def test_maps_stay_channels_last_from_end_to_end():
    text = (
        "INPUT(8x8x4) -> CONV(4) -> BN -> RELU -> SHUFFLE -> CONCAT[DWCONV(3, S=2, P=1) | POOL(avg)] -> LN -> RES[CONV]"
    )
    network = find_network(text).build()
    module = NetworkModule(network).to(memory_format=torch.channels_last)
    x = torch.randn(3, 4, 8, 8).to(memory_format=torch.channels_last)
    formats = {}
    for name, child in module.named_children():
        child.register_forward_hook(
            lambda m, i, output, name=name: formats.update(
                {name: output.is_contiguous(memory_format=torch.channels_last)}
            )
        )
    module(x)

    assert all(formats.values()), formats


def test_outputs_that_nobody_reads_later_are_dropped():
    """Of a chain without gradients two maps live at a time."""
    from tatami.engines.torch.measure import LiveBytes

    module = NetworkModule(find_network("INPUT(16x16x8) -> [CONV(8)]*6").build()).eval()
    x = torch.randn(2, 8, 16, 16).to(memory_format=torch.channels_last)
    with torch.no_grad(), LiveBytes([x, *module.parameters()]) as live:
        module(x)

    one = 2 * 8 * 16 * 16 * 4
    assert 2 * one <= live.peak < 3 * one


@pytest.mark.parametrize("batch", [1, 3])
def test_checkpointing_saves_less_and_trains_the_same(batch):
    text = "INPUT(16x16x2) -> [CONV(8) -> BN -> RELU]*8 -> DROPOUT(0.2) -> GAP -> FC(3)"
    x, y = RNG.standard_normal((batch, 16, 16, 2)), RNG.integers(3, size=batch)
    usual, again = (make(text, batch=batch, checkpoint=each, dtype="float64") for each in (False, True))

    assert again.memory()["activations"] < 0.6 * usual.memory()["activations"]
    assert [usual.step(x, y) for _ in range(3)] == pytest.approx([again.step(x, y) for _ in range(3)], rel=1e-12)
    for name, value in usual.state_dict().items():  # running statistics among them: they moved once a step
        np.testing.assert_allclose(again.state_dict()[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


def test_memory_changes_nothing():
    model = make(optimizer=Adam())
    model.step(X, Y)
    before = {**model.state_dict(), **model.training_state()}
    model.memory()

    assert all(np.array_equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(np.array_equal(value, before[name]) for name, value in model.training_state().items())


def test_a_copy_goes_on_as_the_original():
    model = make(optimizer=Adam(), checkpoint=True)
    model.step(X, Y)
    copy = pickle.loads(pickle.dumps(model))

    assert copy.step(X, Y) == model.step(X, Y)
    assert all(np.array_equal(copy.state_dict()[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("text", ["INPUT(4x4x2) -> GAP", "INPUT(4) -> SOFTMAX"])
def test_a_network_without_weights(text):
    model = make(text)
    x = RNG.standard_normal((2, *model.network.input_shape))

    assert model.step(x, np.array([0, 1])) == model.score(x, np.array([0, 1]))[0]
    assert model.gradients(x, np.array([0, 1]))[1] == {}
    assert set(model.training_state()) == {"steps"}


def test_samples_that_may_not_be_written_are_not_written():
    x = X.astype(np.float32)
    x.flags.writeable = False
    model = make("INPUT(6x6x2) -> RELU -> CONV(2) -> RELU -> FC(3)")
    model.step(x, Y)
    writable = X.astype(np.float32)
    model.step(writable, Y)

    assert np.array_equal(x, X.astype(np.float32))
    assert np.array_equal(writable, x)


@pytest.mark.slow
@pytest.mark.filterwarnings("default:`torch.jit:DeprecationWarning")  # PyTorch's compiler about itself
def test_compiled_layers_give_the_same():
    """Through torch.compile, which needs a C++ compiler on a CPU."""
    import shutil

    if not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler for torch.compile")
    text = TEXT.replace("DROPOUT(0.3) -> ", "")
    usual, compiled = make(text), make(text, capture="compile")

    assert [compiled.step(X, Y) for _ in range(3)] == pytest.approx([usual.step(X, Y) for _ in range(3)], rel=1e-5)
    np.testing.assert_allclose(compiled.forward(X), usual.forward(X), rtol=1e-4, atol=1e-5)


# --- shares of a step ---


@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize("shape", [(5, 3, 3, 2), (7, 5), (4, 9, 1)])
def test_a_rank_drops_what_one_process_would_drop_in_its_rows(shape, rate):
    whole = kept(Draws(seed=3, step=7), 4, shape, rate)

    for start, stop in [(0, 2), (2, 3), (3, shape[0])]:
        part = kept(Draws(seed=3, step=7, start=start), 4, (stop - start, *shape[1:]), rate)
        assert torch.equal(part, whole[start:stop])


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquaredError()])
def test_shares_of_a_step_sum_to_its_loss_and_gradient(loss):
    """Without a second rank there is nobody to sum: the shares' gradients are summed here."""
    text = "INPUT(6x6x2) -> CONV(4) -> RELU -> DROPOUT(0.3) -> FC(3)"
    whole = make(text, loss=loss, dtype="float64", optimizer=SGD(lr=1.0))
    before = whole.state_dict()
    loss_of_all = whole.step(X, Y)
    moved = {name: np.zeros_like(value) for name, value in before.items()}
    total = 0.0
    for start, stop in [(0, 3), (3, 8)]:
        one = make(text, loss=loss, dtype="float64", optimizer=SGD(lr=1.0))
        total += one.step_share(X[start:stop], Y[start:stop], Share(start, len(X)))
        for name, value in one.state_dict().items():
            moved[name] += value - before[name]

    assert total == pytest.approx(loss_of_all, rel=1e-12)
    for name, value in whole.state_dict().items():
        np.testing.assert_allclose(before[name] + moved[name], value, rtol=1e-10, atol=1e-12)
