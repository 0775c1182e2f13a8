"""The shell: the only place where the clock, the devices and the core meet.

It brings events to the session, does the actions that the session gives back, and comes back at its deadlines. What is
live and what is a replay differs only in what it was given.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from facilitator.core import actions as do
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.durable import Durable
from facilitator.core.errors import IllegalEventError
from facilitator.core.session import Session
from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView
from facilitator.hearing import Heard, Hearing
from facilitator.scribe import Scribe
from facilitator.speaking import Speaker
from facilitator.timeline import Timeline
from facilitator.wording import Language

OnFact = Callable[[facts.Fact], None]
_UNSEEN = (ev.Tick, ev.VoiceRose, ev.VoiceFell, ev.SpeechStarted, ev.SpeechEnded, ev.OtherVoiceHeard)
"""Events that a snapshot shows nothing of, unless something is done about them; they come many times a second."""
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
"""After a defect the next turn comes so much later, twice as late each time: what fails for ever must not take all of
the computer. A cue is then a second late, and comes."""
SLEPT_SECONDS = 1.0
"""A computer that slept for so long has missed what was said; no prompt waits for much more silence."""
_AGENDA_CHANGES = (facts.StepExtended, facts.AgendaRebudgeted)
"""Facts after which other times may have to be said."""


class Runner:
    """Runs one session to its end.

    Args:
        session: the core.
        timeline: session time.
        language: the words for a refusal.
        hearing: the channels; none for a session without listening.
        speaker: the voice.
        scribe: writes down.
        keep: given what is to outlive the process after each event, before anything is done about it.
        use_device: opens another device in place of a lost one, given both names; None where there are none.
        on_defect: told what should never have been raised; the session goes on. None raises it, as in a replay.

    Attributes:
        on_change: called when a snapshot may show something else than before, beside the passing of time.
    """

    def __init__(
        self,
        *,
        session: Session,
        timeline: Timeline,
        language: Language,
        hearing: Hearing,
        speaker: Speaker,
        scribe: Scribe,
        keep: Callable[[Durable], None] | None = None,
        use_device: Callable[[str, str], None] | None = None,
        on_defect: Callable[[Exception], None] | None = None,
    ) -> None:
        self.session = session
        self.timeline = timeline
        self.speaker = speaker
        self._language = language
        self._hearing = hearing
        self._scribe = scribe
        self._keep = keep
        self._use_device = use_device
        self._on_defect = on_defect
        self._watchers: list[OnFact] = []
        self.on_change: list[Callable[[], None]] = []
        self._actions: deque[do.Action] = deque()
        self._performing = False
        hearing.connect(self)
        scribe.connect(self)

    def watch(self, on_fact: OnFact) -> None:
        """Have `on_fact` called with everything that happens, in order."""
        self._watchers.append(on_fact)

    def unwatch(self, on_fact: OnFact) -> None:
        """Undo `watch`."""
        self._watchers.remove(on_fact)

    def now(self) -> float:
        """Return the present session second."""
        return self.timeline.clock.now()

    def receive(self, event: ev.Event) -> None:
        """Bring an event to the session and do what it asks for.

        Raises:
            IllegalEventError: the session refuses the event.
        """
        self.look_for_sleep()
        self._receive(event)

    def look_for_sleep(self) -> None:
        """Tell the session that the computer slept, before it takes that time for anything else."""
        if self.timeline.clock.slept() >= SLEPT_SECONDS:
            self._receive(ev.ComputerSlept(at=self.now()))

    def _receive(self, event: ev.Event) -> None:
        self.session.receive(event)
        if self._keep is not None:
            self._keep(self.session.durable())
        actions = self.session.take_actions()
        self._actions.extend(actions)
        if actions or not isinstance(event, _UNSEEN):
            self.changed()
        if self._performing:  # an action brought this event: what it asks for comes after what is under way
            return
        self._performing = True
        try:
            while self._actions:
                self._perform(self._actions.popleft())
        finally:
            self._performing = False
        self.timeline.wake()

    def changed(self) -> None:
        """Tell that a snapshot may show something else."""
        for on_change in tuple(self.on_change):
            on_change()

    def give(self, event: ev.Event) -> None:
        """Bring an event that nobody waits for; a refusal is told to the animator, unless the session is over."""
        if self.session.ended:
            return
        try:
            self.receive(event)
        except IllegalEventError as refused:
            message = self._language.plain(f"refusals.{refused.code}")
            self.receive(ev.Warned(at=event.at, code=refused.code, message=message))

    def heard(self, heard: Heard) -> None:
        """Have an utterance written down."""
        self._scribe.heard(heard)

    def growing(self, heard: Heard) -> None:
        """Have the first words of an utterance written down."""
        self._scribe.growing(heard)

    def _perform(self, action: do.Action) -> None:
        match action:
            case do.Publish(fact=fact):
                self._publish(fact)
            case do.Refresh():
                pass  # `receive` has told it
            case do.Prepare(prompt=prompt):
                self.speaker.prepare(prompt)
            case do.Speak(prompt=prompt):
                self.speaker.speak(prompt, self.session.now)
            case do.StopSpeaking(fade_seconds=fade_seconds):
                self.speaker.stop(fade_seconds)
            case do.UseDevice(device=device, name=name):
                if self._use_device is not None:
                    self._use_device(device, name)
            case _:
                self._listen(action)

    def _listen(self, action: do.Action) -> None:
        match action:
            case do.StartListening():
                self._hearing.start()
            case do.StopListening():
                self._hearing.stop()
                self._scribe.forget()
            case do.WatchFloor(channel=channel, at=since):
                self._hearing.watch_floor(channel, since)
            case do.LeaveFloor():
                self._hearing.leave_floor()
            case do.OpenGrant():
                self._scribe.open(action)
                self._hearing.open_grant(action.at)
            case do.CloseGrant(at=until):
                self._hearing.close_grant(until)
                self._scribe.close_grant()

    def _publish(self, fact: facts.Fact) -> None:
        for watcher in tuple(self._watchers):
            watcher(fact)
        if isinstance(fact, _AGENDA_CHANGES):
            self.timeline.work(self._render_ahead())

    async def _render_ahead(self) -> None:
        await self.speaker.render_ahead(self.session.prompts_ahead())

    async def run(self) -> None:
        """Run until the session has ended."""
        pause = PAUSE_SECONDS
        while not self.session.ended:
            try:
                await self._turn()
                pause = PAUSE_SECONDS
            except Exception as defect:
                if self._on_defect is None:
                    raise
                self._on_defect(defect)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        self._scribe.stop()

    async def _turn(self) -> None:
        """Wait for the first thing that is due, and do it."""
        at, callback = await self.timeline.next(self._deadline)
        if callback is None:
            self.receive(ev.Tick(at=at))
        else:
            callback(at)

    def _deadline(self) -> float | None:
        """Return the session's next deadline; its end is one."""
        return self.session.now if self.session.ended else self.session.next_deadline()

    async def close(self) -> None:
        """Give everything back."""
        await self.timeline.cancel()
        await self._hearing.close()
        await self.speaker.close()
        await self._scribe.close()

    def snapshot(self) -> Snapshot:
        """Return what is to be shown now."""
        return self.session.snapshot(self.now())

    def stage(self) -> StageView:
        """Return what everybody may see now."""
        return self.session.stage(self.now())
