"""What our own workers answer, and the programs that are asked for devices, almost right: a worker may be ill."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from speech.capture.device import DeviceSource
from speech.capture.protocol import HEADER, LONGEST_SAMPLES
from speech.devices import list_devices
from speech.errors import SourceLostError
from speech.playback.device import DeviceSink
from speech.ports import RATE_HZ, Sound
from speech.recognition import wire
from speech.recognition.whisper import WhisperRecognizer
from speech.synthesis.pyttsx3 import Pyttsx3Synthesizer, list_voices
from tests.fuzzing.mutations import mutated, numbers, try_all

Count = Callable[[str], None]
SAMPLES = np.full(1600, 0.1, np.float32)
SOUND = Sound(np.full(160, 0.1, np.float32), RATE_HZ)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=2) | st.dictionaries(st.text(max_size=4), one, max_size=2), max_leaves=4
)
REPLY = {"text": "Je note.", "confidence": 0.9}
OFFERED = {"voices": [["roa/fr", "French", ["fr-fr"]], ["gmw/en", "English", []]], "variants": ["f2"]}
ENTRY = {"name": "call", "description": "Call", "properties": {"device.class": "monitor"}}
INFO = {"default_source_name": "call", "default_sink_name": "call"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="plays the worker with cat")


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that every worker says instead of its own words, and then ends."""
    said = tmp_path / "said"
    for module in ("capture.device", "playback.device", "recognition.engine", "synthesis.pyttsx3"):
        monkeypatch.setattr(f"speech.{module}.worker_command", lambda *_: ["cat", str(said)])
    return said


@st.composite
def answers(draw: st.DrawFn, **right: object) -> dict[str, object]:
    """Give an answer with some of its values wrong, or not there, or another beside them."""
    answer = dict(right)
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from([*right, "else"]))
        answer.pop(key, None)
        if draw(st.booleans()):
            answer[key] = draw(VALUES)
    return answer


def as_line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def in_time(what: Awaitable[object]) -> None:
    """Have it done; what hangs is no refusal."""

    async def done() -> None:
        async with asyncio.timeout(30):
            await what

    try:
        asyncio.run(done())
    except TimeoutError:
        pytest.fail("it hangs")


@numbers(40)
def test_a_recognizer(worker: Path, examples: int, count: Count) -> None:
    ready = st.just(wire.pack({"ready": True})) | mutated(wire.pack({"ready": True}))
    replies = mutated(wire.pack(REPLY)) | answers(**REPLY).map(wire.pack) | answers(error="Bad").map(wire.pack)

    async def transcribe() -> None:
        recognizer = WhisperRecognizer(Path("/nowhere"))
        try:
            heard = await recognizer.transcribe(SAMPLES, language="fr")
            assert isinstance(heard.text, str)
            assert 0 <= heard.confidence <= 1
        finally:
            await recognizer.close()

    def say(parts: tuple[bytes, bytes]) -> None:
        worker.write_bytes(b"".join(parts))
        in_time(transcribe())

    is_ready = wire.pack({"ready": True})
    ill = [(is_ready, wire.pack(one)) for one in ({}, {"text": 1, "confidence": 1}, {"text": "", "confidence": "x"})]
    try_all(st.tuples(ready, replies), say, examples, "a recognizer's answers", count, refused=ill)


@numbers(40)
def test_a_voice(worker: Path, examples: int, count: Count) -> None:
    def say(content: bytes) -> None:
        worker.write_bytes(content)
        in_time(list_voices())

    right = answers(**OFFERED) | answers(error="voice", message="There is none.")
    ill = [b"null\n", b'{"voices": 1}\n', b'{"voices": [[]]}\n', b'{"error": "voice"}\n', b'{"error": "a\\nb"}\n']
    inputs = right.map(as_line) | VALUES.map(as_line) | mutated(as_line(OFFERED))
    try_all(inputs, say, examples, "a voice's list", count, refused=ill)


@numbers(30)
def test_a_voice_that_renders(worker: Path, examples: int, count: Count) -> None:
    async def render() -> None:
        voice = Pyttsx3Synthesizer("fr")
        try:
            await voice.render("Bonjour.")
        finally:
            await voice.close()

    def say(content: bytes) -> None:
        worker.write_bytes(content)
        in_time(render())

    right = answers(voice="roa/fr", error="unfinished", message="x").map(as_line)
    try_all(right | VALUES.map(as_line) | st.binary(max_size=40), say, examples, "a voice's answers", count)


def frames(at: float, dropped: float, count: int, samples: bytes) -> bytes:
    return HEADER.pack(at, dropped, count) + samples


@numbers(40)
def test_a_microphone(worker: Path, examples: int, count: Count) -> None:
    good = frames(12.5, 0.0, 512, np.full(512, 0.1, "<f4").tobytes())
    odd = st.builds(
        frames,
        st.floats(),
        st.floats(),
        st.sampled_from([0, 1, 512, LONGEST_SAMPLES, LONGEST_SAMPLES + 1, 2**32 - 1]),
        st.binary(max_size=64) | st.just(np.full(512, math.nan, "<f4").tobytes()) | st.just(b"\xff" * 2048),
    )

    async def listen() -> None:
        source = DeviceSource("mic")
        try:
            while block := await source.read():
                assert math.isfinite(block.at)
                assert np.isfinite(block.samples).all()
                assert math.isfinite(source.dropped_seconds)
                assert source.dropped_seconds >= 0
        finally:
            await source.close()

    def say(parts: tuple[bytes, ...]) -> None:
        worker.write_bytes(b"".join(parts))
        in_time(listen())

    streams = st.tuples(st.just(good), odd | mutated(good), st.just(good) | odd)
    silence = bytes(4 * 512)
    ill = [(good, frames(math.nan, 0.0, 512, silence)), (good, frames(1.0, -1.0, 512, silence))]
    ill.append((good, frames(1.0, 0.0, 512, b"\xff" * 4 * 512)))
    try_all(streams, say, examples, "a microphone's frames, which all end", count, refused=ill)


@numbers(40)
def test_an_output(worker: Path, examples: int, count: Count) -> None:
    ready, started, ended = {"ready": 16_000}, {"id": 1, "started": 1.0}, {"id": 1, "ended": 1.1}
    rest = {"completed": True, "underflows": 0}

    async def play() -> None:
        sink = DeviceSink("speakers")
        told: list[float] = []
        try:
            played = await sink.play(SOUND, on_started=told.append)
            assert isinstance(played.completed, bool)
            assert all(map(math.isfinite, (played.started_at, played.ended_at, *told)))
        finally:
            await sink.close()

    def say(parts: tuple[bytes, ...]) -> None:
        worker.write_bytes(b"".join(parts))
        in_time(play())

    lines = st.tuples(
        st.just(as_line(ready)) | mutated(as_line(ready)),
        answers(**started).map(as_line) | VALUES.map(as_line) | mutated(as_line(started)),
        answers(**ended, **rest).map(as_line) | st.just(as_line({**ended, **rest})),
    )
    first = as_line(ready), as_line(started)
    ill = [
        (as_line(ready), b"null\n"),
        (as_line(ready), b'{"id": 1, "started": null}\n'),
        (*first, b'{"id": 1, "ended": 2}'),
    ]
    ill.append((as_line(ready), b'{"id": 1, "started": NaN}\n'))
    try_all(lines, say, examples, "an output's reports", count, refused=ill)


@numbers(100)
@pytest.mark.skipif(sys.platform != "linux", reason="the sound server is asked on Linux")
def test_a_sound_server(monkeypatch: pytest.MonkeyPatch, examples: int, count: Count) -> None:
    said: list[bytes] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(
            command, 0, said[0 if "info" in command else 1] if "pactl" in command else b""
        )

    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr("subprocess.run", run)

    def ask(parts: tuple[bytes, bytes]) -> None:
        said[:] = parts
        found = list_devices()
        assert all(isinstance(part, str) for device in found for part in (device.name, device.description))
        if not found:
            raise SourceLostError("There is no device.")

    lists = st.lists(answers(**ENTRY), max_size=3) | VALUES
    heads = answers(**INFO).map(as_line) | VALUES.map(as_line)
    ill = [(as_line(INFO), as_line(one)) for one in (1, [None], [{}], [{"name": "x", "properties": None}])]
    ill.append((b"[]", as_line([ENTRY])))
    both = st.tuples(heads, lists.map(as_line) | mutated(as_line([ENTRY])))
    try_all(both, ask, examples, "a sound server's list", count, refused=ill)
