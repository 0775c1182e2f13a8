"""How each part of the sound, and of what is kept of a session, stands: well, wrong in words, or absent.

Rules:

- A warning is about the part that its code begins with, such as `call_silent`, or that `_PARTS` names; a device that
  was lost is about its own. Both stay for as long as they are so.
- A part is well again once what happens proves it (a voice on its channel, a prompt that is heard, a text that is
  written), its device is back, or a warning called after the part and `back` says so.
- Some troubles last whatever is well beside them, until a warning of their own says that they are over (`_OVER`). They
  are told beside what else is wrong with their part.
- What is not listened to is not wrong: a listening pause forgets what was wrong with the channels.
- Any other warning tells what happened once; it is not about a state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from facilitator.core import actions as do
from facilitator.core.notices import Offer
from facilitator.core.state import State

MICROPHONE, CALL, VOICE, RECOGNIZER, STORE = PARTS = ("microphone", "call", "voice", "recognizer", "store")
_CHANNELS = (MICROPHONE, CALL)
_PARTS: Mapping[str, str] = {
    "no_call_input": CALL,
    "no_voice": VOICE,
    "no_model": RECOGNIZER,
    "sound_kept": RECOGNIZER,
    "writing_late": RECOGNIZER,
    "carried_lost": VOICE,  # what plays the voice into the call carries the microphone; it is there without listening
    "monitor_lost": VOICE,
    "detector_failed": CALL,
}
_ABSENT = frozenset({"no_call_input", "no_voice", "no_model"})
_WELL_AGAIN: Mapping[str, str] = {f"{part}_back": part for part in PARTS}
_OVER: Mapping[str, str] = {
    "writing_caught_up": "writing_late",
    "writing_on_time": "writing_late",
    "carried_back": "carried_lost",
    "monitor_back": "monitor_lost",
}
"""What tells that a trouble is over, and that one: a text that is no longer late may lack something for good."""
_LASTING = frozenset({*_OVER.values(), "detector_failed"})
"""A detector that failed is given up for good."""
_DEVICES: Mapping[str, str] = {"voice_output": VOICE, "stage": VOICE}
_NOT_DISPROVED = frozenset({"voice_muted"})
"""A prompt may be played to nobody: only a warning says that this is over, or a device that comes and goes."""


@dataclass(frozen=True, slots=True)
class PartView:
    """How a part stands.

    Attributes:
        part: one of `PARTS`.
        state: `well`, `wrong`, `absent` where the session does without it, or `idle` while nothing is listened to.
        words: what is wrong, or why it is absent; "" where there is nothing to say.
        offer: what may be taken in the place of its device; None for nothing.
    """

    part: str
    state: str
    words: str = ""
    offer: Offer | None = None


def part_of(code: str) -> str:
    """Return the part whose state a warning tells, "" where it tells none."""
    if code in _WELL_AGAIN or code in _OVER:
        return ""
    named = next((part for part in PARTS if code.startswith(f"{part}_")), "")
    return _PARTS.get(code, named)


def warned(state: State, code: str) -> None:
    """Take that a warning may say that a part is well again, or one trouble over."""
    if code in _WELL_AGAIN:
        right(state, _WELL_AGAIN[code])
    if state.warnings.pop(_OVER.get(code, ""), None) is not None:
        state.actions.append(do.Refresh())


def recovered(state: State, device: str) -> None:
    """Take that a device is back."""
    right(state, _DEVICES.get(device, device))


def lost(state: State, device: str) -> None:
    """Take that a device is gone: what was wrong with it before is of no account; what is said of it later is."""
    right(state, _DEVICES.get(device, device))


def proved(state: State, part: str) -> None:
    """Take that a part was seen to do its work."""
    right(state, part, but=_NOT_DISPROVED)


def _part_with(device: str) -> str:
    """Return the part that a device belongs to; a participant's own track is one of the call."""
    return _DEVICES.get(device, device if device in _CHANNELS else CALL)


def not_listened_to(state: State) -> None:
    """Forget what was wrong with the channels: they are closed."""
    closed = {device for device in state.lost if _part_with(device) != VOICE}
    state.lost -= closed
    for device in closed:
        state.offers.pop(device, None)
    for channel in _CHANNELS:
        right(state, channel)


def right(state: State, part: str, *, but: Collection[str] = ()) -> None:
    """Withdraw what was said to be wrong with a part and does not last."""
    stay = _ABSENT | _LASTING | frozenset(but)
    over = [code for code in state.warnings if part_of(code) == part and code not in stay]
    for code in over:
        del state.warnings[code]
    if over:
        state.actions.append(do.Refresh())


def take(state: State) -> tuple[PartView, ...]:
    """Return how each part that the session may have stands."""
    settings = state.settings
    heard = PARTS if settings.listens else (VOICE, STORE)
    return tuple(_view(state, part) for part in heard if part != STORE or settings.kept)


def _view(state: State, part: str) -> PartView:
    about = [warning for warning in state.warnings.values() if part_of(warning.code) == part]
    lasting = [warning.message for warning in about if warning.code in _LASTING]
    told = [warning for warning in about if warning.code not in _LASTING]
    gone = [device for device in sorted(state.lost) if _part_with(device) == part]
    offer = next((one for device, one in state.offers.items() if _part_with(device) == part), None)
    if gone and not told:
        return PartView(part, "wrong", " ".join([*lasting, _lost_words(state, gone[0])]), offer)
    absent = any(warning.code in _ABSENT for warning in told)
    words = " ".join([*lasting, *(warning.message for warning in told[-1:])])
    if absent or (part in _CHANNELS and part not in map(_part_with, state.settings.channels)):
        return PartView(part, "absent", words)
    if part in _CHANNELS and not state.capturing:
        return PartView(part, "idle")
    return PartView(part, "wrong" if words else "well", words, offer)


def _lost_words(state: State, device: str) -> str:
    """Return what there is to say of a lost device; what can be done, where it does not come back by itself."""
    if device == "stage":
        return state.words("interface.warnings.stage_lost")
    if device in _CHANNELS or device in _DEVICES:
        name = state.words(f"interface.devices.{device}")
    else:
        name = state.words("interface.devices.track", words=device)
    return state.words("interface.warnings.device_lost", words=name)
