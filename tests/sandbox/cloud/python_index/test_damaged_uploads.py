"""Damaged uploads: each is refused with a reason and changes nothing."""
# ruff: noqa: S311  # seeds, not secrets

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest

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
from tests.support.indexes import Registry, prepare, put, send

pytestmark = pytest.mark.sandbox
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
    # Only inside the packed bytes of a member: some bits of a header have no meaning.
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
            ("metadata_version", "9.9"),
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
    """A damaged form: its body, its type, and the kind of damage."""
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
    assert "Traceback" not in registry.folder.proxy_log.read_text()
    for upload in sound:
        assert send(session, url, upload).status_code == 200, "the original upload is valid"
