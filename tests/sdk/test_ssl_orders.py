"""Orders of SSL certificates by the official SDK: bought, applied for, verified, issued, approved, given back."""

import pathlib
import re

import huaweicloudsdkscm.v3 as sdk
import pytest
import requests

import openssl
import relying_party
from dns_server import DnsServer
from handshake import handshake
from scm import MISSING_ID, Scm, refused
from server import Server, wait_for
from tokens import create_token

OPERATIONS = {
    "list_certificates",
    "import_certificate",
    "show_certificate",
    "delete_certificate",
    "export_certificate",
    "push_certificate",
    "batch_push_certificate",
    "deploy_certificate",
    "list_deployed_resources",
    "apply_certificate",
    "cancel_certificate_request",
    "subscribe_certificate",
    "unsubscribe_certificate",
    "create_certificate_tag",
    "batch_create_or_delete_tags",
    "list_tags_by_certificate",
    "list_all_tags",
    "list_certificates_by_tag",
    "enable_notification",
    "disable_notification",
    "create_csr",
    "list_csr",
    "show_csr",
    "show_csr_private_key",
    "update_csr",
    "delete_csr",
    "upload_csr",
}
DATE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.0"


@pytest.fixture(scope="module")
def dns_server(tmp_path_factory):
    with DnsServer(tmp_path_factory.mktemp("dns") / "records") as dns_server:
        yield dns_server


@pytest.fixture(scope="module")
def server(tmp_path_factory, dns_server):
    """A server whose operator has the zone example.com, and that asks the tests' DNS server about other names."""
    settings = {
        "OPENCCM_DOMAIN_VALIDATION__OWN_ZONES": "example.com",
        "OPENCCM_DOMAIN_VALIDATION__RESOLVERS": dns_server.address,
    }
    server = Server(tmp_path_factory.mktemp("openccm"), **settings).start()
    yield server
    server.kill()


def revoke(server, certificate_id, reason):
    """Revokes an issued certificate, which only the historical API can."""
    path = f"/v2/{server.credentials['project_id']}/scm/cert/{certificate_id}/revoke"
    headers = {"X-Auth-Token": create_token(server)}
    answer = requests.post(server.url + path, json={"reason": reason}, headers=headers, timeout=30)
    assert answer.json() == {"message": "success"}, answer.text


def test_every_operation(server, tmp_path):
    """The 27 operations, in the order in which somebody would use them."""
    scm = Scm.of(server)
    region = server.credentials["project_name"]
    made = scm.call(
        "create_csr",
        {"name": "shop", "domain_name": "shop.example.com", "private_key_algo": "EC_P256", "usage": "PERSONAL"},
    )
    csr = scm.call("show_csr", id=made.id).csr
    assert scm.call("update_csr", {"name": "shop-2"}, id=made.id).name == "shop-2"
    key = openssl.make_key(tmp_path / "uploaded.key")
    uploaded = openssl.make_request(key, "/CN=up.example.com", "subjectAltName=DNS:up.example.com")
    uploaded_id = scm.call("upload_csr", {"name": "up", "csr": uploaded}).id
    assert {item.id for item in scm.call("list_csr").csr_list} == {made.id, uploaded_id}
    scm.call("delete_csr", id=uploaded_id)

    order = scm.order(tags=[sdk.ScsResourceTag(key="a", value="1")], is_auto_pay=True)
    assert re.fullmatch(r"CS\d{10}[0-9A-Z]{5}", order.order_id)
    certificate_id = order.cert[0].cert_id
    scm.call("create_certificate_tag", {"tag": sdk.ScsResourceTag(key="b", value="2")}, resource_id=certificate_id)
    tags = {"action": "delete", "tags": [sdk.ScsResourceTag(key="a", value="1")]}
    scm.call("batch_create_or_delete_tags", tags, resource_id=certificate_id)
    assert [item.key for item in scm.call("list_tags_by_certificate", resource_id=certificate_id).tags] == ["b"]
    assert [item.key for item in scm.call("list_all_tags").tags] == ["b"]
    by_tag = {"action": "filter", "tags": [sdk.ScsTag(key="b", values=["2"])]}
    found = scm.call("list_certificates_by_tag", by_tag, resource_instances="resource_instances")
    assert [item.resource_id for item in found.resources] == [certificate_id]

    scm.apply(certificate_id, "unproven.example.org")
    assert scm.wait_for_status(certificate_id, "CHECKING").validation_method == "DNS"
    cancelled = scm.call("cancel_certificate_request", certificate_id=certificate_id)
    assert (cancelled.cert_id, cancelled.message) == (certificate_id, "success")
    scm.wait_for_status(certificate_id, "PAID")
    assert scm.apply(certificate_id, "shop.example.com", csr=csr).request_info == "success"
    scm.wait_for_status(certificate_id, "ISSUED")
    assert [item.id for item in scm.call("list_certificates", status="ISSUED").certificates] == [certificate_id]
    exported = scm.export(certificate_id)
    root = openssl.certificates(exported.certificate_chain)[-1]
    private_key = scm.call("show_csr_private_key", id=made.id).private_key
    # The key of a request that is kept here comes with the certificate.
    assert exported.private_key == private_key
    names = handshake(exported.entire_certificate, private_key, root, "shop.example.com", tmp_path)
    assert names == ["shop.example.com"]

    push = {"target_project": region, "target_service": "ELB"}
    scm.call("push_certificate", push, certificate_id=certificate_id)
    push = {"target_projects": [region], "target_service": "ELB"}
    (pushed,) = scm.call("batch_push_certificate", push, certificate_id=certificate_id).results
    assert (pushed.project_name, pushed.message) == (region, "success")
    deploy = {"service_name": "ELB", "project_name": region, "resources": [sdk.DeployedResource(id="listener")]}
    assert scm.call("deploy_certificate", deploy, certificate_id=certificate_id).failure_list == []
    asked = {"certificate_ids": [certificate_id], "service_names": ["ELB"]}
    assert scm.call("list_deployed_resources", asked).results[0].total_num == 1
    for operation in ("enable_notification", "disable_notification"):
        scm.call(operation, [{"resource_id": certificate_id, "notice_type": ["CERT_EXPIRED"]}])

    pair = (exported.certificate, exported.certificate_chain, exported.private_key)
    imported_id = scm.import_pair("copy", pair)
    for gone in (certificate_id, imported_id):
        scm.call("delete_certificate", certificate_id=gone)
    given_back = scm.buy()
    assert scm.call("unsubscribe_certificate", cert_id=given_back).unsubscribe_results == "SUCCESS"
    with refused(404, "SCM.0094"):
        scm.show(given_back)
    assert scm.used == OPERATIONS
    for operation in OPERATIONS:
        assert server.metric("openccm_http_requests_total", operation=operation), operation


@pytest.mark.parametrize("key", ["RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P384"])
def test_an_issued_certificate_is_good_until_it_is_revoked(server, scm, tmp_path, key):
    domain = f"{key.replace('_', '-').lower()}.example.com"
    certificate_id = scm.issue(domain, key_algorithm=key, domain_method="dns")
    shown = scm.show(certificate_id)
    assert (shown.domain, shown.sans, shown.push_support, shown.validity_period) == (domain, "", "ON", 12)
    assert shown.application_info.applicant_email == "alice@example.com"
    assert shown.application_info.company_name == ""
    for date in (shown.issue_time, shown.not_before, shown.not_after):
        assert re.fullmatch(DATE, date)
    assert int(shown.not_after[:4]) == int(shown.not_before[:4]) + 1

    exported = scm.export(certificate_id)
    certificate, chain = exported.certificate, exported.certificate_chain
    openssl.verify(certificate, chain, tmp_path, "-purpose", "sslserver", "-verify_hostname", domain)
    assert openssl.subject(certificate) == f"subject=CN={domain}"
    printed = openssl.openssl("x509", "-noout", "-text", text=certificate)
    kind, size = key.split("_")
    assert (f"Public-Key: ({size} bit)" if kind == "RSA" else f"NIST CURVE: {size[0]}-{size[1:]}") in printed
    assert "TLS Web Server Authentication" in printed
    assert openssl.public_key_of_key(exported.private_key) == openssl.public_key_of_certificate(certificate)
    issuer, root = openssl.certificates(chain)
    assert handshake(exported.entire_certificate, exported.private_key, root, domain, tmp_path) == [domain]

    assert relying_party.ask_responder(certificate, issuer, chain, tmp_path) == "good"
    revoke(server, certificate_id, "SUPERSEDED")
    assert scm.wait_for_status(certificate_id, "REVOKED").revoke_reason == "SUPERSEDED"
    assert relying_party.ask_responder(certificate, issuer, chain, tmp_path) == "superseded"
    for operation in ("export_certificate", "unsubscribe_certificate"):
        name = "cert_id" if operation.startswith("unsubscribe") else "certificate_id"
        with refused(400, "SCM.0010"):
            scm.call(operation, **{name: certificate_id})
    scm.call("delete_certificate", certificate_id=certificate_id)
    assert relying_party.ask_responder(certificate, issuer, chain, tmp_path) == "superseded"


def test_several_names_and_wildcards(scm, tmp_path):
    certificate_id = scm.buy(
        domain_type="MULTI_DOMAIN",
        domain_numbers=4,
        primary_domain_type="SINGLE_DOMAIN",
        single_domain_number=1,
        wildcard_domain_number=2,
        effective_time=2,
    )
    shown = scm.show(certificate_id)
    assert (shown.domain_count, shown.wildcard_count, shown.validity_period) == (4, 2, 24)
    assert (shown.domain_type, shown.multi_domain_type) == ("MULTI_DOMAIN", "primary_single")
    for domain, sans, code in [
        ("*.multi.example.com", "multi.example.com", "SCM.0015"),
        ("multi.example.com", "a.example.com;b.example.com;c.example.com;d.example.com", "SCM.0036"),
        ("multi.example.com", "*.a.example.com;*.b.example.com;*.c.example.com", "SCM.0036"),
        ("multi.example.com", "Multi.example.com", "SCM.0063"),
        ("multi.example.com", "a..example.com", "SCM.0108"),
    ]:
        with refused(400, code):
            scm.apply(certificate_id, domain, sans=sans)
    names = ["multi.example.com", "*.multi.example.com", "shop.example.com", "*.shop.example.com"]
    scm.apply(certificate_id, names[0], sans=";".join(names[1:]))
    shown = scm.wait_for_status(certificate_id, "ISSUED")
    assert (shown.domain, shown.sans) == (names[0], ";".join(names[1:]))
    exported = scm.export(certificate_id)
    root = openssl.certificates(exported.certificate_chain)[-1]
    for host_name in ("multi.example.com", "a.multi.example.com", "a.shop.example.com"):
        assert handshake(exported.entire_certificate, exported.private_key, root, host_name, tmp_path) == names

    wildcard_id = scm.buy(domain_type="WILDCARD")
    with refused(400, "SCM.0015"):
        scm.apply(wildcard_id, "w.example.com")
    scm.apply(wildcard_id, "*.w.example.com")
    scm.wait_for_status(wildcard_id, "ISSUED")


def test_a_request_of_the_applicants_own_keeps_the_key_with_him(scm, tmp_path):
    key = openssl.make_key(tmp_path / "own.key", "RSA2048")
    certificate_id = scm.buy()
    for names, code in [
        (["DNS:other.example.com"], "SCM.0035"),
        (["DNS:own.example.com", "DNS:other.example.com"], "SCM.0035"),
    ]:
        with refused(400, code):
            csr = openssl.make_request(key, "/O=Own", f"subjectAltName={','.join(names)}")
            scm.apply(certificate_id, "own.example.com", csr=csr)
    for csr, code in [(openssl.make_request(key, "/O=Own"), "SCM.0033"), ("no request", "SCM.0034")]:
        with refused(400, code):
            scm.apply(certificate_id, "own.example.com", csr=csr)
    assert scm.show(certificate_id).status == "PAID"
    scm.apply(certificate_id, "own.example.com", csr=openssl.make_request(key, "/CN=own.example.com"))
    scm.wait_for_status(certificate_id, "ISSUED")
    exported = scm.export(certificate_id)
    assert not exported.private_key
    assert openssl.public_key_of_certificate(exported.certificate) == openssl.public_key_of_key(key.read_text())
    with refused(400, "SCM.0059"):
        body = {"target_project": "cn-north-4", "target_service": "WAF"}
        scm.call("push_certificate", body, certificate_id=certificate_id)


def test_a_name_is_verified_by_a_record(scm, dns_server):
    certificate_id = scm.buy()
    scm.apply(certificate_id, "proven.example.org")
    shown = scm.show(certificate_id)
    assert (shown.status, shown.push_support, shown.not_after) == ("CHECKING", "OFF", "")
    (record,) = shown.authentification
    assert (record.domain, record.record_name, record.record_type) == (
        "proven.example.org",
        "_dnsauth.proven.example.org",
        "TXT",
    )
    dns_server.add(record.record_name, record.record_type, record.record_value)
    scm.wait_for_status(certificate_id, "ISSUED")


def test_what_is_allowed_when(scm):
    paid = scm.buy()
    checking = scm.buy()
    scm.apply(checking, "never.example.org")
    issued = scm.issue("when.example.com")
    push = {"target_project": "cn-north-4", "target_service": "WAF"}
    for certificate_id, refusals in [
        (paid, ("cancel_certificate_request", "export_certificate", "push_certificate", "delete_certificate")),
        (checking, ("apply", "export_certificate", "push_certificate", "delete_certificate", "unsubscribe")),
        (issued, ("apply", "cancel_certificate_request", "unsubscribe")),
    ]:
        for operation in refusals:
            with refused(400, "SCM.0010"):
                if operation == "apply":
                    scm.apply(certificate_id, "when.example.com")
                elif operation == "unsubscribe":
                    scm.call("unsubscribe_certificate", cert_id=certificate_id)
                else:
                    body = push if operation == "push_certificate" else None
                    scm.call(operation, body, certificate_id=certificate_id)
    assert [scm.show(id).status for id in (paid, checking, issued)] == ["PAID", "CHECKING", "ISSUED"]
    with refused(404, "SCM.0094"):
        scm.apply(MISSING_ID, "when.example.com")
    with refused(404, "SCM.0094"):
        scm.call("cancel_certificate_request", certificate_id=MISSING_ID)
    with refused(404, "SCM.0094"):
        scm.call("unsubscribe_certificate", cert_id=MISSING_ID)


def test_bad_purchases_and_applications(scm):
    before = scm.call("list_certificates").total_count
    for wrong, code in [
        ({"cert_brand": "ACME"}, "SCM.0049"),
        ({"certificate_type": "XV_SSL_CERT"}, "SCM.0050"),
        ({"domain_type": "NO_DOMAIN"}, "SCM.0051"),
        ({"effective_time": 9}, "SCM.0052"),
        ({"effective_time": 0, "certificate_type": "OV_SSL_CERT"}, "SCM.0052"),
        ({"order_number": 0}, "SCM.0060"),
        ({"order_number": 101}, "SCM.0060"),
        ({"domain_numbers": 2}, "SCM.0036"),
        ({"domain_type": "MULTI_DOMAIN", "domain_numbers": 1}, "SCM.0036"),
        ({"agree_privacy_protection": False}, "SCM.0005"),
    ]:
        with refused(400, code):
            scm.order(**wrong)
    assert scm.call("list_certificates").total_count == before
    certificate_id = scm.buy()
    for wrong, code in [
        ({"domain": None}, "SCM.0108"),
        ({"domain": "under_score.example.com"}, "SCM.0108"),
        ({"domain": "192.0.2.1"}, "SCM.0015"),
        ({"applicant_name": None}, "SCM.0005"),
        ({"applicant_email": "nobody"}, "SCM.0005"),
        ({"domain_method": "EMAIL"}, "SCM.0005"),
        ({"domain_method": "PHONE"}, "SCM.0005"),
        ({"key_algorithm": "RSA_1024"}, "SCM.0005"),
        ({"ca_hash_algorithm": "MD5"}, "SCM.0005"),
        ({"agree_privacy_protection": False}, "SCM.0005"),
    ]:
        with refused(400, code):
            scm.apply(certificate_id, **{"domain": "a.example.com"} | wrong)
    assert scm.show(certificate_id).status == "PAID"


def test_free_certificates_have_a_limit(new_server):
    scm = Scm.of(new_server(OPENCCM_SSL__FREE_CERTIFICATES=2).start())
    first, _ = scm.order(effective_time=0, order_number=2).cert
    assert scm.show(first.cert_id).validity_period == 3
    with refused(403, "SCM.0040"):
        scm.order(effective_time=0)
    scm.call("unsubscribe_certificate", cert_id=first.cert_id)
    with refused(403, "SCM.0040"):
        scm.order(effective_time=0, order_number=2)
    assert scm.order(effective_time=0).cert


def test_personal_data_and_keys_are_not_in_the_log_or_the_database(server, scm):
    certificate_id = scm.buy()
    scm.apply(certificate_id, "secret.example.com", applicant_name="Zaphod.Beeblebrox", applicant_phone="0042424242")
    scm.wait_for_status(certificate_id, "ISSUED")
    key = scm.export(certificate_id).private_key
    kept = b"".join(path.read_bytes() for path in pathlib.Path(server.data).glob("openccm.db*"))
    for secret in (b"Beeblebrox", b"0042424242", key.splitlines()[1].strip().encode()):
        assert secret not in kept
        assert secret.decode() not in server.log()
    assert b"secret.example.com" in kept
    wait_for(lambda: server.log_events("an SSL certificate was issued"), "issuing is logged")
