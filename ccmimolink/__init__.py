"""ccmimolink: Xiaomi MiMo models inside OpenAI Codex. This module holds the version and imports nothing."""

__version__ = "0.1.0"
