"""Texts in which an editor of TOML goes wrong, and what it may do with them.

Owns the texts and the general rule for a changed one; it must not import what finds or edits places in them.
Each comment that must live begins with ``# note``, and no value holds these words.
"""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from typing import Any

UPSTREAM = "https://api.xiaomimimo.com/v1"
LOCAL = "http://127.0.0.1:9876/v1"
KEY = "sk-fake-written-key"
HEADER = "X-Mimo-Api-Key"
BOM = "\ufeff"

TOP = 'model_provider = "custom"\nmodel = "mimo-v2.5-pro"\n'
TABLE = "[model_providers.custom]\n"
URL = f'base_url = "{UPSTREAM}"\n'


@dataclass(frozen=True, slots=True)
class Text:
    """:ivar provider: the id of the active provider.
    :ivar header: the key header as it is spelled in the text, or as it is to be written.
    :ivar exact: taking a change back gives the text back to the byte. It cannot where a value stood in
        several lines or had needless escapes.
    :ivar also: what else marks a line as one of a changed value.
    """

    name: str
    text: str
    provider: str = "custom"
    header: str = HEADER
    exact: bool = True
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


TEXTS = (
    # How a text begins and ends.
    Text(
        "the preset",
        f'{TOP}model_reasoning_effort = "high"\ndisable_response_storage = true\n\n'
        f'{TABLE}name = "xiaomi_mimo"\n'
        f'{URL}wire_api = "responses"\nrequires_openai_auth = true',
    ),
    Text("a byte order mark", f"{BOM}# note 1\n{TOP}\n{TABLE}{URL}"),
    Text("a byte order mark and CRLF", f"{BOM}{TOP}\n{TABLE}{URL}".replace("\n", "\r\n")),
    Text(
        "CRLF", f"# note 1\n{TOP}\n{TABLE}# note 2\n{URL}\n\n[mcp_servers.a]\nb = 1\n".replace("\n", "\r\n")
    ),
    Text("CRLF, no last line end", f"{TOP}\n{TABLE}{URL}".replace("\n", "\r\n").removesuffix("\r\n")),
    Text("CRLF at first, LF then", TOP.replace("\n", "\r\n") + f"\n{TABLE}{URL}# note 1\n"),
    Text("LF at first, CRLF then", TOP + f"\n{TABLE}{URL}# note 1\n".replace("\n", "\r\n")),
    Text("no last line end behind base_url", f"{TOP}\n{TABLE}{URL}".removesuffix("\n")),
    Text("no last line end behind a comment", f"{TOP}\n{TABLE}{URL}# note 1"),
    Text("blank lines all around", f"\n\n \t\n{TOP}\n\n\n{TABLE}\n{URL}\n\n\n"),
    # Comments.
    Text("a comment above all", f"# note 1\n\n# note 2\n{TOP}\n{TABLE}{URL}"),
    Text(
        "comments behind values",
        f'{TOP}\n{TABLE}base_url = "{UPSTREAM}" \t # note 1 \nwire_api = "chat"# note 2\n',
    ),
    Text("a comment behind the header", f"{TOP}\n{TABLE.strip()} # note ]1\n{URL}"),
    Text(
        "the keys commented out", f'{TOP}\n{TABLE}# note base_url = "old"\n{URL}# note http_headers = {{ }}\n'
    ),
    Text("a comment of the next table", f"{TOP}\n{TABLE}{URL}\n# note 1\n# note 2\n[mcp_servers.a]\nb = 1\n"),
    Text(
        "comments in an array",
        f"{TOP}notify = [\n  'a', # note ] 1\n  # note 2\n  'base_url',\n]\n{TABLE}{URL}",
    ),
    # Where the provider's table is.
    Text(
        "an inline table",
        f'{TOP}\n[model_providers]\ncustom = {{ name = "x", base_url = "{UPSTREAM}" }} # note 1\n',
    ),
    Text(
        "an inline table of tables",
        f"{TOP}model_providers = {{ other = {{}}, "
        f'custom = {{ base_url = "{UPSTREAM}", http_headers = {{A = "b"}} }} }}\n',
    ),
    Text(
        "dotted keys in an inline table",
        f"{TOP}model_providers = {{ custom.name = 'x', custom.base_url = '{UPSTREAM}' }}",
    ),
    Text("a dotted key with an inline table", f"{TOP}model_providers.custom = {{base_url = '{UPSTREAM}'}}\n"),
    Text("dotted keys at the top", f"{TOP}model_providers.custom.name = 'x'\nmodel_providers.custom.{URL}"),
    Text("dotted keys with blanks", f"{TOP}model_providers . custom\t. 'base_url' = '{UPSTREAM}' # note 1\n"),
    Text(
        "a table below dotted keys at the top",
        f"{TOP}model_providers.custom.{URL}\n[model_providers.custom.http_headers]\n"
        "A = 'b'\n[other]\nbase_url = 'c'\n",
    ),
    Text(
        "dotted keys in the table of tables",
        f"{TOP}\n[model_providers]\nother.base_url = 'z'\ncustom.{URL}other.name = 'z'\n",
    ),
    Text(
        "a table below dotted keys",
        f"{TOP}\n[model_providers]\ncustom.name = 'x'\ncustom.{URL}\n"
        "[model_providers.custom.http_headers]\nA = 'b'\n",
    ),
    Text("a header with blanks", f"{TOP}\n  [ model_providers . 'custom' ]\n\t{URL}"),
    Text("indented", f"{TOP}\n{TABLE}    {URL}    [model_providers.custom.http_headers]\n\tA = 'b'\n"),
    Text(
        "quoted keys",
        f'"model_provider" = "custom"\n\n["model_providers"."custom"]\n"base_url" = "{UPSTREAM}"\n',
    ),
    Text(
        "an id with dots and blanks",
        f'model_provider = "a.b c"\n["model_providers"."a.b c"]\n{URL}',
        provider="a.b c",
    ),
    Text(
        "an id with a bracket and quotes",
        f"model_provider = 'a\"]b#'\n[model_providers.'a\"]b#'] # note 1\n{URL}"
        '[model_providers."a\\"]b#".http_headers]\n',
        provider='a"]b#',
    ),
    Text(
        "an id that is not ASCII",
        f"model_provider = '小米'\n[model_providers.'小米']\n{URL}# note 小\n",
        provider="小米",
    ),
    Text(
        "an id that is a number",
        f"model_provider = '1.5'\n[model_providers.'1.5']\n{URL}[model_providers.1.5]\nbase_url = 'q'\n",
        provider="1.5",
    ),
    Text(
        "tables out of order",
        f"{TOP}\n[model_providers.a]\nbase_url = 'z'\n[mcp_servers.x]\ncommand = 'c'\n{TABLE}{URL}# note 1\n"
        "[mcp_servers.x.env]\nT = 't'\n[model_providers.b]\nbase_url = 'y'\n",
    ),
    Text(
        "tables that look alike",
        f"{TOP}\n[a.model_providers.custom]\n{URL}{TABLE}{URL}[model_providers.custom2]\n{URL}[model_providers.custom.x]\n{URL}",
    ),
    # Where the header is.
    Text("headers inline", f'{TOP}\n{TABLE}{URL}http_headers = {{ "A" = "b" }} # note 1\n'),
    Text("headers inline and empty", f"{TOP}\n{TABLE}{URL}http_headers = {{}}\n"),
    Text("headers inline and blank", f"{TOP}\n{TABLE}{URL}http_headers = {{ }} # note 1\n"),
    Text(
        "headers inline over lines",
        f'{TOP}\n{TABLE}{URL}http_headers = {{\n  A = "b", # note 1\n}}\nx = 1\n',
        also=("A =",),
    ),
    Text("headers dotted", f'{TOP}\n{TABLE}http_headers.A = "b"\n{URL}'),
    Text(
        "headers in a table",
        f"{TOP}\n{TABLE}{URL}\n[model_providers.custom.http_headers]\nA = 'b' # note 1\n\n# note 2\n[x]\n",
    ),
    Text(
        "headers in an empty table",
        f"{TOP}\n{TABLE}{URL}[model_providers.custom.http_headers]\n\n# note 1\n[x]\ny = 1\n",
    ),
    Text("headers in an empty table at the end", f"{TOP}\n{TABLE}{URL}[model_providers.custom.http_headers]"),
    Text(
        "headers in a table above",
        f"{TOP}\n[model_providers.custom.http_headers]\nA = 'b'\n[x]\ny = 1\n{TABLE}{URL}",
    ),
    Text(
        "headers that are no strings",
        f"{TOP}\n{TABLE}{URL}[model_providers.custom.http_headers]\nA = 1\nB = [\n1,\n2]\n",
    ),
    Text(
        "headers with marks in their names",
        f"{TOP}\n{TABLE}{URL}[model_providers.custom.http_headers]\n'a=b.c' = '1'\n\"x#y\\\"\" = '2'\n",
    ),
    Text(
        "the header in lower case",
        f"{TOP}\n{TABLE}{URL}http_headers = {{ x-mimo-api-key = 'old' }}\n",
        header="x-mimo-api-key",
    ),
    Text(
        "the header in upper case, dotted",
        f"{TOP}\n{TABLE}{URL}http_headers . 'X-MIMO-API-KEY' = 'old' # note 1\n",
        header="X-MIMO-API-KEY",
    ),
    # What stands in the values.
    Text("literal strings", f"model_provider = 'custom'\n{TABLE}base_url = '{UPSTREAM}'\nwire_api='chat'\n"),
    Text(
        "a basic string of several lines",
        f'{TOP}\n{TABLE}base_url = """\n{UPSTREAM}""" # note 1\n',
        exact=False,
        also=(UPSTREAM,),
    ),
    Text(
        "a literal string of several lines",
        f"{TOP}\n{TABLE}base_url = '''\n{UPSTREAM}'''\n",
        exact=False,
        also=(UPSTREAM,),
    ),
    Text(
        "escapes in the value",
        f'{TOP}\n{TABLE}base_url = "https:\\u002f\\u002fapi.xiaomimimo.com/v1"\n',
        exact=False,
    ),
    Text("escapes in the key", f'{TOP}\n{TABLE}"base\\u005furl" = "{UPSTREAM}"\n', also=("u005f",)),
    Text(
        "marks in the value",
        f'{TOP}\n{TABLE}name = "base_url = \\"x\\" # no"\nbase_url = "{UPSTREAM}?base_url=a#c"# note 1\n',
    ),
    Text("a base_url in another value", f"{TOP}\n{TABLE}name = 'base_url = \"{UPSTREAM}\"'\n{URL}"),
    Text(
        "a table in a string",
        f'{TOP}prompt = """\n{TABLE}{URL}[model_providers.custom.http_headers]\n\\""" \n"""\n{TABLE}{URL}'
        "[model_providers.custom.http_headers]\n",
    ),
    Text(
        "strings that end in quotes",
        f"{TOP}a = '''it's '''''\na1 = '''it's ''''\nb1 = \"\"\"say\"\"\"\"\n"
        f'b = """"say"""""\nc = \'\'\nd = "\\\\"\n{TABLE}{URL}',
    ),
    Text(
        "line separators that end no line", f'{TOP}\n{TABLE}name = "a\u2028b\u0085c"\n{URL}# note \u2028 d\n'
    ),
    Text(
        "values that equal nothing",
        f"{TOP}a = nan\nb = [nan, inf]\nc = 1979-05-27 07:32:00\nd = 1.50\ne = +0x_\n{TABLE}{URL}".replace(
            "+0x_", "0x0F"
        ),
    ),
    # What else is there.
    Text(
        "arrays of tables",
        f"{TOP}\n[[x]]\na = 1\n[[x]]\n[x.y]\nbase_url = 'q'\n{TABLE}{URL}[[x]]\nb = {{ base_url = 'q' }}\n",
    ),
    Text(
        "projects",
        f"{TOP}\n[projects.\"/home/a b/c.d\"]\ntrust_level = 'trusted'\n{TABLE}{URL}"
        "[projects.'C:\\d']\ntrust_level = 'trusted'\n",
    ),
    Text(
        "servers with secrets",
        f"{TOP}\n{TABLE}{URL}\n[mcp_servers.a]\n"
        "args = ['--key', 'sk-fake']\nenv = { wire_api = 'x', T = 't' }\n",
    ),
    Text("profiles", f"{TOP}\n[profiles.custom]\nmodel = 'q'\nmodel_provider = 'other'\n{TABLE}{URL}"),
)


def lines_without(text: str, marks: tuple[str, ...]) -> list[str]:
    """The lines with none of the marks, each with its line end; one at the end that has none is given one.

    Blank lines are left out: a table that is added or taken out has one above it.
    """
    text = text.removeprefix(BOM)
    text = text if text.endswith("\n") else text + ("\r\n" if "\r\n" in text else "\n")
    lines = re.findall(r"[^\n]*\n", text)
    return [line for line in lines if line.strip() and not any(mark in line for mark in marks)]


def notes(text: str) -> list[str]:
    return [note.rstrip("\r") for note in re.findall(r"# note [^\n]*", text)]


def values(text: str) -> Any:
    """As comparable values: what equals nothing equals itself here, and an integer is no float."""
    text = text.removeprefix(BOM)
    # The library for TOML 1.0 knows no line ends in inline tables.
    return _comparable(tomllib.loads(re.sub(r"\{\n(.*), # .*\n\}", r"{\1}", text)))


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_comparable(inner) for inner in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else (type(value).__name__, value)
