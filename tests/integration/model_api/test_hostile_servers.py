"""Model servers that answer wrongly: one line each, whatever they send, and never more memory than is asked for."""

from __future__ import annotations

import pytest

from model_api import AsyncPipeline, BackgroundSubtractionError, InferenceOptions, create_model
from tests.support.media import indexed_frames
from tests.support.server.hostile import grpc_server, http_server
from tests.support.server.wrong_answers import GRPC, HTTP, Case

TIMEOUT_S = 20.0
SHORT_TIMEOUT_S = 1.0
"""Where the server never answers."""

pytest.importorskip("tritonclient", reason="tritonclient, an extra, is not installed")


def outcome(address: str, case: Case) -> str:
    """The line that two frames on this server end with, "" where they are computed."""
    inference = InferenceOptions(timeout_s=SHORT_TIMEOUT_S if "no answer" in (case.line or "") else TIMEOUT_S)
    try:
        with create_model(address, adapter="ovms", inference=inference) as model:
            results = list(AsyncPipeline(model).run(indexed_frames(2)))
    except BackgroundSubtractionError as error:
        return str(error)
    assert [result.matte.alpha.shape for result in results] == [(48, 64)] * 2
    return ""


def check(case: Case, line: str) -> None:
    print(line or "clean")
    assert "\n" not in line
    assert line.isprintable()
    assert (line == "") == (case.line is None), line
    assert (case.line or "") in line


@pytest.mark.parametrize("name", HTTP)
def test_wrong_answers_over_http(name: str) -> None:
    case = HTTP[name]
    with http_server(case.replies, case.metadata) as server:
        check(case, outcome(f"{server.address}/v2/models/net", case))


@pytest.mark.parametrize("name", GRPC)
def test_wrong_answers_over_grpc(name: str) -> None:
    case = GRPC[name]
    with grpc_server(case.replies, case.metadata, packed=case.packed) as server:
        check(case, outcome(f"{server.address}/models/net", case))
