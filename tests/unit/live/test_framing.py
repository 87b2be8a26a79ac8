"""Auto framing and the mirror: where the person is before and after."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from background_subtraction.compositing.framing import WHOLE, Framing, View, followed, seen_through
from model_api.mattes.levels_matte import LevelsMatte, WholeMatte
from model_api.mattes.matte import Matte
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import Picture, bgr_of, in_format
from model_api.pictures.yuv_image import YuvFormat
from model_api.results import Result, StageTimes
from model_api.types import Frame, Image, Levels

WIDTH, HEIGHT = 640, 360


def person(x: int, width: int = 80, top: int = 120) -> Levels:
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    levels[top:, x - width // 2 : x + width // 2] = 255
    return levels


def result_of(picture: Picture, matte: Matte) -> Result:
    return Result(Frame(0, picture, Fraction(0)), matte, StageTimes(0, 0, 0), 0.0)


@pytest.mark.parametrize("x", [190, 320, 460])
@pytest.mark.parametrize("limit", [2.0, 3.0, 4.0])
def test_the_person_comes_into_the_middle(x: int, limit: float) -> None:
    levels = person(x)
    view = followed(None, levels, limit).view
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    seen = seen_through(result_of(image, LevelsMatte(image, levels)), view, mirror=False).matte.levels
    left, top, width, _ = cv2.boundingRect(cv2.compare(seen, 127, cv2.CMP_GT))
    assert left + width / 2 == pytest.approx(WIDTH / 2, abs=WIDTH * 0.02)
    assert width == pytest.approx(min(80 * limit, 0.6 * WIDTH), rel=0.05)
    assert top == pytest.approx(0.1 * HEIGHT, abs=0.05 * HEIGHT)


def test_the_head_decides_where_the_middle_is() -> None:
    """Shoulders reach to the frame's edge, the head does not."""
    levels = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(levels, (420, 120), 50, 255, cv2.FILLED)
    levels[190:, 330:] = 255
    levels[160:200, 400:440] = 255
    view = followed(None, levels, 3.0).view
    assert view.x == pytest.approx(420 / WIDTH, abs=0.01)


@pytest.mark.parametrize("x", [40, 600])
def test_the_view_stays_within_the_frame_and_the_limit(x: int) -> None:
    view = followed(None, person(x), 2.0).view
    assert 1 <= view.zoom <= 2
    for centre in (view.x, view.y):
        assert 0.5 / view.zoom <= centre <= 1 - 0.5 / view.zoom + 1e-9


def test_it_goes_there_smoothly_and_comes_to_rest() -> None:
    """Along an exponential with a time constant of 0.6 s, at whatever rate frames come."""
    ways = {}
    for rate in (10, 30):
        framing, steps = Framing(), []
        for _ in range(3 * rate):
            framing = followed(framing, person(200), 2.0, 1 / rate)
            steps.append(framing.view.zoom)
        ways[rate] = steps
        assert all(0 <= later - earlier < 1.2 * 10 / rate / 6 for earlier, later in pairwise(steps))
    assert ways[10][5] == pytest.approx(1 + (1 - np.exp(-1)), rel=1e-3)
    assert ways[10][-1] == pytest.approx(ways[30][-1], rel=1e-2)
    for _ in range(10):  # long enough
        framing = followed(framing, person(200), 2.0, 2.0)
    assert framing.view == framing.target
    assert followed(framing, person(204), 2.0, 1.0) == framing  # breathing moves nothing


def test_nobody_there_is_the_whole_frame_and_a_speck_is_nobody_else() -> None:
    assert followed(None, np.zeros((HEIGHT, WIDTH), np.uint8), 3.0).view == WHOLE
    levels = person(200)
    alone = followed(None, levels, 3.0)
    levels[100:108, 600:608] = 255
    assert followed(None, levels, 3.0) == alone


def test_off_it_returns_to_the_whole_frame() -> None:
    framing = followed(None, person(200), 2.0)
    for _ in range(10):
        framing = followed(framing, person(200), 1.0, 1.0)
    assert framing.view == WHOLE


def gradient() -> Image:
    across, down = np.meshgrid(np.arange(WIDTH) * 255 / (WIDTH - 1), np.arange(HEIGHT) * 255 / (HEIGHT - 1))
    return np.dstack([across, down, (across + down) / 2]).astype(np.uint8)


def test_the_mirror_changes_left_and_right_exactly() -> None:
    image, levels = gradient(), person(200)
    seen = seen_through(result_of(image, LevelsMatte(image, levels)), WHOLE, mirror=True)
    np.testing.assert_array_equal(seen.frame.image, image[:, ::-1])
    np.testing.assert_array_equal(seen.matte.levels, levels[:, ::-1])
    assert isinstance(seen_through(result_of(image, WholeMatte(image)), WHOLE, mirror=True).matte, WholeMatte)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_view_is_what_opencv_cuts_out_and_enlarges(mirror: bool) -> None:
    image, levels = gradient(), person(200)
    view = View(0.4, 0.5, 2.0)
    seen = seen_through(result_of(image, LevelsMatte(image, levels)), view, mirror=mirror).frame.image
    left, top = round(WIDTH * (0.4 - 0.25)), round(HEIGHT * 0.25)
    cut = cv2.resize(image[top : top + HEIGHT // 2, left : left + WIDTH // 2], (WIDTH, HEIGHT))
    assert cv2.norm(seen, cut[:, ::-1].copy() if mirror else cut, cv2.NORM_INF) <= 2


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_planes_are_seen_as_bgr_is(chroma: str) -> None:
    image, levels = gradient(), person(200)
    planes = in_format(image, YuvFormat(ColourSpace(), chroma))
    for mirror in (False, True):
        one, other = (
            seen_through(result_of(picture, LevelsMatte(picture, levels)), View(0.41, 0.52, 1.7), mirror=mirror)
            for picture in (image, planes)
        )
        assert cv2.norm(bgr_of(one.frame.picture), bgr_of(other.frame.picture), cv2.NORM_INF) <= 8
