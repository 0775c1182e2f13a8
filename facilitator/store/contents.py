"""What a session's records hold, as JSON: what was chosen, where the meeting is, and each written-down text.

Rules:

- A record stands for itself: the last one of its kind (and of its name, for a text) is what holds. Deliveries
  all hold.
- Times are session seconds; `wall` is the computer's own time of the same instant, so that session time can go on from
  it in another process. Somebody may set that clock meanwhile: as long as the computer was not started anew, the
  seconds since its start (`running`, of the start `start`) are what counts.
- What changes here in a way that an older program would misread raises `sealing.SCHEMA`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from facilitator.clocks import START, running_seconds
from facilitator.core.durable import Course, Durable
from facilitator.core.record import Record
from facilitator.core.transitions import Phase
from facilitator.errors import StoreDamagedError
from facilitator.followup import FollowUp
from facilitator.store.file import Entry

CHOSEN, COURSE, TEXT, DELIVERED = "chosen", "course", "text", "delivered"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Person(_Model):
    """Somebody present."""

    name: str
    role: str


class Door(_Model):
    """Where a session's pages are answered, so that those that are open find it again after a crash.

    Attributes:
        port: on this computer.
        key: signs their cookies, 64 hexadecimal digits.
    """

    port: int
    key: str


class Chosen(_Model):
    """What was chosen before the session, as the configuration and the command line have it.

    Attributes:
        process: a name or a folder.
        language, address: of the words.
        seconds: planned seconds by step, in their order.
        people: everybody present, as far as known.
        began: when session time was 0.
        follow_up: a plan that a client brought back; None for none.
        keeps_sound: whether everybody agreed that the sound of written-down steps waits here for a recognizer.
        server: host of the speech server that everybody agreed to; "" for none.
        door: where its pages are answered; None where they never were.
    """

    process: str
    language: str
    address: str
    seconds: dict[str, float]
    people: tuple[Person, ...]
    began: AwareDatetime
    follow_up: FollowUp | None = None
    keeps_sound: bool = False
    server: str = ""
    door: Door | None = None


class Delivery(_Model):
    """That the documents were handed over, or were about to be.

    Attributes:
        id: of the message, the same each time that it is tried again; "" for a folder.
        content: what tells these documents and this recipient from any others.
        recipient: hash of the recipient's address; "" for a folder.
        state: `begun` until it is known what became of it; then `sent`, `failed` when it certainly was not, `unknown`
            when nobody can tell; `folder` for files of the animator's.
        wall: the computer's own time, seconds since 1970.
    """

    id: str
    content: str
    recipient: str
    state: Literal["begun", "sent", "failed", "unknown", "folder"]
    wall: float


class _Course(_Model):
    at: float
    wall: float
    course: Course
    start: str = ""
    running: float = 0.0


class _Text(_Model):
    name: str
    record: Record


_COURSE, _TEXT = TypeAdapter(_Course), TypeAdapter(_Text)


@dataclass(frozen=True, slots=True)
class Kept:
    """A session as its store has it.

    Attributes:
        chosen: what was chosen before it.
        durable: what the core goes on from.
        wall: the computer's time at `durable.at`, seconds since 1970.
        begun: how many processes have held it.
        deliveries: to the client, oldest first.
        delivered: whether one of them came after the last change of what is written down, and arrived.
        waiting: how many utterances wait, as sound, to be written down.
        start: which start of the computer it was, "" where that is not known.
        running: seconds since then at `durable.at`.
    """

    chosen: Chosen
    durable: Durable
    wall: float
    begun: int
    deliveries: tuple[Delivery, ...] = ()
    delivered: bool = False
    waiting: int = 0
    start: str = ""
    running: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self.durable.course.phase is Phase.ENDED

    def now(self, wall: float | None = None) -> float:
        """Return the session second of the computer's time `wall`, the present unless told; it never goes back."""
        if wall is None:
            return self.durable.at + max(0.0, self.age().total_seconds())
        return self.durable.at + max(0.0, wall - self.wall)

    def age(self) -> timedelta:
        """Return how long ago it was last written to; since the same start of the computer whoever set its clock."""
        if self.start and self.start == START:
            return timedelta(seconds=max(0.0, running_seconds() - self.running))
        return timedelta(seconds=time.time() - self.wall)

    @property
    def kept_for(self) -> str:
        """Why it is not destroyed though it was delivered, as a key of `delivery.kept`; "" where it may be."""
        return "unfinished" if not self.ended else "waiting" if self.waiting else ""

    @property
    def written_at(self) -> datetime:
        """When it was last written to."""
        return datetime.fromtimestamp(self.wall).astimezone()


def chosen_entry(chosen: Chosen) -> Entry:
    """Return the record of what was chosen; each process that holds the session begins with one."""
    return Entry(CHOSEN, chosen.model_dump_json().encode())


def course_entry(at: float, wall: float, course: Course, running: float | None = None) -> Entry:
    """Return the record of where the meeting is; `running` is the computer's seconds since its start, if known."""
    start = "" if running is None else START
    return Entry(
        COURSE, _COURSE.dump_json(_Course(at=at, wall=wall, course=course, start=start, running=running or 0.0))
    )


def text_entry(name: str, record: Record) -> Entry:
    """Return the record of one written-down text."""
    return Entry(TEXT, _TEXT.dump_json(_Text(name=name, record=record)))


def delivery_entry(delivery: Delivery) -> Entry:
    """Return the record of a delivery, or of what became of it."""
    return Entry(DELIVERED, delivery.model_dump_json().encode())


def fold(session: str, entries: Iterable[Entry]) -> Kept:
    """Return what the records of a session come to.

    Raises:
        StoreDamagedError: they do not hold what such records hold.
    """
    chosen: Chosen | None = None
    course: _Course | None = None
    texts: dict[str, Record] = {}
    begun = 0
    deliveries: list[Delivery] = []
    delivered = False
    try:
        for entry in entries:
            if entry.kind == CHOSEN:
                chosen, begun = Chosen.model_validate_json(entry.payload), begun + 1
            elif entry.kind == COURSE:
                course = _COURSE.validate_json(entry.payload)
            elif entry.kind == TEXT:
                text = _TEXT.validate_json(entry.payload)
                texts[text.name], delivered = text.record, False
            elif entry.kind == DELIVERED:
                deliveries.append(Delivery.model_validate_json(entry.payload))
                delivered = delivered or deliveries[-1].state in {"sent", "folder"}
    except ValidationError:  # its text holds what was said
        chosen = None
    if chosen is None or course is None:
        raise StoreDamagedError(f"The session {session} holds too little to go on from: it was hardly begun.")
    return Kept(
        chosen,
        Durable(course.at, course.course, texts),
        course.wall,
        begun,
        tuple(deliveries),
        delivered,
        start=course.start,
        running=course.running,
    )
