"""The clients of a soak: raw sockets, well behaved or not, and the check of each answer.

Owns one request from its first byte to its end, and the verdict on it. It must not know how many there are.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.http_wire import CODEX, body_of, request
from tests.soak.words import answer_to, foreign, token

PATIENCE = 45.0
"""Seconds after which a request counts as hung: several times what all limits of a soak add up to."""

TERMINAL = ("response.completed", "response.failed", "response.incomplete")
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]


class Broken(Exception):
    """An answer is not as it must be."""


class Left(Exception):
    """The client went away, as it meant to."""


@dataclass
class Verdicts:
    """:ivar ids: of all responses and items of the run.
    :ivar problems: what must not be, in words. The first hundred.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    hung: int = 0
    next_number: int = 0

    def problem(self, text: str) -> None:
        if len(self.problems) < 100:
            self.problems.append(text)

    def unique(self, *ids: str) -> None:
        for each in ids:
            if each in self.ids:
                raise Broken(f"{each} was given twice")
            self.ids.add(each)

    def new_token(self) -> str:
        self.next_number += 1
        return token(self.next_number)


class Connection:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        raw: Any = self.writer.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(": ") for line in lines[1:])
        return int(lines[0].split()[1]), {name.lower(): value for name, _, value in fields}

    async def piece(self) -> bytes:
        """The next HTTP chunk; empty at the end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:size]

    async def body(self, headers: dict[str, str]) -> bytes:
        return await self.reader.readexactly(int(headers["content-length"]))


class StreamCheck:
    """Events in, complaints out: numbers without gaps, one terminal event, ids that are nobody else's."""

    def __init__(self, asked: str, verdicts: Verdicts) -> None:
        self._asked, self._verdicts = asked, verdicts
        self._rest = b""
        self._number = 0
        self.text: list[str] = []
        self.ended = ""

    def feed(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for each in whole:
            self._event(json.loads(each.partition(b"data: ")[2]))

    def _event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if self.ended:
            raise Broken(f"{kind} after {self.ended}")
        if event["sequence_number"] != self._number:
            raise Broken(f"number {event['sequence_number']} in place of {self._number}")
        self._number += 1
        if kind == "response.created":
            self._verdicts.unique(event["response"]["id"])
        elif kind == "response.output_item.added":
            self._verdicts.unique(event["item"]["id"])
        elif kind == "response.output_text.delta":
            self.text.append(event["delta"])
        elif kind in TERMINAL:
            self.ended = kind

    def finish(self) -> str:
        """The status of the response."""
        if self._rest or not self.ended:
            raise Broken("the stream ended without a terminal event")
        outcome = self.ended.removeprefix("response.")
        check_text("".join(self.text), self._asked, outcome)
        return outcome


def check_text(text: str, asked: str, outcome: str) -> None:
    """A completed answer has all that the upstream meant to say; any other has nothing that it did not."""
    if strangers := foreign(text, asked):
        raise Broken(f"the answer to {asked} holds {sorted(strangers)}")
    if outcome == "completed" and text != answer_to(asked).text:
        raise Broken(f"the answer to {asked} is {text[:100]!r}")


def request_for(asked: str, rng: random.Random) -> bytes:
    body = body_of(
        input=f"Say {asked}",
        stream=rng.random() < 0.85,
        store=rng.random() < 0.15,
        tools=TOOLS,
    )
    return request("POST", "/v1/responses", body, CODEX if rng.random() < 0.5 else {})


async def read_answer(connection: Connection, asked: str, verdicts: Verdicts, *, flawless: bool) -> str:
    """The outcome of a request that was sent.

    :param flawless: whether nothing but a completed answer will do.
    :raises Broken: it is not what it must be.
    """
    status, headers = await connection.head()
    if "content-length" in headers:
        body = await connection.body(headers)
        if status != 200:
            if flawless:
                raise Broken(f"HTTP {status}: {body[:200]!r}")
            return f"HTTP {status}"
        response = json.loads(body)
        verdicts.unique(response["id"], *(item["id"] for item in response["output"]))
        outcome = str(response["status"])
        check_text(_text_of(response), asked, outcome)
    else:
        check = StreamCheck(asked, verdicts)
        while piece := await connection.piece():
            check.feed(piece)
        outcome = check.finish()
    if flawless and outcome != "completed":
        raise Broken(f"{outcome} to {asked}")
    return outcome


def _text_of(response: dict[str, Any]) -> str:
    messages = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for message in messages for part in message["content"])


# -- behaviours ---------------------------------------------------------------------------------------------


async def well_behaved(port: int, verdicts: Verdicts, rng: random.Random, until: float) -> None:
    """Requests one after the other, some over the connection of the one before."""
    connection: Connection | None = None
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        asked = verdicts.new_token()
        try:
            async with asyncio.timeout(PATIENCE):
                if connection is None:
                    connection = await Connection.to(port)
                connection.writer.write(request_for(asked, rng))
                verdicts.outcomes[await read_answer(connection, asked, verdicts, flawless=True)] += 1
            keep = rng.random() < 0.8
        except TimeoutError:
            verdicts.hung += 1
            keep = False
        except (Broken, OSError, EOFError, ValueError, KeyError) as error:
            verdicts.problem(f"{asked} {type(error).__name__}: {error}")
            keep = False
        if not keep and connection is not None:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


async def one_of_any_behaviour(port: int, verdicts: Verdicts, rng: random.Random) -> str:
    """One request of a client that may do anything, and its outcome.

    :raises Broken: a client that read all was not told how its request ended.
    """
    asked = verdicts.new_token()
    connection = await Connection.to(port)
    try:
        return await _behave(connection, asked, verdicts, rng)
    except Left:
        return "left"
    except (OSError, EOFError) as error:
        raise Broken(f"cut without an end: {type(error).__name__}") from error
    finally:
        if rng.random() < 0.5:
            connection.reset()
        else:
            connection.close()


async def _behave(connection: Connection, asked: str, verdicts: Verdicts, rng: random.Random) -> str:
    data, chance = request_for(asked, rng), rng.random()
    write = connection.writer.write
    if chance < 0.05:
        write(data[: rng.randrange(1, len(data))])
        await asyncio.sleep(rng.uniform(0, 1))
        raise Left
    if chance < 0.10:
        for at in range(0, len(data), 40):
            write(data[at : at + 40])
            await asyncio.sleep(0.02)
    else:
        write(data)
    reading = read_answer(connection, asked, verdicts, flawless=False)
    if chance < 0.25:
        with suppress(TimeoutError):
            return await asyncio.wait_for(reading, rng.uniform(0, 2))
        raise Left
    if chance < 0.40:
        # What is sent meanwhile may be more than is waited for: then it is cut.
        await asyncio.sleep(rng.uniform(0, 3))
        return await _or_left(reading)
    if chance < 0.45:
        connection.writer.write_eof()
        return await _or_left(reading)
    return await reading


async def _or_left(reading: Any) -> str:
    try:
        outcome: str = await reading
    except (OSError, EOFError):
        raise Left from None
    return outcome
