"""The scripts that a new user copies."""

import os
import subprocess
import sys

from openssl import openssl
from server import REPOSITORY, wait_for


def run_example(server, name, *arguments, folder):
    """What the script prints; it works in the folder."""
    result = subprocess.run(
        [sys.executable, REPOSITORY / "examples" / name, *arguments, folder],
        env={**os.environ, "OPENCCM_CREDENTIALS": str(server.credentials_file)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_first_certificate(server, tmp_path):
    printed = run_example(server, "first_certificate.py", folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"root.pem", "sub.pem", "leaf.pem", "leaf.key"}

    # The last line says what to type next.
    (command,) = (line for line in printed.splitlines() if "openssl verify" in line)
    arguments = command[command.index("openssl verify") :].split()[1:]
    assert openssl(*arguments) == f"{tmp_path}/leaf.pem: OK\n"
    certificate, key = (tmp_path / name for name in ("leaf.pem", "leaf.key"))
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl("pkey", "-in", key, "-pubout")


def test_revoke_certificate(server, tmp_path):
    server.create_bucket("lists")
    printed = run_example(server, "revoke_certificate.py", folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"root.pem", "leaf.pem"}

    def shell(program):
        (line,) = (line for line in printed.splitlines() if f" {program} " in line)
        command = line[line.index(program) :]
        return subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    verified = wait_for(lambda: (found := shell("openssl verify")).returncode and found, "the list names it")
    assert "certificate revoked" in verified.stderr
    asked = shell("openssl ocsp")
    assert "Response verify OK" in asked.stderr
    assert "leaf.pem: revoked" in asked.stdout
    assert "Reason: keyCompromise" in asked.stdout


def test_order_ssl_certificate(new_server, tmp_path):
    server = new_server(OPENCCM_DOMAIN_VALIDATION__OWN_ZONES="example.com").start()
    run_example(server, "order_ssl_certificate.py", "shop.example.com", folder=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"cert.pem", "chain.pem", "key.pem"}
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    verified = openssl("verify", "-verify_hostname", "shop.example.com", "-CAfile", tmp_path / "chain.pem", certificate)
    assert verified == f"{certificate}: OK\n"
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl("pkey", "-in", key, "-pubout")
    assert key.stat().st_mode & 0o077 == 0
