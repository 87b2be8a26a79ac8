"""What tests rely on: commands in this process leave it as it was, and pages are read as readers read them."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.command import run_command
from tests.support.documentation import command_lines


def test_a_command_in_this_process_is_seen_as_a_user_sees_it(tmp_path: Path) -> None:
    def main(words: Sequence[str]) -> int:
        logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stdout)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("printed", *words)
        logging.info("logged")
        os.write(2, b"from a library in C\n")
        print("in", Path.cwd().name, file=sys.stderr)
        sys.exit(3)

    before = Path.cwd(), sys.stdout, sys.stderr, logging.getLogger().handlers, signal.getsignal(signal.SIGTERM)
    done = run_command(main, ["-n", 4], tmp_path)
    assert (done.returncode, done.stdout) == (3, "printed -n 4\nlogged\n")
    assert done.stderr == f"from a library in C\nin {tmp_path.name}\n"
    after = Path.cwd(), sys.stdout, sys.stderr, logging.getLogger().handlers, signal.getsignal(signal.SIGTERM)
    assert after == before


def test_command_lines_are_joined_and_lose_their_comments() -> None:
    text = '# first\nprogram -i a \\\n    -o "b #1"   # why\n\n$ other --colour "#fff"\n'
    assert command_lines(text) == ['program -i a -o "b #1"', 'other --colour "#fff"']
