"""What is done with a store, phase by phase, by the real code: held, taken up, written down, delivered, destroyed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from facilitator.core.errors import IllegalEventError
from facilitator.core.session import Session
from facilitator.errors import StoreError
from facilitator.store.contents import Kept, delivery_entry, text_entry
from facilitator.store.file import SessionStore
from facilitator.store.keeping import Keeping, Storing
from speech.aside import Aside
from tests.store.faults.play import HANDED, HANG_SECONDS, SOUND, Stage, Step, Story, steps
from tests.store.meetings import chosen, session


async def _go_on(keeping: Keeping, meeting: Session, story: Story, stage: Stage, todo: list[Step]) -> None:
    for name, events in todo:
        for event in events:
            with suppress(IllegalEventError):  # a resumed session may be past it
                meeting.receive(event)
        story.states.append(meeting.durable())
        keeping.note(story.states[-1])
        await keeping.flush()
        if not story.in_doubt:
            story.kept = len(story.states) - 1
            story.on_kept(story.kept)
        if name == "sound":
            story.sound = await keeping.keep_sound(SOUND)
        if name == "delivered":
            before = story.told.copy()
            await keeping.record(delivery_entry(HANDED))
            story.delivered = not story.in_doubt and story.told == before
    story.noted = stage.shim.count


async def _end(keeping: Keeping, stage: Stage, *, ended: bool) -> None:
    """Close, and wait for the thread, which a call that hangs holds until it is let go."""
    await keeping.close(ended=ended)
    stage.shim.release()
    thread = keeping._aside._thread
    if thread is not None:
        await asyncio.to_thread(thread.join, HANG_SECONDS)
        assert not thread.is_alive()
    if keeping._store is not None:  # the close was called off: this process would end now
        keeping._store._connection.close()


async def hold(stage: Stage, story: Story, todo: list[Step], *, ended: bool) -> None:
    """Hold a new session through these steps."""
    keeping = Keeping(Storing(stage.sessions, chosen()), story.teller(stage))
    await _go_on(keeping, session(), story, stage, todo)
    await _end(keeping, stage, ended=ended)


async def beside(stage: Stage, work: Callable[[], None]) -> None:
    """Do `work` in a thread, as a command would, which waits for a call that hangs until it is let go."""
    aside = Aside()
    stage.waits = True
    try:
        await asyncio.wrap_future(aside.submit(work))
    finally:
        stage.waits = False
        aside.end()


async def _take_up(stage: Stage, story: Story) -> tuple[SessionStore, Kept] | None:
    opened: list[tuple[SessionStore, Kept]] = []

    def take_up() -> None:
        (name,) = stage.sessions.names()
        try:
            opened.append(stage.sessions.open(name))
        except StoreError as error:
            story.refused = str(error)

    await beside(stage, take_up)
    return opened[0] if opened else None


async def resume(stage: Stage, story: Story) -> None:
    """Take a session up again that was broken off, and bring it to its end."""
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened
    meeting = session()
    meeting.restore(kept.durable, kept.durable.at + 5.0)
    keeping = Keeping(Storing(stage.sessions, kept.chosen, store, kept), story.teller(stage))
    await _go_on(keeping, meeting, story, stage, steps(500.0)[5:])
    await _end(keeping, stage, ended=True)


async def write_down(stage: Stage, story: Story) -> None:
    """Write the sound down that waits, as `facilitator transcribe` does."""

    def do(store: SessionStore, kept: Kept) -> None:
        assert store.sound(1) == SOUND.to_bytes()
        story.sound = False  # a fault at the very end of the stroke leaves either
        store.append(text_entry("contract", kept.durable.records["contract"]), instead_of=1)
        store.mark()
        store.forget_sounds()

    await _work_on(stage, story, do)


async def deliver(stage: Stage, story: Story) -> None:
    """Note a delivery in a session that is over."""

    def do(store: SessionStore, _: Kept) -> None:
        store.append(delivery_entry(HANDED), after_end=True)
        story.delivered = True
        store.mark()

    await _work_on(stage, story, do)


async def _work_on(stage: Stage, story: Story, do: Callable[[SessionStore, Kept], None]) -> None:
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened

    def work() -> None:
        try:
            do(store, kept)
        except StoreError as error:
            story.refused = str(error)
        finally:
            with suppress(StoreError):
                store.close()

    await beside(stage, work)


async def purge(stage: Stage, story: Story) -> None:
    """Destroy a session by its name."""
    story.purging = True

    def do() -> None:
        (name,) = stage.sessions.names()
        try:
            story.destroyed = stage.sessions.purge(name)
        except StoreError as error:
            story.refused = str(error)

    await beside(stage, do)


async def purge_live(stage: Stage, story: Story) -> None:
    """Destroy the session that is being held."""
    story.purging = True
    opened = await _take_up(stage, story)
    if opened is None:
        return
    store, kept = opened
    keeping = Keeping(Storing(stage.sessions, kept.chosen, store, kept), story.teller(stage))
    try:
        story.destroyed = await keeping.purge()
    except StoreError as error:
        story.refused = str(error)
    await _end(keeping, stage, ended=True)


Phase = Callable[[Stage, Story], Coroutine[None, None, None]]
