"""What is written down: the client's contract and plan, word for word.

Rules:

- The words are those that were said; the animator or the client corrects them, nothing else does.
- A text is agreed when somebody marks it. Correcting an agreed text makes it a draft again.
- Corrections can be taken back, the last first, as far as the last agreement. What was taken back stays in the history.
- "This is the contract" means the utterance just said: the last one that began at least a second before, and not before
  what is agreed already. If its text is not known yet, the mark waits for it.
- A later text of an utterance (another `stage`, or `replaces`) takes the place of the earlier one, but not in what was
  agreed; until something is agreed the earlier one stays beside it. Words known in part never take the place of a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from facilitator.core.items import Draft, Item, bare, carried

NEVER = float("-inf")
JUST_SAID_SECONDS = 1.0
"""An utterance younger than this when the key is pressed is a reaction, not what is being marked."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech by one person. `text` is None until it is known.

    Times are session seconds; `who` and `role` are None where only the mixed call was heard. `earlier` is what was
    written before `text`, where it was something else; `lost` says that not all of it could be written down.
    """

    id: str
    started_at: float
    ended_at: float
    channel: str
    step: str
    who: str | None = None
    role: str | None = None
    text: str | None = None
    stage: str = ""
    earlier: str = ""
    lost: bool = False

    @property
    def written(self) -> bool:
        """Whether the text is known to its end."""
        return self.text is not None and self.stage != "partial"


@dataclass(frozen=True, slots=True)
class Correction:
    """The text was changed by hand from `before` to `after`, at session second `at`, and perhaps changed back.

    `before` and `after` are the same where only something beside the text was given.
    """

    before: str
    after: str
    at: float
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Agreement:
    """`text` was agreed by `agreed_by` at session second `at`, with its items."""

    text: str
    agreed_by: str
    at: float
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody said "this is it" at session second `at`: what was just said, the utterances named, or all of it."""

    at: float
    agreed_by: str
    utterances: tuple[str, ...] = ()
    whole: bool = False


@dataclass(slots=True)
class Record:
    """One written-down text.

    Attributes:
        utterances: by id, in the order in which they were heard.
        draft: the text as corrected by hand and not agreed yet; None when nobody corrected it.
        agreement: what was agreed last; None before.
        corrections: by hand, oldest first.
        undoable: for each correction that can be taken back, the draft that it changed; oldest first.
        marks: marks that wait for an utterance's text.
        lost: utterances that were heard but could not be written down.
    """

    utterances: dict[str, Utterance] = field(default_factory=dict)
    draft: Draft | None = None
    agreement: Agreement | None = None
    corrections: list[Correction] = field(default_factory=list)
    undoable: list[Draft | None] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    lost: int = 0

    @property
    def spoken(self) -> tuple[Utterance, ...]:
        """Utterances with words, in the order in which they were said."""
        known = [utterance for utterance in self.utterances.values() if utterance.text]
        return tuple(sorted(known, key=_order))

    @property
    def outstanding(self) -> tuple[Utterance, ...]:
        """Utterances whose text is not known yet, or only in part."""
        return tuple(utterance for utterance in self.utterances.values() if not utterance.written)

    @property
    def text(self) -> str:
        """The text as it stands: the draft, else what was agreed, else all that was said, a line an utterance."""
        return self._text(self.spoken)

    @property
    def written_text(self) -> str:
        """The text as it stands, without words that are known in part."""
        return self._text(utterance for utterance in self.spoken if utterance.written)

    def _text(self, said: Iterable[Utterance]) -> str:
        if self.draft is not None:
            return self.draft.text
        if self.agreement is not None:
            return self.agreement.text
        return "\n".join(utterance.text or "" for utterance in said)

    @property
    def chosen(self) -> tuple[Item, ...]:
        """The items that a hand chose or that were agreed; none while the text is only what was said."""
        if self.draft is not None:
            return self.draft.items
        return () if self.agreement is None else self.agreement.items

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of the text as it stands."""
        return self.chosen or bare(self.text)

    def heard(self, utterance: Utterance) -> None:
        """An utterance was said; its text will follow. What is known of it in part stays until then."""
        known = self.utterances.get(utterance.id, utterance)
        self.utterances[utterance.id] = replace(utterance, text=known.text, stage=known.stage)

    def write(self, utterance: Utterance, replaces: tuple[str, ...]) -> bool:
        """An utterance's text is known, and takes the place of `replaces`; return whether there is a change to tell."""
        ids = (utterance.id, *replaces)
        before = [self.utterances[name] for name in dict.fromkeys(ids) if name in self.utterances]
        if utterance.stage == "partial" and any(one.written for one in before):
            return False
        self.lost -= sum(one.lost for one in before)
        earlier = " ".join(one.text for one in sorted(before, key=_order) if one.written and one.text)
        for other in replaces:
            self.utterances.pop(other, None)
        self.utterances[utterance.id] = replace(utterance, earlier="" if earlier == utterance.text else earlier)
        return utterance.text != "" or any(one.text for one in before)

    def lose(self, utterance: Utterance) -> None:
        """An utterance could not be written down: what is known of it, be it in part, stays."""
        known = self.utterances.get(utterance.id)
        if known is None or not known.written:
            text = "" if known is None else known.text or ""
            self.utterances[utterance.id] = replace(utterance, text=text, stage="live", lost=True)
            self.lost += 1

    def kept(self) -> Record:
        """Return the record as it stands, less what is known in part of an utterance: it is known anew every second.

        Later changes of either leave the other alone.
        """
        return replace(
            self,
            utterances={name: _without_part(one) for name, one in self.utterances.items()},
            corrections=list(self.corrections),
            undoable=list(self.undoable),
            marks=list(self.marks),
        )

    def interrupt(self) -> bool:
        """Give up what waits for words that will not come any more; return whether a mark was among it."""
        for utterance in self.outstanding:
            self.lose(utterance)
        waited = bool(self.marks)
        self.marks.clear()
        return waited

    def edit(self, text: str, at: float, items: tuple[Item, ...] = ()) -> None:
        """Correct the text by hand; `items` are its lines with what was added to them, when that changes too."""
        after = Draft(text, items or carried(text, self.items))
        self.corrections.append(Correction(before=self.written_text, after=text, at=at))
        self.undoable.append(self.draft)
        self.draft = after

    def undo(self) -> None:
        """Take the last correction that stands back."""
        self.draft = self.undoable.pop()
        place = max(i for i, correction in enumerate(self.corrections) if not correction.undone)
        self.corrections[place] = replace(self.corrections[place], undone=True)

    def mark(self, mark: Mark) -> None:
        """Agree to the draft if there is one, else to what `mark` means once its text is known."""
        self.marks.append(mark)

    def said(self, name: str) -> str:
        """Return the words of an utterance that is written down to its end, else ""."""
        utterance = self.utterances[name]
        return (utterance.text or "") if utterance.written else ""

    def unknown(self, ids: tuple[str, ...]) -> bool:
        """Whether any of `ids` is no utterance of this record."""
        return any(name not in self.utterances for name in ids)

    def anything_to_mark(self, at: float, *, whole: bool) -> bool:
        """Whether there is anything to mark at `at`: a draft, or an utterance that has begun and is not agreed yet."""
        since = NEVER if whole else self._agreed_until
        known = self.utterances.values()
        return self.draft is not None or any(since < u.started_at < at and u.text != "" for u in known)

    @property
    def _agreed_until(self) -> float:
        """What began up to here was meant by the last agreement, or passed over by it."""
        return NEVER if self.agreement is None else self.agreement.at - JUST_SAID_SECONDS

    def settle(self, speech_on: Collection[float]) -> list[Agreement | None]:
        """Resolve the marks whose text is known.

        Args:
            speech_on: starts of the speech that is still going on and will be written down in this record.

        Returns:
            What is now agreed, oldest first; None for a mark that turned out to mean nothing that was said.
        """
        agreed: list[Agreement | None] = []
        while self.marks:
            mark = self.marks[0]
            text = self._marked(mark, speech_on)
            if text is None:
                break
            self.marks.pop(0)
            if text:
                items = carried(text, self.items)
                self.agreement = Agreement(text=text, agreed_by=mark.agreed_by, at=mark.at, items=items)
                self.draft = None
                self.undoable.clear()
                self.utterances = {name: replace(one, earlier="") for name, one in self.utterances.items()}
            agreed.append(self.agreement if text else None)
        return agreed

    def _marked(self, mark: Mark, speech_on: Collection[float]) -> str | None:
        """Return the text that `mark` means, "" when there turns out to be none, None while it is not known."""
        if self.draft is not None and not mark.utterances:
            return self.draft.text
        latest = mark.at if mark.whole else mark.at - JUST_SAID_SECONDS
        if not mark.utterances and any(start <= latest for start in speech_on):
            return None
        known = self.utterances.values()
        meant = [u for u in known if (u.id in mark.utterances if mark.utterances else u.started_at <= latest)]
        if not all(utterance.written for utterance in meant):
            return None
        said = sorted((u for u in meant if u.text), key=_order)
        if not mark.utterances and not mark.whole:
            said = [u for u in said if u.started_at > self._agreed_until][-1:]
        return "\n".join(utterance.text or "" for utterance in said)


def _order(one: Utterance) -> tuple[float, str]:
    return one.started_at, one.id


def _without_part(one: Utterance) -> Utterance:
    return one if one.written else replace(one, text=None, stage="", ended_at=one.started_at)
