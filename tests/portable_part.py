"""Which part of the suite runs on every system: ``pytest -m portable``.

Owns the one table of it. A file belongs to it whose tests need no permission bits, links, signals that others
send, shells or ``/proc``; and none that has a marker of its own.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent

PORTABLE = (
    "activity",
    "builtin",
    "core",
    "demo",
    "http1",
    "portable",
    "tunnel",
    "upstream",
    "web",
    "mimocode/test_catalog_reading.py",
    "mimocode/test_catalog_request.py",
    "mimocode/test_catalog_tries.py",
    "mimocode/test_jsonc_edit.py",
    "mimocode/test_jsonc_properties.py",
    "mimocode/test_jsonc_removal.py",
    "mimocode/test_jsonc_text.py",
    "sync/test_finder.py",
    "sync/test_json_text.py",
    "sync/test_masking.py",
    "sync/test_rows.py",
    "sync/test_toml_text.py",
    "sync/test_toml_text_properties.py",
    "sync/test_urls.py",
    "test_gathering.py",
    "test_graph.py",
    "test_heads.py",
    "test_inflate.py",
    "test_lessons.py",
    "test_limiter_back_off.py",
    "test_limiter_clocks.py",
    "test_limiter_machine.py",
    "test_limiter_permits.py",
    "test_limiter_place.py",
    "test_limiter_queue.py",
    "test_limiter_starts.py",
    "test_limiter_stop.py",
    "test_log_events.py",
    "test_model_file.py",
    "test_options.py",
    "test_plugins_discovery.py",
    "test_printable.py",
    "test_route.py",
    "test_settings.py",
    "test_store_machine.py",
    "test_store_reasoning.py",
    "test_store_responses.py",
    "test_transport.py",
)


def is_portable(path: Path) -> bool:
    """:param path: of a test file, or of a directory with such."""
    try:
        parts = path.relative_to(TESTS).parts
    except ValueError:
        return False
    return not parts or parts[0] in PORTABLE or "/".join(parts) in PORTABLE


def holds_portable(directory: Path) -> bool:
    """Whether anything portable is in it, were it further below."""
    name = directory.relative_to(TESTS).as_posix() if directory.is_relative_to(TESTS) else "."
    return name == "." or is_portable(directory) or any(one.startswith(f"{name}/") for one in PORTABLE)
