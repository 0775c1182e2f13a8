"""Whether the voice was courteous, by what channels carried and the output played: not by the product's own ears."""

from __future__ import annotations

from collections.abc import Iterator

from speech.ports import FRAME_SECONDS
from tests.campaign.seen import SLACK_SECONDS, listening, sleeps, types, wakes
from tests.campaign.session import Outcome
from tests.campaign.world import CALL, MICROPHONE, Play

SILENCE = {
    "opening": (0.6, 0.6),
    "remaining": (0.8, 1.5),
    "ended": (0.8, 1.5),
    "reminder": (0.3, 0.3),
    "read_back": (0.6, 0.6),
    "custom": (0.6, 0.6),
}
"""Seconds of silence before each kind of prompt, and in a step that one role holds: the method's own, PRODUCT.md."""
HELD = {"presentation", "consultation", "synthesis"}
SLEPT_SECONDS = 1.0
"""A shorter sleep is none."""
GIVE_WAY_SECONDS = 1.0 + 0.3
"""A voice lasts so long over a prompt before it has faded."""


def _voices(outcome: Outcome, channel: str, before: float) -> list[tuple[float, float]]:
    """Return start and end of what was voiced on a channel, in what had come `before`, joined where it goes on."""
    spans: list[tuple[float, float]] = []
    for sound in outcome.world.sounds:
        if sound.channel != channel or sound.came > before:
            continue
        for place, loud in enumerate(sound.voiced):
            at = sound.at + place * FRAME_SECONDS
            if loud:
                joins = bool(spans) and at - spans[-1][1] < FRAME_SECONDS / 2
                spans.append((spans.pop()[0] if joins else at, at + FRAME_SECONDS))
    return spans


def _matching(outcome: Outcome, play: Play) -> dict[str, object] | None:
    if play.started is None:
        return None
    second = play.started - outcome.zero
    spoken = [line for _, line in types(outcome, "prompt_spoken")]
    return min(spoken, key=lambda line: abs(float(line["started_at"]) - second), default=None)


def _plays(outcome: Outcome, *disturbing: float) -> Iterator[tuple[Play, dict[str, object]]]:
    """Yield each prompt that was heard, with its line, where nothing `disturbing` was around it: a kill, a sleep."""
    spans = listening(outcome)
    for play in outcome.world.plays:
        line = _matching(outcome, play)
        if line is None or play.started is None or abs(float(line["started_at"]) + outcome.zero - play.started) > 0.05:
            continue
        if any(play.started - 15 < when < (play.ended or play.started) + 2 for when in (*outcome.killed, *disturbing)):
            continue
        if any(begin + 3.0 < play.asked and play.started + 3.0 < end for begin, end in spans):
            yield play, line


def _channels(outcome: Outcome, at: float) -> list[str] | None:
    """Return the channels that were heard around `at`; None where one was just lost or had not come back."""
    used = [CALL, *([MICROPHONE] if outcome.world.microphone else [])]
    for channel in used:
        came = [sound for sound in outcome.world.sounds if sound.channel == channel and at - 3.0 < sound.came <= at]
        length = outcome.world.frames * FRAME_SECONDS
        if sum(length for _ in came) < 2.4 or at - came[-1].came > length + SLACK_SECONDS:
            return None
    return used


def _troubled(outcome: Outcome, at: float) -> bool:
    """Whether something near `at` kept what came from being heard at once."""
    kinds = {"busy", "ears_crash", "call_hangs", "call_lost", "microphone_lost", "call_garbage"}
    return any(kind in kinds and at - 3.5 < when < at + 1.5 for kind, when in outcome.world.met)


def courtesy(outcome: Outcome) -> Iterator[str]:
    """No prompt starts in speech, nor before the silence that its kind asks for."""
    for play, line in _plays(outcome, *sleeps(outcome)):
        channels = _channels(outcome, play.asked)
        if channels is None or _troubled(outcome, play.asked):
            continue
        step = next((one["step"] for at, one in reversed(types(outcome, "step_started")) if at <= play.asked), None)
        wanted = SILENCE[str(line["cue"])][step in HELD or line["step"] in HELD]
        known = play.asked - SLACK_SECONDS
        for channel in channels:
            for begin, end in reversed(_voices(outcome, channel, known)):
                if begin < play.asked and play.asked - end < min(wanted, SILENCE[str(line["cue"])][0]) - SLACK_SECONDS:
                    yield f"{line['id']} at {play.asked:.2f}, {play.asked - end:.2f} s after a voice on {channel}"
                break


def gave_way(outcome: Outcome) -> Iterator[str]:
    """No prompt goes on over a voice that lasts."""
    length = outcome.world.frames * FRAME_SECONDS
    for play, line in _plays(outcome, *sleeps(outcome)):
        assert play.started is not None
        if play.ended is None or _troubled(outcome, play.started) or _troubled(outcome, play.ended):
            continue
        if _channels(outcome, play.started) is None or _channels(outcome, play.ended) is None:
            continue
        for channel in _channels(outcome, play.started) or []:
            for begin, end in _voices(outcome, channel, play.ended):
                over = min(end, play.ended) - max(begin, play.started)
                if over > GIVE_WAY_SECONDS + 2 * length + 0.3:
                    yield f"{line['id']} went on for {over:.2f} s over a voice on {channel}"


def silence_was_heard(outcome: Outcome) -> Iterator[str]:
    """No prompt takes for a silence what the computer slept, where everybody was heard before it."""
    for slept, woke in zip(sleeps(outcome), wakes(outcome), strict=True):
        if woke - slept < SLEPT_SECONDS or _channels(outcome, slept) is None or _troubled(outcome, slept):
            continue
        for play, line in _plays(outcome):
            heard = play.asked - woke
            if 0.0 <= heard < min(SILENCE[str(line["cue"])]) - SLACK_SECONDS:
                yield f"{line['id']} at {play.asked:.2f}, {heard:.2f} s after the computer woke"
