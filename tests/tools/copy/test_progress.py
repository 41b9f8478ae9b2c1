"""A long command is never silent."""

from __future__ import annotations

import re
import time

import pytest

from tools.copy.progress import SILENCE_SECONDS, Progress, size_text


def test_a_step_that_does_not_end_shows_its_name_how_far_it_is_and_how_long_it_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress(silence=0.01) as progress:
        progress.begin("Uploading a.whl to prod", 4_000_000)
        progress.advance(1_500_000)
        shown = ""
        deadline = time.monotonic() + 10
        while shown.count("\n") < 2 and time.monotonic() < deadline:
            shown += capsys.readouterr().out
    line = r"  … Uploading a\.whl to prod, 1\.5 MB of 4\.0 MB: \d s\n"
    assert re.match(f"{line}{line}", shown)


def test_the_silence_is_less_than_five_seconds() -> None:
    assert SILENCE_SECONDS < 5


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_000, "1.2 MB"), (5_000_000_000, "5.0 GB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size_text(count) == text
