"""What a file says about its pixels, and its pixels, come out as they went in."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest

from background_subtraction.image_files import read_picture
from background_subtraction.sinks.formats import CODECS
from background_subtraction.sinks.pictures import target_of
from background_subtraction.sources.open import open_source
from background_subtraction.sources.pictures import BGR_FORM, light_levels_of
from model_api.pictures.transfer import pq_signal
from tests.conftest import RunDemo
from tests.support.colours import TAGS, bars, pass_through, read_planes, write_planes

BT709 = dict(zip(TAGS, (1, 1, 1, 1), strict=True))
BT601 = dict(zip(TAGS, (5, 5, 6, 1), strict=True))
FULL = dict(zip(TAGS, (1, 1, 1, 2), strict=True))
BT2020 = dict(zip(TAGS, (9, 9, 14, 1), strict=True))
PQ = dict(zip(TAGS, (9, 9, 16, 1), strict=True))
HLG = dict(zip(TAGS, (9, 9, 18, 1), strict=True))
HD, SD = (1280, 720), (320, 240)
O = 1 << 16  # noqa: E741
ORIENTATIONS = {
    "upright": (O, 0, 0, O), "mirrored": (-O, 0, 0, O), "half a turn": (-O, 0, 0, -O), "upside down": (O, 0, 0, -O),
    "transposed": (0, O, O, 0), "clockwise": (0, O, -O, 0), "transverse": (0, -O, -O, 0),
    "counterclockwise": (0, -O, O, 0),
}  # fmt: skip
"""a, b, c, d of the display matrix: (x, y) is shown at (a·x + c·y, b·x + d·y)."""


@pytest.mark.parametrize("size", [HD, SD])
@pytest.mark.parametrize("tags", [{}, BT709, BT601, FULL, BT2020], ids=["untagged", "709", "601", "full", "2020"])
def test_five_passes_keep_pixels_and_tags(tmp_path: Path, size: tuple[int, int], tags: dict[str, int]) -> None:
    path = write_planes(tmp_path / "0.mkv", [bars(*size)], "yuv420p", tags=tags)
    before, tags_before, _ = read_planes(path)
    for number in range(1, 6):
        path = pass_through(path, tmp_path / f"{number}.mp4")
    after, tags_after, _ = read_planes(path)
    assert tags_after == tags_before
    for plane, was in zip(after, before, strict=True):
        difference = plane.astype(int) - was
        assert abs(difference.mean()) < 0.3  # x264 at its default quality
        assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("size", [HD, SD])
def test_untagged_video_looks_as_in_players(tmp_path: Path, size: tuple[int, int]) -> None:
    """Pure red: Y, Cb, Cr by BT.709 in HD, by BT.601 in SD."""
    codes = (63, 102, 240) if size == HD else (81, 90, 240)
    planes = [np.full((size[1] // n, size[0] // n), code, np.uint8) for n, code in zip((1, 2, 2), codes, strict=True)]
    path = write_planes(tmp_path / "red.mp4", [planes], "yuv420p")
    with open_source(str(path)) as source:
        assert np.abs(next(iter(source)).image.astype(int) - (0, 0, 255)).max() <= 2


@pytest.mark.parametrize("pixel_format", ["yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv411p", "gray", "gbrp"])
@pytest.mark.parametrize("codec", ["ffv1", "rawvideo"])
def test_pixel_formats_show_the_same_grey(tmp_path: Path, pixel_format: str, codec: str) -> None:
    if codec == "ffv1" and pixel_format in ("nv12", "gbrp"):
        pytest.skip("FFV1 does not hold it")
    with av.open(str(tmp_path / "grey.nut"), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        image = np.full((48, 64, 3), 90, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=pixel_format)))
        container.mux(stream.encode())
    with open_source(str(tmp_path / "grey.nut")) as source:
        assert np.abs(next(iter(source)).image.astype(int) - 90).max() <= 2


def test_an_unknown_matrix_is_no_reason_to_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_planes(tmp_path / "odd.mkv", [bars(*SD)], "yuv420p", "ffv1", tags={"colorspace": 13})
    with open_source(str(path)) as source:
        assert next(iter(source)).size == SD
    said = f"{path}: colours by matrix 13 of ITU-T H.273 cannot be converted: taken for BT.601, they are not exact"
    assert caplog.messages == [said]


def test_constant_luminance_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Matrix 10 of H.273. The file's own planes and its tag go on as they are."""
    path = write_planes(tmp_path / "cl.mkv", [bars(*SD)], "yuv420p", tags={**BT2020, "colorspace": 10})
    planes, tags, _ = read_planes(pass_through(path, tmp_path / "out.mkv", "ffv1"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "colours by matrix 10 of ITU-T H.273 cannot be converted: taken for BT.2020" in caplog.messages[0]
    assert tags["colorspace"] == 10
    assert all((got == sent).all() for got, sent in zip(planes, read_planes(path)[0], strict=True))


@pytest.mark.parametrize(
    ("suffix", "codec", "square"),
    [(".mp4", "h264", False), (".mkv", "h264", False), (".mov", "prores", False), (".webm", "vp9", True),
     (".gif", "gif", True)],
)  # fmt: skip
def test_pixel_aspect_is_kept(tmp_path: Path, suffix: str, codec: str, square: bool) -> None:
    """320×240 with pixels of 64:45 are shown as 455×240, by the file's own word or with square pixels."""
    path = write_planes(tmp_path / "pal.mp4", [bars(*SD)], "yuv420p", aspect=Fraction(64, 45))
    _, _, (width, aspect) = read_planes(pass_through(path, tmp_path / f"out{suffix}", codec))
    if square:
        assert aspect == 1
        assert abs(width - 455) <= 1
    else:
        assert (width, aspect) == (320, Fraction(64, 45))


@pytest.mark.parametrize("view", ["composite", "side by side"])
@pytest.mark.parametrize("name", ["out.gif", "out.webm", "out.mp4", "out_%d.png"])
@pytest.mark.parametrize("aspect", [Fraction(64, 45), Fraction(8, 9)])
def test_pixels_that_are_not_square_stay_within_the_resolution(
    tmp_path: Path, name: str, view: str, aspect: Fraction
) -> None:
    """Both views are wider than 200×180, whatever their pixels are: so they are 200 wide."""
    path = write_planes(tmp_path / "pal.mp4", [bars(*SD)], "yuv420p", aspect=aspect)
    pass_through(path, tmp_path / name, view=view, resolution=(200, 180))
    with av.open(str(next(tmp_path.glob("out*")))) as container:
        frame: Any = next(container.decode(video=0))
        assert (frame.width, frame.height <= 180) == (200, True)


def test_a_pixel_that_is_no_pixel_is_square(tmp_path: Path) -> None:
    """Made square it would take 80 GB."""
    path = write_planes(tmp_path / "odd.mp4", [bars(*SD)], "yuv420p", aspect=Fraction(1, 60_000))
    with open_source(str(path)) as source:
        assert source.info.form.pixel_aspect == 1


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_orientation_is_turned_upright(tmp_path: Path, name: str) -> None:
    """Each stored point is looked up where the matrix shows it."""
    a, b, c, d = (number // O for number in ORIENTATIONS[name])
    luma = np.full((48, 64), 60, np.uint8)
    luma[:16, :16] = 200  # a corner, which tells all eight apart together with the sides
    luma[:16, 48:] = 130
    grey = np.full((24, 32), 128, np.uint8)
    matrix = [a * O, b * O, 0, c * O, d * O, 0, 0, 0, 1 << 30]
    path = write_planes(tmp_path / "turned.mp4", [[luma, grey, grey]], "yuv420p", matrix=matrix)
    with open_source(str(path)) as source:
        shown = next(iter(source)).image[..., 1].astype(int)
    assert source.info.size == ((48, 64) if b else (64, 48))
    for x, y, level in ((8, 8, 200), (56, 8, 130), (8, 40, 60), (56, 40, 60)):
        at_x, at_y = (a * x + c * y) % shown.shape[1], (b * x + d * y) % shown.shape[0]
        assert abs(shown[at_y, at_x] - round((level - 16) * 255 / 219)) <= 1


def test_interlaced_video_has_no_combs(tmp_path: Path) -> None:
    """A bar that moves between the two fields of a frame."""
    frames = []
    for number in range(10):
        luma = np.full((96, 128), 40, np.uint8)
        for field in (0, 1):
            left = 8 + 6 * (2 * number + field)
            luma[field::2, left : left + 24] = 200
        frames.append([luma, np.full((48, 64), 128, np.uint8), np.full((48, 64), 128, np.uint8)])
    path = write_planes(tmp_path / "i.mkv", frames, "yuv420p", options={"qp": "0", "x264-params": "tff=1"})
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    with open_source(str(path)) as source:
        shown = [frame.image[..., 1].astype(int) for frame in source]
    assert len(shown) == 10
    comb = max(np.abs(image[1:-1] - (image[:-2] + image[2:]) / 2)[8:-8].max() for image in shown[1:-1])
    assert comb < 40  # 186 before


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name"),
    [("libvpx-vp9", "yuva420p", "a.webm"), ("ffv1", "yuva420p", "a.mkv"), ("prores_ks", "yuva444p10le", "a.mov"),
     ("qtrle", "argb", "a.mov"), ("png", "rgba", "a.mov")],
)  # fmt: skip
def test_transparency_of_videos_is_seen(tmp_path: Path, codec: str, pixel_format: str, name: str) -> None:
    path = tmp_path / name
    image = np.zeros((48, 64, 4), np.uint8)
    image[..., 1] = 150
    image[:, 16:, 3], image[:, 48:, 3] = 128, 255
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        if codec == "prores_ks":
            stream.options = {"profile": "4444", "alpha_bits": "16"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgra").reformat(format=pixel_format)))
        container.mux(stream.encode())
    with open_source(str(path)) as source:
        frame = next(iter(source))
    assert frame.opacity is not None
    assert np.abs(frame.opacity[24, [4, 32, 60]].astype(int) - (0, 128, 255)).max() <= 2


def test_alphas_are_multiplied(models: Path, tmp_path: Path, run_demo: RunDemo) -> None:
    """Red is the person. The left half of the input is transparent, the middle half so."""
    image = np.zeros((48, 64, 4), np.uint8)
    image[..., 2] = 255
    image[:, 24:, 3], image[:, 40:, 3] = 128, 255
    cv2.imwrite(str(tmp_path / "in.png"), image)
    done = run_demo(
        "-m", models / "red_dynamic.onnx", "-i", tmp_path / "in.png", "--output_transparent", "cut.png",
        "--output_alpha", "alpha.png", "-o", "com.png", "--target_bgr", "0,0,255",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    columns = [4, 32, 60]
    cut = read_picture(tmp_path / "cut.png").astype(int)
    assert np.abs(cut[24, columns, 3] - (0, 128, 255)).max() <= 1
    assert not cut[24, 4].any()  # nothing of the hidden colours
    assert np.abs(read_picture(tmp_path / "alpha.png")[24, columns, 0].astype(int) - (0, 128, 255)).max() <= 1
    assert np.abs(read_picture(tmp_path / "com.png")[24, columns, 0].astype(int) - (255, 127, 0)).max() <= 1


def greys_in_pq(nits: tuple[int, ...]) -> list[Any]:
    codes = [round(64 + 876 * float(pq_signal(np.array(value)))) for value in nits]
    luma = np.repeat(np.array(codes, np.uint16), 64)[np.newaxis].repeat(64, 0)
    return [luma, *[np.full((32, luma.shape[1] // 2), 512, np.uint16)] * 2]


def test_hdr_is_tone_mapped_for_sdr_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A screen whose white is 203 cd/m² shows 20 and 100 as 97 and 190: (nits / 203) ** (1 / 2.4) · 255."""
    path = write_planes(tmp_path / "pq.mkv", [greys_in_pq((20, 100, 203, 1000))], "yuv420p10le", "libx265", tags=PQ)
    with open_source(str(path)) as source:
        image = next(iter(source)).image.astype(int)
    shown = [image[32, x].mean() for x in (32, 96, 160, 224)]
    assert np.abs(np.array(shown) - (97, 190, 249, 255)).max() <= 2
    with caplog.at_level(logging.WARNING):
        _, tags, _ = read_planes(pass_through(path, tmp_path / "sdr.mp4"))
    assert [tags["color_trc"], tags["color_primaries"]] == [6, 6]
    assert len(caplog.records) == 1
    assert "HDR (PQ)" in caplog.records[0].message


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_photographs_are_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    """PIL is the judge of EXIF's orientations."""
    image = np.full((48, 64, 3), 60, np.uint8)
    image[:16, :16], image[:16, 48:] = 220, 140
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{suffix}"
    PIL.Image.fromarray(image).save(path, exif=exif, quality=95)
    with PIL.Image.open(path) as stored:
        upright = np.asarray(PIL.ImageOps.exif_transpose(stored).convert("RGB")).astype(int)
    shown = read_picture(path)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright).mean() < 2


@pytest.mark.parametrize("transfer", [PQ, HLG], ids=["pq", "hlg"])
def test_hdr_is_kept_where_the_codec_can(tmp_path: Path, transfer: dict[str, int]) -> None:
    path = write_planes(tmp_path / "in.mkv", [bars(320, 240, 10)], "yuv420p10le", "libx265", tags=transfer)
    before, _, _ = read_planes(path)
    for codec, suffix in (("hevc", ".mkv"), ("av1", ".webm"), ("prores", ".mov")):
        after, tags, _ = read_planes(pass_through(path, tmp_path / f"out{suffix}", codec))
        assert tags == transfer
        assert after[0].dtype == np.uint16
        depth = 12 if codec == "prores" else 10  # FFmpeg decodes ProRes 4444 to 12 bits
        assert np.abs(after[0] / 2 ** (depth - 10) - before[0]).max() < 8


def test_screens_of_hdr10_go_along(tmp_path: Path) -> None:
    """x265 writes its options, and the decoder gives them back."""
    light = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=1000,400"
    path = write_planes(
        tmp_path / "in.mkv", [bars(320, 240, 10)], "yuv420p10le", "libx265", tags=PQ,
        options={"x265-params": f"log-level=error:lossless=1:{light}"},
    )  # fmt: skip
    for codec, suffix in (("hevc", ".mkv"), ("av1", ".webm")):
        out = pass_through(path, tmp_path / f"out{suffix}", codec)
        with av.open(str(out)) as container:
            found = light_levels_of(next(container.decode(video=0)))
        assert found is not None
        assert found.content_nits == (1000, 400)
        assert found.luminance_nits == pytest.approx((0.005, 1000), rel=0.02)
        assert found.primaries == pytest.approx((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), abs=1e-4)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_transparent_background_is_black(models: Path, tmp_path: Path, run_demo: RunDemo, kind: str) -> None:
    """Half of it is transparent, with white hidden there."""
    background = np.full((48, 64, 4), 255, np.uint8)
    background[:, :32, 3] = 0
    path = tmp_path / ("bg.png" if kind == "image" else "bg.mov")
    if kind == "image":
        cv2.imwrite(str(path), background)
    else:
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("png", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgba"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(background, format="bgra")))
            container.mux(stream.encode())
    cv2.imwrite(str(tmp_path / "in.png"), np.full((48, 64, 3), (200, 200, 0), np.uint8))  # no red: nobody
    done = run_demo("-m", models / "red_dynamic.onnx", "-i", tmp_path / "in.png", "-o", "out.png", "--target_bgr", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_picture(tmp_path / "out.png")[24, [8, 56], 0].tolist() == [0, 255]


def test_quick_sync_gets_tagged_nv12() -> None:
    """Most machines have no such encoder: what it would get is looked at."""
    target = target_of(CODECS["h264_qsv"], "nv12", BGR_FORM, HD, colours=True)
    frame = target.frame_of(np.full((720, 1280, 3), (0, 0, 255), np.uint8))
    luma, chroma = (np.frombuffer(plane, np.uint8) for plane in frame.planes)
    assert (frame.format.name, int(frame.colorspace), int(frame.color_range)) == ("nv12", 1, 1)
    assert (int(luma[0]), chroma[:2].tolist()) == (63, [102, 240])  # BT.709's red
