"""A placeholder for what could not be read cannot leave tatami."""

import pytest

from tatami.errors import NetworkError
from tatami.exchange.keras.writing import save_keras
from tatami.exchange.parcel import Parcel
from tatami.exchange.torch.writing import save_torch
from tatami.network import Network, Node
from tatami.network.layers import Foreign, Input


@pytest.fixture
def parcel() -> Parcel:
    nodes = (Node("input", Input((4,)), (), (4,)), Node("einsum1", Foreign("Einsum", (3,)), ("input",), (3,)))
    return Parcel(Network(nodes), {})


def test_onnx(parcel: Parcel) -> None:
    pytest.importorskip("onnx", reason="needs tatami[onnx]")
    from tatami.exchange.onnx.writing import onnx_model

    with pytest.raises(NetworkError, match=r"^einsum1: FOREIGN has no form in ONNX$"):
        onnx_model(parcel)


@pytest.mark.parametrize(("save", "name"), [(save_torch, "PyTorch"), (save_keras, "Keras")])
def test_programs(parcel: Parcel, save, name: str, tmp_path) -> None:
    with pytest.raises(NetworkError, match=rf"^einsum1: FOREIGN has no form in {name}$"):
        save(parcel, tmp_path)
