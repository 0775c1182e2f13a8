"""What must hold of every session, whatever failed: checked by code that shares nothing with what it checks.

It knows the world (who spoke, what was played, which fault was on, what the disk holds) and what the animator was told.
"""

from __future__ import annotations

from collections.abc import Iterator

from speech.ports import FRAME_SECONDS
from tests.campaign.session import Answer, Outcome
from tests.campaign.world import CALL, LONG_SECONDS, MICROPHONE, STEPS, Fault, Play

TOLD_SECONDS = 2.0
DRIFT_SECONDS = 0.02
SLACK_SECONDS = 0.06
"""Of a sum of a few thread's milliseconds and of a frame's end."""
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
GIVE_WAY_SECONDS = 1.0 + 0.3
"""A voice lasts so long over a prompt before it has faded."""
STORE = {"store_slow", "store_full", "store_failed"}
PLAYABLE_DELAY_SECONDS = 0.45
"""From the cue to the sound: the device's 0.1 s, or the stage's lead of 0.2 s, and the time of a thread."""


def judge(outcome: Outcome) -> list[str]:
    """Return what did not hold."""
    found = [*outcome.failures]
    for check in (_steps, _agreed, _resumed, _time, _cues, _courtesy, _gave_way, _faults_told, _answered, _losses_told):
        found += [f"{check.__name__}: {what}" for what in check(outcome)]
    return found


def _types(outcome: Outcome, *types: str) -> list[tuple[float, dict[str, object]]]:
    return [(one.at, one.line) for one in outcome.told if one.line["type"] in types]


def _warned(outcome: Outcome, *codes: str) -> list[float]:
    return [one.at for one in outcome.told if one.line["type"] == "warning" and one.line["code"] in codes]


def _steps(outcome: Outcome) -> Iterator[str]:
    """The steps are those that the accepted commands lead to, and no others."""
    wanted: list[str] = []
    index, since = 0, 0.0
    for answer in outcome.answers:
        if answer.status != 200:
            continue
        for at, state in outcome.resumed:  # what was lost with a process is looked at in `_resumed`
            if since < at <= answer.asked:
                index = STEPS.index(state["step"])
        since = answer.at
        index = {"start": 0, "next": index + 1, "back": index - 1}.get(answer.name, index)
        if answer.name in {"start", "next", "back"}:
            wanted.append(STEPS[index])
        if answer.step != STEPS[index]:
            yield f"{answer.name} at {answer.at:.2f} shows {answer.step}, not {STEPS[index]}"
    if outcome.killed:  # what was asked as the process died is told to nobody, or done and told to nobody
        return
    told = [line["step"] for _, line in _types(outcome, "step_started")]
    if told != wanted:
        yield f"told {told}, not {wanted}"


def _excused(outcome: Outcome, at: float) -> bool:
    """Whether the animator knows at `at` that what is shown may not be on the disk."""
    last_back = max((when for when in _warned(outcome, "store_back") if when <= at), default=-1.0)
    return any(last_back < when <= at for when in _warned(outcome, *STORE))


def _agreed(outcome: Outcome) -> Iterator[str]:
    """What was told as agreed was on the disk by then, unless the animator was told that it is not kept."""
    for one in outcome.told:
        if one.line["type"].endswith("_agreed") and one.kept != one.line["text"] and not _excused(outcome, one.at):
            yield f"at {one.at:.2f} {one.line['text']!r} was told, {one.kept!r} was on the disk"
    for answer in outcome.answers:
        name = answer.name.removeprefix("edit_")
        if answer.status != 200 or name == answer.name or _excused(outcome, answer.at):
            continue
        if answer.values["text"] not in answer.kept.get(name, ()) and _consented(outcome, answer):
            yield f"{answer.name} at {answer.at:.2f} was answered, {answer.kept.get(name)} was on the disk"


def _consented(outcome: Outcome, answer: Answer) -> bool:
    if not outcome.world.listens:
        return True
    return any(other.name == "consent" and other.status == 200 and other.at < answer.at for other in outcome.answers)


def _resumed(outcome: Outcome) -> Iterator[str]:
    """A process that takes the session up has its step, its time and its agreed texts."""
    for (at, state), killed in zip(outcome.resumed, outcome.killed, strict=False):
        before = [answer for answer in outcome.answers if answer.at <= killed and answer.step is not None]
        if not before or _excused(outcome, killed) or not _consented(outcome, before[-1]):
            continue
        here, last = STEPS.index(state["step"]), STEPS.index(str(before[-1].step))
        if abs(here - last) > 1:  # one command may have been done as the process died
            yield f"at {at:.2f} it shows {state['step']} after {before[-1].step}"
        if state["phase"] == "ready" and any(one.name == "start" and one.status == 200 for one in before):
            yield f"at {at:.2f} it has not started"
        for name in ("contract", "plan"):
            told = [
                one.line["text"] for one in outcome.told if one.line["type"] == f"{name}_agreed" and one.at < killed
            ]
            said = [one.values["text"] for one in before if one.name == f"edit_{name}" and one.status == 200]
            record = state["records"][name]
            texts = {record["text"], *(c["before"] for c in record["corrections"])}
            texts |= {c["after"] for c in record["corrections"]}
            for text in (*told[-1:], *said[-1:]):
                if text not in texts and not record["agreed"]:
                    yield f"at {at:.2f} the {name} {text!r} is lost: {texts}"


def _time(outcome: Outcome) -> Iterator[str]:
    """Session time is the computer's, however long it slept and whoever set its clock."""
    for answer in outcome.answers:
        if answer.second is not None and abs(answer.second + outcome.zero - answer.at) > DRIFT_SECONDS:
            yield f"{answer.name} at {answer.at:.3f} shows {answer.second + outcome.zero:.3f}"
    for at, state in outcome.resumed:
        if abs(state["at"] + outcome.zero - at) > 1.0:
            yield f"resumed at {at:.2f}, it shows {state['at'] + outcome.zero:.2f}"


def _cues(outcome: Outcome) -> Iterator[str]:
    """The end of each step that one was told of is announced, aloud or to the animator, in its time."""
    told = [(at, line) for at, line in _types(outcome, "prompt_spoken", "prompt_withheld") if line["cue"] == "ended"]
    starts = _types(outcome, "step_started")
    for at, line in starts:
        start = float(line["at"])
        end = next((float(one["at"]) + outcome.zero for when, one in _types(outcome, "step_ended") if when > at), None)
        disturbed = _types(outcome, "session_paused", "step_extended", "agenda_rebudgeted")
        due = start + float(line["seconds"])
        if end is None or any(at <= when <= end for when, _ in disturbed) or float(line["seconds"]) <= 0:
            continue
        if any(at <= when <= end for when in (*outcome.killed, *_sleeps(outcome))):
            continue
        if due + outcome.zero > end - 1.0:
            continue
        mine = [when for when, one in told if one["step"] == line["step"] and abs(float(one["due_at"]) - due) < 0.05]
        if not mine:
            back = any(other.name == "back" and other.status == 200 for other in outcome.answers)
            if not back:
                yield f"the end of {line['step']}, due at {due:.2f}, was never told"
        elif min(mine) - (due + outcome.zero) > 45.0:
            yield f"the end of {line['step']}, due at {due:.2f}, was told at {min(mine):.2f}"


def _sleeps(outcome: Outcome) -> list[float]:
    return [at for kind, at in outcome.world.met if kind == "suspend"]


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


def _listening(outcome: Outcome) -> list[tuple[float, float]]:
    """Return from when to when the session listened."""
    spans: list[tuple[float, float]] = []
    since: float | None = None
    for at, line in _types(outcome, "consent_given", "listening_paused", "listening_resumed", "session_ended"):
        if line["type"] in {"consent_given", "listening_resumed"} and since is None:
            since = at
        elif line["type"] in {"listening_paused", "session_ended"} and since is not None:
            spans.append((since, at))
            since = None
    return spans if since is None else [*spans, (since, float("inf"))]


def _matching(outcome: Outcome, play: Play) -> dict[str, object] | None:
    if play.started is None:
        return None
    second = play.started - outcome.zero
    spoken = [line for _, line in _types(outcome, "prompt_spoken")]
    return min(spoken, key=lambda line: abs(float(line["started_at"]) - second), default=None)


def _plays(outcome: Outcome) -> Iterator[tuple[Play, dict[str, object]]]:
    """Yield each prompt that was heard, with its line, where the time around it was one: no kill, no sleep."""
    disturbing = (*outcome.killed, *_sleeps(outcome))
    spans = _listening(outcome)
    for play in outcome.world.plays:
        line = _matching(outcome, play)
        if line is None or play.started is None or abs(float(line["started_at"]) + outcome.zero - play.started) > 0.05:
            continue
        if any(play.started - 15 < when < (play.ended or play.started) + 2 for when in disturbing):
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


def _courtesy(outcome: Outcome) -> Iterator[str]:
    """No prompt starts in speech, nor before the silence that its kind asks for."""
    for play, line in _plays(outcome):
        channels = _channels(outcome, play.asked)
        if channels is None or _troubled(outcome, play.asked):
            continue
        step = next((one["step"] for at, one in reversed(_types(outcome, "step_started")) if at <= play.asked), None)
        wanted = SILENCE[str(line["cue"])][step in HELD or line["step"] in HELD]
        known = play.asked - SLACK_SECONDS
        for channel in channels:
            for begin, end in reversed(_voices(outcome, channel, known)):
                if begin < play.asked and play.asked - end < min(wanted, SILENCE[str(line["cue"])][0]) - SLACK_SECONDS:
                    yield f"{line['id']} at {play.asked:.2f}, {play.asked - end:.2f} s after a voice on {channel}"
                break


def _gave_way(outcome: Outcome) -> Iterator[str]:
    """No prompt goes on over a voice that lasts."""
    length = outcome.world.frames * FRAME_SECONDS
    for play, line in _plays(outcome):
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


def _within(times: list[float], at: float, seconds: float = TOLD_SECONDS) -> bool:
    return any(at - 0.001 <= when <= at + seconds + SLACK_SECONDS for when in times)


def _faults_told(outcome: Outcome) -> Iterator[str]:
    """Each fault that lasts is told within 2 s of being met."""
    lost = _types(outcome, "device_lost")
    alone = len(outcome.world.faults) == len({fault.kind for fault in outcome.world.faults})
    for fault in outcome.world.faults if alone and not outcome.killed and not _sleeps(outcome) else ():
        met = [at for kind, at in outcome.world.met if kind == fault.kind]
        rule = _RULES.get(fault.kind)
        if rule is None or not met or fault.end - met[0] < max(LONG_SECONDS, rule[2] + SLACK_SECONDS):
            continue
        devices, codes, seconds = rule
        told = [at for at, line in lost if line["device"] in devices] + _warned(outcome, *codes)
        before = any(at < met[0] for at in told)
        if before or _overlapped(outcome, fault) or (outcome.ended or 1e9) < met[0] + seconds + 0.5:
            continue
        heard = any(begin + 1.0 < met[0] and met[0] + 2.5 < end for begin, end in _listening(outcome))
        if devices and "voice_output" not in devices and not heard:
            continue
        if not _within(told, met[0], seconds):
            yield f"{fault} met at {met[0]:.2f} was told at {told[:2]}"


_RULES: dict[str, tuple[tuple[str, ...], tuple[str, ...], float]] = {
    "call_lost": (("call",), (), TOLD_SECONDS),
    "call_hangs": (("call",), (), TOLD_SECONDS),
    "microphone_lost": (("microphone",), (), TOLD_SECONDS),
    "ears_crash": (("call", "microphone"), (), TOLD_SECONDS),
    "voice_lost": (("voice_output",), (), TOLD_SECONDS),
    "voice_hangs": (("voice_output",), (), TOLD_SECONDS),
    "tab_gone": (("stage",), (), TOLD_SECONDS),
    "load_hangs": ((), ("recognizer_loading",), TOLD_SECONDS),
    "load_fails": ((), ("recognizer_not_ready", "recognizer_failed", "sound_kept"), TOLD_SECONDS),
    "engine_hangs": ((), ("writing_late",), 3.0 + TOLD_SECONDS),
    "floor_crash": ((), ("detector_failed",), TOLD_SECONDS),
    "disk_hangs": ((), ("store_slow",), TOLD_SECONDS),
    "disk_full": ((), ("store_full",), TOLD_SECONDS),
    "disk_broken": ((), ("store_failed",), TOLD_SECONDS),
    "key_lost": ((), ("store_key",), TOLD_SECONDS),
}
"""For each kind of fault that lasts: the devices or the codes that tell it, and how soon."""
_RELATED = {"disk_": STORE | {"store_key"}, "engine_": (), "load_": (), "call_": (), "voice_": ()}


def _overlapped(outcome: Outcome, fault: Fault) -> bool:
    """Whether another fault of the same part was on, or about to be: then either may be told."""
    family = fault.kind.split("_")[0]
    families = {"load": "engine", "ears": "call", "microphone": "call", "key": "disk"}
    family = families.get(family, family)
    for other in outcome.world.faults:
        same = families.get(other.kind.split("_")[0], other.kind.split("_")[0]) == family
        if (
            other is not fault
            and (same or other.kind == "busy")
            and other.start < fault.end + 3
            and fault.start < other.end + 12
        ):
            return True
    return False


def _losses_told(outcome: Outcome) -> Iterator[str]:
    """What could not be written down is told; and nothing was raised that should not have been."""
    for one in outcome.told:
        if one.line["type"] == "warning" and one.line["code"] == "defect":
            yield str(one.line["message"])


def _answered(outcome: Outcome) -> Iterator[str]:
    """The service answers everything, and what is malformed by a refusal."""
    for status in outcome.statuses:
        if status not in {101, 400, 401, 403, 404, 409, 413, 415}:
            yield f"status {status}"
    for answer in outcome.answers:
        if answer.status not in {200, 400, 409}:
            yield f"{answer.name} at {answer.at:.2f}: status {answer.status}"
