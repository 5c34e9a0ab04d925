"""Which language a person reads.

Owns the choice between the two that the page has. The words stand in :mod:`ccmimolink.page.words`.
"""

from __future__ import annotations

ENGLISH, CHINESE = "en", "zh-CN"


def chosen(asked: str, accepted: str) -> str:
    """:param asked: what the address says (``?lang=zh``), which wins.
    :param accepted: ``Accept-Language``.
    """
    return _known(asked) or _preferred(accepted) or ENGLISH


def _known(tag: str) -> str | None:
    primary = tag.strip().lower().partition("-")[0]
    return {"en": ENGLISH, "zh": CHINESE}.get(primary)


def _preferred(accepted: str) -> str | None:
    best: tuple[float, str] | None = None
    for part in accepted.split(",")[:20]:
        tag, _, parameter = part.partition(";")
        language, weight = _known(tag), _weight(parameter)
        if language is not None and weight > (0.0 if best is None else best[0]):
            best = weight, language
    return None if best is None else best[1]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
