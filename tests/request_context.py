"""The context that a plugin is given, as tests of plugins need it."""

from __future__ import annotations

from ccmimolink.core.context import RequestContext, SettingsView, TurnKind
from ccmimolink.core.errors import Profile
from ccmimolink.core.models import BUILTIN_MODELS


def request_context(profile: Profile) -> RequestContext:
    return RequestContext(
        request_id="req_1",
        profile=profile,
        turn=TurnKind.TURN,
        settings=SettingsView(text_model="mimo-v2.5", text_model_chosen=False, vision_model="mimo-v2.5"),
        models=BUILTIN_MODELS,
    )
