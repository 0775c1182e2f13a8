"""A document as Markdown: what Markdown would take for its own signs in the words is escaped."""

from __future__ import annotations

import re

from facilitator.documents.model import Document, Kind, Notice, Task, clean

_SIGNS = re.compile(r"[\\`*_\[\]<>&~|$]")
_LINE_START = re.compile(r"^(?:([#+\-=:])|(\d+)([.)]))")


def render(document: Document) -> bytes:
    """Return `document` as Markdown, in UTF-8."""
    heads = [f"# {escape(document.title)}", escape(document.session)]
    if document.people:
        heads.append(escape(document.people))
    if document.corrections:
        heads.append(f"<!-- {document.corrections.replace('--', '')} -->")
    body = [f"## {escape(document.heading)}", *(_notice(notice) for notice in document.notices)]
    if document.listed:
        body.append("\n".join(_task(task, document.due) for task in document.tasks))
    else:
        body.append("\n>\n".join(f"> {escape(line)}" for line in document.text))
    if document.next_time:
        body += [f"*{escape(document.next_time)}*", f"<!-- {document.follow_up} -->"]
    notes = [f"## {escape(document.notes)}", "&nbsp;", "&nbsp;", "---"]
    rules = [f"<small>{escape(document.rules_title)}</small>"]
    rules.append("\n".join(f"- <small>{escape(rule)}</small>" for rule in document.rules))
    return ("\n\n".join([*heads, *body, *notes, *rules]) + "\n").encode()


def escape(text: str) -> str:
    """Return one line of text so that Markdown shows it as it is."""
    line = _SIGNS.sub(lambda found: f"\\{found[0]}", clean(text))
    return _LINE_START.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line)


def _notice(notice: Notice) -> str:
    mark = "**" if notice.kind is Kind.OPEN else "*"
    return f"{mark}{escape(notice.text)}{mark}"


def _task(task: Task, due: str) -> str:
    details = [*task.details, *([(due, task.due)] if task.due else [])]
    under = [f"  - {escape(label)} {escape(words)}" for label, words in details]
    return "\n".join([f"- [ ] {escape(task.text)}", *under])
