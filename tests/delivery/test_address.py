"""One address, and nothing that could reach anybody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.delivery.address import is_address, same


@pytest.mark.parametrize(
    "text",
    ["camille@example.com", "c.d+codev@mail.example.co.uk", "O'Neill@x-y.fr", f"{'a' * 64}@example.org", "a@b.fr"],
)
def test_an_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "camille", "@example.com", "camille@", "camille@localhost", "camille@example.com.", "a@b@example.com"),
        *("camille@example.com, nour@example.org", "camille@example.com;nour@example.org", "a@x.fr b@x.fr"),
        *("Camille <camille@example.com>", "<camille@example.com>", '"a b"@example.com', "a(x)@example.com"),
        *("camille@example.com\r\nBcc: x@example.org", "camille@example.com\n", "\ncamille@example.com", "a\0@x.fr"),
        *(".a@example.com", "a..b@example.com", "a.@example.com", "a@-x.fr", "a@x-.fr", "a@x..fr", "a@10.0.0.1"),
        *("a@[127.0.0.1]", "éric@example.com", "eric@exämple.com", f"{'a' * 65}@example.org", f"a@{'x.' * 130}fr"),
        *("mailto:a@example.com?cc=b", "a%b@", "list:;", " camille@example.com"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_address(text)


@given(st.text(max_size=40))
def test_no_sign_that_ends_a_line_or_begins_another_address_ever_passes(text: str) -> None:
    whole = f"a{text}@example.com"
    if is_address(whole):
        assert not set(whole) & set('\r\n\0\t ,;:<>()[]"\\')
        assert whole.count("@") == 1
        assert whole.isascii()


def test_case_tells_nobody_apart() -> None:
    assert same("Nour@Example.ORG", "nour@example.org")
    assert not same("nour@example.org", "nour@example.com")
