"""A voice is heard at once after a long silence: the detector's state must not be carried through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.voices import LEVEL, Library
from speech.detection import SileroDetector, SpeechGate, VoiceKind
from speech.ports import FRAME, RATE_HZ

SILENCE_SECONDS = 30


def test_a_voice_after_half_a_minute_of_noise_is_heard_at_once(test_data: Path) -> None:
    library, rng = Library(test_data), np.random.default_rng(3)
    late = []
    for name in library.speakers("tuning")[:12]:
        bit = library.voice(name).bit(rng, 1.5)
        if bit is None:
            continue
        start = SILENCE_SECONDS * RATE_HZ
        track = library.noise(rng, start + 2 * RATE_HZ // FRAME * FRAME) * np.float32(LEVEL * 10 ** (-20 / 20))
        track[start : start + len(bit)] += bit
        whole = len(track) // FRAME * FRAME
        changes = SpeechGate().push(SileroDetector().score(track[:whole]))
        starts = [change.since for change in changes if change.kind is VoiceKind.STARTED]
        late.append(min((at for at in starts if at > SILENCE_SECONDS - 0.2), default=np.inf) - SILENCE_SECONDS)
    assert len(late) >= 8
    assert np.median(late) <= 0.05
    assert max(late) <= 0.3
