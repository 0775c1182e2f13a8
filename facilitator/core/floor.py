"""Who holds the floor, and when somebody's listening is broken, from who speaks when.

Definitions, by sound alone:

- *backchannel*: under 1.0 s of speech by another; never flagged.
- *talk-over*: another speaks for 1.0 s while a holder speaks.
- *cut*: the holder stops within 0.5 s of the other's onset, and the other goes on to 1.5 s.
- *intrusion*: another speaks for 1.5 s in the holder's pause.
- *reply*: in a step that says so, a listener speaks for 1.5 s (the client answers).

Rules:

- Only a step that one role holds (`Rights.HOLD`) has interruptions; overlap among its holders is none.
- Nothing counts before a holder has spoken in the step, nor speech that began before the step did.
- The end of speech is heard up to 0.1 s late. So a flag is decided 0.1 s after its definition is met, and only if the
  voice is still there; and a holder heard to stop within 0.6 s was cut. A flag does not change kind later.
- One person's flags within 2 s are one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from facilitator.core import events as ev

TALK_OVER_SECONDS = 1.0
CUT_WITHIN_SECONDS = 0.5
CUT_SECONDS = 1.5
INTRUSION_SECONDS = 1.5
REPLY_SECONDS = 1.5
MERGE_SECONDS = 2.0
SURE_SECONDS = 0.1
"""How late the end of speech may be heard: Silero is up to three frames late. A voice must still be there so long past
its definition, and a holder whose end is heard so much after `CUT_WITHIN_SECONDS` was cut all the same."""
HOLDER_SECONDS = 0.5
"""Speech by a holder before which the floor has not been taken: a cough or a "so" does not take it."""
TRACK_CONFIDENCE = 0.99
"""Share of flags that are right with one channel a person, measured by bench/tracks.py."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """One broken listening: its kind, when the other voice began, and on which channel."""

    kind: str
    started_at: float
    channel: str


@dataclass(slots=True)
class _Turn:
    """Speech of one channel, open while `ended_at` is None; `fell_at` is where its voice fell silent, if it did."""

    started_at: float
    ended_at: float | None = None
    fell_at: float | None = None
    flagged: bool = False

    def end(self, now: float) -> float:
        """Return the end of what is surely speech up to `now`."""
        if self.ended_at is not None:
            return self.ended_at
        return now if self.fell_at is None else self.fell_at


@dataclass(slots=True)
class Floor:
    """The floor of one step, from its start (or from where listening resumed) to its end.

    Attributes:
        since: session seconds from which speech counts.
        holders: channels of the people who hold the floor.
        listeners: channels of the people who listen.
        replies: True when a listener who speaks is answering.
    """

    since: float
    holders: frozenset[str]
    listeners: frozenset[str]
    replies: bool = False
    _turns: dict[str, list[_Turn]] = field(default_factory=dict)
    _last_flag: dict[str, float] = field(default_factory=dict)
    _taken_at: float | None = None

    def hear(self, event: ev.ChannelEvent) -> None:
        """Take one event of voice or speech."""
        turn = self._open(event.channel)
        match event:
            case ev.SpeechStarted():
                self._turns.setdefault(event.channel, []).append(_Turn(started_at=event.since))
            case ev.VoiceRose() if turn is not None:
                turn.fell_at = None
            case ev.VoiceFell() if turn is not None:
                turn.fell_at = event.since
            case ev.SpeechEnded() if turn is not None:
                turn.ended_at = event.since

    def decide(self, at: float) -> list[Interruption]:
        """Return the interruptions that have fallen due by `at`, each once."""
        self._notice_holder(at)
        found = []
        for channel, turn in self._suspects():
            due = self._due(turn, at)
            if due is None or due[0] > at:
                continue
            turn.flagged = True
            if turn.started_at - self._last_flag.get(channel, float("-inf")) > MERGE_SECONDS:
                found.append(Interruption(kind=due[1], started_at=turn.started_at, channel=channel))
        for channel in self.listeners:  # what goes on, or follows within 2 s, belongs to the last flag
            turns = self._turns.get(channel)
            if turns and turns[-1].flagged:
                self._last_flag[channel] = turns[-1].end(at)
        self._forget(at)
        return found

    def next_due(self, at: float) -> float | None:
        """Return when the next flag is decided if everybody goes on as now; None when none will be."""
        dues = [due[0] for _, turn in self._suspects() if (due := self._due(turn, at)) is not None]
        return min(dues, default=None)

    def _open(self, channel: str) -> _Turn | None:
        turns = self._turns.get(channel)
        return turns[-1] if turns and turns[-1].ended_at is None else None

    def _suspects(self) -> list[tuple[str, _Turn]]:
        """Return the listeners' turns that are being heard and may still be flagged."""
        turns = [(channel, self._open(channel)) for channel in sorted(self.listeners)]
        return [
            (channel, turn) for channel, turn in turns if turn is not None and not turn.flagged and turn.fell_at is None
        ]

    def _notice_holder(self, at: float) -> None:
        """Find out when a holder had spoken long enough to have taken the floor."""
        if self._taken_at is not None:
            return
        spoken = 0.0
        for start, end in self._held(at):
            spoken += end - start
            if spoken >= HOLDER_SECONDS:
                self._taken_at = end - (spoken - HOLDER_SECONDS)
                return

    def _due(self, turn: _Turn, at: float) -> tuple[float, str] | None:
        """Return when and as what `turn` is flagged if everybody goes on as at `at`; None when it never will be."""
        if self._taken_at is None or self._taken_at > turn.started_at:
            return None
        if self.replies:
            return turn.started_at + REPLY_SECONDS + SURE_SECONDS, "reply"
        held = self._held(at)
        overlap = sum(max(0.0, end - max(start, turn.started_at)) for start, end in held)
        if overlap >= TALK_OVER_SECONDS + SURE_SECONDS:
            return at, "talk_over"
        stopped = max((end for _, end in held), default=self._taken_at)
        if stopped >= at:  # a holder is speaking
            return at + TALK_OVER_SECONDS + SURE_SECONDS - overlap, "talk_over"
        if 0 <= stopped - turn.started_at <= CUT_WITHIN_SECONDS + SURE_SECONDS:
            return turn.started_at + CUT_SECONDS + SURE_SECONDS, "cut"
        alone = at - turn.started_at - overlap
        return at + max(0.0, INTRUSION_SECONDS + SURE_SECONDS - alone), "intrusion"

    def _held(self, at: float) -> list[tuple[float, float]]:
        """Return when any holder spoke in the step up to `at`, as stretches in order that do not overlap."""
        turns = [turn for channel in self.holders for turn in self._turns.get(channel, [])]
        stretches: list[tuple[float, float]] = []
        for start, end in sorted((max(turn.started_at, self.since), turn.end(at)) for turn in turns):
            if stretches and start <= stretches[-1][1]:
                stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
            elif end > start:
                stretches.append((start, end))
        return stretches

    def _forget(self, at: float) -> None:
        """Drop turns that can no longer matter: all but each channel's last, once the floor was taken."""
        open_since = [turns[-1].started_at for turns in self._turns.values() if turns and turns[-1].ended_at is None]
        oldest = min(open_since, default=at)
        for turns in self._turns.values():
            while self._taken_at is not None and len(turns) > 1 and turns[0].end(at) < oldest - MERGE_SECONDS:
                del turns[0]
