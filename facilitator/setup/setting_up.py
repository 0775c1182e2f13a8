"""The set-up: what is chosen so far, what was found out, and the way from there into the session.

Rules:

- What is chosen lives here, never in the page: a page that is opened anew shows it again.
- Nothing is captured but while a page asks for the sound check; then levels alone are known, and nothing is kept.
- The session is made from a configuration and a list of people, in the same way as on the command line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ValidationError

from facilitator.config import Config
from facilitator.core.errors import ProcessError
from facilitator.core.stage import StageView
from facilitator.data import did_you_mean
from facilitator.errors import FacilitatorError, StoreError, UsageError
from facilitator.followup import FollowUp, take_follow_up
from facilitator.live import COMMANDS
from facilitator.setup.choices import Choices
from facilitator.setup.kept import KeptChoices
from facilitator.setup.levels import SoundCheck
from facilitator.setup.means import Means, Unfinished
from facilitator.setup.offer import Offer, troubles, words
from facilitator.setup.rehearsal import Rehearsal
from facilitator.setup.showing import ready, show
from facilitator.setup.view import Level, SetUpView
from facilitator.stagevoice import StageVoice
from facilitator.web.meeting import Meeting, RefusedError
from facilitator.wording import Language
from speech.errors import SpeechError

LOOK_SECONDS = 4.0
"""How often the devices are looked for again while a page is open."""
BAD_REQUEST, CONFLICT, FAILED = 400, 409, 422


class SettingUp:
    """One set-up.

    Args:
        config: what holds as long as nothing else is chosen.
        choices: those that the configuration and the command line make.
        kept: what is kept from the session before.
        means: how it gets at this computer.
        follow_up: the plan that the client brings back, if the command line has it.
        given: names of the choices that the command line made: what was kept does not replace those.
        unfinished: a session that was broken off; None for none.
    """

    def __init__(
        self,
        config: Config,
        choices: Choices,
        kept: KeptChoices,
        means: Means,
        *,
        follow_up: FollowUp | None = None,
        given: Collection[str] = (),
        unfinished: Unfinished | None = None,
    ) -> None:
        self._config = config
        self._given = given
        self._kept = kept
        self._means = means
        self._follow_up = follow_up
        self._unfinished = unfinished
        self._choices = choices
        self._before: Choices | None = None
        address = config.transcription.server_address
        self._offer = Offer(
            folder=config.session.processes_folder,
            server=None if address is None else address.host,
            keeps_sound=config.privacy.store and config.privacy.keep_sound,
            named=(config.session.process,),
        )
        self._watchers: list[Callable[[], None]] = []
        self._notice = ""
        self._version = 0
        self._beginning = False
        self._looking: asyncio.Task[None] | None = None
        self._check = SoundCheck(means.open_source)
        self._rehearsal = Rehearsal(lambda: ready(self._choices, self._offer), means.open_sink, self._changed)

    async def start(self) -> None:
        """Take up what was kept, and look at what this computer has."""
        with suppress(StoreError):  # nothing of it is needed
            self._before = await asyncio.to_thread(self._kept.read)
        if self._before is not None:
            own = {name: getattr(self._choices, name) for name in {"people", *self._given}}  # the group is only offered
            self._choices = self._before.model_copy(update=own)
        await self._look()
        await asyncio.to_thread(self.view)  # reads the files of the process once
        self._rehearsal.start()

    async def close(self) -> None:
        """Give everything back; nothing is captured any more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._check.close()
        await self._rehearsal.close()

    # --- what is shown ---

    @property
    def tabs(self) -> StageVoice:
        """The stage's tabs, through which the voice is tried."""
        return self._rehearsal.tabs

    @property
    def commands(self) -> Mapping[str, type[BaseModel]]:
        """Every command of the session that will be."""
        return COMMANDS

    def stage(self) -> StageView:
        """Return what the participants' page shows."""
        return self._rehearsal.stage()

    @property
    def language(self) -> Language:
        """The words of what is chosen."""
        return words(self._choices, self._offer)

    def strings(self) -> dict[str, str]:
        """Return the words of the pages, by key."""
        return {f"interface.{key}": text for key, text in self.language.table("interface").items()}

    def view(self) -> SetUpView:
        """Return what the page shows now."""
        return show(
            self._choices,
            self._offer,
            version=self._version,
            before=self._before,
            follow_up=self._follow_up,
            unfinished=self._unfinished,
            voice=self._rehearsal.state,
            notice=self._notice,
            beginning=self._beginning,
        )

    def _sentence(self, code: str, values: Mapping[str, object]) -> str:
        return self.language.plain(f"interface.setup.troubles.{code}", **values)

    # --- who watches ---

    def watch_changes(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Have `on_change` called when something else is to be shown; return what ends it."""
        self._watchers.append(on_change)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        return lambda: self._watchers.remove(on_change)

    def listen(self, on_level: Callable[[], None]) -> Callable[[], None]:
        """Begin the sound check, if it is not going on; return what ends it for this watcher."""
        return self._check.watch(on_level, None if self._beginning else self._choices.inputs)

    @property
    def listening(self) -> bool:
        """Whether the sound check goes on."""
        return self._check.on

    def levels(self) -> tuple[Level, ...]:
        """Return how loud each channel is now."""
        return self._check.levels()

    def _changed(self) -> None:
        self._version += 1
        for on_change in tuple(self._watchers):
            on_change()

    async def _look(self) -> None:
        devices, models = await self._means.look()
        offer = replace(self._offer, devices=devices, models=models)
        if offer != self._offer:
            self._offer = offer
            self._changed()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._watchers:
                await self._look()

    # --- what the page asks ---

    async def change(self, values: Mapping[str, Any]) -> None:
        """Choose something else.

        Raises:
            RefusedError: `values` are no choices.
        """
        self._still_open()
        known = Choices.model_fields
        for name in values:
            if name not in known:
                sentence = f"There is no choice {name!r}; {did_you_mean(name, known)}"
                raise RefusedError(BAD_REQUEST, "unknown_choice", sentence)
        await asyncio.to_thread(self._read, self._with(values))  # so that nothing is read from a disk on the loop
        self._still_open()
        self._choices = self._with(values)
        self._notice = ""
        self._rehearsal.forget()
        if self._check.on:
            self._check.start(self._choices.inputs)
        self._changed()

    def _with(self, values: Mapping[str, Any]) -> Choices:
        try:
            return Choices.model_validate({**self._choices.model_dump(), **values})
        except ValidationError as wrong:
            place = ".".join(str(part) for part in wrong.errors()[0]["loc"])
            raise RefusedError(BAD_REQUEST, "bad_value", f"The value of {place!r} makes no sense.") from None

    def _read(self, choices: Choices) -> None:
        show(choices, self._offer)

    async def bring(self, content: bytes) -> None:
        """Take the plan that a client brings back, from its file; of empty content: none.

        Raises:
            RefusedError: it carries none.
        """
        self._still_open()
        if not content:
            self._follow_up = None
        else:
            try:
                self._follow_up = await asyncio.to_thread(take_follow_up, content, "The file")
            except UsageError:
                raise RefusedError(FAILED, "no_plan", self._sentence("no_plan", {})) from None
        self._changed()

    async def forget(self) -> None:
        """Destroy what is kept from the session before.

        Raises:
            RefusedError: it was not destroyed.
        """
        self._still_open()
        try:
            await asyncio.to_thread(self._kept.forget)
        except StoreError as error:
            raise RefusedError(FAILED, "not_forgotten", str(error)) from None
        self._before = None
        self._choices = self._choices.model_copy(update={"keep": False, "keep_names": False})
        self._changed()

    def say(self) -> None:
        """Have the voice say one sentence, where it will speak.

        Raises:
            RefusedError: it is saying it, or there is nowhere to say it.
        """
        self._still_open()
        found = troubles(self._choices, self._offer)
        if self._choices.way == "none" or self._rehearsal.state == "playing":
            raise RefusedError(CONFLICT, "not_now", self._sentence("nothing_to_say", {}))
        if "output" in found:
            raise RefusedError(CONFLICT, found["output"][0], self._sentence(*found["output"]))
        text = self.language.plain("interface.setup.sample")
        sound = self._means.render(self._choices.onto(self._config), text)
        self._rehearsal.say(None if self._choices.way == "stage" else self._choices.output, text, sound)

    async def begin(self) -> Meeting:
        """Make the session of what was chosen; from then on nothing can be changed here.

        Raises:
            RefusedError: something is to be changed first, or the session could not begin; nothing is lost.
        """
        return await self._leave(self._begun)

    async def resume(self) -> Meeting:
        """Go on with the session that was broken off, on the devices that are chosen here.

        Raises:
            RefusedError: there is none, or it could not go on; nothing is lost.
        """
        return await self._leave(lambda: self._left().resume(self._choices.onto(self._config)))

    async def destroy(self) -> None:
        """Destroy the session that was broken off.

        Raises:
            RefusedError: there is none, or it was not destroyed to its end.
        """
        self._still_open()
        unfinished = self._left()
        try:
            await asyncio.to_thread(unfinished.destroy)
        except StoreError as error:
            raise RefusedError(FAILED, "not_destroyed", str(error)) from None
        self._unfinished = None
        self._changed()

    def _left(self) -> Unfinished:
        if self._unfinished is None:
            raise RefusedError(CONFLICT, "not_now", self._sentence("nothing_unfinished", {}))
        return self._unfinished

    async def _leave(self, make: Callable[[], Awaitable[Meeting]]) -> Meeting:
        """Go from here into a session; until it is made nothing can be changed, and nothing is captured."""
        self._still_open()
        self._beginning, self._notice = True, ""
        self._check.stop()
        self._changed()
        meeting = None
        try:
            await self._rehearsal.silence()
            meeting = await make()
        except (FacilitatorError, SpeechError, ProcessError) as error:
            self._notice = str(error)
            raise RefusedError(FAILED, "not_begun", self._notice) from None
        except RefusedError as refused:
            self._notice = str(refused)
            raise
        finally:
            self._beginning = meeting is not None
            self._changed()
        return meeting

    async def _begun(self) -> Meeting:
        await self._look()
        choices = self._choices
        if found := troubles(choices, self._offer):
            raise RefusedError(CONFLICT, "troubles", self._sentence(*next(iter(found.values()))))
        if choices.keep or self._before is not None:
            await asyncio.to_thread(self._kept.renew, choices)
        return await self._means.begin(choices.onto(self._config), choices, self._follow_up)

    def _still_open(self) -> None:
        if self._beginning:
            raise RefusedError(CONFLICT, "begun", self._sentence("begun", {}))
