"""The command line, and the settings that it refuses."""

import json
import re

import pytest
import requests

from pca import Pca
from server import REPOSITORY


def test_version(new_server):
    result = new_server().run("--version")
    assert result.returncode == 0
    (version,) = re.findall(r'^version = "(.*)"', (REPOSITORY / "Cargo.toml").read_text(), re.MULTILINE)
    assert result.stdout == f"openccm {version}\n"


@pytest.mark.parametrize("command", ["serve", "migrate", "health", "apig", "config", "credentials"])
def test_help(new_server, command):
    server = new_server()
    result = server.run("--help")
    assert result.returncode == 0
    assert re.search(rf"^  {command}  ", result.stdout, re.MULTILINE)
    result = server.run(command, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "--config" in result.stdout
    assert not server.data.exists(), "asking changes nothing"


def test_unknown_commands_are_refused(new_server):
    result = new_server().run("sevre")
    assert result.returncode == 2
    assert "sevre" in result.stderr


def test_config_check(new_server):
    server = new_server()
    secrets = {
        "OPENCCM_BOOTSTRAP_PASSWORD": "Secret.Password-0",
        "OPENCCM_BOOTSTRAP_AK": "SOMEACCESSKEY",
        "OPENCCM_BOOTSTRAP_SK": "secret-secret-key",
        "OPENCCM_DATABASE_URL": "postgres://openccm:secret-database@db.invalid/openccm",
    }
    result = server.run("config", "check", OPENCCM_QUOTA_CAS=7, OPENCCM_LISTN="x", **secrets)
    assert result.returncode == 0
    assert "the settings are good" in result.stdout
    assert "7 CAs" in result.stdout
    assert "OPENCCM_LISTN is no setting" in result.stdout
    assert "secret" not in (result.stdout + result.stderr).lower()
    assert not server.data.exists(), "checking changes nothing"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('listn = "127.0.0.1:1"', "listn is no setting"),
        ('[tls]\ncertificat = "a.pem"', "tls.certificat is no setting"),
        ('listen = "nowhere"', "listen"),
        ("quota_cas = -1", "quotas must not be negative"),
        ('[tls]\ncertificate = "a.pem"', "go together"),
        ('bootstrap_ak = "A"', "go together"),
        ('log_format = "xml"', "log_format"),
        ("listen = ", "openccm.toml"),
    ],
)
def test_wrong_settings_are_refused(new_server, toml, said):
    server = new_server(OPENCCM_LISTEN=None, OPENCCM_LOG_FORMAT=None)
    (server.folder / "openccm.toml").write_text(toml + "\n")
    for arguments in ([], ["config", "check"], ["--config", "openccm.toml"]):
        result = server.run(*arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("openccm: ")
        assert said in result.stderr
    assert not server.data.exists()


def test_a_settings_file_that_is_missing_is_refused(new_server):
    result = new_server().run("--config", "none.toml", "config", "check")
    assert result.returncode == 1
    assert "none.toml" in result.stderr


def test_the_environment_overrides_the_file(new_server):
    server = new_server(OPENCCM_QUOTA_CERTIFICATES=9)
    (server.folder / "openccm.toml").write_text("quota_cas = 5\nquota_certificates = 6\n")
    pca = Pca.of(server.start())
    assert pca.call("show_certificate_authority_quota").quotas.resources[0].quota == 5
    assert pca.call("show_certificate_quota").quotas.resources[0].quota == 9


def test_plain_http_is_for_loopback(new_server):
    server = new_server()
    said = server.refusal(OPENCCM_LISTEN="0.0.0.0:0")
    assert "plain HTTP is for loopback only" in said
    assert "allow_plain_http" in said
    assert not server.data.exists()

    server.settings = {"OPENCCM_LISTEN": "0.0.0.0:0", "OPENCCM_ALLOW_PLAIN_HTTP": "true"}
    server.start()
    assert server.url.startswith("http://127.0.0.1:")
    Pca.of(server).create_root("Anywhere Root")


def test_an_address_in_use_is_refused(server, new_server):
    said = new_server().refusal(OPENCCM_LISTEN=server.address)
    assert f"cannot listen on {server.address}" in said


def test_credentials_show(server):
    result = server.run("credentials", "show")
    assert result.returncode == 0
    assert json.loads(result.stdout) == server.credentials


def test_credentials_show_before_the_first_start(new_server):
    result = new_server().run("credentials", "show")
    assert (result.returncode, result.stdout) == (1, "")
    assert "first start" in result.stderr


def test_migrate(new_server):
    server = new_server()
    for _ in range(2):
        result = server.run("migrate")
        assert result.returncode == 0, result.stderr
        assert "up to date" in result.stdout
    pca = Pca.of(server.start())
    root_id = pca.create_root("Migrated Root")
    server.stop()
    assert server.run("migrate").returncode == 0
    assert Pca.of(server.start()).show_ca(root_id).status == "ACTIVED"


def test_health(new_server):
    server = new_server().start()
    assert server.run("health", server.url).returncode == 0
    assert server.run("health", OPENCCM_LISTEN=server.address).returncode == 0, "by the settings"
    server.stop()
    result = server.run("health", OPENCCM_LISTEN=server.address)
    assert result.returncode == 1
    assert f"http://{server.address}/readyz does not answer" in result.stderr


def test_what_monitoring_asks(server):
    for path in ("/healthz", "/readyz"):
        answer = requests.get(server.url + path, timeout=30)
        assert answer.status_code == 200
        assert answer.headers["X-Request-Id"]
    metrics = requests.get(server.url + "/metrics", timeout=30)
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert re.search(r'^openccm_http_requests_total\{operation="show_health",status="200"\} \d', metrics.text, re.M)
    assert "openccm_http_request_duration_seconds_bucket" in metrics.text
    assert requests.get(server.url + "/openapi.json", timeout=30).json()["openapi"].startswith("3.")
    assert requests.get(server.url + "/docs", timeout=30).headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("OPENCCM_LOG_LEVEL", "a=b=c"),
        ("OPENCCM_DATABASE_URL", "mysql://db.invalid/openccm"),
        ("OPENCCM_DATABASE_URL_FILE", "none"),
        ("OPENCCM_BOOTSTRAP_PASSWORD_FILE", "none"),
        ("OPENCCM_MASTER_KEY_FILE", "openccm.toml"),
    ],
)
def test_config_check_refuses_what_a_start_would(new_server, setting, value):
    server = new_server()
    (server.folder / "openccm.toml").write_text("# no key\n")
    assert server.run(**{setting: value}).returncode == 1
    assert server.run("config", "check", **{setting: value}).returncode == 1
