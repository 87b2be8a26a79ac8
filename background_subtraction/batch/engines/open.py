"""Which engine converts the clips of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from threading import Event

from background_subtraction.batch.engines.crew import Crew
from background_subtraction.batch.engines.dask_cluster import dask_engine
from background_subtraction.batch.engines.process import ProcessWorker, shares_of
from background_subtraction.batch.engines.ray_cluster import ray_engine
from background_subtraction.batch.execution import Engine
from background_subtraction.batch.listener import Listener
from background_subtraction.batch.task import Place, convert
from background_subtraction.options import Options
from model_api.adapters.cores import usable_cores
from model_api.errors import OptionError

CLUSTERS: Mapping[str, Callable[[str, Options], AbstractContextManager[Engine]]] = {
    "dask": dask_engine,
    "ray": ray_engine,
}
"""Scheme of an address -> what opens it. Another engine is another row."""


@contextmanager
def open_engine(options: Options, place: Place, listener: Listener, executor: Executor | None) -> Iterator[Engine]:
    """Open the engine that the options ask for.

    Args:
        options: of the batch.
        place: what the clips in this process share, for an engine of threads.
        listener: is told how far clips are.
        executor: the caller's own, None for one of ours.

    Raises:
        OptionError: no such engine, or it cannot be reached.
    """
    if executor is not None:
        yield Engine(executor)
    elif options.batch.cluster is not None:
        with _cluster(options.batch.cluster, options) as engine:
            yield engine
    elif options.batch.workers:
        shares = shares_of(usable_cores(), options.batch.workers)
        with Crew(lambda number: ProcessWorker(shares[number], listener), len(shares)) as crew:
            yield Engine(crew, interrupt=crew.interrupt)
    else:
        stop = Event()
        here = replace(place, stop=stop, listener=listener)
        with ThreadPoolExecutor(options.jobs, "clip") as threads:
            yield Engine(threads, partial(convert, place=here), stop.set)


def _cluster(address: str, options: Options) -> AbstractContextManager[Engine]:
    scheme = address.partition("://")[0]
    if "://" not in address or scheme not in CLUSTERS:
        raise OptionError(f"{address}. Expected dask://host:8786 or ray://host:10001", "cluster")
    return CLUSTERS[scheme](address, options)
