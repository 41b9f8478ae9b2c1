"""The package index, asked by the clients that people use and by those who mean it ill."""
# ruff: noqa: S311  # seeds, not secrets

from __future__ import annotations

import concurrent.futures
import contextlib
import gzip
import hashlib
import io
import os
import random
import signal
import string
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from sandbox.cloud.core.blobs import DRAFT_SECONDS
from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.packaging.distributions import (
    FIELD_LINES,
    FIELDS_BYTES,
    FILENAME_BYTES,
    HEADERS_BYTES,
    MEMBERS,
    METADATA_BYTES,
    BadDistribution,
    check_file,
)
from sandbox.cloud.python_index.download import DOWNLOAD_SECONDS, DownloadTokens
from sandbox.cloud.python_index.upload import UPLOAD_BYTES
from sandbox.runtime.process import find_gateway, start_gateway
from tests.support.distributions import (
    Upload,
    metadata,
    pack_sdist,
    pack_wheel,
    sdist,
    sdist_members,
    wheel,
    wheel_members,
)
from tests.support.indexes import (
    API,
    HOST,
    USAGE,
    Registry,
    TinyIndex,
    listed,
    prepare,
    put,
    send,
    with_login,
)

pytestmark = pytest.mark.sandbox

READER, WRITER, ADMIN, STRANGER = (
    f"user:{who}@example.com" for who in ("reader", "writer", "admin", "stranger")
)


def forget_pages(registry: Registry) -> None:
    """As if the time was over for which the public index's pages are taken for the truth."""
    with registry.store() as store:
        store.delete_below("public-index/pages/")


# Clients


def test_what_twine_and_uv_upload_pip_and_uv_install(registry: Registry, tmp_path: Path) -> None:
    url = registry.make()
    for upload in (wheel("my-adder", "1.0.0"), sdist("my-adder", "1.0.0"), wheel("my-adder", "1.1.0")):
        (tmp_path / upload.filename).write_bytes(upload.content)
    files = sorted(map(str, tmp_path.iterdir()))
    login = ("-u", "oauth2accesstoken", "-p", "TOKEN")
    registry.client("twine", "upload", "--repository-url", f"{url}/", *login, *files[1:])
    registry.client("uv", "publish", "--publish-url", f"{url}/", *login, files[0])
    for client, *command in (
        ("pip", "pip", "install", "--target", str(tmp_path / "pip"), "--index-url"),
        ("uv", "uv", "pip", "install", "--target", str(tmp_path / "uv"), "--index-url"),
    ):
        registry.client(*command, with_login(url), "my_adder")
        assert (tmp_path / client / "my_adder.py").read_text() == "VERSION = '1.1.0'\n"


def test_twine_is_told_why_a_file_is_refused(registry: Registry, tmp_path: Path) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0.0")
    put(registry, url, upload)
    path = tmp_path / upload.filename
    path.write_bytes(upload.content)
    command = (
        "twine",
        "upload",
        "--verbose",
        "--repository-url",
        f"{url}/",
        "-u",
        "oauth2accesstoken",
        "-p",
        "TOKEN",
    )
    said = registry.client(*command, str(path), check=False)
    assert "Requested entity already exists." in said
    assert "400 Bad Request" in said


def test_pip_installs_nothing_whose_requires_python_does_not_fit(
    registry: Registry, tmp_path: Path
) -> None:
    url = registry.make()
    put(registry, url, wheel("old", "1.0"), wheel("old", "2.0", requires_python="<3"))
    registry.client(
        "pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url), "old"
    )
    assert (tmp_path / "t" / "old.py").read_text() == "VERSION = '1.0'\n"


# Pages


def test_a_page_is_plain_html_with_relative_links(registry: Registry) -> None:
    url = registry.make()
    one, other = wheel("My.Adder", "1.0"), sdist("My.Adder", "1.0+local.1", requires_python=None)
    put(registry, url, one, other)
    page = registry.session().get(
        f"{url}/simple/my-adder/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=30
    )
    assert page.headers["content-type"].startswith("text/html")
    digest, local = (hashlib.sha256(upload.content).hexdigest() for upload in (one, other))
    assert (
        f'<a href="../../my-adder/My.Adder-1.0-py3-none-any.whl#sha256={digest}"'
        ' data-requires-python="&gt;=3.8">My.Adder-1.0-py3-none-any.whl</a>' in page.text
    )
    assert (
        f'<a href="../../my-adder/My.Adder-1.0%2Blocal.1.tar.gz#sha256={local}">'
        "My.Adder-1.0+local.1.tar.gz</a>" in page.text
    )
    assert "metadata" not in page.text
    assert (
        registry.session().get(f"{url}/my-adder/My.Adder-1.0%2Blocal.1.tar.gz", timeout=9).content
        == other.content
    )


def test_names_are_normalised_by_a_redirect(registry: Registry) -> None:
    url = registry.make()
    put(registry, url, wheel("my-adder", "1.0"))
    answer = registry.session().get(f"{url}/simple/My__Adder/", allow_redirects=False, timeout=30)
    assert answer.is_redirect
    assert answer.headers["location"] == f"/{registry.project}/python/simple/my-adder/"


@pytest.mark.parametrize(
    "path", ["simple/", "simple", "simple/nothing/", "", "my-adder/none.whl", "a/b/c/d"]
)
def test_what_is_not_there_is_404(registry: Registry, path: str) -> None:
    url = registry.make()
    put(registry, url, wheel("my-adder", "1.0"))
    assert registry.session().get(f"{url}/{path}", timeout=30).status_code == 404


def test_an_upload_goes_to_the_repositorys_own_address_alone(registry: Registry) -> None:
    url = registry.make()
    for path in ("simple", "simple/x", "my-adder"):
        assert send(registry.session(), f"{url}/{path}", wheel("my-adder", "1.0")).status_code == 404
    assert listed(registry.session(), url, "my-adder") == []


# Downloads


def test_a_download_is_a_redirect_that_needs_no_login_and_takes_ranges(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
    assert first.status_code == 307
    start = f"/artifacts-downloads/namespaces/{registry.project}/repositories/python/downloads/"
    assert first.headers["location"].startswith(start)
    target = f"https://{HOST}{first.headers['location']}"
    nobody = registry.session(None)
    assert nobody.get(target, timeout=30).content == upload.content
    part = nobody.get(target, headers={"Range": "bytes=10-19"}, timeout=30)
    assert (part.status_code, part.content) == (206, upload.content[10:20])
    head = nobody.head(target, timeout=30)
    assert head.status_code == 200
    assert "accept-ranges" not in head.headers
    assert head.headers["content-length"] == str(len(upload.content))


def test_a_download_address_cannot_be_made_up_or_moved(registry: Registry) -> None:
    url = registry.make()
    registry.make("other")
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
    target = f"https://{HOST}{first.headers['location']}"
    changed = target[:-10] + ("A" if target[-10] != "A" else "B") + target[-9:]
    moved = target.replace("repositories/python/", "repositories/other/")
    for address in (changed, moved, target.rpartition("/")[0] + "/guess"):
        answer = registry.session().get(address, timeout=30)
        assert answer.status_code == 403, address
        assert "download address" in answer.text


def test_a_download_address_is_good_for_minutes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, now = DownloadTokens(), time.time()
    token = tokens.make("/here/", "abc")
    monkeypatch.setattr(time, "time", lambda: now + DOWNLOAD_SECONDS - 2)
    assert tokens.read("/here/", token) == "abc"
    monkeypatch.setattr(time, "time", lambda: now + DOWNLOAD_SECONDS + 2)
    with pytest.raises(GoogleError, match="no longer"):
        tokens.read("/here/", token)


def test_no_download_token_is_logged(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    first = registry.session().get(f"{url}/my-adder/{upload.filename}?secret=hunter2", timeout=30)
    token = first.url.rpartition("/")[2]
    log = registry.folder.log.read_text()
    assert f"/{registry.project}/repositories/python/downloads/***" in log
    assert token not in log
    assert "hunter2" not in log


# Uploads


def test_a_file_is_there_once_in_whatever_spelling(registry: Registry) -> None:
    url = registry.make()
    upload = sdist("my-adder", "1.0")
    put(registry, url, upload)
    session = registry.session()
    before = session.get(f"{url}/simple/my-adder/", timeout=30).text
    for again in (
        upload,
        upload.with_content(pack_sdist(sdist_members("my-adder", "1.0", metadata("my-adder", "1.0")))),
    ):
        answer = send(session, url, again)
        assert (answer.status_code, answer.text) == (400, "Requested entity already exists.\n")
    for filename in ("My.Adder-1.0.tar.gz", "My.Adder-1.0.0.tar.gz", "my_adder-1.tar.gz"):
        spelled = replace(upload, filename=filename)
        assert send(session, url, spelled).text == "Requested entity already exists.\n"
    put(registry, url, wheel("my-adder", "1.0"))
    long = wheel("my-adder", "1.0.0").with_fields(version="1.0")
    assert send(session, url, long).text == "Requested entity already exists.\n"
    registry.must("DELETE", f"{API}/{registry.parent}/python/packages/my-adder/versions/1.0")
    put(registry, url, upload)
    assert session.get(f"{url}/simple/my-adder/", timeout=30).text == before


def linked_metadata(kind: bytes) -> Upload:
    """An sdist whose PKG-INFO is a link to a member that is far larger than metadata may be."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        large = tarfile.TarInfo("my_adder-1.0/large")
        large.size = METADATA_BYTES + 1
        archive.addfile(large, io.BytesIO(metadata("my-adder", "1.0").ljust(large.size)))
        link = tarfile.TarInfo("my_adder-1.0/PKG-INFO")
        link.type, link.linkname = kind, large.name
        archive.addfile(link)
    return sdist("my-adder", "1.0").with_content(gzip.compress(file.getvalue()))


def with_metadata(about: bytes) -> list[Upload]:
    name = ("my-adder", "1.0", about)
    return [
        wheel("my-adder", "1.0").with_content(pack_wheel(wheel_members(*name))),
        sdist("my-adder", "1.0").with_content(pack_sdist(sdist_members(*name))),
    ]


def long_header() -> Upload:
    """An sdist with a header that tarfile would read into memory at once."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("my_adder-1.0/" + "x" * (HEADERS_BYTES + 1)))
    return sdist("my-adder", "1.0").with_content(gzip.compress(file.getvalue(), 1))


COSTLY: dict[str, Callable[[], list[Upload]]] = {
    "is no regular file": lambda: [linked_metadata(tarfile.SYMTYPE), linked_metadata(tarfile.LNKTYPE)],
    f"more than {METADATA_BYTES} bytes": lambda: with_metadata(
        metadata("my-adder", "1.0") + b"x" * METADATA_BYTES
    ),
    f"more than {FIELD_LINES} lines": lambda: [
        *with_metadata(metadata("my-adder", "1.0", more="Platform: x\n" * FIELD_LINES)),
        *with_metadata(metadata("my-adder", "1.0", more=f"License: {'x' * FIELDS_BYTES}\n")),
    ],
    f"headers have more than {HEADERS_BYTES} bytes": lambda: [long_header()],
    f"more than {MEMBERS} members": lambda: [
        sdist("a", "1").with_content(pack_sdist({f"a-1/{n}": b"" for n in range(MEMBERS + 1)})),
        wheel("a", "1").with_content(pack_wheel({f"{n}": b"" for n in range(MEMBERS + 1)})),
    ],
    f"more than {FILENAME_BYTES} bytes": lambda: [
        replace(wheel("my-adder", "1.0"), filename=f"my_adder-1.0-{'.'.join(['py3'] * 80)}-none-any.whl")
    ],
}


@pytest.mark.parametrize("reason", COSTLY)
def test_what_would_cost_others_their_answers_is_refused(reason: str, tmp_path: Path) -> None:
    for upload in COSTLY[reason]():
        path = tmp_path / "file"
        path.write_bytes(upload.content)
        with pytest.raises(BadDistribution, match=reason):
            check_file(path, upload.filename)


def test_a_version_with_too_many_digits_and_a_file_name_that_is_too_long_are_400(
    registry: Registry,
) -> None:
    url = registry.make()
    upload = sdist("my-adder", "1.0")
    digits = "1" * 5000
    for wrong in (
        upload.with_fields(version=digits),
        upload.with_fields(requires_python=f">={digits}"),
        replace(upload, filename=f"my_adder-{digits}.tar.gz"),
        *with_metadata(metadata("my-adder", digits)),
        *with_metadata(metadata("my-adder", "1.0", more=f"Requires-Dist: a; {'(' * 50_000}\n")),
        linked_metadata(tarfile.SYMTYPE),
    ):
        answer = send(registry.session(), url, wrong)
        assert answer.status_code == 400, answer.text[:200]


def test_of_two_uploads_at_once_one_wins(registry: Registry) -> None:
    url = registry.make()
    sessions = [registry.session(), registry.session()]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for n in range(5):
            name = f"race-{n}"
            uploads = [wheel(name, "1.0", payload=who * 100_000) for who in (b"a=1\n", b"b=2\n")]
            answers = list(pool.map(send, sessions, [url, url], uploads))
            assert sorted(answer.status_code for answer in answers) == [200, 400]
            winner = uploads[[answer.status_code for answer in answers].index(200)]
            assert sessions[0].get(f"{url}/{name}/{winner.filename}", timeout=30).content == winner.content


def test_an_upload_that_is_too_large_is_413_and_leaves_nothing(registry: Registry) -> None:
    url = registry.make()
    before = registry.stored()
    session = registry.session()
    session.headers["Content-Type"] = "multipart/form-data; boundary=x"
    head = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a-1.tar.gz"\r\n\r\n'

    def too_much() -> Iterator[bytes]:
        yield head
        for _ in range(UPLOAD_BYTES // 2**20 + 17):
            yield b"\0" * 2**20

    answer = session.post(f"{url}/", data=too_much(), timeout=60)
    assert answer.status_code == 413
    assert str(UPLOAD_BYTES) in answer.text
    declared = session.prepare_request(requests.Request("POST", f"{url}/", data=head))
    declared.headers["Content-Length"] = str(2 * UPLOAD_BYTES)
    assert session.send(declared, timeout=60).status_code == 413
    assert registry.stored() == before


def test_virtual_and_remote_repositories_take_no_uploads(registry: Registry, public: TinyIndex) -> None:
    registry.make()
    for url in (registry.make_remote(), registry.make_virtual("python")):
        answer = send(registry.session(), url, wheel("my-adder", "1.0"))
        assert answer.status_code == 400
        assert "standard repositories" in answer.text


# Damage

Mutation = Callable[[random.Random, Upload], Upload]
OTHER_METADATA = {
    "another name": metadata("someone-else", "1.0"),
    "another version": metadata("my-adder", "6.6.6"),
    "no name": b"Metadata-Version: 2.1\nVersion: 1.0\n\n",
    "no version": b"Metadata-Version: 2.1\nName: my-adder\n\n",
    "two versions": metadata("my-adder", "1.0", more="Version: 2.0\n"),
    "no metadata version": b"Name: my-adder\nVersion: 1.0\n\n",
    "an unknown metadata version": metadata("my-adder", "1.0").replace(b"2.1", b"9.9"),
    "a bad version": metadata("my-adder", "one"),
    "a bad requires-python": metadata("my-adder", "1.0", "python3"),
    "another requires-python": metadata("my-adder", "1.0", ">=3.12"),
    "a bad dependency": metadata("my-adder", "1.0", more="Requires-Dist: ???\n"),
    "nothing": b"",
    "noise": bytes(range(256)),
}


def flip(draw: random.Random, content: bytes, start: int = 0, end: int | None = None) -> bytes:
    at = draw.randrange(start, len(content) if end is None else end)
    return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]


def damaged_content(draw: random.Random, upload: Upload) -> Upload:
    return Upload(upload.filename, flip(draw, upload.content), upload.fields)


def cut_content(draw: random.Random, upload: Upload) -> Upload:
    return Upload(upload.filename, upload.content[: draw.randrange(len(upload.content))], upload.fields)


def longer_content(draw: random.Random, upload: Upload) -> Upload:
    return Upload(upload.filename, upload.content + draw.randbytes(draw.randint(1, 99)), upload.fields)


def cut_archive(draw: random.Random, upload: Upload) -> Upload:
    return upload.with_content(upload.content[: draw.randrange(len(upload.content))])


def damaged_archive(draw: random.Random, upload: Upload) -> Upload:
    # Where the packed bytes of a member are: in headers, not every bit means something.
    if upload.filename.endswith(".whl"):
        start = upload.content.index(b"my_adder_data.py") + len("my_adder_data.py")
        return upload.with_content(flip(draw, upload.content, start, upload.content.index(b"PK", start)))
    return upload.with_content(flip(draw, upload.content, 10))


def other_kind_of_archive(_: random.Random, upload: Upload) -> Upload:
    packed = sdist("my-adder", "1.0") if upload.filename.endswith(".whl") else wheel("my-adder", "1.0")
    return upload.with_content(packed.content)


def other_metadata(draw: random.Random, upload: Upload) -> Upload:
    about = OTHER_METADATA[draw.choice(sorted(OTHER_METADATA))]
    if upload.filename.endswith(".whl"):
        return upload.with_content(pack_wheel(wheel_members("my-adder", "1.0", about)))
    return upload.with_content(pack_sdist(sdist_members("my-adder", "1.0", about)))


def other_members(draw: random.Random, upload: Upload) -> Upload:
    if upload.filename.endswith(".whl"):
        members = wheel_members("my-adder", "1.0", metadata("my-adder", "1.0"))
        gone = draw.choice([name for name in members if ".dist-info/" in name])
        members[f"x/{gone}"] = members.pop(gone)
        return upload.with_content(pack_wheel(members))
    members = sdist_members("my-adder", "1.0", metadata("my-adder", "1.0"))
    about = members.pop("my_adder-1.0/PKG-INFO")
    names = draw.choice([["PKG-INFO"], [], ["a/PKG-INFO", "b/PKG-INFO"], ["a/b/PKG-INFO"]])
    return upload.with_content(pack_sdist({**members, **dict.fromkeys(names, about)}))


def wrong_digest(draw: random.Random, upload: Upload) -> Upload:
    field = draw.choice([name for name in upload.fields if name.endswith("_digest")])
    value = upload.fields[field]
    at = draw.randrange(len(value))
    wrong = draw.choice(
        [value[:at] + "x" + value[at + 1 :], value[:-1], value[::-1] + "0", "sha256=" + value]
    )
    return upload.with_fields(**{field: wrong})


def no_digest(_: random.Random, upload: Upload) -> Upload:
    return upload.with_fields(md5_digest=None, sha256_digest=None, blake2_256_digest=None)


def missing_field(draw: random.Random, upload: Upload) -> Upload:
    needed = [":action", "protocol_version", "name", "version", "filetype", "metadata_version"]
    return upload.with_fields(**{draw.choice(needed): draw.choice([None, ""])})


def wrong_field(draw: random.Random, upload: Upload) -> Upload:
    field, value = draw.choice(
        [
            (":action", "submit"),
            ("protocol_version", "2"),
            ("name", "someone-else"),
            ("name", "-my-adder"),
            ("name", "my adder"),
            ("name", "../my-adder"),
            ("name", "my-adder\0"),
            ("version", "1.0.1"),
            ("version", "one"),
            ("version", "1.0/../2.0"),
            ("filetype", "bdist_egg"),
            ("filetype", "sdist" if upload.filename.endswith(".whl") else "bdist_wheel"),
            ("metadata_version", "2.4"),
            ("metadata_version", "two"),
            ("requires_python", ">=2.7"),
            ("requires_python", "all of them"),
        ]
    )
    return upload.with_fields(**{field: value})


def wrong_filename(draw: random.Random, upload: Upload) -> Upload:
    name = upload.filename
    wrong = draw.choice(
        [
            "",
            "my_adder",
            ".whl",
            "../../" + name,
            "/etc/" + name,
            name + ".exe",
            name.replace("1.0", "1.1"),
            name.replace("my_adder", "someone_else"),
            name.replace("1.0", ""),
            name.replace("-", "_", 1),
            name.replace("my_adder", "my adder/"),
            name.replace(".", "\0"),
            "".join(draw.choices(string.printable, k=20)),
        ]
    )
    return Upload(wrong, upload.content, upload.fields)


MUTATIONS: list[Mutation] = [
    damaged_content,
    cut_content,
    longer_content,
    cut_archive,
    damaged_archive,
    other_kind_of_archive,
    other_metadata,
    other_members,
    wrong_digest,
    no_digest,
    missing_field,
    wrong_field,
    wrong_filename,
]


def broken_form(draw: random.Random, upload: Upload) -> tuple[bytes, str, str]:
    """A form that is no form, or not this one: its body, its type, and what was done."""
    body, kind = prepare("https://none.example", upload)
    boundary = kind.rpartition("=")[2]
    what = draw.choice(["cut", "boundary", "no boundary", "json", "twice", "field", "header", "noise"])
    if what == "cut":
        body = body[: draw.randrange(len(body) - len(boundary) - 8)]
    elif what == "boundary":
        kind = kind.replace(boundary, "another")
    elif what == "no boundary":
        kind = "multipart/form-data"
    elif what == "json":
        kind = "application/json"
    elif what == "twice":
        field = draw.choice(["name", "version", "sha256_digest", "filetype"])
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\nx\r\n'
        body = part.encode() + body
    elif what == "field":
        body = body.replace(f'; filename="{upload.filename}"'.encode(), b"")
    elif what == "header":
        body = body.replace(b"Content-Disposition", b"Content\0Disposition", 1)
    else:
        body = draw.randbytes(500)
    return body, kind, what


def test_two_hundred_damaged_uploads_get_a_reason_and_change_nothing(
    registry: Registry,
) -> None:
    seed = 20
    draw = random.Random(seed)
    url = registry.make()
    put(registry, url, wheel("my-adder", "0.9"))
    session = registry.session()
    sound = [wheel("my-adder", "1.0", payload=draw.randbytes(3000)), sdist("my-adder", "1.0")]
    page, stored = session.get(f"{url}/simple/my-adder/", timeout=30).text, registry.stored()
    for n in range(200):
        upload = draw.choice(sound)
        if n % 5 == 4:
            body, kind, what = broken_form(draw, upload)
            answer = session.post(f"{url}/", data=body, headers={"Content-Type": kind}, timeout=30)
        else:
            mutate = MUTATIONS[n % len(MUTATIONS)]
            what, mutated = mutate.__name__, mutate(draw, upload)
            answer = send(session, url, mutated)
        case = (
            f"seed {seed}, mutation {n} of {upload.filename}: {what}: {answer.status_code} {answer.text!r}"
        )
        assert 400 <= answer.status_code < 500, case
        assert len(answer.text.strip()) > 15, case
        assert registry.stored() == stored, case
        assert session.get(f"{url}/simple/my-adder/", timeout=30).text == page, case
    assert "Traceback" not in registry.folder.server_log.read_text()
    for upload in sound:
        assert send(session, url, upload).status_code == 200, "what was mutated is sound itself"


# Crashes


def kill(registry: Registry) -> None:
    gateway = find_gateway(registry.folder)
    assert gateway
    os.kill(gateway.pid, signal.SIGKILL)
    while find_gateway(registry.folder):
        os.sched_yield()


@pytest.mark.parametrize(("share", "milliseconds"), [(0.5, 0), (0.99, 0), (1, 0), (1, 12), (1, 40)])
def test_a_kill_during_an_upload_leaves_all_of_the_file_or_nothing(
    registry: Registry, share: float, milliseconds: int
) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0", payload=random.Random(1).randbytes(2_000_000))
    body, kind = prepare(url, upload)

    def until_the_kill() -> Iterator[bytes]:
        yield body[: int(len(body) * share)]
        if share < 1:
            kill(registry)
            yield body[int(len(body) * share) :]

    answered = False
    with concurrent.futures.ThreadPoolExecutor() as pool:
        headers = {"Content-Type": kind}
        sending = pool.submit(
            registry.session().post, f"{url}/", data=until_the_kill(), headers=headers, timeout=30
        )
        if share == 1:
            deadline = time.monotonic() + milliseconds / 1000
            while time.monotonic() < deadline and not sending.done():
                os.sched_yield()
            kill(registry)
        with contextlib.suppress(requests.RequestException):
            answered = sending.result().status_code == 200
    start_gateway(registry.folder)
    session = registry.session()
    there = listed(session, url, "my-adder")
    assert there in ([], [upload.filename])
    assert there or not answered, "what was answered is kept"
    if not there:
        assert hashlib.sha256(upload.content).hexdigest() not in registry.stored()
        put(registry, url, upload)
    assert session.get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content
    registry.must("DELETE", f"{API}/{registry.parent}/python")


def test_a_client_that_goes_away_leaves_nothing(registry: Registry) -> None:
    url = registry.make()
    before = registry.stored()
    body, kind = prepare(url, wheel("my-adder", "1.0", payload=random.Random(2).randbytes(3_000_000)))

    def until_it_goes() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        registry.session().post(f"{url}/", data=until_it_goes(), headers={"Content-Type": kind}, timeout=30)
    wanted = f'"path": "/{registry.project}/python/", "status": 499'
    deadline = time.monotonic() + 10
    while wanted not in registry.folder.log.read_text():
        assert time.monotonic() < deadline
        os.sched_yield()
    assert registry.stored() == before
    assert listed(registry.session(), url, "my-adder") == []
    assert "Traceback" not in registry.folder.server_log.read_text()


def test_content_that_no_document_names_goes_at_the_next_start(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    orphan = registry.folder.blobs / hashlib.sha256(b"orphan").hexdigest()
    orphan.write_bytes(b"orphan")
    (registry.folder.blobs / "drafts" / "half").write_bytes(b"half")
    old = time.time() - DRAFT_SECONDS - 1
    os.utime(registry.folder.blobs / "drafts" / "half", (old, old))
    (registry.folder.blobs / "drafts" / "another's").write_bytes(b"being written")
    (registry.folder.blobs / "drafts" / "no file").mkdir()
    os.utime(registry.folder.blobs / "drafts" / "no file", (old, old))
    kill(registry)
    start_gateway(registry.folder)
    assert not orphan.exists()
    assert "half" not in registry.stored()
    assert "another's" in registry.stored()
    assert registry.session().get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content


def test_an_answer_lost_after_the_upload_leaves_the_file(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    registry.sandbox("fault", "cut=1")
    with pytest.raises(requests.RequestException):
        send(session, url, wheel("my-adder", "1.0"))
    assert send(session, url, wheel("my-adder", "1.0")).text == "Requested entity already exists.\n"


def test_a_bad_day_is_a_503_in_words(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    registry.sandbox("fault", "unavailable=1")
    try:
        answer = session.get(f"{url}/simple/my-adder/", timeout=30)
    finally:
        registry.sandbox("fault", "none")
    assert (answer.status_code, answer.text) == (503, "The service is currently unavailable.\n")


# Virtual and remote repositories


def test_a_virtual_repository_lists_all_versions_each_from_the_first_that_has_it(
    registry: Registry, tmp_path: Path
) -> None:
    one, two = registry.make("one"), registry.make("two")
    put(registry, one, sdist("my-adder", "1.0"), wheel("my-adder", "2.0"))
    put(registry, two, wheel("my-adder", "1.0.0"), wheel("my-adder", "3.0"))
    url = registry.make_virtual("one", "two")
    assert listed(registry.session(), url, "my-adder") == [
        "my_adder-1.0.tar.gz",
        "my_adder-2.0-py3-none-any.whl",
        "my_adder-3.0-py3-none-any.whl",
    ]
    hidden = registry.session().get(f"{url}/my-adder/my_adder-1.0.0-py3-none-any.whl", timeout=30)
    assert hidden.status_code == 404
    registry.client(
        "pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url), "my-adder"
    )
    assert (tmp_path / "t" / "my_adder.py").read_text() == "VERSION = '3.0'\n"


def test_a_remote_repository_goes_on_with_what_it_has_while_the_public_index_is_down(
    registry: Registry, public: TinyIndex
) -> None:
    url = registry.make_remote()
    fetched, other = wheel("helper", "1.0"), wheel("helper", "2.0")
    public.publish(fetched, other)
    session = registry.session()
    assert listed(session, url, "helper") == [fetched.filename, other.filename]
    assert session.get(f"{url}/helper/{fetched.filename}", timeout=30).content == fetched.content
    assert [file["name"].rpartition("%2F")[2] for file in registry.documents("files", "public")] == [
        fetched.filename
    ]
    assert "fetchTime" in registry.documents("files", "public")[0]
    public.down = True
    forget_pages(registry)
    assert listed(session, url, "helper") == [fetched.filename, other.filename]
    assert session.get(f"{url}/helper/{fetched.filename}", timeout=30).content == fetched.content
    for path in (f"helper/{other.filename}", "simple/never-asked/"):
        answer = session.get(f"{url}/{path}", timeout=30)
        assert answer.status_code == 503
        assert "public index does not answer" in answer.text
        assert public.url not in answer.text


def test_a_file_that_comes_damaged_from_the_public_index_is_not_kept(
    registry: Registry, public: TinyIndex
) -> None:
    url = registry.make_remote()
    public.publish(wheel("helper", "1.0"))
    session = registry.session()
    (filename,) = listed(session, url, "helper")
    public.publish(Upload(filename, b"another", {"name": "helper"}))
    answer = session.get(f"{url}/helper/{filename}", timeout=30)
    assert answer.status_code == 503
    assert "damaged" in answer.text
    assert registry.documents("files", "public") == []


def test_a_private_package_installs_through_the_virtual_repository_while_the_public_index_is_down(
    registry: Registry, public: TinyIndex
) -> None:
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    registry.make_remote()
    url = registry.make_virtual("python", "public")
    public.down = True
    assert listed(registry.session(), url, "my-adder") == ["my_adder-1.0-py3-none-any.whl"]
    assert registry.session().get(f"{url}/simple/helper/", timeout=30).status_code == 503


# Download rules


def test_a_denied_package_is_listed_through_the_virtual_repository_but_stops_pip(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    remote, url = registry.make_remote(), registry.make_virtual("python", "public")
    public.publish(wheel("my-adder", "99.0"), wheel("helper", "1.0"))
    install = ("pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url))
    registry.client(*install, "my-adder")
    assert "99.0" in (tmp_path / "t" / "my_adder.py").read_text(), "the attack works"
    registry.deny("public", "private-my-adder", package="my-adder")
    said = registry.client(*install, "--upgrade", "my-adder", check=False)
    assert "403" in said
    registry.client(*install, "--upgrade", "my-adder==1.0")
    assert "1.0" in (tmp_path / "t" / "my_adder.py").read_text()
    session = registry.session()
    for other in ("My_Adder", "my.adder", "my-adder%20", "x%2F..%2Fmy-adder"):
        path = f"{remote}/{other}/my_adder-99.0-py3-none-any.whl"
        assert session.get(path, timeout=30).status_code == 404, "no other spelling gets round the rule"
    for path in ("simple/my-adder/", "my-adder/my_adder-99.0-py3-none-any.whl"):
        answer = session.get(f"{remote}/{path}", timeout=30)
        assert answer.status_code == 403
        assert "my-adder" in answer.text
        assert "rules/private-my-adder" in answer.text
    assert listed(session, remote, "helper") == ["helper-1.0-py3-none-any.whl"]


def test_a_packages_rule_goes_before_the_repositorys(registry: Registry, public: TinyIndex) -> None:
    url = registry.make_remote()
    public.publish(wheel("helper", "1.0"), wheel("other", "1.0"))
    registry.deny("public", "all")
    registry.deny("public", "helper", action="ALLOW", package="helper")
    session = registry.session()
    assert listed(session, url, "helper") == ["helper-1.0-py3-none-any.whl"]
    assert session.get(f"{url}/simple/other/", timeout=30).status_code == 403


# Access


def test_who_may_read_upload_and_delete(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    policy = {
        "bindings": [
            {"role": f"roles/artifactregistry.{role}", "members": [member]}
            for role, member in (("reader", READER), ("writer", WRITER), ("repoAdmin", ADMIN))
        ]
    }
    registry.must("POST", f"{API}/{registry.parent}/python:setIamPolicy", {"policy": policy})
    allowed = {
        READER: (200, 307, 403, 403),
        WRITER: (200, 307, 200, 403),
        ADMIN: (200, 307, 200, 200),
        STRANGER: (403, 403, 403, 403),
        OWNER: (200, 307, 200, 200),
    }
    for n, (member, expected) in enumerate(allowed.items()):
        put(registry, url, wheel("gone", f"{n}"))
        session = registry.session(member)
        page = session.get(f"{url}/simple/my-adder/", timeout=30)
        file = session.get(f"{url}/my-adder/{upload.filename}", allow_redirects=False, timeout=30)
        sent = send(session, url, wheel("sent", f"{n}"))
        version = f"{API}/{registry.parent}/python/packages/gone/versions/{n}"
        deleted = registry.ask("DELETE", version, member=member)
        found = tuple(answer.status_code for answer in (page, file, sent, deleted))
        assert found == expected, member
        for answer, verb in (
            (page, "downloadArtifacts"),
            (file, "downloadArtifacts"),
            (sent, "uploadArtifacts"),
        ):
            if answer.status_code == 403:
                assert f"'artifactregistry.repositories.{verb}'" in answer.text
                assert f"{registry.parent}/python" in answer.text


def test_reading_through_a_virtual_repository_needs_a_grant_on_that_alone(registry: Registry) -> None:
    private = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, private, upload)
    url = registry.make_virtual("python")
    registry.grant("all", "reader", READER)
    session = registry.session(READER)
    assert session.get(f"{url}/my-adder/{upload.filename}", timeout=30).content == upload.content
    assert session.get(f"{private}/my-adder/{upload.filename}", timeout=30).status_code == 403


def test_a_login_is_oauth2accesstoken_with_a_token_that_lives(registry: Registry) -> None:
    url = registry.make()
    upload = wheel("my-adder", "1.0")
    put(registry, url, upload)
    token = registry.token(OWNER)
    expired = registry.token(OWNER, seconds=-1)
    page = f"{url}/simple/my-adder/"
    # Refused before it is read: the client hears why all the same.
    large = wheel("my-adder", "2.0", payload=random.Random(3).randbytes(4_000_000))
    for auth in (
        None,
        ("oauth2accesstoken", expired),
        ("oauth2accesstoken", "x"),
        ("__token__", token),
        ("", ""),
    ):
        session = registry.session(None)
        session.auth = auth
        answers = [
            session.get(page, timeout=30),
            session.get(f"{url}/my-adder/{upload.filename}", timeout=30),
            send(session, url, large),
        ]
        for answer in answers:
            assert answer.status_code == 401, auth
            assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    for header in (f"Bearer {expired}", "Basic ???", "Basic", "Bearer", f"Digest {token}"):
        answer = registry.session(None).get(page, headers={"Authorization": header}, timeout=30)
        assert answer.status_code == 401, header
    answer = registry.session(None).get(page, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200


def test_an_api_that_is_off_and_a_repository_that_is_not_there(registry: Registry) -> None:
    url = registry.make()
    session = registry.session()
    assert session.get(f"{url}-other/simple/x/", timeout=30).status_code == 404
    assert session.get(f"https://{HOST}/no-such-project/python/simple/x/", timeout=30).status_code == 404
    assert registry.session(None).get(f"{url}-other/simple/x/", timeout=30).status_code == 401
    usage = f"{USAGE}/projects/{registry.project}/services/artifactregistry.googleapis.com"
    registry.must("POST", f"{usage}:disable")
    answer = session.get(f"{url}/simple/x/", timeout=30)
    assert answer.status_code == 403
    assert "Artifact Registry API has not been used" in answer.text
