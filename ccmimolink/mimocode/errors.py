"""Why a setup did not succeed.

Owns the codes, which programs read, and the sources. The messages are those of whoever raises: they say what
is wrong and what to do next, and hold neither a key nor anything that another program printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    MIMOCODE_NOT_FOUND = "mimocode_not_found"
    MIMOCODE_VERSION_UNPARSEABLE = "mimocode_version_unparseable"
    MIMOCODE_VERSION_TOO_OLD = "mimocode_version_too_old"
    MIMOCODE_NEWER_THAN_AUDITED = "mimocode_newer_than_audited"
    USAGE_ERROR = "usage_error"
    UNSAFE_API_KEY_FLAG = "unsafe_api_key_flag"
    MISSING_API_KEY = "missing_api_key"
    INVALID_API_KEY = "invalid_api_key"
    NON_INTERACTIVE_SECRET_REQUIRED = "non_interactive_secret_required"
    NON_INTERACTIVE_CHOICE_REQUIRED = "non_interactive_choice_required"
    CATALOG_FETCH_FAILED = "model_catalog_fetch_failed"
    CATALOG_PARSE_FAILED = "model_catalog_parse_failed"
    CATALOG_EMPTY = "model_catalog_empty"
    UNSUPPORTED_MODEL = "unsupported_model"
    CONFIG_PARSE_FAILED = "config_parse_failed"
    CONFIG_WRITE_FAILED = "config_write_failed"
    SECRET_STORAGE_FAILED = "secret_storage_failed"
    SECRET_PROVENANCE_FAILED = "secret_provenance_failed"
    PROJECT_SECRET_BINDING_FORBIDDEN = "project_secret_binding_forbidden"
    EFFECTIVE_CONFIG_MISMATCH = "effective_config_mismatch"
    EFFECTIVE_CONFIG_PARSE_FAILED = "effective_config_parse_failed"
    MODEL_VISIBILITY_FAILED = "model_visibility_failed"
    PROVIDER_DISABLED = "provider_disabled"
    PROVIDER_NOT_ENABLED = "provider_not_enabled"
    MODEL_NOT_WHITELISTED = "model_not_whitelisted"
    MODEL_BLACKLISTED = "model_blacklisted"
    RUNTIME_OVERRIDE_CONFLICT = "runtime_override_conflict"
    ROLLBACK_FAILED = "rollback_failed"
    ALREADY_RUNNING = "already_running"
    INTERRUPTED = "interrupted"
    UNEXPECTED_ERROR = "unexpected_error"


class Source(StrEnum):
    CLI = "cli"
    MIMOCODE = "mimocode"
    SECRET = "secret"
    STORAGE = "storage"
    CONFIG = "config"
    VERIFICATION = "verification"
    MODEL_REGISTRY = "model_registry"
    CURRENT_SESSION = "current_session"


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason.

    :ivar message: what is wrong and what to do next.
    :ivar detail: for programs, what exactly: a file, a variable, a status.
    """

    code: Code
    source: Source
    message: str
    detail: str | None = None


class SetupError(Exception):
    """The setup cannot go on, for one or more reasons; the first one is the most telling."""

    def __init__(self, *blockers: Blocker) -> None:
        super().__init__(blockers[0].message)
        self.blockers = blockers


def blocked(code: Code, source: Source, message: str, detail: str | None = None) -> SetupError:
    return SetupError(Blocker(code, source, message, detail))
