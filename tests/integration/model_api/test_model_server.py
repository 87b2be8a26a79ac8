"""--adapter ovms against a real server of KServe v2, over gRPC and HTTP."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino.preprocess import PrePostProcessor

from background_subtraction.sources.open import open_source
from model_api import AsyncPipeline, Frame, InferenceOptions, MattingModel, Result, create_model
from model_api.adapters.kserve import client
from model_api.errors import DeviceError, InferenceError, ModelFileError, ShapeError
from model_api.graph import loading
from model_api.preprocessing import ImageInput, Override, Preprocessing
from tests.conftest import COMMAND, SHARED, RunDemo, one_line
from tests.support.media import HEIGHT, WIDTH, barcode, indexed, indexed_frames, read_video, write_images, write_video
from tests.support.networks import STATE_STEP
from tests.support.server.serving import Server, serving

PROTOCOLS = ("grpc", "http")
UNIT_RANGE = Override(reverse_input_channels=True, mean_values=(127.5,) * 3, scale_values=(127.5,) * 3)
"""What the files of the networks of one image say, -1..1. A server does not pass it on."""
REAL = ("robust_video_matting_mobilenetv3", "rvm_mobilenetv3_fp32")

over_both = pytest.mark.parametrize("protocol", PROTOCOLS)
needs_stalling = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stalled here")


@pytest.fixture(scope="module")
def served(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test networks, some in other forms, and the real ones where they are."""
    folder = tmp_path_factory.mktemp("served")
    for path in models.glob("*.onnx"):
        (folder / path.name).symlink_to(path)
    for path in (SHARED / "models" / f"{name}.onnx" for name in REAL):
        if path.exists():
            (folder / path.name).symlink_to(path)
    (folder / "unready.onnx").symlink_to(models / "red.onnx")
    takes_bytes(models / "counting.onnx", folder / "bytes.xml")
    takes_halves(models / "red.onnx", folder / "halves.xml")
    return folder


@pytest.fixture(scope="module")
def server(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(served, tmp_path_factory.mktemp("server") / "log.txt") as running:
        yield running


@over_both
@pytest.mark.parametrize("name", ["counting", "bytes"])
def test_every_frame_gets_the_state_of_the_frame_before(server: Server, name: str, protocol: str) -> None:
    with server.model(name, protocol, requests=8) as model:
        results = list(AsyncPipeline(model).run(indexed_frames(30)))
    assert [result.frame.index for result in results] == list(range(30))
    for index, result in enumerate(results):
        colours = result.matte.foreground[0, 0]
        assert result.matte.alpha.min() == result.matte.alpha.max() == np.float32(index * STATE_STEP)
        assert colours[0] == index  # this frame's own blue
        assert colours[2] == max(index - 1, 0)  # the state: blue of the frame before


@over_both
def test_the_state_begins_anew_with_each_clip_and_size(server: Server, protocol: str) -> None:
    sizes = [(64, 48)] * 4 + [(80, 40)] * 2
    frames = [Frame(n, indexed(n, *size), clip=n // 2) for n, size in enumerate(sizes)]
    with server.model("counting_dynamic", protocol) as model:
        assert counts_seen(model, frames) == pytest.approx([0, 1, 0, 1, 0, 1])


@over_both
@pytest.mark.parametrize("requests", [None, 1, 8])
def test_several_requests_keep_the_order(server: Server, protocol: str, requests: int | None) -> None:
    with server.model("red", protocol, requests=requests, override=UNIT_RANGE) as model:
        assert model.max_requests({}) == (requests or 4)
        results = list(AsyncPipeline(model).run(indexed_frames(40)))
    assert [result.frame.index for result in results] == list(range(40))
    for index, result in enumerate(results):
        np.testing.assert_allclose(result.matte.alpha[:, WIDTH // 2], index / 255, atol=1e-5)


@over_both
@pytest.mark.parametrize("name", ["red_dynamic", "halves", "difference", "difference_dynamic", "counting_dynamic"])
def test_the_answers_are_those_of_a_local_run(server: Server, models: Path, name: str, protocol: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 2, HEIGHT + 2, WIDTH + 4, 3), np.uint8)
    frames = [Frame(n, image, clean_plate=plate) for n, (image, plate) in enumerate(pictures)]
    file = {"halves": "red"}.get(name, name)
    override = UNIT_RANGE if file.startswith("red") else Override()
    with create_model(models / f"{file}.onnx") as here, server.model(name, protocol, override=override) as there:
        local, remote = list(AsyncPipeline(here).run(frames)), list(AsyncPipeline(there).run(frames))
    assert largest_difference(local, remote) < (1e-3 if name == "halves" else 2e-6)
    # Colours are estimated from alphas in whole 255ths: those of half precision may be rounded to the level beside.
    assert largest_difference_of_colours(local, remote) <= (2 if name == "halves" else 1)


@pytest.mark.parametrize("name", REAL)
def test_real_networks_answer_as_in_a_local_run(server: Server, shared: Path, name: str) -> None:
    with open_source(str(shared / "media" / "juggle_720p.mp4")) as source:
        frames = list(islice(source, 5))
    inside = InferenceOptions(refiner_outside=False)  # as on the server
    with create_model(shared / "models" / f"{name}.onnx", inference=inside) as here, server.model(name) as there:
        local, local_fps = timed(here, frames)
        remote, remote_fps = timed(there, frames)
    alphas, colours = largest_difference(local, remote), largest_difference_of_colours(local, remote)
    print(f"{name}: alphas differ by {alphas:.1e} at most, colours by {colours}/255")
    print(f"{name}: {local_fps:.2f} frames/s here, {remote_fps:.2f} on the server")
    assert alphas < 1e-3
    assert colours <= 1


@over_both
def test_the_command_runs_on_a_server(server: Server, tmp_path: Path, run_demo: RunDemo, protocol: str) -> None:
    clip = write_video(tmp_path / "clip.mp4", (barcode(n) for n in range(12)))
    done = run_demo(
        "-m", server.address("counting_dynamic", protocol), "--adapter", "ovms", "-i", clip, "-o", "out.mp4",
        "-d", "GPU", "-nstreams", 2, "-nthreads", 1, "--cache_dir", "cache",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "device, streams, threads, cache_dir: on a model server the server decides this" in done.stdout
    assert len(read_video(tmp_path / "out.mp4")) == 12


@over_both
def test_clips_that_run_together_have_states_of_their_own(server: Server, protocol: str) -> None:
    clips = [[Frame(n, indexed(n)) for n in range(length)] for length in range(10, 16)]
    with (
        server.model("counting", protocol, clips=len(clips)) as model,
        ThreadPoolExecutor(len(clips)) as pool,
    ):
        counts = list(pool.map(partial(counts_seen, model), clips))
    assert counts == [list(range(len(clip))) for clip in clips]


REFUSED = {
    "unknown model": ("nonesuch", "does not give nonesuch: Model with name nonesuch does not exist"),
    "not ready": ("unready", "is not ready. Is it being loaded? Try again later"),
    "unknown contract": ("unknown", "unknown matches no known model. Found: inputs [a 1, b 1], outputs [sum 1]. Known"),
}


@over_both
@pytest.mark.parametrize("case", REFUSED)
def test_what_a_server_does_not_give_is_refused(
    server: Server, tmp_path: Path, run_demo: RunDemo, case: str, protocol: str
) -> None:
    name, expected = REFUSED[case]
    write_images(tmp_path / "in", [indexed(1)])
    done = run_demo("-m", server.address(name, protocol), "--adapter", "ovms", "-i", tmp_path / "in")
    line = one_line(done)
    print(line)
    assert expected in line
    assert done.returncode == 1


def test_a_version_that_the_server_refuses_is_refused(server: Server) -> None:
    """This server keeps no versions: https://github.com/kserve/kserve, python/kserve/kserve/protocol/rest."""
    address = f"{server.address('counting', 'http')}/versions/7"
    with pytest.raises(ModelFileError, match="does not give counting, version 7: Model versioning not supported yet"):
        create_model(address, adapter="ovms")


@pytest.mark.parametrize(("scheme", "port"), [("grpc", "http"), ("http", "grpc")])
def test_the_port_of_the_other_protocol_is_refused(server: Server, scheme: str, port: str) -> None:
    address = f"{scheme}://127.0.0.1:{server.ports[port]}/models/counting"
    with pytest.raises(
        DeviceError, match=f"No model server answers at .*is this its {scheme.swapcase()[0]}?"
    ) as caught:
        create_model(address, adapter="ovms")
    assert "\n" not in str(caught.value)


@over_both
def test_pictures_that_do_not_fit_are_told_by_wait(server: Server, protocol: str) -> None:
    with server.model("red", protocol) as model:
        ticket = model.adapter.start({"input": np.zeros((1, HEIGHT, WIDTH + 1, 3), np.uint8)})
        with pytest.raises(ShapeError, match=f"input 1×3×{HEIGHT}×{WIDTH} on the server .* 1×3×{HEIGHT}×{WIDTH + 1}"):
            model.adapter.wait(ticket)


@over_both
def test_what_the_server_cannot_compute_is_told_by_wait(server: Server, protocol: str) -> None:
    sizes = {"src": (1, 48, 64, 3), "bgr": (1, 40, 56, 3)}
    with server.model("difference_dynamic", protocol) as model:
        ticket = model.adapter.start({name: np.zeros(size, np.uint8) for name, size in sizes.items()})
        with pytest.raises(InferenceError, match="refuses to compute difference_dynamic: ") as caught:
            model.adapter.wait(ticket)
    assert "\n" not in str(caught.value)


@over_both
def test_a_server_that_dies_ends_the_run_with_its_results_kept(
    served: Path, tmp_path: Path, demo_environment: dict[str, str], protocol: str
) -> None:
    with serving(served, tmp_path / "log.txt") as server:
        process = endless(server, protocol, tmp_path, demo_environment)
        server.process.kill()
        line = one_line(ended(process))
    print(line)
    assert "is gone (" in line
    assert "Start it again" in line
    assert len(read_video(tmp_path / "out.avi")) > 10


@over_both
@needs_stalling
def test_a_server_that_stalls_is_told_and_may_be_asked_again(server: Server, protocol: str) -> None:
    with server.model("counting", protocol, timeout_s=1.0) as model:
        with server.stalled(), pytest.raises(InferenceError, match=r"no answer within 1 s\. Is it busy or stopped\?"):
            counts_seen(model, [Frame(0, indexed(0))])
        assert counts_seen(model, [Frame(0, indexed(0)), Frame(1, indexed(1))]) == [0, 1]


@over_both
@needs_stalling
def test_an_interruption_does_not_wait_for_a_server_that_stalls(
    server: Server, tmp_path: Path, demo_environment: dict[str, str], protocol: str
) -> None:
    process = endless(server, protocol, tmp_path, demo_environment)
    with server.stalled():
        process.send_signal(signal.SIGINT)
        line = one_line(ended(process))
    assert "interrupted after " in line
    assert len(read_video(tmp_path / "out.avi")) > 10


@over_both
@needs_stalling
def test_a_server_that_stalls_at_the_start_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr(client, "OPENING_TIMEOUT_S", 1.0)
    with server.stalled(), pytest.raises(DeviceError, match=r"No model server answers at .*: no answer within 1 s"):
        server.model("counting", protocol)


def counts_seen(model: MattingModel, frames: list[Frame]) -> list[float]:
    return [float(result.matte.alpha.max()) / STATE_STEP for result in AsyncPipeline(model).run(frames)]


def timed(model: MattingModel, frames: list[Frame]) -> tuple[list[Result], float]:
    """The results and the frames per second after the first."""
    results = AsyncPipeline(model).run(frames)
    first = next(results)
    started_s = time.perf_counter()
    rest = list(results)
    return [first, *rest], len(rest) / (time.perf_counter() - started_s)


def largest_difference(local: list[Result], remote: list[Result]) -> float:
    pairs = zip(local, remote, strict=True)
    return max(float(np.abs(here.matte.alpha - there.matte.alpha).max()) for here, there in pairs)


def largest_difference_of_colours(local: list[Result], remote: list[Result]) -> int:
    pairs = ([result.matte.foreground for result in pair] for pair in zip(local, remote, strict=True))
    return max(int(cv2.absdiff(here, there).max()) for here, there in pairs)


def endless(server: Server, protocol: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """The command on a clip that never ends, once it has written some of it."""
    clip = write_images(folder / "in", (indexed(n) for n in range(4)))
    process = subprocess.Popen(
        [sys.executable, COMMAND, "-m", server.address("counting", protocol), "--adapter", "ovms", "-i", clip,
         "--loop", "--no_show", "-o", "out.avi"],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline_s = time.monotonic() + 60
    while not ((folder / "out.avi").exists() and (folder / "out.avi").stat().st_size > 50_000):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    return process


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    try:
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def takes_bytes(source: Path, target: Path) -> None:
    """The network with its preprocessing inside, as a server may hold it: u8 NHWC RGB in, and so its foreground."""
    network = loading.read(source)
    image = ImageInput("NCHW", Preprocessing("BGR", scale=(255.0, 255.0, 255.0)))  # the order as it comes
    ov.save_model(loading.embed(network, {"src": image}, ("fgr",)), target)


def takes_halves(source: Path, target: Path) -> None:
    """The network with 16-bit tensors."""
    steps = PrePostProcessor(ov.Core().read_model(source))
    steps.input().tensor().set_element_type(ov.Type.f16)
    steps.output().tensor().set_element_type(ov.Type.f16)
    ov.save_model(steps.build(), target)
