"""The option that lists cameras."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from background_subtraction.sources.camera_list import cameras


class ListCameras(argparse.Action):
    """Lists the cameras of this machine and ends the program."""

    def __init__(self, option_strings: Sequence[str], dest: str, **others: Any) -> None:
        """Take no value."""
        super().__init__(option_strings, dest, nargs=0, **others)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print a line for each."""
        print("\n".join(map(str, cameras())) or "This machine has no camera that can be used")
        parser.exit()
