"""Distributions that would use too much memory or time."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.cloud.packaging.distributions import FILENAME_BYTES, HEADERS_BYTES, MEMBERS, check_file
from sandbox.cloud.packaging.metadata import FIELD_LINES, FIELDS_BYTES, METADATA_BYTES, BadDistribution
from tests.support.distributions import (
    Upload,
    linked_metadata,
    metadata,
    pack_sdist,
    pack_wheel,
    sdist,
    wheel,
    with_metadata,
)

pytestmark = pytest.mark.sandbox


def long_header() -> Upload:
    """An sdist with a header that tarfile would read into memory at once."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("my_adder-1.0/" + "x" * (HEADERS_BYTES + 1)))
    return sdist("my-adder", "1.0").with_content(gzip.compress(file.getvalue(), 1))


COSTLY: dict[str, Callable[[], list[Upload]]] = {
    "is not a regular file": lambda: [linked_metadata(tarfile.SYMTYPE), linked_metadata(tarfile.LNKTYPE)],
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
def test_a_distribution_that_needs_too_many_resources_is_refused(reason: str, tmp_path: Path) -> None:
    for upload in COSTLY[reason]():
        path = tmp_path / "file"
        path.write_bytes(upload.content)
        with pytest.raises(BadDistribution, match=reason):
            check_file(path, upload.filename)
