"""What is asked and answered in a soak: a text for each request that no other request gets.

Owns the token by which the upstream knows what to say and the client what to expect.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

TOKEN = re.compile(r"soak-\d{7}-")


@dataclass(frozen=True)
class Answer:
    """What the upstream says to a token.

    :ivar call: whether it ends with a tool call.
    """

    thought: str
    words: tuple[str, ...]
    call: bool

    @property
    def text(self) -> str:
        return "".join(self.words)


def token(number: int) -> str:
    return f"soak-{number:07}-"


def answer_to(asked: str) -> Answer:
    """The same for both sides, as only the token decides."""
    rng = random.Random(asked)
    count = rng.randrange(4, 40)
    thought = f"thinking of {asked}" if rng.random() < 0.5 else ""
    return Answer(thought, tuple(f"{asked}{n} " for n in range(count)), call=rng.random() < 0.2)


def foreign(text: str, asked: str) -> set[str]:
    """Tokens in the text that are another request's."""
    return set(TOKEN.findall(text)) - {asked}
