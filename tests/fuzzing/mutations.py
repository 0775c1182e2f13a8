"""Files and messages that are almost right, and the trial that whatever takes them must pass: no traceback, no hang."""

from __future__ import annotations

import faulthandler
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.core.errors import ProcessError
from facilitator.errors import FacilitatorError
from speech.errors import SpeechError

Tried = TypeVar("Tried")
SENTENCES = (FacilitatorError, SpeechError, ProcessError)
"""What a command turns into one sentence and its exit code."""
HANG_SECONDS = 120.0
"""A trial that takes as long ends the run with the place where it hangs."""
LONGER = 30
"""The soak tries so many times what `make test` does."""
REPEATED = 800
"""Fewer are the same ones each time."""

_VALUES = [
    *('""', '"x"', '"\\u0000"', '"é\\u202e"', '"../../../etc/passwd"', '"~nobody/x"', '"/dev/zero"', '"{name}"', '"{"'),
    *("-1", "0", "1", "60", "99999999999999999999999", "1e308", "-1e-308", "1e999", "nan", "-inf", "0x7fffffff"),
    *("true", "false", "[]", "[[]]", "{}", "{ a = 1 }", '["a", 1]', "[{}]", "1979-05-27", "07:32:00"),
    *("1979-05-27T07:32:00Z", '"""\n\n"""', "'''x'''", "[" * 60 + "]" * 60, "", "=", "#", '"', '"' + "y" * 5_000 + '"'),
]
_LINES = ["[x]", "[[x]]", "[session]", "[steps]", "[[steps]]", "x = 1", "\ufeff", "\x00", "a.b.c = 1", '"" = 1', "\\"]
_SHOWN_BYTES = 2_000
_TOML_LINE = re.compile(r"^(\s*[\w.\"-]+\s*=\s*)(.+)$")
_ANY = st.binary(max_size=12) | st.sampled_from(
    [b"\x00", b"\xff\xfe", b"\r\n", b'"', b"{", b"}", b"[", b"\xed\xa0\x80"]
)


class Content(bytes):
    """Bytes that are not shown whole."""

    def __repr__(self) -> str:
        """Return the bytes, or the beginning of many."""
        return repr(bytes(self)) if len(self) < _SHOWN_BYTES else f"{bytes(self[:_SHOWN_BYTES])!r}…"


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """Give `original` with a few stretches cut out, doubled, moved, or replaced by something else."""
    content = original
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40) | st.integers(0, len(content) or 1)))
        stretch = content[start:end]
        put = draw(st.sampled_from([b"", stretch * 2, stretch[::-1], bytes(len(stretch))]) | _ANY)
        content = content[:start] + put + content[end:]
    return Content(content)


@st.composite
def mutated_toml(draw: st.DrawFn, original: str) -> bytes:
    """Give a TOML file in which a few lines have another value, are gone, twice or elsewhere, or are others."""
    lines = original.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1)) if lines else 0
        change = draw(st.sampled_from(["value", "value", "value", "out", "twice", "move", "more"]))
        line = lines[place] if lines else ""
        if change == "value":
            found = _TOML_LINE.match(line)
            lines[place : place + 1] = [f"{found[1]}{draw(st.sampled_from(_VALUES))}" if found else line]
        elif change == "more":
            lines.insert(place, draw(st.sampled_from(_LINES)))
        else:
            lines[place : place + 1] = {"out": [], "twice": [line, line], "move": []}[change]
            if change == "move":
                lines.insert(draw(st.integers(0, len(lines))), line)
    return "\n".join(lines).encode()


def toml_files(original: str) -> st.SearchStrategy[bytes]:
    """Give a file that is almost `original`: most often as text, sometimes as bytes, rarely nothing like it."""
    text = mutated_toml(original)
    return st.one_of(text, text, text, mutated(original.encode()), st.binary(max_size=300))


def try_all(
    inputs: st.SearchStrategy[Tried],
    trial: Callable[[Tried], object],
    examples: int,
    name: str,
    count: Callable[[str], None],
    *,
    refused: Sequence[Tried] = (),
) -> None:
    """Give `trial` many inputs; each it takes, or refuses in one sentence. Anything else fails the test.

    The same ones each time in `make test`, others each time in the soak.

    Args:
        inputs: what to try.
        trial: takes one.
        examples: how many.
        name: of what is tried, for the count.
        count: prints a line.
        refused: what once was taken for good, or was a traceback, in its smallest form.
    """
    outcomes: Counter[str] = Counter()

    def once(tried: Tried) -> None:
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        try:
            trial(tried)
        except SENTENCES as refusal:
            assert_one_sentence(str(refusal))
            outcomes["refused"] += 1
        else:
            outcomes["taken"] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()

    for tried in refused:
        once(tried)
    assert outcomes == ({"refused": len(refused)} if refused else {})
    how = settings(
        max_examples=examples,
        database=None,
        derandomize=examples < REPEATED,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    how(given(inputs)(once))()
    assert outcomes["refused"], "nothing was refused: it was not tried"
    count(f"fuzzing {name}: {outcomes.total()} tried, {outcomes['taken']} taken, {outcomes['refused']} refused")


def assert_one_sentence(text: str) -> None:
    """Make sure that a refusal is one short line for a person."""
    assert text.strip()
    assert len(text) < 2_000
    assert "Traceback" not in text
    assert "\n" not in text.strip(), text


def numbers(examples: int) -> pytest.MarkDecorator:
    """Have a test take `examples`: so many in `make test`, `LONGER` times as many in the soak."""
    longer = pytest.param(LONGER * examples, marks=pytest.mark.soak, id="long")
    return pytest.mark.parametrize("examples", [pytest.param(examples, id="short"), longer])


def noise(seed: int, length: int) -> bytes:
    """Return bytes without any order."""
    return random.Random(seed).randbytes(length)
