"""Clips on the workers of a Dask cluster."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from uuid import uuid4

from background_subtraction import __version__
from background_subtraction.batch.engines.about import About, about
from background_subtraction.batch.execution import Engine
from background_subtraction.batch.task import convert_for, stop_batch
from background_subtraction.options import Options
from model_api.errors import OptionError
from model_api.extras import install_command
from model_api.terminal.foreign_text import error_line

TIMEOUT_S = 10.0
RETRIES = 2
"""Of the engine, for workers that leave."""
TALKATIVE = ("distributed", "distributed.client")


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
        workers = _asked(client, address)
        executor = client.get_executor(pure=False, retries=RETRIES)
        batch = uuid4().hex
        yield Engine(
            executor,
            partial(convert_for, batch, _share(client, workers)),
            interrupt=partial(_stop, client, batch),
            is_there=lambda: client.status == "running",
        )
        executor.shutdown(wait=False)
    finally:
        client.close(timeout=1)


def _stop(client: Any, batch: str) -> None:
    """End what the workers do for this batch. What waits has been cancelled."""
    with suppress(OSError):  # the scheduler may have ended
        client.run(stop_batch, batch)


def _connected(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise OptionError(f"{address}: needs Dask ({error}). {install_command('dask')}", "cluster") from error
    for name in TALKATIVE:  # it logs the errors that it raises
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Client(address.replace("dask://", "tcp://", 1), timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OptionError(f"{address}: no Dask scheduler answers ({error_line(error)})", "cluster") from error


def _asked(client: Any, address: str) -> dict[str, About]:
    """All workers, by their addresses. They have this version: what goes to them are its values."""
    try:
        workers: dict[str, About] = client.run(about)
    except Exception as error:  # what unpickling raises
        raise OptionError(
            f"{address}: its workers lack this program ({error_line(error)}). Install it there", "cluster"
        ) from error
    others = sorted(f"{name} has {worker.version}" for name, worker in workers.items() if worker.version != __version__)
    if others or not workers:
        found = ", ".join(others) or "it has no workers"
        raise OptionError(f"{address}: {found}. Expected workers with version {__version__}", "cluster")
    return workers


def _share(client: Any, workers: dict[str, About]) -> int:
    """Cores for each clip: a machine runs as many at once as its workers have threads. The fewest of all machines."""
    threads: Counter[str] = Counter()
    for address, known in client.scheduler_info(n_workers=-1)["workers"].items():
        if address in workers:
            threads[workers[address].machine] += known["nthreads"]
    cores = {worker.machine: worker.cores for worker in workers.values()}
    return max(1, min(cores[machine] // count for machine, count in threads.items()))
