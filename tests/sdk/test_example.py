"""The script that a new user copies."""

import os
import subprocess
import sys

from openssl import openssl
from server import REPOSITORY


def test_first_certificate(server, tmp_path):
    result = subprocess.run(
        [sys.executable, REPOSITORY / "examples/first_certificate.py", tmp_path],
        env={**os.environ, "OPENCCM_CREDENTIALS": str(server.credentials_file)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"root.pem", "sub.pem", "leaf.pem", "leaf.key"}

    # The last line says what to type next.
    (command,) = (line for line in result.stdout.splitlines() if "openssl verify" in line)
    arguments = command[command.index("openssl verify") :].split()[1:]
    assert openssl(*arguments) == f"{tmp_path}/leaf.pem: OK\n"
    certificate, key = (tmp_path / name for name in ("leaf.pem", "leaf.key"))
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey") == openssl("pkey", "-in", key, "-pubout")
