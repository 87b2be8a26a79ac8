"""Colour spaces, transfer functions and tone mapping against the values that the standards print."""

from __future__ import annotations

import numpy as np
import pytest

from model_api.pictures.colour_space import ColourSpace, between_primaries
from model_api.pictures.colour_tags import ColourTags, assumed_matrix, tags_of, written_tags
from model_api.pictures.screen import codes_of_screen, rolled_off, screen_bgr
from model_api.pictures.transfer import hlg_scene, hlg_signal, light_of, pq_nits, pq_signal, signal_of
from model_api.types import Floats, Image

BLUE, GREEN, RED, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
PQ_CODES = {0: 0.0, 100: 0.5081, 203: 0.5807, 1000: 0.7518, 4000: 0.9026, 10_000: 1.0}
"""cd/m² -> signal: ITU-R BT.2408-7, table 1 and annex 5."""


def one(bgr: tuple[int, int, int]) -> Image:
    return np.full((1, 1, 3), bgr, np.uint8)


def grey_nits(nits: float) -> Floats:
    """(1, 1, 3) codes of grey in 10-bit PQ, limited range."""
    return np.array([[[64 + 876 * float(pq_signal(np.array(nits))), 512, 512]]], np.float32)


@pytest.mark.parametrize(
    ("matrix", "bgr", "codes"),
    [
        # Colour bars of 100 % as BT.601 and BT.709 define them, in 8 bits: SMPTE RP 219 and EBU Tech 3213 list them.
        ("bt709", RED, (63, 102, 240)), ("bt709", GREEN, (173, 42, 26)), ("bt709", BLUE, (32, 240, 118)),
        ("bt601", RED, (81, 90, 240)), ("bt601", GREEN, (145, 54, 34)), ("bt601", BLUE, (41, 240, 110)),
        ("bt709", WHITE, (235, 128, 128)),
    ],
)  # fmt: skip
def test_colour_bars_have_the_codes_of_their_standard(
    matrix: str, bgr: tuple[int, int, int], codes: tuple[int, int, int]
) -> None:
    space = ColourSpace(matrix)
    assert np.rint(codes_of_screen(one(bgr), space)).ravel().tolist() == list(codes)
    shown = screen_bgr(np.array([[codes]], np.float32), space)
    assert np.abs(shown.astype(int) - bgr).max() <= 2  # codes are rounded


@pytest.mark.parametrize("depth", [8, 10, 12, 16])
@pytest.mark.parametrize("full_range", [False, True])
def test_bgr_survives_each_space(depth: int, full_range: bool) -> None:
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    for matrix in ("bt601", "bt709", "bt2020", "fcc", "smpte240m"):
        space = ColourSpace(matrix, full_range, depth)
        assert np.array_equal(screen_bgr(codes_of_screen(image, space), space), image)


@pytest.mark.parametrize(("nits", "signal"), PQ_CODES.items())
def test_pq_is_as_printed(nits: int, signal: float) -> None:
    assert float(pq_signal(np.array(nits))) == pytest.approx(signal, abs=5e-5)
    assert float(pq_nits(pq_signal(np.array(nits)))) == pytest.approx(nits, rel=1e-6, abs=1e-6)


def test_hlg_is_as_printed() -> None:
    """BT.2100, table 5: half the signal is a twelfth of the light. BT.2408: 75 % are 203 cd/m², 38 % are 26."""
    assert float(hlg_scene(np.array(0.5))) == pytest.approx(1 / 12)
    assert float(hlg_scene(np.array(1))) == pytest.approx(1, abs=1e-6)
    signals = np.linspace(0, 1, 101)
    assert np.allclose(hlg_signal(hlg_scene(signals)), signals, atol=1e-6)
    grey = np.full((1, 1, 3), 0.75, np.float32)
    assert float(light_of(grey, "hlg").max()) * 203 == pytest.approx(203, abs=0.5)
    assert float(light_of(grey * 0 + np.float32(0.38), "hlg").max()) * 203 == pytest.approx(26, abs=0.5)


@pytest.mark.parametrize("transfer", ["sdr", "pq", "hlg"])
def test_signals_survive(transfer: str) -> None:
    signal = np.random.default_rng(2).random((16, 16, 3), np.float32)
    assert np.abs(signal_of(light_of(signal, transfer), transfer) - signal).max() < 2e-3


def test_primaries_are_converted_as_bt_2087_prints() -> None:
    printed = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]  # red, green, blue
    assert np.allclose(between_primaries("bt2020", "bt709")[::-1, ::-1], printed, atol=1e-4)


@pytest.mark.parametrize(
    ("nits", "level", "off"), [(0, 0, 0), (20, 97, 1), (100, 190, 1), (203, 255, 8), (1000, 255, 0)]
)
def test_hdr_white_is_white_on_an_sdr_screen(nits: int, level: int, off: int) -> None:
    """A screen of 203 cd/m² shows (nits / 203) ** (1 / 2.4) (BT.1886). Near white the roll-off has begun."""
    space = ColourSpace("bt2020", depth=10, transfer="pq", primaries="bt2020")
    assert np.abs(screen_bgr(grey_nits(nits), space).astype(int) - level).max() <= off


def test_roll_off_is_smooth_and_rises() -> None:
    curve = rolled_off(np.linspace(0, 1.9432, 2000, dtype=np.float32))
    steps = np.diff(curve)
    assert (steps > 0).all()
    assert curve.max() == pytest.approx(1, abs=1e-3)
    assert np.abs(np.diff(steps)).max() < 4e-5  # no corner: the curve's slope has no jump


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_sdr_white_is_203_nits_in_hdr(transfer: str) -> None:
    """BT.2408: 58 % in PQ, 75 % in HLG."""
    space = ColourSpace("bt2020", depth=10, transfer=transfer, primaries="bt2020")
    luma, *chroma = codes_of_screen(one(WHITE), space).ravel()
    assert (luma - 64) / 876 == pytest.approx({"pq": 0.5807, "hlg": 0.75}[transfer], abs=1e-3)
    assert np.allclose(chroma, 512, atol=0.6)


@pytest.mark.parametrize("transfer", ["sdr", "pq", "hlg"])
def test_colours_of_a_background_come_back_from_hdr(transfer: str) -> None:
    image = np.random.default_rng(3).integers(0, 236, (16, 16, 3), np.uint8)  # below the roll-off
    space = ColourSpace("bt2020", depth=12, transfer=transfer, primaries="bt2020")
    back = screen_bgr(np.rint(codes_of_screen(image, space)), space).astype(int)
    bright = image.min(axis=2) > 24  # the darkest codes are coarse
    assert np.abs(back - image)[bright].max() <= 2


@pytest.mark.parametrize(
    ("size", "matrix"),
    [((720, 480), "bt601"), ((720, 576), "bt601"), ((1024, 576), "bt601"), ((1280, 536), "bt709"),
     ((960, 720), "bt709"), ((1920, 1080), "bt709"), ((480, 854), "bt709")],
)  # fmt: skip
def test_untagged_videos_are_taken_as_players_take_them(size: tuple[int, int], matrix: str) -> None:
    """mpv's rule: width >= 1280 or height > 576."""
    assert assumed_matrix(size) == ColourTags().space(size).matrix == matrix


def test_tags_are_read() -> None:
    pq = ColourTags(9, 9, 16, 1).space((1920, 1080), 10)
    assert pq == ColourSpace("bt2020", depth=10, transfer="pq", primaries="bt2020")
    assert ColourTags(5, 5, 6, 2).space((1920, 1080)) == ColourSpace("bt601", full_range=True)
    assert ColourTags(transfer=18).space((640, 360), 10).matrix == "bt2020"  # HLG exists only there


def test_what_a_file_does_not_say_stays_unsaid_only_where_players_assume_the_same() -> None:
    hd, sd = (1280, 720), (640, 360)
    unknown = ColourTags()
    space = unknown.space(hd)
    assert written_tags(unknown, space, hd) == unknown
    assert written_tags(unknown, space, sd).matrix == 1
    tagged = ColourTags(5, 5, 6, 1)
    assert written_tags(tagged, tagged.space(hd), sd) == tagged


def test_names_and_numbers_agree() -> None:
    for matrix in ("bt601", "bt709", "bt2020"):
        for transfer in ("sdr", "pq", "hlg"):
            space = ColourSpace(matrix, True, 8, transfer, "bt2020" if matrix == "bt2020" else "bt709")
            assert tags_of(space).space((64, 48)) == space


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_tone_mapping_is_the_formula(transfer: str) -> None:
    """BT.2100's steps in double precision, for colours anywhere in 10 bits."""
    codes = np.random.default_rng(0).integers(64, 940, (256, 256, 3)).astype(np.float64)
    space = ColourSpace("bt2020", depth=10, transfer=transfer, primaries="bt2020")
    signal = np.clip((codes @ space.to_bgr[:, :3].T.astype(np.float64) + space.to_bgr[:, 3]) / 255, 0, 1)
    if transfer == "pq":
        light = pq_nits(signal) / 203
    else:
        scene = hlg_scene(signal)
        luminance = scene @ np.array([0.0593, 0.678, 0.2627])
        light = scene * luminance[..., None] ** 0.2 * 1000 / 203
    shown = np.maximum(light @ between_primaries("bt2020", "bt709").T.astype(np.float64), 0) ** (1 / 2.4)
    brightest = np.maximum(shown.max(axis=2), 1e-9)
    exact = np.rint(shown * (rolled_off(brightest) / brightest)[..., None] * 255).clip(0, 255)
    off = np.abs(screen_bgr(codes.astype(np.float32), space) - exact)
    assert off.max() <= 3
    assert (off > 0).mean() < 0.005
