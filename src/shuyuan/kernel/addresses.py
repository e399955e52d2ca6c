"""Where others reach this server: the address people can type, which is not always the one it listens on."""

import contextlib
import ipaddress
import socket
from pathlib import Path

from cryptography import x509

# Reserved for documentation: connecting a datagram socket picks the way out and sends nothing.
_SOMEWHERE_ELSE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))


def for_people(host: str, port: int, tls_cert: Path | None = None) -> str:
    """The URL at which people reach a server that listens on `host` and `port`, over https if there is a certificate.

    For a server that listens on every address (`is_wildcard`) it is a guess: the name its certificate has, else the
    address this machine uses to reach others, else loopback.
    """
    scheme = "https" if tls_cert else "http"
    named = (_name_on(tls_cert) or _own_address()) if is_wildcard(host) else host
    return f"{scheme}://{f'[{named}]' if ':' in named else named}:{port}"


def is_wildcard(host: str) -> bool:
    """The host stands for every address of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _name_on(cert: Path | None) -> str:
    """The first name or address the certificate is for that others can use; empty without one."""
    if cert is None:
        return ""
    try:
        alternatives = x509.load_pem_x509_certificate(cert.read_bytes()).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (OSError, ValueError, x509.ExtensionNotFound):
        return ""
    names = alternatives.value.get_values_for_type(x509.DNSName)
    addresses = alternatives.value.get_values_for_type(x509.IPAddress)
    usable = [name for name in names if "*" not in name and name != "localhost"]
    usable += [str(address) for address in addresses if not address.is_loopback]
    return usable[0] if usable else ""


def _own_address() -> str:
    for family, elsewhere in _SOMEWHERE_ELSE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            return str(probe.getsockname()[0])
    return "127.0.0.1"
