"""What became of a clip."""

from __future__ import annotations

from dataclasses import dataclass

DONE, SKIPPED, FAILED, INTERRUPTED = "done", "skipped", "failed", "interrupted"


@dataclass(frozen=True, kw_only=True)
class ClipReport:
    """What became of a clip.

    Attributes:
        input: its address, without a password.
        status: "done"; "skipped", for it was done before; "failed"; or "interrupted".
        outputs: its files, or addresses of a storage.
        frames: how many were converted.
        seconds: how long it took, with opening and closing.
        error: why it failed, "" if it did not.
        kept: what was written of a clip that is not done, under names with ".part" in them. It plays.
        attempts: how often it was tried.
        worker: the machine and the process that did it.
        messages: what was to be said about it meanwhile, where it was converted in another process.
    """

    input: str
    status: str
    outputs: tuple[str, ...] = ()
    frames: int = 0
    seconds: float = 0.0
    error: str = ""
    kept: tuple[str, ...] = ()
    attempts: int = 1
    worker: str = ""
    messages: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        where = f"; kept in {', '.join(self.kept)}" if self.kept else ""
        if self.status == FAILED:
            return f"{self.input}: {self.error}{where}"
        if self.status == INTERRUPTED:
            return f"{self.input}: interrupted{where}"
        if self.status == SKIPPED:
            return f"{self.input}: done before"
        return f"{self.input}: {self.frames} frames, {self.seconds:.1f} s, {self.fps:.1f} frames/s"
