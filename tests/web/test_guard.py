"""Who may speak to the service: the attacks that other local services met, as raw bytes."""

from __future__ import annotations

import hmac

import pytest

from facilitator.web.guard import BODY_BYTES
from facilitator.web.service import Service
from tests.web.conftest import Door
from tests.web.meeting import FakeMeeting
from tests.web.wire import UPGRADE, message

NEXT = b'{"command": "next"}'
HOSTS = [
    ["evil.example:{port}"],
    ["127.0.0.1.nip.io:{port}"],
    ["localhost.evil.example"],
    ["localhost:{port}"],
    ["0.0.0.0:{port}"],
    ["127.0.0.2:{port}"],
    ["127.1:{port}"],
    ["2130706433:{port}"],
    ["[::1]:{port}"],
    ["[::ffff:127.0.0.1]:{port}"],
    ["127.0.0.1"],
    ["127.0.0.1:{other}"],
    ["127.0.0.1:{port}0"],
    ["127.0.0.1:0{port}"],
    ["user@127.0.0.1:{port}"],
    ["127.0.0.1:{port}, evil.example"],
    ["127.0.0.1:{port}", "evil.example:{port}"],
    ["evil.example:{port}", "127.0.0.1:{port}"],
    ["127.0.0.1:{port}", "127.0.0.1:{port}"],
    [""],
    [],
]
ORIGINS = [
    "null",
    "http://127.0.0.1:{other}",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://localhost:{port}",
    "http://evil.example",
    "http://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}",
    "file://",
    "",
]


def filled(text: str, door: Door) -> str:
    return text.format(port=door.port, other=door.port - 1)


async def requests_are_refused(door: Door, headers: list[tuple[str, str]], statuses: set[int]) -> None:
    """A read, a command and a socket with `headers` and everything else right are refused, and nothing is done."""
    given = tuple(headers)
    json = ("Content-Type", "application/json")
    for data in (
        message("GET", "/api/state", (*given, door.token)),
        message("POST", "/api/commands", (*given, door.token, json), NEXT),
        message("GET", "/api/events", (*given, door.token, *UPGRADE)),
        message("GET", "/healthz", given),
    ):
        answer = await door.ask(data)
        assert answer.status in statuses
        assert answer.is_sealed or answer.status == 400
        assert b"welcome" not in answer.body
    assert door.meeting.done == []
    assert door.meeting.followers == []


@pytest.mark.parametrize("hosts", HOSTS, ids=lambda hosts: " + ".join(hosts) or "none")
async def test_another_host_is_refused_before_anything_else(door: Door, hosts: list[str]) -> None:
    # 400: aiohttp itself refuses two Host headers
    await requests_are_refused(door, [("Host", filled(host, door)) for host in hosts], {421, 400})


async def test_most_other_hosts_get_the_status_made_for_it(door: Door) -> None:
    for hosts in HOSTS:
        if len(hosts) == 1 and hosts[0]:
            answer = await door.ask(message("GET", "/healthz", (("Host", filled(hosts[0], door)),)))
            assert answer.status == 421


@pytest.mark.parametrize("start", ["http://127.0.0.1:{port}", "http://evil.example:{port}", "https://127.0.0.1:{port}"])
async def test_an_absolute_url_is_refused(door: Door, start: str) -> None:
    url = filled(start, door)
    for data in (door.get(f"{url}/api/state"), door.post(NEXT).replace(b" /api", f" {url}/api".encode(), 1)):
        answer = await door.ask(data)
        assert answer.status == 421
        assert answer.is_sealed
    assert door.meeting.done == []


async def test_every_request_of_one_connection_is_checked(door: Door) -> None:
    wrong = message("POST", "/api/commands", (("Host", "evil.example"), door.token), NEXT)
    async with door.wire() as wire:
        statuses = [(await wire.ask(data)).status for data in (door.get("/api/state"), wrong, door.get("/api/state"))]
        assert statuses == [200, 421, 200]
        await wire.send(door.get("/api/state") + wrong + door.get("/api/state"))  # all at once
        answers = [await wire.answer() for _ in range(3)]
    assert [answer.status for answer in answers if answer is not None] == [200, 421, 200]
    assert door.meeting.done == []


@pytest.mark.parametrize("origin", ORIGINS)
async def test_another_origin_is_refused_also_before_the_upgrade(door: Door, origin: str) -> None:
    await requests_are_refused(door, [door.host, ("Origin", filled(origin, door))], {403})


async def test_our_own_origin_is_answered(door: Door) -> None:
    ours = ("Origin", f"http://127.0.0.1:{door.port}")
    assert (await door.ask(door.get("/api/state", ours))).status == 200
    assert (await door.ask(door.upgrade(ours))).status == 101


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "", "anything"])
async def test_what_a_browser_fetched_for_another_site_is_refused(door: Door, site: str) -> None:
    await requests_are_refused(door, [door.host, ("Sec-Fetch-Site", site)], {403})


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_what_a_browser_fetched_for_us_is_answered(door: Door, site: str) -> None:
    assert (await door.ask(door.get("/api/state", ("Sec-Fetch-Site", site)))).status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/plain;application/json",
        "multipart/form-data; boundary=x",
        "application/json-evil",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonp",
        "text/json",
        "",
        None,
    ],
)
async def test_a_body_of_another_kind_is_refused(door: Door, kind: str | None) -> None:
    kinds = () if kind is None else (("Content-Type", kind),)
    answer = await door.ask(message("POST", "/api/commands", (door.host, door.token, *kinds), NEXT))
    assert answer.status == 415
    assert answer.is_sealed
    assert door.meeting.done == []


async def test_json_with_its_charset_is_taken(door: Door) -> None:
    kind = ("Content-Type", "application/json; charset=utf-8")
    answer = await door.ask(message("POST", "/api/commands", (door.host, door.token, kind), NEXT))
    assert answer.status == 200
    assert door.meeting.done == [("next", {})]


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer {token}x",
        "Bearer {start}",
        "Bearer {token} {token}",
        "Basic {token}",
        "Token {token}",
        "{token}",
        'Digest username="{token}"',
        "Bearer é",
        "Bearer \udcff",
    ],
)
async def test_without_the_token_nothing_is_told_or_done(door: Door, given: str | None) -> None:
    token = door.service.token
    headers = [door.host]
    if given is not None:
        headers.append(("Authorization", given.format(token=token, start=token[:-1])))
    for data in (
        message("GET", "/api/state", tuple(headers)),
        message("POST", "/api/commands", (*headers, ("Content-Type", "application/json")), NEXT),
        message("GET", "/api/events", (*headers, *UPGRADE)),
        message("GET", "/nowhere", tuple(headers)),
    ):
        answer = await door.ask(data)
        assert answer.status == 401
        assert answer.is_sealed
        assert token.encode() not in answer.body
    assert door.meeting.done == []


@pytest.mark.parametrize("query", ["token={t}", "access_token={t}", "bearer={t}", "Authorization=Bearer%20{t}"])
async def test_a_token_in_the_address_or_a_cookie_opens_nothing(door: Door, query: str) -> None:
    query = query.format(t=door.service.token)
    for data in (
        message("GET", f"/api/state?{query}", (door.host,)),
        message("GET", "/api/state", (door.host, ("Cookie", query))),
        message("GET", f"/api/events?{query}", (door.host, *UPGRADE)),
    ):
        assert (await door.ask(data)).status == 401


async def test_the_token_is_compared_in_constant_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def spy(given: bytes, ours: bytes) -> bool:
        compared.append((given, ours))
        return False  # whatever else compares would let it in

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert (await door.ask(door.get("/api/state"))).status == 401
    token = door.service.token.encode()
    assert compared == [(token, token), (token, door.service.ingest_token.encode())]


async def test_the_scheme_is_written_in_any_case(door: Door) -> None:
    data = message("GET", "/api/state", (door.host, ("authorization", f"bEARER  {door.service.token} ")))
    assert (await door.ask(data)).status == 200


async def test_every_run_has_a_long_token_of_its_own_and_refuses_the_last_ones(door: Door) -> None:
    last = Service(FakeMeeting()).token
    assert last != door.service.token
    assert len(last) >= 32
    data = message("GET", "/api/state", (door.host, ("Authorization", f"Bearer {last}")))
    assert (await door.ask(data)).status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
async def test_no_other_method_does_a_command(door: Door, method: str) -> None:
    headers = (door.host, door.token, ("Content-Type", "application/json"))
    for target in ("/api/commands", "/api/commands?command=next"):
        answer = await door.ask(message(method, target, headers, NEXT), has_body=method != "HEAD")
        assert answer.status == 405
        assert answer.is_sealed
    assert door.meeting.done == []


async def test_a_preflight_is_told_nothing(door: Door) -> None:
    asked = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true"))
    for origin in ("http://evil.example", f"http://127.0.0.1:{door.port}"):
        answer = await door.ask(
            message("OPTIONS", "/api/commands", (door.host, door.token, ("Origin", origin), *asked))
        )
        assert answer.status in {403, 405}
        assert answer.is_sealed


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_64_kib_is_refused(door: Door, chunked: bool) -> None:
    fits = b'{"command": "say", "text": "x"}'.ljust(BODY_BYTES)
    assert (await door.ask(door.post(fits))).status == 200
    if chunked:
        data = door.post(b"", ("Transfer-Encoding", "chunked")) + b"10001\r\n" + fits + b" \r\n0\r\n\r\n"
    else:
        data = door.post(fits + b" ")
    answer = await door.ask(data)
    assert answer.status == 413
    assert answer.is_sealed
    assert len(door.meeting.done) == 1


async def test_every_refusal_is_one_sentence_of_json(door: Door) -> None:
    for data in (
        message("GET", "/healthz", (("Host", "evil.example"),)),
        message("GET", "/api/state", (door.host,)),
        door.get("/nowhere"),
        door.post(b"["),
    ):
        answer = await door.ask(data)
        assert answer.status >= 400
        assert answer.named("content-type") == ["application/json; charset=utf-8"]
        assert list(answer.json) == ["error"]
        assert answer.json["error"]
