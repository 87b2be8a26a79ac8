"""Clips on the actors of a Ray cluster. Each keeps its compiled model."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from background_subtraction import __version__
from background_subtraction.batch.engines.about import about
from background_subtraction.batch.engines.crew import Crew, WorkerLost
from background_subtraction.batch.execution import Engine
from background_subtraction.batch.task import convert_with
from background_subtraction.options import Options
from model_api.errors import OptionError
from model_api.extras import install_command
from model_api.terminal.foreign_text import error_line

T = TypeVar("T")
LONGEST_REASON = 300
TRIES = 3
"""Of connecting to a cluster that is too busy to start its server for a client, which Ray waits 30 s for."""


class _Hand:
    """What an actor does: anything that it is given, in a process of its own."""

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)


class RayWorker:
    """One actor."""

    def __init__(self, ray: Any, cores: int, number: int) -> None:
        """Ask for it. It waits until so many cores are free."""
        self._ray = ray
        self._name = f"Ray actor {number}"
        with self._telling():
            self._actor = ray.remote(_Hand).options(num_cpus=cores).remote()

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call it there. Raises what it raises, or WorkerLost."""
        with self._telling():
            answer: T = self._ray.get(self._actor.call.remote(function, *arguments))
        return answer

    def interrupt(self) -> None:
        """End it in the middle of its clip: nobody can tell it to stop."""
        self.close()

    def close(self) -> None:
        """End it."""
        with suppress(Exception):  # the cluster may be gone
            self._ray.kill(self._actor)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Raise what the actor raises, and of Ray's own errors WorkerLost."""
        try:
            yield
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            raise WorkerLost(f"{self._name} was lost: {_line(error)}") from error


@contextmanager
def ray_engine(address: str, options: Options) -> Iterator[Engine]:
    """Connect to a cluster, and ask it for actors.

    There are `workers` of them, which share the cores of the cluster; without that one for each machine.

    Args:
        address: ray://host:port.
        options: of the batch.

    Raises:
        OptionError: Ray is not installed, or nobody answers.
    """
    ray = _connected(address)
    try:
        _require_program(ray, address)
        cores = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
        size = options.batch.workers or len(cores)
        share = max(1, min(sum(cores) // size, *cores))
        with Crew(lambda number: RayWorker(ray, share, number), size) as crew:
            yield Engine(crew, partial(convert_with, share), crew.interrupt, ray.is_initialized)
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    # Before the import: where the cluster is lost, Ray would start one on this machine.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    try:
        import ray
    except ImportError as error:
        raise OptionError(f"{address}: needs Ray ({error}). {install_command('ray')}", "cluster") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what its errors say too, and logs it
            _init(ray, address)
    except Exception as error:  # of many kinds
        raise OptionError(f"{address}: no Ray cluster answers ({_line(error)})", "cluster") from error
    return ray


def _init(ray: Any, address: str, tries: int = TRIES) -> None:
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except ConnectionAbortedError:  # it answers, but its server for this client did not start: it may be busy
        if tries == 1:
            raise
        _init(ray, address, tries - 1)
    logging.getLogger("ray.util.client.logsclient").disabled = True  # it tells of a lost head on its own


def _require_program(ray: Any, address: str) -> None:
    """The machines have this version: what goes to them are its values."""
    try:
        version = ray.get(ray.remote(about).remote()).version
    except Exception as error:  # what unpickling raises
        raise OptionError(f"{address}: it lacks this program ({_line(error)}). Install it there", "cluster") from error
    if version != __version__:
        raise OptionError(f"{address}: has version {version} of this program. Expected {__version__}", "cluster")


def _line(error: BaseException) -> str:
    """Ray's errors may hold the output of a whole worker, or a traceback: its last line says what happened."""
    lines = str(error).strip().splitlines()
    return (lines[-1].strip() if "Traceback (most recent call last):" in lines else error_line(error))[:LONGEST_REASON]
