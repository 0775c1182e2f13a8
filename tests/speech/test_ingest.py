"""A channel whose sound is sent: placed by its count, heard only while listening, lossless through lost connections."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from speech.capture import ingest
from speech.capture.ingest import BURST_SECONDS, KEPT_SECONDS, MESSAGES_A_SECOND, Inlet
from speech.errors import IngestError, SourceLostError
from speech.ports import FRAME, RATE_HZ
from speech.sound import from_pcm16

CHUNK = 4 * FRAME
SECONDS = CHUNK / RATE_HZ


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pcm(start: int, count: int = CHUNK) -> bytes:
    return np.arange(start, start + count, dtype=np.int64).astype("<i2").tobytes()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inlet(clock: Clock) -> Inlet:
    return Inlet(clock)


async def read(inlet: Inlet, blocks: int) -> tuple[list[float], bytes]:
    """Return the times of the next blocks, and their samples as they were sent."""
    found = [await inlet.read() for _ in range(blocks)]
    samples = np.concatenate([block.samples for block in found if block is not None])
    return [block.at for block in found if block is not None], (samples * 32768).astype("<i2").tobytes()


async def test_sound_comes_out_as_it_went_in_at_the_time_it_was_taken(inlet: Inlet, clock: Clock) -> None:
    inlet.open()
    assert inlet.begin()
    for number in range(3):
        clock.now += SECONDS
        inlet.take(pcm(number * CHUNK))
    times, sent = await read(inlet, 3)
    assert times == pytest.approx([100.0, 100.0 + SECONDS, 100.0 + 2 * SECONDS])
    assert sent == pcm(0, 3 * CHUNK)
    assert inlet.received == 3 * CHUNK


async def test_messages_of_any_length_become_whole_frames(inlet: Inlet, clock: Clock) -> None:
    inlet.open()
    inlet.begin()
    for start in range(0, 10 * 300, 300):
        clock.now += 300 / RATE_HZ
        inlet.take(pcm(start, 300))
    times, sent = await read(inlet, 5)
    assert sent == pcm(0, 5 * FRAME)
    assert times == pytest.approx([100.0 + index * FRAME / RATE_HZ for index in range(5)])


async def test_nothing_is_heard_before_listening_nor_in_a_pause(inlet: Inlet, clock: Clock) -> None:
    inlet.begin()
    changes: list[bool] = []
    end = inlet.follow(lambda: changes.append(inlet.listening))
    inlet.take(pcm(0))
    inlet.open()
    inlet.take(pcm(CHUNK))
    await inlet.close()
    inlet.take(pcm(2 * CHUNK))
    assert await inlet.read() is None
    inlet.open()
    inlet.take(pcm(3 * CHUNK))
    _, sent = await read(inlet, 1)
    assert sent == pcm(3 * CHUNK)
    end()
    await inlet.close()
    assert changes == [True, False, True]


async def test_a_capture_that_comes_back_goes_on_where_it_was(inlet: Inlet, clock: Clock) -> None:
    """Three seconds without a connection: what the sender kept comes in one go, and is heard where it was said."""
    inlet.open()
    inlet.begin()
    inlet.resume("tab")
    clock.now += SECONDS
    inlet.take(pcm(0))
    inlet.end()
    clock.now += 3.0
    assert inlet.begin()
    inlet.resume("tab")
    assert inlet.received == CHUNK
    chunks = round(3.0 / SECONDS)
    for number in range(1, chunks + 1):
        inlet.take(pcm(number * CHUNK))
    times, sent = await read(inlet, chunks + 1)
    assert sent == pcm(0, (chunks + 1) * CHUNK)
    assert times == pytest.approx([100.0 + index * SECONDS for index in range(chunks + 1)], abs=0.01)
    assert inlet.dropped_seconds == 0


async def test_what_a_sender_could_not_keep_is_counted_and_what_follows_stays_in_its_place(
    inlet: Inlet, clock: Clock
) -> None:
    inlet.open()
    inlet.begin()
    inlet.resume("tab")
    clock.now += SECONDS
    inlet.take(pcm(0))
    inlet.skip(2 * RATE_HZ)
    clock.now += 2.0 + SECONDS
    inlet.take(pcm(0))
    times, _ = await read(inlet, 2)
    assert times == pytest.approx([100.0, 102.0 + SECONDS])
    assert inlet.dropped_seconds == 2.0
    assert inlet.received == 2 * CHUNK + 2 * RATE_HZ


async def test_another_capture_is_placed_anew(inlet: Inlet, clock: Clock) -> None:
    inlet.open()
    for name, begun in (("tab", 100.0), ("window", 160.0), ("", 220.0), ("", 280.0)):
        clock.now = begun + SECONDS
        inlet.begin()
        if name:
            inlet.resume(name)
            assert inlet.received == 0
        inlet.take(pcm(0))
        times, _ = await read(inlet, 1)
        assert times == pytest.approx([begun])
        inlet.end()


async def test_after_the_senders_computer_slept_its_sound_is_of_now_again(inlet: Inlet, clock: Clock) -> None:
    inlet.open()
    inlet.begin()
    times: list[float] = []
    for number in range(40):
        clock.now += SECONDS + (60.0 if number == 5 else 0.0)
        inlet.take(pcm(0))
        times += (await read(inlet, 1))[0]
    assert times[4] == pytest.approx(100.0 + 4 * SECONDS)
    assert times[-1] == pytest.approx(clock.now - SECONDS, abs=0.01)


async def test_a_sender_that_is_away_is_told_once_and_may_come_back(
    inlet: Inlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "AWAY_SECONDS", 0.02)
    inlet.open()
    with pytest.raises(SourceLostError, match="share the call again"):
        await inlet.read()
    waiting = asyncio.create_task(inlet.read())
    inlet.begin()
    inlet.take(pcm(0))
    block = await waiting
    assert block is not None
    assert block.samples.tolist() == from_pcm16(pcm(0)).tolist()
    with pytest.raises(SourceLostError):
        await inlet.read()


async def test_one_sender_at_a_time(inlet: Inlet) -> None:
    assert inlet.begin()
    assert not inlet.begin()
    inlet.end()
    assert inlet.begin()


@pytest.mark.parametrize("sent", [b"", b"x", b"xyz"])
async def test_half_samples_are_refused(inlet: Inlet, sent: bytes) -> None:
    inlet.begin()
    with pytest.raises(IngestError, match="16-bit"):
        inlet.take(sent)
    assert inlet.received == 0


async def test_a_capture_is_named_before_its_sound(inlet: Inlet) -> None:
    inlet.begin()
    inlet.take(pcm(0))
    with pytest.raises(IngestError, match="before its sound"):
        inlet.resume("tab")


async def test_a_flood_is_refused_and_never_held(inlet: Inlet) -> None:
    inlet.open()
    inlet.begin()
    second = bytes(2 * RATE_HZ)
    for _ in range(int(BURST_SECONDS)):
        inlet.take(second)
    with pytest.raises(IngestError, match="not faster"):
        inlet.take(second)
    assert sum(len(block.samples) for block in inlet._blocks) <= KEPT_SECONDS * RATE_HZ
    assert inlet.dropped_seconds >= BURST_SECONDS - KEPT_SECONDS - 1


async def test_a_flood_of_tiny_messages_is_refused(inlet: Inlet) -> None:
    inlet.begin()
    for _ in range(int(BURST_SECONDS * MESSAGES_A_SECOND)):
        inlet.take(b"\0\0")
    with pytest.raises(IngestError, match="not faster"):
        inlet.take(b"\0\0")
