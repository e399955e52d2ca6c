"""Where an HTTP address leads, and whether anybody may be sent there. Resolves nothing, calls nobody.

Strict on purpose: what two parsers could read in two ways is no address here.
"""

import ipaddress
import re
import socket

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(/[A-Za-z0-9._~-]*)*)"
)
_PORTS = {"http": 80, "https": 443}
_KEY_ENV = re.compile(r"[A-Z][A-Z0-9_]{0,60}_API_KEY")


def of(url: str) -> str:
    """The origin of a plain address. Raises ValueError for any other, and for one that is never called.

    >>> of("https://API.example.org/v1"), of("http://127.0.0.1:11434")
    ('https://api.example.org:443', 'http://127.0.0.1:11434')
    """
    parts = _URL.fullmatch(url)
    if parts is None or not 0 < (port := int(parts["port"] or _PORTS[parts["scheme"]])) < 65536:
        raise ValueError(f"url {url[:200]!r} must be http(s)://host[:port]/path and hold no key")
    host = parts["host"].lower()
    if is_link_local(host.strip("[]")):
        raise ValueError(f"url {url[:200]!r} is link-local: there a machine's own secrets are given away")
    return f"{parts['scheme']}://{host}:{port}"


def is_link_local(host: str) -> bool:
    """Whether `host` is an address in 169.254/16 or fe80::/10, however it is written; a name is not.

    >>> is_link_local("169.254.169.254"), is_link_local("0xa9fea9fe"), is_link_local("::ffff:169.254.1.1")
    (True, True, True)
    >>> is_link_local("example.org")
    False
    """
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)).is_link_local  # decimal and hex forms too
    except OSError:
        pass
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return (address.ipv4_mapped or address).is_link_local


def listed(entry: str) -> tuple[str, str]:
    """The origin and the name of the key's variable ('': none) of an entry of `remote_upstreams`. Raises ValueError.

    >>> listed("https://api.example.org EXAMPLE_API_KEY")
    ('https://api.example.org:443', 'EXAMPLE_API_KEY')
    """
    address, _, key_env = entry.strip().partition(" ")
    if "/" in address.partition("://")[2]:
        raise ValueError(f"{entry[:200]!r} holds a path: write https://host[:port] alone")
    return of(address), key_name(key_env.strip())


def key_name(said: str) -> str:
    """The name itself. Raises ValueError unless it ends with _API_KEY: no other secret is ever sent."""
    if said and not _KEY_ENV.fullmatch(said):
        raise ValueError(f"key_env {said[:80]!r} must be a variable's name ending with _API_KEY")
    return said
