"""The weights of an earlier demo model, read back from its CTranslate2 file, as a start for training.

The 8-bit weights are multiplied out. Tokens are matched by their names; positions are not taken over, since they are
computed. The two heads that only training needs are not in the file and start at random.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch  # only in the recipe's own environment

from tools.demo_model.model import WIDTH, TinyWhisper
from tools.demo_model.vocab import Vocabulary

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32}
Array = np.ndarray[Any, Any]


def read(path: Path) -> dict[str, Array]:
    """Return the arrays of a CTranslate2 model.bin (format 6), 8-bit ones multiplied out."""
    arrays: dict[str, Array] = {}
    with path.open("rb") as file:
        _unpack(file, "<I")
        _name(file)
        _unpack(file, "<I")
        for _ in range(_unpack(file, "<I")):
            name = _name(file)
            shape = [_unpack(file, "<I") for _ in range(_unpack(file, "<B"))]
            kind, size = _unpack(file, "<B"), _unpack(file, "<I")
            data = file.read(size)
            if kind in _TYPES:
                arrays[name] = np.frombuffer(data, _TYPES[kind]).reshape(shape)
    for name, scale in list(arrays.items()):
        if name.endswith("/weight_scale"):
            weight = name.removesuffix("_scale")
            arrays[weight] = (arrays[weight].reshape(len(scale), -1) / scale[:, None]).reshape(arrays[weight].shape)
    return arrays


def start_from(model: TinyWhisper, folder: Path, vocabulary: Vocabulary) -> None:
    """Put the weights of the model in `folder` into `model`."""
    arrays = read(folder / "model.bin")
    state: dict[str, Array] = {}
    for k in (1, 2):
        state[f"encoder.conv{k}.weight"] = arrays[f"encoder/conv{k}/weight"]
        state[f"encoder.conv{k}.bias"] = arrays[f"encoder/conv{k}/bias"]
    for side, count in (("encoder", len(model.encoder.layers)), ("decoder", len(model.decoder.layers))):
        _norm(state, f"{side}.layer_norm", arrays, f"{side}/layer_norm")
        for i in range(count):
            _layer(state, f"{side}.layers.{i}", arrays, f"{side}/layer_{i}")
    state["decoder.embed_positions.weight"] = arrays["decoder/position_encodings/encodings"]
    state["decoder.embed_tokens.weight"] = _embeddings(model, arrays, folder, vocabulary)
    tensors = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    left = [name for name in missing if not name.startswith(("phoneme_head", "word_head", "encoder.positions"))]
    if left or unexpected:
        raise ValueError(f"The model in {folder} does not fit: {left} {unexpected}")


def _embeddings(model: TinyWhisper, arrays: dict[str, Array], folder: Path, vocabulary: Vocabulary) -> Array:
    table: Array = model.decoder.embed_tokens.weight.detach().numpy().copy()
    old = arrays["decoder/embeddings/weight"]
    names: list[str] = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    rows = {name: i for i, name in enumerate(names)}
    new = vocabulary.names()
    table[0] = old[rows[""]]
    last = max(i for i, name in enumerate(names) if _is_stamp(name) and np.abs(old[i] - table[0]).max() > 0)
    for compact, full in enumerate(vocabulary.full):
        row = rows.get(new[full]) if full >= 0 else None
        if row is not None:
            known = np.abs(old[row] - table[0]).max() > 0
            if known:
                table[compact] = old[row]
            elif _is_stamp(new[full]):  # later than the old model ever said
                table[compact] = old[last] + 0.3 * table[compact]
    return table


def _is_stamp(name: str) -> bool:
    return name.startswith("<|") and name[2].isdigit()


def _layer(state: dict[str, Array], to: str, arrays: dict[str, Array], source: str) -> None:
    own = f"{source}/self_attention"
    _norm(state, f"{to}.self_attn_layer_norm", arrays, f"{own}/layer_norm")
    weights, biases = arrays[f"{own}/linear_0/weight"], arrays[f"{own}/linear_0/bias"]
    for i, name in enumerate(("q", "k", "v")):
        state[f"{to}.self_attn.{name}_proj.weight"] = weights[i * WIDTH : (i + 1) * WIDTH]
        if name != "k":
            state[f"{to}.self_attn.{name}_proj.bias"] = biases[i * WIDTH : (i + 1) * WIDTH]
    _linear(state, f"{to}.self_attn.out_proj", arrays, f"{own}/linear_1")
    other = f"{source}/attention"
    if f"{other}/linear_0/weight" in arrays:
        _norm(state, f"{to}.encoder_attn_layer_norm", arrays, f"{other}/layer_norm")
        _linear(state, f"{to}.encoder_attn.q_proj", arrays, f"{other}/linear_0")
        state[f"{to}.encoder_attn.k_proj.weight"] = arrays[f"{other}/linear_1/weight"][:WIDTH]
        state[f"{to}.encoder_attn.v_proj.weight"] = arrays[f"{other}/linear_1/weight"][WIDTH:]
        state[f"{to}.encoder_attn.v_proj.bias"] = arrays[f"{other}/linear_1/bias"][WIDTH:]
        _linear(state, f"{to}.encoder_attn.out_proj", arrays, f"{other}/linear_2")
    _norm(state, f"{to}.final_layer_norm", arrays, f"{source}/ffn/layer_norm")
    _linear(state, f"{to}.fc1", arrays, f"{source}/ffn/linear_0")
    _linear(state, f"{to}.fc2", arrays, f"{source}/ffn/linear_1")


def _linear(state: dict[str, Array], to: str, arrays: dict[str, Array], source: str) -> None:
    state[f"{to}.weight"], state[f"{to}.bias"] = arrays[f"{source}/weight"], arrays[f"{source}/bias"]


def _norm(state: dict[str, Array], to: str, arrays: dict[str, Array], source: str) -> None:
    state[f"{to}.weight"], state[f"{to}.bias"] = arrays[f"{source}/gamma"], arrays[f"{source}/beta"]


def _unpack(file: BinaryIO, form: str) -> int:
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _name(file: BinaryIO) -> str:
    return file.read(_unpack(file, "<H"))[:-1].decode()
