"""What falls due by itself as time passes: cues, flags, marks, the voice, the end."""

from __future__ import annotations

from facilitator.core import actions as do
from facilitator.core import facts, health, overrun, silence
from facilitator.core.courtesy import Withhold
from facilitator.core.evidence import Kind
from facilitator.core.floor import TRACK_CONFIDENCE
from facilitator.core.process import Cue, Rights
from facilitator.core.state import State
from facilitator.core.transitions import AFTER_CLOSING, Phase


def settle(state: State) -> None:
    """Let everything that has fallen due happen."""
    state.cues = [cue for cue in state.cues if cue.until > state.now]
    if state.time_change is not None and state.time_change.until <= state.now:
        state.time_change = None
    silence.settle(state)
    overrun.settle(state)
    _update_grant(state)
    _flag_interruptions(state)
    for cue, due in timed_cues(state):
        if due <= state.now:
            state.cues_done.add((state.agenda.index, cue))
            left = lefts(state)[cue]
            state.ask_key(cue, f"cues.{cue.value}", seconds=left, due_at=due)
    _settle_records(state)
    for action in state.voice.decide(state.now, state.ears, deaf=state.deaf):
        if isinstance(action, Withhold):
            state.withhold([action])
        else:
            state.actions.append(action)
    _close(state)


def next_deadline(state: State) -> float | None:
    """Return the session second at which a `Tick` is due; None when only an event can change anything."""
    times = [state.voice.next_deadline(state.ears, deaf=state.deaf)]
    times += [due for _, due in timed_cues(state)]
    if state.floor is not None:
        times.append(state.floor.next_due(state.now))
    times += [cue.until for cue in state.cues]
    times += [silence.next_due(state), overrun.next_due(state)]
    if state.time_change is not None:
        times.append(state.time_change.until)
    if state.handing_over:
        times.append(state.now)
    return min((max(time, state.now) for time in times if time is not None), default=None)


def _close(state: State) -> None:
    """End the session once nothing is left to say or to write down."""
    if state.phase is not Phase.CLOSING or state.handing_over:
        return
    writing = state.rereading or any(record.outstanding for record in state.records.values())
    if not writing and not state.voice.pending and state.voice.speaking is None:
        state.phase = AFTER_CLOSING
        health.not_listened_to(state)
        if state.capturing:
            state.actions.append(do.StopListening())
        state.publish(facts.SessionEnded, process=state.settings.process.id, language=state.settings.language)


def lefts(state: State) -> dict[Cue, float]:
    """Return how many seconds the present step has left when each of its timed cues falls due."""
    remaining = state.settings.process.remaining_seconds(state.agenda.planned(state.agenda.index))
    return {Cue.ENDED: 0.0} if remaining is None else {Cue.REMAINING: remaining, Cue.ENDED: 0.0}


def timed_cues(state: State) -> list[tuple[Cue, float]]:
    """Return the present step's timed cues that are still to come, with when they fall due."""
    if state.phase is not Phase.RUNNING or not state.step.cues:
        return []
    dues = {cue: state.agenda.when_left(left) for cue, left in lefts(state).items()}
    return [
        (cue, due)
        for cue, due in dues.items()
        if due is not None and due > state.step_at and (state.agenda.index, cue) not in state.cues_done
    ]


def _flag_interruptions(state: State) -> None:
    if state.floor is None:
        return
    for found in state.floor.decide(state.now):
        person = state.people_by_channel.get(found.channel)
        kind, who = (Kind.CHANNEL, None) if person is None else (Kind.TRACK, person.name)
        state.flag(found.kind, found.started_at, evidence=kind, who=who, confidence=TRACK_CONFIDENCE)


def _settle_records(state: State) -> None:
    if state.handing_over:
        return
    for name, record in state.records.items():
        speech_on = state.ears.speech_on.values() if state.grant is not None and state.grant[0] == name else ()
        for agreed in record.settle(speech_on):
            if agreed is None:
                state.publish(facts.Warning, code="nothing_to_mark", message=state.words("refusals.nothing_to_mark"))
            else:
                state.publish(facts.RecordAgreed, record=name, text=agreed.text, agreed_by=agreed.agreed_by)


def _update_grant(state: State) -> None:
    """Let the sound of a written-down step reach the recognizer, and none other."""
    running = state.phase is Phase.RUNNING and state.capturing
    record = state.step.written_down if running else None
    wanted = None if record is None else (record, state.agenda.index)
    if wanted == state.grant:
        return
    if state.grant is not None:
        state.actions.append(do.CloseGrant(at=state.now))
        state.handing_over = True
    if wanted is not None:
        state.actions.append(do.OpenGrant(record=wanted[0], step=state.step.id, at=state.now))
    state.grant = wanted


def prompts_ahead(state: State) -> tuple[tuple[str, str], ...]:
    """Return key and words of every prompt that the session may come to say, the next ones first."""
    agenda = state.agenda
    ahead: list[tuple[str, float, str | None]] = []
    for index in range(agenda.index, len(agenda.steps)):
        step, seconds = agenda.steps[index], agenda.planned(index)
        if not step.cues:
            continue
        ahead.append((f"steps.{step.id}.opening", seconds, step.holder))
        remaining = state.settings.process.remaining_seconds(seconds)
        if remaining is not None:
            ahead.append(("cues.remaining", remaining, step.holder))
        ahead.append(("cues.ended", 0.0, step.holder))
        if step.rights is Rights.HOLD:
            ahead.append((f"steps.{step.id}.reminder", 0.0, step.holder))
    keys = ["cues.closing", *(f"prompts.{key}" for key in state.settings.process.prompts)]
    holders = dict.fromkeys(step.holder for step in agenda.steps[agenda.index :])
    ahead += [(key, 0.0, holder) for key in keys for holder in holders]
    return tuple(
        dict.fromkeys((key, state.words(key, seconds=seconds, holder=holder)) for key, seconds, holder in ahead)
    )
