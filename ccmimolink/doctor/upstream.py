"""Whether MiMo can be reached with the key that would go there, has the models, and has the same time as we.

Owns these checks. They go the proxy's own way, with its route, its keys and its HTTP client.
"""

from __future__ import annotations

import email.utils
import shlex
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.web.iweb import IResponse

from ccmimolink.core.errors import Failure, FailureKind, RequestError, UpstreamError
from ccmimolink.core.retry import Fault
from ccmimolink.doctor.findings import Finding, failed, not_checked, ok, split, warning
from ccmimolink.doctor.scene import Scene
from ccmimolink.doctor.way import Way
from ccmimolink.inflate import deliver_body
from ccmimolink.journey import Journey
from ccmimolink.model_choice import COMMAND, DEFAULT
from ccmimolink.sync.urls import shown
from ccmimolink.transport import BoundedReader
from ccmimolink.tries import Trouble
from ccmimolink.web.keys import NO_KEY

PROBE_TOKENS = 16
"""What a turn of ``--probe`` may answer at most."""

NO_PROBE = "It would be billed (a few tokens); --probe makes it."
PROBE = "Say ok."
_MOST_BYTES = 256 * 1024
_MOST_SECONDS_OFF = 300.0
_MOST_SECONDS_ASTRAY = 5.0
_LISTED = 8
_VISION = "MIMO_PROXY_VISION_MODEL"
_KINDS = {
    "sk-": "a pay-as-you-go key (sk-…)",
    "tp-": "a token-plan key (tp-…)",
    "ttp-": "a token-plan key (ttp-…)",
}


def simulated(scene: Scene) -> str:
    return "The simulated MiMo answers (MIMO_PROXY_DEMO)." if scene.settings.demo else ""


async def key(scene: Scene) -> Finding:
    """The key and the host go together, by the prefix of the one and the name of the other."""
    way = scene.way = await Way.find(scene.settings, scene.reactor)
    headers = scene.codex_route.headers if scene.codex_route is not None else {}
    codex_key = next(iter(headers.values()), "")
    scene.keep_secret(codex_key, way.route.key)
    try:
        target = way.resolve(codex_key)
    except RequestError as error:
        message = error.failure.message
        if message == NO_KEY and (reason := _why_unused(scene)):
            return not_checked(reason)
        if message == NO_KEY:
            message = message.replace(
                "came with the request", "is known, neither of cc switch nor of MIMO_API_KEY"
            )
        return failed(*split(message))
    scene.keep_secret(target.key)
    kind = next((kind for prefix, kind in _KINDS.items() if target.key.startswith(prefix)), "a key")
    proxied = scene.settings.proxies.told(target.base_url)
    return ok(f"{kind} for {shown(target.base_url)} ({way.route.origin}){proxied}.")


def _why_unused(scene: Scene) -> str:
    """Why the proxy could not use the key in cc switch now, if there is one."""
    if scene.settings.skip_sync or not hasattr(scene, "candidate") or not scene.candidate.provider.key:
        return ""
    if scene.state.memory(scene.places.database).takeover is None:
        return "The key in cc switch is used once the route is taken over, and it is not taken over."
    return "The key in cc switch cannot be read now."


async def reachable(scene: Scene) -> Finding:
    url = f"{scene.way.target.base_url}/models"
    try:
        body = await scene.way.graph.services.client.get_models(scene.way.target)
    except UpstreamError as error:
        return _failed(error, scene)
    scene.models = _listed(body)
    if not scene.models:
        return failed(
            f"{shown(url)} answered with no list of models.",
            f"Check {scene.way.route.origin}: the address ends in /v1.",
            _curl(url),
        )
    shown_models = ", ".join(scene.models[:_LISTED]) + (", …" if len(scene.models) > _LISTED else "")
    return ok(f"{shown(url)} lists {shown_models}.")


def _listed(body: bytes) -> tuple[str, ...]:
    try:
        return tuple(str(model["id"]) for model in msgspec.json.decode(body)["data"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def _curl(url: str) -> str:
    return f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {shlex.quote(shown(url))}"


def _failed(error: UpstreamError, scene: Scene) -> Finding:
    found, fix = split(error.failure.message, "")
    fault = error.__cause__.fault if isinstance(error.__cause__, Trouble) else Fault.REFUSED
    origin = scene.way.route.origin
    if error.failure.kind is FailureKind.KEY_REJECTED:
        return failed(
            f"MiMo rejects the key: {found}",
            "Enter the key of MiMo's console in cc switch (or MIMO_API_KEY). If it is right, it is another "
            f"region's: set {origin} to that one's address, such as https://token-plan-sgp.xiaomimimo.com/v1.",
        )
    ways_out = {
        Fault.NOT_RESOLVED: f"Check the network and the host name in {origin}.",
        Fault.NOT_CONNECTED: f"Check the network and {origin}; if only a proxy leads out, set HTTPS_PROXY.",
        Fault.TLS_FAILED: f"Check the clock and {origin}; where a company's proxy opens TLS, name its "
        "certificate authority in MIMO_PROXY_CA_FILE.",
        Fault.SILENT: f"Check the network and {origin}.",
        Fault.BROKE: f"Check the network and {origin}.",
    }
    if fault not in ways_out:
        return failed(found, fix or _by_kind(error.failure, origin))
    if scene.settings.proxies.told(scene.way.target.base_url):
        # What the proxy before MiMo said is in the words already, with the variable that names it.
        return failed(found, fix or "Check the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY.")
    return failed(found, ways_out[fault], _curl(f"{scene.way.target.base_url}/models"))


def _by_kind(failure: Failure, origin: str) -> str:
    if failure.kind in (FailureKind.BALANCE_EXHAUSTED, FailureKind.QUOTA_EXHAUSTED):
        return "Look after the balance in MiMo's console."
    if failure.kind is FailureKind.RATE_LIMITED:
        return "Wait a minute; if it stays so, look after the limits of the account in MiMo's console."
    if failure.kind in (FailureKind.NOT_FOUND, FailureKind.INVALID_REQUEST):
        return f"Check {origin}: the address ends in /v1."
    return "Try again in some minutes; MiMo's side has a fault."


async def models(scene: Scene) -> Finding:
    """Those that requests go to are among them."""
    chosen = {_text_origin(scene): scene.choice.model, _VISION: scene.settings.vision_model}
    missing = {origin: name for origin, name in chosen.items() if name not in scene.models}
    if not missing:
        return ok(f"{scene.choice.model} and, for images, {scene.settings.vision_model} are among them.")
    better = {
        origin: _successor(name, scene) or _first("image" if origin == _VISION else "text", scene)
        for origin, name in missing.items()
    }
    found = f"MiMo does not list {' and '.join(f'{name} ({origin})' for origin, name in missing.items())}"
    fix = f"Choose {' and '.join(filter(None, better.values())) or 'models that MiMo lists'}."
    commands = [_choosing(origin, name) for origin, name in better.items() if name]
    if all(_successor(name, scene) for name in missing.values()):
        return warning(f"{found}; the proxy asks its successor.", fix, " && ".join(commands))
    return failed(f"{found}.", fix, " && ".join(commands))


def _text_origin(scene: Scene) -> str:
    return "MIMO_MODEL" if scene.choice.origin == DEFAULT else scene.choice.origin


def _choosing(origin: str, name: str) -> str:
    return f"{COMMAND} set {name}" if origin == COMMAND else f"export {origin}={name}"


def _successor(name: str, scene: Scene) -> str:
    """The first one down the line that is listed."""
    following = scene.settings.models.successor(name)
    while following is not None and following not in scene.models:
        following = scene.settings.models.successor(following)
    return following or ""


def _first(modality: str, scene: Scene) -> str:
    """The first one that is listed, known, and takes this kind of input."""
    table = scene.settings.models
    listed = (name for name in scene.models if table.get(name) is not None)
    return next((name for name in listed if table.takes(name, modality)), "")


def no_date(scene: Scene) -> str:
    return "" if scene.way.date else "MiMo has sent no date."


def clock(scene: Scene) -> Finding:
    """Certificates, logs and delays go by it."""
    wall, monotonic = scene.began
    now = scene.now()
    astray = abs((now - wall) - (scene.monotonic() - monotonic))
    if astray > _MOST_SECONDS_ASTRAY:
        return warning(
            f"The clock was set by {astray:.0f} s while the checks ran.",
            "Let the system keep the time by itself.",
            "timedatectl set-ntp true",
        )
    try:
        theirs = email.utils.parsedate_to_datetime(scene.way.date).timestamp()
    except ValueError:
        return ok("MiMo's date cannot be read.")
    if abs(now - theirs) > _MOST_SECONDS_OFF:
        ahead = "ahead of" if now > theirs else "behind"
        return warning(
            f"This machine's clock is {abs(now - theirs) / 60:.0f} minutes {ahead} MiMo's.",
            "Set the clock, and let the system keep it: TLS goes by it.",
            "timedatectl set-ntp true",
        )
    return ok(f"It differs from MiMo's by {abs(now - theirs):.0f} s.")


def no_probe(scene: Scene) -> str:
    return simulated(scene) or ("" if scene.probe else NO_PROBE)


async def turn(scene: Scene) -> Finding:
    """One tiny request for a completion."""
    services, model = scene.way.graph.services, scene.choice.model
    model = model if model in scene.models else _successor(model, scene)
    body = {
        "model": model,
        "messages": [{"role": "user", "content": PROBE}],
        "max_completion_tokens": PROBE_TOKENS,
        "stream": True,
    }
    journey = Journey.begin("doctor", scene.monotonic)
    permit = await services.limiter.acquire()
    try:
        answer = await services.client.open_stream(
            msgspec.json.encode(body),
            scene.way.target,
            permit,
            lambda response: _read(response, scene),
            journey,
        )
    except UpstreamError as error:
        return _failed(error, scene)
    finally:
        permit.release()
    if b'"choices"' not in answer:
        return failed(
            f"{model} answered, but not with a completion.",
            f"Check {scene.way.route.origin}: the address ends in /v1.",
        )
    return ok(f"{model} answers (at most {PROBE_TOKENS} tokens were billed).")


def _read(response: IResponse, scene: Scene) -> Deferred[bytes]:
    reader: Any = BoundedReader(_MOST_BYTES)
    deliver_body(response, reader, scene.reactor)
    done: Deferred[bytes] = reader.done
    return done
