"""The private repository of a stack: lists, downloads and uploads its files.

Owns the addresses, the logins and the repetition of requests. Deletes nothing, and sends a file only to the
upload address of the stack.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import IO, Any, TypeVar
from urllib.parse import unquote

import requests
from google.auth import exceptions
from google.auth.transport.requests import AuthorizedSession

from components.client_config import TOKEN_USER
from tools.copy.files import File, parse_file
from tools.copy.form import CHUNK_BYTES, UploadForm, form_fields
from tools.copy.progress import Progress
from tools.errors import ToolError
from tools.stack import Outputs

API = "https://artifactregistry.googleapis.com/v1"
# "Maximum page size is 1,000" (ListFilesRequest).
PAGE_SIZE = 1000
# Seconds without an answer: for a connection, and for data. An index answers after it has read all of an
# upload.
TIMEOUTS = (20, 300)
# Errors that can pass. Google's clients repeat these, too: https://cloud.google.com/storage/docs/retry-strategy
RETRIED = (408, 429, 500, 502, 503, 504)
# Seconds before each further attempt; one minute in total.
WAITS = (1, 2, 4, 8, 16, 16, 16)
_Result = TypeVar("_Result")


class CopyError(Exception):
    """One file cannot be copied. The message is the reason."""


class _PassingError(Exception):
    """The attempt failed, and the next one can succeed."""


class Repository:
    """The private repository of one stack."""

    def __init__(self, stack: str, outputs: Outputs, credentials: Any, progress: Progress) -> None:
        self.stack = stack
        for output in ("repository_name", "repository_url"):
            if not outputs.get(output):
                raise ToolError(f"{stack} has no output {output}: run `pulumi up --stack {stack}` first.")
        self.name: str = outputs["repository_name"]
        self._url: str = outputs["repository_url"]
        self._progress = progress
        self._credentials = credentials
        # It renews the token, for a copy that takes hours.
        self._session = AuthorizedSession(credentials)

    def list_files(self) -> dict[str, File]:
        """Return all files of the repository by their id.

        Raises:
            ToolError: Google refuses.
        """
        self._progress.begin(f"Reading the list of files of {self.stack}")
        files: dict[str, File] = {}
        token = ""
        while True:
            query = {"pageSize": PAGE_SIZE, **({"pageToken": token} if token else {})}
            try:
                answer = self._repeat(lambda query=query: self._get(f"{API}/{self.name}/files", query))
            except CopyError as error:
                raise ToolError(f"Cannot read the files of {self.stack} ({self.name}): {error}") from error
            page = answer.json()
            files |= {file.id: file for file in map(parse_file, page.get("files", []))}
            token = page.get("nextPageToken", "")
            if not token:
                return files

    def find(self, file: File) -> File | None:
        """Return the file of this repository that has the id of another repository's file."""
        url = f"{API}/{self.name}/files/{_escaped_id(file)}"
        answer = self._repeat(lambda: self._get(url, {}, missing=True))
        return parse_file(answer.json()) if answer.ok else None

    def download(self, file: File) -> IO[bytes]:
        """Return the content of a file, complete and with the hash that Google lists.

        It is in a temporary file without a name. The system deletes it when this process ends, also if it
        is killed.

        Raises:
            CopyError: Google refuses, the content has another hash, or the disk is full.
        """
        if not file.sha256:
            raise CopyError(f"{self.stack} lists no SHA-256 of it")
        try:
            content = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
        except OSError as error:
            raise _not_stored(error) from error
        try:
            self._repeat(lambda: self._receive(file, content))
        except BaseException:
            content.close()
            raise
        return content

    def upload(self, file: File, content: IO[bytes]) -> None:
        """Upload a file as it is.

        Raises:
            CopyError: the repository refuses the file, or has another one of that name.
            ToolError: the caller cannot upload to this repository.
        """
        fields = form_fields(file, content)
        try:
            self._repeat(lambda: self._send(file, content, fields))
        except CopyError as error:
            # An attempt without an answer can have succeeded, and someone else can upload at the same time.
            existing = self.find(file)
            if existing is None:
                raise CopyError(f"{self.stack} refuses it: {error}") from error
            if not file.equals(existing):
                raise CopyError(f"{self.stack} got another file of that name at the same time") from error

    def _get(self, url: str, query: dict[str, Any], *, missing: bool = False) -> requests.Response:
        answer = self._session.get(url, params=query, timeout=TIMEOUTS, auth=_keep_login)
        if not (missing and answer.status_code == HTTPStatus.NOT_FOUND):
            _check(answer)
        return answer

    def _receive(self, file: File, content: IO[bytes]) -> None:
        self._progress.begin(f"Downloading {file.filename} from {self.stack}", file.size)
        url = f"{API}/{self.name}/files/{_escaped_id(file)}:download"
        # Without it, a server can compress the answer, and requests would unpack a .tar.gz file.
        plain = {"Accept-Encoding": "identity"}
        digest = hashlib.sha256()
        content.seek(0)
        content.truncate()
        with self._session.get(
            url, params={"alt": "media"}, headers=plain, stream=True, timeout=TIMEOUTS, auth=_keep_login
        ) as answer:
            _check(answer)
            for chunk in answer.iter_content(CHUNK_BYTES):
                digest.update(chunk)
                _write(content, chunk)
                self._progress.advance(len(chunk))
        if digest.hexdigest() != file.sha256:
            raise _PassingError(
                f"{self.stack} sent it with sha256 {digest.hexdigest()}, but lists sha256 {file.sha256}"
            )

    def _send(self, file: File, content: IO[bytes], fields: list[tuple[str, str]]) -> None:
        self._progress.begin(f"Uploading {file.filename} to {self.stack}", file.size)
        form = UploadForm(file, content, fields, self._progress.advance)
        answer = self._session.post(
            self._url,
            # requests sends what can be iterated in pieces.
            data=form,
            headers={"Content-Type": form.content_type},
            auth=self._basic_login,
            # A redirected upload would become a GET, which succeeds.
            allow_redirects=False,
            timeout=TIMEOUTS,
        )
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ToolError(
                f"You cannot upload to {self.stack} ({self.name}): {_reason(answer)}. You must be in "
                "`writers` of that stack, or pass --impersonate."
            )
        _check(answer)

    def _basic_login(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The login of an index. A callable, so that requests does not look for one in ~/.netrc."""
        login = base64.b64encode(f"{TOKEN_USER}:{self._credentials.token}".encode()).decode()
        request.headers["Authorization"] = f"Basic {login}"
        return request

    def _repeat(self, attempt: Callable[[], _Result]) -> _Result:
        """Repeat an attempt while its error can pass.

        Raises:
            CopyError: the last error.
            ToolError: the login has ended.
        """
        for wait in (*WAITS, None):
            try:
                return attempt()
            except (_PassingError, requests.RequestException, exceptions.GoogleAuthError) as error:
                if isinstance(error, exceptions.RefreshError) and not error.retryable:
                    raise ToolError(
                        f"Your login has expired or was revoked ({error.args[0]}). Log in and run the same "
                        "command again."
                    ) from error
                # The text of other errors can have an address with a signature.
                passing = isinstance(error, _PassingError)
                reason = str(error) if passing else f"the connection failed ({type(error).__name__})"
                if wait is None:
                    raise CopyError(f"{reason}, after {len(WAITS) + 1} attempts") from error
                self._progress.begin(f"Waiting {wait} s, because {reason}")
                time.sleep(wait)
        raise AssertionError


def _keep_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep the token that the session adds. Without a callable, requests replaces it by one of ~/.netrc."""
    return request


def _escaped_id(file: File) -> str:
    """Return the id in the form of the API: gcloud's download_util.EscapeFileName."""
    file_id = unquote(file.resource.partition("/files/")[2])
    return file_id.replace("%", "%25").replace("/", "%2F").replace("+", "%2B").replace("^", "%5E")


def _write(content: IO[bytes], chunk: bytes) -> None:
    try:
        content.write(chunk)
    except OSError as error:
        raise _not_stored(error) from error


def _not_stored(error: OSError) -> CopyError:
    return CopyError(
        f"it cannot be stored in the folder for temporary files ({error.strerror}). Set TMPDIR to a folder "
        "with more space"
    )


def _check(answer: requests.Response) -> None:
    """Raise an error for any answer that is not a success."""
    if answer.status_code in RETRIED:
        raise _PassingError(f"Google answered {answer.status_code}")
    if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        raise CopyError(_reason(answer))


def _reason(answer: requests.Response) -> str:
    """Return the status and Google's sentence, in one line."""
    try:
        text = str(answer.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        html = "html" in answer.headers.get("Content-Type", "")
        text = answer.reason if html else " ".join(answer.text.split())
    return f"{answer.status_code} {text[:300]}".rstrip(". ")
