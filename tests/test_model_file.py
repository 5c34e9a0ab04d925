"""The user's file of models: what it changes, and what is said of a mistake in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccmimolink.core.models import BUILTIN_MODELS, Model, ModelTable, Price
from ccmimolink.model_file import model_table
from ccmimolink.settings import Settings, SettingsError

README = Path(__file__).parent.parent / "README.md"
USD = '[models."mimo-v2.5".prices.USD]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def table(file: Path, text: str) -> ModelTable:
    file.write_text(text)
    return model_table(str(file))


def refusal(file: Path, text: str) -> str:
    with pytest.raises(ValueError, match="names the file") as caught:
        table(file, text)
    return str(caught.value)


def test_without_a_file_the_table_is_ours() -> None:
    assert model_table("") is BUILTIN_MODELS
    assert Settings.from_environ({}).models is BUILTIN_MODELS


def test_a_row_adds_a_model_at_the_end_with_defaults_for_what_it_leaves_out(file: Path) -> None:
    made = table(file, '[models."mimo-v3"]\nmodalities = ["text", "image"]\njson_schema = true')

    assert made.get("mimo-v3") == Model(
        name="mimo-v3", modalities=frozenset({"text", "image"}), json_schema=True
    )
    assert [model.name for model in made] == [*(model.name for model in BUILTIN_MODELS), "mimo-v3"]


def test_a_row_for_a_known_model_changes_what_it_names_in_its_place(file: Path) -> None:
    known = BUILTIN_MODELS.get("mimo-v2.5")
    assert known is not None

    made = table(file, '[models."mimo-v2.5"]\nmax_output = 4096')

    assert made.get("mimo-v2.5") == Model(
        name="mimo-v2.5",
        modalities=known.modalities,
        max_output=4096,
        successor=known.successor,
        prices=known.prices,
    )
    assert [model.name for model in made] == [model.name for model in BUILTIN_MODELS]


def test_a_retired_model_that_has_a_row_is_listed_again(file: Path) -> None:
    assert "mimo-v2-flash" not in [model.name for model in BUILTIN_MODELS]

    made = table(file, '[models."mimo-v2-flash"]\ncontext_window = 1000')

    assert "mimo-v2-flash" in [model.name for model in made]


def test_our_own_table_stays_as_it_is(file: Path) -> None:
    before = list(BUILTIN_MODELS)

    table(file, '[models."mimo-v2.5"]\nmax_output = 4096\n[models.x]\nmodalities = ["text"]')

    assert list(BUILTIN_MODELS) == before
    assert BUILTIN_MODELS.get("x") is None


def test_a_file_without_models_changes_nothing(file: Path) -> None:
    assert list(table(file, "# nothing yet\n")) == list(BUILTIN_MODELS)


def test_the_example_of_the_readme_is_such_a_file(file: Path) -> None:
    example = re.search(r"<!-- model-file -->\n```toml\n(.*?)```", README.read_text(), re.DOTALL)
    assert example is not None

    assert table(file, example[1]).get("mimo-v3") == Model(
        name="mimo-v3",
        modalities=frozenset({"text", "image"}),
        context_window=2_000_000,
        max_output=131_072,
        json_schema=True,
        successor="mimo-v4",
        prices=(Price("USD", 0.14, 0.0028, 0.28),),
    )


def test_the_prices_of_a_known_model_change_as_a_whole(file: Path) -> None:
    made = table(file, '[models."mimo-v2.5".prices.EUR]\ninput = 1\ncached = 0.5\noutput = 2')

    model = made.get("mimo-v2.5")
    assert model is not None
    assert model.prices == (Price("EUR", 1, 0.5, 2),)


def test_input_that_was_cached_costs_as_other_input_unless_it_is_said(file: Path) -> None:
    made = table(file, '[models."mimo-v2.5".prices.USD]\ninput = 3\noutput = 4')

    model = made.get("mimo-v2.5")
    assert model is not None
    assert model.prices[0].of(1_000_000, 1_000_000, 0) == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("models = 3", ["models is no table"]),
        ("[model.x]\nmodalities = []", ["model ", '[models."name"]']),
        ("[models]\nx = 3", ['models."x"', "object"]),
        ('[models."x"]\ncontext_window = 5', ['models."x".modalities is missing']),
        ('[models."x"]\nmodalities = []', ['models."x".modalities', "1"]),
        ('[models."x"]\nmodalities = ["text", "smell"]', ['models."x".modalities[1]', "smell"]),
        ('[models."x"]\nmodalities = "text"', ['models."x".modalities', "array"]),
        ('[models."mimo-v2.5"]\ncontext_window = "1M"', ['models."mimo-v2.5".context_window', "int"]),
        ('[models."mimo-v2.5"]\ncontext_window = 0', ['models."mimo-v2.5".context_window', ">= 1"]),
        ('[models."mimo-v2.5"]\nmax_output = true', ['models."mimo-v2.5".max_output', "int", "bool"]),
        ('[models."mimo-v2.5"]\nmax_output = 1.5', ['models."mimo-v2.5".max_output', "int"]),
        ('[models."mimo-v2.5"]\njson_schema = 1', ['models."mimo-v2.5".json_schema', "bool"]),
        ('[models."mimo-v2.5"]\nsuccessor = ""', ['models."mimo-v2.5".successor']),
        ('[models."mimo-v2.5"]\nprice = 1', ['models."mimo-v2.5"', "price"]),
        ('[models."mimo-v2.5"]\nprices = 1', ['models."mimo-v2.5".prices', "object"]),
        (
            '[models."mimo-v2.5".prices]\ninput = 1',
            ["'input' is no currency", '[models."mimo-v2.5".prices.USD]'],
        ),
        ('[models."mimo-v2.5".prices.usd]\ninput = 1', ["'usd' is no currency"]),
        ('[models."mimo-v2.5".prices.USD]\ninput = 1', ['"mimo-v2.5".prices.USD', "'output'"]),
        (f"{USD}input = -1\noutput = 1", ['"mimo-v2.5".prices.USD.input', ">= 0"]),
        (f"{USD}input = nan\noutput = 1", ['"mimo-v2.5".prices.USD.input', ">= 0"]),
        (f"{USD}input = inf\noutput = 1", ['"mimo-v2.5".prices.USD.input', "<= 1000000"]),
        (f'{USD}input = "1"\noutput = 1', ['"mimo-v2.5".prices.USD.input', "float", "str"]),
        (f"{USD}input = 1\noutput = true", ['"mimo-v2.5".prices.USD.output', "float", "bool"]),
        (f"{USD}input = 1\noutput = 1\ncache = 1", ['"mimo-v2.5".prices.USD', "'cache'"]),
        ("[models.mimo-v2.5.prices.USD]\ninput = 1", ['models."mimo-v2"', "quotes"]),
        ("[models.mimo-v2.5]\nmax_output = 1", ['models."mimo-v2"', "quotes"]),
        ('[models."two words"]\nmodalities = ["text"]', ['models."two words"', "blank"]),
        ('[models.""]\nmodalities = ["text"]', ['models.""']),
        ('[models."mimo-v2.6-pro"]\nsuccessor = "mimo-v2.5-pro"', ["successor leads back", "mimo-v2.5-pro"]),
        ('[models."mimo-v2.5"]\nsuccessor = "mimo-v2.5"', ["successor leads back"]),
        ("\n[models.x", ["not TOML"]),
        ('[models."x"]\n[models."x"]', ["not TOML", "line 2"]),
    ],
)
def test_a_mistake_is_named_by_file_and_key(file: Path, text: str, named: list[str]) -> None:
    message = refusal(file, text)

    assert str(file) in message
    for words in named:
        assert words in message


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ValueError, match="not TOML"):
        model_table(str(file))


@pytest.mark.parametrize("name", ["gone.toml", "."])
def test_a_file_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no such file"):
        model_table(str(tmp_path / name))


def test_a_mistake_ends_the_start_with_the_name_of_the_variable(file: Path) -> None:
    file.write_text('[models."x"]\nmodalities = ["smell"]')

    with pytest.raises(SettingsError, match=r"^MIMO_PROXY_MODELS names the file .*models\.toml.*modalities"):
        Settings.from_environ({"MIMO_PROXY_MODELS": str(file)})


@given(
    st.text(max_size=60) | st.from_regex(r'\[models\."?[a-z.]{1,6}"?\]\n[a-z_]{1,9} = .{1,9}', fullmatch=True)
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_makes_a_table_or_is_refused(file: Path, text: str) -> None:
    outcome: ModelTable | str
    try:
        outcome = table(file, text)
    except ValueError as error:
        outcome = str(error)
    assert isinstance(outcome, ModelTable) or outcome.startswith("names the file")
