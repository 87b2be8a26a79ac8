"""Backgrounds: the right one for each frame, in the right shape, without a trace of the person."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from background_subtraction.compositing.background_blur import blur_around
from background_subtraction.compositing.backgrounds import open_background
from background_subtraction.compositing.colours import DEFAULT_COLOUR, parse_colour
from background_subtraction.sinks.formats import video_format
from background_subtraction.sinks.video import VideoSink
from background_subtraction.sources.base import SourceInfo
from model_api.errors import OptionError
from model_api.mattes.matte import DenseMatte
from model_api.pictures.picture import bgr_of, size_of
from model_api.results import Result, StageTimes
from model_api.types import Alpha, Frame, Image
from tests.support.media import barcode, read_barcode, write_images, write_video

SIZE = (64, 48)


def result_at(seconds: Fraction, image: Image | None = None, alpha: float = 0.0) -> Result:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8) if image is None else image
    matte = DenseMatte(image, np.full(image.shape[:2], alpha, np.float32))
    return Result(Frame(0, image, seconds), matte, StageTimes(0, 0, 0), 0.0)


@pytest.mark.parametrize(
    ("text", "bgr"),
    [
        ("0,255,0", (0, 255, 0)), ("255, 128, 0", (0, 128, 255)), ("#ff8000", (0, 128, 255)), ("#F80", (0, 136, 255)),
        ("green", (0, 255, 0)), ("Red", (0, 0, 255)), ("white", (255, 255, 255)),
    ],
)  # fmt: skip
def test_colours(text: str, bgr: tuple[int, int, int]) -> None:
    assert parse_colour(text) == bgr
    with open_background(text) as background:
        image = bgr_of(background.at(result_at(Fraction(0))))
    assert image.shape == (48, 64, 3)
    assert (image == bgr).all()


@pytest.mark.parametrize("text", ["256,0,0", "1,2", "#12345", "#gggggg", "greeen", "-1,0,0", ""])
def test_no_colours(text: str) -> None:
    assert parse_colour(text) is None


def test_green_is_the_default() -> None:
    with open_background(None) as background:
        assert (bgr_of(background.at(result_at(Fraction(0)))) == DEFAULT_COLOUR).all()


def test_an_unknown_background_says_what_is_known() -> None:
    with pytest.raises(OptionError, match="neither a file nor a colour"):
        open_background("nowhere.png")


def test_an_image_fills_the_frame_without_being_stretched(tmp_path: Path) -> None:
    """A disc stays a disc, whatever the two aspect ratios are."""
    image = np.zeros((200, 600, 3), np.uint8)
    cv2.circle(image, (300, 100), 80, (255, 255, 255), cv2.FILLED)
    assert cv2.imwrite(str(tmp_path / "b.png"), image)
    frame = np.zeros((400, 400, 3), np.uint8)
    with open_background(str(tmp_path / "b.png")) as background:
        fitted = bgr_of(background.at(result_at(Fraction(0), frame)))
    rows, columns = np.nonzero(fitted[..., 0] > 127)
    assert fitted.shape == (400, 400, 3)
    assert abs(np.ptp(rows) - 320) <= 3
    assert abs(np.ptp(columns) - 320) <= 3


@pytest.mark.parametrize("moving", [False, True])
def test_a_disc_stays_a_disc_in_frames_whose_pixels_are_not_square(tmp_path: Path, moving: bool) -> None:
    """PAL's 720×576 with pixels of 64:45 is shown as 1024×576: the disc of 160 fills 320 of its 576 lines."""
    image = np.zeros((200, 600, 3), np.uint8)
    cv2.circle(image, (300, 100), 80, (255, 255, 255), cv2.FILLED)
    path = tmp_path / "b.png"
    assert cv2.imwrite(str(path), image)
    if moving:
        path = write_video(tmp_path / "b.mp4", [image])
    aspect = Fraction(64, 45)
    with open_background(str(path), 0, aspect) as background:
        fitted = bgr_of(background.at(result_at(Fraction(0), np.zeros((576, 720, 3), np.uint8))))
    rows, columns = np.nonzero(fitted[..., 0] > 127)
    assert fitted.shape == (576, 720, 3)
    assert np.ptp(rows) == pytest.approx(160 * 576 / 200, abs=4)
    assert int(np.ptp(columns)) * float(aspect) == pytest.approx(160 * 576 / 200, abs=6)


def test_a_transparent_clip_is_over_black(tmp_path: Path) -> None:
    """White, opaque in its left half and half transparent in its right one."""
    picture = np.full((48, 64, 4), 255, np.uint8)
    picture[:, 32:, 3] = 128
    path = tmp_path / "b.mov"
    with VideoSink(path, video_format(path, "png", alpha=True), SourceInfo("b", SIZE, Fraction(30))) as sink:
        sink.write(picture, 0, Fraction(0))
    with open_background(str(path)) as background:
        shown = bgr_of(background.at(result_at(Fraction(0))))
    assert (shown[:, :32] == 255).all()
    assert (shown[:, 32:] == 128).all()


@pytest.mark.parametrize("input_rate", [Fraction(10), Fraction(24), Fraction(30), Fraction(60)])
def test_a_video_keeps_step_by_time_and_is_looped(tmp_path: Path, input_rate: Fraction) -> None:
    count = 12
    path = write_video(tmp_path / "b.mp4", (barcode(n) for n in range(count)), Fraction(24))
    frame = np.zeros((240, 320, 3), np.uint8)
    with open_background(str(path)) as background:
        for n in range(40):
            seconds = n / input_rate
            shown = read_barcode(bgr_of(background.at(result_at(seconds, frame))))
            assert shown == int(seconds * 24) % count


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    write_images(tmp_path / "b", (barcode(n) for n in range(3)))
    frame = np.zeros((240, 320, 3), np.uint8)
    with open_background(str(tmp_path / "b")) as background:
        shown = [read_barcode(bgr_of(background.at(result_at(Fraction(n, 30), frame)))) for n in range(7)]
    assert shown == [0, 1, 2, 0, 1, 2, 0]


def person_in_a_room() -> tuple[Image, Alpha]:
    """A red person with soft edges before a blue and grey wall; red is nowhere else."""
    height, width = 240, 320
    rows, columns = np.mgrid[:height, :width]
    alpha = np.clip((60 - np.hypot(rows - 120, columns - 160)) / 8 + 0.5, 0, 1).astype(np.float32)
    room = np.zeros((height, width, 3), np.float32)
    room[..., 0] = np.where(columns < width // 2, 200, 90)
    room[..., 1] = 90
    image = alpha[..., None] * np.array([0, 0, 255]) + (1 - alpha[..., None]) * room
    return np.rint(image).astype(np.uint8), alpha


@pytest.mark.parametrize("strength", [5, 25, 101])
def test_blur_leaves_no_halo_of_the_person(strength: int) -> None:
    image, alpha = person_in_a_room()
    blurred = bgr_of(blur_around(image, (alpha * 255).astype(np.uint8), strength))
    plain = cv2.blur(image, (strength, strength))
    around = (alpha < 0.02) & (cv2.dilate(alpha, np.ones((25, 25), np.uint8)) > 0.5)
    assert blurred.shape == image.shape
    assert blurred[around][:, 2].mean() < 4  # red of the person in the room around
    if strength >= 25:
        assert plain[around][:, 2].mean() > 20  # what a plain blur does
    shown = (1 - alpha) * np.abs(blurred[..., 1].astype(int) - 90)
    assert shown.max() <= 4  # the wall's green is whole, as far as the composite shows it


def test_blur_is_as_wide_as_asked() -> None:
    """A bright line in an empty room, 31 pixels: as a box of 31 spreads it, standard deviation 31 / sqrt(12)."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[:, 158:162] = 255
    profile = bgr_of(blur_around(image, np.zeros((240, 320), np.uint8), 31))[120, :, 0].astype(float)
    columns = np.arange(320)
    mean = (profile * columns).sum() / profile.sum()
    deviation = np.sqrt((profile * (columns - mean) ** 2).sum() / profile.sum())
    assert deviation == pytest.approx(31 / 12**0.5, rel=0.15)


def test_a_frame_full_of_person_does_not_break_the_blur() -> None:
    image, _ = person_in_a_room()
    assert size_of(blur_around(image, np.full(image.shape[:2], 255, np.uint8), 31)) == (320, 240)


def test_a_given_background_is_blurred_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    assert cv2.imwrite(str(tmp_path / "b.png"), rng.integers(0, 255, (48, 64, 3), np.uint8))
    with open_background(str(tmp_path / "b.png"), 15) as background:
        assert bgr_of(background.at(result_at(Fraction(0)))).std() < 30
