"""Who is answered: names, origins, tokens; and the run beside the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from background_subtraction.live.session import Session
from background_subtraction.live.settings import Settings
from background_subtraction.web.access.options import WebOptions
from background_subtraction.web.serving import listening, serving
from model_api import create_model
from model_api.errors import OptionError

TOKEN = "a token of 24 characters".replace(" ", "-")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "["}, 421),
        ({"Host": "localhost:9"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_other_names_and_origins(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    answer = client.get("/api/models", headers=headers)
    assert answer.status_code == status
    assert status == 200 or set(answer.json()) == {"error", "parameter"}


def test_own_origin(client: httpx.Client) -> None:
    own = str(client.base_url).rstrip("/")
    assert client.get("/api/models", headers={"Origin": own}).status_code == 200


def test_token(places: dict[str, Any]) -> None:
    options = WebOptions(port=0, token=TOKEN)
    with listening(options) as taken, serving(taken, **places), httpx.Client(base_url=taken.url) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/api/models", "/metrics", "/openapi.json", "/api/models?token=" + TOKEN):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/api/models", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/api/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/", params={"token": "wrong"}).status_code == 401
        signed_in = client.get("/", params={"token": TOKEN})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
        cookie = signed_in.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert TOKEN not in cookie
        assert client.get("/api/models").status_code == 200


def test_elsewhere_a_token_is_made() -> None:
    with listening(WebOptions(host="0.0.0.0", port=0)) as taken:
        assert len(taken.access.token) >= 32


def test_port_in_use() -> None:
    with (
        listening(WebOptions(port=0)) as taken,
        pytest.raises(OptionError, match="cannot be listened at"),
        listening(WebOptions(port=taken.access.port)),
    ):
        pass


def test_settings_and_metrics_of_a_run(models: Path, places: dict[str, Any]) -> None:
    path = str(models / "red_dynamic.onnx")
    with create_model(path) as model:
        session = Session(Settings(target_bgr="/home/me/beach.jpg"), model, create_model)
        for latency_s in (0.004, 0.03, 0.03, 7.0):
            session.report.latencies.add(latency_s)
        with (
            listening(WebOptions(port=0)) as taken,
            serving(taken, session, **places),
            httpx.Client(base_url=taken.url) as client,
        ):
            assert client.get("/api/settings").json()["target_bgr"] == "file:beach.jpg"
            changed = client.patch("/api/settings", json={"mirror": True, "mask": {"grow_px": 2}})
            assert changed.json()["mask"]["grow_px"] == session.settings.mask.grow_px == 2
            assert session.settings.mirror
            assert session.settings.target_bgr == "/home/me/beach.jpg"
            wrongs: list[Any] = [{"mirror": 1}, {"x": 1}, {"target_bgr": "/etc/passwd"}, {"model": "/x.xml"}, []]
            for wrong in wrongs:
                assert client.patch("/api/settings", json=wrong).status_code == 422
            for body in ("{", "[" * 100000):
                assert client.patch("/api/settings", content=body).status_code == 415
                json = {"Content-Type": "application/json"}
                assert client.patch("/api/settings", content=body, headers=json).status_code == 400
            text = client.get("/metrics").text
            for colour in ("white", "255,255,255", "#fff", "#FFFFFF"):
                assert client.patch("/api/settings", json={"target_bgr": colour}).json()["target_bgr"] == "#ffffff"
        session.close()
    name = "background_subtraction_latency_seconds"
    assert f'# TYPE {name} histogram\n{name}_bucket{{le="0.005"}} 1\n' in text
    assert f'{name}_bucket{{le="0.033"}} 3\n' in text
    assert f'{name}_bucket{{le="+Inf"}} 4\n{name}_sum 7.064\n{name}_count 4\n' in text
    assert "# HELP background_subtraction_dropped_frames_total " in text
    assert "\nbackground_subtraction_viewers 0\n" in text
