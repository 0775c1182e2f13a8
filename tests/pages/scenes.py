"""Moments of a real session, with the languages' real words: what the pages have to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from facilitator.catalog import load_process
from facilitator.core import events as ev
from facilitator.core.items import Item
from facilitator.core.process import Participant
from facilitator.core.session import Session
from facilitator.core.snapshot import FollowUpView, ItemView
from facilitator.core.state import Settings
from facilitator.languages import load_language
from facilitator.wording import Language
from tests.core.builders import FRAME, Meeting

PEOPLE = (
    Participant("Camille", "client", "camille"),
    Participant("Nour", "consultant", "nour"),
    Participant("Benoît", "consultant", "benoit"),
    Participant("Ana", "animator", "microphone"),
)
SAID = {
    "fr": (
        "Dans cette séance, j'aimerais que vous m'aidiez à trouver comment en parler à mon équipe.",
        "Sans que ça devienne un procès.",
        "Et repartir avec une première phrase à dire",
    ),
    "en": (
        "In this session, I would like you to help me find how to speak of it to my team.",
        "Without it turning into a trial.",
        "And to leave with a first sentence to say",
    ),
}
PLANNED = {
    "fr": (
        "D'ici vendredi, j'appelle Karim pour préparer la réunion.",
        "Le 14 décembre, je réunis l'équipe une heure.",
    ),
    "en": ("By Friday, I call Karim to prepare the meeting.", "On 14 December, I gather the team for an hour."),
}
FIRST_STEPS = {"fr": "Lui écrire ce soir", "en": "Write to him tonight"}
FOLLOW_UP = {
    "fr": FollowUpView(
        "2026-10-13",
        ("Camille",),
        (
            ItemView("J'appelle Karim avant la réunion.", done_when="nous avons une date", due="2026-10-20"),
            ItemView("Je note ce qui m'agace, sans répondre tout de suite."),
        ),
    ),
    "en": FollowUpView(
        "2026-10-13",
        ("Camille",),
        (
            ItemView("I call Karim before the meeting.", done_when="we have a day", due="2026-10-20"),
            ItemView("I write down what annoys me, without answering at once."),
        ),
    ),
}
LOST = {"fr": "Aucun son ne vient de l'appel.", "en": "No sound comes from the call."}


def begin(language: str, *, listens: bool = True, channels: tuple[str, ...] = ("microphone", "call")) -> Meeting:
    """Return a session of 90 minutes that is ready."""
    process = load_process("codev")
    words = load_language("codev", language, "tu", listens=listens)
    settings = Settings(
        process=process,
        seconds=process.plan(90),
        participants=PEOPLE,
        language=language,
        listens=listens,
        channels=channels,
    )
    meeting = Meeting(settings=settings)
    meeting.session = Session(settings, words)
    return meeting


def words_of(meeting: Meeting) -> Language:
    """Return the words of a session that `begin` made."""
    settings = meeting.settings
    return load_language("codev", settings.language, "tu", listens=settings.listens)


def at_step(language: str, step: str, minutes: float = 0.0) -> Meeting:
    """Return a session some minutes into a step, everything before on time."""
    meeting = begin(language).send(ev.ConsentGiven(at=0), ev.StartAsked(at=0))
    now = 0.0
    for name, seconds in meeting.settings.seconds.items():
        if name == step:
            break
        meeting.plan(talk(now, seconds))
        now += seconds
        meeting.send(ev.NextAsked(at=now))
    return meeting.until(now + 60 * minutes)


def talk(at: float, seconds: float) -> list[ev.Event]:
    """Have three people be heard in a step, one after the other."""
    events: list[ev.Event] = []
    for channel, start, share in (("microphone", 0.05, 0.1), ("camille", 0.2, 0.4), ("nour", 0.65, 0.25)):
        since, until = at + start * seconds, at + (start + share) * seconds
        events.append(ev.SpeechStarted(at=since, channel=channel, since=since))
        events.append(ev.SpeechEnded(at=until, channel=channel, since=until))
    return events


def say(meeting: Meeting, record: str, *texts: str, stage: str = "live") -> Meeting:
    """Have the client say `texts`, one after the other, and the last only in part when `stage` is `partial`."""
    for place, text in enumerate(texts):
        at = meeting.now + 6.0
        number = f"{record}-{round(at)}"
        common = {"channel": "camille", "id": number, "record": record, "step": meeting.session.step_id}
        last = place == len(texts) - 1
        meeting.send(
            ev.UtteranceHeard(at=at, started_at=at - 5, ended_at=at - 1, **common),
            ev.UtteranceWritten(
                at=at, started_at=at - 5, ended_at=at - 1, text=text, stage=stage if last else "live", **common
            ),
        )
    return meeting


def ready(language: str) -> Meeting:
    return begin(language)


def unheard(language: str) -> Meeting:
    return begin(language, listens=False).send(ev.StartAsked(at=0)).until(60)


def welcome(language: str) -> Meeting:
    return at_step(language, "welcome", 2.0)


def speaking(language: str) -> Meeting:
    meeting = begin(language)
    meeting.prompt_seconds = 600.0
    return meeting.send(ev.ConsentGiven(at=0), ev.StartAsked(at=0)).until(5)


def presentation(language: str) -> Meeting:
    return at_step(language, "presentation", 1.0)


def interrupted(language: str) -> Meeting:
    meeting = at_step(language, "presentation", 1.5)
    start = meeting.now
    meeting.plan(
        [
            *(ev.ChannelOpened(at=start, channel=channel) for channel in ("microphone", "call")),
            *(ev.SpeechStarted(at=start + 1, channel="camille", since=start + 1),),
            *(ev.VoiceRose(at=start + 1, channel="camille", since=start + 1),),
            *(ev.VoiceRose(at=start + 4, channel="nour", since=start + 4),),
            *(ev.SpeechStarted(at=start + 4 + FRAME, channel="nour", since=start + 4),),
        ]
    )
    return meeting.until(start + 8)


def silent(language: str) -> Meeting:
    meeting = at_step(language, "synthesis", 2.0)
    start = meeting.now
    meeting.send(*(ev.ChannelOpened(at=start, channel=channel) for channel in ("microphone", "call")))
    return meeting.until(start + 33)


def overrun(language: str) -> Meeting:
    return at_step(language, "clarification", 21.2)


def extended(language: str) -> Meeting:
    """What was just given can be taken back."""
    meeting = overrun(language)
    return meeting.send(ev.ExtendAsked(at=meeting.now, seconds=120.0)).until(meeting.now + 5)


def paused(language: str) -> Meeting:
    meeting = at_step(language, "clarification", 6.0)
    return meeting.send(ev.PauseAsked(at=meeting.now), ev.ListeningPauseAsked(at=meeting.now))


def trouble(language: str) -> Meeting:
    meeting = at_step(language, "clarification", 3.0)
    now = meeting.now
    words = words_of(meeting)
    codes = ("no_model", "call_no_sound", "detector_late")
    warnings = [ev.Warned(at=now, code=code, message=words.plain(f"interface.warnings.{code}")) for code in codes]
    return meeting.send(ev.DeviceLost(at=now, device="microphone"), *warnings)


def replaceable(language: str) -> Meeting:
    """A microphone stays away, and another one is there."""
    meeting = at_step(language, "clarification", 3.0)
    other = {"name": "headset", "description": "Jabra Evolve2 65 Mono"}
    return meeting.send(
        ev.DeviceLost(at=meeting.now, device="microphone"),
        ev.DeviceOffered(at=meeting.now + 10, device="microphone", **other),
    )


def contract(language: str) -> Meeting:
    return say(at_step(language, "contract", 3.0), "contract", *SAID[language], stage="partial")


def corrected(language: str) -> Meeting:
    meeting = say(at_step(language, "contract", 3.0), "contract", *SAID[language][:2])
    return meeting.send(ev.RecordEdited(at=meeting.now + 1, record="contract", text=SAID[language][0]))


def consultation(language: str) -> Meeting:
    meeting = say(at_step(language, "contract", 3.0), "contract", SAID[language][0])
    meeting.send(ev.RecordMarked(at=meeting.now + 2, record="contract"))
    return meeting.send(ev.NextAsked(at=meeting.now + 5)).until(meeting.now + 240)


def plan(language: str) -> Meeting:
    meeting = say(at_step(language, "synthesis", 3.0), "plan", *PLANNED[language], stage="partial")
    first, second = PLANNED[language]
    items = (Item(first, "Karim", FIRST_STEPS[language]), Item(second, due="2026-12-14"))
    return meeting.send(ev.RecordEdited(at=meeting.now + 1, record="plan", text="", items=items))


def evaluation(language: str) -> Meeting:
    meeting = plan(language)
    marks = ev.RecordMarked(at=meeting.now + 1, record="plan", whole=True)
    return meeting.send(marks, ev.NextAsked(at=meeting.now + 2)).until(meeting.now + 60)


def facts(language: str) -> Meeting:
    meeting = evaluation(language)
    return meeting.send(ev.FactsAsked(at=meeting.now, shown=True))


def brought_back(language: str) -> Meeting:
    """`FOLLOW_UP` says the plan."""
    return at_step(language, "welcome", 4.0)


def closing(language: str) -> Meeting:
    meeting = evaluation(language)
    meeting.prompt_seconds = 600.0
    return meeting.send(ev.EndAsked(at=meeting.now + 1)).until(meeting.now + 3)


def ended(language: str) -> Meeting:
    meeting = evaluation(language)
    now = meeting.now
    return meeting.send(ev.EndAsked(at=now + 1), ev.EndAsked(at=now + 2)).until(now + 60)


def empty(language: str) -> Meeting:
    meeting = at_step(language, "evaluation", 1.0)
    return meeting.send(ev.EndAsked(at=meeting.now + 1)).until(meeting.now + 60)


SCENES: Mapping[str, Callable[[str], Meeting]] = {
    scene.__name__: scene
    for scene in (
        ready, unheard, welcome, speaking, presentation, interrupted, silent, overrun, extended, paused, trouble,
        replaceable, contract,
        corrected, consultation, plan, evaluation, facts, brought_back, closing,
        ended, empty,
    )
}  # fmt: skip
"""Every moment, by its name."""
