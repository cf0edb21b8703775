"""The logs: what they tell, and what they must not."""

import io
import json
import zipfile

import pytest
import requests
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from pca import Pca
from server import wait_for
from tokens import ask_for_token, create_token, get, password_body

EXPORT_PASSWORD = "Export.Pass-0"
WRONG_PASSWORD = "Wrong.Pass-0"


def use_every_secret(server):
    """Uses each kind of secret, rightly and wrongly; gives them all."""
    known = server.credentials
    pca = Pca.of(server)
    root_id = pca.create_root("Log Root")
    certificate_id = pca.create_certificate("log.example.com", root_id)
    private_key = pca.export(certificate_id).private_key
    for server_type in ("NGINX", "IIS", "TOMCAT"):
        pca.export(certificate_id, server_type, "true", EXPORT_PASSWORD)
    with zipfile.ZipFile(io.BytesIO(pca.export(certificate_id, "IIS", "true").raw_content)) as archive:
        keystore_password = archive.read("keystorePass.txt").decode()
    with pytest.raises(ClientRequestException):
        pca.export(certificate_id, "NGINX", "true", EXPORT_PASSWORD + " ")

    token = create_token(server)
    assert get(server, "/v1/private-certificates", token).status_code == 200
    assert get(server, "/v1/private-certificates", token + "A").status_code == 401
    assert ask_for_token(server, password_body(server, password=WRONG_PASSWORD)).status_code == 401
    # A body that cannot be read, with a password in it.
    broken = json.dumps(password_body(server)).replace("methods", "m", 1)[:-1]
    assert requests.post(f"{server.url}/v3/auth/tokens", data=broken, timeout=30).status_code == 400
    for secret_key in (known["sk"], "wrong-secret-key"):
        wrong = Pca.of(server, credentials=GlobalCredentials(known["ak"] + "X", secret_key))
        with pytest.raises(ClientRequestException):
            wrong.call("list_certificate")

    key_lines = [line for line in private_key.splitlines() if "-----" not in line]
    return {
        "the password": known["password"],
        "the secret key": known["sk"],
        "the master key": server.master_key_file.read_text().strip(),
        "the token": token,
        "the export's password": EXPORT_PASSWORD,
        "the keystore's password": keystore_password,
        "a wrong password": WRONG_PASSWORD,
        **{f"line {number} of the private key": line for number, line in enumerate(key_lines)},
    }


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("level", ["info", "trace"])
def test_no_secret_is_logged(new_server, level, log_format):
    server = new_server(OPENCCM_LOG_LEVEL=level, OPENCCM_LOG_FORMAT=log_format).start()
    secrets = use_every_secret(server)
    server.restart()
    create_token(server)
    server.stop()
    everything = server.log() + server.output_file.read_text()
    assert "answered" in everything
    assert [name for name, secret in secrets.items() if secret in everything] == []


def test_every_line_is_an_object(new_server):
    server = new_server(OPENCCM_NO_SUCH="x").start()
    use_every_secret(server)
    server.stop()
    for line in server.log().splitlines():
        event = json.loads(line)
        assert {"timestamp", "level", "message", "target"} <= event.keys()
    (warning,) = (event for event in map(json.loads, server.log().splitlines()) if event["level"] == "WARN")
    assert "OPENCCM_NO_SUCH is no setting" in warning["message"]
    assert server.log_events("serving")[0]["address"] == server.address
    assert server.log_events("stopped")


def test_a_request_is_logged_with_its_id(server):
    token = create_token(server)
    path = "/v1/private-certificates"
    answers = {
        get(server, f"{path}?name=not-logged", token): ("list_certificate", "admin"),
        get(server, path, "wrong"): ("list_certificate", "-"),
        get(server, f"{path}/none", token): ("show_certificate", "admin"),
        get(server, "/nowhere", token): ("none", "-"),
    }
    assert [answer.status_code for answer in answers] == [200, 401, 400, 404]

    def logged():
        by_id = {event["request_id"]: event for event in server.log_events("answered")}
        ids = [answer.headers["X-Request-Id"] for answer in answers]
        return [by_id[request_id] for request_id in ids] if by_id.keys() >= set(ids) else None

    events = wait_for(logged, "all requests are in the log")
    for event, (answer, (operation, caller)) in zip(events, answers.items(), strict=True):
        assert (event["operation"], event["caller"]) == (operation, caller)
        assert (event["method"], event["status"]) == ("GET", answer.status_code)
        assert isinstance(event["latency_ms"], float)
    assert events[0]["path"] == path
    assert "not-logged" not in server.log()


def test_text_for_people(new_server):
    server = new_server(OPENCCM_LOG_FORMAT=None).start()
    answer = requests.get(f"{server.url}/v1/private-certificates", timeout=30)
    server.stop()
    request_id = answer.headers["X-Request-Id"]
    (line,) = (line for line in server.log().splitlines() if request_id in line and "answered" in line)
    assert 'operation="list_certificate"' in line
    assert "status=401" in line
    assert "show_health" not in server.log(), "probes would fill it"
    assert "\x1b" not in server.log(), "no colours in a file"
