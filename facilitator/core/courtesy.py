"""The courtesy of the voice: it never starts in speech, gives way, and is silent rather than late.

Rules:

- One prompt at a time, in the order in which they fell due.
- A prompt can start only once its sound is at hand.
- A prompt starts when every channel has been silent for as long as its kind asks, counted from the last voiced frame
  and from the end of the prompt before it.
- Past its deadline it is withheld: shown to the animator, never spoken. Time during which the voice itself was
  speaking does not count against it.
- A voice that is heard before the device has begun takes the prompt back: it waits again.
- When a voice has lasted 1.0 s during a prompt, the prompt fades within 0.3 s. It is not said again by itself.
- While the session is deaf to somebody (no consent, a listening pause, a device that went away), an opening is said at
  once unless a voice is heard all the same, for the animator has just pressed the key; a timed cue is withheld unless
  the animator chose otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from facilitator.core.actions import Prompt, Speak, StopSpeaking
from facilitator.core.ears import Ears
from facilitator.core.process import Cue

GIVE_WAY_SECONDS = 1.0
FADE_SECONDS = 0.3
HUSH_FADE_SECONDS = 0.03
"""Silence at once, but without the click of a cut waveform."""
PAST_SECONDS = 0.001
"""A prompt may still start at its deadline; a millisecond later it is late."""
TIMED_CUES = frozenset({Cue.REMAINING, Cue.ENDED})


@dataclass(frozen=True, slots=True)
class Withhold:
    """This prompt will not be spoken, because of `reason`."""

    prompt: Prompt
    reason: str


@dataclass(slots=True)
class Voice:
    """What the voice is saying and what waits to be said.

    Attributes:
        timed_cues_when_deaf: whether timed cues are spoken while nothing is heard.
        pending: what waits, in the order in which it fell due.
        speaking: what the device was told to say; None while it is silent.
        started_at: when it began, session seconds; None before.
        gave_way: whether what is being said was faded for somebody who speaks.
        last: what "say again" means: the last prompt that was said, or that should have been.
    """

    timed_cues_when_deaf: bool = False
    pending: list[Prompt] = field(default_factory=list)
    speaking: Prompt | None = None
    started_at: float | None = None
    gave_way: bool = False
    last: Prompt | None = None
    _taken_back: bool = False
    _ready: set[str] = field(default_factory=set)
    _missed: set[str] = field(default_factory=set)
    _stopping: bool = False
    _free_at: float = float("-inf")

    @property
    def silent_since(self) -> float | None:
        """End of the last prompt, session seconds; None while something is being said."""
        return self._free_at if self.speaking is None else None

    def ask(self, prompt: Prompt, at: float) -> None:
        """Queue `prompt`, `at` session seconds. Where that is past its deadline, nobody was there when it fell due."""
        if at > prompt.deadline_at:
            self._missed.add(prompt.id)
        self.pending.append(prompt)
        self.pending.sort(key=lambda waiting: waiting.due_at)

    def ready(self, prompt_id: str) -> None:
        """The prompt's sound is at hand."""
        self._ready.add(prompt_id)

    def failed(self, prompt_id: str, reason: str) -> list[Withhold]:
        """Withhold a prompt that waits and cannot be said."""
        failed = [prompt for prompt in self.pending if prompt.id == prompt_id]
        self.pending = [prompt for prompt in self.pending if prompt.id != prompt_id]
        return [Withhold(prompt, reason) for prompt in failed]

    def started(self, prompt_id: str, at: float) -> None:
        """The device began to play the prompt at `at`."""
        if self.speaking is not None and self.speaking.id == prompt_id:
            self.started_at = at

    def ended(self, prompt_id: str, at: float) -> Prompt | None:
        """The device stopped playing the prompt at `at`.

        Returns:
            The prompt; None when it is not the one being said, or was taken back before it began: then it waits again.
        """
        if self.speaking is None or self.speaking.id != prompt_id:
            return None
        prompt, began = self.speaking, self.started_at is not None
        waits_again = self._taken_back and not began
        self.speaking, self.started_at = None, None
        self._stopping = self._taken_back = self.gave_way = False
        if waits_again:
            self.pending.insert(0, prompt)
            return None
        self._free_at = at
        return prompt

    def drop(self, reason: str, *, cues: frozenset[Cue] | None = None) -> list[Withhold]:
        """Withhold what waits, or only the kinds in `cues`."""
        dropped = [prompt for prompt in self.pending if cues is None or prompt.cue in cues]
        self.pending = [prompt for prompt in self.pending if prompt not in dropped]
        return [Withhold(prompt, reason) for prompt in dropped]

    def stop(self, fade_seconds: float) -> list[StopSpeaking]:
        """Fade what is being said, if anything is and nothing has faded it yet."""
        if self.speaking is None or self._stopping:
            return []
        self._stopping = True
        return [StopSpeaking(prompt_id=self.speaking.id, fade_seconds=fade_seconds)]

    def decide(self, at: float, ears: Ears, *, deaf: bool) -> list[Speak | StopSpeaking | Withhold]:
        """Return what to do now, `at` session seconds."""
        done: list[Speak | StopSpeaking | Withhold] = []
        if deaf and not self.timed_cues_when_deaf:
            done += self.drop("deaf", cues=TIMED_CUES)
        late = [prompt for prompt in self.pending if self.speaking is None and at > self._deadline(prompt)]
        self.pending = [prompt for prompt in self.pending if prompt not in late]
        done += [Withhold(prompt, "no_pause" if prompt.id in self._ready else self._unready(prompt)) for prompt in late]
        if self.speaking is not None:
            done += self._make_way(at, ears)
        else:
            done += self._start(at, ears, deaf=deaf)
        return done

    def _unready(self, prompt: Prompt) -> str:
        """Return why a prompt has no sound at its deadline: after a crash or a sleep there was no time for it."""
        return "interrupted" if prompt.id in self._missed else "voice_late"

    def _make_way(self, at: float, ears: Ears) -> list[StopSpeaking]:
        """Take back what has not begun when a voice is heard, fade what has when the voice lasts."""
        if self.started_at is None:
            if ears.silent_since is not None or self._stopping:
                return []
            self._taken_back = True
            return self.stop(0.0)
        way = self._give_way_at(ears)
        if way is None or at < way:
            return []
        self.gave_way = True
        return self.stop(FADE_SECONDS)

    def _start(self, at: float, ears: Ears, *, deaf: bool) -> list[Speak]:
        prompt = self._next()
        start = None if prompt is None else self._start_at(prompt, ears, deaf=deaf)
        if prompt is None or start is None or at < start:
            return []
        self.pending.remove(prompt)
        self.speaking = self.last = prompt
        return [Speak(prompt=prompt)]

    def _next(self) -> Prompt | None:
        """Return the first prompt whose sound is at hand."""
        return next((prompt for prompt in self.pending if prompt.id in self._ready), None)

    def next_deadline(self, ears: Ears, *, deaf: bool) -> float | None:
        """Return when `decide` has something to do if nothing is heard meanwhile; None when never."""
        if self.speaking is not None:
            return self._give_way_at(ears)
        times = [self._deadline(prompt) + PAST_SECONDS for prompt in self.pending]
        prompt = self._next()
        start = None if prompt is None else self._start_at(prompt, ears, deaf=deaf)
        return min([*times, *([] if start is None else [start])], default=None)

    def _start_at(self, prompt: Prompt, ears: Ears, *, deaf: bool) -> float | None:
        silent = ears.silent_since
        if silent is None:
            return None
        if deaf:
            return max(prompt.due_at, self._free_at)
        return max(prompt.due_at, max(silent, self._free_at) + prompt.silence_seconds)

    def _give_way_at(self, ears: Ears) -> float | None:
        since = ears.speaking_since
        if since is None or self.started_at is None or self._stopping:
            return None
        return max(since, self.started_at) + GIVE_WAY_SECONDS

    def _deadline(self, prompt: Prompt) -> float:
        return max(prompt.deadline_at, self._free_at + prompt.deadline_at - prompt.due_at)
