"""The exchange of another issuer's token for one of Google's: `sts.googleapis.com`.

Owns the exchange for workload identity. It checks signature, issuer, audience, time, the provider's mapping
and its condition, in this order. Errors have the form of OAuth (RFC 6749). Their texts are Google's if
users have reported them, otherwise the sandbox's own. The store has the keys of each issuer
(`publish_keys`), so the sandbox never requests them over the network.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.auth.access_tokens import mint_token
from sandbox.cloud.core.errors import Json, read_object
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.workload_identity import CannotEvaluate, evaluate, provider_of
from sandbox.cloud.projects.projects import get_project, require_service

HOST = "sts.googleapis.com"
# "Method: token" in the Security Token Service's reference, like the kinds of tokens.
TOKEN_SECONDS = 60 * 60
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a kind of token
SUBJECT_TYPES = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")
AUDIENCE = re.compile(
    r"//iam\.googleapis\.com/"
    r"(projects/(\d+)/locations/global/workloadIdentityPools/[^/]+/providers/[^/]+)"
)
# "Method: token", subjectToken: `exp` must be less than 48 hours after `iat`.
LIFETIME_SECONDS = 48 * 60 * 60
# google.subject and all mapped attributes, in the reference of WorkloadIdentityPoolProvider. The text about
# the subject is Google's.
SUBJECT_BYTES, MAPPED_BYTES = 127, 8 * 1024


class _Refused(Exception):
    """An answer in RFC 6749's form."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.response = JSONResponse({"error": error, "error_description": description}, status_code=status)


def publish_keys(store: Store, issuer: str, keys: list[Json]) -> None:
    """Store an issuer's public keys (JWKs), which its own address would serve."""
    store.put(f"issuers:{issuer}", {"keys": keys})


async def exchange(request: Request) -> Response:
    """`POST /v1/token`."""
    store: Store = request.app.state.store
    try:
        fields = await _read_fields(request)
        for field, allowed in {
            "grant_type": (GRANT,),
            "requested_token_type": (ACCESS_TOKEN,),
            "subject_token_type": SUBJECT_TYPES,
        }.items():
            if fields.get(field) not in allowed:
                raise _Refused("invalid_request", f"Invalid value for {field}: use {' or '.join(allowed)}.")
        scopes = fields.get("scope", "").split()
        if not scopes:
            raise _Refused("invalid_scope", "scope: at least one is required.")
        provider = _provider(store, fields.get("audience", ""))
        member, sets = _admit(store, provider, fields.get("subject_token", ""))
    except _Refused as refused:
        return refused.response
    return JSONResponse(
        {
            "access_token": mint_token(store, member, TOKEN_SECONDS, sets, scopes),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS - 1,
        }
    )


async def _read_fields(request: Request) -> dict[str, str]:
    """The request's fields: a form (RFC 8693), or Google's JSON, whose names are in camel case."""
    if "json" in request.headers.get("content-type", ""):
        body = await read_object(request)
        return {re.sub(r"[A-Z]", lambda c: f"_{c[0].lower()}", key): str(body[key]) for key in body}
    form = (await request.body()).decode("utf-8", "replace")
    return {key: values[0] for key, values in parse_qs(form).items()}


def _provider(store: Store, audience: str) -> Json:
    named = AUDIENCE.fullmatch(audience)
    if named is None:
        raise _Refused(
            "invalid_request",
            'Invalid value for "audience". This value should be the full resource name of the Identity '
            "Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the "
            "list of possible formats.",
        )
    provider = provider_of(store, named[1])
    if provider is None:
        raise _Refused(
            "invalid_target",
            'The target service indicated by the "audience" parameters is invalid. This might either be '
            "because the pool or provider is disabled or deleted or because it doesn't exist.",
        )
    require_service(store, get_project(store, named[2])["projectId"], HOST)
    return provider


def _admit(store: Store, provider: Json, token: str) -> tuple[str, tuple[str, ...]]:
    """The principal that a token identifies, and its principal sets."""
    claims = _verify(store, provider, token)
    mapped: Json = {"google": {}, "attribute": {}}
    for attribute, expression in provider["attributeMapping"].items():
        namespace, _, name = attribute.partition(".")
        mapped[namespace][name] = _map(attribute, expression, claims)
    subject: str = mapped["google"]["subject"]
    custom: dict[str, str] = mapped["attribute"]
    if len(subject.encode()) > SUBJECT_BYTES:
        raise _Refused(
            "invalid_request",
            f"The size of mapped attribute google.subject exceeds the {SUBJECT_BYTES} bytes limit. Either "
            "modify your attribute mapping or the incoming assertion to produce a mapped attribute that is "
            f"less than {SUBJECT_BYTES} bytes.",
        )
    if sum(len(value.encode()) for value in (subject, *custom.values())) > MAPPED_BYTES:
        text = f"The size of all mapped attributes exceeds the {MAPPED_BYTES} bytes limit."
        raise _Refused("invalid_request", text)
    try:
        # A provider without a condition admits every token.
        admitted = evaluate(provider.get("attributeCondition", "true"), {"assertion": claims, **mapped})
    except CannotEvaluate:
        admitted = False
    if admitted is not True:
        text = "The given credential is rejected by the attribute condition."
        raise _Refused("unauthorized_client", text, 401)
    pool = f"//iam.googleapis.com/{provider['name'].partition('/providers/')[0]}"
    sets = (f"principalSet:{pool}/attribute.{name}/{value}" for name, value in custom.items())
    return f"principal:{pool}/subject/{subject}", (f"principalSet:{pool}/*", *sets)


def _map(attribute: str, expression: str, claims: Json) -> Any:
    """The value of a mapped attribute. An attribute can be empty, but not the subject."""
    try:
        value = evaluate(expression, {"assertion": claims})
    except CannotEvaluate as error:
        text = f"Could not obtain a value for {attribute} from the given credential ({error})."
        raise _Refused("invalid_request", text) from error
    # Groups are a list, and the sandbox gives no group a right.
    if not isinstance(value, str) and attribute != "google.groups":
        name = attribute.removeprefix("attribute.")
        raise _Refused("invalid_request", f"The mapped attribute {name} must be of type STRING.")
    if not value and attribute == "google.subject":
        text = "Could not obtain a value for google.subject from the given credential."
        raise _Refused("unauthorized_client", text)
    return value


def _verify(store: Store, provider: Json, token: str) -> Json:
    """The claims of a token, if its issuer, its audience, its times and its signature are right."""
    # Google's own examples end the issuer with a slash, which the tokens do not have.
    expected = provider["oidc"]["issuerUri"].rstrip("/")
    names = [f"https://iam.googleapis.com/{provider['name']}", f"//iam.googleapis.com/{provider['name']}"]
    audiences = provider["oidc"].get("allowedAudiences") or names
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        unverified = jwt.decode(token, options={"verify_signature": False})
        issuer = unverified.get("iss")
        # No answer can contain half a surrogate pair.
        json.dumps(unverified, ensure_ascii=False).encode()
    except (jwt.InvalidTokenError, RecursionError, UnicodeEncodeError) as error:
        raise _Refused("invalid_request", "Unable to parse the ID Token.") from error
    if issuer != expected:
        text = f"The issuer in ID Token {issuer} does not match the expected ones: {expected}."
        raise _Refused("invalid_grant", text)
    published: list[Json] = (store.get(f"issuers:{expected}") or {"keys": []})["keys"]
    key = next((key for key in published if key["kid"] == key_id), None)
    if not published:
        raise _Refused("invalid_grant", "Error connecting to the given credential's issuer.")
    try:
        if key is None:
            raise jwt.InvalidSignatureError
        claims: Json = jwt.decode(
            token,
            jwt.PyJWK(key),
            algorithms=["RS256"],
            audience=audiences,
            options={"require": ["iss", "sub", "aud", "iat", "exp"]},
        )
        if not claims["sub"]:
            raise jwt.InvalidTokenError("Subject must not be empty")
        if int(claims["exp"]) - int(claims["iat"]) >= LIFETIME_SECONDS:
            raise jwt.InvalidTokenError("exp must be less than 48 hours after iat")
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise _Refused("invalid_grant", "The signature of the ID Token is invalid.") from error
    except jwt.ExpiredSignatureError as error:
        raise _Refused("invalid_grant", "The ID Token is expired: stale to sign-in.") from error
    except jwt.InvalidAudienceError as error:
        audience = json.dumps(unverified["aud"])
        text = f"The audience in ID Token {audience} does not match the expected audience "
        raise _Refused("invalid_grant", f"{text}{audiences[0]}.") from error
    except jwt.InvalidTokenError as error:
        raise _Refused("invalid_grant", f"The ID Token is not valid: {error}.") from error
    return claims


ROUTES = [Route("/v1/token", exchange, methods=["POST"])]
