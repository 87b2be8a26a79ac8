"""Whoever is told how far clips are. Imports little: see `engines.process`."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Shows how far clips are. Each is named by its input."""

    def begin(self, address: str, name: str) -> None:
        """A clip is begun. name: for people."""

    def advance(self, address: str, frames: int = 1) -> None:
        """So many more of its frames are finished."""


class Silent:
    """Shows nothing."""

    def begin(self, address: str, name: str) -> None:
        """A clip is begun."""

    def advance(self, address: str, frames: int = 1) -> None:
        """Some frames are finished."""
