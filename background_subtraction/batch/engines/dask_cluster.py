"""Clips on the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from background_subtraction import __version__
from background_subtraction.batch.engines.version import own_version
from background_subtraction.batch.execution import Engine
from background_subtraction.options import Options
from model_api.errors import OptionError
from model_api.extras import install_command

TIMEOUT_S = 30.0
RETRIES = 2
"""Of the engine, for workers that leave."""


@contextmanager
def dask_engine(address: str, options: Options) -> Iterator[Engine]:
    """Connect to a scheduler.

    Args:
        address: dask://host:port.
        options: of the batch.

    Raises:
        OptionError: Dask is not installed, nobody answers, or workers lack this program.
    """
    if options.batch.workers:
        raise OptionError(
            f"{options.batch.workers}, but a Dask cluster has workers of its own. Leave it out", "workers"
        )
    client = _connected(address)
    try:
        _require_program(client, address)
        executor = client.get_executor(pure=False, retries=RETRIES)
        yield Engine(executor)
        executor.shutdown(wait=False)
    finally:
        client.close(timeout=1)


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError(f"{address}: needs Dask ({error}). {install_command('dask')}", "cluster") from error
    try:
        return Client(address.replace("dask://", "tcp://", 1), timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OptionError(f"{address}: no Dask scheduler answers ({_line(error)})", "cluster") from error


def _require_program(client: Any, address: str) -> None:
    """All workers have this version: what goes to them are its values."""
    try:
        versions = client.run(own_version)
    except Exception as error:  # what unpickling raises
        raise OptionError(
            f"{address}: its workers lack this program ({_line(error)}). Install it there", "cluster"
        ) from error
    others = {name: version for name, version in versions.items() if version != __version__}
    if others or not versions:
        have = ", ".join(sorted(f"{name} has {version}" for name, version in others.items())) or "it has no workers"
        raise OptionError(f"{address}: {have}. Expected workers with version {__version__}", "cluster")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
