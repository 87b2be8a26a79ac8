"""A hundred wrong answers of model servers, as a table: name -> what the server answers, and a part of our line.

None stands for an answer that is odd, but right: the run is clean.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.server.hostile import (
    ALPHA,
    HEIGHT,
    IMAGE,
    PORTRAIT,
    WIDTH,
    Question,
    RefusalError,
    Reply,
    http,
    inferred,
    inferred_message,
    message,
    zeros,
)

PIXELS = HEIGHT * WIDTH
EVIL = "\x1b[31mred\x1b]0;title\x07\u202egnp.exe\r\n[ ERROR ] forged"
OPEN = {**ALPHA, "shape": [-1, 1, -1, -1]}
STATE = [1, -1, -1, -1]
RVM: dict[str, Any] = {
    "name": "net",
    "platform": "test",
    "inputs": [
        {"name": "src", "datatype": "FP32", "shape": [-1, 3, -1, -1]},
        {"name": "r1i", "datatype": "FP32", "shape": STATE},
    ],
    "outputs": [
        {"name": "pha", "datatype": "FP32", "shape": [-1, 1, -1, -1]},
        {"name": "fgr", "datatype": "FP32", "shape": [-1, 3, -1, -1]},
        {"name": "r1o", "datatype": "FP32", "shape": STATE},
    ],
}
DETECTOR: dict[str, Any] = {
    "name": "net",
    "platform": "test",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 3, HEIGHT, WIDTH]}],
    "outputs": [
        {"name": "boxes", "datatype": "FP32", "shape": [-1, 5]},
        {"name": "labels", "datatype": "INT64", "shape": [-1]},
        {"name": "masks", "datatype": "FP32", "shape": [-1, -1, -1]},
    ],
}


@dataclass(frozen=True)
class Case:
    """metadata: of the network that is served. replies: to which question the server answers otherwise.

    line: a part of the error's text, None where there is none.
    """

    line: str | None
    replies: Mapping[str, Reply] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=lambda: PORTRAIT)
    packed: bool = False


def described(line: str | None, metadata: object) -> Case:
    """A wrong description, the same over both protocols."""
    return Case(line, {"model": lambda _: http(json.dumps(metadata).encode())})


def image(line: str | None, key: str, value: object) -> Case:
    """A description of one image, of which this is wrong."""
    return described(line, {**PORTRAIT, "inputs": [{**IMAGE, key: value}]})


def answered(line: str | None, **reply: Reply) -> Case:
    return Case(line, reply)


def output(line: str | None, *items: Mapping[str, Any], metadata: Mapping[str, Any] = PORTRAIT, **header: Any) -> Case:
    """An answer with these outputs."""
    return Case(line, {"infer": lambda question: inferred(question, *items, **header)}, metadata)


def tensor(name: str, *shape: int, datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def sized(item: Mapping[str, Any], size: object) -> dict[str, Any]:
    return {**item, "parameters": {"binary_data_size": size}}


def with_json(line: str | None, header: object, rest: bytes = b"") -> Case:
    """An answer to a request whose JSON is this."""

    def infer(_: Question) -> bytes:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return http(text + rest, Inference_Header_Content_Length=len(text))

    return answered(line, infer=infer)


def bomb(size: int) -> bytes:
    """`size` zeros through gzip (RFC 1952), a thousandth of that: one block of a megabyte, again and again."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + block * (size >> 20)


def endless(question: Question) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + bytes(1 << 16) + b"\r\n"


def endless_headers(question: Question) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: 1\r\n" * 1000


def endless_interim(question: Question) -> Iterator[bytes]:
    while True:
        yield b"HTTP/1.1 102 Processing\r\n\r\n" * 1000


def good_numbers(question: Question) -> bytes:
    """Numbers in JSON, in nested lists, as the protocol allows."""
    rows = [[0.0] * WIDTH] * HEIGHT
    return http(json.dumps({"outputs": [{**ALPHA, "data": [[rows]]}]}).encode())


def through_gzip(question: Question) -> bytes:
    head, _, body = inferred(question, ALPHA).partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.startswith(b"Inference")).split()[1].decode()
    return http(gzip.compress(body), Content_Encoding="gzip", Inference_Header_Content_Length=length)


DEEP = b"[" * 200_000 + b"]" * 200_000
WRONGLY = "describes net wrongly: "
ANSWERED = "its answer has "

HTTP: dict[str, Case] = {
    # What the server says of itself.
    "server: nothing": answered("it closed the connection", server=lambda _: iter([b""])),
    "server: 500": answered("No model server answers", server=lambda _: http(b"", "500 Broken")),
    "server: 401": answered("server_token", server=lambda _: http(b"who?", "401 Unauthorized")),
    "server: escape codes": answered(
        r"\x1b[31mred", server=lambda _: http(json.dumps({"error": EVIL}).encode(), "400 No")
    ),
    "server: escape codes in its reason": answered(r"\x1b[31m", server=lambda _: http(b"", "500 \x1b[31mred\x07")),
    "server: text": answered("not KServe's JSON", server=lambda _: http(b"220 mail", Content_Type="text/plain")),
    "server: a page": answered("text/html", server=lambda _: http(b"<html>log in</html>", Content_Type="text/html")),
    "server: deep": answered("not KServe's JSON", server=lambda _: http(DEEP)),
    "server: not HTTP": answered("No model server answers", server=lambda _: iter([b"SSH-2.0-OpenSSH_9.6\r\n"])),
    "server: redirects": answered(
        "sends us to", server=lambda _: http(b"", "302 Found", Location="http://127.0.0.1:1/")
    ),
    "server: endless": answered("longer than", server=endless),
    "server: bomb": answered("longer than", server=lambda _: http(bomb(1 << 32), Content_Encoding="gzip")),
    "server: endless headers": answered("No model server answers", server=endless_headers),
    "server: endless interim answers": answered("no answer within", server=endless_interim),
    "server: a long header": answered("No model server", server=lambda _: http(b"{}", X_Long="x" * 1_000_000)),
    # Whether the model is ready.
    "ready: 400": answered("is not ready", ready=lambda _: http(b"", "400 Not")),
    "ready: 503 with text": answered("is not ready", ready=lambda _: http(EVIL.encode(), "503 Later")),
    "ready: cut": answered("does not give net", ready=lambda _: iter([b"HTTP/1.1 200"])),
    # Its description.
    "model: 404": answered("does not give net: no", model=lambda _: http(b'{"error": "no"}', "404 Not Found")),
    "model: error is a list": answered("does not give net", model=lambda _: http(b'{"error": [1]}', "404 Not Found")),
    "model: error is null": answered("does not give net", model=lambda _: http(b'{"error": null}', "404 Not Found")),
    "model: error is not JSON": answered("does not give net", model=lambda _: http(b"\xff\xfe", "404 Not Found")),
    "model: cut": answered(WRONGLY, model=lambda _: iter([http(b'{"name"', length=100)])),
    "model: null": described(WRONGLY, None),
    "model: text": described(WRONGLY, "net"),
    "model: a list": described(WRONGLY, [PORTRAIT]),
    "model: a number": described(WRONGLY, 7),
    "model: NaN": answered(WRONGLY, model=lambda _: http(b"NaN")),
    "model: empty": described(WRONGLY + "inputs are None", {}),
    "model: not UTF-8": answered(WRONGLY, model=lambda _: http(b'{"name": "\xff"}')),
    "model: deep": answered(WRONGLY, model=lambda _: http(DEEP)),
    "model: deep inside": answered(WRONGLY, model=lambda _: http(b'{"inputs": [' + DEEP + b"]}")),
    "model: a long number": answered(WRONGLY, model=lambda _: http(b'{"inputs": ' + b"9" * 100_000 + b"}")),
    "model: another one": described(WRONGLY + "its name is other", {**PORTRAIT, "name": "other"}),
    "model: its name is a list": described(WRONGLY, {**PORTRAIT, "name": [1]}),
    "model: inputs null": described(WRONGLY, {**PORTRAIT, "inputs": None}),
    "model: inputs text": described(WRONGLY, {**PORTRAIT, "inputs": "input"}),
    "model: inputs a mapping": described(WRONGLY, {**PORTRAIT, "inputs": {"input": IMAGE}}),
    "model: inputs of null": described(WRONGLY, {**PORTRAIT, "inputs": [None]}),
    "model: no inputs": described(WRONGLY, {**PORTRAIT, "inputs": []}),
    "model: no outputs": described(WRONGLY, {**PORTRAIT, "outputs": []}),
    "model: 100 000 inputs": described(WRONGLY, {**PORTRAIT, "inputs": [IMAGE] * 100_000}),
    "model: one name twice": described(WRONGLY + "two of the outputs", {**PORTRAIT, "outputs": [ALPHA, ALPHA]}),
    "model: a tensor without a name": image(WRONGLY, "name", None),
    "model: escape codes in a name": image(WRONGLY, "name", EVIL),
    "model: a name of a megabyte": image(WRONGLY, "name", "x" * 1_000_000),
    "model: a type that is not known": image("Expected one of BOOL", "datatype", "BF16"),
    "model: an output of text": described(
        "Expected one of BOOL", {**PORTRAIT, "outputs": [{**ALPHA, "datatype": "BYTES"}]}
    ),
    "model: a type that is a list": image(WRONGLY, "datatype", []),
    "model: escape codes in a type": image(WRONGLY, "datatype", EVIL),
    "model: a shape of text": image(WRONGLY, "shape", "1x3"),
    "model: a shape of fractions": image(WRONGLY, "shape", [1, 3, 4.5, 8]),
    "model: a shape of null": image(WRONGLY, "shape", [1, 3, None, 8]),
    "model: a shape of truths": image(WRONGLY, "shape", [True, 3, 4, 8]),
    "model: a size of 0": image(WRONGLY, "shape", [1, 3, 0, 64]),
    "model: a size of -2": image(WRONGLY, "shape", [1, 3, -2, 64]),
    "model: a size of 10^30": image(WRONGLY, "shape", [1, 3, 10**30, 64]),
    "model: 1000 dimensions": image(WRONGLY, "shape", [1] * 1000),
    "model: an image of 48 GB": image(WRONGLY, "shape", [1, 3, 64_000, 64_000]),
    "model: a mask of 16 GB": described(WRONGLY, {**PORTRAIT, "outputs": [{**ALPHA, "shape": [1, 1, 64_000, 64_000]}]}),
    "model: a state of 4 GB": described(
        WRONGLY, {**RVM, "inputs": [RVM["inputs"][0], {**RVM["inputs"][1], "shape": [1, 1000, 1000, 1000]}]}
    ),
    "model: unknown contract": image("matches no known model", "shape", [3]),
    "model: parameters are a list": described(WRONGLY, {**PORTRAIT, "parameters": [1]}),
    "model: rt_info is text": described(WRONGLY, {**PORTRAIT, "rt_info": "x"}),
    "model: model_info is a number": described(WRONGLY, {**PORTRAIT, "rt_info": {"model_info": 5}}),
    "model: facts are deep": answered(
        None,
        model=lambda _: http(
            json.dumps({**PORTRAIT, "parameters": {"a": 0}}).replace("0}", "[" * 500 + "]" * 500 + "}").encode()
        ),
    ),
    "model: bomb": answered(WRONGLY, model=lambda _: http(bomb(1 << 32), Content_Encoding="gzip")),
    # The answer to a frame.
    "infer: right": Case(None),
    "infer: right, as numbers": answered(None, infer=good_numbers),
    "infer: right, through gzip": answered(None, infer=through_gzip),
    "infer: right, with an output more": output(None, tensor("extra", 2), ALPHA),
    "infer: right, recurrent": Case(
        None,
        metadata=RVM,
        replies={
            "infer": lambda question: inferred(
                question,
                tensor("pha", 1, 1, HEIGHT, WIDTH),
                tensor("fgr", 1, 3, HEIGHT, WIDTH),
                tensor("r1o", 1, 1, 6, 8),
            )
        },
    ),
    "infer: nobody detected": Case(
        None,
        metadata=DETECTOR,
        replies={
            "infer": lambda question: inferred(
                question, tensor("boxes", 0, 5), tensor("labels", 0, datatype="INT64"), tensor("masks", 0, 28, 28)
            )
        },
    ),
    "infer: 500": answered("refuses to compute net", infer=lambda _: http(b'{"error": "no"}', "500 No")),
    "infer: escape codes": answered(
        r"\x1b[31mred", infer=lambda _: http(json.dumps({"error": EVIL}).encode(), "500 No")
    ),
    "infer: 403": answered("server_token", infer=lambda _: http(b"", "403 Forbidden")),
    "infer: redirects": answered(
        "sends us to", infer=lambda _: http(b"", "307 Elsewhere", Location="http://10.0.0.1/")
    ),
    "infer: closes": answered("is gone", infer=lambda _: iter([b""])),
    "infer: cut": answered("breaks off", infer=lambda _: iter([http(b"{}", length=1000)])),
    "infer: nothing": answered("not KServe's JSON", infer=lambda _: http(b"")),
    "infer: null": with_json("has no outputs", None),
    "infer: deep": with_json("not KServe's JSON", DEEP),
    "infer: outputs null": with_json("has no outputs", {"outputs": None}),
    "infer: outputs empty": with_json("lacks output", {"outputs": []}),
    "infer: outputs of null": with_json("for an output", {"outputs": [None]}),
    "infer: another output": output("lacks output", tensor("other", 1, 1, HEIGHT, WIDTH)),
    "infer: an output twice": output("output 2 times", ALPHA, ALPHA),
    "infer: to another request": output("to another request: id", ALPHA, id="99999"),
    "infer: of another model": output("to another request: model_name", ALPHA, model_name="other"),
    "infer: id is a list": output("to another request: id", ALPHA, id=[1]),
    "infer: half the bytes": output(ANSWERED, ALPHA, data=bytes(PIXELS * 2)),
    "infer: more bytes": output(ANSWERED, ALPHA, data=bytes(PIXELS * 4 + 4)),
    "infer: a size that is not there": with_json(ANSWERED, {"outputs": [sized(ALPHA, PIXELS * 4)]}, b"1234"),
    "infer: a negative size": with_json(ANSWERED, {"outputs": [sized(ALPHA, -4)]}),
    "infer: a size of text": with_json(ANSWERED, {"outputs": [sized(ALPHA, "4")]}),
    "infer: a size of 10^18": with_json(ANSWERED, {"outputs": [sized(ALPHA, 10**18)]}),
    "infer: bytes after the outputs": with_json(
        "bytes more", {"outputs": [sized(ALPHA, PIXELS * 4)]}, zeros(ALPHA) + b"more"
    ),
    "infer: parameters are a list": with_json(ANSWERED, {"outputs": [{**ALPHA, "parameters": [1]}]}),
    "infer: too few numbers": with_json(ANSWERED, {"outputs": [{**ALPHA, "data": [1, 2]}]}),
    "infer: ragged numbers": with_json(ANSWERED, {"outputs": [{**ALPHA, "data": [[1], 2]}]}),
    "infer: numbers are text": with_json(ANSWERED, {"outputs": [{**ALPHA, "data": ["x"] * PIXELS}]}),
    "infer: numbers are null": with_json(ANSWERED, {"outputs": [{**ALPHA, "data": None}]}),
    "infer: another type": output("as FP64", {**ALPHA, "datatype": "FP64"}, data=bytes(PIXELS * 8)),
    "infer: a type of text": output("as BYTES", {**ALPHA, "datatype": "BYTES"}),
    "infer: no type": output("as None", {**ALPHA, "datatype": None}),
    "infer: another rank": output("expected 1×1×48×64", tensor("output", HEIGHT, WIDTH)),
    "infer: another size": output("expected 1×1×48×64", tensor("output", 1, 1, WIDTH, HEIGHT)),
    "infer: a scalar": output("expected 1×1×48×64", tensor("output"), data=bytes(4)),
    "infer: a shape of text": output("the shape", {**ALPHA, "shape": "1x1"}, data=zeros(ALPHA)),
    "infer: a shape of -1": output("the shape", {**ALPHA, "shape": [-1, 1, HEIGHT, WIDTH]}, data=zeros(ALPHA)),
    "infer: a shape of null": output("the shape", {**ALPHA, "shape": None}, data=zeros(ALPHA)),
    "infer: 100 dimensions": output("the shape", {**ALPHA, "shape": [1] * 100}, data=bytes(4)),
    "infer: open, no pixel": output(
        "expected ?×1×?×?", tensor("output", 1, 1, 0, 64), metadata={**PORTRAIT, "outputs": [OPEN]}
    ),
    "infer: open, no image": output(
        "which is no image", tensor("output", 2, 1, 4, 4), metadata={**PORTRAIT, "outputs": [OPEN]}
    ),
    "infer: open, 10^9 pixels": output(
        "bytes for output",
        tensor("output", 1, 1, 30_000, 30_000),
        data=b"1234",
        metadata={**PORTRAIT, "outputs": [OPEN]},
    ),
    "infer: a foreground of another size": output(
        "expected 48×64",
        tensor("pha", 1, 1, HEIGHT, WIDTH),
        tensor("fgr", 1, 3, 8, 8),
        tensor("r1o", 1, 1, 6, 8),
        metadata=RVM,
    ),
    "infer: a matte of another size": output(
        "expected 48×64", tensor("pha", 1, 1, 8, 8), tensor("fgr", 1, 3, 8, 8), tensor("r1o", 1, 1, 6, 8), metadata=RVM
    ),
    "infer: an empty state": output(
        "expected 1×?×?×?",
        tensor("pha", 1, 1, HEIGHT, WIDTH),
        tensor("fgr", 1, 3, HEIGHT, WIDTH),
        tensor("r1o", 1, 1, 0, 8),
        metadata=RVM,
    ),
    "infer: boxes without masks": output(
        "do not go together",
        tensor("boxes", 3, 5),
        tensor("labels", 3, datatype="FP32"),
        tensor("masks", 1, 28, 28),
        metadata={**DETECTOR, "outputs": [{**item, "datatype": "FP32"} for item in DETECTOR["outputs"]]},
    ),
    "infer: a length of text": answered("of JSON", infer=lambda _: http(b"{}", Inference_Header_Content_Length="x")),
    "infer: a length beyond the end": answered(
        "of JSON", infer=lambda _: http(b"{}", Inference_Header_Content_Length=99)
    ),
    "infer: a negative length": answered("of JSON", infer=lambda _: http(b"{}", Inference_Header_Content_Length=-1)),
    "infer: 3 GB are announced": answered(
        "longer than", infer=lambda _: iter([http(b"", length=3 << 30), bytes(8 << 20)])
    ),
    "infer: endless": answered("longer than", infer=endless),
    "infer: bomb": answered("longer than", infer=lambda _: http(bomb(1 << 33), Content_Encoding="gzip")),
    "infer: packed by br": answered("packed by br", infer=lambda _: http(b"xx", Content_Encoding="br")),
    "infer: damaged gzip": answered("damaged gzip", infer=lambda _: http(b"xx" * 50, Content_Encoding="gzip")),
    "infer: endless headers": answered("", infer=endless_headers),
    "infer: trickles": answered("no answer within", infer=lambda _: _trickle()),
    "infer: silent": answered("no answer within", infer=lambda _: _silence()),
}


def _trickle() -> Iterator[bytes]:
    import time

    yield b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    while True:
        time.sleep(0.05)
        yield b" "


def _silence() -> Iterator[bytes]:
    import time

    time.sleep(3)
    yield b""


def refused(status: str, words: str = EVIL) -> Reply:
    def reply(question: Question) -> bytes:
        raise RefusalError(status, words)

    return reply


def g(line: str | None, metadata: Mapping[str, Any] = PORTRAIT, *, packed: bool = False, **replies: Reply) -> Case:
    return Case(line, replies, metadata, packed)


def model(line: str | None, **changes: Any) -> Case:
    return g(line, model=lambda _: message("ModelMetadata", **{**PORTRAIT, **changes}))


def infer(line: str | None, *items: Mapping[str, Any], metadata: Mapping[str, Any] = PORTRAIT, **fields: Any) -> Case:
    return g(line, metadata, infer=lambda question: inferred_message(question, *items, **fields))


FLOATS = {**ALPHA, "contents": {"fp32_contents": [0.0] * PIXELS}}

GRPC: dict[str, Case] = {
    "server: refused": g("No model server answers", server=refused("UNIMPLEMENTED")),
    "server: unauthenticated": g("server_token", server=refused("UNAUTHENTICATED")),
    "server: not a message": g("No model server answers", server=lambda _: b"\xff" * 40),
    "server: a long message": g(
        "No model server answers", server=lambda _: message("ServerMetadata", name="x" * (8 << 20))
    ),
    "server: bomb": g(
        "No model server answers", server=lambda _: message("ServerMetadata", name="x" * (1 << 24)), packed=True
    ),
    "ready: no": g("is not ready", ready=lambda _: message("ModelReady", ready=False)),
    "ready: not a message": g("does not give net", ready=lambda _: b"\xff" * 40),
    "model: refused": g("does not give net", model=refused("NOT_FOUND")),
    "model: not a message": g("does not give net", model=lambda _: b"\xff" * 40),
    "model: nothing": g(WRONGLY, model=lambda _: b""),
    "model: not UTF-8": g("does not give net", model=lambda _: b"\x0a\x02\xff\xfe"),
    "model: another one": model(WRONGLY, name="other"),
    "model: no inputs": model(WRONGLY, inputs=[]),
    "model: 1000 inputs": model(WRONGLY, inputs=[IMAGE] * 1000),
    "model: one name twice": model(WRONGLY, outputs=[ALPHA, ALPHA]),
    "model: escape codes in a name": model(WRONGLY, inputs=[{**IMAGE, "name": EVIL}]),
    "model: escape codes in a type": model(WRONGLY, inputs=[{**IMAGE, "datatype": EVIL}]),
    "model: a type that is not known": model("Expected one of BOOL", inputs=[{**IMAGE, "datatype": "BF16"}]),
    "model: a size of 0": model(WRONGLY, inputs=[{**IMAGE, "shape": [1, 3, 0, 64]}]),
    "model: a size of -2": model(WRONGLY, inputs=[{**IMAGE, "shape": [1, 3, -2, 64]}]),
    "model: an image of 48 GB": model(WRONGLY, inputs=[{**IMAGE, "shape": [1, 3, 64_000, 64_000]}]),
    "model: 1000 dimensions": model(WRONGLY, inputs=[{**IMAGE, "shape": [1] * 1000}]),
    "infer: right": g(None),
    "infer: right, as numbers": infer(None, FLOATS, raw_output_contents=[]),
    "infer: refused": g(r"\x1b[31mred", infer=refused("INVALID_ARGUMENT")),
    "infer: gone": g("is gone", infer=refused("UNAVAILABLE")),
    "infer: denied": g("server_token", infer=refused("PERMISSION_DENIED")),
    "infer: not a message": g("refuses to compute", infer=lambda _: b"\xff" * 40),
    "infer: nothing": g("lacks output", infer=lambda _: b""),
    "infer: another output": infer("lacks output", {**ALPHA, "name": "other"}),
    "infer: an output twice": infer("output 2 times", ALPHA, ALPHA),
    "infer: to another request": infer("to another request: id", ALPHA, id="99999"),
    "infer: of another model": infer("to another request: model_name", ALPHA, model_name="other"),
    "infer: half the bytes": infer(ANSWERED, ALPHA, raw_output_contents=[bytes(PIXELS * 2)]),
    "infer: no bytes": infer(ANSWERED, ALPHA, raw_output_contents=[b""]),
    "infer: bytes of two": infer("the bytes of 2", ALPHA, raw_output_contents=[zeros(ALPHA)] * 2),
    "infer: too few numbers": infer(ANSWERED, {**ALPHA, "contents": {"fp32_contents": [1.0]}}, raw_output_contents=[]),
    "infer: text for numbers": infer(
        ANSWERED, {**ALPHA, "contents": {"bytes_contents": [b"x"]}}, raw_output_contents=[]
    ),
    "infer: another type": infer("as FP64", {**ALPHA, "datatype": "FP64"}, raw_output_contents=[bytes(PIXELS * 8)]),
    "infer: another rank": infer("expected 1×1×48×64", tensor("output", HEIGHT, WIDTH)),
    "infer: another size": infer("expected 1×1×48×64", tensor("output", 1, 1, WIDTH, HEIGHT)),
    "infer: a negative size": infer("the shape", {**ALPHA, "shape": [1, -1, HEIGHT, WIDTH]}),
    "infer: 100 dimensions": infer("the shape", {**ALPHA, "shape": [1] * 100}, raw_output_contents=[bytes(4)]),
    "infer: a long message": infer("larger than max", ALPHA, raw_output_contents=[bytes(8 << 20)]),
    "infer: a bomb": Case(
        "",
        {"infer": lambda question: inferred_message(question, ALPHA, raw_output_contents=[bytes(1 << 24)])},
        packed=True,
    ),
    "infer: silent": g("no answer within", infer=lambda _: b"".join(_silence())),
}

NUMBERS = {"NaN": math.nan, "infinity": math.inf, "10^38": 1e38, "-10^38": -1e38}


def alphas_of(value: float) -> Case:
    """Numbers that no alpha has: not a fault of the protocol."""
    content = struct.pack("<f", value) * PIXELS
    return Case(None, {"infer": lambda question: inferred(question, ALPHA, data=content)})


HTTP |= {f"infer: {name}": alphas_of(value) for name, value in NUMBERS.items()}
