"""Scripts that complete the options in a shell, made by the extra `shtab`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from model_api.errors import OptionError
from model_api.extras import install_command

SHELLS = ("bash", "zsh", "tcsh")
FILES = (
    "model", "input", "labels", "target_bgr", "background", "output", "output_alpha", "output_foreground",
    "output_transparent", "input_list", "manifest",
)  # fmt: skip
FOLDERS = ("cache_dir",)


class PrintCompletion(argparse.Action):
    """Prints the script for a shell and ends the program. Raises OptionError where shtab is not installed."""

    def __init__(self, option_strings: Sequence[str], dest: str, **others: Any) -> None:
        """Take the name of a shell."""
        super().__init__(option_strings, dest, choices=SHELLS, **others)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Print the script."""
        try:
            shtab = import_module("shtab")
        except ImportError as error:
            raise OptionError(f"{option_string} needs shtab. Install it: {install_command('completion')}") from error
        for action in parser._actions:
            if action.dest in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            if action.dest in FOLDERS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        print(shtab.complete(parser, shell=str(values)))
        parser.exit()
