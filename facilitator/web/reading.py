"""What requests send."""

from __future__ import annotations

from aiohttp import web

from facilitator.web.meeting import Line


async def read_object(request: web.BaseRequest) -> Line:
    """Return the object that was sent.

    Raises:
        HTTPBadRequest: it is none.
    """
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="The body is not JSON.") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="The body is no object.")
    return body
