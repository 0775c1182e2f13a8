"""How each part stands: wrong while it is, in words, and well again by itself."""

from __future__ import annotations

from typing import Any

import pytest

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.notices import Offer
from tests.core.builders import Meeting, go, settings, utterance

LIVE = ("microphone", "call")


def live(**changes: Any) -> Meeting:
    """Return a live meeting in the step of the contract."""
    return go("contract", settings=settings(channels=LIVE, kept=True, **changes))


def wrong(meeting: Meeting) -> dict[str, str]:
    """Return what is wrong, in words by part."""
    return {one.part: one.words for one in meeting.session.snapshot(meeting.now).health if one.state == "wrong"}


def warn(meeting: Meeting, code: str, at: float = 1.0) -> Meeting:
    return meeting.send(ev.Warned(at=at, code=code, message=f"About {code}."))


def test_all_is_well_until_something_is_not() -> None:
    parts = live().session.snapshot(0.0).health
    assert [(one.part, one.state, one.words) for one in parts] == [
        (part, "well", "") for part in ("microphone", "call", "voice", "recognizer", "store")
    ]


def test_what_is_not_listened_to_is_not_known() -> None:
    meeting = go("contract", settings=settings(channels=LIVE), consent=False)
    states = [(one.part, one.state) for one in meeting.session.snapshot(0.0).health]
    assert states == [("microphone", "idle"), ("call", "idle"), ("voice", "well"), ("recognizer", "well")]


def test_only_what_the_session_may_have_is_shown() -> None:
    parts = go("welcome", settings=settings(listens=False), consent=False).session.snapshot(0.0).health
    assert [(one.part, one.state) for one in parts] == [("voice", "well")]
    parts = go("welcome", settings=settings(channels=("call",))).session.snapshot(0.0).health
    assert {one.part: one.state for one in parts} == {
        "microphone": "absent",
        "call": "well",
        "voice": "well",
        "recognizer": "well",
    }


@pytest.mark.parametrize(
    ("code", "part"),
    [("no_model", "recognizer"), ("no_voice", "voice"), ("no_call_input", "call")],
)
def test_what_the_session_does_without_is_absent_and_stays_so(code: str, part: str) -> None:
    meeting = warn(live(), code)
    meeting.send(utterance(1, "Bonjour.", 3), ev.VoiceRose(at=4, channel="call", since=4))
    (found,) = [one for one in meeting.session.snapshot(4).health if one.part == part]
    assert (found.state, found.words) == ("absent", f"About {code}.")
    assert wrong(meeting) == {}


AGAIN = {
    "call_silent": ("call", ev.VoiceRose(at=9, channel="call", since=9)),
    "call_muted": ("call", ev.Warned(at=9, code="call_back", message="Heard again.")),
    "microphone_silent": ("microphone", ev.DeviceRecovered(at=9, device="microphone")),
    "voice_failed": ("voice", ev.PromptStarted(at=9, prompt_id="p1")),
    "voice_muted": ("voice", ev.Warned(at=9, code="voice_back", message="Heard again.")),
    "voice_quiet": ("voice", ev.DeviceRecovered(at=9, device="voice_output")),
    "recognizer_failed": ("recognizer", utterance(1, "Bonjour.", 9)),
    "sound_kept": ("recognizer", utterance(1, "Bonjour.", 9)),
    "writing_late": ("recognizer", ev.Warned(at=9, code="writing_caught_up", message="In time.")),
    "store_full": ("store", ev.Warned(at=9, code="store_back", message="Kept again.")),
}
"""For each warning of a state: its part, and what proves that it is over."""


@pytest.mark.parametrize("code", AGAIN)
def test_a_warning_of_a_state_leaves_with_it(code: str) -> None:
    part, proof = AGAIN[code]
    meeting = warn(live(), code)
    assert wrong(meeting) == {part: f"About {code}."}
    assert [(one.code, one.part) for one in meeting.session.snapshot(1).warnings] == [(code, part)]
    meeting.send(proof)
    assert wrong(meeting) == {}
    assert code not in [one.code for one in meeting.session.snapshot(9).warnings]
    assert len(meeting.acted(do.Refresh)) == 1
    assert meeting.of(facts.Warning)[0].code == code


def test_what_proves_another_part_or_nothing_leaves_it() -> None:
    meeting = warn(warn(live(), "call_silent"), "writing_late", at=2)
    meeting.send(
        ev.VoiceRose(at=3, channel="microphone", since=3),
        utterance(1, "Bonjour.", 4),
        utterance(2, None, 5),
        ev.DeviceRecovered(at=6, device="call_of_another"),
    )
    assert wrong(meeting) == {"call": "About call_silent.", "recognizer": "About writing_late."}
    assert meeting.acted(do.Refresh) == []


@pytest.mark.parametrize("code", ["writing_caught_up", "writing_on_time"])
@pytest.mark.parametrize("lost", ["recognizer_failed", "sound_kept"])
def test_a_text_that_is_no_longer_late_may_lack_something_all_the_same(code: str, lost: str) -> None:
    meeting = warn(warn(live(), "writing_late"), lost, at=2)
    assert wrong(meeting) == {"recognizer": f"About writing_late. About {lost}."}
    assert wrong(warn(meeting, code, at=3)) == {"recognizer": f"About {lost}."}
    assert wrong(meeting.send(utterance(1, "Bonjour.", 4))) == {}


LASTING = {
    "carried_lost": ("voice", "carried_back"),
    "monitor_lost": ("voice", "monitor_back"),
    "detector_failed": ("call", None),
}
"""For each warning that nothing else disproves: its part, and what tells that it is over; a detector is given up."""


@pytest.mark.parametrize("code", LASTING)
def test_what_the_group_or_the_animator_does_without_is_shown_for_as_long_as_it_lasts(code: str) -> None:
    part, over = LASTING[code]
    meeting = warn(live(), code).send(
        ev.PromptStarted(at=2, prompt_id="p1"),
        ev.VoiceRose(at=3, channel="call", since=3),
        ev.DeviceLost(at=4, device="voice_output"),
        ev.DeviceRecovered(at=5, device="voice_output"),
        ev.DeviceLost(at=6, device="call"),
        ev.DeviceRecovered(at=7, device="call"),
        ev.ListeningPauseAsked(at=8),
        ev.ListeningResumeAsked(at=9),
    )
    assert wrong(meeting) == {part: f"About {code}."}
    assert [one.part for one in meeting.session.snapshot(9).warnings] == [part], "it cannot be dismissed"
    lost = meeting.send(ev.DeviceLost(at=10, device="voice_output" if part == "voice" else "call"))
    assert wrong(lost)[part].startswith(f"About {code}. interface.warnings.device_lost")
    if over is not None:
        assert "About" not in wrong(warn(lost, over, at=11))[part]
        assert [one.part for one in lost.session.snapshot(11).warnings] == [""]


def test_that_the_group_does_not_hear_the_animator_is_shown_where_nothing_is_listened_to() -> None:
    meeting = warn(go("welcome", settings=settings(listens=False), consent=False), "carried_lost")
    assert wrong(meeting) == {"voice": "About carried_lost."}


def test_what_happened_once_is_no_state() -> None:
    meeting = warn(live(), "capture_dropped")
    assert wrong(meeting) == {}
    assert [one.part for one in meeting.session.snapshot(1).warnings] == [""]


def test_the_last_of_several_troubles_is_shown() -> None:
    meeting = warn(warn(warn(live(), "store_slow"), "store_full", at=2), "store_slow", at=3)
    assert wrong(meeting) == {"store": "About store_slow."}


@pytest.mark.parametrize(("device", "part"), [("call", "call"), ("voice_output", "voice")])
def test_a_lost_device_is_wrong_until_it_is_back(device: str, part: str) -> None:
    meeting = live().send(ev.DeviceLost(at=1, device=device))
    (words,) = wrong(meeting).values()
    assert list(wrong(meeting)) == [part]
    assert words.endswith(f"interface.devices.{device} for Camille, 0 s")
    assert wrong(meeting.send(ev.DeviceRecovered(at=2, device=device))) == {}


def test_a_lost_page_says_what_to_do_until_it_is_back() -> None:
    meeting = live().send(ev.DeviceLost(at=1, device="stage"))
    assert wrong(meeting) == {"voice": "interface.warnings.stage_lost for Camille, 0 s"}
    assert wrong(meeting.send(ev.DeviceRecovered(at=2, device="stage"))) == {}


def test_a_prompt_that_is_played_to_nobody_proves_nothing() -> None:
    meeting = warn(live(), "voice_muted").send(ev.PromptStarted(at=2, prompt_id="p1"))
    assert wrong(meeting) == {"voice": "About voice_muted."}


def test_of_a_lost_device_the_last_that_was_said_is_shown() -> None:
    meeting = warn(live(), "call_silent").send(ev.DeviceLost(at=2, device="call"))
    assert "interface.devices.call" in wrong(meeting)["call"]
    assert wrong(warn(meeting, "call_away", at=9)) == {"call": "About call_away."}
    assert wrong(meeting.send(ev.DeviceRecovered(at=10, device="call"))) == {}


def test_a_participants_own_track_is_one_of_the_call() -> None:
    meeting = go("contract", settings=settings(channels=("Camille", "Nour")))
    assert {one.part: one.state for one in meeting.session.snapshot(0).health} == {
        "microphone": "absent",
        "call": "well",
        "voice": "well",
        "recognizer": "well",
    }
    meeting.send(ev.DeviceLost(at=1, device="Camille"), ev.DeviceLost(at=1, device="Nour"))
    assert "interface.devices.track" in wrong(meeting)["call"]
    assert "call" in wrong(meeting.send(ev.DeviceRecovered(at=2, device="Camille")))
    assert wrong(meeting.send(ev.DeviceRecovered(at=2, device="Nour"))) == {}
    meeting.send(ev.DeviceLost(at=3, device="Nour"), ev.ListeningPauseAsked(at=4))
    assert wrong(meeting) == {}


def test_a_listening_pause_and_the_end_forget_what_was_wrong_with_the_channels() -> None:
    meeting = warn(live(), "call_silent").send(ev.DeviceLost(at=2, device="microphone"))
    assert set(wrong(meeting)) == {"call", "microphone"}
    assert wrong(meeting.send(ev.ListeningPauseAsked(at=3))) == {}
    assert meeting.session.snapshot(3).lost == ()
    meeting = warn(warn(live(), "call_silent"), "store_failed", at=2)
    meeting.send(ev.EndAsked(at=3), ev.EndAsked(at=4)).until(10)
    assert meeting.session.ended
    assert set(wrong(meeting)) == {"store"}


def offers(meeting: Meeting) -> dict[str, Offer]:
    shown = meeting.session.snapshot(meeting.now).health
    return {one.part: one.offer for one in shown if one.offer is not None}


@pytest.mark.parametrize("device", ["call", "microphone", "voice_output"])
def test_another_device_is_offered_in_place_of_a_lost_one_and_taken_once(device: str) -> None:
    part = "voice" if device == "voice_output" else device
    meeting = live().send(ev.DeviceLost(at=2, device=device))
    meeting.send(ev.Warned(at=12, code=f"{part}_away", message="It stays away."))
    meeting.send(ev.DeviceOffered(at=12, device=device, name="usb", description="USB"))
    assert offers(meeting) == {part: Offer(device, "usb", "USB")}
    meeting.send(ev.DeviceTakeAsked(at=13, device=device))
    assert meeting.acted(do.UseDevice) == [(13, do.UseDevice(device=device, name="usb"))]
    assert meeting.facts[-1] == facts.DeviceTaken(at=13, device=device, name="usb")
    assert offers(meeting) == {}
    with pytest.raises(IllegalEventError, match="no_other_device"):
        meeting.send(ev.DeviceTakeAsked(at=14, device=device))
    assert part in wrong(meeting), "it is not open yet"
    assert wrong(meeting.send(ev.DeviceRecovered(at=15, device=device))) == {}


def test_what_is_back_is_offered_no_other_device() -> None:
    meeting = live().send(ev.DeviceLost(at=2, device="call"), ev.DeviceRecovered(at=3, device="call"))
    meeting.send(ev.DeviceOffered(at=4, device="call", name="usb", description="USB"))
    assert offers(meeting) == {}
    meeting = live().send(ev.DeviceLost(at=2, device="call"))
    meeting.send(ev.DeviceOffered(at=12, device="call", name="usb", description="USB"))
    assert offers(meeting.send(ev.DeviceRecovered(at=13, device="call"))) == {}


def test_a_listening_pause_takes_the_offers_of_the_channels_back() -> None:
    meeting = live().send(ev.DeviceLost(at=2, device="call"), ev.DeviceLost(at=2, device="voice_output"))
    for device in ("call", "voice_output"):
        meeting.send(ev.DeviceOffered(at=12, device=device, name="usb", description="USB"))
    assert set(offers(meeting.send(ev.ListeningPauseAsked(at=13)))) == {"voice"}
