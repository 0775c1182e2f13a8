"""Who gets what: links that open once, cookies of one scope, and what each may not do; as raw bytes."""

from __future__ import annotations

import json

import pytest

from facilitator.web.passes import TICKETS, Passes, Scope
from facilitator.web.service import Service
from tests.web.conftest import Door
from tests.web.meeting import WAV, FakeMeeting
from tests.web.wire import UPGRADE, Answer, message

NEXT = b'{"command": "next"}'
JSON = ("Content-Type", "application/json")
CONSOLE_ALONE = ("/api/state", "/api/openapi.json", "/api/nowhere")
ANY_SCOPE = ("/api/strings", "/api/prompts/p1.wav")


async def exchanged(door: Door, ticket: object, *headers: tuple[str, str]) -> Answer:
    return await door.ask(door.post_to("/api/session", json.dumps({"ticket": ticket}).encode(), *headers))


def ticket_of(link: str) -> str:
    return link.partition("#")[2]


def bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")


# --- links ---


@pytest.mark.parametrize(("scope", "path"), [(Scope.CONSOLE, "/"), (Scope.STAGE, "/stage")])
async def test_a_link_opens_its_page_once(door: Door, scope: Scope, path: str) -> None:
    link = door.service.link(scope)
    assert link.startswith(f"http://127.0.0.1:{door.port}{path}#")
    first = await exchanged(door, ticket_of(link), door.origin)
    assert (first.status, first.json) == (200, {"scope": scope.value})
    (cookie,) = first.named("set-cookie")
    assert cookie.startswith(f"facilitator_{scope.value}_{door.port}=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "SameSite=Strict", "Path=/api"}
    assert first.is_sealed
    again = await exchanged(door, ticket_of(link), door.origin)
    assert (again.status, again.named("set-cookie")) == (401, [])


@pytest.mark.parametrize("wrong", ["", "x", "\ud800", 3, None, ["x"], {"a": 1}, "x" * 5000])
async def test_what_is_no_ticket_opens_nothing(door: Door, wrong: object) -> None:
    answer = await exchanged(door, wrong, door.origin)
    assert (answer.status, answer.named("set-cookie")) == (401, [])


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"3", b"null"])
async def test_what_is_no_object_makes_no_sense(door: Door, body: bytes) -> None:
    for target in ("/api/session", "/api/ticket"):
        data = door.post_to(target, body, door.token, *([] if body else [("Content-Length", "0")]))
        assert (await door.ask(data)).status == 400


async def test_the_token_is_no_ticket_and_a_ticket_that_is_not_alone_none_either(door: Door) -> None:
    assert (await exchanged(door, door.service.token)).status == 401
    ticket = ticket_of(door.service.link(Scope.STAGE))
    body = json.dumps({"ticket": ticket, "scope": "console"}).encode()
    assert (await door.ask(door.post_to("/api/session", body))).status == 401
    assert (await exchanged(door, ticket)).status == 200


async def test_a_foreign_page_exchanges_no_ticket(door: Door) -> None:
    ticket = ticket_of(door.service.link(Scope.CONSOLE))
    for header in (("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")):
        assert (await exchanged(door, ticket, header)).status == 403
    assert (await exchanged(door, ticket, door.origin)).status == 200, "and spends none"


@pytest.mark.parametrize("scope", ["stage", "console"])
async def test_the_console_gives_new_links(door: Door, scope: str) -> None:
    body = json.dumps({"scope": scope}).encode()
    answer = await door.ask(door.post_to("/api/ticket", body, door.token))
    assert answer.status == 200
    opened = await exchanged(door, ticket_of(answer.json["url"]), door.origin)
    assert opened.json == {"scope": scope}


@pytest.mark.parametrize("body", [b"{}", b'{"scope": "all"}', b'{"scope": ["stage"]}', b'{"scope": null}'])
async def test_a_link_is_of_one_of_the_pages(door: Door, body: bytes) -> None:
    assert (await door.ask(door.post_to("/api/ticket", body, door.token))).status == 400


def test_links_that_nobody_opens_do_not_pile_up() -> None:
    passes = Passes(b"k" * 32)
    tickets = [passes.ticket(Scope.STAGE) for _ in range(TICKETS + 1)]
    assert passes.exchange(tickets[0]) is None
    assert all(passes.exchange(ticket) is Scope.STAGE for ticket in tickets[1:])


# --- what each scope opens ---


async def test_the_consoles_cookie_opens_what_its_token_does(door: Door) -> None:
    cookie = await door.cookie(Scope.CONSOLE)
    for target in ("/api/state", "/api/openapi.json", *ANY_SCOPE):
        assert (await door.ask(message("GET", target, (door.host, cookie)))).status == 200
    assert (await door.ask(door.post_to("/api/commands", NEXT, cookie, door.origin))).status == 200
    for target in ("/api/events", "/api/stage"):
        data = message("GET", target, (door.host, cookie, door.origin, *UPGRADE))
        assert (await door.ask(data)).status == 101
    assert door.meeting.done == [("next", {})]


async def stage_passes(door: Door) -> list[tuple[str, str]]:
    """Return both forms of what a stage has: its cookie, and its link's ticket before it was opened."""
    return [await door.cookie(Scope.STAGE), bearer(ticket_of(door.service.link(Scope.STAGE)))]


async def test_the_stages_own_opens_its_feed_its_prompts_and_its_words(door: Door) -> None:
    for given in await stage_passes(door):
        for target in ANY_SCOPE:
            assert (await door.ask(message("GET", target, (door.host, given)))).status == 200
        data = message("GET", "/api/stage", (door.host, given, door.origin, *UPGRADE))
        assert (await door.ask(data)).status == 101


async def test_the_stages_own_opens_nothing_else(door: Door) -> None:
    for given in await stage_passes(door):
        for data in (
            *(message("GET", target, (door.host, given, door.origin)) for target in CONSOLE_ALONE),
            message("GET", "/api/events", (door.host, given, door.origin, *UPGRADE)),
            door.post_to("/api/commands", NEXT, given, door.origin),
            door.post_to("/api/ticket", b'{"scope": "console"}', given, door.origin),
        ):
            answer = await door.ask(data)
            assert answer.status == 403
            assert answer.is_sealed
            assert b"welcome" not in answer.body
    assert door.meeting.done == []
    assert door.meeting.followers == []


async def test_a_link_of_the_console_is_no_token_and_a_spent_one_of_the_stage_none_any_more(door: Door) -> None:
    console, stage = (ticket_of(door.service.link(scope)) for scope in (Scope.CONSOLE, Scope.STAGE))
    assert (await exchanged(door, stage, door.origin)).status == 200
    for ticket in (console, stage):
        for target in ("/api/state", "/api/strings"):
            assert (await door.ask(message("GET", target, (door.host, bearer(ticket))))).status == 401


async def test_a_prompt_is_given_whole_and_stored_nowhere(door: Door) -> None:
    answer = await door.ask(door.get("/api/prompts/p1.wav", ("Range", "bytes=0-3")))
    assert (answer.status, answer.body, answer.named("content-type")) == (200, WAV, ["audio/wav"])
    assert answer.is_sealed
    for wrong in ("p2.wav", "p1", "p1.mp3", ".wav", "..%2fp1.wav", "p1.wav/x"):
        assert (await door.ask(door.get(f"/api/prompts/{wrong}"))).status == 404


async def test_the_words_of_the_pages_come_with_their_language(door: Door) -> None:
    answer = await door.ask(door.get("/api/strings"))
    assert answer.is_sealed
    assert answer.json == {"language": "fr", "strings": door.meeting.strings()}


# --- cookies ---


async def test_a_cookie_acts_only_from_our_own_pages(door: Door) -> None:
    """SameSite keeps no other port of this computer out: what a cookie changes or opens says where it comes from."""
    console, stage = [await door.cookie(scope) for scope in (Scope.CONSOLE, Scope.STAGE)]
    for given in (
        (),
        (("Origin", "null"),),
        (("Origin", f"http://127.0.0.1:{door.port - 1}"),),
        (("Origin", f"http://localhost:{door.port}"),),
        (door.origin, ("Sec-Fetch-Site", "same-site")),
    ):
        for data in (
            door.post_to("/api/commands", NEXT, console, *given),
            door.post_to("/api/ticket", b'{"scope": "console"}', console, *given),
            message("GET", "/api/events", (door.host, console, *given, *UPGRADE)),
            message("GET", "/api/stage", (door.host, stage, *given, *UPGRADE)),
        ):
            assert (await door.ask(data)).status == 403
    assert door.meeting.done == []
    assert door.meeting.followers == []
    assert door.meeting.tabs.there == []


async def test_a_socket_without_origin_needs_the_token(door: Door) -> None:
    assert (await door.ask(message("GET", "/api/events", (door.host, door.token, *UPGRADE)))).status == 101


async def test_a_cookie_that_is_not_ours_opens_nothing(door: Door) -> None:
    name, _, value = (await door.cookie(Scope.CONSOLE))[1].partition("=")
    stage_value = (await door.cookie(Scope.STAGE))[1].partition("=")[2]
    for wrong in (
        f"{name}={value[:-1]}",
        f"{name}={value}0",
        f"{name}=",
        f"{name}={stage_value}",
        f"{name}0={value}",
        f"facilitator_console={value}",
        f"facilitator_console_{door.port - 1}={value}",
        f"facilitator_stage_{door.port}={value}",
        f'{name}="{value[:-1]}é"',
        f"{name}=\udcff",
        "=",
        ";;;",
        "\udcff" * 50,
        "a=" + "b" * 6000,
    ):
        for target in ("/api/state", "/api/strings"):
            answer = await door.ask(message("GET", target, (door.host, ("Cookie", wrong))))
            assert answer.status == 401
            assert answer.is_sealed


async def test_a_cookie_of_another_session_is_refused_and_of_the_same_one_known_again() -> None:
    """After a crash the session's key is the same; another session has another, also on the same port."""
    meeting, key = FakeMeeting(), b"k" * 32
    first = Service(meeting, key)
    port = int((await first.start("127.0.0.1", 0)).rpartition(":")[2])
    cookie = await Door(first, meeting, first.url).cookie(Scope.CONSOLE)
    old_token = bearer(first.token)
    await first.close()
    for again, status in ((Service(meeting, key), 200), (Service(meeting), 401)):
        door = Door(again, meeting, await again.start("127.0.0.1", port))
        try:
            assert (await door.ask(message("GET", "/api/state", (door.host, cookie)))).status == status
            assert (await door.ask(message("GET", "/api/state", (door.host, old_token)))).status == 401
        finally:
            await again.close()


def test_every_service_has_a_key_of_its_own() -> None:
    keys = {Service(FakeMeeting()).key for _ in range(3)}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {32}
