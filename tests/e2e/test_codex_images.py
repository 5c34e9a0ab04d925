"""Pictures reach a model that can see, whatever text model was chosen."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeCodex, StartProxy
from tests.e2e.proxy import RecordingMimo

pytestmark = pytest.mark.codex

TEXT_MODEL, VISION_MODEL = "mimo-v2.5-pro", "mimo-v2.5"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A red square of 8 by 8 pixels."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\0\0" * 8) * 8
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _with_text_model(config: str) -> str:
    return config.replace('model = "mimo-v2.5"', f'model = "{TEXT_MODEL}"')


def test_an_attached_picture_is_seen_though_the_chosen_model_is_blind(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo: RecordingMimo, picture: Path
) -> None:
    codex = make_codex(start_proxy("--v2.5-pro"), _with_text_model)
    run = codex.exec("what is this?", "-i", str(picture)).quiet()
    assert run.message.startswith(f"{VISION_MODEL} sees an image (image/png, {picture.stat().st_size} bytes)")
    assert [request["model"] for request in mimo.requests()] == [VISION_MODEL]


def test_a_text_request_stays_with_the_chosen_model(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo: RecordingMimo
) -> None:
    make_codex(start_proxy("--v2.5-pro")).exec("how are you?").quiet()
    assert [request["model"] for request in mimo.requests()] == [TEXT_MODEL]


def test_a_picture_that_a_tool_returns_is_seen(
    start_proxy: StartProxy, make_codex: MakeCodex, mimo: RecordingMimo, picture: Path
) -> None:
    codex = make_codex(start_proxy("--v2.5-pro"), _with_text_model)
    run = codex.exec(f"call view_image {json.dumps({'path': str(picture)})}").quiet()
    assert f"{VISION_MODEL} sees an image (image/png, {picture.stat().st_size} bytes)" in run.message
    assert [request["model"] for request in mimo.requests()] == [TEXT_MODEL, VISION_MODEL]
