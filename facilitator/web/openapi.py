"""What the service takes and answers, as an OpenAPI document: made from the models that check it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import models_json_schema

from facilitator.core.snapshot import Snapshot
from facilitator.core.stage import StageView
from facilitator.setup.view import Level, SetUpView

Schema = dict[str, Any]
PLAN_BYTES = 1_000_000
"""Of the file that a client brings back, as it is sent: a plan's DOCX is about 40 KB."""
_REFERENCE = "#/components/schemas/{model}"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Played(_Said):
    """A prompt's first sound is played by this stage: at a session second that it tells, past or to come, or now."""

    played: Annotated[str, Field(max_length=64)]
    started_at: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Unlocked(_Said):
    """The browser lets this stage play, or no longer."""

    unlocked: bool


class Capture(_Said):
    """What a sender of sound goes on with, or begins: the same name after a lost connection."""

    capture: Annotated[str, Field(min_length=1, max_length=64)]


class Skipped(_Said):
    """So many samples that a sender could not keep are missing before what it sends next; up to an hour."""

    skipped: Annotated[int, Field(gt=0, le=57_600_000)]


SenderLine: TypeAdapter[Capture | Skipped] = TypeAdapter(Capture | Skipped)
"""What a sender of sound may say beside it."""

StageLine: TypeAdapter[Played | Unlocked] = TypeAdapter(Played | Unlocked)
"""What a stage may send."""


class Ticket(_Said):
    """The one-time ticket of a link's fragment."""

    ticket: str


class Opened(BaseModel):
    """What a ticket opened."""

    scope: Literal["console", "stage"]


class Wanted(_Said):
    """For which page a new link is wanted."""

    scope: Literal["console", "stage"]


class Link(BaseModel):
    """A link that opens once."""

    url: str


class Strings(BaseModel):
    """The words of the pages, by key."""

    language: str
    strings: dict[str, str]


class Refusal(BaseModel):
    """Why a request was refused, in one sentence; a refused command also has a stable code."""

    error: str
    code: str | None = None


class Begun(BaseModel):
    """The session goes on from here: `/` is its console."""

    begun: Literal[True]


class Brought(_Said):
    """The content of a plan's file, in base64; "" for no plan."""

    content: Annotated[str, Field(max_length=PLAN_BYTES, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class Nothing(_Said):
    """No values."""


class Levels(BaseModel):
    """How loud each channel is; `on` is false once the sound check has ended."""

    on: bool
    levels: tuple[Level, ...]


class StageOpen(BaseModel):
    """How many stages are open, and `off`, `locked` or `on`: whether one may play."""

    open: int
    sound: str


class SetUpShown(SetUpView):
    """The set-up at one moment, and the open stages: how many, and whether one may play."""

    stage: StageOpen


_REFUSALS = {
    "400": "it makes no sense",
    "401": "no token, cookie or ticket that opens anything",
    "403": "another origin, or a page or token that may not do that",
    "404": "there is nothing here",
    "409": "the session refuses it now",
    "413": "the body is over 64 KiB",
    "415": "the body is not application/json",
    "417": "an expectation that is not met",
    "421": "another Host than ours",
    "422": "it could not be done",
    "426": "this is a WebSocket",
}


@cache
def _shared() -> tuple[Schema, ...]:
    models = (
        *(Played, Unlocked, Capture, Skipped, Ticket, Opened, Wanted, Link, Strings, Refusal),
        *(Begun, Brought, Nothing, Levels, SetUpShown),
    )
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    return tuple({name: schema} for name, schema in found["$defs"].items())


def document(commands: Mapping[str, type[BaseModel]]) -> Schema:
    """Return the document for a session that knows `commands`."""
    schemas: Schema = {name: schema for one in _shared() for name, schema in one.items()}
    for kind in (Snapshot, StageView):
        schema = TypeAdapter(kind).json_schema(ref_template=_REFERENCE, mode="serialization")
        schemas |= schema.pop("$defs", {})
        schemas[kind.__name__] = schema
    chosen = dict(schemas["Choices"])
    chosen.pop("required")  # those that are to be changed
    schemas["Changes"] = chosen
    for name, model in commands.items():
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schemas |= schema.pop("$defs", {})
        schema["properties"] = {
            "command": {"const": name},
            "if_step": {"type": ["string", "null"], "description": "Another present step than this one answers 409."},
            **schema.get("properties", {}),
        }
        schema["required"] = ["command", *schema.get("required", [])]
        schemas[f"command_{name}"] = schema
    either: Schema = {"oneOf": [{"$ref": f"#/components/schemas/command_{name}"} for name in commands]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "codev-facilitator",
            "version": version("codev-facilitator"),
            "description": (
                "The local service of one session, for this computer alone: a page's cookie, or a token that opens all "
                "or what it takes to drive or to watch, without the words of the contract and the plan."
            ),
        },
        "security": [{"token": []}],
        "paths": {**_paths(either), **_set_up_paths()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(command: Schema) -> Schema:
    shown = _answer("The snapshot, and what there is to say of a command beside it.", "Snapshot")
    return {
        "/healthz": {"get": {"summary": "Whether it answers", "security": [], **_answers(_plain("text/plain"))}},
        "/api/session": {
            "post": {
                "summary": "Exchange a link's ticket for a cookie, once",
                "security": [],
                "requestBody": _body({"$ref": "#/components/schemas/Ticket"}),
                **_answers(_answer("What it opened.", "Opened")),
            }
        },
        "/api/ticket": {
            "post": {
                "summary": "A new link to a page, which opens once",
                "requestBody": _body({"$ref": "#/components/schemas/Wanted"}),
                **_answers(_answer("The link.", "Link")),
            }
        },
        "/api/strings": {"get": {"summary": "The words of the pages", **_answers(_answer("The words.", "Strings"))}},
        "/api/state": {"get": {"summary": "What is to be shown now", **_answers(shown)}},
        "/api/commands": {
            "post": {"summary": "Do a command", "requestBody": _body(command), **_answers(shown)},
        },
        "/api/events": {
            "get": {
                "summary": "WebSocket: a snapshot, then what happens, and new snapshots. It takes nothing",
                **_answers(),
            }
        },
        "/api/stage": {
            "get": {
                "summary": "WebSocket: what the stage shows, and the prompts that it plays; takes `Played`, `Unlocked`",
                **_answers(),
            }
        },
        "/api/ingest/{channel}": {
            "get": {
                "summary": "WebSocket: a channel's sound, binary messages of mono s16le at 16 kHz; takes `Capture` "
                "first and `Skipped`; says whether it is heard and how many samples it has",
                "parameters": [
                    {"name": "channel", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                ],
                **_answers(),
            }
        },
        "/api/prompts/{id}.wav": {
            "get": {
                "summary": "The prompt that the stage is being told to play",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                ],
                **_answers(_plain("audio/wav")),
            }
        },
        "/api/openapi.json": {"get": {"summary": "This document", **_answers(_plain("application/json"))}},
    }


def _set_up_paths() -> Schema:
    shown = _answer("What the set-up's page shows now.", "SetUpShown")

    def post(summary: str, model: str, good: Schema = shown) -> Schema:
        reference = {"$ref": _REFERENCE.format(model=model)}
        return {"post": {"summary": summary, "requestBody": _body(reference), **_answers(good)}}

    def socket(summary: str) -> Schema:
        return {"get": {"summary": f"WebSocket: {summary}. It takes nothing", **_answers()}}

    return {
        "/api/setup": {
            "get": {"summary": "What the set-up's page shows; 409 once the session has begun", **_answers(shown)},
            **post("Choose something else", "Changes"),
        },
        "/api/setup/plan": post("Take the plan that a client brings back", "Brought"),
        "/api/setup/forget": post("Destroy what is kept from the session before", "Nothing"),
        "/api/setup/say": post("Have the voice say one sentence, where it will speak", "Nothing"),
        "/api/setup/begin": post(
            "Make the session of what is chosen; it goes on under this address", "Nothing", _answer("Begun.", "Begun")
        ),
        "/api/setup/resume": post(
            "Go on with the session that was broken off, on the devices that are chosen",
            "Nothing",
            _answer("Begun.", "Begun"),
        ),
        "/api/setup/destroy": post("Destroy the session that was broken off", "Nothing"),
        "/api/setup/events": socket(
            "a `SetUpShown`, a new one with each change, and `begun` once the session has begun"
        ),
        "/api/setup/levels": socket("the sound check: `Levels`, for as long as it is open; nothing is kept"),
    }


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answer(description: str, model: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    return {"description": description, "content": content}


def _plain(kind: str) -> Schema:
    return {"description": "As asked.", "content": {kind: {}}}


def _answers(good: Schema | None = None) -> Schema:
    refusals = {status: _answer(f"Refused: {why}.", "Refusal") for status, why in _REFUSALS.items()}
    return {"responses": refusals if good is None else {"200": good, **refusals}}
