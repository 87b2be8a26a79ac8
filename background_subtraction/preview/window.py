"""The window: shows every frame, and obeys its keys."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from types import TracebackType

import cv2

from background_subtraction.compositing.composite import CompositeFrame, view_at_size
from background_subtraction.preview.overlay import draw_graphs, draw_text
from background_subtraction.preview.system_monitor import Monitors
from background_subtraction.report import Report
from model_api.errors import DisplayError
from model_api.pictures.picture import bgr_of
from model_api.ranges import require_choice, require_size
from model_api.types import Size

TITLE = "Background subtraction"
PREVIEWS = ("composite", "alpha", "foreground", "side by side")
PAUSE_POLL_MS = 30
HELP = "Keys: Q quit, Space pause, V next view, S save, B capture the empty scene, C D M H graphs, ? all keys"
GRAPHS = {
    "c": "graph of the CPU",
    "d": "graph of its cores",
    "m": "graph of the memory",
    "h": "hide all graphs, show them again",
}
NAMES_OF_KEYS = {" ": "Space", "\x1b": "Esc"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WindowOptions:
    """What a window shows.

    Args:
        view: the first of PREVIEWS to show.
        resolution: the (width, height) that it is scaled up or down to fit into, None for its own size.

    Raises:
        OptionError: another value.
    """

    view: str = "composite"
    resolution: Size | None = None

    def __post_init__(self) -> None:
        require_choice(PREVIEWS, view=self.view)
        require_size(resolution=self.resolution)


@dataclass(frozen=True)
class Command:
    """What a key does. words: for the help."""

    words: str
    call: Callable[[], None]


class Window:
    """A context manager: made, nothing is open, but there is a display.

    Attributes:
        closed: whether the user has closed it.
    """

    def __init__(self, options: WindowOptions, monitors: Monitors) -> None:
        """Look for a display.

        Args:
            options: what it shows.
            monitors: the graphs in it.

        Raises:
            DisplayError: this machine can show no window.
        """
        _require_display()
        self.closed = False
        self._resolution = options.resolution
        self._monitors = monitors
        self._capture: Callable[[], None] = _no_plate
        self._paused: CompositeFrame | None = None
        self._last: CompositeFrame | None = None
        self._shows_help = False
        self._views = cycle([options.view, *(view for view in PREVIEWS if view != options.view)])
        self._view = next(self._views)
        self._keys: dict[str, tuple[str, Callable[[CompositeFrame], None]]] = {
            "q": ("end", self._close),
            "\x1b": ("end", self._close),
            " ": ("pause, go on", self._pause),
            "v": ("next view", self._next_view),
            "s": ("save what is shown", self._save),
            "b": ("capture the empty scene", lambda frame: self._capture()),
            "?": ("these keys", self._toggle_help),
            **{key: (words, partial(self._toggle_graph, key)) for key, words in GRAPHS.items()},
        }

    def __enter__(self) -> Window:
        log.info(HELP)
        # OpenCV's Qt looks for fonts that its package does not bring, and complains for every window.
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
        cv2.namedWindow(TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _is_open():  # OpenCV hangs when it is to close what the user has closed
            cv2.destroyWindow(TITLE)

    def add(self, commands: Mapping[str, Command]) -> None:
        """Offer more keys."""
        for key, command in commands.items():
            self._keys[key] = (command.words, partial(_called, command))

    def show(
        self, frame: CompositeFrame, report: Report, capture: Callable[[], None], *, goes_on: bool = False
    ) -> None:
        """Draw, and obey the keys that were pressed.

        Args:
            frame: what to show.
            report: its figures are drawn over the frame.
            capture: called when B is pressed while this frame is on the screen.
            goes_on: somebody else gets the frames too, or they come whether there is time or not: while the user
                pauses, this call returns, and the window alone stands still. If not, it does not return meanwhile.
        """
        self._last = shown = self._paused or frame
        if shown is frame:
            self._capture = capture
        self._draw(shown, report)
        self._obey(shown, cv2.waitKey(1))
        while self._paused and not self.closed and not goes_on:
            self._draw(frame, report)
            self._obey(frame, cv2.waitKey(PAUSE_POLL_MS))

    def refresh(self) -> None:
        """Obey the keys while no frame comes."""
        code = cv2.waitKey(1)
        if self._last is not None:
            self._obey(self._last, code)

    def hold(self, frame: CompositeFrame, report: Report) -> None:
        """Keep a still image on the screen until the user ends it."""
        self._paused = frame
        self.show(frame, report, self._capture)

    def _draw(self, frame: CompositeFrame, report: Report) -> None:
        view = bgr_of(view_at_size(frame, self._view, self._resolution, square=True))
        image = cv2.cvtColor(view, cv2.COLOR_GRAY2BGR) if view.ndim == 2 else view.copy()
        fps, latency_s = report.recent()
        lines = [f"FPS {fps:.1f}", f"Latency {latency_s * 1000:.0f} ms"]
        if self._paused:
            lines.append("Paused")
        draw_text(image, lines, self._help() if self._shows_help else ())
        self._monitors.sample()
        draw_graphs(image, self._monitors)
        cv2.imshow(TITLE, image)

    def _obey(self, frame: CompositeFrame, code: int) -> None:
        self.closed = self.closed or not _is_open()
        key = chr(code & 0xFF).lower() if code >= 0 else ""
        if key in self._keys:
            self._keys[key][1](frame)

    def _close(self, frame: CompositeFrame) -> None:
        self.closed = True

    def _pause(self, frame: CompositeFrame) -> None:
        self._paused = None if self._paused else frame

    def _next_view(self, frame: CompositeFrame) -> None:
        self._view = next(self._views)

    def _toggle_help(self, frame: CompositeFrame) -> None:
        self._shows_help = not self._shows_help

    def _help(self) -> list[str]:
        """A line for each thing that keys do."""
        keys: dict[str, list[str]] = {}
        for key, (words, _) in self._keys.items():
            keys.setdefault(words, []).append(NAMES_OF_KEYS.get(key, key.upper()))
        return [f"{' '.join(names)}: {words}" for words, names in keys.items()]

    def _toggle_graph(self, key: str, frame: CompositeFrame) -> None:
        self._monitors.toggle(key)

    def _save(self, frame: CompositeFrame) -> None:
        path = Path(f"{self._view.replace(' ', '_')}_{frame.index:05d}.png")
        written = cv2.imwrite(str(path), bgr_of(view_at_size(frame, self._view, self._resolution, square=True)))
        log.info("Saved %s", path.resolve()) if written else log.warning("%s cannot be written", path.resolve())


def _called(command: Command, frame: CompositeFrame) -> None:
    command.call()


def _no_plate() -> None:
    """B, before the first frame."""


def _is_open() -> bool:
    try:
        return bool(cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1)
    except cv2.error:  # Qt is gone with its last window
        return False


def _require_display() -> None:
    """Qt ends the whole program where there is no display, so another one tries first."""
    if not sys.platform.startswith("linux"):
        return
    trial = subprocess.run(
        [sys.executable, "-c", f"import cv2; cv2.namedWindow({TITLE!r}); cv2.destroyAllWindows()"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if trial.returncode:
        said = [line for line in trial.stderr.splitlines() if "display" in line or "not implemented" in line]
        raise DisplayError(
            f"No window can be shown here ({said[0].strip() if said else f'exit code {trial.returncode}'}). "
            "Run it with --no_show -o FILE, or set DISPLAY"
        )
