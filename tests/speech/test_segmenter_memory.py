"""Sound that nobody holds any more has left the process, whatever else it keeps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from speech.ports import RATE_HZ
from speech.recognition.segmenter import Segmenter, Utterance
from tests.slopes import resident_megabytes

UTTERANCES, SECONDS = 200, 1.5
"""Each under 128 KiB: what is larger, malloc may give back by itself."""


def said(at: float) -> Utterance:
    segmenter = Segmenter()
    segmenter.open(at)
    segmenter.speech_started(at)
    segmenter.add(np.ones(round(SECONDS * RATE_HZ), dtype=np.float32), at)
    utterance = segmenter.speech_ended(at + SECONDS)
    assert utterance is not None
    return utterance


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_the_system_has_the_memory_of_an_utterance_back_once_it_is_let_go() -> None:
    held = [said(count * 10.0) for count in range(UTTERANCES)]
    full = resident_megabytes()
    del held[:-1]  # the last one stays: malloc gives back only what lies above all that is held
    assert full - resident_megabytes() > 0.9 * UTTERANCES * SECONDS * RATE_HZ * 4 / 1e6
