"""From a checkpoint to the ONNX file that the product loads, its LSTMs in 8 bits."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch  # only in the recipe's own environment

from tools.floor_model.network import Network, published
from tools.floor_model.windows import HALF


def first_layers(segmentation: Path, path: Path) -> None:
    """Write the SincNet alone, which training does not change: windows are kept as it sees them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sinc = published(segmentation).sinc.eval()
    shape = torch.zeros(1, 1, 2 * HALF)
    torch.onnx.export(sinc, (shape,), str(path), input_names=["x"], dynamo=False)


def export(checkpoint: Path, path: Path) -> None:
    """Write the whole network: input `x` [1, 1, 144000], output `y` [1, 264, 2]."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    network = Network()
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    network.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.onnx"
        sound = torch.zeros(1, 1, 2 * HALF)
        names = {"input_names": ["x"], "output_names": ["y"]}
        torch.onnx.export(network, (sound,), str(whole), **names, dynamo=False, opset_version=17)
        quantize_dynamic(whole, path, weight_type=QuantType.QInt8, op_types_to_quantize=["LSTM", "MatMul"])
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
