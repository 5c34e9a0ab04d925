"""The pictures in the README: ``python -m tests.pictures [DIRECTORY]`` makes them anew in half a minute.

Owns what is to be seen on them: a proxy that has worked a while, with streams under way and a back-off that
runs. It needs Chromium, and a font with Chinese characters (Debian: ``fonts-wqy-microhei``).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.browser.devtools import Browser, Tab
from tests.browser.slow_mimo import slow_mimo
from tests.e2e.proxy import FAKE_KEY, Proxy

HERE = Path(__file__).parent

_KINDS: dict[str, dict[str, str]] = {
    "turn": {},
    "title": {"x-codex-turn-metadata": '{"thread_source":"thread_title"}'},
    "compaction": {"x-codex-turn-metadata": '{"request_kind":"compaction"}'},
    "subagent": {"x-openai-subagent": "review"},
}
# Who asks, for which kind of turn, which model, the words of the history and those of the answer.
_WORK = (
    ("codex_cli_rs", "turn", "gpt-5.5", 9000, 60),
    ("codex_cli_rs", "title", "gpt-5.5", 400, 8),
    ("codex_cli_rs", "turn", "gpt-5.5", 12000, 90),
    ("codex_vscode", "subagent", "mimo-v2.5-pro", 7000, 45),
    ("codex_cli_rs", "turn", "gpt-5.5", 15000, 30),
    ("openai-python", "turn", "mimo-v2.5", 900, 70),
    ("codex_cli_rs", "turn", "gpt-5.5", 17000, 110),
    ("codex_vscode", "turn", "mimo-v2.5-pro", 9000, 50),
    ("codex_cli_rs", "compaction", "gpt-5.5", 21000, 120),
    ("codex_cli_rs", "turn", "gpt-5.5", 8000, 40),
)
_FAULTS = ("none",) * 4 + ("503",) + ("none",) * 6 + ("none", "none", "none", "none", "429")


def main(directory: Path = HERE) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with slow_mimo(place, 0.02, *_FAULTS) as mimo:
            proxy = Proxy.start(
                place,
                "--skip-sync",
                "--max-concurrent",
                "3",
                MIMO_BASE_URL=mimo.base_url,
                MIMO_API_KEY=FAKE_KEY,
                MIMO_PROXY_MIN_INTERVAL_MS="300",
                MIMO_PROXY_429_BACKOFF_MS="28000",
                MIMO_PROXY_LOG_FILES="3",
            )
            browser = Browser(place)
            try:
                _take(proxy, browser, directory)
            finally:
                browser.end()
                proxy.process.kill()
                proxy.process.wait()


def _take(proxy: Proxy, browser: Browser, directory: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        work: list[Future[Any]] = []
        for each in _WORK:
            work.append(pool.submit(_ask, proxy, *each))
            time.sleep(2.2)
        for done in work:
            done.result()
        late = [pool.submit(_ask, proxy, "codex_cli_rs", "turn", "gpt-5.5", 9000, 1500) for _ in range(2)]
        time.sleep(2)
        late += [pool.submit(_ask, proxy, "codex_vscode", kind, "mimo-v2.5-pro", 5000, 40) for kind in _KINDS]
        time.sleep(1.5)
        english, chinese = browser.tab(), browser.tab(language="zh-CN")
        for tab, language in ((english, "en"), (chinese, "zh")):
            tab.open(f"http://127.0.0.1:{proxy.port}/?lang={language}")
            tab.until("document.querySelectorAll('#running tbody tr').length > 2", "running requests")
        _picture(english, directory / "status-page.png", dark=False)
        _picture(chinese, directory / "status-page-zh.png", dark=True)
        proxy.process.kill()
        for one in late:
            one.exception()


def _picture(tab: Tab, file: Path, *, dark: bool) -> None:
    """The upper part of the page: a picture is to have 150 KB at most."""
    tab.look(1180, 900, dark=dark)
    tab.until("document.querySelector('#recent tbody tr') !== null", "requests")
    time.sleep(0.3)
    tab.picture(file, whole=False)


def _ask(proxy: Proxy, client: str, kind: str, model: str, history: int, answer: int) -> None:
    # The simulated MiMo calls what it is told to call, a dozen characters with each event.
    call = json.dumps({"text": " ".join(f"word{number % 97:03}" for number in range(answer))})
    filler = "lorem ipsum dolor " * (history // 3)
    conversation = [("user", filler), ("assistant", "Yes."), ("user", f"Please.\ncall note {call}")]
    body = {
        "model": model,
        "input": [
            {
                "type": "message",
                "role": role,
                "content": [{"type": "output_text" if role == "assistant" else "input_text", "text": text}],
            }
            for role, text in conversation
        ],
        "tools": [{"type": "function", "name": "note", "parameters": {"type": "object"}}],
        "stream": True,
        "store": False,
    }
    request = urllib.request.Request(
        f"{proxy.base_url}/responses",
        json.dumps(body).encode(),
        {"content-type": "application/json", "originator": client, **_KINDS[kind]},
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        response.read()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
