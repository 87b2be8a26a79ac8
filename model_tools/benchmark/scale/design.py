"""Which batches are measured: few, but such that each term of the cost differs in some of them while others do not."""

from __future__ import annotations

from dataclasses import dataclass

ASPECT = 16 / 9
HEIGHTS = (360, 720, 1080)
BETWEEN = 540
"""A height that the model is not fitted to: what it predicts there is compared with what is measured."""
MANY = 8
"""Clips of one frame: what a clip costs beside its frames."""


@dataclass(frozen=True)
class Batch:
    """A batch of equal clips, and who converts them.

    Attributes:
        clips: how many.
        frames: of each.
        height: of a frame, in pixels.
        cores: that the command may use.
        jobs: clips at once in one process.
        workers: processes, 0 for none beside the command's own.
    """

    clips: int
    frames: int
    height: int
    cores: int
    jobs: int = 1
    workers: int = 0

    @property
    def lanes(self) -> int:
        """Clips that are converted at once."""
        return self.workers or self.jobs

    @property
    def cores_a_lane(self) -> float:
        """Cores for each of them."""
        return max(1.0, self.cores / self.lanes)

    @property
    def megapixels(self) -> float:
        """Of a frame."""
        return width_of(self.height) * self.height / 1e6

    @property
    def words(self) -> tuple[str, ...]:
        """The options of the command."""
        if self.workers:
            return ("--workers", str(self.workers))
        return ("--jobs", str(self.jobs)) if self.jobs > 1 else ()

    @property
    def name(self) -> str:
        """In tables."""
        how = " ".join(self.words).lstrip("-") or "serial"
        return f"{how}, {self.cores} core{'s' * (self.cores > 1)}"


def width_of(height: int) -> int:
    """The even width of a frame of 16:9."""
    return round(height * ASPECT / 2) * 2


def fitted(cores: int, frames: int) -> list[Batch]:
    """The batches that the model is fitted to.

    Args:
        cores: of this machine.
        frames: of a long clip.
    """
    small, middle, large = HEIGHTS
    batches = [
        Batch(1, 1, small, cores),
        Batch(MANY, 1, small, cores),
        *(Batch(2, frames, height, cores) for height in HEIGHTS),
        Batch(1, 2 * frames, middle, cores),
    ]
    if cores > 1:
        batches += [Batch(1, frames, height, 1) for height in (small, large)]
        batches += [Batch(4, frames, height, cores, jobs=2) for height in (small, large)]
    for workers in _worker_counts(cores):
        batches.append(Batch(workers, 1, small, cores, workers=workers))
        batches += [Batch(2 * workers, frames, height, cores, workers=workers) for height in (small, large)]
    return batches


def held_out(cores: int, frames: int) -> list[Batch]:
    """Batches that the model is only compared with: another height, other lengths and other numbers of clips."""
    batches = [Batch(3, frames // 2, BETWEEN, cores), Batch(1, frames, BETWEEN, cores)]
    if cores > 1:
        batches.append(Batch(2, frames // 2, BETWEEN, cores, jobs=2))
        batches.append(Batch(3, frames, BETWEEN, cores, workers=2))
    return batches


def _worker_counts(cores: int) -> tuple[int, ...]:
    """Two, and one for each core."""
    return tuple(dict.fromkeys((2, cores))) if cores > 1 else ()
