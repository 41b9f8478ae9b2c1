"""The login behind an access token: `openidconnect.googleapis.com`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HOST = "openidconnect.googleapis.com"


async def describe_user(request: Request) -> Response:
    """The plugin requests its own e-mail address at every run, for its request headers."""
    member = request.state.principal.member or ":"
    return JSONResponse({"email": member.partition(":")[2], "email_verified": True})


ROUTES = [Route("/v1/userinfo", describe_user)]
