"""The set-up of `run`: the page's choices, and the session that is made of them as the command line makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from facilitator.cli import parts
from facilitator.cli.preparing import prepare
from facilitator.cli.resuming import Begun, take_up
from facilitator.config import Config
from facilitator.errors import CatalogError
from facilitator.followup import FollowUp
from facilitator.languages import load_language
from facilitator.live import Live
from facilitator.setup.choices import Choices
from facilitator.setup.kept import open_kept
from facilitator.setup.means import Means, Unfinished
from facilitator.setup.setting_up import SettingUp
from facilitator.store.contents import Kept, Person
from speech.capture.device import DeviceSource
from speech.devices import list_devices
from speech.playback.device import DeviceSink
from speech.ports import Sound

OnMade = Callable[[Live, list[str]], None]


def make_set_up(
    config: Config,
    begun: Begun,
    people: tuple[Person, ...],
    follow_up: FollowUp | None,
    *,
    given: Collection[str],
    on_made: OnMade,
) -> SettingUp:
    """Return the set-up of a new session; nothing is opened yet.

    Args:
        config: what holds as long as nothing else is chosen.
        begun: where the session will be kept.
        people: of the command line.
        follow_up: the plan that the command line brings.
        given: names of the choices that the command line makes.
        on_made: told the session once it is made, and the codes of what the animator is told at its start.
    """
    return SettingUp(
        config,
        Choices.of(config, people),
        open_kept(),
        Means(
            list_devices=list_devices,
            list_models=lambda: tuple(info.name for info in parts.installed_models()),
            open_source=DeviceSource,
            open_sink=DeviceSink,
            render=_render,
            begin=_beginner(begun, on_made),
        ),
        follow_up=follow_up,
        given=given,
        unfinished=None if begun.unfinished is None else _unfinished(config, begun, *begun.unfinished, on_made),
    )


def _unfinished(config: Config, begun: Begun, name: str, kept: Kept, on_made: OnMade) -> Unfinished:
    sessions, chosen = begun.sessions, kept.chosen
    assert sessions is not None  # it is kept there
    title = ""
    with suppress(CatalogError):  # its process is not there any more; who takes it up is told
        words = load_language(
            chosen.process, chosen.language, chosen.address, processes=config.session.processes_folder
        )
        title = words.plain(f"steps.{list(chosen.seconds)[kept.durable.course.times.index]}.title")

    async def resume(config: Config) -> Live:
        again = await asyncio.to_thread(take_up, sessions, name)
        assert again.store is not None
        assert again.kept is not None
        try:
            own = again.config(config)
            model = await asyncio.to_thread(parts.choose_model, own, measure=False)  # a meeting never waits
            settings, notices = await prepare(own, again, again.people(()), model, again.kept.chosen.follow_up)
        except BaseException:
            again.store.close()
            raise
        live = Live(settings)
        on_made(live, [*begun.notices, *notices])
        return live

    return Unfinished(chosen.began, kept.written_at, title, resume, lambda: sessions.purge(name))


async def _render(config: Config, text: str) -> Sound:
    voice = await parts.open_voice(config, config.session.language)
    return await voice.render(text)


def _beginner(begun: Begun, on_made: OnMade) -> Callable[[Config, Choices, FollowUp | None], Awaitable[Live]]:
    async def make(config: Config, choices: Choices, follow_up: FollowUp | None) -> Live:
        model = await asyncio.to_thread(parts.choose_model, config, measure=config.listening.enabled)
        settings, notices = await prepare(config, begun, choices.present(), model, follow_up)
        live = Live(settings)
        on_made(live, notices)
        return live

    return make
