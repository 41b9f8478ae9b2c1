"""The secret scan finds a token in every layer and log, and reports only its place."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.cases import read_cases
from tools.scan_secrets import UnsearchableError, find_secrets

TOKEN = "a-token-of-unknown-format"
GOOGLE_TOKEN = f"ya29.{'x' * 40}"


def archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "image.tar"


@pytest.mark.parametrize(
    "hidden",
    [
        TOKEN.encode(),
        GOOGLE_TOKEN.encode(),
        base64.b64encode(f"oauth2accesstoken:{TOKEN}".encode()),
        f"--index-url https://oauth2accesstoken:{GOOGLE_TOKEN}@us-python.pkg.dev/p/r/simple/".encode(),
    ],
)
def test_scan_finds_a_token_in_a_log_a_layer_and_a_compressed_layer(image: Path, hidden: bytes) -> None:
    for content, place in (
        (hidden, ""),
        (archive({"config.json": b"{}" + hidden}), " → config.json"),
        (archive({"layer.tar": archive({"root/pip.conf": hidden})}), " → layer.tar → root/pip.conf"),
        (archive({"l": gzip.compress(archive({"etc/netrc": hidden}))}), " → l → etc/netrc"),
    ):
        image.write_bytes(content)
        assert find_secrets([image], [TOKEN]) == [f"{image}{place}"]


def test_scan_searches_names_and_links(image: Path) -> None:
    image.write_bytes(archive({f"tmp/{GOOGLE_TOKEN}": b""}))
    assert find_secrets([image], []) == [f"{image} → tmp/[token]"]
    with tarfile.open(image, "w") as tar:
        link = tarfile.TarInfo("current")
        link.type, link.linkname = tarfile.SYMTYPE, GOOGLE_TOKEN
        tar.addfile(link)
    assert find_secrets([image], []) == [f"{image} → current [token]"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_scan_unpacks_every_compression(image: Path, pack: Callable[[bytes], bytes]) -> None:
    image.write_bytes(archive({"layer": pack(archive({"f": GOOGLE_TOKEN.encode()}))}))
    assert find_secrets([image], []) == [f"{image} → layer → f"]


def test_scan_searches_everything_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / ".log").write_text(f"token={TOKEN}")
    (tmp_path / "a" / "clean").write_text("nothing")
    (tmp_path / "a" / TOKEN).write_text("a name")
    log = str(tmp_path / "a" / "b" / ".log")
    assert find_secrets([tmp_path], [TOKEN]) == [str(tmp_path / "a" / "[token]"), log]


def test_scan_fails_if_a_folder_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        find_secrets([tmp_path], [TOKEN])


def test_scan_searches_wheels(image: Path) -> None:
    with zipfile.ZipFile(image, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("pkg/__init__.py", GOOGLE_TOKEN * 9)
    assert find_secrets([image], []) == [f"{image} → pkg/__init__.py"]


def test_scan_finds_an_unknown_token_in_a_basic_login(image: Path) -> None:
    image.write_bytes(b"Basic " + base64.b64encode(f"oauth2accesstoken:{GOOGLE_TOKEN}".encode()))
    assert find_secrets([image], []) == [str(image)]


def test_scan_fails_if_a_layer_cannot_be_unpacked(image: Path) -> None:
    image.write_bytes(archive({"layer": b"\x28\xb5\x2f\xfd rest"}))
    with pytest.raises(UnsearchableError, match="layer is packed with zstd"):
        find_secrets([image], [])


def test_scan_accepts_a_name_that_is_not_valid_text(image: Path) -> None:
    content = archive({"name-x": b"", "other": GOOGLE_TOKEN.encode()})
    image.write_bytes(content.replace(b"name-x", b"name-\xff", 1))
    assert find_secrets([image], [])


def test_scan_finds_nothing_in_a_clean_archive(image: Path) -> None:
    innocent = {"layer.tar": archive({"etc/hosts": b"127.0.0.1"}), "notes": b"ya29. is only a prefix"}
    image.write_bytes(archive(innocent))
    assert find_secrets([image], [TOKEN]) == []


def test_scan_searches_the_bytes_of_a_damaged_archive(image: Path) -> None:
    image.write_bytes(b"\x1f\x8b" + GOOGLE_TOKEN.encode())
    assert find_secrets([image], []) == [str(image)]
    whole = archive({"a": b"innocent", "b": GOOGLE_TOKEN.encode()})
    for damaged in (whole[:1400], whole[:600] + b"\xff" * 512 + whole[1112:]):
        image.write_bytes(damaged + GOOGLE_TOKEN.encode())
        assert find_secrets([image], []) != []


def test_scan_reports_the_place_and_never_the_token(image: Path) -> None:
    image.write_bytes(archive({"layer": TOKEN.encode()}))
    assert TOKEN not in "".join(find_secrets([image], [TOKEN]))


@pytest.fixture(scope="module")
def key_forms() -> dict[str, str]:
    """A key file of a service account in each form that a file or a log can have."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    file = {
        "type": "service_account",
        "project_id": "demo-proj",
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": pem,
        "client_email": "ci@demo-proj.iam.gserviceaccount.com",
    }
    text, minified = json.dumps(file, indent=2), json.dumps(file, separators=(",", ":"))

    def encode(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    return {
        "json": text,
        "minified": minified,
        "escaped": json.dumps({"key": text}),
        "quoted": quote(text, safe=""),
        "quoted_minified": quote(minified),
        "base64": encode(text),
        "base64_minified": encode(minified),
        "lines": base64.encodebytes(text.encode()).decode(),
        "escaped_lines": json.dumps(base64.encodebytes(text.encode()).decode()),
        "twice": encode(encode(text)),
        "basic_base64": encode(f"_json_key_base64:{encode(text)}"),
        "basic_json": encode(f"_json_key:{text}"),
        "pem": pem,
        "pem_escaped": pem.replace("\n", "\\n"),
        "public": json.dumps({"key": public}),
        "key_id": file["private_key_id"],
    }


@pytest.mark.parametrize(("text", "expected"), read_cases("clients", "secret"))
def test_a_key_of_a_service_account(
    image: Path, key_forms: dict[str, str], text: str, expected: bool
) -> None:
    # In each position of base64's groups of three bytes.
    for before in ("", "x", "xx"):
        hidden = text
        for name, form in key_forms.items():
            hidden = hidden.replace(f"{{{name}}}", form)
        content = archive({"layer": gzip.compress(archive({"root/file": f"{before}{hidden}".encode()}))})
        image.write_bytes(content)
        found = find_secrets([image], [])
        assert found == ([f"{image} → layer → root/file"] if expected else [])


def test_the_scan_finds_keys_of_all_lengths_before_them(image: Path, key_forms: dict[str, str]) -> None:
    for length in range(6):
        shifted = f"{' ' * length}{key_forms['json']}".encode()
        once = base64.b64encode(shifted)
        for hidden in (once, base64.b64encode(b"-" * length + once)):
            image.write_bytes(hidden)
            assert find_secrets([image], []) == [str(image)]
