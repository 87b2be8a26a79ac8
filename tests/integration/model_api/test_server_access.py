"""Encrypted servers, tokens, redirections, and how much memory and terminal an answer gets."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from model_api import InferenceOptions, create_model
from model_api.adapters.kserve.access import ServerAccess, warn_of_clear_text
from model_api.adapters.kserve.address import parse_address
from model_api.errors import BackgroundSubtractionError, DeviceError, OptionError
from tests.conftest import ROOT, RunDemo, one_line
from tests.support.media import indexed, write_images
from tests.support.server.hostile import HostileServer, grpc_server, http, http_server
from tests.support.server.wrong_answers import EVIL, bomb

pytest.importorskip("tritonclient", reason="tritonclient, an extra, is not installed")

TLS = ROOT / "tests" / "data" / "tls"
CA, CERTIFICATE = str(TLS / "ca.pem"), str(TLS / "server.pem")
TOKEN = "s3cret-t0ken"
SECURE = {"grpcs": grpc_server, "https": http_server}
over_both = pytest.mark.parametrize("scheme", SECURE)


def secure(scheme: str) -> AbstractContextManager[HostileServer]:
    return SECURE[scheme]({}, certificate=CERTIFICATE)


def opened(address: str, **inference: str) -> None:
    create_model(address, adapter="ovms", inference=InferenceOptions(timeout_s=20, **inference)).close()  # type: ignore[arg-type]


@over_both
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_every_question_over_tls_carries_the_token(scheme: str, host: str) -> None:
    with secure(scheme) as server:
        address = f"{scheme}://{server.address.replace('127.0.0.1', host)}/models/net"
        opened(address, server_ca=CA, server_token=TOKEN)
    assert [question.kind for question in server.asked] == ["server", "ready", "model"]
    assert {question.headers["authorization"] for question in server.asked} == {f"Bearer {TOKEN}"}


@over_both
def test_a_certificate_of_nobody_we_know_is_refused(scheme: str) -> None:
    with secure(scheme) as server, pytest.raises(DeviceError, match="does server_ca name who signed its certificate"):
        opened(f"{scheme}://{server.address}/models/net", server_token=TOKEN)
    assert not server.asked


@over_both
def test_a_certificate_of_another_name_is_refused(scheme: str) -> None:
    """127.0.0.2 is this machine too, but the certificate does not name it."""
    with secure(scheme) as server, pytest.raises(DeviceError, match="No model server answers"):
        opened(f"{scheme}://{server.address.replace('127.0.0.1', '127.0.0.2')}/models/net", server_ca=CA)
    assert not server.asked


@pytest.mark.parametrize("content", [None, "", "not a certificate\n"])
def test_a_file_without_certificates_is_one_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(OptionError, match="Expected a PEM file"):
        opened("https://127.0.0.1:1/models/net", server_ca=str(path))


def test_no_redirection_carries_token_and_frames_elsewhere() -> None:
    with http_server({}) as other:
        elsewhere = f"http://{other.address}/v2/models/net"
        for kind in ("server", "ready", "model"):
            with http_server({kind: lambda _: http(b"", "307 Elsewhere", Location=elsewhere)}) as server:
                with pytest.raises(BackgroundSubtractionError):
                    opened(f"{server.address}/v2/models/net", server_token=TOKEN)
                assert server.asked
    assert not other.asked


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("10.0.0.7:9000/models/net", True),
        ("grpc://gpu.lan:9000/models/net", True),
        ("http://gpu.lan:8000/models/net", True),
        ("https://gpu.lan:8000/models/net", False),
        ("grpcs://gpu.lan:8000/models/net", False),
        ("localhost:9000/models/net", False),
        ("127.0.0.1:9000/models/net", False),
        ("[::1]:9000/models/net", False),
        ("localhost.evil.example:9000/models/net", True),
    ],
)
def test_a_token_in_clear_text_is_warned_of(caplog: pytest.LogCaptureFixture, address: str, warns: bool) -> None:
    warn_of_clear_text(parse_address(address), ServerAccess(token=TOKEN))
    assert any("as clear text" in record.getMessage() for record in caplog.records) == warns
    assert TOKEN not in caplog.text


def test_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(InferenceOptions(server_token=TOKEN))
    assert TOKEN not in repr(ServerAccess(token=TOKEN))


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "\x1b[31m", "té", ""])
def test_what_no_header_can_carry_is_no_token(token: str) -> None:
    with pytest.raises(OptionError, match="server_token: not a token"):
        opened("127.0.0.1:1/models/net", server_token=token)


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_command_takes_the_token_from_elsewhere(
    tmp_path: Path, run_demo: RunDemo, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    word = {"file": "token.txt", "environment": "env:MY_TOKEN"}[source]
    write_images(tmp_path / "in", [indexed(1)])
    with secure("https") as server:
        done = run_demo(
            "-m", f"https://{server.address}/models/net", "--adapter", "ovms", "-i", "in", "-o", "out.png",
            "--server_ca", CA, "--server_token", word,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert {question.headers["authorization"] for question in server.asked} == {f"Bearer {TOKEN}"}
    assert server.asked[-1].kind == "infer"


@pytest.mark.parametrize("word", [TOKEN, "env:NOT_SET", "empty.txt"])
def test_the_command_does_not_repeat_a_token_by_mistake(tmp_path: Path, run_demo: RunDemo, word: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    done = run_demo("-m", "localhost:1/models/net", "--adapter", "ovms", "-i", "0", "--server_token", word)
    line = one_line(done)
    assert done.returncode == 2
    assert "Expected a file" in line
    assert word not in line


def test_escape_codes_do_not_reach_the_terminal(tmp_path: Path, run_demo: RunDemo) -> None:
    """Neither a server's words nor a file's name."""
    name = "\x1b]0;title\x07.png"
    write_images(tmp_path / "in", [indexed(1)])
    (tmp_path / "in" / next(iter((tmp_path / "in").iterdir())).name).rename(tmp_path / name)
    with http_server({"infer": lambda _: http(EVIL.encode(), "500 No")}) as server:
        done = run_demo("-m", f"{server.address}/v2/models/net", "--adapter", "ovms", "-i", name, "-o", f"out{name}")
    line = one_line(done)
    assert r"\x1b[31mred" in line
    assert "forged" in line
    ours = run_demo("-i", name, "-o", f"out{name}")
    assert ours.returncode == 0, ours.stderr
    unknown = run_demo("-i", name, f"--{name}")
    assert r"\x1b]0;title\x07" in one_line(unknown)
    for shown in (done, ours, unknown):
        assert "\x1b" not in shown.stdout + shown.stderr
        assert "\x07" not in shown.stdout + shown.stderr


@contextmanager
def bombing(kind: str) -> Iterator[HostileServer]:
    """A server that answers one kind of question with 8 GB of zeros, packed to 8 MB."""
    packed = http(bomb(8 << 30), Content_Encoding="gzip", Inference_Header_Content_Length=100)
    with http_server({kind: lambda _: packed}) as server:
        yield server


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
@pytest.mark.parametrize("kind", ["server", "model", "infer"])
def test_a_gzip_bomb_is_cut_off_at_a_bound(tmp_path: Path, demo_environment: dict[str, str], kind: str) -> None:
    """Under a limit that OpenVINO and the frames need, and a bomb would break."""
    write_images(tmp_path / "in", [indexed(1)])
    limit = partial(resource.setrlimit, resource.RLIMIT_DATA, (3 << 30, 3 << 30))
    with bombing(kind) as server:
        done = subprocess.run(
            [sys.executable, "-m", "background_subtraction", "-m", f"{server.address}/v2/models/net", "--adapter",
             "ovms", "-i", tmp_path / "in", "-o", tmp_path / "out.png", "--no_show"],
            cwd=ROOT, env=demo_environment, preexec_fn=limit, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "longer than" in line
