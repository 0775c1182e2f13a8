"""The voice through the participants' page: the tab that the animator unlocked plays, and tells when it truly began.

Rules:

- Any number of tabs may be open; the one unlocked last plays, and no other. When it goes, another that was unlocked
  takes over from the next prompt on.
- A prompt is sent whole and starts a little later, so that its start does not depend on how long it took to get there.
  The tab tells its start; its end follows from its length.
- A tab that does not tell a start in time, or goes in the middle, costs the prompt at hand, never the session.
- What was said is held until the next prompt, in memory only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from facilitator.core import events as ev
from facilitator.core.stage import StageView
from facilitator.timeline import LiveClock, Timeline
from speech.aside import Aside
from speech.own_voice import OwnVoice
from speech.ports import RATE_HZ, Samples, Sound
from speech.sound import resample, wav_bytes

LEAD_SECONDS = 0.2
"""From the cue to the first sound: time for the tab to fetch the prompt from this computer and to decode it."""
START_SECONDS = 3.0
"""A tab that has not told a start so long after the cue does not play."""
MAKE_SECONDS = 2.0
"""A computer that has not made what is to be sent by then costs the prompt: it is a matter of milliseconds."""
DEVICE = "stage"
"""What the session calls it where it goes away; a key of the languages' `interface.devices`."""
LOCKED = "stage_locked"
"""Why a prompt was not said while no tab may play; a key of the languages' `reasons`."""

Tell = Callable[[dict[str, Any]], None]


class Session(Protocol):
    """What the voice tells, and asks."""

    def give(self, event: ev.Event) -> None:
        """Take what became known."""
        ...

    def changed(self) -> None:
        """Another tab plays, or none."""
        ...

    def stage(self) -> StageView:
        """Return what everybody may see: the words that are being said are among it."""
        ...


class StageTab:
    """One open tab."""

    def __init__(self, voice: StageVoice, tell: Tell) -> None:
        self.tell = tell
        self._voice = voice

    @property
    def sound(self) -> str:
        """Whether this tab plays: `off` (the voice is elsewhere), `locked`, `here`, or `elsewhere` (another tab)."""
        state = self._voice.sound
        if state != "on":
            return state
        return "here" if self._voice.player is self else "elsewhere"

    def unlocked(self, *, unlocked: bool) -> None:
        """The browser lets this tab play, or no longer."""
        self._voice.unlocked(self, unlocked=unlocked)

    def played(self, prompt_id: str, started_at: float | None) -> None:
        """The prompt's first sound is played at session second `started_at`; None: now."""
        self._voice.played(self, prompt_id, started_at)

    def close(self) -> None:
        """The tab is gone."""
        self._voice.unlocked(self, unlocked=False)


@dataclass(slots=True, eq=False)
class _Said:
    """A prompt being played: by which tab, since when, and how it was told to end."""

    id: str
    sound: Sound
    tab: StageTab
    said: Samples | None = None
    wav: bytes | None = None
    cued_at: float | None = None
    started_at: float | None = None
    begun: bool = False
    stopped: bool = False


class StageVoice:
    """The tabs, and the `Mouth` that plays through one of them.

    Args:
        timeline: where what is due is done.
        clock: session time.
        own: told what is being said, so that it is known where it comes back.
        runner: told what becomes of each prompt, and of the tabs; knows the words of what is being said.
        used: whether the voice goes through the stage at all.
    """

    def __init__(
        self,
        timeline: Timeline,
        clock: LiveClock,
        own: OwnVoice,
        runner: Session,
        *,
        used: bool,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._own = own
        self._runner = runner
        self._receive = runner.give
        self._used = used
        self._aside = Aside()
        self._unlocked: list[StageTab] = []
        self._was_lost = False
        self._now: _Said | None = None
        self._last: _Said | None = None

    def open(self, tell: Tell) -> StageTab:
        """Return a new tab, which does not play yet; `tell` sends it `prompt` and `stop` lines."""
        return StageTab(self, tell)

    @property
    def player(self) -> StageTab | None:
        """The tab that plays."""
        return self._unlocked[-1] if self._unlocked and self._used else None

    @property
    def sound(self) -> str:
        """`off` (the voice is elsewhere), `locked` (no tab may play), or `on`."""
        if not self._used:
            return "off"
        return "on" if self._unlocked else "locked"

    def wav(self, prompt_id: str) -> bytes | None:
        """Return the prompt that a tab was told to play, as a WAV file; None for any other."""
        return self._last.wav if self._last is not None and self._last.id == prompt_id else None

    def forget(self) -> None:
        """Hold nothing of what was said."""
        self._last = None

    # --- what the tabs say ---

    def unlocked(self, tab: StageTab, *, unlocked: bool) -> None:
        """Let `tab` play from the next prompt on, or no longer."""
        before = self.player
        if tab in self._unlocked:
            if unlocked:
                return
            self._unlocked.remove(tab)
        elif unlocked:
            self._unlocked.append(tab)
        if not unlocked and self._now is not None and self._now.tab is tab:
            self._fail(self._now, "voice_failed")
        if self.player is before:
            return
        if self.player is None:
            self._was_lost = True
            self._receive(ev.DeviceLost(at=self._clock.now(), device=DEVICE))
        elif self._was_lost:
            self._was_lost = False
            self._receive(ev.DeviceRecovered(at=self._clock.now(), device=DEVICE))
        self._runner.changed()

    def played(self, tab: StageTab, prompt_id: str, started_at: float | None) -> None:
        """Take the true start of a prompt, past or soon to come; it is not before its cue, nor much later."""
        now, said = self._clock.now(), self._now
        if said is None or said.tab is not tab or said.id != prompt_id or said.cued_at is None:
            return
        if said.started_at is not None or said.stopped:
            return
        latest = said.cued_at + START_SECONDS
        said.started_at = started = now if started_at is None else min(latest, max(said.cued_at, started_at))
        if started <= now:
            self._start(said)
        else:  # told as soon as the tab knew when it will be
            self._timeline.at(started, lambda _: self._start(said))

    def _start(self, said: _Said) -> None:
        if self._now is not said or said.stopped:
            return
        assert said.said is not None
        assert said.started_at is not None
        said.begun = True
        self._own.started(said.said, said.started_at)
        self._receive(ev.PromptStarted(at=said.started_at, prompt_id=said.id))
        self._timeline.at(said.started_at + said.sound.seconds, lambda at: self._end(said, at, completed=True))

    # --- what the session says: a Mouth ---

    def play(self, prompt_id: str, sound: Sound, at: float) -> None:  # noqa: ARG002  the tab tells the true start
        """Have the tab that plays start a prompt."""
        if self.player is None:
            self._timeline.soon(
                lambda now: self._receive(ev.PromptFailed(at=now, prompt_id=prompt_id, reason=LOCKED)),
            )
            return
        self._now = said = _Said(prompt_id, sound, self.player)
        self._timeline.work(self._cue(said))

    async def _cue(self, said: _Said) -> None:
        def made() -> tuple[Samples, bytes]:
            return resample(said.sound.samples, said.sound.rate_hz, RATE_HZ), wav_bytes(said.sound)

        try:
            said.said, said.wav = await self._aside.within(MAKE_SECONDS, made)
        except Exception:  # noqa: BLE001  a prompt that never ended would be the last one
            if self._now is said and not said.stopped:
                self._fail(said, "voice_failed")
            return
        if self._now is not said or said.stopped:  # stopped before it was sent
            return
        self._last, said.cued_at = said, self._clock.now()
        said.tab.tell(
            {
                "type": "prompt",
                "id": said.id,
                "text": self._runner.stage().speaking or "",
                "url": f"/api/prompts/{said.id}.wav",
                "seconds": round(said.sound.seconds, 3),
                "start_in_seconds": LEAD_SECONDS,
            }
        )
        self._timeline.at(said.cued_at + START_SECONDS, lambda _: self._too_late(said))

    def _too_late(self, said: _Said) -> None:
        if self._now is said and said.started_at is None:
            said.tab.tell({"type": "stop", "id": said.id, "fade_seconds": 0.0})
            self._fail(said, "voice_failed")

    def stop(self, fade_seconds: float) -> None:
        """Fade what is playing; what has not begun ends at once, unheard."""
        said = self._now
        if said is None or said.stopped:
            return
        said.stopped = True
        if said.cued_at is None:
            self._timeline.soon(lambda at: self._end(said, at, completed=False))
            return
        said.tab.tell({"type": "stop", "id": said.id, "fade_seconds": fade_seconds})
        after = fade_seconds if said.begun else 0.0
        self._timeline.at(self._clock.now() + after, lambda at: self._end(said, at, completed=False))

    async def close(self) -> None:
        """Have the tab fall silent, and forget what was said."""
        if self._now is not None and self._now.cued_at is not None:
            self._now.tab.tell({"type": "stop", "id": self._now.id, "fade_seconds": 0.0})
        self._now = self._last = None

    def _end(self, said: _Said, at: float, *, completed: bool) -> None:
        if self._now is said:
            self._now = None
            self._own.stopped(at)
            self._receive(ev.PromptEnded(at=at, prompt_id=said.id, completed=completed))

    def _fail(self, said: _Said, reason: str) -> None:
        self._now = None
        now = self._clock.now()
        self._own.stopped(now)
        self._receive(ev.PromptFailed(at=now, prompt_id=said.id, reason=reason))
