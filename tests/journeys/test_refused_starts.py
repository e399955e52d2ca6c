"""What `up` refuses, in words and with the fix, before anything is half started; and HTTPS, which it does not."""

import contextlib
import ipaddress
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.journeys import shell, world

from shuyuan.identity.http import COOKIE
from shuyuan.kernel import clock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_second_server_on_one_home_is_refused_naming_the_first(demo_school: world.Live) -> None:
    said = shell.run("up", "--home", demo_school.home, "--port", 0, "--starter", "none")
    assert said.code == 1
    assert f"already served by process {demo_school.running.child.pid}" in said.err
    assert "fix: stop that server first" in said.err
    assert httpx.get(f"{demo_school.base_url}/readyz").status_code == 200


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = shell.run("up", "--demo", "--home", tmp_path / "home", "--port", port, "--starter", "none")
    assert said.code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said.err
    assert "fix: choose another --port" in said.err
    assert "ready" not in said.out
    assert not (tmp_path / "home" / "shuyuan.db").exists()


def test_the_network_without_tls_is_refused(tmp_path: Path) -> None:
    said = shell.run("up", "--home", tmp_path / "home", "--host", "0.0.0.0", "--port", 0, "--starter", "none")
    assert said.code == 1
    assert "--host 0.0.0.0 would send passwords and answers over the network unencrypted" in said.err
    assert "--tls-cert" in said.err
    assert not (tmp_path / "home" / "shuyuan.db").exists()


def test_a_demo_is_refused_beyond_this_machine_even_with_a_certificate(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    said = shell.run(
        "up",
        "--demo",
        "--home",
        tmp_path / "home",
        "--host",
        "0.0.0.0",
        "--port",
        0,
        "--tls-cert",
        cert,
        "--tls-key",
        key,
        "--starter",
        "none",
    )
    assert said.code == 1
    assert "--demo lets whoever opens it in without a password" in said.err
    assert "fix: leave --host" in said.err
    assert not (tmp_path / "home").exists()


def test_an_unknown_log_level_is_refused_by_name(tmp_path: Path) -> None:
    said = shell.run(
        "up", "--home", tmp_path / "home", "--port", 0, "--starter", "none", environment={"SHUYUAN_LOG_LEVEL": "LOUD"}
    )
    assert said.code == 1
    assert "log_level" in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "home").exists()


def test_with_a_certificate_the_network_is_served_over_https_and_the_cookie_is_secure(
    first_start: world.FirstStart, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    options = ("--host", "0.0.0.0", "--tls-cert", str(cert), "--tls-key", str(key))
    with world.serving(first_start.copy(tmp_path), *options, demo=False) as live:
        assert live.base_url.startswith("https://")
        port = live.base_url.rpartition(":")[2]
        base_url, trusted = f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=str(cert))
        student = live.account("student")
        with httpx.Client(base_url=base_url, verify=trusted, headers={"origin": base_url}) as client:
            signed = client.post("/api/session", json={"login": student["login"], "password": student["password"]})
            assert signed.headers["set-cookie"].startswith(f"{COOKIE}=")
            assert "secure" in signed.headers["set-cookie"].lower()
            assert client.get("/learn/today").status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/healthz")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_a_demo_whose_making_was_interrupted_is_told_and_not_served(tmp_path: Path, how: signal.Signals) -> None:
    home = tmp_path / "home"
    words = ["up", "--demo", "--home", str(home), "--port", "0", "--starter", "none"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "shuyuan.entrypoints.cli", *words], stdout=subprocess.PIPE, stderr=log, text=True
        ) as first,
    ):
        world.until(lambda: answers(home), "the first simulated answers")
        os.kill(first.pid, how)
        out, _ = first.communicate()
    assert "ready" not in out
    assert "Traceback" not in (tmp_path / "log").read_text()
    said = shell.run(*words)
    assert said.code == 1
    assert f"the demo school in {home} is not whole" in said.err
    assert f"delete the folder {home}" in said.err


def answers(home: Path) -> int:
    """How many answers the seeding has stored so far."""
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{home / 'shuyuan.db'}?mode=ro", uri=True)) as conn,
    ):
        return int(conn.execute("SELECT count(*) FROM records_response").fetchone()[0])
    return 0


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "classroom")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file
