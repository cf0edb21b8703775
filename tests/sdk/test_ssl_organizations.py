"""Applications that name an organization (OV, EV): the operator decides, by `openccm scm` beside the server."""

import huaweicloudsdkscm.v3 as sdk
import pytest
import requests

import openssl
from scm import COMPANY, MISSING_ID, refused
from server import Server
from tokens import create_token


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server whose operator has the zone example.com."""
    server = Server(tmp_path_factory.mktemp("openccm"), OPENCCM_DOMAIN_VALIDATION__OWN_ZONES="example.com").start()
    yield server
    server.kill()


def test_an_organization_waits_for_the_operator(server, scm, tmp_path):
    def command(*arguments):
        result = server.run("scm", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def failure(*arguments):
        result = server.run("scm", *arguments)
        assert (result.returncode, result.stdout) == (1, "")
        return result.stderr

    def upload(kind, picture):
        path = f"/v2/{server.credentials['project_id']}/scm/cert/{certificate_id}/info/{kind}/upload_authentication"
        headers = {"X-Auth-Token": create_token(server), "Content-Type": "image/png"}
        assert requests.post(server.url + path, data=picture, headers=headers, timeout=30).ok

    def digest():
        """What stands for the application, in the one line of the list."""
        (line,) = command("list").splitlines()
        listed_id, digest, domains, organization = line.split("  ")
        assert (listed_id, domains, organization) == (certificate_id, "ov.example.com", "Example Ltd")
        return digest

    certificate_id = scm.buy("OV_SSL_CERT")
    for missing in ("company_name", "company_province", "company_city", "country"):
        with refused(400, "SCM.0005"):
            scm.apply(certificate_id, "ov.example.com", **COMPANY | {missing: None})
    scm.apply(certificate_id, "ov.example.com", **COMPANY)
    scm.wait_for_status(certificate_id, "CHECKING_ORG")
    first = digest()
    picture = b"\x89PNG\r\n\x1a\n" + b"picture"
    upload("TL", picture)
    second = digest()
    assert first != second, "there is a picture that nobody has looked at"
    assert "look again" in failure("approve", certificate_id, first)

    shown = command("show", certificate_id, "--pictures", tmp_path)
    for name, value in [
        ("digest", second),
        ("organization", "Example Ltd"),
        ("city", "Chengdu"),
        ("mail", "alice@example.com"),
    ]:
        assert f"{name:<16} {value}" in shown.splitlines()
    (kept,) = tmp_path.iterdir()
    assert kept.read_bytes() == picture
    assert str(kept) in shown
    assert not kept.stat().st_mode & 0o077

    assert "rejected" in command("reject", certificate_id, "--reason", "the licence cannot be read")
    unpassed = scm.wait_for_status(certificate_id, "UNPASSED")
    body = {"action": "filter", "matches": [sdk.ScsMatch(key="resource_name", value=unpassed.name)]}
    (resource,) = scm.call("list_certificates_by_tag", body, resource_instances="resource_instances").resources
    assert resource.resource_detail.fail_reason == "the licence cannot be read"
    assert command("list") == ""

    scm.apply(certificate_id, "ov.example.com", **COMPANY)
    scm.wait_for_status(certificate_id, "CHECKING_ORG")
    third = digest()
    assert "look again" in failure("approve", certificate_id, second)
    assert "reason" in failure("reject", certificate_id, "--reason", " ")
    assert scm.show(certificate_id).status == "CHECKING_ORG"
    assert "approved" in command("approve", certificate_id, third)
    scm.wait_for_status(certificate_id, "ISSUED")
    exported = scm.export(certificate_id)
    assert openssl.subject(exported.certificate) == (
        "subject=CN=ov.example.com,OU=IT,O=Example Ltd,L=Chengdu,ST=Sichuan,C=CN"
    )
    openssl.verify(exported.certificate, exported.certificate_chain, tmp_path)
    for arguments, said in [
        (("approve", certificate_id, third), "not allowed in status ISSUED"),
        (("reject", certificate_id, "--reason", "late"), "not allowed in status ISSUED"),
        (("reject", MISSING_ID, "--reason", "late"), "there is no certificate"),
        (("show", certificate_id), "does not wait"),
    ]:
        assert said in failure(*arguments)
