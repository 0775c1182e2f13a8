"""What the animator asks: when it is refused, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts, health, overrun
from facilitator.core.agenda import TimeChange
from facilitator.core.courtesy import FADE_SECONDS, HUSH_FADE_SECONDS, TIMED_CUES
from facilitator.core.due import lefts
from facilitator.core.errors import IllegalEventError
from facilitator.core.items import bare, joined
from facilitator.core.process import FACTS, Cue, Rights
from facilitator.core.record import Mark, Record
from facilitator.core.state import CUE_SECONDS, State
from facilitator.core.transitions import Phase


def _start(state: State, event: ev.StartAsked) -> None:
    state.started_at = state.now
    state.publish(facts.SessionStarted, process=state.settings.process.id, language=state.settings.language)
    _begin_step(state, state.agenda.begin(state.now))


def _move(state: State, offset: int) -> None:
    _end_step(state)
    _begin_step(state, state.agenda.move(offset, state.now))


def _begin_step(state: State, seconds: float) -> None:
    step = state.step
    state.step_at = state.now
    state.facts_shown = False
    state.publish(facts.StepStarted, step=step.id, holder=step.holder, seconds=seconds)
    state.hold_floor()
    if step.cues and state.agenda.index not in state.opened:
        state.opened.add(state.agenda.index)
        state.ask_key(Cue.OPENING, f"steps.{step.id}.opening", seconds=seconds)


def _end_step(state: State) -> None:
    seconds, overrun_seconds = state.agenda.leave(state.now)
    state.time_change = None
    own = frozenset({Cue.OPENING, *TIMED_CUES, Cue.REMINDER})
    state.withhold(state.voice.drop("step_over", cues=own))
    if state.voice.speaking is not None and state.voice.speaking.cue in own:
        state.actions += state.voice.stop(FADE_SECONDS)
    state.publish(facts.StepEnded, step=state.step.id, seconds=seconds, overrun_seconds=overrun_seconds)


def _pause(state: State, event: ev.PauseAsked) -> None:
    state.agenda.pause(state.now)
    state.publish(facts.SessionPaused)
    state.withhold(state.voice.drop("paused"))
    state.hold_floor()


def _resume(state: State, event: ev.ResumeAsked) -> None:
    state.agenda.resume(state.now)
    state.publish(facts.SessionResumed)
    state.hold_floor()


def _extend(state: State, event: ev.ExtendAsked) -> None:
    state.time_change = _change(state, event.seconds)
    state.agenda.extend(event.seconds)
    state.publish(facts.StepExtended, step=state.step.id, seconds=event.seconds)
    state.withhold(state.voice.drop("extended", cues=TIMED_CUES))
    for cue, left in lefts(state).items():
        place = (state.agenda.index, cue)
        if state.agenda.left(state.now) > left:  # the new end is announced in its turn
            state.cues_done.discard(place)
        else:
            state.cues_done.add(place)
    overrun.moved(state)


def _change(state: State, seconds: float) -> TimeChange:
    """Return what takes a change of the lengths back that is about to be made."""
    times, here = state.agenda.times(), state.agenda.index
    return TimeChange(
        seconds=seconds,
        until=state.now + CUE_SECONDS,
        extended=times.extended,
        visit_planned=times.visit_planned,
        cues_done=tuple(sorted(cue for place, cue in state.cues_done if place == here)),
    )


def _undo_time(state: State, event: ev.TimeChangeUndone) -> None:
    change, here = state.time_change, state.agenda.index
    assert change is not None  # `_refuse_time_unchanged`
    state.time_change = None
    state.agenda.take_back(change)
    if not change.seconds:
        state.publish(facts.AgendaRebudgeted, steps=state.agenda.rests())
        return
    state.publish(facts.StepExtended, step=state.step.id, seconds=-change.seconds)
    state.withhold(state.voice.drop("taken_back", cues=TIMED_CUES))
    elsewhere = {done for done in state.cues_done if done[0] != here}
    state.cues_done = elsewhere | {(here, cue) for cue in change.cues_done}  # an end that came meanwhile is still said
    overrun.moved(state)


def _end(state: State, event: ev.Event) -> None:
    if state.phase is Phase.ENDED:  # it never started
        if state.capturing:
            state.actions.append(do.StopListening())
        return
    if not state.agenda.over:
        _end_step(state)
        state.agenda.over = True
        state.hold_floor()
        if isinstance(event, ev.EndAsked):
            state.ask_key(Cue.CUSTOM, "cues.closing")
            return
    if isinstance(event, ev.EndAsked):  # asked again: what is still being written is given up
        for record in state.records.values():
            for utterance in record.outstanding:
                record.lose(utterance)
        state.rereading = False
    state.withhold(state.voice.drop("session_over"))
    state.actions += state.voice.stop(0.0 if isinstance(event, ev.AudioEnded) else FADE_SECONDS)


def _consent(state: State, event: ev.ConsentGiven) -> None:
    state.publish(facts.ConsentGiven)
    _listen(state)


def _pause_listening(state: State, event: ev.ListeningPauseAsked) -> None:
    state.actions.append(do.StopListening())
    state.publish(facts.ListeningPaused)
    state.ears.forget(state.now)
    health.not_listened_to(state)
    state.hold_floor()


def _resume_listening(state: State, event: ev.ListeningResumeAsked) -> None:
    state.publish(facts.ListeningResumed)
    _listen(state)


def _listen(state: State) -> None:
    state.actions.append(do.StartListening())
    state.ears.forget(state.now)
    state.hold_floor()


def _take_device(state: State, event: ev.DeviceTakeAsked) -> None:
    offer = state.offers.pop(event.device)
    state.actions.append(do.UseDevice(device=offer.device, name=offer.name))
    state.publish(facts.DeviceTaken, device=offer.device, name=offer.name)


def _hush(state: State, event: ev.HushAsked) -> None:
    state.actions += state.voice.stop(HUSH_FADE_SECONDS)
    state.withhold(state.voice.drop("hushed"))


def _say(state: State, event: ev.SayAsked) -> None:
    last = state.voice.last
    if event.text:
        state.ask(Cue.CUSTOM, "", event.text, state.now)
    elif event.key:
        state.ask_key(Cue.CUSTOM, f"prompts.{event.key}")
    else:
        assert last is not None  # `_refuse_unsayable`
        state.ask(Cue.CUSTOM, last.key, last.text, state.now)


def _remind(state: State, event: ev.RemindAsked) -> None:
    state.ask_reminder()


def _read_back(state: State, event: ev.ReadBackAsked) -> None:
    text = state.words("cues.read_back", words=state.records[event.record].written_text)
    state.ask(Cue.READ_BACK, "", text, state.now)


def _mark(state: State, event: ev.RecordMarked) -> None:
    agreed_by = event.agreed_by or state.owner(event.record)
    state.records[event.record].mark(
        Mark(at=state.now, agreed_by=agreed_by, utterances=event.utterances, whole=event.whole)
    )


def _edit(state: State, event: ev.RecordEdited) -> None:
    record = state.records[event.record]
    items = event.items
    if event.utterances:
        said = (record.said(name) for name in event.utterances)
        items = (*record.chosen, *(item for text in said for item in bare(text)))
    record.edit(event.text.strip() or joined(items), state.now, items)


def _undo(state: State, event: ev.CorrectionUndone) -> None:
    state.records[event.record].undo()


def _rebudget(state: State, event: ev.RebudgetAsked) -> None:
    offer = state.agenda.rebudget(state.now)
    assert offer is not None  # `_refuse_on_time`
    state.time_change = _change(state, 0.0)
    state.agenda.apply(offer)
    state.publish(facts.AgendaRebudgeted, steps=dict(offer.steps))


def _show_facts(state: State, event: ev.FactsAsked) -> None:
    state.facts_shown = event.shown


def _purge(state: State, event: ev.PurgeAsked) -> None:
    state.forget()
    state.publish(facts.Purged)


def _refuse_last(state: State, event: ev.NextAsked) -> None:
    if state.agenda.following is None:
        raise IllegalEventError("last_step")


def _refuse_first(state: State, event: ev.BackAsked) -> None:
    if state.agenda.index == 0:
        raise IllegalEventError("first_step")


def _refuse_no_time(state: State, event: ev.ExtendAsked) -> None:
    if not 0 < event.seconds < float("inf"):
        raise IllegalEventError("no_time")


def _refuse_unsayable(state: State, event: ev.SayAsked) -> None:
    if event.key and event.key not in state.settings.process.prompts:
        raise IllegalEventError("no_such_prompt")
    if not event.text and not event.key and state.voice.last is None:
        raise IllegalEventError("nothing_said")


def _refuse_unheld(state: State, event: ev.RemindAsked) -> None:
    if state.step.rights is not Rights.HOLD:
        raise IllegalEventError("nobody_holds")


def _record(state: State, name: str) -> Record:
    if name not in state.records:
        raise IllegalEventError("no_such_record")
    return state.records[name]


def _refuse_unwritten(state: State, event: ev.ReadBackAsked) -> None:
    if not _record(state, event.record).written_text:
        raise IllegalEventError("nothing_written")


def _open_record(state: State, name: str) -> Record:
    record = _record(state, name)
    if not state.open(name):
        raise IllegalEventError("record_closed")
    return record


def _refuse_unmarkable(state: State, event: ev.RecordMarked) -> None:
    record = _open_record(state, event.record)
    if record.unknown(event.utterances):
        raise IllegalEventError("no_such_utterance")
    if not event.utterances and not record.anything_to_mark(state.now, whole=event.whole) and not state.ears.speech_on:
        raise IllegalEventError("nothing_to_mark")


def _refuse_uneditable(state: State, event: ev.RecordEdited) -> None:
    record = _open_record(state, event.record)
    if record.unknown(event.utterances):
        raise IllegalEventError("no_such_utterance")
    said = (record.said(name) for name in event.utterances)
    lines = [*said, *(item.text for item in event.items)] or [event.text]
    if not all(line.strip() for line in lines):
        raise IllegalEventError("nothing_written")


def _refuse_unchanged(state: State, event: ev.CorrectionUndone) -> None:
    if not _open_record(state, event.record).undoable:
        raise IllegalEventError("nothing_to_undo")


def _refuse_on_time(state: State, event: ev.RebudgetAsked) -> None:
    if state.agenda.rebudget(max(state.now, event.at)) is None:
        raise IllegalEventError("on_time")


def _refuse_time_unchanged(state: State, event: ev.TimeChangeUndone) -> None:
    if state.time_change is None or state.time_change.until <= max(state.now, event.at):
        raise IllegalEventError("time_unchanged")


def _refuse_factless(state: State, event: ev.FactsAsked) -> None:
    if event.shown and state.step.shows != FACTS:
        raise IllegalEventError("no_facts_here")


def _refuse_unoffered(state: State, event: ev.DeviceTakeAsked) -> None:
    if event.device not in state.offers:
        raise IllegalEventError("no_other_device")


REFUSALS: Mapping[type[ev.Event], Callable[..., None]] = {
    ev.NextAsked: _refuse_last,
    ev.BackAsked: _refuse_first,
    ev.ExtendAsked: _refuse_no_time,
    ev.SayAsked: _refuse_unsayable,
    ev.RemindAsked: _refuse_unheld,
    ev.ReadBackAsked: _refuse_unwritten,
    ev.RecordMarked: _refuse_unmarkable,
    ev.RecordEdited: _refuse_uneditable,
    ev.CorrectionUndone: _refuse_unchanged,
    ev.RebudgetAsked: _refuse_on_time,
    ev.TimeChangeUndone: _refuse_time_unchanged,
    ev.FactsAsked: _refuse_factless,
    ev.DeviceTakeAsked: _refuse_unoffered,
}
"""Checks that need more than the tables: each raises `IllegalEventError` and changes nothing."""

HANDLERS: Mapping[type[ev.Event], Callable[..., None]] = {
    ev.StartAsked: _start,
    ev.NextAsked: lambda state, _: _move(state, 1),
    ev.BackAsked: lambda state, _: _move(state, -1),
    ev.PauseAsked: _pause,
    ev.ResumeAsked: _resume,
    ev.ExtendAsked: _extend,
    ev.EndAsked: _end,
    ev.AudioEnded: _end,
    ev.ConsentGiven: _consent,
    ev.ListeningPauseAsked: _pause_listening,
    ev.ListeningResumeAsked: _resume_listening,
    ev.HushAsked: _hush,
    ev.DeviceTakeAsked: _take_device,
    ev.SayAsked: _say,
    ev.RemindAsked: _remind,
    ev.ReadBackAsked: _read_back,
    ev.RecordMarked: _mark,
    ev.RecordEdited: _edit,
    ev.CorrectionUndone: _undo,
    ev.RebudgetAsked: _rebudget,
    ev.TimeChangeUndone: _undo_time,
    ev.FactsAsked: _show_facts,
    ev.PurgeAsked: _purge,
}
