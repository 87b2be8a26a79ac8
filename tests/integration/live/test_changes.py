"""Settings that change while a run goes on: every frame is of one setting, none is lost, none comes twice."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import numpy as np
import psutil
import pytest

from background_subtraction.compositing.clean_plate import CleanPlate
from background_subtraction.compositing.masks import MaskOptions
from background_subtraction.live.frames import finished_frames
from background_subtraction.live.plans import Work, plans
from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings, changed
from background_subtraction.live.subscribers import Delivered
from background_subtraction.options import Options
from background_subtraction.report import Report
from background_subtraction.run import prepare
from background_subtraction.sinks.base import Output, Sink
from background_subtraction.sinks.formats import video_format
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sinks.writer_thread import NewestWriterThread
from background_subtraction.sources.base import SourceInfo
from background_subtraction.sources.open import open_source
from model_api import create_model
from model_api.errors import OptionError, SourceError
from model_api.pictures.picture import Picture
from model_api.types import Frame, Image
from tests.support import networks
from tests.support.media import indexed_frames, write_video

WIDTH, HEIGHT = 64, 48
FRAMES, CHANGES = 2000, 200
TIMEOUT_S = 60
GROWTH_BYTES = 40 << 20
"""Of the process between frame 500 and the end: a frame and its mattes take 50 KB, so 1500 frames that are kept would
take 75 MB."""


def numbered(index: int) -> Image:
    """Blue and green are the index. The left half is red: the person, or, for the inverse network, the room."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 0], image[..., 1] = index % 256, index // 256 * 30
    image[:, : WIDTH // 2, 2] = 255
    return image


def colour_of(number: int) -> str:
    """Another one for each number, and red nowhere near a frame's own."""
    return f"{100 + number % 100},{number // 100 * 40 + 5},77"


def expected(index: int, settings: Settings, *, inverse: bool) -> Image:
    """What is shown, computed with arrays alone."""
    image = numbered(index)
    if settings.effect:
        columns, grow = np.arange(WIDTH), settings.mask.grow_px
        person = columns >= WIDTH // 2 - grow if inverse else columns < WIDTH // 2 + grow
        red, green, blue = map(int, str(settings.target_bgr).split(","))
        image[:, ~person] = (blue, green, red)
    return image[:, ::-1] if settings.mirror else image


def random_settings(number: int, files: tuple[Path, Path], choice: random.Random) -> Settings:
    return Settings(
        target_bgr=colour_of(number),
        mirror=choice.random() < 0.5,
        effect=choice.random() < 0.8,
        mask=MaskOptions(grow_px=choice.randint(-5, 5)),
        model=str(files[number // 25 % 2]),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network, and the inverse one."""
    folder = tmp_path_factory.mktemp("two networks")
    return (
        networks.red_is_alpha(folder / "red.onnx"),
        networks.red_is_alpha(folder / "not_red.onnx", inverse=True),
    )


def test_200_changes_in_2000_frames(files: tuple[Path, Path], tmp_path: Path) -> None:
    clip, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    source = SourceInfo("in", (WIDTH, HEIGHT), Fraction(30), FRAMES)
    with VideoSink(clip, video_format(clip, "ffv1"), source) as sink:
        for index in range(FRAMES):
            sink.write(numbered(index), index, Fraction(index, 30))
    choice = random.Random(7)
    puts = [random_settings(number, files, choice) for number in range(CHANGES + 1)]
    options = Options(
        model=str(files[0]), inputs=(str(clip),), settings=puts[0], outputs=(Output(out),), window=None, progress=False
    )  # fmt: skip
    memory: list[int] = []
    with prepare(options, Report()) as run:
        changing = Thread(target=change_all, args=(run.session, puts[1:], memory))
        changing.start()
        run()
        run.session.frames.end()
        changing.join(TIMEOUT_S)
    assert not changing.is_alive()
    with open_source(str(out)) as composites:
        shown = [frame.image for frame in composites]
    assert len(shown) == FRAMES
    used = settings_of_each(shown, puts)
    assert used[-1][0] == CHANGES
    assert len({number for number, _ in used}) > CHANGES / 2  # some hold for less than a frame
    assert {inverse for _, inverse in used} == {False, True}
    assert memory[1] - memory[0] < GROWTH_BYTES


def change_all(session: Session, puts: list[Settings], memory: list[int]) -> None:
    """As frames come; a model that is being compiled is waited for, so that both are seen."""
    with session.frames.subscribe() as frames:
        for number, settings in enumerate(puts):
            session.put(settings)
            due = (number + 1) * (FRAMES - 100) // len(puts)
            while (delivered := frames.next(TIMEOUT_S)) and delivered.index < due:
                if delivered.index >= 500 and not memory:
                    memory.append(psutil.Process().memory_info().rss)
    memory.append(psutil.Process().memory_info().rss)


def settings_of_each(shown: list[Image], puts: list[Settings]) -> list[tuple[int, bool]]:
    """Which settings each frame has, and which network computed it: settings never go back."""
    number, used = 0, []
    for index, image in enumerate(shown):
        candidates = [
            (later, inverse)
            for later in range(number, min(number + 60, len(puts)))
            for inverse in (False, True)
            if np.array_equal(image, expected(index, puts[later], inverse=inverse))
        ]
        assert candidates, f"frame {index} is of no one setting from {number} on"
        number = candidates[0][0]
        used.append(candidates[0])
    return used


def test_a_change_shows_within_two_frames(files: tuple[Path, Path]) -> None:
    """Of a live source: the frame that is on its way when the change is made may be the last one without it."""
    taken = count()

    def coming() -> Iterator[Frame]:
        for index in taken:
            yield Frame(index, numbered(index), Fraction(index, 30))

    with live_session(files, Settings(target_bgr=colour_of(0))) as (session, run):
        frames = run(coming())
        for number in range(1, 30):
            settings = replace(session.settings, target_bgr=colour_of(number), mirror=number % 2 == 1)
            session.put(settings)
            on_its_way = next(frames)
            assert on_its_way.plan.ready.settings in (settings, replace(settings, target_bgr=colour_of(number - 1)))
            shown = next(frames)
            assert shown.plan.ready.settings == settings
            image = shown.composite.view("composite")
            np.testing.assert_array_equal(image, expected(shown.composite.index, settings, inverse=False))


class live_session:  # noqa: N801
    """A session, and what makes finished frames of frames that come one by one."""

    def __init__(self, files: tuple[Path, Path], settings: Settings) -> None:
        self._model = create_model(files[0])
        self.session = Session(replace(settings, model=str(files[0])), self._model, create_model)
        self._stage = self.session.stage((WIDTH, HEIGHT), live=True)

    def _run(self, frames: Iterator[Frame]) -> Iterator[Any]:
        planned = plans(frames, self._stage.current, CleanPlate(needed=False))
        for finished in finished_frames(planned, newest=True):
            yield finished
            self._stage.delivered(finished.plan.ready)

    def __enter__(self) -> tuple[Session, Any]:
        return self.session, self._run

    def __exit__(self, *error: object) -> None:
        self._stage.__exit__(None, None, None)
        self.session.close()
        self._model.close()


def coming(first: int = 0) -> Iterator[Frame]:
    return (Frame(index, numbered(index), Fraction(index, 30)) for index in count(first))


def is_picture_of(finished: Any, index: int) -> bool:
    picture = finished.composite.result.frame.image
    return bool(np.array_equal(picture[..., 0], numbered(index)[..., 0]))


def test_a_still_is_held_while_the_background_changes(files: tuple[Path, Path]) -> None:
    with live_session(files, Settings(target_bgr=colour_of(0))) as (session, run):
        frames = run(coming())
        assert [next(frames).composite.index for _ in range(3)] == [0, 1, 2]
        session.change({"hold": True, "target_bgr": colour_of(5)})
        next(frames)
        held = [next(frames) for _ in range(3)]
        assert [finished.composite.index for finished in held] == [4, 5, 6]
        assert all(is_picture_of(finished, 3) for finished in held) or all(is_picture_of(f, 2) for f in held)
        assert tuple(held[-1].composite.view("composite")[0, -1]) == (77, 5, 105)
        session.change({"mirror": True})
        next(frames)
        mirrored = next(frames).composite.view("composite")
        np.testing.assert_array_equal(mirrored, held[-1].composite.view("composite")[:, ::-1])
        session.change({"hold": False})
        next(frames)
        assert is_picture_of(next(frames), 10)


def test_a_still_that_was_not_computed_is_when_the_effect_is_switched_on(files: tuple[Path, Path]) -> None:
    """The mask is that of the still, and not of the frame that comes meanwhile."""
    with live_session(files, Settings(target_bgr=colour_of(0), effect=False, hold=True)) as (session, run):
        frames = run(coming())
        first = next(frames)
        assert is_picture_of(first, 0)
        np.testing.assert_array_equal(first.composite.view("composite"), numbered(0))
        session.change({"effect": True})
        next(frames)
        np.testing.assert_array_equal(
            next(frames).composite.view("composite"), expected(0, session.settings, inverse=False)
        )


@pytest.mark.parametrize("every", [1, 2, 3])
def test_each_picture_is_shown_with_its_own_mask_where_only_every_nth_is_computed(
    files: tuple[Path, Path], every: int
) -> None:
    """The person walks a column a frame: a mask that is shown on another frame is seen at once."""

    def walking() -> Iterator[Frame]:
        for index in range(12):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[:, index * 4 : index * 4 + 10, 2] = 255
            yield Frame(index, image, Fraction(index, 30))

    with live_session(files, Settings(target_bgr="0,0,99", mask_every=every)) as (_, run):
        for index, finished in enumerate(run(walking())):
            composite, left = finished.composite.view("composite"), index // every * every * 4
            person = np.zeros((HEIGHT, WIDTH), bool)
            person[:, left : left + 10] = True
            assert finished.composite.index == index
            assert finished.composite.timestamp_s == Fraction(index, 30)
            assert finished.composite.result.frame.picture is finished.composite.result.matte.frame
            np.testing.assert_array_equal(composite[..., 2] == 255, person)
            np.testing.assert_array_equal(composite[..., 0] == 99, ~person)


def test_frames_in_which_nothing_moved_are_not_computed(files: tuple[Path, Path]) -> None:
    noise = np.random.default_rng(1)

    def room() -> Iterator[Frame]:
        for index in range(20):
            image = numbered(0).astype(np.int16) + noise.integers(-3, 4, (HEIGHT, WIDTH, 3))
            if index >= 10:
                image[20:30, 40:50] += 60
            yield Frame(index, image.clip(0, 255).astype(np.uint8), Fraction(index, 30))

    with live_session(files, Settings(skip_similar=True)) as (_, run):
        computed = [finished.composite.index for finished in run(room()) if finished.plan.work.name == "COMPUTE"]
    assert computed == [0, 10]


def test_a_model_that_cannot_be_used_leaves_the_other_one(
    files: tuple[Path, Path], models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with live_session(files, Settings(target_bgr=colour_of(0))) as (session, run):
        frames = run(coming())
        next(frames)
        session.change({"model": str(models / "unknown.onnx"), "mirror": True})
        while session.statistics().loading:
            next(frames)
        shown = next(frames)
        assert (session.settings.model, session.settings.mirror) == (str(files[0]), True)
        assert "matches no known model" in session.statistics().problem
        assert shown.plan.ready.settings == session.settings
        (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert line.endswith("The one before goes on")
        assert "\n" not in line


def test_another_model_begins_with_its_own_state_and_the_old_one_is_closed(
    files: tuple[Path, Path], models: Path
) -> None:
    """The network counts its frames in alpha: the first one after each change is 0 again (`networks.STATE_STEP`)."""
    counting = str(models / "counting.onnx")
    still = (Frame(index, numbered(0), Fraction(index, 30)) for index in count())  # numbers would pass a cut, at 256
    with live_session(files, Settings(target_bgr="0,0,0")) as (session, run):
        frames = run(still)
        next(frames)
        for _ in range(2):
            session.change({"model": counting})
            counted: list[int] = []
            while len(counted) < 3:
                finished = next(frames)
                if finished.plan.ready.settings.model == counting:
                    counted.append(round(float(finished.composite.result.matte.alpha.mean()) / networks.STATE_STEP))
            assert counted == [0, 1, 2]
            session.change({"model": str(files[0])})
            next(frames)
            assert next(frames).plan.ready.settings.model == str(files[0])
            assert session._models.opened == 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"target_bgr": "nowhere.png"}, "target_bgr: "),
        ({"model": "nobody"}, "model: nobody: no such model"),
        ({"blur_bgr": -1}, "blur_bgr: -1"),
        ({"mask": {"steadiness": 2}}, "steadiness: 2"),
        ({"mask": {"size": 2}}, "mask.size: no such setting. Expected mask.steadiness, "),
        ({"mask": 3}, "mask: 3. Expected settings by their names"),
        ({"colour": 1}, "colour: no such setting. Expected target_bgr, "),
        ({"mirror": 1}, "mirror: 1. Expected True or False"),
        ({"zoom_limit": 9}, "zoom_limit: 9"),
        ({"mask_every": 0}, "mask_every: 0"),
    ],
)
def test_a_wrong_change_changes_nothing(files: tuple[Path, Path], changes: dict[str, Any], error: str) -> None:
    with live_session(files, Settings(target_bgr=colour_of(0))) as (session, run):
        before = session.settings
        frames = run(coming())
        next(frames)
        with pytest.raises(OptionError) as caught:
            session.change(changes)
        assert str(caught.value).startswith(error)
        assert session.settings == before
        next(frames)
        assert next(frames).plan.ready.settings == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_no_frame_waits_for_a_background_that_is_being_opened(
    files: tuple[Path, Path], models: Path, tmp_path: Path
) -> None:
    """The background is a pipe from which nothing comes. Another model runs, which the session will close."""
    pipe, counting = tmp_path / "pipe.mkv", str(models / "counting.onnx")
    os.mkfifo(pipe)
    with live_session(files, Settings(target_bgr="0,0,0")) as (session, run):
        frames = run(coming())
        session.change({"model": counting})
        while next(frames).plan.ready.settings.model != counting:
            """It is being compiled."""
        changing = Thread(target=change_in_vain, args=(session, {"target_bgr": str(pipe)}))
        changing.start()
        writing = opened_when_read(pipe)
        going_on = Thread(target=lambda: [next(frames) for _ in range(3)])
        going_on.start()
        going_on.join(TIMEOUT_S)
        waits = going_on.is_alive()
        os.close(writing)
        for thread in (changing, going_on):
            thread.join(TIMEOUT_S)
        assert not waits
        assert session.settings.target_bgr == "0,0,0"


def change_in_vain(session: Session, changes: dict[str, Any]) -> None:
    with pytest.raises(SourceError):
        session.change(changes)


def opened_when_read(pipe: Path) -> int:
    """The end to write into, as soon as somebody opens the other one."""
    for _ in range(TIMEOUT_S * 100):
        with suppress(OSError):  # nobody does yet
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        sleep(0.01)
    raise TimeoutError(pipe)


def test_the_newest_image_is_shown_by_a_slow_device() -> None:
    """Of a live source at most one image waits for a device: the one that is written next is the newest."""
    shown: list[int] = []
    first, go_on = Event(), Event()

    class Slow(Sink):
        def write(self, picture: Picture, index: int, timestamp_s: Fraction) -> None:
            shown.append(index)
            first.set()
            assert go_on.wait(TIMEOUT_S)

    with NewestWriterThread(Slow(), Fraction(30)) as sink:
        sink.write(numbered(0), 0, Fraction(0))
        assert first.wait(TIMEOUT_S)
        for index in range(1, 30):
            sink.write(numbered(index), index, Fraction(index, 30))
        go_on.set()
    assert shown == [0, 29]


def test_a_background_is_checked_before_the_first_frame_and_after_the_last(files: tuple[Path, Path]) -> None:
    with create_model(files[0]) as model:
        session = Session(Settings(), model, create_model)
        with pytest.raises(OptionError, match="target_bgr"):
            session.change({"target_bgr": "nowhere.png"})
        session.change({"target_bgr": "navy"})
        with session.stage((WIDTH, HEIGHT)) as stage:
            assert stage.current().settings.target_bgr == "navy"
        session.close()


def test_a_video_behind_goes_on_where_it_was_after_a_pause(files: tuple[Path, Path], tmp_path: Path) -> None:
    """An hour of the camera's time is missing: the video does not catch up. Blurred otherwise, it goes on."""
    levels = [np.full((HEIGHT, WIDTH, 3), 8 * index, np.uint8) for index in range(30)]
    video = write_video(tmp_path / "behind.mp4", levels)
    with live_session(files, Settings(target_bgr=str(video))) as (session, run):
        times = iter([0, 1, 2, 3, 3600 * 30, 3600 * 30 + 1])
        frames = run(Frame(index, numbered(0), Fraction(time, 30)) for index, time in enumerate(times))
        seen = [next(frames).composite.view("composite")[0, -1, 0] for _ in range(2)]
        session.change({"blur_bgr": 5})
        seen += [next(frames).composite.view("composite")[0, -1, 0] for _ in range(4)]
    assert np.abs(np.array(seen).astype(int) - [0, 8, 16, 24, 24, 32]).max() <= 3


def test_watchers_miss_frames_and_never_hold_the_run_back(files: tuple[Path, Path]) -> None:
    with create_model(files[0]) as model:
        session = Session(Settings(), model, create_model)
        with session.frames.subscribe() as slow, session.frames.subscribe() as other:
            assert len(session.frames) == 2
            with session.stage((WIDTH, HEIGHT)) as stage:
                planned = plans(indexed_frames(9), stage.current, CleanPlate(needed=False))
                for finished in finished_frames(planned):
                    composite = finished.composite.view("composite")
                    session.frames.put(Delivered(composite, finished.plan, 0.0), 0.0)
            newest = slow.next(0)
            assert newest is not None
            assert newest.index == 8
            assert slow.next(0) is None
            session.close()
            assert slow.next() is None
            assert slow.ended
            assert not other.ended
            assert other.next() is not None
        assert len(session.frames) == 0
        assert session.frames.subscribe().next() is None


def counts_of(run: Any, session: Session, changes: dict[int, dict[str, Any]]) -> list[tuple[int, bool]]:
    """Of each frame the network's own count, and whether it was computed. changes: made before a frame comes."""

    def frames() -> Iterator[Frame]:
        for frame in indexed_frames(12):
            if frame.index in changes:
                session.change(changes[frame.index])
            yield frame

    return [
        (round(float(finished.computed.matte.alpha.max()) / networks.STATE_STEP), finished.plan.work is Work.COMPUTE)
        for finished in run(frames())
    ]


@pytest.mark.parametrize(
    ("settings", "changes", "counts"),
    [
        ({}, {}, [*range(12)]),
        ({"mask_every": 3}, {}, [0, 1, 2, 3]),  # the state goes on from one computed frame to the next
        ({}, {4: {"effect": False}, 8: {"effect": True}}, [0, 1, 2, 3, 0, 1, 2, 3]),
        ({}, {4: {"hold": True}, 8: {"hold": False}}, [0, 1, 2, 3, 0, 1, 2, 3]),
        ({}, {4: {"mirror": True}, 8: {"framing": True}}, [*range(12)]),
        ({"effect": False, "framing": True}, {4: {"framing": False}, 8: {"effect": True}}, [0, 1, 2, 3, 0, 1, 2, 3]),
    ],
)
def test_a_state_goes_on_where_frames_do_and_is_fresh_after_a_pause(
    models: Path, settings: dict[str, Any], changes: dict[int, dict[str, Any]], counts: list[int]
) -> None:
    counting = models / "counting.onnx"
    with live_session((counting, counting), changed(Settings(target_bgr="0,0,0"), settings)) as (session, run):
        seen = counts_of(run, session, changes)
    assert [count for count, is_computed in seen if is_computed] == counts


def test_backgrounds_that_no_frame_needs_are_closed(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Each video is read by a thread of its own."""

    def reading() -> int:
        return sum(thread.name == "decoding" for thread in threading.enumerate())

    videos = [
        write_video(tmp_path / f"{number}.mp4", [np.full((HEIGHT, WIDTH, 3), 20 * number, np.uint8)] * 30)
        for number in range(3)
    ]
    before = reading()
    with live_session(files, Settings(target_bgr=str(videos[0]))) as (session, run):
        frames = run(coming())
        for video in [*videos[1:], *videos]:
            session.change({"target_bgr": str(videos[0]), "blur_bgr": 3})
            session.change({"target_bgr": str(video), "blur_bgr": 0})  # the one before was for no frame at all
            next(frames)
            next(frames)
            next(frames)
            assert reading() == before + 1
        with pytest.raises(OptionError):
            session.change({"target_bgr": "nowhere.mp4"})
        assert reading() == before + 1
    assert reading() == before
