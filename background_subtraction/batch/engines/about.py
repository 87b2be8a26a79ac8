"""What a worker of a cluster is asked first."""

from __future__ import annotations

import platform
from typing import NamedTuple


class About(NamedTuple):
    """A worker: the version of this program there, its machine, and how many cores it may use."""

    version: str
    machine: str
    cores: int


def about() -> About:
    """What this process is."""
    from background_subtraction import __version__
    from model_api.adapters.cores import cores

    return About(__version__, platform.node(), cores())
