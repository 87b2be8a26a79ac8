"""Videos that wait, are computed, and are kept for a while."""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from background_subtraction.web.access.errors import RequestError
from background_subtraction.web.access.limits import Limits
from background_subtraction.web.keeping.storage import discard, new_id
from background_subtraction.web.worker.process import Worker
from background_subtraction.web.worker.task import Task

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
LEAST_RETRY_S, MOST_RETRY_S = 5, 600


@dataclass(eq=False)
class Job:
    """One video. Only `Jobs` changes it.

    Attributes:
        task: what is done.
        id: nobody guesses it: who has it may see, fetch and delete the video.
        state: WAITING, RUNNING, DONE, FAILED or CANCELLED.
        frames: how many are done.
        total: how many there are, None where this is unknown.
        error: why it failed, one line.
        result: the file, when it is done.
    """

    task: Task
    id: str = field(default_factory=new_id)
    state: str = WAITING
    frames: int = 0
    total: int | None = None
    error: str = ""
    result: Path | None = None
    first: tuple[float, int] = (0.0, 0)
    ended_s: float = 0.0

    @property
    def eta_s(self) -> float | None:
        """How long it will still take, None where nobody knows."""
        if self.state != RUNNING or not self.frames or not self.total:
            return None
        first_s, first = self.first
        done = self.frames - first
        return (monotonic() - first_s) / done * max(0, self.total - self.frames) if done else None

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in (DONE, FAILED, CANCELLED)


class Jobs:
    """A queue with one worker. It may be used from any thread."""

    def __init__(self, limits: Limits) -> None:
        """Begin with none."""
        self._limits = limits
        self._worker = Worker(limits)
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._work, name="videos", daemon=True)
        self._thread.start()

    def require_place(self) -> None:
        """Raise RequestError if the queue is full."""
        if len(self._waiting) >= self._limits.waiting_videos:
            retry_s = min(max(LEAST_RETRY_S, math.ceil(self._left_s())), MOST_RETRY_S)
            raise RequestError(429, f"{len(self._waiting)} videos wait already. Try again later", "", retry_s)

    def submit(self, task: Task) -> Job:
        """Put a video at the end of the queue. Raises RequestError: see `require_place`."""
        job = Job(task)
        with self._changed:
            self.require_place()
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._changed.notify()
        return job

    def get(self, job_id: str) -> Job:
        """The job of this id. Raises RequestError if there is none, or none any more."""
        job = self._jobs.get(job_id)
        if job is None or self._is_old(job):
            raise RequestError(404, f"There is no such job. Results are kept for {self._limits.keep_s:g} s", "id")
        return job

    def place_of(self, job: Job) -> int:
        """How many come before it."""
        with self._changed:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def delete(self, job_id: str) -> None:
        """Forget a job, and break it off if it has not ended. Raises RequestError."""
        job = self.get(job_id)
        with self._changed:
            self._jobs.pop(job_id, None)
            is_running = job.state == RUNNING
            if not job.is_over:
                job.state = CANCELLED
            with suppress(ValueError):
                self._waiting.remove(job)
            if is_running:
                self._worker.stop()
        if not is_running:
            discard(Path(job.task.folder))

    def sweep(self) -> None:
        """Delete what has been kept long enough."""
        with self._changed:
            old = [job for job in self._jobs.values() if self._is_old(job)]
            for job in old:
                del self._jobs[job.id]
        for job in old:
            discard(Path(job.task.folder))

    def counts(self) -> dict[str, int]:
        """State -> how many jobs are in it."""
        with self._changed:
            states = [job.state for job in self._jobs.values()]
        return {state: states.count(state) for state in (WAITING, RUNNING, DONE, FAILED)}

    def close(self) -> None:
        """Break off what runs, and take nothing any more."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        self._worker.close()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                job = self._waiting.popleft()
                job.state = RUNNING
            self._do(job)

    def _do(self, job: Job) -> None:
        def tell(progress: dict[str, int]) -> None:
            if not job.frames:
                job.first = monotonic(), progress.get("frames", 0)
            job.frames = progress.get("frames", job.frames)
            job.total = progress.get("total", job.total)

        state, error = DONE, ""
        try:
            job.result = Path(job.task.folder) / self._worker.do(job.task, self._limits.video_s, tell)
        except RequestError as failure:
            state, error = FAILED, str(failure)
        with self._changed:
            is_wanted = job.state == RUNNING
            if is_wanted:
                job.error, job.ended_s, job.state = error, monotonic(), state
        if not is_wanted:
            discard(Path(job.task.folder))

    def _is_old(self, job: Job) -> bool:
        return job.is_over and job.ended_s < monotonic() - self._limits.keep_s

    def _left_s(self) -> float:
        """Of the one that runs."""
        with self._changed:
            return max((job.eta_s or 0.0 for job in self._jobs.values() if job.state == RUNNING), default=0.0)
