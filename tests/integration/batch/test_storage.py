"""s3:// and http://, each a real server on this machine: read from there, written there whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COMMAND, TIMEOUT_S, RunDemo, one_line
from tests.support.batches import FRAMES, NAME, is_whole, write_clips
from tests.support.web import Web, cut, serving, status

pytestmark = pytest.mark.slow


class Bucket:
    """An S3 bucket, and the command with the environment that finds it."""

    def __init__(self, name: str, environment: dict[str, str], start_demo: RunDemo, model: Path) -> None:
        import s3fs

        self.address = f"s3://{name}"
        self.files: Any = s3fs.S3FileSystem(
            endpoint_url=environment["AWS_ENDPOINT_URL"], key="a", secret="b", skip_instance_cache=True
        )
        self.files.mkdir(name)
        self.name = name
        self.model = model
        self.environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._start_demo = start_demo

    def convert(self, *words: object) -> subprocess.CompletedProcess[str]:
        options = ("-m", self.model, "--target_bgr", "black", *words)
        return self._start_demo(*options, env=self.environment)

    def names(self, folder: str) -> list[str]:
        self.files.invalidate_cache()
        return [str(name).removeprefix(f"{self.name}/{folder}/") for name in self.files.find(f"{self.name}/{folder}")]


@pytest.fixture
def bucket(
    s3_environment: dict[str, str], start_demo: RunDemo, models: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Bucket:
    """A new bucket with clips in in/ and in/more/, one of them bad."""
    name = f"bucket-{abs(hash(request.node.name)) % 10**9}"
    made = Bucket(name, s3_environment, start_demo, models / "red.onnx")
    for number, clip in enumerate(write_clips(tmp_path / "clips", 2)):
        made.files.put_file(str(clip), f"{name}/in/{number}.mp4")
    made.files.put_file(str(tmp_path / "clips" / "1.mp4"), f"{name}/in/more/1.mp4")
    made.files.pipe_file(f"{name}/in/text.mp4", b"no video")
    return made


def test_from_a_bucket_into_it(bucket: Bucket, tmp_path: Path) -> None:
    words = ("-i", f"{bucket.address}/in/", "-o", f"{bucket.address}/out/", "--recursive")
    done = bucket.convert(*words)
    assert f"1 of 4 inputs failed: {bucket.address}/in/text.mp4: cannot be decoded" in one_line(done)
    assert bucket.names("out") == ["0.mp4", "1.mp4", NAME, "more/1.mp4"]
    for number, name in ((0, "0.mp4"), (1, "1.mp4"), (1, "more/1.mp4")):
        bucket.files.get_file(f"{bucket.name}/out/{name}", str(tmp_path / "got.mp4"))
        assert is_whole(tmp_path / "got.mp4", number, FRAMES)
    lines = bucket.files.cat_file(f"{bucket.name}/out/{NAME}").decode().splitlines()
    assert sorted(json.loads(line)["status"] for line in lines[4:]) == ["done", "done", "done", "failed"]

    assert "0 of 4 clips done, 3 skipped, 1 failed" in bucket.convert(*words, "--resume").stdout
    assert "3 outputs exist already" in one_line(bucket.convert(*words))
    onto = bucket.convert("-i", f"{bucket.address}/in/0.mp4", "-o", f"{bucket.address}/in/")
    assert "is the input itself, and would be overwritten" in one_line(onto)


def test_images_and_patterns(bucket: Bucket) -> None:
    many = bucket.convert(
        "-i",
        f"{bucket.address}/in/*.mp4",
        "--output_alpha",
        f"{bucket.address}/alphas",
        "--output_type",
        "png_sequence",
    )
    assert "2 of 3 clips done, 1 failed" in many.stdout
    assert bucket.names("alphas")[:2] == ["0/0000.png", "0/0001.png"]
    one = bucket.convert("-i", f"{bucket.address}/in/0.mp4", "-o", f"{bucket.address}/numbered/f_%02d.png")
    assert (one.returncode, one.stderr) == (0, "")
    assert bucket.names("numbered") == [NAME, *(f"f_{number:02d}.png" for number in range(FRAMES))]


def test_what_is_broken_off_is_not_there(bucket: Bucket, tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "long", 1, 1000)
    bucket.files.put_file(str(clip), f"{bucket.name}/long/0.mp4")
    command = [
        sys.executable, str(COMMAND), "-m", str(bucket.model), "-i", f"{bucket.address}/long/", "--loop", "-o",
        f"{bucket.address}/broken/", "--no_show",
    ]  # fmt: skip
    environment = {**bucket.environment, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + TIMEOUT_S
    while not [*tmp_path.glob("background_subtraction-*/0/*.part.mp4")]:
        assert time.monotonic() < deadline_s
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, len(stderr.splitlines())) == (1, 1), stderr
    assert bucket.names("broken") == [NAME]
    assert not [*tmp_path.glob("background_subtraction-*")], "the temporary folder is gone"


def test_a_bucket_that_is_not_there(bucket: Bucket) -> None:
    assert "s3://no-such-bucket/in/: " in one_line(bucket.convert("-i", "s3://no-such-bucket/in/", "-o", "out"))
    failed = bucket.convert("-i", f"{bucket.address}/in/gone.mp4", f"{bucket.address}/in/0.mp4", "-o", "out")
    assert f"1 of 2 inputs failed: {bucket.address}/in/gone.mp4: cannot be read" in one_line(failed)
    unknown = one_line(bucket.convert("-i", f"{bucket.address}/in/0.mp4", "-o", "nfs://host/out/"))
    assert "nfs://: nothing is written there. Expected a file, or one of" in unknown


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


def test_over_http(models: Path, tmp_path: Path, start_demo: RunDemo, web: Web) -> None:
    """Read, and written by PUT. What a server breaks off in the middle fails, and is no short clip."""
    pytest.importorskip("aiohttp", reason="the extra storage is not installed")
    clips = [path.read_bytes() for path in write_clips(tmp_path / "clips", 3)]
    whole = web.offer("/in/0.mp4", clips[0])
    half = web.offer("/in/1.mp4", clips[1], cut(len(clips[1]) // 2, ranges=False))
    gone = web.offer("/in/2.mp4", clips[2], status(404))
    done = start_demo(
        "-m", models / "red.onnx", "-i", whole, half, gone, "-o", f"{web.address}/out/", "--target_bgr", "black"
    )
    assert "2 of 3 inputs failed: " in one_line(done)
    assert f"{half}: " in done.stderr
    assert f"{gone}: its server does not give it (Server returned 404 Not Found)" in done.stderr
    assert [path for path in web.files if path.startswith("/out/")] == [f"/out/{NAME}", "/out/0.mp4"]
    (tmp_path / "got.mp4").write_bytes(web.files["/out/0.mp4"])
    assert is_whole(tmp_path / "got.mp4", 0, FRAMES)
