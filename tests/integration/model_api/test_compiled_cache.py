"""--cache_dir: a damaged file in it is never used, nor is one that does not belong there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model_api import Frame, InferenceOptions, OptionError, create_model
from model_api.adapters.compiled_cache import require_cache
from model_api.pipelines.async_pipeline import AsyncPipeline
from model_api.types import Alpha
from tests.conftest import RunDemo, one_line
from tests.support.media import indexed, write_images

PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
PLACES = (0, 8, 100, 1000, *range(2000, 60_000, 5000))
"""Bytes of the file that are changed, as shares of its length in 1/60000."""


def alpha_of(cache: Path | None, device: str = "CPU") -> Alpha:
    """Of a bundled network, whose numbers are most of what a cache holds."""
    options = InferenceOptions(cache_dir=None if cache is None else str(cache))
    with create_model("portrait", device, inference=options) as model:
        (result,) = AsyncPipeline(model).run([Frame(0, PICTURE)])
        return result.matte.alpha


def kept(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_a_second_start_takes_the_file_of_the_first(tmp_path: Path) -> None:
    """It is the same file then: OpenVINO writes another one wherever it compiles."""
    first, (file,) = alpha_of(tmp_path), kept(tmp_path)
    before = file.stat()
    second = alpha_of(tmp_path)
    assert [(path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in kept(tmp_path)] == [
        (file.name, before.st_mtime_ns, before.st_ino)
    ]
    np.testing.assert_array_equal(first, second)
    assert list(tmp_path.rglob("*")) == [file.parent, file]


def test_damaged_files_are_never_used(tmp_path: Path) -> None:
    expected = alpha_of(tmp_path)
    (file,) = kept(tmp_path)
    content = file.read_bytes()
    for place in PLACES:
        damaged = bytearray(content)
        damaged[len(content) * place // 60_000] ^= 0x40
        file.write_bytes(damaged)
        np.testing.assert_array_equal(alpha_of(tmp_path), expected)
        assert all(path.read_bytes() != damaged for path in kept(tmp_path))
        file.write_bytes(content)


def test_files_of_other_networks_are_not_read(tmp_path: Path) -> None:
    """To check one takes time with its size. A damaged one of another network, or size, waits until that is needed."""
    alpha_of(tmp_path)
    with create_model("clean_plate", inference=InferenceOptions(cache_dir=str(tmp_path))) as model:
        model.compile_for((64, 48))
    first, other = sorted(kept(tmp_path), key=lambda path: path.stat().st_mtime_ns)
    assert first.parent != other.parent
    other.write_bytes(b"damaged")
    alpha_of(tmp_path)
    assert {path.name for path in kept(tmp_path)} == {first.name, other.name}
    with create_model("clean_plate", inference=InferenceOptions(cache_dir=str(tmp_path))) as model:
        model.compile_for((64, 48))
    assert all(path.read_bytes() != b"damaged" for path in kept(tmp_path))


@pytest.mark.parametrize("content", [b"", b"junk"])
def test_a_file_of_another_program_is_neither_used_nor_touched(tmp_path: Path, content: bytes) -> None:
    expected = alpha_of(tmp_path)
    (file,) = kept(tmp_path)
    own = file.parent / f"{file.name.partition('.')[0]}.blob"
    own.write_bytes(content)
    file.unlink()
    np.testing.assert_array_equal(alpha_of(tmp_path), expected)
    assert own.read_bytes() == content
    assert len(kept(tmp_path)) == 2


def test_a_folder_that_another_program_deletes_meanwhile_is_no_error(tmp_path: Path) -> None:
    """A link to nothing is there when the cache is listed and gone when it is looked at, as such a folder is."""
    (tmp_path / ".compiling-gone").symlink_to(tmp_path / "nowhere")
    require_cache(str(tmp_path))


@pytest.mark.parametrize("device", ["AUTO", "HETERO:CPU"])
def test_devices_that_choose_among_others_use_it_too(tmp_path: Path, device: str) -> None:
    np.testing.assert_allclose(alpha_of(tmp_path, device), alpha_of(tmp_path, device), atol=1e-6)
    assert kept(tmp_path)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("folder", ["file", "file/below", "/proc/nowhere"])
def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, run_demo: RunDemo, folder: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    write_images(tmp_path / "in", [indexed(1)])
    done = run_demo("-i", tmp_path / "in", "-o", "out.png", "--cache_dir", folder)
    line = one_line(done)
    assert done.returncode == 2
    assert f"--cache_dir: {folder}: cannot be written (" in line
    with pytest.raises(OptionError, match="cache_dir: "):
        alpha_of(tmp_path / "file")
