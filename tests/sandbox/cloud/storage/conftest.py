"""A project with the Cloud Storage API enabled, and a bucket in it."""

from __future__ import annotations

import pytest

from tests.support.buckets import Buckets
from tests.support.sandbox import Sandbox


@pytest.fixture
def buckets(sandbox: Sandbox) -> Buckets:
    return Buckets(sandbox)


@pytest.fixture
def bucket(buckets: Buckets) -> Buckets:
    assert buckets.make()[0] == 200
    return buckets
