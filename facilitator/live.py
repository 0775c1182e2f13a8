"""A session held live: on the computer's devices, in real time, driven by commands."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from facilitator import commands
from facilitator.call import MIXED_CHANNEL
from facilitator.capturing import LiveHearing
from facilitator.config import STAGE, TRACKS
from facilitator.core import events as ev
from facilitator.core import facts
from facilitator.core.errors import IllegalEventError
from facilitator.core.session import Session
from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView
from facilitator.core.state import Settings, names_by_role
from facilitator.dates import offered_date
from facilitator.device_words import VOICE
from facilitator.documents.offers import with_offers
from facilitator.documents.write import Papers
from facilitator.handing import BAD_REQUEST, CONFLICT, DELIVER, PURGE, Deliver, Handing, Purge
from facilitator.hearing import Ear, Hearing
from facilitator.live_devices import LiveDevices
from facilitator.live_settings import LiveSettings
from facilitator.runner import Runner
from facilitator.scribe import Scribe
from facilitator.speaking import Speaker
from facilitator.stagevoice import StageVoice
from facilitator.store.contents import Door
from facilitator.store.keeping import Keeping, keeper
from facilitator.supervising import Defects, watch_sleep
from facilitator.timeline import LiveClock, Timeline
from facilitator.watching import Watch
from facilitator.web.service import RefusedError
from speech.detection import SileroDetector
from speech.own_voice import OwnVoice

DEFECT = 500
MOST_LINES = 1_024
"""Lines of a plan whose days are remembered: more than are said in one."""
COMMANDS: Mapping[str, type[BaseModel]] = {**commands.COMMANDS, DELIVER: Deliver, PURGE: Purge}
"""Every command's values by its name."""


class Live:
    """A live session: a `Meeting` for the service and for the terminal."""

    def __init__(self, settings: LiveSettings) -> None:
        self.settings = settings
        self._kept = None if settings.storing is None else settings.storing.kept
        self._clock = LiveClock(0.0 if self._kept is None else self._kept.now())
        self._timeline = Timeline(self._clock)
        self._own = OwnVoice()
        self._devices = LiveDevices(settings, self._timeline, self._give, self.warn)
        self.inlets = self._devices.inlets
        now = dt.datetime.now(tz=dt.UTC).astimezone()
        self._began = now if settings.storing is None else settings.storing.chosen.began
        # Every view asks for every line of the plan. The session's own: it holds words, which go with them.
        self._dates = lru_cache(MOST_LINES)(offered_date)
        self._keeping = Keeping(settings.storing, self.warn)
        self.defects = Defects(settings.language, self._warn)
        speaker = Speaker(self._timeline, settings.cache, settings.language)
        names = " ".join(person.name for person in settings.participants)
        self._runner = Runner(
            session=Session(self._session_settings(), settings.language),
            timeline=self._timeline,
            language=settings.language,
            hearing=self._hearing(),
            speaker=speaker,
            scribe=Scribe(
                self._timeline,
                settings.recognizer,
                settings.language,
                names,
                first=self._first_id,
                keep=keeper(self._keeping) if settings.keeps_sound else None,
            ),
            keep=self._keeping.note,
            use_device=self._use_device,
            on_defect=self.defects.tell,
        )
        self.tabs = StageVoice(
            self._timeline, self._clock, self._own, self._runner, used=settings.voice_output == STAGE
        )
        self._mouth = self._devices.mouth(self._clock, self._own, self._runner.receive)
        speaker.connect(self._runner.receive, self.tabs if settings.voice_output == STAGE else self._mouth)
        self._followers: list[Callable[[dict[str, Any]], None]] = []
        self._handing = self._make_handing()
        if self._kept is not None:
            self._runner.session.restore(self._kept.durable, self._clock.now())
        self._keeping.shown(self._runner.snapshot().records)
        self.stage()  # what a session that goes on shows is on the disk

    def _make_handing(self) -> Handing:
        settings = self.settings
        names = names_by_role(settings.process, settings.participants)
        papers = Papers(settings.process, settings.language, names, self._began)
        return Handing(
            papers,
            account=settings.account,
            folder=settings.folder / papers.folder,
            before=() if self._kept is None else self._kept.deliveries,
            keeping=self._keeping,
            records=lambda: self.snapshot().records,
            on_line=self._tell,
            on_failure=lambda sentence: self._runner.give(
                ev.Warned(at=self._runner.now(), code="document_failed", message=sentence)
            ),
        )

    @property
    def _first_id(self) -> str:
        return "u" if self._kept is None else f"u{self._kept.begun + 1}-"

    def _session_settings(self) -> Settings:
        settings = self.settings
        return Settings(
            process=settings.process,
            seconds=settings.seconds,
            participants=settings.participants,
            language=settings.language.code,
            listens=settings.listens,
            channels=self._devices.channels,
            spoken_reminders=settings.spoken_reminders,
            timed_cues_when_deaf=settings.timed_cues_when_deaf,
            replies_allowed=settings.replies_allowed,
            kept=settings.storing is not None,
            mixed=MIXED_CHANNEL if settings.call_input not in {None, TRACKS} else None,
            cue_probability=settings.cue_probability if settings.detector is not None else None,
        )

    def _hearing(self) -> Hearing:
        settings = self.settings
        channels = [(Ear(one, SileroDetector()), self._devices.opener(one)) for one in self._devices.channels]
        if not settings.listens or not channels:
            return Hearing(self._timeline, ())
        watch = None
        if settings.detector is not None and settings.call_input is not None:
            watch = Watch(MIXED_CHANNEL, settings.detector, self._timeline, on_trouble=self.warn)
        hearing = LiveHearing(self._timeline, self._clock, channels, self._own, told=self._devices.words, watch=watch)
        self._reopen = hearing.reopen
        return hearing

    def _use_device(self, device: str, name: str) -> None:
        """Have another device in place of a lost one."""
        self._devices.use(device, name)
        if device != VOICE:
            self._reopen(device)
        elif self._mouth is not None:
            self._mouth.use(name)

    def _give(self, event: ev.Event) -> None:
        self._runner.give(event)

    def remember(self, door: Door) -> None:
        """Keep with the session where its pages are answered; said before it is run."""
        self._keeping.remember(door)

    def watch(self, on_fact: Callable[[facts.Fact], None]) -> None:
        """Have `on_fact` called with everything that happens, once it is kept."""
        on_fact = self.defects.contained(on_fact)
        self._runner.watch(lambda fact: self._keeping.after(lambda: on_fact(fact)))

    def follow(self, on_line: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Have `on_line` called with every event line from now on; return what ends it."""
        on_line = self.defects.contained(on_line)

        def tell(fact: facts.Fact) -> None:
            self._keeping.after(lambda: on_line(fact.to_line()))

        self._runner.watch(tell)
        self._followers.append(on_line)

        def end() -> None:
            self._runner.unwatch(tell)
            self._followers.remove(on_line)

        return end

    def snapshot(self) -> Snapshot:
        """Return what is to be shown now."""
        shot = self._runner.snapshot()
        shot = replace(shot, records=self._keeping.shown(shot.records))
        if self.settings.follow_up is not None and self.settings.process.step(shot.step).follow_up:
            shot = replace(shot, follow_up=self.settings.follow_up.view())
        return with_offers(shot, self._began.date(), self.settings.language.code, self._dates)

    def stage(self) -> StageView:
        """Return what everybody may see now; an agreed text once it is kept, as in `snapshot`."""
        view = self._runner.stage()
        if view.shows is None or view.contract is None:
            return view
        return replace(view, contract=self._keeping.agreed(view.shows, view.contract))

    def watch_changes(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Have `on_change` called when a snapshot may show something else than before; return what ends it."""
        on_change = self.defects.contained(on_change)

        def tell() -> None:
            self._keeping.after(on_change)

        self._runner.on_change.append(tell)
        return lambda: self._runner.on_change.remove(tell)

    @property
    def commands(self) -> Mapping[str, type[BaseModel]]:
        """Every command's values by its name."""
        return COMMANDS

    def strings(self) -> dict[str, str]:
        """Return the words of the pages: the whole table `interface`, by key."""
        return {f"interface.{key}": text for key, text in self.settings.language.table("interface").items()}

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self._runner.session.ended

    @property
    def delivered(self) -> bool:
        """Whether all that is written down was delivered as it stands."""
        return self._handing.delivered

    @property
    def empty(self) -> bool:
        """Whether nothing was written down."""
        return not any(record.text for record in self.snapshot().records.values())

    async def command(self, name: str, values: dict[str, Any], if_step: str | None = None) -> dict[str, Any] | None:
        """Do a command; return what there is to say of it beside the snapshot.

        Raises:
            RefusedError: it was not done; the sentence says why.
        """
        words = self.settings.language
        if if_step is not None and if_step != self._runner.session.step_id:
            raise RefusedError(CONFLICT, "not_this_step", words.plain("refusals.not_this_step"))
        if name == DELIVER:
            await self._keeping.flush()
            return await self._deliver(values)
        if name == PURGE:
            return await self._purge(values)
        try:
            for event in commands.read(name, values, self._runner.now()):
                self._runner.receive(event)
        except commands.CommandError as error:
            raise RefusedError(BAD_REQUEST, error.code, str(error)) from None
        except IllegalEventError as refused:
            raise RefusedError(CONFLICT, refused.code, words.plain(f"refusals.{refused.code}")) from None
        except Exception as defect:  # noqa: BLE001  whoever asked goes on, be it the terminal
            self.defects.tell(defect)
            raise RefusedError(DEFECT, "defect", self.defects.sentence(defect)) from None
        await self._keeping.flush()
        return None

    async def _deliver(self, values: dict[str, Any]) -> dict[str, Any]:
        """Hand the documents over, then destroy what is kept where that is wanted."""
        said = await self._handing.deliver(values)
        if self.settings.destroy_delivered and self.ended and self.delivered:
            if self._keeping.waiting:
                why = self.settings.language.plain("delivery.kept.waiting", session=self._keeping.session)
                self._tell({"type": "warning", "code": "kept_waiting", "message": why})
                return said
            try:
                said |= await self._purge({})
            except RefusedError as refused:
                self._tell({"type": "warning", "code": refused.code, "message": str(refused)})
        return said

    async def _purge(self, values: dict[str, Any]) -> dict[str, Any]:
        """Destroy what is kept, then forget what is held."""
        line = await self._handing.purge(values, ended=self.ended)
        self._runner.receive(ev.PurgeAsked(at=self._runner.now()))
        self.settings, self._kept = replace(self.settings, storing=None), None
        if self.settings.cache is not None:
            self.settings.cache.forget_private()
        self._dates.cache_clear()
        self.tabs.forget()
        return {"purged": line}

    def _tell(self, line: dict[str, Any]) -> None:
        line = {"type": line["type"], "at": round(self._runner.now(), 3), **line}
        for follower in tuple(self._followers):
            follower(line)

    def warn(self, code: str) -> None:
        """Tell the animator something of the languages' warnings, also after the session's end."""
        self._warn(code, self.settings.language.plain(f"interface.warnings.{code}"))

    def _warn(self, code: str, message: str) -> None:
        if self.ended:
            self._tell({"type": "warning", "code": code, "message": message})
        else:
            self._runner.give(ev.Warned(at=self._runner.now(), code=code, message=message))

    async def run(self) -> None:
        """Hold the session, from its readiness to its end."""
        asyncio.get_running_loop().set_exception_handler(self.defects.tell_context)
        if self._kept is not None:
            self.warn("resumed")
        self._timeline.work(watch_sleep(self._runner.look_for_sleep))
        self._timeline.work(self._prepare())
        await self._runner.run()

    async def _prepare(self) -> None:
        """Render every prompt and open the voice's device, while the animator gets ready."""
        if self._mouth is not None and self.settings.cache is not None:
            self._timeline.work(self._mouth.open())
        if await self._runner.speaker.render_ahead(self._runner.session.prompts_ahead()):
            self.warn("voice_failed")

    async def close(self) -> None:
        """Give everything back."""
        await self._runner.close()
        await self._keeping.close(ended=self.ended)
