"""The login behind an access token: `openidconnect.googleapis.com`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HOST = "openidconnect.googleapis.com"


async def describe_user(request: Request) -> Response:
    """The plugin asks at every run whose token it has, for its request headers' sake."""
    member = request.state.principal.member or ":"
    return JSONResponse({"email": member.partition(":")[2], "email_verified": True})


ROUTES = [Route("/v1/userinfo", describe_user)]
