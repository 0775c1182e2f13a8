"""The configuration: config.toml as frozen values. Making one loads nothing and opens nothing.

It is looked for in `--config`, then `$FACILITATOR_CONFIG`, then the user's configuration folder, then the defaults
below. The repository's config.toml holds every key with its default; a test compares the two. Folders in a file are
relative to that file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_path, user_documents_path
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from facilitator.core.mixed import CUE_PROBABILITY
from facilitator.data import check, path_beside, read_toml
from facilitator.delivery.account import Account
from facilitator.delivery.address import is_address
from facilitator.errors import ConfigError
from facilitator.speech_server import ServerAddress

VARIABLE = "FACILITATOR_CONFIG"
FILE = "config.toml"
NONE = "none"
"""The name of a device, a detector or a model that is not to be used."""
STAGE = "stage"
"""The name of an output that is no device: the participants' page plays the voice."""

BROWSER = "browser"
"""The name of a call input that is no device: the console sends the sound of a tab or window that is shared with it."""
TRACKS = "tracks"
"""And of another: a meeting bot sends each participant's own track."""
SHORTEST, LONGEST = 10, 480
"""Lengths of a meeting, minutes."""
_FOLDERS = (("session", "processes"), ("listening", "detector"), ("documents", "folder"), ("privacy", "folder"))
_FILES = (("delivery", "ca_file"), ("transcription", "server_ca_file"))
GLOSSARY_CHARACTERS = 300
"""All terms with their commas. Whisper takes 223 tokens of words to expect, names among them: eight first names are
some 40, and acronyms alone come to 1.7 characters a token (counted with its own tokenizer; usual terms to 2.5)."""
LONGEST_NAME = 1_000
"""Of a device, a process or a model, which may be a path, characters."""
_Device = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SessionConfig(_Section):
    """The meeting: which process, how long, in which words.

    Attributes:
        process: a name of `catalog.list_processes`, or a path.
        duration: length of the meeting, minutes.
        language: two letters.
        address: the way of addressing people, in a language that has several.
        client_may_reply: True for the lenient form, in which the client may answer during consultation.
        processes: the user's own folder of processes; "" for none.
    """

    process: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)] = "codev"
    duration: Annotated[int, Field(ge=SHORTEST, le=LONGEST)] = 90
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "fr"
    address: Literal["tu", "vous"] = "tu"
    client_may_reply: bool = False
    processes: str = ""

    @property
    def processes_folder(self) -> Path | None:
        """The user's own folder of processes; None for none."""
        return Path(self.processes) if self.processes else None


class VoiceConfig(_Section):
    """The voice.

    Attributes:
        enabled: False shows the prompts and says none.
        name: a voice of this computer; "" for the best one of the language.
        words_per_minute: rate of speech.
        spoken_reminders: whether an interruption is answered aloud without the animator asking.
        timed_cues_when_deaf: whether timed cues are said while nothing is listened to.
    """

    enabled: bool = True
    name: str = ""
    words_per_minute: Annotated[int, Field(ge=80, le=450)] = 165
    spoken_reminders: bool = False
    timed_cues_when_deaf: bool = False


class AudioConfig(_Section):
    """The sound devices: a name as `facilitator devices` prints it, `default`, or `none`.

    Attributes:
        call_input: where the call's sound is heard; `browser` for what the console sends, `tracks` for a bot's.
        microphone_input: the animator's own microphone.
        voice_output: where the voice is played; `stage` for the participants' page.
        voice_monitor: where the animator hears it too, when it is played into the call's microphone.
        microphone_to_call: the animator's own microphone, mixed with the voice into `voice_output`.
    """

    call_input: _Device = NONE
    microphone_input: _Device = NONE
    voice_output: _Device = "default"
    voice_monitor: _Device = NONE
    microphone_to_call: _Device = NONE


class ListeningConfig(_Section):
    """Whether the session may listen at all, once everybody agreed, and what it tells of a mixed call.

    Attributes:
        enabled: False for a session with the voice and the time alone.
        cues: how sure a cue on a mixed call must be: fewer, surer ones, or more.
        detector: folder of what tells other voices on a mixed call; "" for the one that comes along, `none` for none.
    """

    enabled: bool = True
    cues: Literal["fewer", "balanced", "more"] = "balanced"
    detector: str = ""

    @property
    def cue_probability(self) -> float:
        """From which probability on a cue is given, 0 to 1."""
        return CUE_PROBABILITY[self.cues]


class TranscriptionConfig(_Section):
    """What writes the contract and the plan down.

    Attributes:
        model: a name of `facilitator models list` or a folder; "" for the largest one installed that keeps up, `none`
            for none.
        threads: processor threads; 0 for the engine's own choice.
        compute_type: precision of the computation, as CTranslate2 names it; "auto" is the fastest that it has here.
        glossary: terms to expect, beside the names of those present.
        server: address of a speech server that writes down instead; "" for none: all stays on this computer.
        server_model: what the model is called there.
        server_ca_file: a file of certificates that are trusted too; "" for none.
        server_in_clear: True to let sound travel unencrypted to another computer.
    """

    model: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    threads: Annotated[int, Field(ge=0, le=64)] = 2
    compute_type: Literal["auto", "int8", "int8_float16", "int8_float32", "float16", "bfloat16", "float32"] = "auto"
    glossary: Annotated[tuple[str, ...], Field(strict=False)] = ()
    server: str = ""
    server_model: Annotated[str, Field(min_length=1)] = "whisper-1"
    server_ca_file: str = ""
    server_in_clear: Annotated[bool, Field(validate_default=True)] = False

    @field_validator("glossary")
    @classmethod
    def _short(cls, glossary: tuple[str, ...]) -> tuple[str, ...]:
        terms = tuple(" ".join(term.split()) for term in glossary)
        if "" in terms:
            raise PydanticCustomError("glossary", "one of its terms is empty, remove it")
        over = len(", ".join(terms)) - GLOSSARY_CHARACTERS
        if over > 0:
            raise PydanticCustomError(
                "glossary",
                "it is too long by {over} characters, keep the terms that matter most, up to {most} in all",
                {"over": over, "most": GLOSSARY_CHARACTERS},
            )
        return terms

    @field_validator("server")
    @classmethod
    def _address(cls, server: str) -> str:
        if server and ServerAddress.of(server) is None:
            raise PydanticCustomError(
                "server", "it must be an address without a password in it, such as https://speech.example.org/v1"
            )
        return server

    @field_validator("server_in_clear")
    @classmethod
    def _encrypted(cls, in_clear: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's own call
        address = ServerAddress.of(info.data.get("server", ""))
        if address is not None and not (address.is_safe or in_clear):
            raise PydanticCustomError(
                "in_clear", "sound would travel unencrypted, begin the server's address with https, or set this to true"
            )
        return in_clear

    @property
    def words_to_expect(self) -> str:
        """The glossary as the recognizer takes it."""
        return ", ".join(self.glossary)

    @property
    def server_address(self) -> ServerAddress | None:
        """The speech server; None when there is none."""
        return ServerAddress.of(self.server)


class DocumentsConfig(_Section):
    """Where the animator's exports go: a folder; "" for the user's documents folder."""

    folder: str = ""

    @property
    def path(self) -> Path:
        """The folder itself."""
        return Path(self.folder) if self.folder else user_documents_path()


class DeliveryConfig(_Section):
    """The animator's own e-mail account, for the documents to the client. Its password is in the system's keyring.

    Attributes:
        host: the server that messages are given to; "" for no account.
        port: 0 for the usual one of `security`: 587 or 465.
        user: name of the account; "" when it is the sender's address.
        sender: the animator's own address.
        security: `starttls` begins in clear and encrypts before anything is said, `tls` from the first byte.
        ca_file: a file of certificates that are trusted too; "" for none.
    """

    host: str = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    user: str = ""
    sender: str = ""
    security: Literal["starttls", "tls"] = "starttls"
    ca_file: str = ""

    @field_validator("sender")
    @classmethod
    def _one_address(cls, sender: str) -> str:
        if sender and not is_address(sender):
            raise ValueError("it must be one e-mail address, such as nour@example.org")
        return sender

    @property
    def account(self) -> Account | None:
        """The account; None when there is none.

        Raises:
            ConfigError: there is a server, and no sender.
        """
        if not self.host:
            return None
        if not self.sender:
            raise ConfigError("The [delivery] section has a host and no sender: add your own address as sender.")
        tls = self.security == "tls"
        return Account(
            host=self.host,
            port=self.port or (465 if tls else 587),
            user=self.user or self.sender,
            sender=self.sender,
            tls=tls,
            ca_file=Path(self.ca_file) if self.ca_file else None,
        )


class WebConfig(_Section):
    """The local service.

    Attributes:
        host: the address it answers on, of this computer alone: one that others reach is refused.
        port: 0 for any free one.
    """

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class PrivacyConfig(_Section):
    """What is kept: the session, encrypted, so that it can go on after a crash.

    Attributes:
        store: False keeps nothing at all.
        days: how long a session is kept at most.
        destroy_delivered: whether a session is destroyed as soon as it is over and delivered.
        keep_sound: whether the sound of written-down steps waits in the store while nothing can write it down.
        folder: where sessions are kept; "" for the user's data folder.
    """

    store: bool = True
    days: Annotated[int, Field(ge=1, le=365)] = 7
    destroy_delivered: bool = False
    keep_sound: bool = False
    folder: str = ""

    @property
    def store_folder(self) -> Path | None:
        """The folder itself; None for the user's data folder."""
        return Path(self.folder) if self.folder else None


class Config(_Section):
    """The whole configuration."""

    session: SessionConfig = SessionConfig()
    voice: VoiceConfig = VoiceConfig()
    audio: AudioConfig = AudioConfig()
    listening: ListeningConfig = ListeningConfig()
    transcription: TranscriptionConfig = TranscriptionConfig()
    documents: DocumentsConfig = DocumentsConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    web: WebConfig = WebConfig()
    privacy: PrivacyConfig = PrivacyConfig()


def find_config(path: Path | None = None) -> Path | None:
    """Return the configuration file in force; None when there is none and the defaults hold.

    Args:
        path: what `--config` says; None when it was not given.
    """
    if path is not None:
        return path
    if named := os.environ.get(VARIABLE):
        return Path(named)
    own = user_config_path("facilitator", appauthor=False) / FILE
    return own if own.is_file() else None


def load_config(path: Path | None = None) -> Config:
    """Return the configuration in force.

    Args:
        path: what `--config` says; None when it was not given.

    Raises:
        ConfigError: the file is missing or is not TOML, or a key is unknown or has a wrong value.
    """
    found = find_config(path)
    if found is None:
        return Config()
    values = read_toml(found, ConfigError)
    _resolve_folders(values, found)
    return check(Config, values, found, ConfigError)


def _resolve_folders(values: dict[str, Any], file: Path) -> None:
    """Make the folders that a file names absolute: they are relative to the file."""
    for section, key in (*_FOLDERS, *_FILES):
        table = values.get(section)
        if isinstance(table, dict) and isinstance(table.get(key), str) and table[key] not in {"", NONE}:
            try:
                table[key] = str(path_beside(file, table[key]))
            except ValueError as why:
                raise ConfigError(f"{file}: the key '{section}.{key}' is wrong: {why}.") from None
