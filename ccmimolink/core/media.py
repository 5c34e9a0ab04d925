"""Content parts: what a client puts into a message or a tool output, as chat completions takes it.

Owns the translation of parts and nothing of the order of messages. It must not decide whether the model takes
images: that is the image routing's, which works on the request before it gets here.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Raw

from ccmimolink.core.chat import AudioPart, ImagePart, ImageTarget, TextPart, UserMessage, UserPart
from ccmimolink.core.responses import Content, ContentPart, ImageUrl, Output

ATTACHMENT_ONLY = "See the attachment."
"""Put before an image or audio that came without text: MiMo wants text in every user message."""

_IMAGE_KINDS = frozenset({"input_image", "image_url", "computer_screenshot"})
_MEDIA_KINDS = _IMAGE_KINDS | {"input_audio", "input_file"}
TEXT_KINDS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})
"""The kinds of parts whose ``text`` is what they say."""

PART_KINDS = _MEDIA_KINDS | TEXT_KINDS | {"refusal"}
"""The kinds of parts that the API knows."""

SEALED = "[Content that another provider has sealed]"
_SEALED_BY_OPENAI = "gAAAA"
"""How a Fernet token begins. Text that a model here wrote goes by the same name, and is not sealed."""

_DETAILS = {"original": "high"}
"""Levels that chat completions does not know, by the nearest that it does."""
_ADDRESSES = ("http://", "https://", "data:")
_LONGEST_SCHEME = max(map(len, _ADDRESSES))
_NEVER_TEXT = ("image/", "audio/", "video/", "font/", "application/pdf")
"""Kinds of files whose bytes say nothing to the model, even where they happen to be text."""

_TEXT_MEMBERS = frozenset({"type", "text", "refusal", "annotations", "logprobs", "_meta"})
"""What an object may hold that is nothing but a part of text."""

_BASE64_DIGITS = (string.ascii_letters + string.digits + "+/").encode()
_PARAGRAPH = "\n\n"

_part_decoder = msgspec.json.Decoder(ContentPart)


def said(content: Content | None, separator: str) -> tuple[str, list[ImagePart | AudioPart]]:
    """What a message says where only text can stand, and the images and audio that it holds besides.

    :param separator: between parts of text. Files and notes of what cannot be passed on are paragraphs.
    """
    if content is None or isinstance(content, str):
        return content or "", []
    text = _plain_text(content, separator)
    if text is not None:
        return text, []
    paragraphs = []
    media: list[ImagePart | AudioPart] = []
    for is_text, group in groupby(content, lambda part: _text(part) is not None):
        texts = []
        for part in map(_chat_part, group):
            if isinstance(part, TextPart):
                texts.append(part.text)
            elif part is not None:
                media.append(part)
        paragraphs.append((separator if is_text else _PARAGRAPH).join(texts))
    return _PARAGRAPH.join(filter(None, paragraphs)), media


def chat_parts(output: Output | None) -> list[UserPart]:
    """Every part that can be passed on, in order. What cannot be is named, so that the model can say so."""
    content = content_of(output)
    if content is None or isinstance(content, str):
        return [TextPart(content)] if content else []
    return [part for part in map(_chat_part, content) if part is not None]


def text_of(output: Output | None, separator: str) -> str | None:
    """What :func:`chat_parts` makes of it, joined, or None where that is not all text, or an object.

    Histories are long and nearly all of it plain text: this is its way without an object for each part.
    """
    if output is None or isinstance(output, str):
        return output or ""
    return _plain_text(output, separator) if isinstance(output, list) else None


def _plain_text(content: list[ContentPart], separator: str) -> str | None:
    """The texts that are not empty, joined, or None where a part is anything but a text."""
    if len(content) == 1:
        part = content[0]
        return part.text if part.type in TEXT_KINDS else None
    texts = [part.text for part in content if part.type in TEXT_KINDS and part.text is not None]
    return separator.join(filter(None, texts)) if len(texts) == len(content) else None


def content_of(output: Output | None) -> Content | None:
    """What a tool returned as content: an object is the part that it is, else it is passed on as JSON."""
    if not isinstance(output, dict):
        return output
    text = msgspec.json.encode(output)
    part = _object_part(output, text)
    return text.decode() if part is None else [part]


def is_known(part: ContentPart) -> bool:
    """Whether the part is of a kind that can be read."""
    return _api_part(part).type in PART_KINDS


def image_in(part: ContentPart) -> ImageTarget | None:
    """The image that the model is shown for this part, or None where it is shown none."""
    part = _api_part(part)
    if part.type == "input_file":
        data = _address(part.file_data or "")
        return ImageTarget(data) if data is not None and data.startswith("data:image/") else None
    if part.type not in _IMAGE_KINDS:
        return None
    image = part.image_url
    url, detail = (image.url, image.detail) if isinstance(image, ImageUrl) else (image, None)
    detail = part.detail or detail
    address = _address(url or "")
    if address is None:
        return None
    return ImageTarget(address, _DETAILS.get(detail, detail) if detail else None)


def user_message(parts: list[UserPart]) -> UserMessage | None:
    """A user message of these parts: one string where all is text, None where there is nothing."""
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) == len(parts):
        return UserMessage(_PARAGRAPH.join(texts)) if texts else None
    return UserMessage(parts if texts else [TextPart(ATTACHMENT_ONLY), *parts])


def labelled(media: Sequence[ImagePart | AudioPart], origin: str) -> list[UserPart]:
    """Each with a text before it that says where it comes from."""
    parts: list[UserPart] = []
    for part in media:
        kind = "Audio" if isinstance(part, AudioPart) else "Image"
        parts += [TextPart(f"{kind} {origin}:"), part]
    return parts


def agent_text(content: list[ContentPart] | None) -> str:
    """The text of a message between agents, whose parts run on."""
    return "".join(map(_agent_text, content or ()))


def _agent_text(part: ContentPart) -> str:
    if part.type != "encrypted_content":
        return _text(part) or ""
    text = part.encrypted_content or ""
    return SEALED if text.startswith(_SEALED_BY_OPENAI) else text


def _text(part: ContentPart) -> str | None:
    """A part's text, whatever its kind is called."""
    part = _api_part(part)
    if part.type in _MEDIA_KINDS:
        return None
    return part.refusal if part.type == "refusal" else part.text


def _object_part(members: dict[str, Raw], text: bytes) -> ContentPart | None:
    """The content part that an object is, or None where it is none, or says more than such a part can.

    :param text: the object as JSON.
    """
    try:
        part = _part_decoder.decode(text)
    except msgspec.ValidationError:
        return None
    if not is_known(part):
        return None
    is_whole = part.type in _MEDIA_KINDS or _api_part(part) is not part
    is_text = _text(part) is not None and members.keys() <= _TEXT_MEMBERS
    return part if is_whole or is_text else None


def _api_part(part: ContentPart) -> ContentPart:
    """The part in the API's own words where it is spelled as in MCP, else as it is."""
    if part.type in ("image", "audio") and isinstance(part.data, str):
        url = _data_url(part.mime_type, part.data)
        if part.type == "image":
            return ContentPart(type="input_image", image_url=url)
        return ContentPart(type="input_audio", input_audio={"data": url})
    if part.type == "resource" and isinstance(part.resource, dict):
        text, blob, uri = (part.resource.get(name) for name in ("text", "blob", "uri"))
        if isinstance(text, str):
            return ContentPart(type="input_text", text=text)
        if isinstance(blob, str):
            return ContentPart(
                type="input_file",
                filename=uri if isinstance(uri, str) else None,
                file_data=_data_url(part.resource.get("mimeType"), blob),
            )
    return part


def _data_url(media_type: object, payload: str) -> str:
    return f"data:{media_type if isinstance(media_type, str) else ''};base64,{payload}"


def _chat_part(part: ContentPart) -> UserPart | None:
    part = _api_part(part)
    image = image_in(part)
    if image is not None:
        return ImagePart(image)
    if part.type in _IMAGE_KINDS:
        return TextPart(f"[Image {part.file_id or 'without an address'} could not be passed on.]")
    if part.type == "input_audio":
        return _audio(part.input_audio or {})
    if part.type == "input_file":
        return _file(part)
    text = _text(part)
    if text is None and part.type not in PART_KINDS:
        return TextPart(f"[Content of the kind {part.type} could not be passed on.]")
    return TextPart(text) if text else None


def _has_scheme(url: str) -> bool:
    return url[:_LONGEST_SCHEME].lower().startswith(_ADDRESSES)


def _address(url: str) -> str | None:
    """The address as MiMo takes it, its scheme in small letters: http, or a data URL with base64 in it.

    None for any other: MiMo refuses the request for it, and with it every later one of the session.
    """
    if not _has_scheme(url):
        return None
    scheme, _, rest = url.partition(":")
    if scheme.lower() != "data":
        return f"{scheme.lower()}:{rest}"
    header, _, payload = rest.partition(",")
    if not header.lower().endswith(";base64") or not _is_base64(payload):
        return None
    return url if url.startswith("data:") and header.islower() else f"data:{header.lower()},{payload}"


def _is_base64(payload: str) -> bool:
    """Whether it would decode to something. It is not decoded: it is megabytes, and comes with every turn."""
    digits = payload.rstrip("=")
    if not digits or not payload.isascii() or len(payload) % 4 or len(payload) - len(digits) > 2:
        return False
    return not digits.encode().translate(None, delete=_BASE64_DIGITS)


def _audio(audio: dict[str, Any]) -> UserPart:
    """MiMo takes a URL or a data URL, where OpenAI's own shape is bare base64 beside a ``format``."""
    data = audio.get("data")
    if not isinstance(data, str) or not data:
        return TextPart("[Audio without data could not be passed on.]")
    if not _has_scheme(data):
        data = _data_url(f"audio/{audio.get('format') or 'wav'}", data)
    address = _address(data)
    if address is None:
        return TextPart("[Audio without an address or base64 could not be passed on.]")
    return AudioPart({**audio, "data": address})


def _file(part: ContentPart) -> TextPart:
    name = part.filename or part.file_url or part.file_id or "without a name"
    text = _file_text(part.file_data) if part.file_data else None
    if text is not None:
        return TextPart(f"[File {name}]\n{text}")
    return TextPart(f"[File {name} could not be passed on: the model takes text, images and audio only.]")


def _file_text(file_data: str) -> str | None:
    """The text in ``file_data`` (base64, or a data URL), or None where it is something else."""
    is_url = file_data[:5].lower() == "data:"
    header, comma, payload = file_data.partition(",") if is_url else ("", "", file_data)
    header = header.lower()
    if header.removeprefix("data:").startswith(_NEVER_TEXT):
        return None
    try:
        if header and not header.endswith(";base64"):
            text = unquote_to_bytes(payload).decode() if comma else None
        else:
            text = base64.b64decode(payload, validate=True).decode()
    except ValueError:
        return None
    return None if text is None or "\0" in text else text
