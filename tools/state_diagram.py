"""Draws the state diagrams of docs/architecture.md from the transition tables: `python -m tools.state_diagram`.

Each diagram stands between two marker comments; the page around them is left alone. `--check` changes nothing and exits
with 1 when the page is not what the tables give.

Rules of the drawing:

- Events bear the animator's words for them: the names of the commands.
- What leaves a phase as it is, is a note beside it; what moves on is an arrow, one for each pair of states.
- The session starts in a state that no other leads to, and ends in a phase that leads to no other.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from facilitator.commands import COMMANDS
from facilitator.core import events as ev
from facilitator.core.transitions import AFTER_CLOSING, LISTENING, PHASES, Phase

PAGE = Path(__file__).resolve().parents[1] / "docs" / "architecture.md"
NOTE_WIDTH = 4
"""Events on a line of a note."""
BY_ITSELF = "nothing left to say or write down"

_OTHERS: Mapping[type[ev.Event], str] = {
    ev.ExtendAsked: "extend",
    ev.SayAsked: "say",
    ev.ReadBackAsked: "read_back",
    ev.RecordMarked: "mark",
    ev.RecordEdited: "edit",
    ev.CorrectionUndone: "undo",
    ev.FactsAsked: "show_facts",
    ev.DeviceTakeAsked: "take_device",
    ev.PurgeAsked: "purge",
    ev.AudioEnded: "the recording ends",
}
"""Events of commands with values of their own, and the one that nobody asks for."""
WORDS: Mapping[type[ev.Event], str] = {
    **{command.event: name for name, command in COMMANDS.items() if command.event is not None},
    **_OTHERS,
}

State = TypeVar("State", bound=StrEnum)


def phases_diagram(phases: Mapping[State, Mapping[type[ev.Event], State]], after_closing: State) -> str:
    """Return the Mermaid text of the phases, `after_closing` being what follows the closing phase by itself."""
    over = set(phases[after_closing].values()) <= {after_closing}
    ends = [f"    {after_closing} --> [*]"] if over else []
    itself = f"    {Phase.CLOSING} --> {after_closing}: {BY_ITSELF}"
    return "\n".join(["stateDiagram-v2", *_starts(phases, {after_closing}), *_arrows(phases), itself, *ends])


def listening_diagram(listening: Mapping[State, Mapping[type[ev.Event], State]]) -> str:
    """Return the Mermaid text of the states of listening."""
    return "\n".join(["stateDiagram-v2", *_starts(listening), *_arrows(listening)])


def redrawn(page: str, diagrams: Mapping[str, str]) -> str:
    """Return `page` with the text between the markers of each of `diagrams` replaced.

    Raises:
        ValueError: a pair of markers is not there.
    """
    for name, diagram in diagrams.items():
        before, opening, rest = page.partition(f"<!-- {name}:")
        comment, closing, after = rest.partition(f"<!-- /{name} -->")
        if not opening or not closing:
            raise ValueError(f"the page lacks its markers <!-- {name}: … --> and <!-- /{name} -->")
        comment = comment.partition("-->")[0]
        page = f"{before}{opening}{comment}-->\n```mermaid\n{diagram}\n```\n{closing}{after}"
    return page


def diagrams() -> dict[str, str]:
    """Return both diagrams by the name of their markers."""
    return {"phases": phases_diagram(PHASES, AFTER_CLOSING), "listening": listening_diagram(LISTENING)}


def main(arguments: Sequence[str] | None = None, page: Path = PAGE) -> int:
    """Draw the diagrams into `page`, or with `--check` compare them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.state_diagram", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when the page is out of date")
    check = parser.parse_args(arguments).check
    before = page.read_text(encoding="utf-8")
    after = redrawn(before, diagrams())
    if after == before:
        return 0
    if check:
        print(f"{page.name} is not what the transition tables give: run `make docs`.", file=sys.stderr)
        return 1
    page.write_text(after, encoding="utf-8")
    print(f"{page.name}: drawn again.")
    return 0


def _starts(table: Mapping[State, Mapping[type[ev.Event], State]], also_led_to: Iterable[State] = ()) -> list[str]:
    """Return an arrow from the start to each state that no other state leads to."""
    led_to = {target for state, row in table.items() for target in row.values() if target != state} | {*also_led_to}
    return [f"    [*] --> {state}" for state in table if state not in led_to]


def _arrows(table: Mapping[State, Mapping[type[ev.Event], State]]) -> list[str]:
    lines = []
    for state, row in table.items():
        words: dict[State, list[str]] = {}
        for event, target in row.items():
            words.setdefault(target, []).append(WORDS[event])
        stays = words.pop(state, [])
        lines += [f"    {state} --> {target}: {', '.join(found)}" for target, found in words.items()]
        if stays:
            groups = [", ".join(stays[place : place + NOTE_WIDTH]) for place in range(0, len(stays), NOTE_WIDTH)]
            lines += [f"    note right of {state}", *(f"        {group}" for group in groups), "    end note"]
    return lines


if __name__ == "__main__":
    sys.exit(main())
