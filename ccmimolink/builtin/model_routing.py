"""Decides which model a request gets.

Owns the rule and nothing of what a model can do: images are another transform's.
"""

from __future__ import annotations

from msgspec.structs import replace
from zope.interface import implementer

from ccmimolink.core.context import RequestContext
from ccmimolink.core.models import LONG_WINDOW, ModelTable
from ccmimolink.core.responses import ResponsesRequest
from ccmimolink.interfaces import IRequestTransform

_FAMILY = "mimo-"


@implementer(IRequestTransform)
class ModelRouting:
    """A model that the user chose wins; else a ``mimo-…``, or one of the table, in the request; else the text
    model.
    """

    name = "model-routing"
    priority = 100

    def transform(self, request: ResponsesRequest, context: RequestContext) -> ResponsesRequest:
        settings = context.settings
        asked = None if settings.text_model_chosen else _known(request.model or "", context.models)
        return replace(request, model=(asked or settings.text_model).removesuffix(LONG_WINDOW))


def _known(asked: str, models: ModelTable) -> str | None:
    """The model that a name in a request means, or None where it is none that could be asked.

    A name of the table stands as it is written there. Else the vendor before a slash is left off, and the
    names of the family are MiMo's own, in small letters, however a client spells them.
    """
    asked = asked.removesuffix(LONG_WINDOW)
    if models.get(asked) is not None:
        return asked
    name = asked.rpartition("/")[2]
    if name.lower().startswith(_FAMILY):
        return name.lower().removesuffix(LONG_WINDOW)
    return name if models.get(name) is not None else None
