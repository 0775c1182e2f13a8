"""The network in torch: pyannote's segmentation, told in front of each window what the holder sounds like.

SincNet, four bidirectional LSTMs and two linear layers are those of pyannote segmentation-3.0 (CNRS, MIT), read from
its published 8-bit ONNX file. New here: a mark on the frames of the primer, the holder's mean fed back half-way, a
comparison with it at the end, and two outputs, {holder, somebody else}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch  # only in the recipe's own environment
from torch import nn

from tools.floor_model.windows import FIRST

_MARGIN = 15
"""Frames at both ends of the primer that do not count towards the holder's mean."""
_FILTERS = "/sincnet/conv1d.0/Concat_2_output_0"
_LSTMS = ((784, 785, 783), (827, 828, 826), (870, 871, 869), (913, 914, 912))
"""Numbers that the published file gives each layer's input weights, recurrent weights and biases."""
_WIDTH = 128


class SincNet(nn.Module):
    """First layers: [N, 1, samples] to [N, frames, 60], a frame each 270 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.n0 = nn.InstanceNorm1d(1, affine=True)
        self.c0 = nn.Conv1d(1, 80, 251, stride=10, bias=False)
        self.n1 = nn.InstanceNorm1d(80, affine=True)
        self.c1 = nn.Conv1d(80, 60, 5)
        self.n2 = nn.InstanceNorm1d(60, affine=True)
        self.c2 = nn.Conv1d(60, 60, 5)
        self.n3 = nn.InstanceNorm1d(60, affine=True)

    def forward(self, sound: Any) -> Any:
        """Return the features of `sound`."""
        f = nn.functional
        x = f.leaky_relu(self.n1(f.max_pool1d(self.c0(self.n0(sound)).abs(), 3)))
        x = f.leaky_relu(self.n2(f.max_pool1d(self.c1(x), 3)))
        return f.leaky_relu(self.n3(f.max_pool1d(self.c2(x), 3))).transpose(1, 2)


class Network(nn.Module):
    """The whole: [N, 1, 144000] to log-odds [N, 264, 2] of the call's part."""

    def __init__(self) -> None:
        super().__init__()
        self.sinc = SincNet()
        self.mark = nn.Parameter(torch.zeros(60))
        self.low = nn.LSTM(60, _WIDTH, 2, batch_first=True, bidirectional=True)
        self.high = nn.LSTM(2 * _WIDTH, _WIDTH, 2, batch_first=True, bidirectional=True)
        self.add = nn.Linear(2 * _WIDTH, 2 * _WIDTH, bias=False)
        self.scale = nn.Linear(2 * _WIDTH, 2 * _WIDTH, bias=False)
        self.lin0, self.lin1 = nn.Linear(2 * _WIDTH, _WIDTH), nn.Linear(_WIDTH, _WIDTH)
        self.powerset = nn.Linear(_WIDTH, 7)
        self.out = nn.Linear(_WIDTH, 2)
        self.compare = nn.Sequential(nn.Linear(3 * _WIDTH, 64), nn.ReLU(), nn.Linear(64, 2))
        for weight in (self.add.weight, self.scale.weight, self.compare[2].weight, self.compare[2].bias):
            nn.init.zeros_(weight)

    def frames(self, features: Any) -> Any:
        """Return log-odds of all frames of windows of SincNet features."""
        f = nn.functional.leaky_relu
        primed = (torch.arange(features.shape[1]) < FIRST).float()[None, :, None]
        x, _ = self.low(features + primed * self.mark)
        holder = x[:, _MARGIN : FIRST - _MARGIN].mean(1, keepdim=True)
        x, _ = self.high(x * (1 + self.scale(holder)) + self.add(holder))
        x = f(self.lin1(f(self.lin0(x))))
        holder = x[:, _MARGIN : FIRST - _MARGIN].mean(1, keepdim=True).expand_as(x)
        return self.out(x) + self.compare(torch.cat([x, x * holder, (x - holder).abs()], -1))

    def forward(self, sound: Any) -> Any:
        """Return log-odds of the call's part of windows of sound."""
        return self.frames(self.sinc(sound))[:, FIRST:]


def published(path: Path) -> Network:
    """Return the network with the weights of the published 8-bit segmentation, its own parts untrained."""
    import onnx  # only to read that file
    import onnxruntime

    file = onnx.load(path)
    weights = {item.name: onnx.numpy_helper.to_array(item) for item in file.graph.initializer}
    file.graph.output.append(onnx.helper.make_tensor_value_info(_FILTERS, 1, None))
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    filters = session.run([_FILTERS], {"x": np.zeros((1, 1, 16000), np.float32)})[0]
    network = Network()
    with torch.no_grad():
        _fill_sinc(network.sinc, weights, filters)
        for k, (inputs, recurrent, bias) in enumerate(_LSTMS):
            w, r = _whole(weights, f"onnx::LSTM_{inputs}"), _whole(weights, f"onnx::LSTM_{recurrent}")
            b = torch.tensor(weights[f"onnx::LSTM_{bias}"])
            lstm = network.low if k < 2 else network.high
            for d, suffix in ((0, ""), (1, "_reverse")):
                layer = f"l{k % 2}{suffix}"
                getattr(lstm, f"weight_ih_{layer}").copy_(_gates(w[d].T))
                getattr(lstm, f"weight_hh_{layer}").copy_(_gates(r[d].T))
                getattr(lstm, f"bias_ih_{layer}").copy_(_gates(b[d, : 4 * _WIDTH]))
                getattr(lstm, f"bias_hh_{layer}").copy_(_gates(b[d, 4 * _WIDTH :]))
        for linear, number, bias in (
            (network.lin0, 915, "linear.0.bias"),
            (network.lin1, 916, "linear.1.bias"),
            (network.powerset, 917, "classifier.bias"),
        ):
            linear.weight.copy_(_whole(weights, f"onnx::MatMul_{number}").T)
            linear.bias.copy_(torch.tensor(weights[bias]))
        nn.init.normal_(network.out.weight, std=0.02)
        nn.init.zeros_(network.out.bias)
    return network


def _fill_sinc(sinc: SincNet, weights: dict[str, Any], filters: Any) -> None:
    sinc.n0.weight.copy_(torch.tensor(weights["sincnet.wav_norm1d.weight"]))
    sinc.n0.bias.copy_(torch.tensor(weights["sincnet.wav_norm1d.bias"]))
    sinc.c0.weight.copy_(torch.tensor(filters))
    for k, (norm, convolution) in enumerate(((sinc.n1, None), (sinc.n2, sinc.c1), (sinc.n3, sinc.c2))):
        norm.weight.copy_(torch.tensor(weights[f"sincnet.norm1d.{k}.weight"]))
        norm.bias.copy_(torch.tensor(weights[f"sincnet.norm1d.{k}.bias"]))
        if convolution is not None:
            convolution.weight.copy_(_whole(weights, f"sincnet.conv1d.{k}.weight"))
            convolution.bias.copy_(torch.tensor(weights[f"sincnet.conv1d.{k}.bias"]))


def _whole(weights: dict[str, Any], name: str) -> Any:
    """Return a weight multiplied out of its 8 bits."""
    scale, zero = weights[name + "_scale"], weights[name + "_zero_point"].astype(np.float32)
    values = weights[name + "_quantized"].astype(np.float32)
    if scale.ndim and scale.size > 1:
        shape = (-1, *[1] * (values.ndim - 1))
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return torch.tensor((values - zero) * scale)


def _gates(weights: Any) -> Any:
    """Return an LSTM's weights in torch's order of gates; ONNX has input, output, forget, cell."""
    i, o, f, g = weights.reshape(4, _WIDTH, -1)
    return torch.cat([i, f, g, o]).squeeze(-1)
