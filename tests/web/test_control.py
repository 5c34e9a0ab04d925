"""``/control/model``: for our own command alone, and in force from the next request on."""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from ccmimolink.control.memory import ModelMemory
from ccmimolink.dump.masks import MASK, masked_header
from ccmimolink.model_choice import CONTROL_HEADER
from ccmimolink.web.control import Control
from tests.http_wire import UNTIL_CLOSE_HEAD, Reply, answer, body_of, chunked, hello
from tests.memory_fixtures import MakeProxy
from tests.memory_proxy import MemoryProxy

TOKEN = "fake-control-token"
PATH = "/control/model"
PAGE = "not served"


class Controlled:
    """A proxy with a control endpoint, and what it remembers in a file."""

    def __init__(self, make_proxy: MakeProxy, directory: Path, **settings: str) -> None:
        self.file = directory / "model-9876.json"
        self._make_proxy, self._settings = make_proxy, settings
        self.start_again()

    def start_again(self) -> None:
        self.memory = ModelMemory(self.file)
        self.proxy: MemoryProxy = self._make_proxy(self._settings, control=Control(TOKEN, self.memory))

    def ask(self, method: str = "GET", body: bytes = b"", path: str = PATH, **headers: str) -> Reply:
        return self.proxy.ask(method, path, body, **{"x_ccmimolink_control_token": TOKEN} | headers).reply

    def choose(self, model: str | None, **more: Any) -> Reply:
        return self.ask("PUT", json.dumps({"model": model} | more).encode())

    def answered_by(self, asked: str = "gpt-5.5") -> str:
        """The model that MiMo is asked for."""
        client = self.proxy.post(body_of(model=asked))
        upstream = self.proxy.upstream[-1]
        # The connection may have been kept, and have served before.
        model: str = json.loads(upstream.received.rpartition(b"\r\n\r\n")[2])["model"]
        upstream.send(chunked(hello()))
        assert client.reply.last()["status"] == "completed"
        return model

    def mimo_lists(self, *names: str) -> None:
        """What MiMo answers to the request that waits."""
        upstream = self.proxy.upstream[-1]
        assert upstream.request[0] == "GET /v1/models HTTP/1.1"
        upstream.send(answer(200, {"data": [{"id": name} for name in names]}))


@pytest.fixture
def controlled(make_proxy: MakeProxy, tmp_path: Path) -> Controlled:
    return Controlled(make_proxy, tmp_path)


# -- what it does -------------------------------------------------------------------------------------------


def test_it_tells_what_is_in_force_without_asking_mimo(controlled: Controlled) -> None:
    state = controlled.ask().json()
    assert (state["model"], state["chosen"], state["origin"]) == ("mimo-v2.5", False, "default")
    assert (state["vision_model"], state["remembered"], state["upstream"]) == ("mimo-v2.5", None, None)
    assert [model["name"] for model in state["models"]][:1] == ["mimo-v2.6-pro"]
    assert controlled.proxy.upstream == []


def test_a_choice_is_in_force_for_the_next_request_whatever_it_asks_for(controlled: Controlled) -> None:
    assert controlled.answered_by("mimo-v2.6-flash") == "mimo-v2.6-flash"
    state = controlled.choose("mimo-v2.5-pro[1m]").json()
    assert (state["model"], state["origin"]) == ("mimo-v2.5-pro", "ccmimolink-model")
    assert controlled.ask().json()["model"] == "mimo-v2.5-pro"
    assert controlled.answered_by("mimo-v2.6-flash") == "mimo-v2.5-pro"


def test_a_request_that_is_under_way_keeps_its_model(controlled: Controlled) -> None:
    """One that is answered, and one that waits for its turn."""
    proxy = controlled.proxy
    clients = [proxy.post(), proxy.post()]
    controlled.choose("mimo-v2.5-pro")
    clients.append(proxy.post())
    asked = []
    for client in clients:
        upstream = proxy.upstream[-1]
        asked.append(json.loads(upstream.request[2])["model"])
        upstream.send(UNTIL_CLOSE_HEAD + hello())
        upstream.close()
        proxy.settle()
        assert client.reply.last()["status"] == "completed"
    assert asked == ["mimo-v2.5", "mimo-v2.5", "mimo-v2.5-pro"]


def test_null_goes_back_to_what_the_start_chose(make_proxy: MakeProxy, tmp_path: Path) -> None:
    controlled = Controlled(make_proxy, tmp_path, MIMO_MODEL="mimo-v2.6-pro")
    state = controlled.choose("mimo-v2.5-pro").json()
    assert (state["start_model"], state["start_origin"]) == ("mimo-v2.6-pro", "MIMO_MODEL")
    state = controlled.choose(None).json()
    assert (state["model"], state["origin"], state["remembered"]) == ("mimo-v2.6-pro", "MIMO_MODEL", None)
    assert controlled.answered_by() == "mimo-v2.6-pro"
    assert not controlled.file.exists()


def test_a_choice_outlasts_the_proxy(controlled: Controlled, logged: list[str]) -> None:
    assert controlled.choose("mimo-v2.5-pro").json()["remembered"] == "mimo-v2.5-pro"
    controlled.start_again()
    assert controlled.answered_by("mimo-v2.6-flash") == "mimo-v2.5-pro"
    assert any("text requests go to mimo-v2.5-pro, as ccmimolink-model chose" in line for line in logged)


def test_a_start_that_chooses_another_model_wins_and_says_so(
    make_proxy: MakeProxy, tmp_path: Path, logged: list[str]
) -> None:
    Controlled(make_proxy, tmp_path).choose("mimo-v2.5-pro")
    controlled = Controlled(make_proxy, tmp_path, MIMO_MODEL="mimo-v2.6-pro")
    assert controlled.answered_by() == "mimo-v2.6-pro"
    assert controlled.ask().json()["remembered"] == "mimo-v2.5-pro"
    expected = "text requests go to mimo-v2.6-pro (MIMO_MODEL); ccmimolink-model had chosen mimo-v2.5-pro"
    assert any(expected in line for line in logged)


def test_a_broken_memory_is_told_of_and_does_not_keep_a_proxy_from_serving(
    make_proxy: MakeProxy, tmp_path: Path, logged: list[str]
) -> None:
    (tmp_path / "model-9876.json").write_text("{")
    controlled = Controlled(make_proxy, tmp_path)
    assert controlled.answered_by() == "mimo-v2.5"
    assert any("model-9876.json" in line for line in logged)


def test_a_choice_that_cannot_be_remembered_is_in_force_and_says_so(make_proxy: MakeProxy) -> None:
    controlled = Controlled(make_proxy, Path("/dev/null"))
    state = controlled.choose("mimo-v2.5-pro").json()
    assert "cannot be written" in state["complaint"]
    assert controlled.answered_by() == "mimo-v2.5-pro"


def test_each_change_stands_in_the_log_with_who_made_it(controlled: Controlled, logged: list[str]) -> None:
    controlled.choose("mimo-v2.5-pro")
    expected = (
        "ccmimolink-model: text requests go to mimo-v2.5-pro (ccmimolink-model) from now on, no longer to "
        "mimo-v2.5"
    )
    assert any(expected in line for line in logged)


# -- which names are taken ----------------------------------------------------------------------------------


def test_a_name_of_the_table_is_taken_without_asking_mimo(controlled: Controlled) -> None:
    assert controlled.choose("mimo-v2.6-pro").status == 200
    assert controlled.proxy.upstream == []


def change_with(controlled: Controlled, model: str, *listed: str) -> Reply:
    client = controlled.proxy.ask(
        "PUT", PATH, json.dumps({"model": model}).encode(), x_ccmimolink_control_token=TOKEN
    )
    controlled.mimo_lists(*listed)
    controlled.proxy.settle()
    return client.reply


def test_another_name_is_looked_for_in_mimos_list(controlled: Controlled) -> None:
    assert change_with(controlled, "mimo-v9", "mimo-v2.5", "mimo-v9").json()["model"] == "mimo-v9"
    assert controlled.answered_by() == "mimo-v9"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("mimo-v8", "Known are mimo-v2.6-pro"),
        ("mimo-v2-flash", "Its successor is mimo-v2.5."),
        ("x-tts", "Known"),
    ],
)
def test_a_name_that_nobody_knows_is_refused_and_changes_nothing(
    controlled: Controlled, model: str, said: str
) -> None:
    reply = change_with(controlled, model, "mimo-v2.5", "x-tts")
    assert (reply.status, reply.error()["param"]) == (400, "model")
    assert said in reply.error()["message"]
    assert controlled.ask().json()["model"] == "mimo-v2.5"
    assert not controlled.file.exists()


def test_where_mimo_cannot_be_asked_the_refusal_says_why(controlled: Controlled) -> None:
    controlled.proxy.reactor.deaf = True
    client = controlled.proxy.ask("PUT", PATH, b'{"model": "mimo-v9"}', x_ccmimolink_control_token=TOKEN)
    controlled.proxy.advance(30)
    assert "MiMo's own list could not be had" in client.reply.error()["message"]


def test_with_force_any_name_is_taken_without_asking(controlled: Controlled) -> None:
    assert controlled.choose("mimo-v9", force=True).json()["model"] == "mimo-v9"
    assert controlled.proxy.upstream == []


@pytest.mark.parametrize("force", [False, True])
def test_a_key_in_the_place_of_a_name_is_never_taken(
    controlled: Controlled, logged: list[str], *, force: bool
) -> None:
    reply = controlled.choose("tp-fake-key-of-nobody", force=force)
    assert reply.status == 400
    assert not [line for line in [*logged, reply.body.decode()] if "of-nobody" in line]


def test_mimos_list_is_told_where_it_is_asked_for(controlled: Controlled) -> None:
    client = controlled.proxy.ask("GET", f"{PATH}?upstream=1", x_ccmimolink_control_token=TOKEN)
    controlled.mimo_lists("mimo-v2.5", "mimo-v2.5-tts", "mimo-v9")
    controlled.proxy.settle()
    assert client.reply.json()["upstream"] == ["mimo-v2.5", "mimo-v9"]


def test_a_list_that_is_none_is_told_of(controlled: Controlled) -> None:
    client = controlled.proxy.ask("GET", f"{PATH}?upstream=1", x_ccmimolink_control_token=TOKEN)
    controlled.proxy.upstream[-1].send(answer(200, b"<html>"))
    controlled.proxy.settle()
    state = client.reply.json()
    assert (state["upstream"], state["no_upstream"]) == (None, "its answer is no list of models")


def test_of_two_changes_at_a_time_the_one_that_is_answered_last_is_in_force(controlled: Controlled) -> None:
    """And remembered: the file and the proxy never say two things."""
    proxy = controlled.proxy
    slow = proxy.ask("PUT", PATH, b'{"model": "mimo-v9"}', x_ccmimolink_control_token=TOKEN)
    assert controlled.choose("mimo-v2.5-pro").json()["model"] == "mimo-v2.5-pro"
    controlled.mimo_lists("mimo-v9")
    proxy.settle()
    assert slow.reply.json()["remembered"] == "mimo-v9"
    assert (controlled.ask().json()["model"], ModelMemory(controlled.file).model) == ("mimo-v9", "mimo-v9")


def test_a_command_that_leaves_while_mimo_is_asked_changes_nothing(controlled: Controlled) -> None:
    client = controlled.proxy.ask("PUT", PATH, b'{"model": "mimo-v9"}', x_ccmimolink_control_token=TOKEN)
    client.leave()
    controlled.proxy.settle()
    assert controlled.ask().json()["model"] == "mimo-v2.5"


# -- who may ask --------------------------------------------------------------------------------------------


def refused(controlled: Controlled, **headers: str) -> str:
    """What is said of a look and of a change, both of which are refused."""
    replies = [
        controlled.ask(method, body, **headers)
        for method, body in (("GET", b""), ("PUT", b'{"model": "mimo-v2.5-pro"}'))
    ]
    assert [reply.status for reply in replies] == [403, 403]
    assert controlled.proxy.services.settings.text_model == "mimo-v2.5"
    (message,) = {str(reply.error()["message"]) for reply in replies}
    return message


@pytest.mark.parametrize("token", ["", "fake-control-toke", f"{TOKEN}x", "fake-contröl-token"])
def test_a_wrong_token_is_refused(controlled: Controlled, token: str) -> None:
    assert "control token" in refused(controlled, x_ccmimolink_control_token=token)


def test_a_token_is_compared_in_constant_time(
    controlled: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    digest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return digest(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    controlled.ask(x_ccmimolink_control_token="fake-control-tokem")
    assert compared == [b"fake-control-tokem"]


def test_a_token_that_is_sent_twice_is_none(controlled: Controlled) -> None:
    client = controlled.proxy.connect()
    line = f"{CONTROL_HEADER}: {TOKEN}\r\n"
    client.send(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{line}{line}\r\n".encode())
    assert client.reply.status == 403


def test_a_wrong_token_is_not_repeated_in_the_log(controlled: Controlled, logged: list[str]) -> None:
    refused(controlled, x_ccmimolink_control_token="nearly-a-token")
    controlled.choose("mimo-v2.5-pro")
    assert not [line for line in logged if "nearly-a-token" in line or TOKEN in line]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1"},
        {"origin": "null"},
        {"referer": "http://127.0.0.1/"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none", "sec_fetch_mode": "navigate"},
        {"sec_fetch_dest": "empty"},
    ],
)
def test_no_page_gets_in_not_even_one_of_ours_with_the_token(
    controlled: Controlled, headers: dict[str, str]
) -> None:
    assert PAGE in refused(controlled, **headers)


def test_a_page_gets_no_leave_beforehand(controlled: Controlled) -> None:
    reply = controlled.ask("OPTIONS", origin="http://evil.example", access_control_request_method="PUT")
    assert reply.status == 403
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_name_that_is_made_to_lead_here_does_not(controlled: Controlled) -> None:
    assert "Host" in refused(controlled, host="evil.example")


def test_from_elsewhere_nobody_gets_in_with_the_clients_token(make_proxy: MakeProxy, tmp_path: Path) -> None:
    controlled = Controlled(
        make_proxy, tmp_path, MIMO_PROXY_LISTEN="tcp:9876", MIMO_PROXY_TOKEN="fake-client-token"
    )
    bearer = "Bearer fake-client-token"
    assert "Host" in refused(controlled, authorization=bearer, host="my-server.example")
    assert "control token" in refused(controlled, authorization=bearer, x_ccmimolink_control_token="")


def test_the_command_needs_no_token_of_the_clients(make_proxy: MakeProxy, tmp_path: Path) -> None:
    controlled = Controlled(make_proxy, tmp_path, MIMO_PROXY_TOKEN="fake-client-token")
    assert controlled.choose("mimo-v2.5-pro").json()["model"] == "mimo-v2.5-pro"


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/control", "/control/model/x", "/v1/responses"])
def test_the_control_token_opens_nothing_else(make_proxy: MakeProxy, tmp_path: Path, path: str) -> None:
    controlled = Controlled(make_proxy, tmp_path, MIMO_PROXY_TOKEN="fake-client-token")
    assert controlled.ask("POST", b"{}", path=path).status == 403


def test_a_proxy_without_a_command_has_no_such_path(proxy: MemoryProxy) -> None:
    assert proxy.ask("GET", PATH).reply.status == 404


def test_an_empty_token_is_none(make_proxy: MakeProxy) -> None:
    proxy: MemoryProxy = make_proxy(control=Control("", ModelMemory(None)))
    assert proxy.ask("GET", PATH).reply.status == 403


# -- odd requests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"{", b"\xff", b'{"model": 3}', b'{"model": "x", "y": 1}', b'"mimo-v2.5"']
)
def test_a_body_that_says_nothing_is_refused(controlled: Controlled, body: bytes) -> None:
    reply = controlled.ask("PUT", body)
    assert (reply.status, reply.error()["message"]) == (400, 'Send {"model": NAME} or {"model": null}.')


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_encoding": "gzip"}, 415),
    ],
)
def test_a_body_is_json_as_it_is(controlled: Controlled, headers: dict[str, str], status: int) -> None:
    assert controlled.ask("PUT", b'{"model": "mimo-v2.5-pro"}', **headers).status == status


def test_a_body_that_names_more_than_a_model_is_too_large(controlled: Controlled) -> None:
    assert controlled.ask("PUT", b'{"model": "%b"}' % (b"m" * 5000)).status == 413


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_other_methods_are_refused(controlled: Controlled, method: str) -> None:
    reply = controlled.ask(method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, PUT")


def test_a_query_is_no_way_to_change_anything(controlled: Controlled) -> None:
    assert controlled.ask(path=f"{PATH}?model=mimo-v2.5-pro").json()["model"] == "mimo-v2.5"


def test_codex_is_told_a_refusal_in_its_own_form(controlled: Controlled) -> None:
    assert controlled.ask(x_ccmimolink_control_token="x", originator="codex_exec").status == 400


def test_a_dump_for_bug_reports_masks_the_token() -> None:
    assert masked_header(CONTROL_HEADER.encode(), TOKEN.encode()) == MASK
