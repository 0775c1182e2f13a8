"""The network's file: loaded, run, refused."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from speech.errors import ModelError
from speech.interruptions.network import FRAMES, HALF, FloorNetwork
from tests.conftest import ROOT

MODEL = ROOT / "models" / "floor"


def test_it_gives_two_log_odds_a_frame_and_keeps_nothing_between_runs() -> None:
    network = FloorNetwork(MODEL)
    rng = np.random.default_rng(1)
    primer, recent = rng.normal(0, 0.05, (2, HALF)).astype(np.float32)
    first = network.score(primer, recent)
    network.score(recent, primer)
    assert first.shape == (FRAMES, 2)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(network.score(primer, recent), first)


def test_silence_is_nobody_and_its_log_odds_are_numbers() -> None:
    silence = np.zeros(HALF, dtype=np.float32)
    assert FloorNetwork(MODEL).score(silence, silence).max() < 0


def test_forgetting_overwrites_its_input() -> None:
    network = FloorNetwork(MODEL)
    network.score(np.ones(HALF, dtype=np.float32), np.ones(HALF, dtype=np.float32))
    network.forget()
    assert not network._input.any()


@pytest.mark.parametrize("content", [None, b"", b"not a network"])
def test_a_damaged_or_missing_file_is_said_plainly(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "network.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="missing or damaged"):
        FloorNetwork(tmp_path)


def test_a_network_of_another_shape_is_refused(tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.find_spec("faster_whisper")
    assert spec is not None
    assert spec.submodule_search_locations
    silero = Path(spec.submodule_search_locations[0]) / "assets" / "silero_vad_v6.onnx"
    shutil.copy(silero, tmp_path / "network.onnx")
    with pytest.raises(ModelError, match="missing or damaged"):
        FloorNetwork(tmp_path)


def test_the_model_folder_carries_the_notice_of_its_origin() -> None:
    text = (MODEL / "LICENSE.md").read_text()
    assert "CNRS" in text
    assert "MIT License" in text


def test_a_run_costs_well_under_a_hop() -> None:
    network = FloorNetwork(MODEL)
    sound = np.zeros(HALF, dtype=np.float32)
    spent = []
    for _ in range(5):
        began = time.thread_time()
        network.score(sound, sound)
        spent.append(time.thread_time() - began)
    assert min(spent) < 0.125
