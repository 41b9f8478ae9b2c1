"""The copy ends well only if the target has every file of the source with the same hash."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from tests.support.distributions import sdist, wheel
from tests.tools.copy.fake_google import CUT, SOURCE, TARGET, TOKEN, Failure, FakeGoogle, serve
from tools import __main__ as command_line
from tools.copy import repository
from tools.copy.command import CopyOrder, copy_files
from tools.copy.files import parse_file
from tools.copy.progress import Progress
from tools.copy.repository import WAITS, Repository
from tools.errors import ToolError

WHEEL, SDIST, OTHER = wheel("my-adder", "0.0.1"), sdist("my-adder", "0.0.1"), wheel("tool", "1.0")
IDS = {f"{upload.fields['name']}/{upload.filename}": upload.content for upload in (WHEEL, SDIST, OTHER)}
WHEEL_ID, SDIST_ID, OTHER_ID = IDS
Copy = Callable[..., str]
REQUESTS = (r"GET .*dev/files\?", "GET .*:download", "POST", r"GET .*prod/files\?")
NEW_TOKEN = "ya29.another-secret-token"


class Renewed(Credentials):
    """Credentials whose token can be renewed once."""

    def __init__(self) -> None:
        super().__init__()
        self.token = TOKEN

    def refresh(self, request: object) -> None:
        if self.token != TOKEN:
            raise RefreshError("invalid_grant: Token has been expired or revoked.")
        self.token = NEW_TOKEN


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeGoogle]:
    with serve(FakeGoogle()) as google:
        monkeypatch.setattr(repository, "API", f"{google.url}/v1")
        monkeypatch.setattr(repository, "WAITS", (0,) * len(WAITS))
        monkeypatch.setenv("NO_PROXY", "*")
        google.source.update(IDS)
        yield google


@pytest.fixture
def copy(google: FakeGoogle, capsys: pytest.CaptureFixture[str]) -> Copy:
    def run(*selection: str, left_out: tuple[str, ...] = ()) -> str:
        """Copy, and return the output with the error."""
        order = CopyOrder(source="dev", target="prod", selection=selection, left_out=left_out)
        with Progress() as progress:
            source = Repository("dev", google.outputs(SOURCE), Renewed(), progress)
            target = Repository("prod", google.outputs(TARGET), Renewed(), progress)
            try:
                copy_files(source, target, order, progress)
                error = ""
            except ToolError as failure:
                error = f"error: {failure}"
        captured = capsys.readouterr()
        assert captured.err == ""
        assert TOKEN not in captured.out + error
        assert NEW_TOKEN not in captured.out + error
        return captured.out + error

    return run


def test_all_files_are_copied_byte_for_byte_and_a_second_run_copies_nothing(
    google: FakeGoogle, copy: Copy
) -> None:
    shown = copy()
    assert google.target == IDS
    assert "3 files, 0 of them already in prod. To copy: 3 files, " in shown
    assert re.search(r"\[3/3\] tool-1.0-py3-none-any.whl, \d+ B: copied \(.* of .*, \d+ s\)\n", shown)
    assert shown.endswith("prod has 3 of 3 files with the same hashes.\n")
    shown = copy()
    assert google.uploads() == 3
    assert "3 files, 3 of them already in prod. To copy: 0 files" in shown
    assert "Copied 0 files from dev to prod" in shown


def test_a_selection_copies_every_file_of_a_version_and_compares_names_and_versions_normalized(
    google: FakeGoogle, copy: Copy
) -> None:
    google.source["my-adder/my_adder-0.0.2.tar.gz"] = b"2"
    assert "prod has 2 of 2 files" in copy("My.Adder==0.0.1.0")
    assert set(google.target) == {WHEEL_ID, SDIST_ID}
    assert "prod has 4 of 4 files" in copy("my_adder", "tool==1")
    assert google.target == google.source


def test_a_selection_that_is_missing_is_an_error_before_anything_is_copied(
    google: FakeGoogle, copy: Copy
) -> None:
    shown = copy("tool", "my-adder==0.0.9", "my-addr", "tool>=1")
    assert shown == (
        "error: dev does not have my-adder==0.0.9. It has 0.0.1.\n"
        "dev does not have my-addr: it has no version of this package.\n"
        "tool>=1: write a package, such as my-adder, or one version: my-adder==0.0.1."
    )
    assert (google.uploads(), google.target) == (0, {})


def test_the_lists_are_read_to_their_last_page(google: FakeGoogle, copy: Copy) -> None:
    google.page_size = 1
    assert "prod has 3 of 3 files" in copy()
    assert google.target == IDS


def test_another_file_of_the_same_name_is_an_error_with_both_hashes_and_stays(
    google: FakeGoogle, copy: Copy
) -> None:
    google.target[SDIST_ID] = b"another"
    shown = copy()
    ours, theirs = (hashlib.sha256(content).hexdigest() for content in (SDIST.content, b"another"))
    assert "error: prod does not have 1 of 3 files with the same hash:\n" in shown
    assert (
        f"  {SDIST.filename}: prod has another file of that name. "
        f"sha256 in dev: {ours}, in prod: {theirs}\n"
    ) in shown
    assert google.target == {**IDS, SDIST_ID: b"another"}
    assert google.source == IDS


def test_a_refused_file_does_not_stop_the_others_and_can_be_left_out(
    google: FakeGoogle, copy: Copy
) -> None:
    for _ in range(2):
        google.failures = [Failure("POST", 400, body="This file is odd.\nVery.\n")]
        assert f"{WHEEL.filename}: prod refuses it: 400 This file is odd. Very. sha256 in dev: " in copy()
        assert set(google.target) == {SDIST_ID, OTHER_ID}
    shown = copy(left_out=(WHEEL.filename,))
    assert f"Left out, as you asked: {WHEEL.filename}\n" in shown
    assert "prod has 2 of 2 files with the same hashes." in shown
    assert WHEEL_ID not in google.target


def test_a_file_to_leave_out_must_exist(google: FakeGoogle, copy: Copy) -> None:
    assert copy(left_out=("tool-1.0.zip",)) == (
        "error: dev does not have tool-1.0.zip in this selection: correct --leave-out."
    )
    assert google.uploads() == 0


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("status", [503, CUT])
def test_errors_that_can_pass_are_repeated(
    google: FakeGoogle, copy: Copy, request_: str, status: int
) -> None:
    google.failures = [Failure(request_, status, times=len(WAITS))]
    shown = copy()
    assert "prod has 3 of 3 files" in shown
    assert "Copied 3 files from dev to prod" in shown, "also the file whose upload had no answer"
    assert google.target == IDS


@pytest.mark.parametrize("request_", REQUESTS)
def test_an_expired_token_is_renewed(google: FakeGoogle, copy: Copy, request_: str) -> None:
    google.failures = [Failure(request_, 401)]
    assert "prod has 3 of 3 files" in copy()
    assert google.target == IDS
    google.failures = [Failure("GET .*/files", 401, times=99)]
    assert copy() == (
        "error: Your login has expired or was revoked (invalid_grant: Token has been expired or revoked.). "
        "Log in and run the same command again."
    )


def test_an_upload_that_always_fails_does_not_stop_the_others(google: FakeGoogle, copy: Copy) -> None:
    google.failures = [Failure("POST", 503, times=len(WAITS) + 1)]
    shown = copy()
    assert "prod refuses it: Google answered 503, after 8 attempts" in shown
    assert len(google.target) == 2


def test_a_list_that_fails_is_never_an_empty_list(google: FakeGoogle, copy: Copy) -> None:
    google.source.clear()
    for name in ("dev", "prod"):
        google.failures = [Failure(f"{name}/files", 500, times=99)]
        assert f"error: Cannot read the files of {name} (" in copy()
    google.failures = [Failure("prod/files", 403, body='{"error": {"message": "Permission denied."}}')]
    assert "repositories/prod): 403 Permission denied" in copy()


def test_a_damaged_download_is_repeated_and_never_uploaded(google: FakeGoogle, copy: Copy) -> None:
    google.served[OTHER_ID] = OTHER.content[:-1]
    shown = copy()
    assert re.search(r"tool-1.0-py3-none-any.whl: dev sent it with sha256 \w+, but lists sha256", shown)
    assert set(google.target) == {WHEEL_ID, SDIST_ID}


def test_a_download_that_is_too_long_at_first_is_uploaded_without_its_rest(
    google: FakeGoogle, copy: Copy
) -> None:
    google.failures = [Failure("tool.*:download", 200, body="x" * 5000)]
    assert "prod has 3 of 3 files" in copy()
    assert google.target == IDS


def test_the_name_of_a_local_version_is_escaped(google: FakeGoogle, copy: Copy) -> None:
    local = wheel("tool", "1.0+local")
    google.source = {f"tool/{local.filename}": local.content}
    google.failures = [Failure("POST", CUT)]
    assert "prod has 1 of 1 file" in copy("tool==1.0+Local")
    assert google.target == google.source


def test_a_hash_can_have_either_alphabet_of_base64() -> None:
    digest = bytes([251, 255] * 16)
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        hashes = [{"type": "SHA256", "value": encode(digest).decode()}]
        document = {"name": f"{SOURCE}/files/tool%2Ftool-1.0.tar.gz", "hashes": hashes}
        assert parse_file(document).sha256 == digest.hex()


def test_an_upload_does_not_follow_a_redirect(google: FakeGoogle, copy: Copy) -> None:
    google.failures = [Failure("POST", 302, times=99)]
    assert "refuses it: 302" in copy()
    assert not any("elsewhere" in request for request in google.requests)


def test_without_the_right_to_upload_the_copy_ends_with_the_setting(google: FakeGoogle, copy: Copy) -> None:
    google.failures = [Failure("POST", 403, times=99, body="<html>no</html>")]
    shown = copy()
    assert "error: You cannot upload to prod (projects/p/locations/us/repositories/prod): 403" in shown
    assert "`writers`" in shown
    assert google.uploads() == 1


def test_a_file_that_arrives_in_the_source_during_the_copy_is_an_error(
    google: FakeGoogle, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = google.store

    def store_and_publish(path: str, kind: str, body: bytes) -> tuple[int, bytes]:
        google.source["late/late-1.0.tar.gz"] = b"late"
        return store(path, kind, body)

    monkeypatch.setattr(google, "store", store_and_publish)
    assert (
        "error: prod does not have 1 of 4 files with the same hash:\n  late-1.0.tar.gz: it is new in dev"
        in copy()
    )
    assert "prod has 4 of 4 files" in copy()


def test_a_file_without_a_hash_is_never_equal(google: FakeGoogle, copy: Copy) -> None:
    google.target.update(IDS)
    document = google.document

    def without_hash(name: str, file_id: str) -> dict[str, object]:
        return {**document(name, file_id), "hashes": []}

    google.document = without_hash
    assert "prod does not have 3 of 3 files with the same hash" in copy()
    google.target.clear()
    assert f"{OTHER.filename}: dev lists no SHA-256 of it" in copy()
    assert google.uploads() == 0


@pytest.mark.parametrize("output", ["repository_name", "repository_url"])
def test_a_stack_without_an_address_is_refused(google: FakeGoogle, output: str) -> None:
    with pytest.raises(ToolError, match=f"prod has no output {output}: run `pulumi up --stack prod` first"):
        Repository("prod", {**google.outputs(TARGET), output: ""}, Renewed(), Progress())


def test_each_host_gets_its_form_of_login_also_with_a_netrc(
    google: FakeGoogle, copy: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    copy()
    basic = f"Basic {base64.b64encode(f'oauth2accesstoken:{TOKEN}'.encode()).decode()}"
    expected = {"GET": f"Bearer {TOKEN}", "POST": basic}
    for request, login in zip(google.requests, google.logins, strict=True):
        assert login == expected[request.partition(" ")[0]]


def test_a_full_disk_fails_the_file_with_the_variable_that_helps(
    google: FakeGoogle, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, buffer: object, /) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    assert (
        f"{OTHER.filename}: it cannot be stored in the folder for temporary files (No space left on "
        "device). Set TMPDIR to a folder with more space. sha256 in dev"
    ) in copy()
    assert len(google.requests) == 7


def test_an_interrupted_copy_names_the_way_to_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(order: CopyOrder) -> None:
        assert order == CopyOrder(source="dev", target="prod", selection=["a==1"], left_out=["b.whl"])
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "copy_packages", interrupt)
    words = "tools copy --from-stack dev --to-stack prod --leave-out b.whl a==1"
    monkeypatch.setattr(sys, "argv", words.split())
    assert command_line.main() == 1
    assert capsys.readouterr().err == (
        "error: Interrupted. Run the same command again: it copies what is missing.\n"
    )
