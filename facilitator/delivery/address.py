"""Whether a text is one e-mail address, as a server takes it without any extension.

RFC 5321 and 5322 without what only causes harm here: no name before it, no quotes, no comment, no list, no address of a
computer in digits, no sign beyond ASCII.
"""

from __future__ import annotations

import re

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{1,64}}@)(?=.{{6,254}}\Z){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}\Z")


def is_address(text: str) -> bool:
    """Whether `text` is exactly one address."""
    return _ADDRESS.match(text) is not None


def same(one: str, other: str) -> bool:
    """Whether two addresses reach the same person, as far as anybody can tell without asking the server."""
    return one.casefold() == other.casefold()
