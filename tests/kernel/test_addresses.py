"""The address people can type: the one listened on, or a guess where that is every address."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shuyuan.kernel import addresses


def certificate(folder: Path, *names: str) -> Path:
    """A certificate of its own making for these names and addresses."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    told = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "school")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(told)
        .issuer_name(told)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    path = folder / "cert.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
        ("school.example", "http://school.example:8000"),
    ],
)
def test_an_address_that_was_chosen_is_the_one_to_type(host: str, url: str) -> None:
    assert addresses.for_people(host, 8000) == url
    assert not addresses.is_wildcard(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_told_as_one_that_can_be_typed(host: str) -> None:
    assert addresses.is_wildcard(host)
    scheme, _, rest = addresses.for_people(host, 8000).partition("://")
    address = ipaddress.ip_address(rest.rpartition(":")[0].strip("[]"))
    assert (scheme, address.is_unspecified) == ("http", False)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("localhost", "*.school.example", "academy.school.example", "10.0.0.9"), "academy.school.example"),
        (("localhost", "127.0.0.1", "10.0.0.9"), "10.0.0.9"),
    ],
)
def test_a_certificate_names_the_server(tmp_path: Path, names: tuple[str, ...], told: str) -> None:
    assert addresses.for_people("0.0.0.0", 8443, certificate(tmp_path, *names)) == f"https://{told}:8443"
    assert addresses.for_people("10.1.1.1", 8443, tmp_path / "cert.pem") == "https://10.1.1.1:8443"


def test_a_certificate_without_a_usable_name_leaves_the_guess(tmp_path: Path) -> None:
    guess = addresses.for_people("0.0.0.0", 1).replace("http:", "https:")
    assert addresses.for_people("0.0.0.0", 1, certificate(tmp_path)) == guess
    assert addresses.for_people("0.0.0.0", 1, certificate(tmp_path, "localhost")) == guess
    (tmp_path / "text.pem").write_text("no certificate")
    assert addresses.for_people("0.0.0.0", 1, tmp_path / "text.pem") == guess
