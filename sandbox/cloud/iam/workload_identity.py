"""Workload identity pools and their OIDC providers: `iam.googleapis.com`.

A deleted pool or provider keeps its id, in the state `DELETED`. Google purges it after 30 days; the sandbox
never does. `sandbox.cloud.auth.sts` applies a provider's rules to a token.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any, cast

import cel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.cloud.core.errors import GoogleError, Json, invalid, not_found, read_object
from sandbox.cloud.core.operations import get_operation, start_operation
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import is_usable
from sandbox.cloud.iam.policies import check_permission
from sandbox.cloud.iam.service_accounts import HOST
from sandbox.cloud.projects.projects import get_project, require_service

GITHUB = "https://token.actions.githubusercontent.com"
# WorkloadIdentityPool and WorkloadIdentityPoolProvider in the IAM reference, like the limits below.
ID = re.compile(r"(?!gcp-)[a-z0-9-]{4,32}")
TEXT_LENGTHS = {"displayName": 32, "description": 256}
MAPPING_LENGTH, CONDITION_LENGTH, CUSTOM_ATTRIBUTES = 2048, 4096, 50
ATTRIBUTE = re.compile(r"google\.(?:subject|groups)|attribute\.[a-z0-9_]{1,100}")
AUDIENCES, AUDIENCE_LENGTH = 10, 256
# Issuers that serve more than one customer. Google refuses a provider that accepts all customers, with this
# text (chainguard-dev/terraform-infra-common 672).
SHARED_ISSUERS = (GITHUB, "https://gitlab.com", "https://app.terraform.io")
UNCONDITIONAL = (
    "The attribute condition must reference one of the provider's claims. For more information, see "
    "https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions"
)
_TYPE = "type.googleapis.com/google.iam.v1"


class CannotEvaluate(Exception):
    """An invalid expression, or one that this token has no value for."""


def compile_expression(expression: str) -> cel.Program:
    """Compile a CEL expression.

    Raises:
        CannotEvaluate: the expression is invalid; the message says where.
    """
    try:
        return cel.compile(expression)
    except ValueError as error:
        raise CannotEvaluate(str(error)) from error


def extract(text: str, template: str) -> str:
    """Google's own CEL function: the part of a text that stands in the place of `{name}` in a template.

    The reference is "extract" in "Attribute reference for IAM Conditions". Without a match, it is empty.

    Raises:
        ValueError: the template does not have one name in braces.
    """
    parts = re.fullmatch(r"([^{}]*)\{[^{}]+\}([^{}]*)", template)
    if parts is None:
        raise ValueError(f"extract needs one name in braces: {template}")
    before, after = parts.groups()
    _, found, rest = text.partition(before) if before else ("", text, text)
    value, end, _ = rest.partition(after) if after else (rest, rest, "")
    return value if found and end else ""


def evaluate(expression: str, variables: Json) -> Any:
    """Evaluate a CEL expression with these variables.

    Raises:
        CannotEvaluate: the expression is invalid, or needs a variable that does not exist.
    """
    program = compile_expression(expression)
    context = cel.Context(variables)
    context.add_function("extract", extract)
    try:
        return program.execute(context)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise CannotEvaluate(f"no such claim or function: {error}") from error


def _validate(fields: Json, *, provider: bool) -> Json:
    """Check a pool or provider as Google does, and drop its empty fields."""
    for field, limit in TEXT_LENGTHS.items():
        text = fields.get(field, "")
        if not isinstance(text, str) or len(text) > limit:
            raise invalid(f"{field} must be a text of at most {limit} characters.")
    if not isinstance(fields.get("disabled", False), bool):
        raise invalid("disabled must be true or false.")
    if provider:
        _check_provider(fields)
    return {key: value for key, value in fields.items() if value not in (None, "", False, {}, [])}


def _check_provider(fields: Json) -> None:
    oidc, mapping = fields.get("oidc"), fields.get("attributeMapping")
    condition = fields.get("attributeCondition") or ""
    if not isinstance(oidc, dict):
        raise invalid("The sandbox emulates only OIDC providers: oidc is required.")
    issuer, audiences = cast(Json, oidc).get("issuerUri"), cast(Json, oidc).get("allowedAudiences", [])
    if not isinstance(issuer, str) or not issuer.startswith("https://"):
        raise invalid("oidc.issuer_uri must be an HTTPS address.")
    if (
        not isinstance(audiences, list)
        or len(cast("list[object]", audiences)) > AUDIENCES
        or not all(
            isinstance(a, str) and len(a) <= AUDIENCE_LENGTH for a in cast("list[object]", audiences)
        )
    ):
        raise invalid(f"oidc.allowed_audiences may be {AUDIENCES} texts of {AUDIENCE_LENGTH} characters.")
    if not isinstance(mapping, dict) or "google.subject" not in mapping:
        raise invalid("attribute_mapping must contain a mapping for google.subject.")
    expressions = cast("dict[str, object]", mapping)
    if len(expressions) > CUSTOM_ATTRIBUTES + 2:
        raise invalid(f"attribute_mapping may have {CUSTOM_ATTRIBUTES} custom attributes.")
    for attribute, expression in expressions.items():
        if not ATTRIBUTE.fullmatch(attribute):
            raise invalid(f"Invalid mapped attribute key: {attribute}")
        _check_expression(f"attribute_mapping[{attribute}]", expression, MAPPING_LENGTH)
    if condition:
        _check_expression("attribute_condition", condition, CONDITION_LENGTH)
    if issuer.rstrip("/") in SHARED_ISSUERS and not re.search(
        r"\b(?:assertion|google|attribute)\.", str(condition)
    ):
        raise invalid(UNCONDITIONAL)


def _check_expression(where: str, expression: object, limit: int) -> None:
    if not isinstance(expression, str) or len(expression) > limit:
        raise invalid(f"{where} must be an expression of at most {limit} characters.")
    try:
        compile_expression(expression)
    except CannotEvaluate as error:
        raise invalid(f"Error in {where}: {error}") from error


def provider_of(store: Store, name: str) -> Json | None:
    """The provider of that full name, if it exists and tokens can be exchanged with it, otherwise None."""
    provider, pool = store.get(name), store.get(name.partition("/providers/")[0])
    return provider if provider and is_usable(provider) and is_usable(pool) else None


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """A kind of resource: pools, or the providers in a pool. Both have the same methods.

    Attributes:
        message: Google's name for one.
        collection: the path of all of them, below the project's pools.
        ident: the parameter of the path that names one.
        fields: the fields that a request can set and change.
    """

    message: str
    collection: str
    ident: str
    fields: tuple[str, ...]

    @property
    def plural(self) -> str:
        return f"{self.message[0].lower()}{self.message[1:]}s"

    def routes(self) -> list[BaseRoute]:
        collection = f"{_POOLS}{self.collection}"
        one = f"{collection}/{{{self.ident}}}"
        return [
            Route(collection, self.create, methods=["POST"]),
            Route(collection, self.list_all),
            Route(f"{one}:undelete", self.undelete, methods=["POST"]),
            Route(one, self.describe),
            Route(one, self.update, methods=["PATCH"]),
            Route(one, self.delete, methods=["DELETE"]),
        ]

    def find_collection(self, request: Request, verb: str) -> str:
        """The collection's full name, with the project's number, if the principal has the permission."""
        store: Store = request.app.state.store
        project = get_project(store, request.path_params["project"])
        require_service(store, project["projectId"], HOST)
        permission = f"iam.{self.plural}.{verb}"
        check_permission(
            store, request.state.principal, permission, HOST, f"projects/{project['projectId']}"
        )
        return _pools(project["projectNumber"]) + self.collection.format(**request.path_params)

    def find(self, request: Request, verb: str) -> Json:
        collection = self.find_collection(request, verb)
        found = request.app.state.store.get(f"{collection}/{request.path_params[self.ident]}")
        if found is None:
            raise not_found()
        return found

    def write(self, request: Request, document: Json) -> Response:
        store: Store = request.app.state.store
        store.put(document["name"], document)
        operation = start_operation(
            store,
            f"{document['name']}/operations/{uuid.uuid4().hex}",
            {"@type": f"{_TYPE}.{self.message}", **document},
            {"@type": f"{_TYPE}.{self.message}OperationMetadata"},
        )
        return JSONResponse(operation)

    def validate(self, body: Json) -> Json:
        known = {key: value for key, value in body.items() if key in self.fields and value is not None}
        return _validate(known, provider=self is PROVIDERS)

    async def create(self, request: Request) -> Response:
        store: Store = request.app.state.store
        collection = self.find_collection(request, "create")
        ident = request.query_params.get(f"{self.plural[:-1]}Id", "")
        if not ID.fullmatch(ident):
            raise invalid(f"Invalid {self.plural[:-1]}Id: {ident!r} must match {ID.pattern}.")
        if self is PROVIDERS and not _is_active(store.get(collection.removesuffix("/providers"))):
            raise not_found()
        name = f"{collection}/{ident}"
        if store.get(name):
            raise GoogleError("ALREADY_EXISTS", "Requested entity already exists")
        fields = self.validate(await read_object(request))
        return self.write(request, {"name": name, "state": "ACTIVE", **fields})

    async def describe(self, request: Request) -> Response:
        """A deleted one too: its state says so."""
        return JSONResponse(self.find(request, "get"))

    async def list_all(self, request: Request) -> Response:
        found = request.app.state.store.children(self.find_collection(request, "list"))
        deleted = request.query_params.get("showDeleted") == "true"
        return JSONResponse({self.plural: [item for item in found if deleted or _is_active(item)]})

    async def update(self, request: Request) -> Response:
        document = self.find(request, "update")
        if not _is_active(document):
            raise GoogleError("FAILED_PRECONDITION", "You cannot update deleted pools and providers.")
        body = await read_object(request)
        changed: Json = {}
        for path in request.query_params.get("updateMask", "").split(","):
            # The body has the whole of `oidc`, even if the mask names a part.
            field = path.partition(".")[0]
            if field not in self.fields:
                raise invalid(f"Invalid update mask: {path!r} is not one of {', '.join(self.fields)}.")
            changed[field] = body.get(field)
        identity = {key: document[key] for key in ("name", "state")}
        return self.write(request, {**identity, **self.validate({**document, **changed})})

    async def delete(self, request: Request) -> Response:
        """Set the state `DELETED`. For a deleted one, Google's answer is unknown; here it is NOT_FOUND."""
        document = self.find(request, "delete")
        if not _is_active(document):
            raise not_found()
        return self.write(request, {**document, "state": "DELETED"})

    async def undelete(self, request: Request) -> Response:
        document = self.find(request, "undelete")
        if _is_active(document):
            raise GoogleError("FAILED_PRECONDITION", "Requested entity is not deleted.")
        return self.write(request, {**document, "state": "ACTIVE"})


POOLS = _Kind(
    message="WorkloadIdentityPool",
    collection="",
    ident="pool",
    fields=("displayName", "description", "disabled"),
)
PROVIDERS = _Kind(
    message="WorkloadIdentityPoolProvider",
    collection="/{pool}/providers",
    ident="provider",
    fields=(*POOLS.fields, "attributeMapping", "attributeCondition", "oidc"),
)


async def list_attestation_rules(request: Request) -> Response:
    """The plugin requests the rules of every pool; a pool only for federation has no rules."""
    POOLS.find(request, "get")
    return JSONResponse({})


async def describe_operation(request: Request) -> Response:
    """The operation of a pool or of a provider."""
    store: Store = request.app.state.store
    number = get_project(store, request.path_params["project"])["projectNumber"]
    name = "{}/{of}/operations/{operation}".format(_pools(number), **request.path_params)
    return JSONResponse(get_operation(store, name))


def _pools(number: str) -> str:
    return f"projects/{number}/locations/global/workloadIdentityPools"


def _is_active(document: Json | None) -> bool:
    return document is not None and document["state"] == "ACTIVE"


_POOLS = "/v1/projects/{project}/locations/global/workloadIdentityPools"
ROUTES = [
    Route(f"{_POOLS}/{{of:path}}/operations/{{operation}}", describe_operation),
    Route(f"{_POOLS}/{{pool}}:listAttestationRules", list_attestation_rules),
    *PROVIDERS.routes(),
    *POOLS.routes(),
]
