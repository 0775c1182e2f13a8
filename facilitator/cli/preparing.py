"""From what was chosen, on the command line or on the set-up page, to what a live session needs: one way for both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from facilitator.call import MICROPHONE_CHANNEL, MIXED_CHANNEL
from facilitator.catalog import load_process
from facilitator.cli import parts
from facilitator.cli.resuming import Begun
from facilitator.config import BROWSER, NONE, STAGE, TRACKS, Config
from facilitator.core.process import Participant, Process
from facilitator.data import did_you_mean
from facilitator.errors import UsageError
from facilitator.exporting import check_steps
from facilitator.followup import FollowUp
from facilitator.languages import load_language
from facilitator.live_settings import LiveSettings
from facilitator.store.contents import Person
from speech.detection import SileroDetector
from speech.devices import DEFAULT, Kind, find_device
from speech.errors import SynthesisError, VoiceNotFoundError
from speech.synthesis.cache import PromptCache
from speech.virtual_microphone import is_cable


async def prepare(
    config: Config, begun: Begun, people: Sequence[Person], model: Path | None, follow_up: FollowUp | None
) -> tuple[LiveSettings, list[str]]:
    """Return what the session needs, and the codes of what the animator is told at its start.

    Args:
        config: with everything that was chosen.
        begun: where the session is kept, and what it goes on from.
        people: everybody present, as far as their names are known.
        model: as `parts.choose_model` gave it.
        follow_up: the plan that the client brings back; None for none.

    Raises:
        FacilitatorError, SpeechError, ProcessError: something that was chosen cannot be; the sentence says what.
    """
    folder = config.session.processes_folder
    process = load_process(config.session.process, folder)
    if begun.kept is not None:
        check_steps(begun.kept, process)
    call_input = await _device(config.audio.call_input, "input")
    microphone = await _device(config.audio.microphone_input, "input")
    wanted = config.listening.enabled
    listens = wanted and (call_input is not None or microphone is not None)
    keeps_sound = listens and begun.keeps_sound(config)
    server = parts.server_of(config, model)
    language = load_language(
        config.session.process,
        config.session.language,
        config.session.address,
        processes=folder,
        listens=listens,
        keeps_sound=keeps_sound,
        server=None if server is None else server.host,
    )
    output = await _device(config.audio.voice_output, "output") if config.voice.enabled else None
    monitor, carried = await _beside(config, output)
    notices = list(begun.notices)
    if wanted and call_input is None:
        notices.append("no_input" if microphone is None else "no_call_input")
    cache = await _voice(config)
    if config.voice.enabled and cache is None:
        notices.append("no_voice")
    recognizer = await asyncio.to_thread(parts.make_recognizer, config, model)
    if listens:
        notices += parts.told_of_recognizer(config, model)
    detector = None
    if listens and call_input not in {None, TRACKS}:  # with tracks, who speaks is known
        detector = await asyncio.to_thread(parts.open_detector, config)
        notices += ["no_detector"] if detector is None else []
    if begun.sessions is not None and not begun.sessions.keys.used.is_keyring:
        notices.append("key_file")
    seconds = process.plan(config.session.duration) if begun.kept is None else begun.kept.chosen.seconds
    participants = _participants(
        people, process, microphone=microphone is not None, tracks=listens and call_input == TRACKS
    )
    await asyncio.to_thread(SileroDetector)  # loads the model that all detectors share
    settings = LiveSettings(
        process=process,
        seconds=dict(seconds),
        language=language,
        participants=participants,
        call_input=call_input,
        microphone_input=microphone,
        voice_output=output,
        voice_monitor=monitor,
        microphone_to_call=carried,
        cache=cache,
        recognizer=recognizer,
        listens=listens,
        keeps_sound=keeps_sound,
        destroy_delivered=config.privacy.destroy_delivered,
        detector=detector,
        cue_probability=config.listening.cue_probability,
        spoken_reminders=config.voice.spoken_reminders,
        timed_cues_when_deaf=config.voice.timed_cues_when_deaf,
        replies_allowed=config.session.client_may_reply,
        folder=config.documents.path,
        account=config.delivery.account,
        follow_up=follow_up,
        storing=begun.storing(config, seconds, participants, follow_up),
    )
    return settings, notices


_NO_DEVICES: Mapping[Kind, frozenset[str]] = {"input": frozenset({BROWSER, TRACKS}), "output": frozenset({STAGE})}
"""Names that stand for a page or a bot."""


async def _device(name: str, kind: Kind) -> str | None:
    if name == NONE:
        return None
    if name == DEFAULT or name in _NO_DEVICES[kind]:
        return name
    return (await asyncio.to_thread(find_device, name, kind)).name


async def _beside(config: Config, output: str | None) -> tuple[str | None, str | None]:
    """Return where the animator hears the voice too, and the microphone that goes into `output` with it.

    Raises:
        UsageError: one of them would send the call back to itself, or the animator's voice to their own ear.
    """
    audio = config.audio
    if output in {None, STAGE}:
        return None, None
    monitor = await _device(audio.voice_monitor, "output")
    if monitor == output:
        raise UsageError('voice_monitor is voice_output itself: name your headset, or set it to "none".')
    if audio.microphone_to_call == NONE:
        return monitor, None
    if output == DEFAULT:
        raise UsageError(
            "microphone_to_call would play you to yourself: set voice_output to the virtual device that the call takes "
            'as its microphone, or microphone_to_call to "none".'
        )
    found = await asyncio.to_thread(find_device, audio.microphone_to_call, "input")
    if found.is_monitor or is_cable(found.name):
        raise UsageError(
            f"{found.name} is no microphone: the call would hear itself. Set microphone_to_call to your own microphone."
        )
    return monitor, found.name


async def _voice(config: Config) -> PromptCache | None:
    """Return what renders the prompts; None where the computer has no working voice."""
    if not config.voice.enabled:
        return None
    try:
        return await parts.open_voice(config, config.session.language)
    except VoiceNotFoundError:
        raise
    except SynthesisError:
        return None


def _participants(
    people: Sequence[Person], process: Process, *, microphone: bool, tracks: bool
) -> tuple[Participant, ...]:
    found = []
    for person in people:
        if person.role not in process.roles:
            raise UsageError(f"The role {person.role!r} is unknown; {did_you_mean(person.role, process.roles)}")
        if person.role in process.may_always_speak:
            channel = MICROPHONE_CHANNEL if microphone else None
        else:
            channel = person.name if tracks else None
        found.append(Participant(person.name, person.role, channel))
    names = [person.name for person in found]
    if tracks and (len(set(names)) < len(names) or {MICROPHONE_CHANNEL, MIXED_CHANNEL} & set(names)):
        raise UsageError("With a track each, give every participant a name of their own.")
    if tracks and not any(person.channel == person.name for person in found):
        raise UsageError("Tracks are each somebody's: give the participants, such as --participant Camille=client.")
    return tuple(found)
