"""What the animator is told of the devices: a sentence for each case, in every language, and another device offered."""

from __future__ import annotations

import asyncio

import pytest

from facilitator import device_words
from facilitator.config import BROWSER, TRACKS
from facilitator.core import events as ev
from facilitator.device_words import VOICE, DeviceWords, another
from facilitator.languages import load_language
from facilitator.timeline import LiveClock, Timeline
from speech.devices import Device
from speech.silence import Condition, Silence, SilenceWatch
from tests.fakes import recording

HEADSET = Device("headset", "input", "Headset", is_default=False, is_monitor=False)
WEBCAM = Device("webcam", "input", "Webcam", is_default=True, is_monitor=False)
CALL = Device("call.monitor", "input", "Monitor of the call", is_default=False, is_monitor=True)
SPEAKERS = Device("speakers", "output", "Speakers", is_default=False, is_monitor=False)
EVERY = (HEADSET, WEBCAM, CALL, SPEAKERS)


def words(language: str = "fr") -> tuple[DeviceWords, list[ev.Warned]]:
    told: list[ev.Warned] = []
    chosen = {"call": "call.monitor", "microphone": "headset", VOICE: "vmic"}
    timeline = Timeline(LiveClock())
    return DeviceWords(timeline, load_language("codev", language, "tu"), told.append, chosen), told


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("channel", ["call", "microphone"])
def test_whatever_a_watch_finds_is_told_in_words(channel: str, language: str) -> None:
    told_of, told = words(language)
    for refusable in (False, True):
        for carried in (False, True):
            for condition in (
                None,
                Condition(muted=True),
                Condition(playing=False),
                Condition(playing=False, elsewhere="webcam.monitor"),
            ):
                watch = SilenceWatch(microphone=channel == "microphone", refusable=refusable)
                watch.hear(recording(1, [(0, 1)] if carried else []), condition)
                for sound in (recording(20, []), recording(1, [(0, 1)])):
                    found = watch.hear(sound, condition)
                    if found is not None:
                        told_of.silent(channel, found, condition)
    assert {warning.code for warning in told} == {f"{channel}_silent", f"{channel}_back"}
    assert not any("{" in warning.message for warning in told)


def test_a_wrong_device_is_named_with_the_one_that_plays() -> None:
    told_of, told = words()
    told_of.silent("call", Silence.WRONG_DEVICE, Condition(playing=False, elsewhere="headset.monitor"))
    assert "call.monitor" in told[0].message
    assert "headset.monitor" in told[0].message


def test_a_muted_voice_and_lost_sound_are_told() -> None:
    told_of, told = words()
    told_of.muted(muted=True)
    told_of.muted(muted=False)
    told_of.dropped("call", 0.2)
    assert [warning.code for warning in told] == ["voice_muted", "voice_back", "capture_dropped"]
    assert "1 s" in told[2].message


@pytest.mark.parametrize(
    ("devices", "device", "lost", "offered"),
    [
        (EVERY, "microphone", "headset", WEBCAM),
        (EVERY, "microphone", "webcam", HEADSET),
        (EVERY, "call", "call.monitor", None),
        (EVERY, "call", "other.monitor", CALL),
        (EVERY, VOICE, "vmic", SPEAKERS),
        ((), VOICE, "vmic", None),
    ],
)
def test_another_device_of_its_kind_is_found(
    devices: tuple[Device, ...], device: str, lost: str, offered: Device | None
) -> None:
    assert another(devices, device, lost) is offered


async def test_a_shared_tab_that_stays_away_is_to_be_shared_again_and_a_bot_is_not_waited_for() -> None:
    told_of, told = words()
    told_of._chosen = {"call": BROWSER, "Camille": TRACKS}
    told_of.away("Camille")
    told_of.away("call")
    assert [(one.code, "partager de nouveau" in one.message) for one in told] == [("call_away", True)]


@pytest.mark.parametrize(("device", "name"), [("microphone", "webcam"), ("call", None)])
async def test_a_device_that_stays_away_is_told_with_another_one(
    device: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_words, "list_devices", lambda: EVERY)
    told_of, told = words()
    told_of.away(device)
    await asyncio.gather(*told_of._timeline._pending)
    assert told[0].code == f"{device}_away"
    assert ("Webcam" if name else "application d'appel") in told[0].message
    assert "Bluetooth" not in told[0].message
    wanted = [] if name is None else [ev.DeviceOffered(at=told[-1].at, device=device, name=name, description="Webcam")]
    assert told[1:] == wanted
