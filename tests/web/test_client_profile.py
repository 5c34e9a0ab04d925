"""Who is asking: the client profile and the kind of turn, from the headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from ccmimolink.core.context import TurnKind
from ccmimolink.core.errors import Profile
from ccmimolink.web.client import profile_of, turn_of

CODEX_HEADERS = [
    {"originator": ["codex_exec"]},
    {"originator": ["Codex Desktop"]},
    {"Originator": ["CODEX_CLI_RS"]},
    {"X-Codex-Turn-Metadata": ["{}"]},
    {"x-codex-window-id": ["1"]},
]
OTHER_HEADERS: list[dict[str, list[str]]] = [
    {},
    {"originator": ["opencode"]},
    {"originator": ["my codex"]},
    {"user-agent": ["codex_exec/0.169"]},
    {"x-codexlike": ["1"]},
]


@pytest.mark.parametrize("headers", CODEX_HEADERS)
def test_codex_is_known_by_its_headers(headers: dict[str, list[str]]) -> None:
    assert profile_of(Headers(headers)) is Profile.CODEX


@pytest.mark.parametrize("headers", OTHER_HEADERS)
def test_everyone_else_is_generic(headers: dict[str, list[str]]) -> None:
    assert profile_of(Headers(headers)) is Profile.GENERIC


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, TurnKind.TURN),
        ({"x-codex-turn-metadata": ['{"request_kind":"turn","thread_source":"user"}']}, TurnKind.TURN),
        ({"x-codex-turn-metadata": ['{"request_kind":"compaction"}']}, TurnKind.COMPACTION),
        ({"x-codex-turn-metadata": ['{"thread_source":"thread_title"}']}, TurnKind.TITLE),
        ({"x-openai-subagent": ["collab_spawn"]}, TurnKind.SUBAGENT),
    ],
)
def test_the_kind_of_turn_is_what_codex_says(headers: dict[str, list[str]], kind: TurnKind) -> None:
    assert turn_of(Headers(headers)) is kind


@given(st.binary(max_size=80).filter(lambda value: not set(value) & {0, 10, 13}))
def test_metadata_that_cannot_be_read_is_an_ordinary_turn_and_no_error(value: bytes) -> None:
    assert turn_of(Headers({b"x-codex-turn-metadata": [value]})) is TurnKind.TURN
