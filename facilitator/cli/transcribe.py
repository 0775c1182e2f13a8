"""`facilitator transcribe`: write down what a session kept as sound, because no model was there at the time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from facilitator.cli import parts
from facilitator.config import Config, load_config
from facilitator.core.events import UtteranceWritten
from facilitator.errors import FailureError, StoreDamagedError, UsageError
from facilitator.exporting import Reopened, reopen
from facilitator.store.contents import text_entry
from facilitator.store.file import SessionStore
from facilitator.store.folder import open_sessions
from facilitator.store.sound import KeptSound
from speech.errors import RecognizerError
from speech.ports import Recognizer

TRIES = 2
"""An engine that died is started again once for an utterance."""


@dataclass(slots=True)
class _Count:
    """How it went: utterances with words, and those whose sound cannot be read."""

    written: int = 0
    unreadable: int = 0


def transcribe(
    session: Annotated[str, typer.Argument(help="A name of `sessions list`.")],
    model: Annotated[
        str | None, typer.Option("--model", help="A name of `models list`, or a folder; the best one unless told.")
    ] = None,
    config: parts.ConfigOption = None,
) -> None:
    """Write down what a session kept as sound, and delete the sound. It can be stopped at any time, and goes on.

    Example: facilitator transcribe 2026-11-24-0930-a1b2
    """
    settings = load_config(config)
    if model is not None:
        changed = settings.transcription.model_copy(update={"model": model, "server": ""})
        settings = settings.model_copy(update={"transcription": changed})
    store, kept = open_sessions(settings.privacy.store_folder).open(session)
    try:
        places = store.sounds()
        if not places:
            store.forget_sounds()  # a process that was killed may have left the key
            raise UsageError(f"No sound of the session {session} waits to be written down.")
        again = reopen(kept, settings.session.processes_folder)
        spoken = settings.session.model_copy(update={"language": kept.chosen.language})
        settings = settings.model_copy(update={"session": spoken})
        count = asyncio.run(_write_all(parts.as_agreed(settings, kept.chosen.server), store, places, again))
        store.forget_sounds()
    finally:
        store.close()
    _say(session, count)


async def _write_all(settings: Config, store: SessionStore, places: tuple[int, ...], again: Reopened) -> _Count:
    count = _Count()
    hotwords = " ".join(person.name for person in again.people)
    async with _recognizer(settings) as recognizer:
        with parts.progress("writing down") as show:
            for done, place in enumerate(places):
                show(done, len(places))
                await _write(store, place, again, recognizer, hotwords, count)
    return count


@asynccontextmanager
async def _recognizer(settings: Config) -> AsyncIterator[Recognizer]:
    recognizer = parts.make_recognizer(
        settings, await asyncio.to_thread(partial(parts.choose_model, settings, live=False))
    )
    if recognizer is None:
        raise UsageError("No model is installed: `facilitator models pull` fetches one.")
    try:
        yield recognizer
    finally:
        await recognizer.close()


async def _write(
    store: SessionStore, place: int, again: Reopened, recognizer: Recognizer, hotwords: str, count: _Count
) -> None:
    """Write one utterance down and delete its sound, with one stroke."""
    try:
        sound = KeptSound.from_bytes(store.sound(place))
    except StoreDamagedError:
        sound = None
    if sound is None:
        count.unreadable += 1  # its record counts it as lost already; nothing can be made of it
        return
    text = await _text(recognizer, sound, again, hotwords)
    about = sound.about
    again.session.receive(
        UtteranceWritten(at=again.session.now, stage="final_pass", text=text, **about.model_dump()),
    )
    again.session.take_actions()  # it is over, and nobody is there to be told
    record = again.session.durable().records[about.record]
    store.append(text_entry(about.record, record), after_end=True, instead_of=place)
    store.mark()
    count.written += bool(text)


async def _text(recognizer: Recognizer, sound: KeptSound, again: Reopened, hotwords: str) -> str:
    for _ in range(TRIES):
        try:
            transcript = await recognizer.transcribe(
                sound.samples, language=again.language.code, hotwords=hotwords, careful=True
            )
        except RecognizerError:
            continue
        return transcript.text
    raise FailureError("The transcription stopped; nothing is lost: give the same command to go on.")


def tell_waiting(session: str, waiting: int) -> None:
    """Say on stderr that something of a session waits to be written down, where it does."""
    if waiting:
        parts.errors.print(
            f"Utterances that wait as sound: {waiting}. `facilitator transcribe {session}` writes them down first.",
            soft_wrap=True,
        )


def _say(session: str, count: _Count) -> None:
    print(f"Utterances written down: {count.written}. Their sound is deleted.")
    if count.unreadable:
        parts.errors.print(f"Utterances whose sound was damaged, and which are lost: {count.unreadable}.")
    parts.errors.print(
        f"Now `facilitator sessions export {session} --to DIR` writes the documents, and `facilitator sessions deliver "
        f"{session} --to ADDRESS` hands them to the client.",
        soft_wrap=True,
    )
