"""Uploads to an index: the form that twine and uv send.

Owns the limits and the reading of the form. `sandbox.cloud.packaging.distributions` checks the file.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive

from sandbox.cloud.artifact_registry.packages import add_file
from sandbox.cloud.core.blobs import CHUNK_BYTES, Draft
from sandbox.cloud.core.errors import invalid, not_found
from sandbox.cloud.packaging.distributions import BadDistribution, Distribution, check_upload
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.cloud.python_index.dependencies import find_repository, read_dependencies

# Google's limit is unknown. This is the public index's default.
UPLOAD_BYTES = 100 * 1024**2
# The form's text fields without the file; the description is most of them. Both are the sandbox's own.
FORM_BYTES = 16 * 1024**2
FIELD_BYTES = 8 * 1024**2
# Fields that describe the file, each of which must occur only once.
_SINGLE = frozenset(
    ":action protocol_version name version filetype metadata_version requires_python content md5_digest "
    "sha256_digest blake2_256_digest".split()
)


async def upload(request: Request) -> Response:
    cloud = read_dependencies(request)
    repository = find_repository(request, "uploadArtifacts")
    if repository["mode"] != "STANDARD_REPOSITORY":
        # Google's text is unknown.
        raise invalid(f"Uploads go to standard repositories; this is a {repository['mode']}.")
    limited = Request(request.scope, _limit(request))
    async with limited.form(max_files=1, max_part_size=FIELD_BYTES) as form:
        try:
            fields, content = _read_form(form)
            with cloud.blobs.draft() as draft:
                distribution = await run_in_threadpool(_receive, fields, content, draft)
                link = SimpleLink(
                    filename=distribution.filename,
                    version=distribution.version,
                    sha256=draft.sha256,
                    requires_python=distribution.requires_python,
                )
                with cloud.store.transaction():
                    # Another client can have deleted the repository during the upload.
                    if cloud.store.get(repository["name"]) is None:
                        raise not_found()
                    add_file(cloud.store, repository["name"], distribution.package, link, draft.size)
                    cloud.blobs.keep(draft)
        except BadDistribution as error:
            # Google's text is unknown; its status for a wrong form is known.
            raise invalid(str(error)) from error
    # Google's status and text for a success are unknown; clients accept any 2xx.
    return PlainTextResponse("")


def _too_large() -> HTTPException:
    return HTTPException(413, f"A file may have {UPLOAD_BYTES} bytes at most.\n")


def _limit(request: Request) -> Receive:
    """The request's body, refused when it is too large."""
    limit = UPLOAD_BYTES + FORM_BYTES
    declared = request.headers.get("content-length", "")
    # First the length of the text: Python converts no number with thousands of digits.
    if declared.isdecimal() and (len(declared) > len(str(limit)) or int(declared) > limit):
        raise _too_large()
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large()
        return message

    return receive


def _read_form(form: FormData) -> tuple[dict[str, str], UploadFile]:
    """The form's text fields and its file.

    Raises:
        BadDistribution: the form is not that of an upload.
    """
    fields: dict[str, str] = {}
    content: UploadFile | None = None
    for name, value in form.multi_items():
        if name in _SINGLE and (name in fields or (name == "content" and content)):
            raise BadDistribution(f"Field {name!r} is there twice.")
        if isinstance(value, str):
            fields[name] = value
        elif name == "content":
            content = value
    if content is None or not content.filename:
        raise BadDistribution("The form has no file in field 'content'.")
    return fields, content


def _receive(fields: dict[str, str], content: UploadFile, draft: Draft) -> Distribution:
    """Write an upload's file to the disk and check it. Call this in a thread."""
    while chunk := content.file.read(CHUNK_BYTES):
        draft.write(chunk)
    if draft.size > UPLOAD_BYTES:
        raise _too_large()
    draft.flush()
    distribution = check_upload(fields, content.filename or "", draft)
    draft.sync()
    return distribution
