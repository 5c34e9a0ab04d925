"""Content parts: what a client puts into a message or a tool output, as chat completions takes it.

Owns the translation of parts and nothing of the order of messages. It must not decide whether the model takes
images: that is the image routing's, which works on the request before it gets here.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

from ccmimolink.core.chat import AudioPart, ImagePart, ImageTarget, TextPart, UserMessage, UserPart
from ccmimolink.core.responses import Content, ContentPart, ImageUrl

ATTACHMENT_ONLY = "See the attachment."
"""Put before an image or audio that came without text: MiMo wants text in every user message."""

_TEXT_KINDS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
_DETAILS = {"original": "high"}
"""Levels that chat completions does not know, by the nearest that it does."""
_ADDRESSES = ("http://", "https://", "data:")
_TEXTUAL = frozenset({"application/json", "application/xml", "application/yaml", "application/javascript"})


def text_of(content: Content | None, separator: str) -> str:
    """The text in a content, its parts joined; parts of other kinds are left out."""
    if content is None or isinstance(content, str):
        return content or ""
    return separator.join(filter(None, map(_text, content)))


def chat_parts(content: Content | None) -> list[UserPart]:
    """Every part that can be passed on, in order. What cannot be is named, so that the model can say so."""
    if content is None or isinstance(content, str):
        return [TextPart(content)] if content else []
    return [part for part in map(_chat_part, content) if part is not None]


def user_message(parts: list[UserPart]) -> UserMessage | None:
    """A user message of these parts: one string where all is text, None where there is nothing."""
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) == len(parts):
        return UserMessage("\n\n".join(texts)) if texts else None
    return UserMessage(parts if texts else [TextPart(ATTACHMENT_ONLY), *parts])


def _text(part: ContentPart) -> str | None:
    if part.type == "refusal":
        return part.refusal
    return part.text if part.type in _TEXT_KINDS else None


def _chat_part(part: ContentPart) -> UserPart | None:
    if part.type in {"input_image", "image_url"}:
        return _image(part)
    if part.type == "input_audio":
        return _audio(part.input_audio or {})
    if part.type == "input_file":
        return _file(part)
    text = _text(part)
    return TextPart(text) if text else None


def _image(part: ContentPart) -> UserPart:
    image = part.image_url
    url, detail = (image.url, image.detail) if isinstance(image, ImageUrl) else (image, None)
    detail = part.detail or detail
    if not url or not url.startswith(_ADDRESSES):
        return TextPart(f"[Image {part.file_id or 'without an address'} could not be passed on.]")
    return ImagePart(ImageTarget(url, _DETAILS.get(detail, detail) if detail else None))


def _audio(audio: dict[str, Any]) -> UserPart:
    """MiMo takes a URL or a data URL, where OpenAI's own shape is bare base64 beside a ``format``."""
    data = audio.get("data")
    if not isinstance(data, str) or not data:
        return TextPart("[Audio without data could not be passed on.]")
    if not data.startswith(_ADDRESSES):
        data = f"data:audio/{audio.get('format', 'wav')};base64,{data}"
    return AudioPart({**audio, "data": data})


def _file(part: ContentPart) -> UserPart:
    name = part.filename or part.file_url or part.file_id or "without a name"
    if part.file_data:
        if part.file_data.startswith("data:image/"):
            return ImagePart(ImageTarget(part.file_data))
        text = _file_text(part.file_data)
        if text is not None:
            return TextPart(f"[File {name}]\n{text}")
    return TextPart(f"[File {name} could not be passed on: the model takes text, images and audio only.]")


def _file_text(file_data: str) -> str | None:
    """The text in ``file_data`` (base64, or a data URL), or None where it is something else."""
    header, comma, payload = (
        file_data.partition(",") if file_data.startswith("data:") else ("", "", file_data)
    )
    kind = header.removeprefix("data:").split(";")[0].lower()
    if kind and not kind.startswith("text/") and kind not in _TEXTUAL:
        return None
    try:
        if header and not header.endswith(";base64"):
            text = unquote_to_bytes(payload).decode() if comma else None
        else:
            text = base64.b64decode(payload, validate=True).decode()
    except ValueError:
        return None
    return None if text is None or "\0" in text else text
