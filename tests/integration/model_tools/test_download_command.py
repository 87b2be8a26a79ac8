"""`python -m model_tools download` as a user runs it, against a server on this machine: no test asks the real ones."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from model_tools.__main__ import main
from model_tools.download.catalogue import FILES
from tests.conftest import ROOT, TIMEOUT_S
from tests.support import web
from tests.support.command import run_command
from tests.support.web import Web, serving

CONTENT = bytes(range(256)) * 4000
SHA384 = hashlib.sha384(CONTENT).hexdigest()
RELEASE = "rvm_mobilenetv3_fp32"
RELEASE_FILE = f"{RELEASE}/{RELEASE}.onnx"
PUBLISHED = "robust-video-matting-mobilenetv3"
PUBLISHED_FILE = f"{PUBLISHED}/robust_video_matting_mobilenetv3.onnx"
PUBLISHED_SIZE = 14_981_904
PUBLISHED_SHA384 = "d6eeb320496d"
PUBLISHED_ADDRESS = (
    f"https://github.com/DmitriySidnev/RobustVideoMatting/raw/master/onnx/{PUBLISHED_FILE.split('/')[1]}"
)


@dataclass
class Desk:
    """An empty folder where the command runs, with a server that is its mirror and its way out, which is closed."""

    folder: Path
    server: Web

    @property
    def command(self) -> list[str]:
        start = (
            "import pathlib, sys; from model_tools.__main__ import main; from model_tools.download import catalogue; "
            f"catalogue.FILES = pathlib.Path({str(self.catalogue())!r}); sys.exit(main(program='model_tools'))"
        )
        return [sys.executable, "-c", start, "download", "--cache_dir", str(self.folder / "cache")]

    @property
    def mirror(self) -> list[str]:
        return ["--mirror", self.server.address]

    @property
    def environment(self) -> dict[str, str]:
        # CI: openvino then does not report to its makers that it was imported, which the server would see too.
        other = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        own = {"PYTHONPATH": str(ROOT), "https_proxy": self.server.address, "no_proxy": "127.0.0.1", "CI": "true"}
        return {**other, **own, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error::ResourceWarning"}

    def run(self, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        """The command from its start to its end; what it printed is shown by `pytest -s`.

        With options of `subprocess.run`, in a process of its own.
        """
        if not options:
            return self.run_here(*arguments)
        settings = {"cwd": self.folder, "env": self.environment, **options}
        command = [*self.command, *map(str, arguments)]
        done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, **settings
        )
        self.show(arguments, done.stdout + done.stderr)
        return done

    def run_here(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [*self.command[self.command.index("download") :], *map(str, arguments)]
        with (
            patch.dict(os.environ, self.environment | environment, clear=True),
            patch("model_tools.download.catalogue.FILES", self.catalogue()),
        ):
            done = run_command(main, words, self.folder)
        self.show(arguments, done.stdout + done.stderr)
        return done

    def catalogue(self) -> Path:
        """The program's own, in which RobustVideoMatting's releases are CONTENT."""
        rows = [line.split() for line in FILES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        ours = [[*row[:2], str(len(CONTENT)), SHA384, *row[4:]] if row[0].startswith("rvm_") else row for row in rows]
        path = self.folder.with_suffix(".catalogue")
        path.write_text("\n".join(map(" ".join, ours)), encoding="utf-8")
        return path

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *map(str, arguments)], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def left(self) -> dict[str, int]:
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix != ".lock")
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}

    def show(self, arguments: tuple[object, ...], printed: str) -> None:
        tidy = printed.replace(self.server.address, "http://server").replace(f"{self.folder}{os.sep}", "")
        words = " ".join(map(str, arguments)).replace(self.server.address, "http://server")
        left = "\n".join(f"  {name}  {size:,}" for name, size in self.left().items()) or "  nothing"
        print(f"\n$ python -m model_tools download {words}\n{tidy}left:\n{left}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with serving() as server:
        yield Desk(tmp_path, server)


def error_of(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one line on stderr, without its beginning."""
    assert done.returncode == code, done
    errors = [line for line in done.stderr.splitlines() if not line.startswith(("usage:", " "))]
    assert len(errors) == 1, done.stderr
    assert "error: " in errors[0]
    return errors[0].partition("error: ")[2]


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_terms_first_then_the_file_its_place_and_the_next_command(desk: Desk) -> None:
    desk.server.offer(f"/{RELEASE_FILE}", CONTENT)
    done = desk.run(RELEASE, *desk.mirror)
    assert done.returncode == 0, done
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "model                 files  size    licence  from",
        "rvm_mobilenetv3_fp32  1      1.0 MB  GPL-3.0  github.com/PeterL1n/RobustVideoMatting v1.0.0",
    ]
    assert lines[-1] == f"[ INFO ] Next: python -m background_subtraction -m public/{RELEASE_FILE} -i 0"
    assert (desk.folder / "public" / RELEASE_FILE).read_bytes() == CONTENT

    desk.server.asked.clear()
    again = desk.run(RELEASE, *desk.mirror, "-o", "elsewhere")
    assert again.returncode == 0
    assert f"{RELEASE_FILE}: from the cache, verified" in again.stdout
    assert desk.server.asked == []
    assert (desk.folder / "elsewhere" / "public" / RELEASE_FILE).read_bytes() == CONTENT


def test_every_address_that_fails_is_a_line(desk: Desk) -> None:
    done = desk.run(PUBLISHED, *desk.mirror)
    assert error_of(done) == (
        f"{PUBLISHED_FILE}: no address gives it; nothing has come yet. Name another one with --mirror, or put the file "
        f"at public/{PUBLISHED_FILE} and run this again"
    )
    assert done.stdout.splitlines()[2:] == [
        f"[ WARNING ] {desk.server.address}/{PUBLISHED_FILE}: answered 404 Not Found",
        f"[ WARNING ] {PUBLISHED_ADDRESS}: cannot be reached (Tunnel connection failed: 403 No way out of here)",
    ]
    assert desk.server.asked == [f"/{PUBLISHED_FILE}", "CONNECT github.com:443"]


def test_a_proxy_is_used(desk: Desk) -> None:
    desk.server.offer(f"/models/{RELEASE_FILE}", CONTENT)
    done = desk.run_here(RELEASE, "--mirror", "http://mirror.example/models/", http_proxy=desk.server.address)
    assert done.returncode == 0, done
    assert desk.server.asked == [f"/models/{RELEASE_FILE}"]


def test_interrupted_it_keeps_what_came_and_goes_on_from_there(desk: Desk) -> None:
    content = bytes(PUBLISHED_SIZE)
    desk.server.offer(f"/{PUBLISHED_FILE}", content, web.stalled(1_000_000), web.ranged)
    part = desk.folder / "cache" / "partial" / f"{PUBLISHED_FILE}.part"
    process = desk.start(PUBLISHED, *desk.mirror)
    until(lambda: part.exists() and part.stat().st_size > 900_000)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=TIMEOUT_S)
    desk.show((PUBLISHED, *desk.mirror, " … Ctrl-C"), "".join(printed))
    kept = part.stat().st_size
    assert process.returncode == 1
    assert printed[1] == (
        f"model_tools download: error: interrupted; {kept:,} bytes are kept in {part}. The same command goes on\n"
    )
    assert desk.left() == {part.relative_to(desk.folder).as_posix(): kept}

    done = desk.run(PUBLISHED, *desk.mirror)
    assert desk.server.asked[:3] == [
        f"/{PUBLISHED_FILE}",
        f"/{PUBLISHED_FILE} from {kept}",
        f"/{PUBLISHED_FILE}",  # for these zeros are not the published file
    ]
    assert "nothing has come yet" in error_of(done)
    assert f"not {PUBLISHED_SHA384}… (published), with what was kept from before; begun anew" in done.stdout
    assert f"not {PUBLISHED_SHA384}… (published); deleted" in done.stdout
    assert desk.left() == {}


def test_two_at_once_ask_once_and_both_have_it(desk: Desk) -> None:
    desk.server.offer(f"/{RELEASE_FILE}", CONTENT, slow)
    processes = [desk.start(RELEASE, *desk.mirror, "-o", name) for name in ("one", "two")]
    printed = [process.communicate(timeout=TIMEOUT_S) for process in processes]
    for lines, errors in printed:
        desk.show((RELEASE, "beside another one"), lines + errors)
    assert [process.returncode for process in processes] == [0, 0], printed
    assert desk.server.asked == [f"/{RELEASE_FILE}"]
    for name in ("one", "two"):
        assert (desk.folder / name / "public" / RELEASE_FILE).read_bytes() == CONTENT
    both = "".join(lines for lines, _ in printed)
    assert f"{RELEASE_FILE}: waiting for another download of it" in both
    assert f"{RELEASE_FILE}: from the cache, verified" in both


def test_a_killed_download_holds_up_nobody(desk: Desk) -> None:
    desk.server.offer(f"/{RELEASE_FILE}", CONTENT, web.stalled(1000), web.ranged)
    killed = desk.start(RELEASE, *desk.mirror)
    until(lambda: bool(desk.server.asked))
    killed.kill()
    killed.communicate()
    assert desk.run(RELEASE, *desk.mirror).returncode == 0


def test_a_disk_that_gets_full_is_one_line_and_keeps_what_came(desk: Desk) -> None:
    resource = pytest.importorskip("resource", reason="limits of processes are Unix's")
    desk.server.offer(f"/{PUBLISHED_FILE}", bytes(PUBLISHED_SIZE))
    done = desk.run(
        PUBLISHED, *desk.mirror,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )  # fmt: skip
    part = f"cache/partial/{PUBLISHED_FILE}.part"
    assert error_of(done) == f"cannot write {desk.folder / part}: File too large"
    assert desk.left() == {part: 1_000_000}


def test_without_a_name_it_shows_what_is_known(desk: Desk) -> None:
    done = desk.run()
    assert done.returncode == 0
    names = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    assert {PUBLISHED, RELEASE, "modnet-webcam-portrait-matting", "yolact-resnet50-fpn-pytorch"} <= names


def test_a_list_with_wildcards_and_comments(desk: Desk) -> None:
    (desk.folder / "mine.lst").write_text(f"# mine\n\nrvm_mobilenetv3_fp??  # two\n{RELEASE}\n")
    for name in ("rvm_mobilenetv3_fp16", RELEASE):
        desk.server.offer(f"/{name}/{name}.onnx", CONTENT)
    assert desk.run("--list", "mine.lst", *desk.mirror).returncode == 0
    # Both have the same content here: the second comes from the cache.
    assert desk.server.asked == ["/rvm_mobilenetv3_fp16/rvm_mobilenetv3_fp16.onnx"]
    assert {f"public/{name}/{name}.onnx" for name in ("rvm_mobilenetv3_fp16", RELEASE)} <= desk.left().keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["robust-video-mating"],
            "robust-video-mating: no known model has this name. Did you mean robust-video-matting-mobilenetv3",
        ),
        (["x*"], "x*: no known model has this name. python -m model_tools download lists all"),
        (["--list", "none.lst"], "--list none.lst: No such file or directory. Expected a text file with a model name"),
        (["--list", "empty.lst"], "--list empty.lst: names no model. Expected a name on each line"),
        (["--list", "binary.lst"], "--list binary.lst: not a text in UTF-8. Expected a text file"),
        ([RELEASE, "--mirror", "models"], 'argument --mirror: "models": expected an address such as https://'),
        ([RELEASE, "--precisions", "INT4"], 'argument --precisions: "INT4": expected some of FP32,FP16,FP16-INT8'),
        (
            ["instance-segmentation-person-0007", "--precisions", "FP16-INT8"],
            "--precisions FP16-INT8: none of the models is offered in these",
        ),
        ([RELEASE, "--timeout", "0"], 'argument --timeout: "0": expected a number above 0'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_of_no_use_is_one_line(desk: Desk, arguments: list[str], said: str) -> None:
    (desk.folder / "empty.lst").write_text("# nothing\n")
    (desk.folder / "binary.lst").write_bytes(b"\xff\xfe\x00")
    assert error_of(desk.run(*arguments), code=2).startswith(said)
    assert desk.server.asked == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal")
def test_on_a_terminal_a_bar_tells_how_much_has_come(desk: Desk) -> None:
    import fcntl
    import pty
    import struct
    import termios

    desk.server.offer(f"/{RELEASE_FILE}", CONTENT, slow)
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
    process = subprocess.Popen(
        [*desk.command, RELEASE, *desk.mirror], cwd=desk.folder, env=desk.environment,
        stdout=subprocess.DEVNULL, stderr=side,
    )  # fmt: skip
    os.close(side)
    shown = b"".join(iter(lambda: read_some(terminal), b"")).decode()
    os.close(terminal)
    assert process.wait() == 0
    print("\n" + shown.replace("\r", "\n"))
    assert f"{RELEASE}.onnx: " in shown
    assert "/1.02M" in shown


def read_some(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def slow(handler: web.Handler, content: bytes, offset: int) -> None:
    """All of it, in ten pieces."""
    handler.head(200, Content_Length=len(content))
    step = len(content) // 10
    for start in range(0, len(content), step):
        handler.body(content[start : start + step])
        time.sleep(0.15)
