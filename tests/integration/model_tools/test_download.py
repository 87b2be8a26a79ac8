"""Models over a real network: whatever goes wrong is said in one line, and nothing wrong is left behind."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pytest

from model_api.errors import BackgroundSubtractionError, ModelFileError
from model_tools.download.cache import Cache, digest
from model_tools.download.catalogue import PublishedFile, PublishedModel
from model_tools.download.command import download
from model_tools.download.http import RetryPolicy
from model_tools.download.installer import Destinations
from tests.conftest import ROOT
from tests.support import web
from tests.support.web import Answer, Web, serving

TLS = ROOT / "tests" / "data" / "tls"
CONTENT = bytes(range(256)) * 400
SIZE = len(CONTENT)
SHA384 = hashlib.sha384(CONTENT).hexdigest()
WRONG = hashlib.sha384(bytes(SIZE)).hexdigest()
RETRY_POLICY = RetryPolicy(timeout_s=0.3, attempts=2, pause_s=0)
PATH = "/net.onnx"
IN_PLACE = "output/public/net/net.onnx"
IN_CACHE = f"cache/1/{SHA384[:2]}/{SHA384[2:]}"
PART = "cache/partial/net/net.onnx.part"
DONE = {IN_PLACE: SIZE, IN_CACHE: SIZE}
NO_ADDRESS = "net/net.onnx: no address gives it; {}. Name another one with --mirror, or put the file at "


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running


@dataclass
class Desk:
    """A folder with an output and a cache; downloads to it and remembers what was printed."""

    folder: Path
    caplog: pytest.LogCaptureFixture
    server: Web
    terms: io.StringIO = field(default_factory=io.StringIO)
    ended: str = ""
    printed: list[str] = field(default_factory=list)

    def destinations(self, *mirrors: str) -> Destinations:
        return Destinations(self.folder / "output", Cache(self.folder / "cache"), mirrors)

    def model(self, *addresses: str, checksum: str | None = SHA384, size: int | None = SIZE) -> PublishedModel:
        """A model of one file, which is published at these addresses."""
        file = PublishedFile(PurePosixPath("net.onnx"), size, checksum, addresses)
        return PublishedModel("net", "public", "a net", "image -> mask", "MIT", "here", "run {file}", (file,))

    def download(self, model: PublishedModel, *mirrors: str, retry: RetryPolicy = RETRY_POLICY) -> None:
        """What it prints comes to `printed`, the message that it ends with to `ended`."""
        self.caplog.clear()
        self.ended = ""
        try:
            with redirect_stdout(self.terms):
                download([model], self.destinations(*mirrors), retry)
        except BackgroundSubtractionError as error:
            self.ended = self.tidy(str(error))
        self.printed = [self.tidy(record.getMessage()) for record in self.caplog.records]

    def left(self) -> dict[str, int]:
        """Every file that is left, with its size; not the locks, which are empty."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and path.suffix != ".lock")
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in files}

    def put(self, path: str, content: bytes) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(content)

    def tidy(self, line: str) -> str:
        return line.replace(self.server.address, "http://server").replace(f"{self.folder}{os.sep}", "")

    def show(self, title: str) -> None:
        """For `pytest -s`: what was asked, printed and left."""
        reported = {
            "asked": self.server.asked,
            "printed": [*self.printed, *([f"error: {self.ended}"] if self.ended else [])],
            "left": [f"{name.replace(SHA384[2:], '…')}  {size:,}" for name, size in self.left().items()] or ["nothing"],
        }
        print(f"\n{title}")
        for name, lines in reported.items():
            print("\n".join(f"  {name if number == 0 else '':<9}{line}" for number, line in enumerate(lines)))


@pytest.fixture
def desk(tmp_path: Path, caplog: pytest.LogCaptureFixture, server: Web) -> Desk:
    caplog.set_level(logging.INFO)
    return Desk(tmp_path, caplog, server)


HALF = SIZE // 2
QUARTERS = [SIZE // 4, SIZE // 2, SIZE * 3 // 4]
BROKE_OFF = f"broke off after {HALF:,} of {SIZE:,} bytes"
FROM_HALF = f"{PATH} from {HALF}"
BEGUN_ANEW = f"asked for byte {HALF:,} on; begun anew"
NO_RANGE = f"answered 416 Requested Range Not Satisfiable to going on from byte {HALF:,}; begun anew"
STALLED = f"stalled, {SIZE - 1000:,} bytes before the end"
NO_ANSWER = "no proper answer (Remote end closed connection without response)"

# Faults that another attempt overcomes: what the server does, what is printed of it, what is asked for.
OVERCOME: dict[str, tuple[list[Answer], list[str], list[str]]] = {
    "breaks off, gives the rest": ([web.cut(HALF), web.ranged], [BROKE_OFF], [PATH, FROM_HALF]),
    "breaks off, ignores ranges": ([web.cut(HALF), web.whole], [BROKE_OFF], [PATH, FROM_HALF]),
    "breaks off again and again": (
        [web.cut(SIZE // 4)],
        [f"broke off after {count:,} of {SIZE:,} bytes" for count in QUARTERS],
        [PATH, *(f"{PATH} from {count}" for count in QUARTERS)],
    ),
    "breaks off, 206 with the wrong start": (
        [web.cut(HALF), web.wrong_part],
        [BROKE_OFF, f"sent byte 0 on, {BEGUN_ANEW}"],
        [PATH, FROM_HALF, PATH],
    ),
    "breaks off, 206 that does not say which part": (
        [web.cut(HALF), web.part_of_nothing],
        [BROKE_OFF, f"sent a part without saying which, {BEGUN_ANEW}"],
        [PATH, FROM_HALF, PATH],
    ),
    "breaks off, 416 to the rest": (
        [web.cut(HALF), web.no_such_range],
        [BROKE_OFF, NO_RANGE],
        [PATH, FROM_HALF, PATH],
    ),
    "breaks off within a chunk": (
        [web.chunked_and_cut, web.ranged],
        [f"broke off, {HALF:,} bytes before the end"],
        [PATH, FROM_HALF],
    ),
    "stalls in the middle": ([web.stalled(1000), web.ranged], [STALLED], [PATH, f"{PATH} from 1000"]),
    "silent at first": ([web.mute, web.ranged], ["silent for 0.3 s"], [PATH, PATH]),
    "closes without an answer": ([web.gone, web.ranged], [NO_ANSWER], [PATH, PATH]),
    "500, then well again": ([web.status(500), web.ranged], ["answered 500 Internal Server Error"], [PATH, PATH]),
    "503, then well again": ([web.status(503), web.ranged], ["answered 503 Service Unavailable"], [PATH, PATH]),
    "does not say how long it is": ([web.without_length], [], [PATH]),
    "keeps the connection open": ([web.kept_open], [], [PATH]),
}


def test_size_licence_and_source_are_shown_first(desk: Desk) -> None:
    desk.download(desk.model(desk.server.address + PATH))
    assert desk.terms.getvalue().splitlines() == [
        "model  files  size    licence  from",
        "net    1      0.1 MB  MIT      here",
    ]


@pytest.mark.parametrize("fault", OVERCOME)
def test_a_fault_that_passes_is_told_and_overcome(desk: Desk, fault: str) -> None:
    answers, printed, asked = OVERCOME[fault]
    desk.download(desk.model(desk.server.offer(PATH, CONTENT, *answers)))
    desk.show(fault)
    assert desk.ended == ""
    assert desk.printed == [
        *(f"http://server{PATH}: {line}; asked again" for line in printed),
        f"{IN_PLACE}: {SIZE:,} bytes, SHA-384 {SHA384[:12]}…",
        "net is in output/public/net (image -> mask)",
        f"Next: run {IN_PLACE}",
    ]
    assert desk.server.asked == asked
    assert desk.left() == DONE
    assert (desk.folder / IN_PLACE).read_bytes() == CONTENT


NOTHING = "nothing has come yet"
KEPT = "{:,} bytes are kept in " + PART
# Faults that stay: what the server does, what is printed, how it ends, what is left.
STAYING: dict[str, tuple[Answer, list[str], str, dict[str, int]]] = {
    "404": (web.status(404), ["answered 404 Not Found"], NOTHING, {}),
    "403": (web.status(403), ["answered 403 Forbidden"], NOTHING, {}),
    "500 for ever": (
        web.status(500),
        ["answered 500 Internal Server Error; asked again", "answered 500 Internal Server Error"],
        NOTHING,
        {},
    ),
    "breaks off for ever, with ranges ignored": (
        web.cut(HALF, ranges=False),
        [f"broke off after {HALF:,} of {SIZE:,} bytes; asked again"] * 2
        + [f"broke off after {HALF:,} of {SIZE:,} bytes"],
        KEPT.format(HALF),
        {PART: HALF},
    ),
    "silent for ever": (web.mute, ["silent for 0.3 s; asked again", "silent for 0.3 s"], NOTHING, {}),
    "stalls for ever": (
        web.stalled(0),
        [f"stalled, {SIZE:,} bytes before the end; asked again", f"stalled, {SIZE:,} bytes before the end"],
        NOTHING,
        {PART: 0},
    ),
    "another file of the same size": (
        web.instead(bytes(SIZE)),
        [f"its SHA-384 is {WRONG[:12]}…, not {SHA384[:12]}… (published); deleted"],
        NOTHING,
        {},
    ),
    "a byte is wrong": (
        web.instead(CONTENT[:-1] + b"?"),
        [
            f"its SHA-384 is {hashlib.sha384(CONTENT[:-1] + b'?').hexdigest()[:12]}…, not {SHA384[:12]}… "
            "(published); deleted"
        ],
        NOTHING,
        {},
    ),
    "a page of a hotel": (
        web.instead(b"<html>Welcome! Please log in.</html>"),
        [f"offers 36 bytes, the published file has {SIZE:,}"],
        NOTHING,
        {},
    ),
    "longer than published": (
        web.instead(CONTENT + b"more"),
        [f"offers {SIZE + 4:,} bytes, the published file has {SIZE:,}"],
        NOTHING,
        {},
    ),
    "no HTTP": (
        web.no_http,
        [
            "no proper answer (220 mail.example ESMTP); asked again",
            "no proper answer (220 mail.example ESMTP)",
        ],
        NOTHING,
        {},
    ),
}


@pytest.mark.parametrize("fault", STAYING)
def test_a_fault_that_stays_ends_in_one_line_and_leaves_nothing_wrong(desk: Desk, fault: str) -> None:
    answer, printed, kept, left = STAYING[fault]
    desk.download(desk.model(desk.server.offer(PATH, CONTENT, answer)))
    desk.show(fault)
    assert desk.printed == [f"http://server{PATH}: {line}" for line in printed]
    assert desk.ended == NO_ADDRESS.format(kept) + f"{IN_PLACE} and run this again"
    assert desk.left() == left


def test_redirections_are_followed_with_the_range(desk: Desk) -> None:
    target = desk.server.offer("/real.onnx", CONTENT, web.cut(HALF), web.ranged)
    desk.download(desk.model(desk.server.offer(PATH, b"", web.redirect(target))))
    desk.show("redirects, and the target breaks off")
    assert desk.server.asked == [PATH, "/real.onnx", FROM_HALF, f"/real.onnx from {HALF}"]
    assert desk.left() == DONE


def test_endless_redirections_are_one_line(desk: Desk) -> None:
    address = desk.server.offer(PATH, b"", web.redirect(desk.server.address + PATH))
    desk.download(desk.model(address))
    desk.show("redirects for ever")
    assert len(desk.printed) == 1
    assert "redirect error that would lead to an infinite loop" in desk.printed[0]
    assert "\n" not in desk.printed[0] + desk.ended
    assert desk.left() == {}


def test_nobody_listens(desk: Desk) -> None:
    with serving() as closed:
        address = closed.address
    desk.download(desk.model(address + PATH))
    desk.printed = [line.replace(address, "http://server") for line in desk.printed]
    desk.show("nobody listens")
    assert desk.printed == [f"http://server{PATH}: cannot be reached (Connection refused)"]
    assert desk.left() == {}


def test_mirrors_are_asked_first_and_in_turn_and_go_on_from_what_came(desk: Desk) -> None:
    desk.server.offer("/b/net/net.onnx", CONTENT, web.cut(HALF, ranges=False))
    published = desk.server.offer(PATH, CONTENT)
    desk.download(desk.model(published), desk.server.address + "/a", desk.server.address + "/b")
    desk.show("mirror a: 404, mirror b: breaks off for ever, published address: well")
    assert desk.server.asked[0] == "/a/net/net.onnx"
    assert desk.server.asked[-1] == FROM_HALF
    assert desk.printed[0] == "http://server/a/net/net.onnx: answered 404 Not Found"
    assert desk.printed[-1] == "Next: run output/public/net/net.onnx"
    assert desk.left() == DONE


def test_a_later_download_goes_on_from_the_part(desk: Desk) -> None:
    model = desk.model(desk.server.offer(PATH, CONTENT, web.cut(HALF), web.status(404)))
    desk.download(model)
    assert desk.left() == {PART: HALF}
    desk.server.offer(PATH, CONTENT)
    desk.download(model)
    desk.show("broken off in an earlier run")
    assert desk.server.asked[-1] == FROM_HALF
    assert desk.left() == DONE


@pytest.mark.parametrize("size", [HALF, SIZE, SIZE + 1])
def test_a_part_that_does_not_fit_is_begun_anew(desk: Desk, size: int) -> None:
    desk.put(PART, bytes(size))
    desk.download(desk.model(desk.server.offer(PATH, CONTENT)))
    desk.show(f"a part of {size:,} wrong bytes from before")
    assert desk.ended == ""
    assert desk.server.asked[-1] == PATH
    assert desk.left() == DONE


def test_the_cache_serves_without_the_network(desk: Desk) -> None:
    model = desk.model(desk.server.offer(PATH, CONTENT))
    desk.download(model)
    shutil.rmtree(desk.folder / "output")
    desk.server.asked.clear()
    desk.download(model)
    desk.show("a second time, into another folder")
    assert desk.printed[0] == "net/net.onnx: from the cache, verified"
    assert desk.server.asked == []
    assert desk.left() == DONE
    desk.download(model)
    assert desk.printed[0] == f"{IN_PLACE}: there already, verified"
    assert desk.server.asked == []


def test_a_damaged_file_in_the_cache_is_never_used(desk: Desk) -> None:
    desk.put(IN_CACHE, CONTENT[:-1] + b"?")
    desk.download(desk.model(desk.server.offer(PATH, CONTENT)))
    desk.show("the cache is damaged")
    assert desk.printed[0].endswith("damaged, its SHA-384 is no longer that of its name; deleted")
    assert desk.left() == DONE
    assert digest(desk.folder / IN_PLACE) == SHA384


def test_a_wrong_file_in_the_place_is_told_of_and_replaced(desk: Desk) -> None:
    desk.put(IN_PLACE, bytes(SIZE))
    desk.download(desk.model(desk.server.offer(PATH, CONTENT)))
    desk.show("another file lies in the place")
    assert (
        desk.printed[0] == f"{IN_PLACE}: its SHA-384 is {WRONG[:12]}…, not {SHA384[:12]}… (published); to be replaced"
    )
    assert desk.left() == DONE


RECORD, CACHED_RECORD = f"{IN_PLACE}.sha384", "cache/recorded/net/net.onnx.sha384"


@pytest.fixture
def network(models: Path) -> bytes:
    """A file that is recognized as a model."""
    return (models / "red.onnx").read_bytes()


def test_without_a_known_checksum_the_first_one_counts(desk: Desk, network: bytes) -> None:
    model = desk.model(desk.server.offer(PATH, network), checksum=None, size=None)
    sha384 = hashlib.sha384(network).hexdigest()
    desk.download(model)
    desk.show("no checksum known: the first time")
    assert f"{IN_PLACE}: no checksum is known; this one is expected from now on: {sha384}" in desk.printed
    in_cache, size = f"cache/1/{sha384[:2]}/{sha384[2:]}", len(network)
    assert desk.left() == {IN_PLACE: size, in_cache: size, RECORD: 96 + 11, CACHED_RECORD: 96 + 11}
    assert (desk.folder / RECORD).read_text() == f"{sha384}  net.onnx\n"

    for path in (in_cache, IN_PLACE):
        (desk.folder / path).unlink()
    desk.server.offer(PATH, CONTENT, web.instead(bytes(SIZE)))
    desk.download(model)
    desk.show("no checksum known: another file the second time")
    assert desk.printed == [
        f"http://server{PATH}: its SHA-384 is {WRONG[:12]}…, not {sha384[:12]}… "
        f"(recorded in {RECORD} and {CACHED_RECORD}; delete that to take what is offered now); deleted"
    ]
    assert desk.left() == {RECORD: 96 + 11, CACHED_RECORD: 96 + 11}


def test_without_a_known_checksum_a_part_of_before_is_not_gone_on_from(desk: Desk) -> None:
    model = desk.model(desk.server.offer(PATH, CONTENT, web.cut(HALF), web.status(404)), checksum=None, size=None)
    desk.download(model)
    desk.show("no checksum known: broken off")
    assert "nothing is kept, because no checksum is known that could verify the resumed file" in desk.ended
    assert desk.left() == {}


LOGIN = b"<html>please log in</html>"


@pytest.mark.parametrize("content", [LOGIN, b"", CONTENT, bytes(100)], ids=["login page", "empty", "bytes", "zeros"])
def test_what_is_no_model_is_neither_kept_nor_recorded(desk: Desk, content: bytes) -> None:
    desk.download(desk.model(desk.server.offer(PATH, content), checksum=None, size=None))
    desk.show("no checksum known, and the server gives no model")
    assert f"gives {len(content):,} bytes that are no model: " in desk.printed[0]
    assert desk.ended.startswith(NO_ADDRESS.partition("{")[0])
    assert desk.left() == {}


def test_what_is_no_model_but_there_already_stays_and_is_not_recorded(desk: Desk) -> None:
    desk.put(IN_PLACE, LOGIN)
    desk.download(desk.model(desk.server.offer(PATH, CONTENT), checksum=None, size=None))
    desk.show("no checksum known, and a page is there already")
    assert desk.ended.startswith(f"{IN_PLACE}: there already, but not ONNX")
    assert desk.left() == {IN_PLACE: len(LOGIN)}


@pytest.mark.parametrize("ranged", [web.versioned, web.splicing], ids=["honest", "ignores If-Range"])
@pytest.mark.parametrize("checksum", [None, "new"])
def test_a_file_that_changes_meanwhile_is_never_spliced(
    desk: Desk, models: Path, ranged: Callable[[bytes, str], Answer], checksum: str | None
) -> None:
    """Half of one version has come when the server gets another one of the same length."""
    new = (models / "red.onnx").read_bytes()
    old = bytes(reversed(new))
    half = len(new) // 2
    address = desk.server.offer(PATH, new, web.cut_version(old, '"old"', half), ranged(new, '"new"'))
    expected = hashlib.sha384(new).hexdigest() if checksum else None
    desk.download(desk.model(address, checksum=expected, size=len(new)))
    desk.show("another version meanwhile")
    assert desk.ended == ""
    assert (desk.folder / IN_PLACE).read_bytes() == new
    assert not [path for path in desk.left() if path.endswith(".version")]


def test_without_a_version_and_a_checksum_nothing_is_gone_on_from(desk: Desk, network: bytes) -> None:
    address = desk.server.offer(PATH, network, web.cut(len(network) // 2), web.ranged)
    desk.download(desk.model(address, checksum=None, size=None))
    desk.show("no checksum, no version")
    assert desk.server.asked == [PATH, PATH]
    assert (desk.folder / IN_PLACE).read_bytes() == network


def test_a_later_download_asks_for_the_rest_of_the_same_version(desk: Desk) -> None:
    model = desk.model(desk.server.offer(PATH, CONTENT, web.cut_version(CONTENT, '"1"', HALF), web.status(404)))
    desk.download(model)
    assert desk.left().keys() == {PART, "cache/partial/net/net.onnx.version"}
    desk.server.offer(PATH, CONTENT, web.versioned(CONTENT, '"1"'))
    desk.download(model)
    assert desk.server.asked[-1] == f'{FROM_HALF} if "1"'
    assert desk.left() == DONE


def test_https_never_becomes_http(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "ca.pem"))
    plain = desk.server.offer("/plain.onnx", CONTENT)
    with serving(TLS / "server.pem") as encrypted:
        address = encrypted.offer(PATH, b"", web.redirect(plain))
        desk.download(desk.model(address))
        desk.show("https redirects to http")
        assert desk.printed == [f"{address}: redirects to http://server/plain.onnx, which is not https: refused"]
        desk.download(desk.model(desk.server.offer(PATH, b"", web.redirect(encrypted.offer("/it", CONTENT)))))
    assert desk.server.asked == [PATH]
    assert desk.left() == DONE


def test_a_redirection_to_a_file_of_this_machine_is_refused(desk: Desk) -> None:
    desk.download(desk.model(desk.server.offer(PATH, b"", web.redirect("file:///etc/passwd"))))
    assert "Redirection to url 'file:///etc/passwd' is not allowed" in desk.printed[0]
    assert desk.left() == {}


@pytest.mark.parametrize("known", [True, False])
def test_a_mirror_over_http_needs_a_known_checksum(desk: Desk, network: bytes, known: bool) -> None:
    desk.server.offer("/m/net/net.onnx", network)
    expected = hashlib.sha384(network).hexdigest() if known else None
    desk.download(desk.model(checksum=expected, size=len(network)), desk.server.address + "/m")
    desk.show("a mirror over http")
    assert desk.server.asked == (["/m/net/net.onnx"] if known else [])
    assert (IN_PLACE in desk.left()) == known
    assert known or "not asked, because no checksum of net/net.onnx is known" in desk.printed[0]


def test_a_checksum_may_be_a_sha256(desk: Desk) -> None:
    checksum = hashlib.sha256(CONTENT).hexdigest()
    model = desk.model(desk.server.offer(PATH, CONTENT, web.instead(bytes(SIZE)), web.ranged), checksum=checksum)
    desk.download(model)
    assert f"its SHA-256 is {hashlib.sha256(bytes(SIZE)).hexdigest()[:12]}…, not {checksum[:12]}…" in desk.printed[0]
    desk.download(model)
    assert desk.printed[0] == f"{IN_PLACE}: {SIZE:,} bytes, SHA-256 {checksum[:12]}…"
    shutil.rmtree(desk.folder / "output")
    desk.download(model)
    assert desk.printed[0] == "net/net.onnx: from the cache, verified"


def test_without_a_size_the_server_has_to_tell_it(desk: Desk) -> None:
    desk.download(desk.model(desk.server.offer(PATH, CONTENT, web.without_length), checksum=None, size=None))
    desk.show("no checksum known, and the server does not say how long the file is")
    assert desk.printed == [
        f"http://server{PATH}: does not say how long the file is, and its publisher does not either"
    ]
    assert desk.left() == {}


def test_a_damaged_record_is_one_line(desk: Desk) -> None:
    desk.put(RECORD, b"\xff\x00 net.onnx")
    desk.download(desk.model(desk.server.offer(PATH, CONTENT), checksum=None, size=None))
    desk.show("the recorded checksum is damaged")
    assert desk.ended == f"{RECORD}: damaged; expected a SHA-384 and a file name. Delete it to record it anew"


def test_a_full_disk_is_known_before_anything_is_asked_for(desk: Desk) -> None:
    desk.download(desk.model(desk.server.offer(PATH, CONTENT), size=10**18))
    desk.show("a file larger than the disk")
    assert (
        "MB free, 2,000,000,000,000.0 MB needed. Make room, or choose other folders with --output_dir and --cache_dir"
        in (desk.ended)
    )
    assert (desk.server.asked, desk.left()) == ([], {})


@pytest.mark.parametrize(
    ("in_the_way", "refused"), [("cache", "cache/partial/net"), ("output", IN_PLACE.removesuffix("/net.onnx"))]
)
def test_a_folder_that_cannot_be_written_is_one_line(desk: Desk, in_the_way: str, refused: str) -> None:
    desk.put(in_the_way, b"a file where a folder should be")
    desk.download(desk.model(desk.server.offer(PATH, CONTENT)))
    desk.show(f"the {in_the_way} folder cannot be written")
    assert desk.ended == f"cannot write {refused}: Not a directory"


def test_several_models_of_which_one_fails(desk: Desk) -> None:
    desk.server.offer("/a/net/net.onnx", CONTENT)
    good, bad = desk.model(), replace(desk.model(desk.server.address + "/nowhere", checksum=WRONG), name="bad")
    with pytest.raises(ModelFileError, match=r"^bad/net.onnx: no address gives it"):
        download([bad, good], desk.destinations(desk.server.address + "/a"), RETRY_POLICY)
    assert IN_PLACE in desk.left()
    with pytest.raises(ModelFileError, match=r"^2 of 2 models are not complete: bad, net$"):
        download([bad, desk.model(checksum=WRONG)], desk.destinations(), RETRY_POLICY)
