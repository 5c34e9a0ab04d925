"""The ways in for a plugin, each in an environment as users have it: wheel, editable, checkout, directory.

One virtual environment serves all tests; each states what is installed in it. What a person would look at is
looked at: the output of ``--plugins``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.environment

CHECKOUT = Path(__file__).parents[2]
OURS = [
    "model-routing",
    "image-routing",
    "thinking-control",
    "json-mode",
    "hosted-tools",
    "xml-tool-call",
    "hermes-tool-call",
    "glm-tool-call",
    "invoke-tool-call",
    "kimi-tool-call",
    "deepseek-tool-call",
    "dsml-tool-call",
]
LAUNCHERS = [("twistd", "-n"), ("twist",)]
NO_PRIVILEGE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")

DROP_IN = '''
"""A plugin as its author would write it."""

from zope.interface import implementer

from ccmimolink.interfaces import IToolFilter


@implementer(IToolFilter)
class AcmeFilter:
    name = "acme"
    priority = 50

    def filter(self, tool, context):
        return tool


acme_filter = AcmeFilter()
'''

ACME_SETUP = """
[metadata]
name = acme-ccmimolink
version = 1.0
[options]
packages = find_namespace:
[options.packages.find]
include = twisted.plugins
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with our dependencies, and what may be put into it."""

    directory: Path
    checkout: Path
    wheel: Path
    acme_wheel: Path

    @property
    def plugins(self) -> Path:
        """Where the installed Twisted and every wheel keep their plugins."""
        [site] = self.directory.glob("lib/python3.*/site-packages")
        return site / "twisted" / "plugins"

    def run(
        self, *command: str, cwd: Path | None = None, prefix: Sequence[str] = (), **environ: str
    ) -> subprocess.CompletedProcess[str]:
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("MIMO_", "PYTHON"))
        }
        program, *arguments = command
        return subprocess.run(
            [*prefix, str(self.directory / "bin" / program), *arguments],
            cwd=cwd or self.directory,
            env={**inherited, **environ},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def pip(self, *arguments: str) -> None:
        result = self.run("python", "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)
        assert result.returncode == 0, result.stderr

    def install(self, *requirements: str) -> None:
        """Have exactly these of ours and acme's installed."""
        self.pip("uninstall", "--yes", "ccmimolink", "acme-ccmimolink")
        self.plugins.joinpath("dropin.cache").unlink(missing_ok=True)
        if requirements:
            self.pip("install", "--no-deps", *requirements)


def copy_of_the_checkout(directory: Path) -> Path:
    """What git would give: building writes beside the sources, which is not for the checkout under test."""
    directory.mkdir()
    for name in ("ccmimolink", "twisted", "tests"):
        shutil.copytree(
            CHECKOUT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache")
        )
    for file in CHECKOUT.iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    return directory


def wheel_of(python: Path, source: Path, target: Path) -> Path:
    command = [
        str(python),
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(target),
        str(source),
    ]
    subprocess.run(command, check=True, timeout=600)
    [wheel] = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    base = tmp_path_factory.mktemp("ways-in")
    venv.create(base / "venv", with_pip=True)
    python = base / "venv" / "bin" / "python"
    checkout = copy_of_the_checkout(base / "checkout")
    acme = base / "acme"
    (acme / "twisted" / "plugins").mkdir(parents=True)
    (acme / "twisted" / "plugins" / "acme_ccmimolink.py").write_text(DROP_IN)
    (acme / "setup.cfg").write_text(ACME_SETUP)
    shutil.copy(CHECKOUT / "pyproject.toml", acme)
    built = Environment(
        directory=base / "venv",
        checkout=checkout,
        wheel=wheel_of(python, checkout, base / "wheels"),
        acme_wheel=wheel_of(python, acme, base / "acme-wheels"),
    )
    built.pip("install", str(built.wheel))
    return built


def listed(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The plugins that ``--plugins`` printed, by name, with the place of each; nothing else may be said."""
    assert (result.returncode, result.stderr) == (0, "")
    rows = [line.split(maxsplit=3) for line in result.stdout.splitlines()]
    return {name: place for _, _, name, place in rows}


with_every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda launcher: launcher[0])


@with_every_launcher
def test_a_wheel_beside_our_wheel(environment: Environment, launcher: tuple[str, ...]) -> None:
    environment.install(str(environment.wheel), str(environment.acme_wheel))

    plugins = listed(environment.run(*launcher, "ccmimolink", "--plugins"))

    assert sorted(plugins) == sorted([*OURS, "acme"])
    assert plugins["acme"] == f"{environment.plugins / 'acme_ccmimolink.py'} (acme_filter)"


def test_a_wheel_that_was_taken_out_again_is_gone(environment: Environment) -> None:
    environment.install(str(environment.wheel), str(environment.acme_wheel))
    environment.run("twistd", "-n", "ccmimolink", "--plugins")

    environment.pip("uninstall", "--yes", "acme-ccmimolink")

    assert list(listed(environment.run("twistd", "-n", "ccmimolink", "--plugins"))) == OURS


@with_every_launcher
def test_a_wheel_beside_an_editable_install(environment: Environment, launcher: tuple[str, ...]) -> None:
    environment.install("--editable", str(environment.checkout), str(environment.acme_wheel))

    plugins = listed(environment.run(*launcher, "ccmimolink", "--plugins"))

    assert sorted(plugins) == sorted([*OURS, "acme"])
    assert plugins["model-routing"].startswith(str(environment.checkout))


@pytest.fixture
def dropped(environment: Environment) -> Iterator[Path]:
    """A file that someone put into the checkout, with nothing of ours installed."""
    environment.install()
    file = environment.checkout / "twisted" / "plugins" / "acme_dropped.py"
    file.write_text(DROP_IN)
    yield file
    file.unlink()


def test_a_file_in_a_checkout_run_by_python_m_twisted(environment: Environment, dropped: Path) -> None:
    result = environment.run("python", "-m", "twisted", "ccmimolink", "--plugins", cwd=environment.checkout)

    assert listed(result)["acme"] == f"{dropped} (acme_filter)"


@with_every_launcher
def test_a_file_in_a_checkout_on_the_python_path(
    environment: Environment, dropped: Path, launcher: tuple[str, ...]
) -> None:
    result = environment.run(*launcher, "ccmimolink", "--plugins", cwd=environment.checkout, PYTHONPATH=".")

    assert listed(result)["acme"] == f"{dropped} (acme_filter)"


def test_a_file_in_an_editable_checkout(environment: Environment, dropped: Path) -> None:
    environment.install("--editable", str(environment.checkout))

    assert listed(environment.run("twistd", "-n", "ccmimolink", "--plugins"))["acme"].startswith(str(dropped))


@pytest.fixture
def plugin_directory(environment: Environment, tmp_path: Path) -> Path:
    environment.install(str(environment.wheel))
    (tmp_path / "acme_filter.py").write_text(DROP_IN)
    return tmp_path


@with_every_launcher
def test_a_directory_of_the_command_line(
    environment: Environment, plugin_directory: Path, launcher: tuple[str, ...]
) -> None:
    result = environment.run(*launcher, "ccmimolink", "--plugins", "--plugin-path", str(plugin_directory))

    assert listed(result)["acme"] == f"{plugin_directory / 'acme_filter.py'} (acme_filter)"


def test_a_directory_of_the_environment(environment: Environment, plugin_directory: Path) -> None:
    result = environment.run(
        "twistd", "-n", "ccmimolink", "--plugins", MIMO_PROXY_PLUGIN_PATH=str(plugin_directory)
    )

    assert "acme" in listed(result)


def test_the_same_file_is_not_used_without_being_named(
    environment: Environment, plugin_directory: Path
) -> None:
    result = environment.run("twistd", "-n", "ccmimolink", "--plugins", cwd=plugin_directory)

    assert list(listed(result)) == OURS


@pytest.fixture
def unwritable(environment: Environment) -> Iterator[Sequence[str]]:
    """A plugin directory that cannot be written to; the command to put before the launcher for that."""
    environment.install(str(environment.wheel), str(environment.acme_wheel))
    mode = environment.plugins.stat().st_mode
    environment.plugins.chmod(0o555)
    # Permissions bind root only once it has put down its capabilities.
    prefix = NO_PRIVILEGE if os.geteuid() == 0 else ()
    yield prefix
    environment.plugins.chmod(mode)


@with_every_launcher
def test_site_packages_that_cannot_be_written_to(
    environment: Environment, unwritable: Sequence[str], launcher: tuple[str, ...]
) -> None:
    touched = subprocess.run(
        [*unwritable, "touch", str(environment.plugins / "probe")], capture_output=True, check=False
    )
    assert touched.returncode != 0

    plugins = listed(environment.run(*launcher, "ccmimolink", "--plugins", prefix=unwritable))

    assert sorted(plugins) == sorted([*OURS, "acme"])
    assert not (environment.plugins / "dropin.cache").exists()


def test_a_broken_plugin_is_shown_and_the_others_go_on(environment: Environment, tmp_path: Path) -> None:
    environment.install(str(environment.wheel))
    (tmp_path / "acme_good.py").write_text(DROP_IN)
    (tmp_path / "acme_broken.py").write_text("1 / 0\n")

    result = environment.run("twistd", "-n", "ccmimolink", "--plugins", "--plugin-path", str(tmp_path))

    assert result.returncode == 0
    assert "acme_good.py" in result.stdout
    assert "acme_broken.py" in result.stderr
    assert "ZeroDivisionError" in result.stderr


def test_the_wheel_holds_the_program_and_nothing_that_belongs_to_others(environment: Environment) -> None:
    names = [name for name in zipfile.ZipFile(environment.wheel).namelist() if ".dist-info/" not in name]
    sources = {str(file.relative_to(CHECKOUT)) for file in CHECKOUT.glob("ccmimolink/**/*.py")}
    assets = {str(file.relative_to(CHECKOUT)) for file in CHECKOUT.glob("ccmimolink/page/assets/*.*")}

    assert set(names) == {
        *sources,
        *assets,
        "ccmimolink/py.typed",
        "twisted/plugins/ccmimolink_tap.py",
        "twisted/plugins/ccmimolink_builtin.py",
    }


def test_installing_and_removing_leaves_twisted_whole(environment: Environment) -> None:
    environment.install(str(environment.wheel))
    environment.install()

    assert environment.run("twist", "web", "--help").returncode == 0


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("twistd", "ccmimolink"), "ccmimolink {}\n"),
        (("ccmimolink-sync",), "ccmimolink {}\n"),
        (("ccmimolink-service",), "ccmimolink {}\n"),
        (("ccmimolink-model",), "ccmimolink {}\n"),
        (("ccmimolink-doctor",), "ccmimolink {}\n"),
        (("mimo-code-setup",), "mimo-code-setup {} (ccmimolink)\n"),
        (("gonkagate-mimo-code",), "mimo-code-setup {} (ccmimolink)\n"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_the_installed_commands_show_our_version(
    environment: Environment, command: tuple[str, ...], shown: str
) -> None:
    environment.install(str(environment.wheel))
    version = environment.wheel.name.split("-")[1]

    result = environment.run(*command, "--version")

    assert result.stdout == shown.format(version)


@pytest.mark.parametrize("way", ["wheel", "editable"])
def test_a_service_runs_the_twistd_of_the_environment_that_made_it(
    environment: Environment, way: str
) -> None:
    if way == "wheel":
        environment.install(str(environment.wheel))
    else:
        environment.install("--editable", str(environment.checkout))

    result = environment.run("ccmimolink-service", "install", "--print")

    assert f"\nExecStart={environment.directory}/bin/twistd --nodaemon " in result.stdout
