"""Damaged media and model files, given to the real command: it ends by itself, with a result or with one line.

A run has COUNT cases of the seed SEED; BACKGROUND_SUBTRACTION_FUZZING="COUNT SEED" gives others, and
`python -m tests.slow.fuzzing --count COUNT --seed SEED` keeps what it finds.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.slow.fuzzing.__main__ import findings
from tests.slow.fuzzing.cases import SHARES, make_case
from tests.slow.fuzzing.mutations import mutate
from tests.slow.fuzzing.outcomes import GOOD, MEMORY_LIMIT_KB, Run, outcome_of

COUNT, SEED = map(int, os.environ.get("BACKGROUND_SUBTRACTION_FUZZING", "240 1").split())
UPLOADS = 12
PARTS = 4
"""Tests that share the cases, so that they run in several processes."""


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_files_end_in_a_result_or_one_line(tmp_path: Path, part: int) -> None:
    numbers = range(part, COUNT, PARTS)
    found = [finding for finding in findings(tmp_path, SEED, numbers, tuple(SHARES)) if finding.outcome not in GOOD]
    assert not found, "\n".join(
        f"case {finding.case.number} of seed {SEED}: {finding.outcome}: {finding.case}\n{finding.run.stderr}"
        for finding in found
    )


def test_damaged_uploads_get_a_result_or_one_line(tmp_path: Path) -> None:
    """`python -m tests.slow.fuzzing.uploads` sends more of them, and files of yours."""
    pytest.importorskip("fastapi", reason="the extra web is not installed")
    from tests.slow.fuzzing.uploads import all_sent, damaged, server

    with server(tmp_path) as client:
        got = list(all_sent(client, list(damaged(tmp_path / "damaged", SEED, range(UPLOADS)))))
    assert {each.status for each in got} > {200, 422}
    assert not [each for each in got if not each.is_good]


def test_a_seed_gives_the_same_cases_again(tmp_path: Path) -> None:
    seeds = {"text": [tmp_path / "labels.txt"]}
    seeds["text"][0].write_text("background\nperson\n")
    good = dict.fromkeys(("red", "clip"), tmp_path)
    contents = []
    for root in (tmp_path / "a", tmp_path / "b"):
        cases = [make_case(number, 7, seeds, good, root) for number in range(20)]
        contents.append([Path(case.folder, case.seed).read_bytes() for case in cases])
    assert contents[0] == contents[1]
    assert len(set(contents[0])) > 10


def test_damage_never_makes_a_file_huge() -> None:
    data = bytes(range(256)) * 40
    sizes = [len(mutate(data, ".mp4", [data], random.Random(seed))) for seed in range(200)]
    assert max(sizes) <= 2 * len(data) + 100_000


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (Run(0, "", 0), "clean"),
        (Run(1, "background_subtraction_demo.py: error: x: cannot be decoded\n", 0), "one line"),
        (Run(2, "model_tools info: error: x\n", 0), "one line"),
        (Run(1, "libpng error: x\nbackground_subtraction_demo.py: error: x\n", 0), "noise"),
        (Run(0, "Corrupt JPEG data\n", 0), "noise"),
        (Run(1, "Traceback (most recent call last):\n", 0), "traceback"),
        (Run(-11, "", 0), "crash"),
        (Run(None, "", 0), "hang"),
        (Run(None, "", MEMORY_LIMIT_KB + 1), "over 2 GB"),
        (Run(3, "", 0), "odd code"),
    ],
)
def test_outcomes_are_told_apart(run: Run, outcome: str) -> None:
    assert outcome_of(run) == outcome
