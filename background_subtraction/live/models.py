"""Models that are compiled beside the one that runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from threading import Lock

from background_subtraction.native_thread import NativeThread
from model_api import MattingModel
from model_api.errors import BackgroundSubtractionError
from model_api.types import Size

END_TIMEOUT_S = 60.0

log = logging.getLogger(__name__)


class Models:
    """Compiles in a thread beside the run, and says when it is done. To be used from any thread.

    OpenVINO compiles a network for the CPU almost alone in that thread (four fifths of the processors' time, measured
    on the bundled models), so the run keeps the other cores.
    """

    def __init__(self, name: str, model: MattingModel, load: Callable[[str], MattingModel]) -> None:
        """Begin with a model.

        Args:
            name: of the model that is loaded.
            model: that model. Whoever opened it closes it.
            load: opens a model by its name.
        """
        self._load = load
        self._first = (name, model)
        self._lock = Lock()
        self._opened: list[MattingModel] = []
        self._compiling: list[NativeThread] = []

    @property
    def opened(self) -> int:
        """How many models that were opened here are open."""
        return len(self._opened)

    def request(
        self,
        name: str,
        size: Size | None,
        taken: Callable[[str, MattingModel], None],
        refused: Callable[[str, str], None],
    ) -> None:
        """Compile a model, if it is not the one that the run began with.

        Args:
            name: of the model.
            size: (width, height) of the frames that it will get, None if there is none yet.
            taken: called with the name and the model, when it is ready.
            refused: called with the name and the reason in one line.
        """
        if name == self._first[0]:
            taken(*self._first)
            return
        thread = NativeThread(self._compile, (name, size, taken, refused), name="compiling")
        self._compiling = [*(other for other in self._compiling if other.is_alive()), thread]
        thread.start()

    def close_all_but(self, used: Iterable[MattingModel]) -> None:
        """Close models that were opened here. used: those that some frame still needs."""
        needed = {id(model) for model in used}
        with self._lock:
            unused = [model for model in self._opened if id(model) not in needed]
            self._opened = [model for model in self._opened if id(model) in needed]
        for model in unused:
            model.close()

    def close(self) -> None:
        """Close all that were opened here."""
        for thread in self._compiling:
            thread.joined(END_TIMEOUT_S)
        self.close_all_but(())

    def _compile(
        self,
        name: str,
        size: Size | None,
        taken: Callable[[str, MattingModel], None],
        refused: Callable[[str, str], None],
    ) -> None:
        log.info("Model %s is being compiled. The one before goes on", name or "by default")
        try:
            model = self._load(name)
            with self._lock:
                self._opened.append(model)
            if size is not None:
                model.compile_for(size)
        except Exception as error:  # whatever a network can do wrong: the run goes on
            own = isinstance(error, BackgroundSubtractionError)
            refused(name, " ".join((str(error) if own else f"{type(error).__name__}: {error}").split()))
            return
        taken(name, model)
