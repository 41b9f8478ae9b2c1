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

# Unknown at Google; the public index's default, and a stop before the disk is full.
UPLOAD_BYTES = 100 * 1024**2
# For the form beside the file: its text fields, above all the description. The sandbox's own, both.
FORM_BYTES = 16 * 1024**2
FIELD_BYTES = 8 * 1024**2
# Fields that say what the file is; twice, they would say two things.
_SINGLE = frozenset(
    ":action protocol_version name version filetype metadata_version requires_python content md5_digest "
    "sha256_digest blake2_256_digest".split()
)


async def upload(request: Request) -> Response:
    cloud = read_dependencies(request)
    repository = find_repository(request, "uploadArtifacts")
    if repository["mode"] != "STANDARD_REPOSITORY":
        # Google's words are unknown.
        raise invalid(f"Uploads go to standard repositories; this is a {repository['mode']}.")
    limited = Request(request.scope, _limit(request))
    async with limited.form(max_files=1, max_part_size=FIELD_BYTES) as form:
        try:
            fields, content = _read_form(form)
            with cloud.blobs.draft() as draft:
                made = await run_in_threadpool(_receive, fields, content, draft)
                link = SimpleLink(
                    filename=made.filename,
                    version=made.version,
                    sha256=draft.sha256,
                    requires_python=made.requires_python,
                )
                with cloud.store.transaction():
                    # The repository may have been deleted since.
                    if cloud.store.get(repository["name"]) is None:
                        raise not_found()
                    add_file(cloud.store, repository["name"], made.package, link, draft.size)
                    cloud.blobs.keep(draft)
        except BadDistribution as error:
            # Google's words are unknown; its status for what a form says wrongly is.
            raise invalid(str(error)) from error
    # Unknown at Google: the status of a success, and what it says; clients take any 2xx.
    return PlainTextResponse("")


def _too_large() -> HTTPException:
    return HTTPException(413, f"A file may have {UPLOAD_BYTES} bytes at most.\n")


def _limit(request: Request) -> Receive:
    """The request's body, refused where it becomes too large."""
    limit = UPLOAD_BYTES + FORM_BYTES
    declared = request.headers.get("content-length", "")
    # By its length first: Python makes no number of thousands of digits.
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
        BadDistribution: they are not what an upload sends.
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
    """Write an upload's file to the disk and check it; in a thread."""
    while chunk := content.file.read(CHUNK_BYTES):
        draft.write(chunk)
    if draft.size > UPLOAD_BYTES:
        raise _too_large()
    draft.flush()
    made = check_upload(fields, content.filename or "", draft)
    draft.sync()
    return made
