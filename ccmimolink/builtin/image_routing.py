"""Sends a request that shows an image to a model that can see.

Owns what counts as an image in a request. It runs after the model was chosen, and leaves one that takes
images.
"""

from __future__ import annotations

from msgspec.structs import replace
from zope.interface import implementer

from ccmimolink.core.context import RequestContext
from ccmimolink.core.responses import (
    Content,
    ContentPart,
    CustomToolCallOutput,
    FunctionCallOutput,
    Item,
    LocalShellCallOutput,
    Message,
    ResponsesRequest,
)
from ccmimolink.interfaces import IRequestTransform

_IMAGE_PARTS = frozenset({"input_image", "image_url"})


@implementer(IRequestTransform)
class ImageRouting:
    """The whole conversation counts: an image shown turns ago is sent again with every turn."""

    name = "image-routing"
    priority = 200

    def transform(self, request: ResponsesRequest, context: RequestContext) -> ResponsesRequest:
        model = request.model or context.settings.text_model
        if context.models.takes(model, "image") or not any(map(_shows_image, request.input)):
            return request
        return replace(request, model=context.settings.vision_model)


def _shows_image(item: Item) -> bool:
    return any(map(_is_image, _parts(item)))


def _parts(item: Item) -> list[ContentPart]:
    content: Content | None = None
    if isinstance(item, Message):
        content = item.content
    elif isinstance(item, (FunctionCallOutput, CustomToolCallOutput, LocalShellCallOutput)):
        content = item.output
    return content if isinstance(content, list) else []


def _is_image(part: ContentPart) -> bool:
    if part.type == "input_file":
        return (part.file_data or "").startswith("data:image/")
    return part.type in _IMAGE_PARTS and part.image_url is not None
