"""The doubles do what they say."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from keyring.errors import KeyringLocked, PasswordDeleteError

from facilitator.core import events as ev
from speech.errors import RecognizerError, SynthesisError
from speech.ports import FRAME, RATE_HZ, Block, OtherVoice
from tests.fakes import (
    FakeDetector,
    FakeKeyring,
    FakeListener,
    FakeOtherVoiceDetector,
    FakeRecognizer,
    FakeSource,
    FakeSynthesizer,
    recording,
)


async def test_a_fake_source_gives_the_whole_recording_in_order() -> None:
    samples = recording(1.3, [(0.5, 1.0)])
    source = FakeSource(samples)
    blocks = []
    while (block := await source.read()) is not None:
        blocks.append(block)
    assert np.array_equal(np.concatenate([block.samples for block in blocks])[: len(samples)], samples)
    assert [block.at for block in blocks] == [index * 16 * FRAME / RATE_HZ for index in range(len(blocks))]
    assert all(len(block.samples) % FRAME == 0 for block in blocks)


async def test_a_closed_fake_source_gives_nothing() -> None:
    source = FakeSource(recording(1.0, []))
    await source.close()
    assert await source.read() is None


def test_a_fake_detector_hears_what_is_loud() -> None:
    samples = recording(FRAME * 4 / RATE_HZ, [(FRAME / RATE_HZ, FRAME * 3 / RATE_HZ)])
    assert FakeDetector().score(samples).tolist() == [0, 1, 1, 0]


def test_a_fake_other_voice_detector_finds_fails_and_waits_as_told() -> None:
    voice = OtherVoice("talk_over", 0.0, 0.064, 0.9)
    block, speech = Block(recording(0.064, []), 0.0), np.ones(2, dtype=np.float32)
    detector = FakeOtherVoiceDetector([voice])
    assert detector.hear(block, speech) == []  # not before it was started
    detector.start()
    assert detector.hear(block, speech, own_voice=True) == [voice]
    assert detector.hear(Block(block.samples, 0.064), speech) == []
    detector.stop()
    heard = [(0.0, 0.064, False), "start", (0.0, 0.064, True), (0.064, 0.128, False), "stop"]
    assert detector.calls == heard
    assert detector.heard == [(0.0, 0.064), (0.0, 0.128)]
    for name in ("start", "stop", "hear"):
        failing = FakeOtherVoiceDetector(failing=[name])
        with pytest.raises(RuntimeError):
            failing.hear(block, speech) if name == "hear" else getattr(failing, name)()
    until = threading.Event()
    until.set()
    assert FakeOtherVoiceDetector(until=until).hear(block, speech) == []


def test_a_fake_listener_remembers() -> None:
    listener = FakeListener()
    listener.receive(ev.Tick(at=1.0))
    assert listener.events == [ev.Tick(at=1.0)]


async def test_a_fake_synthesizer_renders_fails_and_hangs_as_told() -> None:
    engine = FakeSynthesizer(failing=["bad"], hanging=["stuck"])
    assert (await engine.render("two words")).seconds == pytest.approx(0.2)
    with pytest.raises(SynthesisError):
        await engine.render("bad")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(engine.render("stuck"), 0.01)
    assert engine.rendered == ["two words", "bad", "stuck"]


async def test_a_fake_recognizer_writes_fails_and_closes_as_told() -> None:
    recognizer = FakeRecognizer(failing=[1])
    assert (await recognizer.transcribe(np.zeros(5, np.float32), language="fr")).text == "5 samples"
    with pytest.raises(RecognizerError):
        await recognizer.transcribe(np.zeros(5, np.float32), language="fr", hotwords="Nour")
    await recognizer.close()
    assert recognizer.closed
    assert recognizer.asked == [(5, "fr", "", False), (5, "fr", "Nour", False)]


def test_a_fake_keyring_keeps_forgets_and_fails_as_told() -> None:
    ring = FakeKeyring()
    ring.set_password("service", "nour", "secret")
    assert ring.get_password("service", "nour") == "secret"
    ring.delete_password("service", "nour")
    assert ring.get_password("service", "nour") is None
    with pytest.raises(PasswordDeleteError):
        ring.delete_password("service", "nour")
    keeps = FakeKeyring("keeps")
    keeps.set_password("service", "nour", "secret")
    keeps.delete_password("service", "nour")
    assert keeps.get_password("service", "nour") == "secret"
    forgets = FakeKeyring("forgets")
    forgets.set_password("service", "nour", "secret")
    assert forgets.get_password("service", "nour") is None
    for trouble, kind in (("locked", KeyringLocked), ("broken", RuntimeError)):
        with pytest.raises(kind):
            FakeKeyring(trouble).get_password("service", "nour")
