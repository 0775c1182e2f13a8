"""What must hold of every session, whatever failed: checked by code that shares nothing with what it checks.

It knows the world (who spoke, what was played, which fault was on, what the disk holds) and what the animator was told.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.campaign.courteous import courtesy, gave_way, silence_was_heard
from tests.campaign.seen import SLACK_SECONDS, listening, over, sleeps, types, wakes
from tests.campaign.session import Answer, Outcome
from tests.campaign.world import CALL, CAREFUL, LONG_SECONDS, MICROPHONE, STEPS, Fault

TOLD_SECONDS = 2.0
DRIFT_SECONDS = 0.02
BACK_SECONDS = 5.0
"""A device is tried again each second, and opens within one; a text may wait for a disk for 1.5 s."""
LOST_SECONDS = 7.0
"""An output that hangs while nothing is played is given up after 6 s."""
CAREFUL_SECONDS = 12.0
"""The larger search of a final pass may take so long before it counts as late."""
STORE_SECONDS = 1.5
"""What is told may wait so long, once, for a disk that fails at the same time."""
STORE = {"store_slow", "store_full", "store_failed"}


def judge(outcome: Outcome) -> list[str]:
    """Return what did not hold."""
    found = [*outcome.failures]
    for check in (
        _steps,
        _agreed,
        _resumed,
        _time,
        _cues,
        _taken_back,
        courtesy,
        gave_way,
        silence_was_heard,
        _faults_told,
        _answered,
        _defects,
        _come_back,
        _lost_by_a_fault,
    ):
        found += [f"{check.__name__.strip('_')}: {what}" for what in check(outcome)]
    return found


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
    told = [line["step"] for _, line in types(outcome, "step_started")]
    if told != wanted:
        yield f"told {told}, not {wanted}"


def _excused(outcome: Outcome, at: float) -> bool:
    """Whether the animator knows at `at` that what is shown may not be on the disk."""
    last_back = max((when for when in _warned(outcome, "store_back") if when <= at), default=-1.0)
    return any(last_back < when <= at for when in _warned(outcome, *STORE))


def _agreed(outcome: Outcome) -> Iterator[str]:
    """What was told as agreed was on the disk by then, unless the animator was told that it is not kept.

    Of two agreements about one record in one instant the second is what counts, and what is kept.
    """
    last = {(one.at, one.line["type"]): one for one in outcome.told if one.line["type"].endswith("_agreed")}
    for one in last.values():
        if one.kept != one.line["text"] and not _excused(outcome, one.at):
            yield f"at {one.at:.2f} {one.line['text']!r} was told, {one.kept!r} was on the disk"
    for answer in outcome.answers:
        name = answer.name.removeprefix("edit_")
        if answer.status != 200 or name == answer.name or "text" not in answer.values or _excused(outcome, answer.at):
            continue
        if answer.values["text"] not in answer.kept.get(name, ()) and _consented(outcome, answer):
            yield f"{answer.name} at {answer.at:.2f} was answered, {answer.kept.get(name)} was on the disk"


def _consented(outcome: Outcome, answer: Answer) -> bool:
    if not outcome.world.listens:
        return True
    return any(other.name == "consent" and other.status == 200 and other.at < answer.at for other in outcome.answers)


def _resumed(outcome: Outcome) -> Iterator[str]:
    """A process that takes the session up has its step, its time and its agreed texts."""
    for at, state in outcome.resumed:
        killed = max(when for when in outcome.killed if when <= at)  # one may be killed before it shows anything
        before = [answer for answer in outcome.answers if answer.at <= killed and answer.step is not None]
        if not before or _excused(outcome, killed) or not _consented(outcome, before[-1]):
            continue
        here, last = STEPS.index(state["step"]), STEPS.index(str(before[-1].step))
        if abs(here - last) > 1:  # one command may have been done as the process died
            yield f"at {at:.2f} it shows {state['step']} after {before[-1].step}"
        if state["phase"] == "ready" and any(one.name == "start" and one.status == 200 for one in before):
            yield f"at {at:.2f} it has not started"
        for name in ("contract", "plan"):
            edits = [one for one in before if one.name == f"edit_{name}" and one.status == 200]
            undone = max((one.at for one in edits if one.values.get("undo")), default=-1.0)
            told = [
                one.line["text"]
                for one in outcome.told
                if one.line["type"] == f"{name}_agreed" and undone < one.at < killed
            ]
            said = [one.values["text"] for one in edits if one.at > undone]
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
    told = [(at, line) for at, line in types(outcome, "prompt_spoken", "prompt_withheld") if line["cue"] == "ended"]
    starts = types(outcome, "step_started")
    for at, line in starts:
        start = float(line["at"])
        ends = [float(one["at"]) for _, one in types(outcome, "step_ended")]
        end = next((when + outcome.zero for when in ends if when > start), None)
        disturbed = types(outcome, "session_paused", "step_extended", "agenda_rebudgeted")
        due = start + float(line["seconds"])
        if end is None or any(at <= when <= end for when, _ in disturbed) or float(line["seconds"]) <= 0:
            continue
        if any(at <= when <= end for when in (*outcome.killed, *sleeps(outcome))):
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


def _taken_back(outcome: Outcome) -> Iterator[str]:
    """A change of the time that is taken back is told once, an extension as so many seconds less of the same step."""
    last: tuple[object, object] | None = None
    for _, line in types(outcome, "step_started", "step_extended", "agenda_rebudgeted"):
        seconds = float(str(line.get("seconds", 0.0)))
        if line["type"] == "step_extended" and seconds < 0:
            if last != (line["step"], -seconds):
                yield f"{seconds} s of {line['step']} were taken back after {last}"
            last = None
        else:
            last = (line["step"], seconds) if line["type"] == "step_extended" else None
    for answer in outcome.answers:
        if answer.name == "undo_time" and answer.status == 200:
            told = types(outcome, "step_extended", "agenda_rebudgeted")
            if not any(answer.asked <= at <= answer.at for at, _ in told):
                yield f"undo_time at {answer.at:.2f} was not told"


def _within(times: list[float], at: float, seconds: float = TOLD_SECONDS) -> bool:
    return any(at - 0.001 <= when <= at + seconds + SLACK_SECONDS for when in times)


def _faults_told(outcome: Outcome) -> Iterator[str]:
    """Each fault that lasts is told within 2 s of being met."""
    lost = types(outcome, "device_lost")
    alone = len(outcome.world.faults) == len({fault.kind for fault in outcome.world.faults})
    for fault in outcome.world.faults if alone and not outcome.killed and not sleeps(outcome) else ():
        met = [at for kind, at in outcome.world.met if kind == fault.kind]
        rule = _RULES.get(fault.kind)
        if rule is None or not met:
            continue
        devices, codes, seconds = rule
        if (CAREFUL, met[0]) in outcome.world.met:
            seconds = CAREFUL_SECONDS + TOLD_SECONDS
        if any(
            abs(at - met[0]) < STORE_SECONDS and kind in {"disk_hangs", "disk_slow"} for kind, at in outcome.world.met
        ):
            seconds += STORE_SECONDS
        if fault.end - met[0] < max(LONG_SECONDS, seconds + SLACK_SECONDS):
            continue
        told = [at for at, line in lost if line["device"] in devices] + _warned(outcome, *codes)
        before = any(at < met[0] for at in told)
        if before or _overlapped(outcome, fault) or (outcome.ended or 1e9) < met[0] + seconds + 0.5:
            continue
        heard = any(begin + 1.0 < met[0] and met[0] + 2.5 < end for begin, end in listening(outcome))
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


_DEVICE_FAULTS = {
    "call": ("call", "ears"),
    "microphone": ("microphone", "ears"),
    "voice_output": ("voice",),
    "stage": ("tab",),
}


def _come_back(outcome: Outcome) -> Iterator[str]:
    """What was lost is there again soon after its fault is over."""
    for at, line in types(outcome, "device_lost"):
        device = str(line["device"])
        mine = [fault for fault in outcome.world.faults if fault.kind.split("_")[0] in _DEVICE_FAULTS[device]]
        by = max([at, *(over(outcome, fault) for fault in mine)]) + BACK_SECONDS
        if any(at <= when <= by for when in (*outcome.killed, *sleeps(outcome))) or by > (outcome.ended or 0.0):
            continue
        if device in {CALL, MICROPHONE} and not any(begin <= at and by < end for begin, end in listening(outcome)):
            continue
        back = [when for when, one in types(outcome, "device_recovered") if one["device"] == device]
        if not any(at <= when <= by for when in back):
            yield f"{device}, lost at {at:.2f}, was not back at {by:.2f}"


def _lost_by_a_fault(outcome: Outcome) -> Iterator[str]:
    """No device is given up in which nothing failed, however busy the computer was."""
    for at, line in types(outcome, "device_lost"):
        kinds = _DEVICE_FAULTS[str(line["device"])]
        mine = [fault for fault in outcome.world.faults if fault.kind.split("_")[0] in kinds]
        near = [fault for fault in mine if fault.start <= at <= over(outcome, fault) + LOST_SECONDS]
        if not near and not any(at - LOST_SECONDS <= when <= at for when in (*sleeps(outcome), *wakes(outcome))):
            yield f"{line['device']} was lost at {at:.2f}, and nothing had failed"


def _defects(outcome: Outcome) -> Iterator[str]:
    """Nothing was raised that should not have been."""
    for one in outcome.told:
        if one.line["type"] == "warning" and one.line["code"] == "defect":
            of_reader = "ZeroDivisionError" in one.line["message"] and "reader_breaks" in outcome.world.fired
            yield from () if of_reader else (str(one.line["message"]),)


def _answered(outcome: Outcome) -> Iterator[str]:
    """The service answers everything, and what is malformed by a refusal."""
    for status in outcome.statuses:
        if status not in {101, 400, 401, 403, 404, 409, 413, 415}:
            yield f"status {status}"
    for answer in outcome.answers:
        if answer.status not in {200, 400, 409}:
            yield f"{answer.name} at {answer.at:.2f}: status {answer.status}"
