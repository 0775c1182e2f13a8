"""The words of one language: what the voice says, what the animator and the participants read.

`languages.py` reads them. Beside a text, `KEY_without_listening` is said instead in a session that does not listen, and
`KEY_keeping_sound` in one that may keep sound until it is written down; `KEY_with_server` where a speech server, the
{server} of its words, writes down, and `KEY_keeping_sound_with_server` where both are so. An animator's own recording
of any text but a read-back is a WAV in a folder called like the language's file:
`prompts/codev/fr/steps.presentation.opening.wav`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

Words = str | tuple[str, ...]

UNHEARD, SOUND_KEPT, SERVED = "_without_listening", "_keeping_sound", "_with_server"
LAST_NUMBER = 99
PLACEHOLDER = re.compile(r"\{(\w*)\}")

_SENTENCE_START = re.compile(r"(?:^|[.!?…]\s+)$")
_TIME_STEP_SECONDS = 5
_HOUR_HALVES = 120


class Language:
    """One language, for one process and one way of addressing people.

    Attributes:
        code: two letters.
        name: what the language calls itself.
        address: the way of addressing people, such as `tu`; "" in a language that has one way only.
    """

    def __init__(self, words: Mapping[str, Words], recordings: Mapping[str, tuple[Path, ...]]) -> None:
        self._words = words
        self._recordings = recordings
        self.code = self.plain("language.code")
        self.name = self.plain("language.name")
        self.address = str(words["language.address"])

    def text(
        self,
        key: str,
        *,
        names: Mapping[str, tuple[str, ...]],
        holder: str | None,
        seconds: float = 0.0,
        words: str = "",
    ) -> str:
        """Return the words for `key`; the arguments are those of `core.wording.Wording`.

        Raises:
            KeyError: no language has this key.
        """
        template = self._template(key)

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name == "time":
                return self.time(seconds)
            if name == "words":
                return words
            role = holder if name == "holder" else name
            said = self.role(role, names.get(role, ()) if role is not None else ())
            return _capital(said) if _SENTENCE_START.search(template[: found.start()]) else said

        return PLACEHOLDER.sub(value, template)

    def plain(self, key: str, **values: object) -> str:
        """Return the words for a key of the tables `interface`, `documents`, `reasons` or `refusals`.

        Args:
            key: its place in the file.
            values: by placeholder; one without a value stays as it is.

        Raises:
            KeyError: no language has this key.
        """
        return PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), self._template(key))

    def has(self, key: str) -> bool:
        """Whether there are words for `key`."""
        return key in self._words

    def device(self, device: str) -> str:
        """Return what a device is called, or the channel of a participant who has one."""
        key = f"interface.devices.{device}"
        return self.plain(key) if self.has(key) else self.plain("interface.devices.track", words=device)

    def items(self, key: str) -> tuple[str, ...]:
        """Return the words of a key that holds a list, such as the months."""
        found = self._words[key]
        return found if isinstance(found, tuple) else (found,)

    def table(self, prefix: str) -> dict[str, str]:
        """Return the words of a whole table by the rest of their key: `table("interface.keys")["next"]`."""
        start = f"{prefix}."
        return {key.removeprefix(start): self._template(key) for key in self._words if key.startswith(start)}

    @property
    def keys(self) -> frozenset[str]:
        """Every key."""
        return frozenset(self._words)

    def is_private(self, key: str) -> bool:
        """Whether the words for `key` may hold somebody's name or what was said: they never go to a cache on disk.

        "", the key of free words, and a key that no language has are private.
        """
        template = self._words.get(key)
        if not isinstance(template, str):
            return True
        return any(name != "time" for name in PLACEHOLDER.findall(template))

    def recording(self, key: str) -> Path | None:
        """Return the animator's own recording to play for `key`; None when there is none.

        A recording says what it says: a text with names or a time may be recorded too. A read-back may not.
        """
        if key not in self._words or "words" in PLACEHOLDER.findall(str(self._words[key])):
            return None
        return next((path for path in self._recordings.get(key, ()) if path.is_file()), None)

    def role(self, role: str | None, names: tuple[str, ...] = ()) -> str:
        """Return the names joined as they are said, else what the role is called in a sentence."""
        if not names:
            return str(self._words["language.nobody" if role is None else f"roles.{role}.unnamed"])
        clean = [" ".join(name.split()) for name in names]
        if len(clean) == 1:
            return clean[0]
        return self.plain("language.and", first=self.plain("language.comma").join(clean[:-1]), last=clean[-1])

    def number(self, number: int) -> str:
        """Return a number from 0 to 99 in words, as said before a minute; a larger one in digits."""
        return self.items("numbers.words")[number] if 0 <= number <= LAST_NUMBER else str(number)

    def time(self, seconds: float) -> str:
        """Return a length of time as it is said.

        In whole or half minutes from one minute to an hour, in steps of five seconds below, in whole minutes above.
        """
        halves = int(seconds / 30 + 0.5)
        if seconds < 60 - _TIME_STEP_SECONDS / 2:
            short = max(_TIME_STEP_SECONDS, int(seconds / _TIME_STEP_SECONDS + 0.5) * _TIME_STEP_SECONDS)
            return self.plain("numbers.seconds", n=self.number(short))
        if halves < _HOUR_HALVES:
            many = "minute" if halves // 2 == 1 else "minutes"
            half = "_and_half" if halves % 2 else ""
            return self.plain(f"numbers.{many}{half}", n=self.number(halves // 2))
        hours, minutes = divmod(int(seconds / 60 + 0.5), 60)
        said = self.plain("numbers.hour" if hours == 1 else "numbers.hours", n=self.number(hours))
        if not minutes:
            return said
        return self.plain("numbers.hours_and_minutes", hours=said, minutes=self.time(minutes * 60.0))

    def _template(self, key: str) -> str:
        found = self._words[key]
        return found if isinstance(found, str) else ", ".join(found)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
