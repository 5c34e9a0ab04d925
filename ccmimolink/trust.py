"""The certificate authorities that are trusted.

Owns the choice between those of the machine and those of a bundle that comes along. It must not make
connections, and must not know who uses it.

OpenSSL looks for authorities in places that were fixed when it was built. For the build in cryptography's
wheels, pyOpenSSL knows where Linux distributions keep them; on macOS and Windows it looks where most machines
hold nothing, and every certificate would be refused.
"""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from OpenSSL import crypto
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates

if TYPE_CHECKING:
    from twisted.internet._sslverify import IOpenSSLTrustRoot

_WITHOUT = frozenset({"darwin", "win32"})
"""The platforms that keep their authorities where OpenSSL does not look."""

_KNOWN_PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/certs",
)
"""Where pyOpenSSL looks for cryptography's wheels, whatever the interpreter's own OpenSSL was built for."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def trust_root() -> IOpenSSLTrustRoot:
    """What a client's connections trust: what the user names, else the machine's, else a bundle's.

    SSL_CERT_FILE and SSL_CERT_DIR are the user's word. OpenSSL reads them itself.
    """
    return choose(ssl.get_default_verify_paths(), sys.platform, _KNOWN_PLACES, _bundle)


def choose(
    found: ssl.DefaultVerifyPaths, platform: str, known_places: tuple[str, ...], bundle: Callable[[], str]
) -> IOpenSSLTrustRoot:
    """
    :param found: what the interpreter's OpenSSL finds; those places of it that exist.
    :param bundle: gives the file of the last resort.
    """
    has_roots = platform not in _WITHOUT and any(
        map(_holds_something, (found.cafile, found.capath, *known_places))
    )
    if has_roots or _is_named(found):
        platform_trust: IOpenSSLTrustRoot = platformTrust()
        return platform_trust
    if platform in _WITHOUT and found.cafile is not None and _holds_something(found.cafile):
        # What an installer gave the interpreter's OpenSSL, where cryptography's does not look.
        return authorities_in(Path(found.cafile))
    return authorities_in(Path(bundle()))


def authorities_in(file: Path) -> IOpenSSLTrustRoot:
    """Those in a file of PEM certificates. One that OpenSSL cannot read vouches for nobody."""
    certificates = []
    for block in _CERTIFICATE.findall(file.read_bytes()):
        with suppress(crypto.Error):
            certificates.append(Certificate.loadPEM(block))
    trusted: IOpenSSLTrustRoot = trustRootFromCertificates(certificates)
    return trusted


def _is_named(found: ssl.DefaultVerifyPaths) -> bool:
    """Whether a variable names something that exists: then it is not what OpenSSL was built with."""
    return found.cafile not in (None, found.openssl_cafile) or found.capath not in (
        None,
        found.openssl_capath,
    )


def _holds_something(place: str | None) -> bool:
    """Images for containers have the directory without a certificate in it."""
    if place is None:
        return False
    with suppress(OSError):
        path = Path(place)
        return any(path.iterdir()) if path.is_dir() else path.stat().st_size > 0
    return False


def _bundle() -> str:
    # Here, not above: where the system's authorities are in a known place, packagers leave the bundle out.
    import certifi

    return certifi.where()
