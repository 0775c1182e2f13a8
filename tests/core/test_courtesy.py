"""The courtesy of the voice, and the cues of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.courtesy import Voice
from facilitator.core.ears import Ears
from tests.core.builders import BENOIT, CLIENT, Meeting, heard, joined, outstanding, settings
from tests.core.scenes import alone


def test_an_opening_waits_for_its_silence_from_when_listening_began() -> None:
    assert alone().until(5).spoke() == [(0.6, "presentation", "opening")]


def test_an_opening_waits_for_the_end_of_a_voice_and_its_silence() -> None:
    meeting = alone().plan(heard({BENOIT: [(0.1, 2.0), (2.4, 3.0)]})).until(9)
    assert meeting.spoke() == [(3.6, "presentation", "opening")]


def test_a_click_is_a_voice_too() -> None:
    meeting = alone().plan(heard({BENOIT: [(0.5, 0.55)]})).until(9)
    assert meeting.spoke() == [(pytest.approx(1.15), "presentation", "opening")]


def sleep(meeting: Meeting, at: float) -> Meeting:
    """Have the computer sleep from now until `at`: nothing is looked at meanwhile."""
    meeting._receive(ev.ComputerSlept(at=at))
    return meeting


@pytest.mark.parametrize("woken", [182.0, 190.0])
def test_what_the_computer_slept_is_no_silence(woken: float) -> None:
    meeting = alone().plan(heard({CLIENT: [(150, 179)]})).until(179.5)
    assert sleep(meeting, woken).until(woken + 5).spoke()[1:] == [(woken + 2.5, "presentation", "remaining")]


def test_a_voice_that_was_heard_before_a_sleep_is_heard_until_it_falls() -> None:
    meeting = alone().plan(heard({CLIENT: [(150, 195)]})).until(179.5)
    assert sleep(meeting, 190.0).until(198).spoke()[1:] == [(196.5, "presentation", "remaining")]


def test_past_its_deadline_a_prompt_is_withheld_and_shown() -> None:
    meeting = alone().plan(heard({BENOIT: [(0.2, 9.6)]})).until(10.5)
    assert meeting.spoke() == []
    assert meeting.withheld() == [(pytest.approx(10.001), "presentation", "opening", "no_pause")]
    cue = meeting.session.snapshot(10.5).cues[0]
    assert (cue.kind, cue.action) == ("withheld", "say")
    assert cue.text == "steps.presentation.opening for Camille, 300 s"
    assert meeting.session.next_deadline() == pytest.approx(30.001)
    assert meeting.until(60).session.snapshot(60).cues == ()
    assert meeting.session._state.cues == []


def test_it_may_still_start_at_its_deadline() -> None:
    meeting = alone().plan(heard({BENOIT: [(0.2, 9.4)]})).until(12)
    assert meeting.spoke() == [(10.0, "presentation", "opening")]


def test_the_remaining_and_the_end_are_said_in_a_pause_of_a_second_and_a_half() -> None:
    meeting = alone().until(170).plan(heard({CLIENT: [(175, 184), (185, 190), (290, 305)]})).until(360)
    assert meeting.spoke() == [
        (0.6, "presentation", "opening"),
        (191.5, "presentation", "remaining"),
        (306.5, "presentation", "ended"),
    ]
    spoken = meeting.of(facts.PromptSpoken)
    assert [fact.due_at for fact in spoken] == [0.0, 180.0, 300.0]
    assert [fact.text for fact in spoken][1:] == ["cues.remaining for Camille, 120 s", "cues.ended for Camille, 0 s"]


def test_where_nobody_holds_a_cue_waits_for_eight_tenths() -> None:
    meeting = Meeting(settings=settings({"contract": 300.0})).send(ev.ConsentGiven(at=0), ev.StartAsked(at=0))
    meeting.plan(heard({CLIENT: [(175, 190)]})).until(200)
    assert meeting.spoke()[-1] == (190.8, "contract", "remaining")


def test_a_timed_cue_is_withheld_after_thirty_seconds_of_speech() -> None:
    meeting = alone().plan(heard({CLIENT: [(170, 240)]})).until(250)
    assert meeting.withheld() == [(pytest.approx(210.001), "presentation", "remaining", "no_pause")]


def test_the_voice_gives_way_to_a_voice_of_one_second() -> None:
    meeting = alone(prompt_seconds=6.0).plan(heard({CLIENT: [(2.0, 9.0)]})).until(20)
    ((at, stop),) = meeting.acted(do.StopSpeaking)
    assert (at, stop.fade_seconds) == (3.0, 0.3)
    (spoken,) = meeting.of(facts.PromptSpoken)
    assert (spoken.completed, spoken.started_at, spoken.ended_at) == (False, pytest.approx(0.65), 3.3)
    assert [cue.kind for cue in meeting.session.snapshot(20).cues] == ["gave_way"]
    assert len(meeting.spoke()) == 1


def test_the_voice_does_not_give_way_to_a_short_voice() -> None:
    meeting = alone(prompt_seconds=6.0).plan(heard({CLIENT: [(2.0, 2.9), (4.0, 4.9)]})).until(20)
    assert meeting.acted(do.StopSpeaking) == []
    assert meeting.of(facts.PromptSpoken)[0].completed


def test_a_voice_before_the_first_sound_takes_the_prompt_back_and_it_waits_again() -> None:
    meeting = alone(prompt_seconds=6.0, latency_seconds=0.5).plan(heard({CLIENT: [(0.62, 3.0)]})).until(20)
    ((at, stop),) = meeting.acted(do.StopSpeaking)
    assert (at, stop.fade_seconds) == (pytest.approx(0.62 + 0.032), 0.0)
    (spoken,) = meeting.of(facts.PromptSpoken)
    assert (spoken.completed, spoken.started_at) == (True, pytest.approx(3.0 + 0.6 + 0.5))
    assert meeting.session.snapshot(20).cues == ()


def test_a_prompt_that_began_before_it_could_be_taken_back_counts_as_said() -> None:
    meeting = alone(prompt_seconds=None).until(0.7)
    meeting.send(ev.VoiceRose(at=0.71, channel=CLIENT, since=0.68))
    prompt_id = meeting.acted(do.StopSpeaking)[0][1].prompt_id
    meeting.send(ev.PromptStarted(at=0.72, prompt_id=prompt_id))
    meeting.send(ev.PromptEnded(at=0.75, prompt_id=prompt_id, completed=False)).until(5)
    assert [fact.completed for fact in meeting.of(facts.PromptSpoken)] == [False]


def test_a_prompt_is_not_taken_back_by_what_a_deaf_session_hears() -> None:
    meeting = alone(consent=False, latency_seconds=0.5)
    meeting.plan([ev.VoiceRose(at=0.1, channel=CLIENT, since=0.07)]).until(5)
    assert meeting.acted(do.StopSpeaking) == []


def partly_deaf(*opened: float) -> Meeting:
    """Return a meeting whose call and microphone must both be heard; the call's sound comes at each of `opened`."""
    meeting = alone(chosen={"channels": ("call", "microphone")})
    meeting.send(ev.ChannelOpened(at=0.1, channel="microphone"))
    return meeting.plan([ev.ChannelOpened(at=at, channel="call") for at in opened])


def test_silence_counts_from_when_every_channel_is_heard() -> None:
    meeting = partly_deaf(0.5).send(ev.SayAsked(at=5.0, text="one")).until(20)
    assert [at for at, *_ in meeting.spoke()] == [pytest.approx(0.0), pytest.approx(5.0)]


def test_a_timed_cue_is_withheld_while_a_channel_is_missing_and_said_once_it_is_heard_again() -> None:
    lost = partly_deaf(0.5).until(100).send(ev.DeviceLost(at=100, device="call")).until(250)
    assert [reason for *_, reason in lost.withheld()] == ["deaf"]
    back = partly_deaf(0.5, 150).until(100).send(ev.DeviceLost(at=100, device="call")).until(250)
    assert back.withheld() == []
    assert back.spoke()[-1][2] == "remaining"


def test_a_voice_that_is_heard_is_waited_for_even_while_another_channel_is_missing() -> None:
    meeting = partly_deaf().until(5)
    meeting.send(ev.VoiceRose(at=5.0, channel="microphone", since=4.97), ev.SayAsked(at=5.1, text="one")).until(8)
    assert len(meeting.spoke()) == 1
    meeting.send(ev.VoiceFell(at=8.0, channel="microphone", since=7.97)).until(9)
    assert len(meeting.spoke()) == 2


def test_a_prompt_whose_sound_is_not_at_hand_lets_the_next_one_go_first() -> None:
    meeting = alone(ready_seconds=None).send(ev.SayAsked(at=0.2, text="one"))
    late, quick = [action.prompt.id for _, action in meeting.acted(do.Prepare)]
    meeting.send(ev.PromptReady(at=0.3, prompt_id=quick)).until(1.0)
    assert [action.prompt.id for _, action in meeting.acted(do.Speak)] == [quick]
    meeting.send(ev.PromptReady(at=4.0, prompt_id=late)).until(6.0)
    assert [action.prompt.id for _, action in meeting.acted(do.Speak)] == [quick, late]


def test_the_animator_is_not_told_that_the_voice_gave_way_when_it_was_hushed() -> None:
    meeting = alone(prompt_seconds=6.0).until(2.0).send(ev.HushAsked(at=2.0)).until(5)
    assert not meeting.of(facts.PromptSpoken)[0].completed
    assert meeting.session.snapshot(5).cues == ()


def test_a_withheld_prompt_is_what_say_again_says() -> None:
    meeting = alone().plan(heard({CLIENT: [(0.1, 15.0)]})).until(16)
    (withheld,) = meeting.of(facts.PromptWithheld)
    meeting.send(ev.SayAsked(at=16)).until(25)
    assert [fact.text for fact in meeting.of(facts.PromptSpoken)] == [withheld.text]


def test_two_prompts_follow_each_other_in_the_order_in_which_they_fell_due() -> None:
    meeting = alone()
    meeting.send(ev.SayAsked(at=0.2, text="one"), ev.SayAsked(at=0.3, key="rules")).until(20)
    assert [text.split(" ")[0] for text in [fact.text for fact in meeting.of(facts.PromptSpoken)]] == [
        "steps.presentation.opening",
        "one",
        "prompts.rules",
    ]
    starts = [at for at, *_ in meeting.spoke()]
    assert starts == [pytest.approx(0.6), pytest.approx(3.25), pytest.approx(5.9)]


def test_a_cue_that_fell_due_earlier_goes_first() -> None:
    voice, ears = Voice(), Ears()
    for name, due in (("late", 20.0), ("early", 10.0)):
        voice.ask(prompt(name, due), due)
        voice.ready(name)
    assert voice.decide(20.0, ears, deaf=False) == [do.Speak(prompt=prompt("early", 10.0))]


def prompt(name: str, due: float) -> do.Prompt:
    from facilitator.core.process import Cue

    return do.Prompt(
        id=name,
        step="presentation",
        cue=Cue.CUSTOM,
        key="",
        text=name,
        due_at=due,
        deadline_at=due + 10,
        silence_seconds=0.6,
    )


def test_the_deadline_does_not_run_while_the_voice_itself_speaks() -> None:
    meeting = alone(prompt_seconds=15.0).send(ev.SayAsked(at=0.2, text="one")).until(40)
    assert meeting.withheld() == []
    assert meeting.spoke()[1][0] == pytest.approx(16.25)
    later = alone(prompt_seconds=15.0).send(ev.SayAsked(at=0.2, text="one"))
    later.plan(heard({CLIENT: [(15.1, 25.2)]})).until(40)
    assert later.withheld() == [(pytest.approx(25.651), "presentation", "custom", "no_pause")]


@pytest.mark.parametrize("ready", [3.0, 9.9, 10.1, None])
def test_a_prompt_starts_only_once_its_sound_is_at_hand(ready: float | None) -> None:
    meeting = alone(ready_seconds=ready).until(20)
    if ready is not None and ready < 10:
        assert meeting.spoke() == [(ready, "presentation", "opening")]
    else:
        assert meeting.withheld() == [(pytest.approx(10.001), "presentation", "opening", "voice_late")]
        assert meeting.spoke() == []


def test_hush_silences_what_is_said_and_drops_what_waits() -> None:
    meeting = alone(prompt_seconds=6.0).send(ev.SayAsked(at=0.2, text="one"))
    meeting.send(ev.HushAsked(at=2.0), ev.HushAsked(at=2.01)).until(20)
    ((at, stop),) = meeting.acted(do.StopSpeaking)
    assert (at, stop.fade_seconds) == (2.0, 0.03)
    assert meeting.withheld() == [(2.0, "presentation", "custom", "hushed")]
    assert not meeting.of(facts.PromptSpoken)[0].completed


def test_hush_with_nothing_to_silence_does_nothing() -> None:
    meeting = alone().until(20).send(ev.HushAsked(at=20))
    assert meeting.acted(do.StopSpeaking) == []
    assert meeting.withheld() == []


def test_a_step_change_drops_the_steps_own_prompts_and_keeps_the_animators() -> None:
    meeting = Meeting(prompt_seconds=6.0).send(ev.ConsentGiven(at=0), ev.StartAsked(at=0))
    meeting.send(ev.SayAsked(at=0.2, text="one"), ev.NextAsked(at=0.4)).until(20)
    assert meeting.withheld() == [(0.4, "welcome", "opening", "step_over")]
    assert [(step, cue) for _, step, cue in meeting.spoke()] == [("welcome", "custom"), ("presentation", "opening")]


def test_a_step_change_fades_the_opening_being_said_and_nothing_else() -> None:
    meeting = Meeting(prompt_seconds=6.0).send(ev.ConsentGiven(at=0), ev.StartAsked(at=0), ev.NextAsked(at=3)).until(4)
    ((at, stop),) = meeting.acted(do.StopSpeaking)
    assert (at, stop.fade_seconds) == (3.0, 0.3)
    other = Meeting(prompt_seconds=6.0).send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).until(10)
    other.send(ev.SayAsked(at=10, text="one"), ev.NextAsked(at=11)).until(30)
    assert other.acted(do.StopSpeaking) == []


def test_a_prompt_that_fails_is_withheld_whether_it_waits_or_is_said() -> None:
    meeting = alone(ready_seconds=None)
    waiting = meeting.acted(do.Prepare)[0][1].prompt.id
    meeting.send(ev.PromptFailed(at=0.3, prompt_id=waiting, reason="voice_failed")).until(1)
    assert meeting.withheld() == [(0.3, "presentation", "opening", "voice_failed")]
    said = alone(prompt_seconds=None).until(1)
    speaking = said.acted(do.Speak)[0][1].prompt.id
    said.send(ev.PromptFailed(at=1.2, prompt_id=speaking, reason="voice_failed"))
    assert said.withheld() == [(1.2, "presentation", "opening", "voice_failed")]
    assert said.send(ev.SayAsked(at=2, text="one")).spoke()[-1] == (2, "presentation", "custom")


def test_news_of_another_prompt_changes_nothing() -> None:
    meeting = alone(prompt_seconds=None).until(1)
    for news in (
        ev.PromptStarted(at=2, prompt_id="other"),
        ev.PromptEnded(at=2, prompt_id="other", completed=True),
        ev.PromptFailed(at=2, prompt_id="other", reason="voice_failed"),
    ):
        meeting.send(news)
    assert meeting.session.snapshot(2).speaking == "steps.presentation.opening for Camille, 300 s"
    assert meeting.of(facts.PromptSpoken) == []
    assert meeting.withheld() == []


def test_a_prompt_whose_start_was_not_told_started_when_it_ended() -> None:
    meeting = alone(prompt_seconds=None).until(1)
    speaking = meeting.acted(do.Speak)[0][1].prompt.id
    meeting.send(ev.PromptEnded(at=3, prompt_id=speaking, completed=True))
    (spoken,) = meeting.of(facts.PromptSpoken)
    assert (spoken.started_at, spoken.ended_at) == (3, 3)


def test_the_last_prompt_is_said_again() -> None:
    meeting = alone().until(20).send(ev.SayAsked(at=20)).until(30)
    first, second = meeting.of(facts.PromptSpoken)
    assert (first.text, first.cue, second.cue) == (second.text, "opening", "custom")
    assert second.due_at == 20


def test_the_reminder_waits_three_tenths_and_leaves_after_three_seconds() -> None:
    meeting = alone().until(20).plan(heard({CLIENT: [(19, 22.0)], BENOIT: [(24, 30.0)]}))
    meeting.send(ev.RemindAsked(at=21)).until(23).send(ev.RemindAsked(at=25)).until(40)
    assert meeting.spoke()[-1] == (22.3, "presentation", "reminder")
    assert meeting.withheld() == [(pytest.approx(28.001), "presentation", "reminder", "no_pause")]


VOICES = st.lists(st.tuples(st.floats(0.05, 6.0), st.floats(0.05, 20.0)), max_size=25)


@given(VOICES, VOICES, st.floats(0.5, 8.0), st.floats(0.0, 0.2))
def test_whoever_speaks_whenever_the_voice_is_courteous(
    client: list[tuple[float, float]], benoit: list[tuple[float, float]], seconds: float, latency: float
) -> None:
    voices: dict[str, list[tuple[float, float]]] = {CLIENT: [], BENOIT: []}
    for channel, pairs in ((CLIENT, client), (BENOIT, benoit)):
        now = 0.0
        for gap, length in pairs:
            voices[channel].append((now + gap, now + gap + length))
            now += gap + length
    meeting = alone(75.0, prompt_seconds=seconds, latency_seconds=latency).plan(heard(voices))
    for at in (5.0, 11.0, 31.0, 32.0):
        meeting.send(ev.SayAsked(at=at, text=f"said at {at}"))
    meeting.until(600)
    heard_up = [stretch for stretches in voices.values() for stretch in stretches]
    for at, speak in meeting.acted(do.Speak):
        wanted = speak.prompt.silence_seconds
        assert not [1 for start, end in heard_up if start + 0.033 < at < end + wanted - 1e-6]
        assert speak.prompt.due_at <= at
    speech = [turn for stretches in voices.values() for turn in joined(stretches)]
    stops = {stop.prompt_id: at for at, stop in meeting.acted(do.StopSpeaking)}
    for spoken in meeting.of(facts.PromptSpoken):
        if not spoken.completed:
            at = stops[spoken.id]
            assert [1 for start, end in speech if at - start >= 1.0 - 1e-6 and end > at - 0.033]
    ends = [fact.id for fact in meeting.facts if fact.type in {"prompt_spoken", "prompt_withheld"}]
    asked = [prepared.prompt.id for _, prepared in meeting.acted(do.Prepare)]
    assert sorted(ends) == sorted(asked)


def test_an_utterance_is_no_voice() -> None:
    ears = Ears()
    ears.hear(outstanding(1, 10.0))
    assert (ears.silent_since, ears.speaking_since, ears.speech_on) == (float("-inf"), None, {})
