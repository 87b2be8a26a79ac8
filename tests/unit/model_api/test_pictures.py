"""Pictures in planes: what is made of them is what is made of the same picture in BGR."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from background_subtraction.compositing.background_blur import blur_around
from background_subtraction.sources.selection import Selection
from model_api.mattes.guided_filter import grey, grey_of
from model_api.mattes.matte import DenseMatte
from model_api.models.robust_video_matting import scaled
from model_api.pictures.colour_space import ColourSpace
from model_api.pictures.picture import bgr_of, bgr_through, plain_picture, size_of
from model_api.pictures.yuv_image import CHROMA_STEPS, Plane, YuvFormat, YuvImage, shrink_chroma, yuv_of
from model_api.resize import RESIZE_TYPES, cover
from model_api.types import Alpha, Image, Size

SPACES = [ColourSpace("bt709"), ColourSpace("bt601", full_range=True), ColourSpace("bt2020", depth=10)]
SIZES = [(64, 48), (65, 49), (61, 47)]
ANY_FORMAT = pytest.mark.parametrize(
    "form", [YuvFormat(space, chroma) for space in SPACES for chroma in CHROMA_STEPS], ids=str
)

FINE_FORMAT = pytest.mark.parametrize(
    "form", [YuvFormat(space, chroma) for space in SPACES for chroma in ("420", "422", "444")], ids=str
)
"""Without those whose chroma is so coarse that a smooth picture is not the same any more."""


def smooth(size: Size, seed: int, block_px: int = 12) -> Image:
    """Soft colours, none of them near a limit."""
    rng = np.random.default_rng(seed)
    small = rng.integers(70, 190, (-(-size[1] // block_px), -(-size[0] // block_px), 3), np.uint8)
    return cv2.resize(small, size, interpolation=cv2.INTER_CUBIC)


def noise(form: YuvFormat, size: Size, seed: int = 0) -> YuvImage:
    """Random codes, which no conversion would bring back."""
    rng = np.random.default_rng(seed)
    peak = 1 << form.space.depth
    y, u, v = (
        rng.integers(0, peak, wh[::-1]).astype(form.dtype) for wh in (size, form.chroma_wh(size), form.chroma_wh(size))
    )
    return YuvImage(y, u, v, form.space)


def flat_codes(code: int) -> YuvImage:
    """4×4 pixels in 4:2:0 whose planes have this code everywhere."""
    y, u, v = (np.full((side, side), code, np.uint8) for side in (4, 2, 2))
    return YuvImage(y, u, v, ColourSpace())


def disc(size: Size) -> Alpha:
    rows, columns = np.mgrid[: size[1], : size[0]]
    return np.clip((min(size) / 3 - np.hypot(rows - size[1] / 2, columns - size[0] / 2)) / 6, 0, 1).astype(np.float32)


def apart(one: Plane, other: Plane) -> Plane:
    return np.abs(one.astype(int) - other)


@pytest.mark.parametrize("size", SIZES)
@ANY_FORMAT
def test_alpha_1_and_0_copy_the_very_samples(form: YuvFormat, size: Size) -> None:
    person, scene = noise(form, size, 1), noise(form, size, 2)
    alpha = np.zeros(size[::-1], np.float32)
    alpha[8:32, 12:40] = 1  # samples of chroma begin and end there in every format
    composite = DenseMatte(person, alpha).over(scene)
    for plane, own, behind, share in zip(
        composite.planes, person.planes, scene.planes, (alpha, *[shrink_chroma(alpha, form.chroma)] * 2), strict=True
    ):
        np.testing.assert_array_equal(plane, np.where(share == 1, own, behind))
    assert composite.format == form


def test_chroma_is_blended_with_the_mean_of_its_four_alphas() -> None:
    """By hand: alphas 255, 255, 0 and 2 have the mean 128; 128/255 · 200 + 127/255 · 100 = 150.2."""
    levels = np.zeros((4, 4), np.uint8)
    levels[:2, :2] = [[255, 255], [0, 2]]
    levels[2:, 2:] = 255
    person, scene = (flat_codes(code) for code in (200, 100))
    alpha = levels.astype(np.float32) / np.float32(255)
    composite = DenseMatte(person, alpha.astype(np.float32)).over(scene)
    np.testing.assert_array_equal(composite.u, [[150, 100], [100, 200]])
    np.testing.assert_array_equal(composite.v, composite.u)
    np.testing.assert_array_equal(composite.y[:2, :2], [[200, 200], [100, 101]])


def test_chroma_at_an_odd_edge_has_the_alphas_that_there_are() -> None:
    """By hand, 3×3 pixels: at the right edge two share a sample, at the corner it is one alone."""
    levels = np.array([[0, 0, 100], [0, 0, 200], [40, 80, 60]], np.uint8)
    np.testing.assert_array_equal(shrink_chroma(levels, "420"), [[0, 150], [60, 60]])


@pytest.mark.parametrize("size", SIZES)
@ANY_FORMAT
def test_a_composite_in_planes_is_the_composite_in_bgr(form: YuvFormat, size: Size) -> None:
    """Colours and alphas of whole samples of chroma: then only rounding differs, of 8-bit codes to both sides."""
    across, down = CHROMA_STEPS[form.chroma]
    whole = size[0] - size[0] % across, size[1] - size[1] % down
    small = whole[0] // across, whole[1] // down
    images = [cv2.resize(smooth(small, seed, 3), whole, interpolation=cv2.INTER_NEAREST) for seed in (1, 2)]
    alpha = cv2.resize(disc(small), whole, interpolation=cv2.INTER_NEAREST)
    frame, background = (yuv_of(image, form) for image in images)
    for colours, most in ((frame.bgr, 4), (None, 9)):  # the person's colours as they are, and estimated at a small size
        in_planes = DenseMatte(frame, alpha, colours).over(background).bgr
        difference = apart(in_planes, DenseMatte(frame.bgr, alpha, colours).over(background.bgr))
        assert difference.max() <= most
        assert difference.mean() < 0.6


@pytest.mark.parametrize("size", SIZES)
@FINE_FORMAT
def test_colours_that_a_network_answers_are_composited_alike(form: YuvFormat, size: Size) -> None:
    image, colours, background = (smooth(size, seed) for seed in range(3))
    alpha = np.full(size[::-1], 0.5, np.float32)
    in_planes = DenseMatte(yuv_of(image, form), alpha, colours).over(yuv_of(background, form)).bgr
    difference = apart(in_planes, DenseMatte(image, alpha, colours).over(background))
    assert difference.mean() < 2.5  # chroma in fours of a smooth picture
    assert np.percentile(difference, 90) <= 6


@pytest.mark.parametrize("resize_type", RESIZE_TYPES)
@FINE_FORMAT
def test_a_network_sees_the_same_picture(form: YuvFormat, resize_type: str) -> None:
    for size, input_wh in (((322, 242), (96, 64)), ((321, 179), (64, 64)), ((161, 120), (80, 96))):
        picture = yuv_of(smooth(size, 3, 40), form)
        fit = RESIZE_TYPES[resize_type](size, input_wh)
        seen, of_bgr = fit.apply(picture), fit.apply(picture.bgr)
        assert seen.shape == of_bgr.shape
        difference = apart(seen, of_bgr)
        assert difference.mean() < 1
        assert np.percentile(difference, 99) <= 4


@pytest.mark.parametrize("size", [(640, 360), (641, 359)])
@FINE_FORMAT
def test_robust_video_matting_sees_the_same_picture(form: YuvFormat, size: Size) -> None:
    picture = yuv_of(smooth(size, 4, 60), form)
    small = int(size[0] * 0.37), int(size[1] * 0.37)
    seen, of_bgr = (
        bgr_through(seen, lambda plane: scaled(plane, 0.37, small, size)) for seen in (picture, picture.bgr)
    )
    assert apart(seen, of_bgr).mean() < 1
    assert np.percentile(apart(seen, of_bgr), 99) <= 2


@pytest.mark.parametrize("size", SIZES)
@ANY_FORMAT
def test_the_guide_of_planes_is_the_grey_of_their_colours(form: YuvFormat, size: Size) -> None:
    picture = yuv_of(smooth(size, 5), form)
    whole = grey(picture.bgr)
    for tile in ((slice(0, size[1]), slice(0, size[0])), (slice(5, 22), slice(7, 30)), (slice(9, 47), slice(4, 61))):
        np.testing.assert_allclose(grey_of(picture)(tile), whole[tile], atol=0.7)


@ANY_FORMAT
def test_formats_with_more_samples_give_the_picture_back(form: YuvFormat) -> None:
    picture = noise(form, (65, 49))
    finest = picture.in_format(YuvFormat(ColourSpace(form.space.matrix, form.space.full_range, 12), "444"))
    for plane, was in zip(finest.in_format(form).planes, picture.planes, strict=True):
        np.testing.assert_array_equal(plane, was)


@FINE_FORMAT
def test_backgrounds_are_made_in_the_form_of_the_frame(form: YuvFormat) -> None:
    plain = plain_picture((30, 120, 200), (65, 49), form)
    assert isinstance(plain, YuvImage)
    assert plain.size == (65, 49)
    assert apart(plain.bgr, np.full((49, 65, 3), (30, 120, 200), np.uint8)).max() <= 2
    picture = yuv_of(smooth((120, 80), 6, 40), form)
    for made, expected in (
        (cover(picture, (65, 49)), cover(picture.bgr, (65, 49))),
        (
            blur_around(picture, np.zeros((80, 120), np.uint8), 9),
            blur_around(picture.bgr, np.zeros((80, 120), np.uint8), 9),
        ),
    ):
        assert size_of(made) == size_of(expected)
        assert isinstance(made, YuvImage)
        assert apart(made.bgr, bgr_of(expected)).mean() < 2.5


@FINE_FORMAT
def test_a_resized_source_stays_in_planes(form: YuvFormat) -> None:
    picture = yuv_of(smooth((160, 120), 7, 60), form)
    ((resized, _),) = Selection(size=(81, 61)).of(iter([(picture, Selection().start_s)]))
    assert isinstance(resized, YuvImage)
    assert resized.size == (81, 61)
    assert apart(resized.bgr, cv2.resize(picture.bgr, (81, 61), interpolation=cv2.INTER_AREA)).mean() < 1.5


def test_where_nobody_is_the_background_is_the_composite() -> None:
    form = YuvFormat(ColourSpace())
    scene = noise(form, (64, 48), 1)
    composite = DenseMatte(noise(form, (64, 48)), np.zeros((48, 64), np.float32)).over(scene)
    for plane, behind in zip(composite.planes, scene.planes, strict=True):
        np.testing.assert_array_equal(plane, behind)
        assert plane is not behind


def test_cut_out_colours_are_not_mixed_with_black() -> None:
    """A person of one colour keeps it at soft edges; alpha says how much of it is seen."""
    form = YuvFormat(ColourSpace())
    person = plain_picture((40, 90, 180), (64, 48), form)
    alpha = disc((64, 48))
    cut = DenseMatte(person, alpha).cut_out(form)
    assert isinstance(cut, YuvImage)
    assert apart(cut.bgr[alpha > 0.3], np.array([40, 90, 180])).max() <= 2
    assert cut.bgr[0, 0].tolist() == [0, 0, 0]
