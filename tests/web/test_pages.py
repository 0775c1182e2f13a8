"""The pages themselves: static, for anybody who asks at the right address, under a strict policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from facilitator.web.pages import ADDRESSES, FOLDER, KINDS, SET_UP, read_pages
from tests.web.conftest import Door
from tests.web.wire import message

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
FILES = sorted(set(read_pages()) - {SET_UP})


@pytest.mark.parametrize("address", FILES)
async def test_a_page_needs_no_token_and_comes_under_a_strict_policy(door: Door, address: str) -> None:
    answer = await door.ask(message("GET", address, (door.host,)))
    path = FOLDER / ADDRESSES.get(address, address.removeprefix("/pages/"))
    assert (answer.status, answer.body) == (200, path.read_bytes())
    assert answer.named("content-type") == [KINDS[path.suffix]]
    (policy,) = answer.named("content-security-policy")
    assert dict(rule.strip().split(" ", 1) for rule in policy.split(";")) == POLICY
    assert answer.named("cache-control") == ["no-cache"]
    assert answer.named("x-content-type-options") == ["nosniff"]
    assert answer.named("cross-origin-resource-policy") == ["same-origin"]
    assert answer.named("referrer-policy") == ["no-referrer"]
    assert answer.named("set-cookie") == []


@pytest.mark.parametrize("address", ["/", "/stage"])
async def test_a_page_is_sent_again_only_when_it_changed(door: Door, address: str) -> None:
    etag = (await door.ask(message("GET", address, (door.host,)))).named("etag")[0]
    same = await door.ask(message("GET", address, (door.host, ("If-None-Match", etag))))
    assert (same.status, same.body) == (304, b"")
    assert (await door.ask(message("GET", address, (door.host, ("If-None-Match", '"x"'))))).status == 200
    head = await door.ask(message("HEAD", address, (door.host,)), has_body=False)
    assert (head.status, head.named("etag")) == (200, [etag])


@pytest.mark.parametrize(
    "address",
    [
        "/pages/",
        "/pages/console.html",
        "/pages/no.js",
        "/pages/../guard.py",
        "/pages/..%2fguard.py",
        "/pages/%2e%2e/guard.py",
        "/pages//etc/passwd",
        "/pages/tokens.css/",
        "/pages/TOKENS.CSS",
        "/pages/tokens.css%00",
    ],
)
async def test_nothing_else_is_there(door: Door, address: str) -> None:
    answer = await door.ask(message("GET", address, (door.host, door.token)))
    assert answer.status in {400, 404}
    assert b"import" not in answer.body


async def test_a_page_is_refused_where_everything_is(door: Door) -> None:
    for headers, status in (
        ((("Host", "evil.example"),), 421),
        ((door.host, ("Origin", "http://evil.example")), 403),
        ((door.host, ("Sec-Fetch-Site", "cross-site")), 403),
    ):
        assert (await door.ask(message("GET", "/", headers))).status == status
    assert (await door.ask(door.post_to("/", b"{}"))).status == 405


def test_the_pages_ask_for_nothing_from_elsewhere() -> None:
    """No address of another host, no script or style within a page: the policy would refuse them."""
    for path in sorted(FOLDER.iterdir()):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", text.replace("www.w3.org", "")) == [], path.name
        if path.suffix == ".html":
            assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text) == [], path.name


def test_only_known_kinds_of_files_are_given(tmp_path: Path) -> None:
    for name in ("console.html", "stage.js", "notes.md", "old.html", ".hidden.js~"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "folder.js").mkdir()
    assert sorted(read_pages(tmp_path)) == ["/", "/pages/stage.js"]
