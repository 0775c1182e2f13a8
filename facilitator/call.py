"""A recorded call: CALL.toml, checked whole before anything is played."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import av
from av.error import FFmpegError
from pydantic import BaseModel, ConfigDict, Field

from facilitator import commands
from facilitator.core import events as ev
from facilitator.core.errors import ProcessError
from facilitator.core.process import Participant, Process
from facilitator.data import check, did_you_mean, read_toml
from facilitator.errors import CallError
from speech.capture.files import probe
from speech.errors import AudioFileError

MIXED_CHANNEL = "call"
MICROPHONE_CHANNEL = "microphone"
_ESTIMATED = ("mp3", "aac")
"""Formats whose length FFmpeg may only guess from the bit rate."""
_CUT_SECONDS = 1.0
"""A recording that ends so much sooner than it says was cut off."""
_UNKNOWN_BYTES = 0x7FFFFF00
"""A recorder that cannot go back to a WAV file's head leaves about this length there, or twice it."""
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Participant(_Table):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    role: str
    track: str | None = None


class _Step(_Table):
    id: str
    at: Seconds
    minutes: Annotated[float, Field(gt=0, le=600)] | None = None


class _Command(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    at: Seconds
    command: str


class CallFile(_Table):
    """What CALL.toml may hold."""

    process: str = "codev"
    duration: Annotated[int, Field(gt=0, le=600)] = 60
    language: str = "fr"
    address: Literal["tu", "vous"] = "tu"
    audio: str | None = None
    animator_audio: str | None = None
    participants: Annotated[tuple[_Participant, ...], Field(strict=False)] = ()  # TOML's lists are no tuples
    steps: Annotated[tuple[_Step, ...], Field(strict=False, min_length=1)]
    commands: Annotated[tuple[_Command, ...], Field(strict=False)] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One recording of a call: its channel, its file and its length in seconds."""

    channel: str
    path: Path
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call that can be replayed.

    Attributes:
        file: what CALL.toml says.
        tracks: what is heard; one channel each.
        participants: with the channel of those who have their own track.
        seconds: planned seconds by id of the steps that are held, in order.
        events: what the animator does, in the order of its times.
        length: seconds of recording.
        warnings: code and sentence of what is odd but can be played.
    """

    file: CallFile
    tracks: tuple[Track, ...]
    participants: tuple[Participant, ...]
    seconds: dict[str, float]
    events: tuple[ev.Event, ...]
    length: float
    warnings: tuple[tuple[str, str], ...]

    @property
    def mixed(self) -> bool:
        """Whether one recording holds everybody, so that nobody is heard apart."""
        return all(person.track is None for person in self.file.participants)


def read_call(path: Path) -> CallFile:
    """Return what the file at `path` says.

    Raises:
        CallError: it is missing, is not TOML or holds something unknown or wrong.
    """
    return check(CallFile, read_toml(path, CallError), path, CallError)


def load_call(path: Path, file: CallFile, process: Process) -> Call:
    """Return the call described by `file`, read from `path`, with every recording checked.

    Raises:
        CallError: a role, a step, a time, a recording or a command is wrong; the sentence names it.
    """
    for person in file.participants:
        if person.role not in process.roles:
            known = did_you_mean(person.role, process.roles)
            raise CallError(f"{path}: the role {person.role!r} is unknown in {process.id!r}; {known}")
    tracks = _tracks(path, file)
    own = {track.channel for track in tracks}
    length = max(track.seconds for track in tracks)
    return Call(
        file=file,
        tracks=tracks,
        participants=tuple(_participant(person, own) for person in file.participants),
        seconds=_steps(path, file, process, length),
        events=_events(path, file, length),
        length=length,
        warnings=tuple(_warnings(file, tracks, length)),
    )


def _participant(person: _Participant, channels: set[str]) -> Participant:
    channel = person.name if person.track is not None else None
    if channel is None and person.role == "animator" and MICROPHONE_CHANNEL in channels:
        channel = MICROPHONE_CHANNEL
    return Participant(person.name, person.role, channel)


def _tracks(path: Path, file: CallFile) -> tuple[Track, ...]:
    own = [(person.name, person.track) for person in file.participants if person.track is not None]
    animator_has_track = any(person.role == "animator" and person.track is not None for person in file.participants)
    if file.animator_audio is not None and animator_has_track:
        raise CallError(f"{path}: the animator has both a track and animator_audio; keep one of them.")
    names = [person.name for person in file.participants]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise CallError(f"{path}: two participants have the same name; give each a name of their own.")
    if not own and file.audio is None:
        raise CallError(f'{path}: nothing is recorded; give audio = "…", or a track to each participant.')
    recorded = own or [(MIXED_CHANNEL, file.audio or "")]
    if file.animator_audio is not None:
        if MICROPHONE_CHANNEL in names:
            raise CallError(f"{path}: {MICROPHONE_CHANNEL!r} stands for animator_audio; give that participant a name.")
        recorded.append((MICROPHONE_CHANNEL, file.animator_audio))
    tracks = []
    for channel, name in recorded:
        recording = path.parent / name
        try:
            tracks.append(Track(channel, recording, _whole(recording)))
        except AudioFileError as error:
            raise CallError(str(error)) from None
    return tuple(tracks)


def _whole(recording: Path) -> float:
    """Return a recording's length in seconds, once it is sure to reach its end: an hour takes under half a second.

    Raises:
        AudioFileError: it is missing, cannot be read, or was cut off.
    """
    seconds = probe(recording)
    end, promised = 0.0, _promised(recording) or seconds
    try:
        with av.open(str(recording)) as container:
            estimated = container.format.name in _ESTIMATED
            for packet in container.demux(container.streams.audio[0]):
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    except (FFmpegError, OSError, ValueError):
        raise AudioFileError(f"The recording {recording.name} is damaged at {end:.0f} s: export it again.") from None
    if promised - end > _CUT_SECONDS and not estimated:
        raise AudioFileError(
            f"The recording {recording.name} is cut off at {end:.0f} s of {promised:.0f} s: export it again."
        )
    return seconds


def _promised(recording: Path) -> float | None:
    """Return the seconds that a PCM WAV file's head states; None for another file, or a head that was never completed.

    FFmpeg takes such a file's length from what is there.
    """
    try:
        with wave.open(str(recording), "rb") as file:
            frames = file.getnframes()
            known = frames * file.getnchannels() * file.getsampwidth() < _UNKNOWN_BYTES
            return frames / file.getframerate() if known else None
    except (wave.Error, EOFError, OSError):
        return None


def _steps(path: Path, file: CallFile, process: Process, length: float) -> dict[str, float]:
    known = [step.id for step in process.steps]
    plan: dict[str, float] = {}
    if any(step.minutes is None for step in file.steps):
        try:
            plan = process.plan(file.duration)
        except ProcessError as error:
            raise CallError(f"{path}: {error}.") from None
    last = -1.0
    seconds: dict[str, float] = {}
    for step in file.steps:
        if step.id not in known:
            raise CallError(
                f"{path}: the step {step.id!r} is unknown in {process.id!r}; {did_you_mean(step.id, known)}"
            )
        if step.id in seconds:
            raise CallError(f"{path}: the step {step.id!r} is there twice; keep one.")
        if step.at <= last:
            raise CallError(f"{path}: the step {step.id!r} does not begin after the one before; put them in order.")
        if step.at >= length:
            raise CallError(f"{path}: the step {step.id!r} begins after the recording's end at {length:.1f} s.")
        last = step.at
        planned = plan.get(step.id) if step.minutes is None else step.minutes * 60
        if planned is None:
            raise CallError(
                f"{path}: the step {step.id!r} has no minutes in a {file.duration}-minute meeting; give them."
            )
        seconds[step.id] = planned
    return seconds


def _events(path: Path, file: CallFile, length: float) -> tuple[ev.Event, ...]:
    """Return the step changes and the commands in the order of their times, a step change first."""
    timed: list[tuple[float, int, ev.Event]] = []
    for index, step in enumerate(file.steps):
        asked = ev.StartAsked(at=step.at) if index == 0 else ev.NextAsked(at=step.at)
        timed.append((step.at, 0, asked))
    for command in file.commands:
        if command.at > length:
            raise CallError(
                f"{path}: the command {command.command!r} at {command.at:g} s comes after the recording's end."
            )
        values: dict[str, Any] = command.model_extra or {}
        try:
            events = commands.read(command.command, values, command.at)
        except commands.CommandError as error:
            raise CallError(f"{path}, at {command.at:g} s: {error}") from None
        timed += [(command.at, 1, event) for event in events]
    return tuple(event for _, _, event in sorted(timed, key=lambda entry: entry[:2]))


def _warnings(file: CallFile, tracks: tuple[Track, ...], length: float) -> list[tuple[str, str]]:
    found = [("track_short", track.channel) for track in tracks if track.seconds < length - 1.0]
    if any(person.track is not None for person in file.participants):
        found += [("no_track", p.name) for p in file.participants if p.track is None and p.role != "animator"]
    return found
