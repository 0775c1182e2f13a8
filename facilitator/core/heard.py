"""What the world reports: voices, utterances, prompts, devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts, health
from facilitator.core.courtesy import Withhold
from facilitator.core.evidence import Kind
from facilitator.core.notices import Offer, WarningView
from facilitator.core.record import Utterance
from facilitator.core.state import State

SLEPT = "computer_slept"
"""A key of the languages' `interface.warnings`."""


def _tick(state: State, _event: ev.Tick) -> None:
    state.handing_over = False  # the runner has had its turn


def _hear(state: State, event: ev.ChannelEvent) -> None:
    if not state.capturing:  # it was under way when capture stopped
        return
    state.ears.hear(event)
    state.tally.hear(event)
    if isinstance(event, ev.VoiceRose):
        health.proved(state, event.channel)
    if state.floor is not None:
        state.floor.hear(event)


def _other_voice(state: State, event: ev.OtherVoiceHeard) -> None:
    found = None if state.mixed is None else state.mixed.hear(event)
    if found is not None:
        state.flag(found.kind, found.started_at, evidence=Kind.OVERLAP, who=None, confidence=found.confidence)


def _detector_failed(state: State, event: ev.DetectorFailed) -> None:
    if event.channel == state.settings.mixed:
        state.detector_failed = True
        if state.mixed is not None:
            state.leave_floor()


def _utterance_heard(state: State, event: ev.UtteranceHeard) -> None:
    if not state.forgotten:
        state.records[event.record].heard(_utterance(state, event, None, ""))


def _utterance_written(state: State, event: ev.UtteranceWritten) -> None:
    if state.forgotten:
        return
    record = state.records[event.record]
    if event.text is None:
        record.lose(_utterance(state, event, None, event.stage))
        return
    health.proved(state, health.RECOGNIZER)
    utterance = _utterance(state, event, event.text, event.stage)
    if record.write(utterance, event.replaces):
        state.publish(
            facts.UtteranceTranscribed,
            id=event.id,
            stage=event.stage,
            replaces=event.replaces,
            step=event.step,
            text=event.text,
            started_at=event.started_at,
            ended_at=event.ended_at,
            who=utterance.who,
            role=utterance.role,
            channel=event.channel,
        )


def _final_pass(state: State, event: ev.FinalPassBegan | ev.FinalPassEnded) -> None:
    state.rereading = isinstance(event, ev.FinalPassBegan)


def _utterance(state: State, event: ev.UtteranceHeard | ev.UtteranceWritten, text: str | None, stage: str) -> Utterance:
    person = state.people_by_channel.get(event.channel)
    return Utterance(
        id=event.id,
        started_at=event.started_at,
        ended_at=event.ended_at,
        channel=event.channel,
        step=event.step,
        who=person.name if person else None,
        role=person.role if person else None,
        text=text,
        stage=stage,
    )


def _prompt_ready(state: State, event: ev.PromptReady) -> None:
    state.voice.ready(event.prompt_id)


def _prompt_started(state: State, event: ev.PromptStarted) -> None:
    state.voice.started(event.prompt_id, state.now)
    health.proved(state, health.VOICE)


def _prompt_ended(state: State, event: ev.PromptEnded) -> None:
    started, gave_way = state.voice.started_at, state.voice.gave_way
    prompt = state.voice.ended(event.prompt_id, state.now)
    if prompt is None:
        return
    state.publish(
        facts.PromptSpoken,
        id=prompt.id,
        step=prompt.step,
        cue=prompt.cue.value,
        text=prompt.text,
        due_at=prompt.due_at,
        started_at=state.now if started is None else started,
        ended_at=state.now,
        completed=event.completed,
    )
    if gave_way:
        state.show("gave_way", state.words("private.gave_way"), "say")


def _prompt_failed(state: State, event: ev.PromptFailed) -> None:
    prompt = state.voice.ended(event.prompt_id, state.now)
    failed = [] if prompt is None else [Withhold(prompt, event.reason)]
    state.withhold([*failed, *state.voice.failed(event.prompt_id, event.reason)])


def _computer_slept(state: State, event: ev.ComputerSlept) -> None:
    state.ears.wake(state.now)
    state.hold_floor()
    _warned(state, ev.Warned(at=event.at, code=SLEPT, message=state.words(f"interface.warnings.{SLEPT}")))


def _device_lost(state: State, event: ev.DeviceLost) -> None:
    state.ears.close(event.device)
    state.lost.add(event.device)
    health.lost(state, event.device)
    state.publish(facts.DeviceLost, device=event.device)


def _device_recovered(state: State, event: ev.DeviceRecovered) -> None:
    state.lost.discard(event.device)
    state.offers.pop(event.device, None)
    health.recovered(state, event.device)
    state.publish(facts.DeviceRecovered, device=event.device)


def _device_offered(state: State, event: ev.DeviceOffered) -> None:
    if event.device in state.lost:  # it may be back while another one was looked for
        state.offers[event.device] = Offer(event.device, event.name, event.description)
        state.actions.append(do.Refresh())


def _warned(state: State, event: ev.Warned) -> None:
    health.warned(state, event.code)
    state.warnings.pop(event.code, None)  # the last told is the last shown
    state.warnings[event.code] = WarningView(event.code, event.message, state.now, health.part_of(event.code))
    state.publish(facts.Warning, code=event.code, message=event.message)


HANDLERS: Mapping[type[ev.Event], Callable[..., None]] = {
    ev.Tick: _tick,
    ev.ChannelOpened: _hear,
    ev.VoiceRose: _hear,
    ev.VoiceFell: _hear,
    ev.SpeechStarted: _hear,
    ev.SpeechEnded: _hear,
    ev.OtherVoiceHeard: _other_voice,
    ev.DetectorFailed: _detector_failed,
    ev.UtteranceHeard: _utterance_heard,
    ev.UtteranceWritten: _utterance_written,
    ev.FinalPassBegan: _final_pass,
    ev.FinalPassEnded: _final_pass,
    ev.PromptReady: _prompt_ready,
    ev.PromptStarted: _prompt_started,
    ev.PromptEnded: _prompt_ended,
    ev.PromptFailed: _prompt_failed,
    ev.ComputerSlept: _computer_slept,
    ev.DeviceLost: _device_lost,
    ev.DeviceRecovered: _device_recovered,
    ev.DeviceOffered: _device_offered,
    ev.Warned: _warned,
}
