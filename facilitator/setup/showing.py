"""What the set-up page shows of what is chosen, in the words of what is chosen."""

from __future__ import annotations

from contextlib import suppress

from facilitator.config import NONE
from facilitator.core.errors import ProcessError
from facilitator.core.process import Participant, Process
from facilitator.core.state import Settings
from facilitator.followup import FollowUp
from facilitator.setup.choices import AUTO, SERVER, Choices
from facilitator.setup.means import Unfinished
from facilitator.setup.offer import Offer, troubles, words
from facilitator.setup.view import FollowUpTaken, Named, SetUpView, StepPlanned, UnfinishedShown
from facilitator.wording import Language


def show(
    choices: Choices,
    offer: Offer,
    *,
    version: int = 0,
    before: Choices | None = None,
    follow_up: FollowUp | None = None,
    unfinished: Unfinished | None = None,
    voice: str = "idle",
    notice: str = "",
    beginning: bool = False,
) -> SetUpView:
    """Return the page.

    Args:
        choices: what is chosen.
        offer: what there is to choose from.
        version: how often something became another.
        before: what was kept from the session before.
        follow_up: the plan that the client brings back.
        unfinished: a session that was broken off.
        voice: what became of the sentence that was tried; a key `interface.setup.voice_…`.
        notice: why the session did not begin; "" for nothing.
        beginning: whether it is being begun.
    """
    language, process = words(choices, offer), offer.process(choices.process)
    ways = offer.languages(choices.process)
    seconds = {} if process is None else _planned(process, choices)
    roles = () if process is None else process.roles
    brought = None if follow_up is None else FollowUpTaken(on=follow_up.on, actions=len(follow_up.items))
    left = None
    if unfinished is not None:
        left = UnfinishedShown(began=unfinished.began, written_at=unfinished.written_at, title=unfinished.title)
    found = {
        name: language.plain(f"interface.setup.troubles.{code}", **values)
        for name, (code, values) in troubles(choices, offer).items()
    }
    return SetUpView(
        version=version,
        choices=choices,
        troubles=found,
        processes=offer.processes(),
        languages=tuple(Named(id=code, name=_name_of(code, way[0], choices, offer)) for code, way in ways.items()),
        addresses=tuple(way for way in ways.get(choices.language, ()) if way),
        roles=tuple(Named(id=role, name=language.plain(f"roles.{role}.one")) for role in roles),
        writers=tuple(Named(id=writer, name=_writer(writer, offer, language)) for writer in offer.writers()),
        devices=offer.devices,
        lengths=() if process is None else process.durations,
        plan=tuple(
            StepPlanned(title=language.plain(f"steps.{name}.title"), minutes=second / 60)
            for name, second in seconds.items()
        ),
        said=_said(process, seconds, language),
        previous=() if before is None else before.people,
        kept=before is not None,
        follow_up=brought,
        unfinished=left,
        voice=(voice, language.plain(f"interface.setup.voice_{voice}")),
        notice=notice,
        state="beginning" if beginning else "open",
    )


def ready(choices: Choices, offer: Offer) -> tuple[Settings, Language]:
    """Return the session that will be, as everybody sees it before it starts, and its words."""
    language, process = words(choices, offer), offer.process(choices.process) or Offer().process("codev")
    assert process is not None
    seconds = _planned(process, choices) or process.plan(process.durations[0])
    people = tuple(Participant(one.name, one.role) for one in choices.people if one.role in process.roles)
    return Settings(process, seconds, people, language.code, listens=choices.listens), language


def _planned(process: Process, choices: Choices) -> dict[str, float]:
    """Return the seconds of each step; none where the length that is written cannot be shared out."""
    with suppress(ProcessError):
        return process.plan(choices.duration) if choices.duration else {}
    return {}


def _name_of(language: str, address: str, choices: Choices, offer: Offer) -> str:
    """Return what a language calls itself."""
    return words(choices.model_copy(update={"language": language, "address": address}), offer).name


def _writer(writer: str, offer: Offer, language: Language) -> str:
    automatic = "auto" if offer.models else "no_model"
    key = {AUTO: automatic, SERVER: "server", NONE: "none"}.get(writer)
    return writer if key is None else language.plain(f"interface.setup.writer_{key}", host=offer.server or "")


def _said(process: Process | None, seconds: dict[str, float], language: Language) -> str:
    """Return what the voice says first."""
    first = (
        None if process is None else next((step for step in process.steps if step.cues and step.id in seconds), None)
    )
    if first is None:
        return ""
    return language.text(f"steps.{first.id}.opening", names={}, holder=first.holder, seconds=seconds[first.id])
