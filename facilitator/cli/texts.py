"""The contract and the plan by hand, in the terminal: chosen, corrected, completed, dated, taken back, handed over."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from typing import Any

from facilitator.cli.asking import Asker
from facilitator.core.snapshot import FollowUpView, ItemView, RecordView, Snapshot
from facilitator.core.state import names_by_role
from facilitator.dates import offered_date
from facilitator.delivery.courier import ALREADY_SENT, UNKNOWN_BEFORE
from facilitator.documents.model import day
from facilitator.handing import DELIVER
from facilitator.live import Live
from facilitator.web.service import RefusedError
from facilitator.wording import Language

_FIELDS = {"text": "action", "who": "who", "first_step": "first_step", "done_when": "done_when"}
"""What an item has beside its day, with the words for it under `documents`."""


class Texts:
    """What a terminal can do with what is written down.

    Args:
        live: the session.
        asker: asks the animator.
        tell: shows a sentence for a while.
        today: the day from which days are counted that are typed in words.
    """

    def __init__(self, live: Live, asker: Asker, tell: Callable[[str], None], today: Callable[[], date]) -> None:
        self._live = live
        self._asker = asker
        self._tell = tell
        self._today = today
        self._language = live.settings.language

    def current(self, shot: Snapshot) -> str:
        """Return the record that is being written, else the last one that was, else the first one to come."""
        here = [step.id for step in shot.steps].index(shot.step)
        process = self._live.settings.process
        steps = [process.step(step.id).written_down for step in shot.steps]
        return next((name for name in (*reversed(steps[: here + 1]), *steps) if name is not None), "contract")

    async def mark(self) -> None:
        """Agree to the contract just said, or to the whole plan."""
        record = self.current(self._live.snapshot())
        if record == "contract":
            await self._do("mark", "mark_contract")
        else:
            await self._do("mark", "edit_plan", agreed_by=self._owner(record))

    async def choose(self) -> None:
        """Have some of the sentences that were said be the contract, or become items of the plan."""
        shot = self._live.snapshot()
        record = self.current(shot)
        said = shot.records[record].utterances
        if not said:
            raise self._refused("nothing_written")
        rows = [f"{place}  {one['text']}" for place, one in enumerate(said, 1)]
        typed = await self._asker.line("\n".join([*rows, self._word("choose_question")]))
        if not typed:
            return
        ids = [str(said[place]["id"]) for place in self._numbers(typed, len(said))]
        command = "mark_contract" if record == "contract" else "edit_plan"
        await self._do("choose", command, utterances=ids)

    async def correct(self) -> None:
        """Correct the contract, or an item of the plan with what is added to it, or add one."""
        shot = self._live.snapshot()
        record = self.current(shot)
        if record == "contract":
            text = " ".join(shot.records[record].text.splitlines())
            typed = await self._asker.line(self._word("text_question"), text)
            if typed and typed != text:
                await self._do("correct", "edit_contract", text=typed)
            return
        await self._correct_item(record, shot.records[record].items)

    async def _correct_item(self, record: str, items: tuple[ItemView, ...]) -> None:
        place = len(items)
        if items:
            rows = [f"{number}  {item.text}" for number, item in enumerate(items, 1)]
            question = self._word("item_question", number=len(items) + 1)
            typed = await self._asker.line("\n".join([*rows, question]))
            if not typed:
                return
            (place, *_) = self._numbers(typed, len(items) + 1)
        before = items[place] if place < len(items) else ItemView("")
        values = await self._fill(before)
        if values is None:
            return
        now = self._live.snapshot().records[record]
        if now.items[:place] != items[:place] or now.items[place : place + 1] not in {(), (before,)}:
            raise self._refused("item_changed")
        after = [_values(item) for item in now.items]
        after[place : place + 1] = [values] if values["text"] else []
        await self._do("correct", "edit_plan", items=after)

    async def _fill(self, item: ItemView) -> dict[str, str] | None:
        """Return what an item is to be, asked for piece by piece; None when it stays; no text takes it away."""
        values = _values(item)
        for field, words in _FIELDS.items():
            typed = await self._asker.line(_label(self._language, words), values[field])
            if typed is None:
                return None
            values[field] = typed
            if not values["text"]:
                return values if item.text else None
        while True:
            typed = await self._asker.line(f"{_label(self._language, 'due')} {self._word('due_hint')}", values["due"])
            if typed is None:
                return None
            due = self._day(typed)
            if due is not None:
                return {**values, "due": due}
            self._tell(self._word("no_such_day"))

    def _day(self, typed: str) -> str | None:
        """Return a day that was typed as `2026-12-04`, "" for none, None when it is not understood."""
        if not typed:
            return ""
        with suppress(ValueError):
            return date.fromisoformat(typed).isoformat()
        found = offered_date(typed, self._today(), self._language.code)
        return None if found is None else found.isoformat()

    async def accept_days(self) -> None:
        """Ask for each day that the plan's own words name whether it is a due date."""
        record = self.current(self._live.snapshot())
        items = self._live.snapshot().records[record].items
        accepted: dict[str, str] = {}
        for item in items:
            if item.offered:
                on = day(self._language, date.fromisoformat(item.offered), weekday=True)
                if await self._asker.sure(self._word("day_question", words=item.text, date=on)):
                    accepted[item.text] = item.offered
        if not any(item.offered for item in items):
            raise self._refused("no_day_offered")
        if accepted:
            now = self._live.snapshot().records[record].items
            after = [{**_values(item), "due": item.due or accepted.get(item.text, "")} for item in now]
            await self._do("accept_days", "edit_plan", items=after)

    async def undo(self) -> None:
        """Take the last correction back."""
        record = self.current(self._live.snapshot())
        await self._do("undo", "edit_contract" if record == "contract" else "edit_plan", undo=True)

    async def deliver(self) -> None:
        """Write the documents into a folder, or show what would go to the client, and send it once it is confirmed."""
        address = await self._asker.line(self._word("address_question"))
        if address is None:
            return
        if not address:
            await self._do("deliver", DELIVER)
            return
        said = await self._live.command(DELIVER, {"to": address}) or {}
        if await self._asker.sure(self._preview(said["preview"])):
            await self._send(address)

    async def _send(self, address: str) -> None:
        values: dict[str, Any] = {"to": address, "confirm": True}
        try:
            await self._live.command(DELIVER, values)
        except RefusedError as refused:
            if refused.code not in {ALREADY_SENT, UNKNOWN_BEFORE}:
                raise
            if not await self._asker.sure(f"{refused}\n{self._word('again_question')}"):
                return
            await self._live.command(DELIVER, {**values, "again": True})
        self._tell(self._word("keys.deliver"))

    def _preview(self, preview: dict[str, Any]) -> str:
        names = ", ".join(one["name"] for one in preview["attachments"])
        head = self._word("preview", to=preview["to"], subject=preview["subject"], attachments=names)
        question = self._word("send_question" if preview["by"] == "mail" else "file_question")
        return "\n".join([head, "", preview["text"].strip(), "", *preview["notices"], question])

    def _owner(self, record: str) -> str:
        settings = self._live.settings
        owner = settings.process.records[record].owner
        return ", ".join(names_by_role(settings.process, settings.participants)[owner]) or owner

    def _numbers(self, typed: str, count: int) -> list[int]:
        """Return the places that numbers such as `1 3-5` name, from 0, in their order."""
        found: list[int] = []
        for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", typed):
            found += range(int(first), min(int(last or first), count + 1) + 1)
        if not found or not all(1 <= number <= count for number in found):
            raise self._refused("no_such_number")
        return list(dict.fromkeys(number - 1 for number in found))

    async def _do(self, key: str, command: str, **values: Any) -> None:
        await self._live.command(command, values)
        self._tell(self._word(f"keys.{key}"))

    def _refused(self, code: str) -> RefusedError:
        return RefusedError(409, code, self._word(f"refused.{code}"))

    def _word(self, key: str, **values: object) -> str:
        return self._language.plain(f"interface.{key}", **values)


def lines_of(record: RecordView | FollowUpView, language: Language) -> list[str]:
    """Return items as a terminal shows them, with what was added to each; a day that is only offered has a `?`."""
    shown = []
    for item in record.items:
        added = {"who": item.who, "first_step": item.first_step, "done_when": item.done_when}
        parts = [f"{_label(language, key)} {text}" for key, text in added.items() if text]
        if item.due or item.offered:
            on = day(language, date.fromisoformat(item.due or item.offered), weekday=True)
            parts.append(f"{_label(language, 'due')} {on}{'' if item.due else ' ?'}")
        shown.append(" · ".join([item.text, *parts]))
    return shown


def _label(language: Language, key: str) -> str:
    return language.plain("documents.detail", label=language.plain(f"documents.{key}"))


def _values(item: ItemView) -> dict[str, str]:
    return {name: value for name, value in asdict(item).items() if name != "offered"}
