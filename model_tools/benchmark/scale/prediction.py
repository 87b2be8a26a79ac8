"""What the cost model predicts for machines like this one, as many as there may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model_tools.benchmark.scale.cost_model import CostModel
from model_tools.benchmark.scale.design import Batch

MACHINES = (1, 10, 100, 1000)
RATE = 30
HEIGHT = 1080
HOUR_S = 3600
PIECE_S = 300
"""Clips of five minutes: an hour has twelve."""
CLIP_S = 60


@dataclass(frozen=True)
class Work:
    """Clips of one length, 1080 rows, 30 frames a second.

    Attributes:
        name: for people.
        clips: how many, for each machine or altogether.
        seconds: of each.
        each: whether each machine gets so many.
    """

    name: str
    clips: int
    seconds: int
    each: bool

    @property
    def machines(self) -> tuple[int, ...]:
        """How many are predicted: for a fixed number of clips also more than may help."""
        return MACHINES if self.each else (*MACHINES, 10 * MACHINES[-1])

    def clips_for(self, machines: int) -> int:
        """How many there are altogether."""
        return self.clips * machines if self.each else self.clips


@dataclass(frozen=True)
class Traffic:
    """Bytes of a frame of 1080 rows that go through the storage. read: of inputs. written: of outputs."""

    read: float
    written: float


@dataclass(frozen=True)
class Prediction:
    """A piece of work on so many machines.

    Attributes:
        machines: how many.
        clips: altogether.
        how: what converts the clips of a machine: a batch's name.
        seconds: from the start to the end.
        start_s: of these: the start of the command and its workers.
        speed_up: to one machine, for the same clips.
        core_hours: processor time of all machines together.
        bound: what the seconds follow from: "frames", "clips" or "scheduler".
        tasks_a_second: clips that end in a second.
        read_mb_s: that the storage must give.
        written_mb_s: that the storage must take.
    """

    machines: int
    clips: int
    how: str
    seconds: float
    start_s: float
    speed_up: float
    core_hours: float
    bound: str
    tasks_a_second: float
    read_mb_s: float
    written_mb_s: float


def predict(
    work: Work,
    machines: int,
    model: CostModel,
    core_model: CostModel,
    ways: Sequence[Batch],
    task_s: float,
    traffic: Traffic,
) -> Prediction:
    """Predict a piece of work, converted in the way that is fastest.

    Args:
        work: the clips.
        machines: how many, each like this one.
        model: of the seconds.
        core_model: of the core-seconds.
        ways: how a machine may convert its clips; their clips and frames do not count.
        task_s: seconds that a clip costs whoever hands it out.
        traffic: through the storage.
    """
    clips = work.clips_for(machines)
    how, seconds, bound = min(
        ((way, *_seconds(work, clips, machines, model, way, task_s)) for way in ways), key=lambda found: found[1]
    )
    alone = min(_seconds(work, clips, 1, model, way, task_s)[0] for way in ways)
    frames_a_second = clips * work.seconds * RATE / seconds
    return Prediction(
        machines, clips, how.name, seconds, _start_s(model, how), alone / seconds,
        _core_seconds(work, clips, machines, core_model, how) / HOUR_S, bound, clips / seconds,
        traffic.read * frames_a_second / 1e6, traffic.written * frames_a_second / 1e6,
    )  # fmt: skip


def clip_seconds(model: CostModel, way: Batch, seconds: int) -> float:
    """What one clip takes, beside others like it, without the start."""
    batch = _batch(way, way.lanes, seconds)
    return model(batch) - _start_s(model, way)


def _seconds(work: Work, clips: int, machines: int, model: CostModel, way: Batch, task_s: float) -> tuple[float, str]:
    """Seconds, and what they follow from.

    Lanes take the next clip when they are free, so that the last turn may leave most of them idle: a clip is never
    cut. The scheduler hands out clips one after another while others are converted.
    """
    one_s = clip_seconds(model, way, work.seconds)
    lanes = machines * way.lanes
    converting_s = math.ceil(clips / lanes) * one_s
    handing_s = clips * task_s + one_s
    bound = (
        "scheduler" if handing_s > converting_s and clips * task_s > one_s else "clips" if clips < lanes else "frames"
    )
    return _start_s(model, way) + max(converting_s, handing_s), bound


def _core_seconds(work: Work, clips: int, machines: int, model: CostModel, way: Batch) -> float:
    """Of all machines that get a clip."""
    start_s = _start_s(model, way)
    return min(machines, clips) * start_s + clips * (model(_batch(way, 1, work.seconds)) - start_s)


def _start_s(model: CostModel, way: Batch) -> float:
    return model(_batch(way, 0, 0))


def _batch(way: Batch, clips: int, seconds: int) -> Batch:
    return Batch(clips, seconds * RATE, HEIGHT, way.cores, way.jobs, way.workers)
