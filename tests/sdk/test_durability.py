"""What was answered is kept: over restarts, crashes and signals."""

import signal
import socket

import pytest

from crash import Crash
from pca import Pca
from server import wait_for
from tokens import create_token, get

ISSUANCES = 200


def everything(pca):
    """All that lists, details and exports tell."""
    cas = pca.call("list_certificate_authority", limit=1000)
    certificates = pca.call("list_certificate", limit=1000)
    active = [item.ca_id for item in cas.certificate_authorities if item.status == "ACTIVED"]
    issued = [item.certificate_id for item in certificates.certificates if item.status == "ISSUED"]
    assert active
    assert issued
    answers = [cas, certificates, *map(pca.export_ca, active), *map(pca.export, issued)]
    return [answer.to_json_object() for answer in answers]


def key_of_request(pca, ca_id):
    """The public key in a CA's signing request, which is signed anew each time."""
    csr = pca.call("export_certificate_authority_csr", ca_id=ca_id).csr
    return pca.call("parse_certificate_signing_request", {"csr": csr}).public_key


def test_a_restart_keeps_everything(new_server):
    server = new_server().start()
    pca = Pca.of(server)
    root_id = pca.create_root("Kept Root", "RSA2048")
    sub_id = pca.create_subordinate("Kept Sub", root_id, path_length=0)
    pending_id = pca.create_pending("Kept Pending")
    pending_key = key_of_request(pca, pending_id)
    issued = [pca.create_certificate(f"{number}.example.com", sub_id) for number in range(3)]
    pca.call("revoke_certificate", {"reason": "SUPERSEDED"}, certificate_id=issued[0])
    gone_id = pca.create_subordinate("Kept Deleted", root_id)
    pca.call("disable_certificate_authority", ca_id=gone_id)
    pca.call("delete_certificate_authority", ca_id=gone_id, pending_days="30")
    token = create_token(server)
    before = everything(pca)

    assert server.stop() == 0
    server.start()
    pca = Pca.of(server)
    assert everything(pca) == before
    assert key_of_request(pca, pending_id) == pending_key
    pca.create_certificate("after.example.com", sub_id)
    assert get(server, "/v1/private-certificates", token).json()["total"] == 4


@pytest.mark.parametrize("answers_before_the_crash", [1, 60, 150])
def test_a_crash_loses_no_certificate_that_was_answered(new_server, answers_before_the_crash):
    server = new_server().start()
    issuer_id = Pca.of(server).create_root("Crash Root")

    def issue(number):
        return lambda pca: pca.create_certificate(f"{number}.example.com", issuer_id)

    answered = Crash(server, answers_before_the_crash).during([issue(number) for number in range(ISSUANCES)])

    server.start()
    pca = Pca.of(server)
    listed = pca.call("list_certificate", limit=1000)
    assert set(answered) <= {item.certificate_id for item in listed.certificates}
    assert pca.call("show_certificate_quota").quotas.resources[0].used == listed.total == len(listed.certificates)
    assert len({item.serial_number for item in listed.certificates}) == listed.total
    for item in listed.certificates:
        exported = pca.export(item.certificate_id)
        assert exported.certificate
        assert exported.private_key
    pca.create_certificate("after.example.com", issuer_id)


def test_a_crash_loses_no_change_that_was_answered(new_server):
    server = new_server().start()
    pca = Pca.of(server)
    issuer_id = pca.create_root("Change Root")
    certificate_ids = [pca.create_certificate(f"{number}.example.com", issuer_id) for number in range(120)]

    def change(operation, certificate_id):
        def call(pca):
            pca.call(operation, certificate_id=certificate_id)
            return operation, certificate_id

        return call

    operations = ("revoke_certificate", "delete_certificate")
    changes = [change(operations[number % 2], certificate_id) for number, certificate_id in enumerate(certificate_ids)]
    answered = Crash(server, 40).during(changes)

    server.start()
    pca = Pca.of(server)
    listed = pca.call("list_certificate", limit=1000)
    status = {item.certificate_id: item.status for item in listed.certificates}
    for operation, certificate_id in answered:
        expected = "REVOKED" if operation == "revoke_certificate" else None
        assert status.get(certificate_id) == expected
    assert pca.call("show_certificate_quota").quotas.resources[0].used == listed.total


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_the_server(new_server, with_signal):
    server = new_server().start()
    # A client that keeps its connection open does not hold it up.
    pca = Pca.of(server)
    pca.call("list_certificate")
    server.process.send_signal(with_signal)
    assert server.process.wait(20) == 0
    assert server.log_events("stopped")


def test_a_signal_lets_requests_under_way_finish(new_server):
    server = new_server().start()
    token = create_token(server)
    body = (
        b'{"type":"ROOT","key_algorithm":"EC256","signature_algorithm":"SHA256","validity":{"type":"YEAR","value":1},'
        b'"distinguished_name":{"common_name":"Last Root","country":"CN","state":"S","locality":"L",'
        b'"organization":"O","organizational_unit":"U"}}'
    )
    with begin_request(server, len(body), token) as connection:
        server.process.terminate()
        wait_for(lambda: server.log_events("stopping: requests under way may finish"), "the server heard the signal")
        wait_for(lambda: not accepts(server), "the server takes no more connections")
        assert server.process.poll() is None
        connection.sendall(body)
        answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert server.process.wait(30) == 0
    server.kill()

    server.start()
    listed = Pca.of(server).call("list_certificate_authority")
    assert [item.distinguished_name.common_name for item in listed.certificate_authorities] == ["Last Root"]


def test_a_request_that_never_ends_does_not_hold_up_the_stop(new_server):
    server = new_server(OPENCCM_SHUTDOWN_GRACE_SECONDS=1).start()
    with begin_request(server, 100, create_token(server)):
        assert server.stop() == 0


def begin_request(server, length, token):
    """A connection on which a request for a new CA is under way: the server waits for `length` bytes of body."""
    connection = socket.create_connection(address(server), timeout=30)
    head = (
        f"POST /v1/private-certificate-authorities HTTP/1.1\r\nHost: {server.address}\r\nX-Auth-Token: {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    )
    connection.sendall(head.encode())
    # A server says so when it begins to read the body.
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    return connection


def address(server):
    host, port = server.address.split(":")
    return host, int(port)


def accepts(server):
    try:
        with socket.create_connection(address(server), timeout=30):
            return True
    except ConnectionError:
        return False
