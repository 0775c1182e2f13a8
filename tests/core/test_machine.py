"""Anything in any order, legal or not, at any time: what must always hold holds."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.items import Item
from facilitator.core.session import Session
from tests.core.builders import ANIMATOR, BENOIT, CLIENT, DALIA, FakeWording, codev, outstanding, settings, utterance

CHANNELS = st.sampled_from([CLIENT, BENOIT, DALIA, ANIMATOR, "call"])
RECORDS = st.sampled_from(["contract", "plan", "poem"])
IDS = st.integers(1, 6)
OTHER = {ev.DeviceOffered: {"name": "usb", "description": "USB"}}
WAITS = st.one_of(st.just(0.0), st.floats(0, 3), st.floats(0, 400))
ASKED: list[st.SearchStrategy[tuple[type[ev.Event], dict[str, Any]]]] = [
    st.tuples(st.just(kind), st.just({}))
    for kind in (
        *(ev.StartAsked, ev.NextAsked, ev.NextAsked, ev.BackAsked, ev.PauseAsked, ev.ResumeAsked, ev.ConsentGiven),
        *(ev.ListeningPauseAsked, ev.ListeningResumeAsked, ev.HushAsked, ev.RemindAsked, ev.RebudgetAsked),
        *(ev.PurgeAsked, ev.TimeChangeUndone),
    )
]
ASKED += [
    st.tuples(st.just(ev.FactsAsked), st.fixed_dictionaries({"shown": st.booleans()})),
    st.tuples(st.just(ev.DeviceTakeAsked), st.just({"device": "vmic"})),
    st.tuples(st.just(ev.ExtendAsked), st.fixed_dictionaries({"seconds": st.sampled_from([-1.0, 60.0, 300.0])})),
    st.tuples(
        st.just(ev.SayAsked),
        st.fixed_dictionaries(
            {"text": st.sampled_from(["", "Bonjour."]), "key": st.sampled_from(["", "rules", "joke"])}
        ),
    ),
    st.tuples(st.just(ev.ReadBackAsked), st.fixed_dictionaries({"record": RECORDS})),
    st.tuples(
        st.just(ev.RecordMarked),
        st.fixed_dictionaries(
            {
                "record": RECORDS,
                "utterances": st.one_of(st.just(()), st.tuples(IDS.map(lambda number: f"u{number}"))),
                "whole": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just(ev.RecordEdited),
        st.one_of(
            st.fixed_dictionaries({"record": RECORDS, "text": st.sampled_from([" ", "Autrement."])}),
            st.fixed_dictionaries(
                {"record": RECORDS, "items": st.sampled_from([(), (Item("Lundi.", due="2026-12-07"),)])}
            ),
            st.fixed_dictionaries({"record": RECORDS, "utterances": st.tuples(IDS.map(lambda number: f"u{number}"))}),
        ),
    ),
    st.tuples(st.just(ev.CorrectionUndone), st.fixed_dictionaries({"record": RECORDS})),
]


class AnySession(RuleBasedStateMachine):
    """A session in a hostile world, and a bookkeeper who trusts nothing it says."""

    @initialize(
        listens=st.booleans(),
        deaf_cues=st.booleans(),
        reminders=st.booleans(),
        begun=st.booleans(),
        mixed=st.booleans(),
        lengths=st.lists(st.sampled_from([60.0, 90.0, 300.0, 800.0]), min_size=8, max_size=8),
    )
    def open(
        self, *, listens: bool, deaf_cues: bool, reminders: bool, begun: bool, mixed: bool, lengths: list[float]
    ) -> None:
        seconds = {step.id: value for step, value in zip(codev().steps, lengths, strict=True)}
        self.deaf_cues = deaf_cues
        chosen = settings(seconds, listens=listens, timed_cues_when_deaf=deaf_cues, spoken_reminders=reminders)
        if mixed:
            chosen = dataclasses.replace(chosen, participants=(), mixed="call", cue_probability=0.7)
        self.session = Session(chosen, FakeWording())
        self.watching = False
        self.now = 0.0
        self.facts: list[facts.Fact] = []
        self.asked: list[str] = []
        self.ended: list[str] = []
        self.speaking: str | None = None
        self.capturing = False
        self.granted = False
        self.voiced: set[str] = set()
        if begun:
            for kind in (ev.ConsentGiven, ev.StartAsked):
                self.ask((kind, {}), 0.0)

    # --- the world ---
    def pass_time(self, seconds: float) -> None:
        """Tick at every deadline, as the runner does."""
        until, ticks, last = self.now + seconds, 0, -1.0
        while (deadline := self.session.next_deadline()) is not None and deadline <= until:
            ticks = ticks + 1 if deadline <= last else 1
            assert ticks <= 10, "no progress"
            last = deadline
            self.receive(ev.Tick(at=deadline))
        self.now = until

    def receive(self, event: ev.Event) -> None:
        if isinstance(event, ev.ChannelEvent) and self.capturing:
            if isinstance(event, ev.VoiceRose):
                self.voiced.add(event.channel)
            if isinstance(event, ev.VoiceFell):
                self.voiced.discard(event.channel)
        if isinstance(event, ev.PromptEnded) and event.prompt_id == self.speaking:
            self.speaking = None  # taken back before it began, it waits again, and may be said at once
        self.session.receive(event)
        for action in self.session.take_actions():
            self.keep(action)
        assert self.session.take_actions() == ()

    def keep(self, action: do.Action) -> None:
        """Note what a session wants done, and that it may."""
        match action:
            case do.Prepare(prompt=prompt):
                self.asked.append(prompt.id)
            case do.Speak(prompt=prompt):
                assert self.speaking is None, "two prompts at once"
                assert prompt.id in self.asked
                assert not self.voiced, "it started in speech"
                if prompt.cue.value in {"remaining", "ended"}:
                    assert self.capturing or self.deaf_cues, "a timed cue while deaf"
                self.speaking = prompt.id
            case do.StopSpeaking(prompt_id=prompt_id):
                assert prompt_id == self.speaking
            case do.OpenGrant() | do.CloseGrant():
                assert self.granted is isinstance(action, do.CloseGrant)
                self.granted = not self.granted
            case do.WatchFloor() | do.LeaveFloor():
                assert self.watching is isinstance(action, do.LeaveFloor)
                self.watching = not self.watching
            case do.StartListening() | do.StopListening():
                assert self.capturing is isinstance(action, do.StopListening)
                self.capturing = not self.capturing
                self.voiced.clear()
            case do.Publish(fact=fact):
                assert not self.facts or fact.at >= self.facts[-1].at
                self.facts.append(fact)
                if isinstance(fact, facts.PromptSpoken | facts.PromptWithheld):
                    self.ended.append(fact.id)
                    self.speaking = None if self.speaking == fact.id else self.speaking

    # --- what may happen ---
    @rule(asked=st.one_of(ASKED), wait=WAITS)
    def ask(self, asked: tuple[type[ev.Event], dict[str, Any]], wait: float) -> None:
        kind, values = asked
        self.pass_time(wait)
        before = pickle.dumps(self.session._state)
        try:
            self.receive(kind(at=self.now, **values))
        except IllegalEventError:
            assert pickle.dumps(self.session._state) == before
            assert self.session.take_actions() == ()

    @rule(wait=st.floats(0, 30), again=st.booleans())
    def end(self, wait: float, *, again: bool) -> None:
        """Seldom, so that most sessions live for a while."""
        if len(self.facts) > 25:
            self.ask((ev.EndAsked if again else ev.AudioEnded, {}), wait)

    @rule(seconds=WAITS)
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule(seconds=WAITS)
    def stall(self, seconds: float) -> None:
        """The runner comes back late."""
        self.now += seconds
        self.receive(ev.Tick(at=self.now))

    @rule(channel=CHANNELS, length=st.floats(0.1, 8), gap=st.floats(0, 2))
    def speak(self, channel: str, length: float, gap: float) -> None:
        self.pass_time(gap)
        onset = self.now
        self.pass_time(0.032)
        self.receive(ev.VoiceRose(at=self.now, channel=channel, since=onset))
        self.pass_time(0.064)
        self.receive(ev.SpeechStarted(at=self.now, channel=channel, since=onset))
        self.pass_time(length)
        end = self.now
        self.pass_time(0.032)
        self.receive(ev.VoiceFell(at=self.now, channel=channel, since=end))
        self.pass_time(0.368)
        self.receive(ev.SpeechEnded(at=self.now, channel=channel, since=end))

    @rule(
        channel=CHANNELS,
        kind=st.sampled_from([ev.VoiceRose, ev.VoiceFell, ev.SpeechStarted, ev.SpeechEnded]),
        ago=st.floats(0, 2),
    )
    def hear(self, channel: str, kind: type[Any], ago: float) -> None:
        """One change alone, in no order."""
        self.receive(kind(at=self.now, channel=channel, since=max(0.0, self.now - ago)))

    @rule(
        channel=CHANNELS,
        kind=st.sampled_from(["talk_over", "cut", "intrusion", "reply", "song"]),
        ago=st.floats(0, 5),
        probability=st.floats(),
    )
    def suspect(self, channel: str, kind: str, ago: float, probability: float) -> None:
        """A detector may say anything; only what is sure, of its own channel and while it is watched is told."""
        before, watching = len(self.facts), self.watching
        since = max(0.0, self.now - ago)
        self.receive(ev.OtherVoiceHeard(at=self.now, channel=channel, since=since, kind=kind, probability=probability))
        told = [fact for fact in self.facts[before:] if isinstance(fact, facts.InterruptionFlagged)]
        told = [fact for fact in told if fact.evidence == "overlap"]
        assert len(told) <= 1
        for fact in told:
            assert watching
            assert channel == "call"
            assert (fact.kind, fact.confidence, fact.who) == (kind, probability, None)
            assert probability >= 0.7

    @rule()
    def lose_detector(self) -> None:
        """Seldom, so that most detectors live for a while."""
        if len(self.facts) > 30:
            self.receive(ev.DetectorFailed(at=self.now, channel="call"))
            assert not self.watching

    @rule(number=IDS, record=st.sampled_from(["contract", "plan"]), wait=st.floats(0, 5))
    def utter(self, number: int, record: str, wait: float) -> None:
        self.pass_time(wait)
        self.receive(outstanding(number, self.now, record=record))

    @rule(
        number=IDS,
        record=st.sampled_from(["contract", "plan"]),
        text=st.sampled_from(["Un.", "Deux.", "", None]),
        stage=st.sampled_from(["partial", "live", "final_pass"]),
        replaced=st.lists(IDS, max_size=2),
    )
    def write(self, number: int, record: str, text: str | None, stage: str, replaced: list[int]) -> None:
        others = tuple(f"u{other}" for other in replaced if other != number)
        self.receive(utterance(number, text, self.now, record=record, stage=stage, replaces=others))
        self.receive((ev.FinalPassBegan if replaced else ev.FinalPassEnded)(at=self.now))

    @rule(
        kind=st.sampled_from([ev.PromptReady, ev.PromptStarted, ev.PromptEnded, ev.PromptFailed]),
        place=st.integers(0, 60),
        of_speaking=st.booleans(),
    )
    def tell(self, kind: type[Any], place: int, *, of_speaking: bool) -> None:
        """The device tells something of a prompt, be it the right one or not."""
        known = self.asked[place % len(self.asked)] if self.asked else "none"
        values: dict[str, Any] = {"prompt_id": self.speaking or known if of_speaking else known}
        if kind is ev.PromptEnded:
            values["completed"] = place % 2 == 0
        if kind is ev.PromptFailed:
            values["reason"] = "voice_failed"
        self.receive(kind(at=self.now, **values))

    @rule()
    def get_ready(self) -> None:
        for prompt_id in self.asked:
            if prompt_id not in self.ended:
                self.receive(ev.PromptReady(at=self.now, prompt_id=prompt_id))

    @rule(latency=st.floats(0, 1), seconds=st.floats(0, 8))
    def say_it(self, latency: float, seconds: float) -> None:
        """The device says what it was told to say, if anything, to its end."""
        if (prompt_id := self.speaking) is not None:
            self.pass_time(latency)
            self.receive(ev.PromptStarted(at=self.now, prompt_id=prompt_id))
            self.pass_time(seconds)
            self.receive(ev.PromptEnded(at=self.now, prompt_id=prompt_id, completed=True))

    @rule(kind=st.sampled_from([ev.DeviceLost, ev.DeviceRecovered, ev.DeviceOffered]), ago=st.floats(0, 100))
    def lose_device(self, kind: type[Any], ago: float) -> None:
        """News that comes late is taken as happening now."""
        self.receive(kind(at=max(0.0, self.now - ago), device="vmic", **OTHER.get(kind, {})))

    # --- what must always hold ---
    @invariant()
    def it_can_be_shown(self) -> None:
        shown = self.session.snapshot(self.now)
        assert dataclasses.asdict(shown)
        assert (shown.speaking is None) == (self.speaking is None)
        assert (shown.listening == "on") == self.capturing or shown.phase == "ended"
        assert self.session.ended == (shown.phase == "ended")
        if shown.phase != "running" or not self.capturing:
            assert not self.granted
            assert not self.watching
        assert shown.interruptions == "overlap" if self.watching else shown.interruptions in {None, "track"}
        for cue in shown.cues:
            assert cue.at <= self.now < cue.until
        assert all(view.seconds >= 0 for view in shown.steps)
        assert shown.left_seconds + shown.elapsed_seconds - shown.planned_seconds < 1e-6

    @invariant()
    def its_deadline_is_to_come(self) -> None:
        deadline = self.session.next_deadline()
        assert deadline is None or deadline >= self.session.now

    @invariant()
    def no_prompt_ends_twice(self) -> None:
        assert len(set(self.ended)) == len(self.ended)
        assert set(self.ended) <= set(self.asked)

    @invariant()
    def what_comes_can_be_prepared(self) -> None:
        assert self.session.prompts_ahead()

    @invariant()
    def steps_begin_and_end_in_turn(self) -> None:
        steps = [fact for fact in self.facts if isinstance(fact, facts.StepStarted | facts.StepEnded)]
        for place, fact in enumerate(steps):
            assert isinstance(fact, facts.StepStarted) == (place % 2 == 0)

    def teardown(self) -> None:
        """End the session as a runner would: everything that was asked for has come to its end."""
        if not hasattr(self, "session"):
            return
        for kind in (ev.EndAsked, ev.EndAsked):
            if not self.session.ended:
                self.receive(kind(at=self.now))
        for name, record in self.session._state.records.items():
            for left in record.outstanding:
                self.receive(dataclasses.replace(utterance(1, None, self.now, record=name), id=left.id))
        if self.speaking is not None:
            self.receive(ev.PromptEnded(at=self.now, prompt_id=self.speaking, completed=False))
        self.pass_time(0.0)
        assert self.session.ended
        assert not self.capturing
        assert not self.granted
        assert not self.watching
        assert sorted(self.ended) == sorted(self.asked)
        steps = [fact for fact in self.facts if isinstance(fact, facts.StepStarted | facts.StepEnded)]
        assert len(steps) % 2 == 0
        assert all(not record.marks for record in self.session._state.records.values())


TestAnySession = AnySession.TestCase
TestAnySession.settings = hypothesis_settings(max_examples=80, stateful_step_count=50)
