"""What a call application and a room do to each voice, and to the mix. Mono float32 at 16 kHz, lengths kept."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

from bench.voices import LEVEL, Library, in_room
from speech.ports import RATE_HZ, Samples

Generator = np.random.Generator
_TICK = RATE_HZ // 100
_PACKET = RATE_HZ // 50


@dataclass(frozen=True, slots=True)
class Condition:
    """How a call sounds. Probabilities are a person's or, for `duck`, a call's.

    Attributes:
        name: for tables.
        rooms: probability of a room.
        gain_db: a listener's level differs by up to so much, either way; the holder's by a third of it.
        drift_db: how far a level wanders over a minute, standard deviation.
        snr_db: range of the call's speech over its noise; None for hardly any.
        opus: whether each voice goes through a codec of 16 to 24 kbit/s with losses.
        agc: probability of automatic gain.
        suppression: probability of noise suppression.
        duck_db: range by which whoever speaks second is turned down; None for never.
        duck: probability of that.
        bursts: coughs, keys, laughter, chimes and music a minute.
    """

    name: str
    rooms: float = 0.0
    gain_db: float = 0.0
    drift_db: float = 0.0
    snr_db: tuple[float, float] | None = None
    opus: bool = False
    agc: float = 0.0
    suppression: float = 0.0
    duck_db: tuple[float, float] | None = None
    duck: float = 0.0
    bursts: float = 0.0


CLEAN = Condition("clean")
CALL = Condition("call", rooms=0.85, gain_db=9, drift_db=2, snr_db=(15, 25), opus=True, agc=0.4, suppression=0.4)
DUCKED = Condition("ducked", rooms=0.5, gain_db=3, snr_db=(20, 30), opus=True, agc=0.4, duck_db=(6, 12), duck=1.0)
FULL = Condition(
    "everything",
    rooms=0.7,
    gain_db=9,
    drift_db=2,
    snr_db=(15, 28),
    opus=True,
    agc=0.5,
    suppression=0.5,
    duck_db=(6, 12),
    duck=0.3,
    bursts=2.0,
)
CONDITIONS = (CLEAN, CALL, DUCKED, FULL)


@dataclass(slots=True)
class Line:
    """The way of one person's sound into the call, drawn once a call."""

    condition: Condition
    library: Library
    rng: Generator
    holder: bool
    _gain_db: float = field(init=False)

    def __post_init__(self) -> None:
        spread = self.condition.gain_db / (3 if self.holder else 1)
        self._gain_db = self.rng.uniform(-spread, spread)

    def carry(self, sound: Samples) -> Samples:
        """Return a person's whole track as it arrives."""
        rng, condition = self.rng, self.condition
        if not sound.any():
            return sound
        busy = _packets(sound)
        if rng.random() < condition.rooms:
            sound = in_room(sound, self.library.room(rng))
        if condition.rooms:
            tilt = rng.uniform(-0.25, 0.25)
            sound = (sound + tilt * np.concatenate([[0], sound[:-1]])) / (1 + abs(tilt))
        sound = sound * np.float32(10 ** (self._gain_db / 20))
        if condition.drift_db:
            sound = sound * _wander(rng, len(sound), condition.drift_db)
        if condition.snr_db is not None:  # the person's own microphone hisses a little
            sound = sound + self.library.noise(rng, len(sound)) * np.float32(LEVEL * 10 ** (-rng.uniform(30, 45) / 20))
        if rng.random() < condition.suppression:
            sound = suppressed(sound.astype(np.float32))
        if rng.random() < condition.agc:
            sound = levelled(sound.astype(np.float32), rng)
        sound = sound.astype(np.float32)
        if condition.opus:  # what is silent but for its hiss is left as it is: it costs time and changes nothing
            sound[busy] = coded(sound[busy], int(rng.integers(16, 25)), rng.uniform(0, 0.03), rng)
        return sound


def mixed(
    tracks: dict[str, Samples],
    speaking: dict[str, NDArray[np.bool_]],
    condition: Condition,
    library: Library,
    rng: Generator,
) -> Samples:
    """Return what the animator's computer plays: all tracks together.

    Args:
        tracks: each person's sound; the holder's name is "".
        speaking: where each person speaks, sample by sample.
        condition: how the call sounds.
        library: rooms and noises.
        rng: draws it all.
    """
    ducks = condition.duck_db is not None and rng.random() < condition.duck
    duck_db = rng.uniform(*condition.duck_db) if ducks and condition.duck_db is not None else 0.0
    whole = np.zeros(len(next(iter(tracks.values()))), np.float32)
    for name, track in tracks.items():
        arrived = Line(condition, library, rng, holder=not name).carry(track)
        if ducks and name:
            arrived = arrived * _under(speaking[""], duck_db)
        whole += arrived
    if condition.snr_db is not None:
        anybody = np.any(list(speaking.values()), axis=0)
        power = float(np.mean(whole[anybody] ** 2)) if anybody.any() else LEVEL**2
        whole += library.noise(rng, len(whole)) * np.float32(
            np.sqrt(power) * 10 ** (-rng.uniform(*condition.snr_db) / 20)
        )
    whole *= np.float32(10 ** (rng.uniform(-6, 6) / 20))
    return np.clip(whole, -1, 1).astype(np.float32)


def coded(sound: Samples, kilobits: int, loss: float, rng: Generator) -> Samples:
    """Return `sound` through Opus for speech; a lost packet of 20 ms is filled with the one before, softer."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as out:
        options = {"application": "voip", "compression_level": "3"}
        stream = out.add_stream("libopus", rate=RATE_HZ, layout="mono", options=options)
        stream.bit_rate = kilobits * 1000
        whole = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
        for at in range(0, len(whole), _PACKET):
            frame = av.AudioFrame.from_ndarray(
                np.pad(part := whole[at : at + _PACKET], (0, _PACKET - len(part)))[None], "s16", "mono"
            )
            frame.sample_rate = RATE_HZ
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    file.seek(0)
    back = av.AudioResampler("fltp", "mono", RATE_HZ)
    pieces = []
    with av.open(file) as coming:
        for part in coming.decode(audio=0):
            pieces += [piece.to_ndarray()[0] for piece in back.resample(part)]
    pieces += [piece.to_ndarray()[0] for piece in back.resample(None)]
    heard = np.concatenate(pieces)
    heard = np.pad(heard, (0, max(0, len(sound) - len(heard))))[: len(sound)].astype(np.float32)
    for at in np.flatnonzero(rng.random(len(heard) // _PACKET) < loss) * _PACKET:
        if at >= _PACKET:
            heard[at : at + _PACKET] = heard[at - _PACKET : at] * np.float32(0.7)
    return heard


def levelled(sound: Samples, rng: Generator) -> Samples:
    """Return `sound` with automatic gain: towards one level within seconds, up to 12 dB, faster down than up."""
    ticks = len(sound) // _TICK + 1
    power = np.pad(sound.astype(np.float64) ** 2, (0, ticks * _TICK - len(sound))).reshape(ticks, _TICK).mean(1)
    target = LEVEL * 10 ** (rng.uniform(-3, 6) / 20)
    up, down = rng.uniform(1.5, 5), rng.uniform(0.2, 1)
    gains = np.empty(ticks)
    level = float(np.sqrt(power.max())) or LEVEL
    for i, now in enumerate(np.sqrt(power)):
        if now > 0.15 * level:
            level += (now * 1.3 - level) * 0.01 / (down if now > level else up)
        gains[i] = min(max(target / (level + 1e-6), 0.25), 4.0)
    return (sound * np.repeat(gains, _TICK)[: len(sound)]).astype(np.float32)


def suppressed(sound: Samples) -> Samples:
    """Return `sound` after noise suppression: a spectral gate, 20 ms windows, 18 dB at most."""
    size, step = 512, 256
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(sound, (size, 2 * size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::step] * window
    spectra = np.fft.rfft(frames, axis=1)
    strength = np.abs(spectra) ** 2
    floor = np.percentile(strength[::4], 15, axis=0) * 4 + 1e-12
    gain = np.sqrt(np.clip(1 - floor / (strength + 1e-12), 0.0156, 1))
    gain = (gain + np.roll(gain, 1, 0) + np.roll(gain, -1, 0)) / 3
    parts = np.fft.irfft(spectra * gain, size, axis=1) * window
    made = np.zeros(len(padded))
    norm = np.zeros(len(padded))
    for k in range(size // step):
        part = parts[k :: size // step]
        flat = part.reshape(-1)
        at = k * step
        flat = flat[: len(made) - at]
        made[at : at + len(flat)] += flat
        norm[at : at + len(flat)] += np.tile(window**2, len(part))[: len(flat)]
    return (made / np.maximum(norm, 1e-3))[size : size + len(sound)].astype(np.float32)


def _packets(sound: Samples) -> NDArray[np.bool_]:
    """Return where a track holds anything, 0.3 s around it included."""
    count = len(sound) // _PACKET + 1
    any_ = np.pad(sound != 0, (0, count * _PACKET - len(sound))).reshape(count, _PACKET).any(1)
    wide = np.convolve(any_, np.ones(31), "same") > 0
    return np.repeat(wide, _PACKET)[: len(sound)]


def _wander(rng: Generator, length: int, spread_db: float) -> Samples:
    """Return a slowly changing gain: a point every 6 s or so, joined by straight lines."""
    points = max(3, length // (6 * RATE_HZ) + 2)
    course = np.interp(np.linspace(0, points - 1, length), np.arange(points), rng.normal(0, spread_db, points))
    return (10 ** (course / 20)).astype(np.float32)


def _under(speaking: NDArray[np.bool_], duck_db: float) -> Samples:
    """Return the gain of everybody else while `speaking`, moving within 50 ms."""
    low = 10 ** (-duck_db / 20)
    ticks = len(speaking) // _TICK + 1
    on = np.pad(speaking, (0, ticks * _TICK - len(speaking))).reshape(ticks, _TICK).any(1)
    hold = np.convolve(on, np.ones(20), "full")[:ticks] > 0  # 0.2 s after the last word
    smooth = np.convolve(np.pad(np.where(hold, low, 1.0), (2, 2), mode="edge"), np.ones(5) / 5, "valid")
    return np.repeat(smooth, _TICK)[: len(speaking)].astype(np.float32)
