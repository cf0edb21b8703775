"""Orders of SSL certificates that are under way when the server is killed."""

import sqlite3

import pytest

import openssl
from crash import Crash
from scm import Scm
from server import wait_for

ORDERS = 20
SETTINGS = {"OPENCCM_DOMAIN_VALIDATION__OWN_ZONES": "example.com"}
ISSUED = "an SSL certificate was issued"


def check_issued_once(server, applied, tmp_path):
    """Checks that every application became one certificate, with its key."""
    scm = Scm.of(server)
    for certificate_id in applied:
        scm.wait_for_status(certificate_id, "ISSUED")
    serials, keys = set(), set()
    for certificate_id, domain in applied.items():
        exported = scm.export(certificate_id)
        openssl.verify(exported.certificate, exported.certificate_chain, tmp_path, "-verify_hostname", domain)
        key = openssl.public_key_of_certificate(exported.certificate)
        assert openssl.public_key_of_key(exported.private_key) == key
        serials.add(openssl.serial(exported.certificate))
        keys.add(key)
    assert len(serials) == len(keys) == len(applied)
    shown = {certificate_id: scm.show(certificate_id).fingerprint for certificate_id in applied}

    # Nothing is issued again by the next start; and what the authority noted are these certificates and no others.
    server.restart()
    scm = Scm.of(server)
    scm.issue("after.example.com")
    assert {certificate_id: scm.show(certificate_id).fingerprint for certificate_id in applied} == shown
    server.stop()
    with sqlite3.connect(server.data / "openccm.db") as database:
        ((issued, certificates),) = database.execute(
            "SELECT COUNT(*), COUNT(DISTINCT certificate_id) FROM ssl_issuances"
        )
        ((events,),) = database.execute("SELECT COUNT(*) FROM ssl_order_events WHERE event = 'issued'")
    assert issued == certificates == events == len(applied) + 1


@pytest.mark.parametrize("answers_before_the_crash", [1, 5, 12])
def test_a_crash_while_applications_are_made(new_server, tmp_path, answers_before_the_crash):
    server = new_server(**SETTINGS).start()
    bought = [cert.cert_id for cert in Scm.of(server).order(order_number=ORDERS).cert]

    def apply(certificate_id):
        def call(scm):
            scm.apply(certificate_id, f"{certificate_id}.example.com")
            return certificate_id

        return call

    answered = Crash(server, answers_before_the_crash, Scm).during([apply(id) for id in bought])

    server.start()
    # Those without an answer were made, or not; then they can be made now.
    scm = Scm.of(server)
    for certificate_id in bought:
        if scm.show(certificate_id).status == "PAID":
            assert certificate_id not in answered
            scm.apply(certificate_id, f"{certificate_id}.example.com")
    check_issued_once(server, {id: f"{id}.example.com" for id in bought}, tmp_path)


@pytest.mark.parametrize("issued_before_the_crash", [0, 1, 5])
def test_a_crash_while_certificates_are_issued(new_server, tmp_path, issued_before_the_crash):
    server = new_server(**SETTINGS).start()
    scm = Scm.of(server)
    applied = {cert.cert_id: f"{cert.cert_id}.example.com" for cert in scm.order(order_number=ORDERS).cert}
    for certificate_id, domain in applied.items():
        # Keys that take a while.
        scm.apply(certificate_id, domain, key_algorithm="RSA_3072")
    wait_for(lambda: len(server.log_events(ISSUED)) >= issued_before_the_crash, "certificates are issued")
    server.kill()
    assert len(server.log_events(ISSUED)) < ORDERS, "the crash came in the middle"

    server.start()
    check_issued_once(server, applied, tmp_path)
