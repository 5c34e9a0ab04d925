"""Which certificate authorities are trusted, by what a machine has."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL, crypto
from twisted.internet._sslverify import OpenSSLDefaultPaths

from ccmimolink.trust import _KNOWN_PLACES, _bundle, authorities_in, choose, trust_root
from tests.mimocode.gateway_tls import HOST, Authority, authority, stranger

PLATFORMS = ["linux", "freebsd14", "darwin", "win32"]
WITHOUT = ["darwin", "win32"]


def context_of(root: Any) -> SSL.Context:
    """As a connection has it."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    root._addCACertsToContext(context)
    return context


def is_good(context: SSL.Context, certificate: crypto.X509) -> bool:
    store = context.get_cert_store()
    assert store is not None
    try:
        crypto.X509StoreContext(store, certificate).verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def trusts(root: object, who: Authority) -> bool:
    """Whether a certificate of an authority is good to a root."""
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, who.issue(HOST).certificate)
    context = context_of(root)  # its store lives as long as it does
    return is_good(context, certificate)


def is_platforms(root: object) -> bool:
    """Whether OpenSSL is left to look where it does."""
    return isinstance(root, OpenSSLDefaultPaths)


class Machine:
    """A machine with what a test puts on it. The bundle holds our authority; what is there, another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bundles_read = 0
        (folder / "bundle.pem").write_bytes(authority().pem)

    def file(self, name: str) -> str:
        path = self.folder / name
        path.write_bytes(stranger().pem)
        return str(path)

    def directory(self, name: str, *, empty: bool = False) -> str:
        path = self.folder / name
        path.mkdir()
        if not empty:
            (path / "0123abcd.0").write_bytes(stranger().pem)
        return str(path)

    def root(
        self,
        platform: str,
        *,
        cafile: str | None = None,
        capath: str | None = None,
        built_in: tuple[str, str] = ("/built-in/cert.pem", "/built-in/certs"),
        known: tuple[str, ...] = (),
    ) -> Any:
        existing: tuple[Any, Any] = (cafile, capath)
        found = ssl.DefaultVerifyPaths(*existing, "SSL_CERT_FILE", built_in[0], "SSL_CERT_DIR", built_in[1])
        return choose(found, platform, known, self.bundle)

    def bundle(self) -> str:
        self.bundles_read += 1
        return str(self.folder / "bundle.pem")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["cafile", "capath"])
def test_what_a_variable_names_is_left_to_openssl(machine: Machine, platform: str, kind: str) -> None:
    named: dict[str, Any] = {
        "cafile": {"cafile": machine.file("mine.pem")},
        "capath": {"capath": machine.directory("mine")},
    }

    assert is_platforms(machine.root(platform, **named[kind]))
    assert machine.bundles_read == 0


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_machine_that_has_nothing_gets_the_bundle(machine: Machine, platform: str) -> None:
    root = machine.root(platform, known=(str(machine.folder / "missing"),))

    assert trusts(root, authority())
    assert not trusts(root, stranger())


@pytest.mark.parametrize("make", [Machine.file, Machine.directory], ids=["file", "directory"])
def test_a_known_place_is_left_to_openssl(machine: Machine, make: Callable[[Machine, str], str]) -> None:
    assert is_platforms(machine.root("linux", known=("/missing", make(machine, "certs"))))


def test_a_place_that_openssl_was_built_with_is_left_to_openssl(machine: Machine) -> None:
    built_in = machine.file("cert.pem"), machine.directory("certs")

    assert is_platforms(machine.root("linux", cafile=built_in[0], built_in=built_in))
    assert is_platforms(machine.root("linux", capath=built_in[1], built_in=built_in))


def test_an_image_with_an_empty_directory_has_nothing(machine: Machine) -> None:
    directory = machine.directory("certs", empty=True)

    root = machine.root("linux", capath=directory, built_in=("/none", directory), known=(directory,))

    assert trusts(root, authority())


def test_an_empty_file_is_nothing(machine: Machine) -> None:
    (machine.folder / "empty.pem").touch()

    assert trusts(machine.root("linux", known=(str(machine.folder / "empty.pem"),)), authority())


@pytest.mark.parametrize("platform", WITHOUT)
def test_a_known_place_of_other_platforms_counts_for_nothing(machine: Machine, platform: str) -> None:
    assert trusts(machine.root(platform, known=(machine.file("certs.pem"),)), authority())


@pytest.mark.parametrize("platform", WITHOUT)
def test_what_an_installer_gave_the_interpreter_is_trusted(machine: Machine, platform: str) -> None:
    built_in = machine.file("cert.pem")

    root = machine.root(platform, cafile=built_in, built_in=(built_in, "/none"))

    assert trusts(root, stranger())
    assert not trusts(root, authority())
    assert machine.bundles_read == 0


def test_what_cannot_be_read_vouches_for_nobody(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    file.write_bytes(b"# r\xf6\xf6ts\n" + broken + authority().pem + broken)

    root = authorities_in(file)

    assert trusts(root, authority())
    assert not trusts(root, stranger())


def test_the_known_places_are_those_where_pyopenssl_looks() -> None:
    looked = [*SSL._CERTIFICATE_FILE_LOCATIONS, *SSL._CERTIFICATE_PATH_LOCATIONS]

    assert list(_KNOWN_PLACES) == looked


def test_this_machine_has_a_root() -> None:
    assert trust_root() is not None


PROGRAM = """
import sys
from ccmimolink.trust import trust_root
from tests.test_trust import trusts
from tests.mimocode.gateway_tls import Authority
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

certificate, key = (open(name, "rb").read() for name in sys.argv[1:])
who = Authority(x509.load_pem_x509_certificate(certificate), load_pem_private_key(key, None))
print(trusts(trust_root(), who))
"""


@pytest.mark.parametrize(("who", "expected"), [(authority, "True"), (stranger, "False")])
def test_a_user_names_whom_to_trust(tmp_path: Path, who: Callable[[], Authority], expected: str) -> None:
    """In a process of its own: the variable is OpenSSL's to read."""
    (tmp_path / "mine.pem").write_bytes(authority().pem)
    pair = who().write(tmp_path)
    environ = {"SSL_CERT_FILE": str(tmp_path / "mine.pem"), "SSL_CERT_DIR": str(tmp_path / "none")}

    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, pair)],
        cwd=Path(__file__).parents[1],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert result.stdout.strip() == expected


def test_the_bundle_that_comes_along_holds_the_authorities_of_the_web() -> None:
    file = Path(_bundle())
    context = context_of(authorities_in(file))
    blocks = re.findall(rb"-----BEGIN.+?-----END CERTIFICATE-----", file.read_bytes(), re.DOTALL)

    assert len(blocks) > 50
    roots = [crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks]
    # One by one they expire, as the years go by.
    assert sum(is_good(context, root) for root in roots) > 50
