"""SSL certificates that were made elsewhere: imported, found, exported, served, pushed, deployed."""

import re
import ssl

import huaweicloudsdkscm.v3 as sdk
import pytest
import requests

import openssl
from handshake import handshake
from scm import MISSING_ID, Scm, refused
from tokens import create_token, get


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA of OpenSSL, below a root."""
    folder = tmp_path_factory.mktemp("authority")
    return openssl.Authority(folder).subordinate(folder / "sub")


def date_of(certificate, option):
    """A date of a certificate as the API writes it, such as `2021-05-27 16:46:25.0`."""
    printed = openssl.openssl("x509", "-noout", option, "-dateopt", "iso_8601", text=certificate)
    return re.search(r"=(\S+ \S+)Z", printed)[1] + ".0"


@pytest.mark.parametrize("key", ["RSA2048", "EC256", "EC384"])
def test_what_comes_out_is_what_went_in_and_can_be_served(scm, authority, tmp_path, key):
    names = [f"{key.lower()}.example.com", f"*.{key.lower()}.example.com"]
    pair = certificate, chain, private_key = authority.issue(names, key)
    certificate_id = scm.import_pair(f"imported_{key}", pair)
    assert re.fullmatch(r"scs\d{13}", certificate_id)

    shown = scm.show(certificate_id)
    assert (shown.id, shown.name, shown.status, shown.push_support) == (
        certificate_id,
        f"imported_{key}",
        "UPLOAD",
        "ON",
    )
    assert (shown.domain, shown.sans, shown.domain_type) == (names[0], names[1], "MULTI_DOMAIN")
    assert (shown.domain_count, shown.wildcard_count, shown.validity_period) == (2, 1, 3)
    assert (shown.order_id, shown.type, shown.brand, shown.validation_method) == ("", "", "", "")
    assert (shown.authentification, shown.shared, shown.enterprise_project_id) == ([], False, "0")
    assert (shown.not_before, shown.not_after) == (
        date_of(certificate, "-startdate"),
        date_of(certificate, "-enddate"),
    )
    fingerprint = openssl.openssl("x509", "-noout", "-fingerprint", "-sha1", text=certificate)
    assert shown.fingerprint.upper() == fingerprint.split("=")[1].strip().replace(":", "")
    assert "SHA256" in shown.signature_algorithm.upper()

    exported = scm.export(certificate_id)
    assert openssl.ders(exported.certificate) == openssl.ders(certificate)
    assert openssl.ders(exported.certificate_chain) == openssl.ders(chain)
    assert openssl.ders(exported.entire_certificate) == openssl.ders(certificate + chain)
    assert openssl.public_key_of_key(exported.private_key) == openssl.public_key_of_certificate(certificate)
    assert not exported.enc_certificate
    assert not exported.enc_private_key

    openssl.verify(exported.certificate, exported.certificate_chain, tmp_path, "-verify_hostname", names[0])
    root = openssl.certificates(chain)[-1]
    for host_name in (names[0], f"www.{names[0]}"):
        read = handshake(exported.entire_certificate, exported.private_key, root, host_name, tmp_path)
        assert set(read) == set(names)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(exported.entire_certificate, exported.private_key, root, "other.example.com", tmp_path)

    scm.call("delete_certificate", certificate_id=certificate_id)
    with refused(404, "SCM.0094"):
        scm.show(certificate_id)


def test_lists_are_filtered_sorted_and_cut(new_server, authority):
    scm = Scm.of(new_server().start())

    def listed(**query):
        return [item.name for item in scm.call("list_certificates", **query).certificates]

    assert scm.call("list_certificates").to_json_object() == {"total_count": 0, "certificates": []}
    ids = {}
    for number in range(12):
        pair = authority.issue([f"n{number}.example.com"], days=100 - number)
        project = "0a4c8fdd-5cb7-4b7f-8a54-0d8d1f6a2a0f" if number == 3 else None
        ids[f"list_{number}"] = scm.import_pair(f"list_{number}", pair, enterprise_project_id=project)
    names = list(ids)
    page = scm.call("list_certificates")
    assert (page.total_count, len(page.certificates)) == (12, 10)
    assert isinstance(page.certificates[0], sdk.CertificateDetail)
    assert listed(limit=50, sort_key="certExpiredTime", sort_dir="DESC") == names
    assert listed(limit=10, offset=10, sort_key="certExpiredTime", sort_dir="ASC") == [names[1], names[0]]
    assert listed(offset=12) == []
    assert listed(content="n7.EXAMPLE") == ["list_7"]
    assert listed(content="list_11") == ["list_11"]
    assert listed(enterprise_project_id="0a4c8fdd-5cb7-4b7f-8a54-0d8d1f6a2a0f") == ["list_3"]
    assert sorted(listed(limit=50, enterprise_project_id="all")) == sorted(names)
    assert sorted(listed(limit=50, status="UPLOAD", deploy_support=True, owned_by_self=True)) == sorted(names)
    assert listed(status="ISSUED") == listed(deploy_support=False) == []
    item = scm.call("list_certificates", content="list_3").certificates[0]
    assert (item.id, item.domain, item.sans, item.domain_count) == (ids["list_3"], "n3.example.com", "", 1)
    assert (item.status, item.deploy_support, item.domain_type) == ("UPLOAD", True, "SINGLE_DOMAIN")
    assert item.expire_time == scm.show(item.id).not_after
    with refused(400, "SCM.0072"):
        listed(status="NEVER")
    with refused(400, "SCM.0005"):
        listed(sort_key="certName")


def test_what_cannot_be_imported(scm, authority, tmp_path):
    before = scm.call("list_certificates").total_count
    pair = certificate, chain, private_key = authority.issue(["bad.example.com"])
    _, _, other_key = authority.issue(["other.example.com"])
    no_name = authority.sign(openssl.make_request(authority.folder / "server.key", "/O=Nameless"))
    encrypted = openssl.openssl("pkey", "-aes256", "-passout", "pass:secret", text=private_key)
    for status, code, bad in [
        (400, "SCM.0006", ("no certificate", chain, private_key)),
        (400, "SCM.0009", (no_name, chain, other_key)),
        (400, "SCM.0012", (certificate, chain, "no key")),
        (400, "SCM.0012", (certificate, chain, encrypted)),
        (500, "SCM.0013", (certificate, "no chain", private_key)),
        (400, "SCM.0014", (certificate, chain, other_key)),
        (400, "SCM.0109", (certificate, None, private_key)),
    ]:
        with refused(status, code):
            scm.import_pair("bad", bad)
    with refused(400, "SCM.0032"):
        scm.import_pair("bad name", pair)
    with refused(400, "SCM.0403"):
        scm.import_pair("bad", pair, enc_certificate=certificate, enc_private_key=private_key)
    assert scm.call("list_certificates").total_count == before

    # The chain may stand behind the certificate; a second copy is refused where that is asked.
    certificate_id = scm.import_pair("good", (certificate + chain, None, private_key))
    assert len(openssl.certificates(scm.export(certificate_id).certificate_chain)) == 2
    with refused(400, "SCM.0005"):
        scm.import_pair("twice", pair, duplicate_check=True)
    again = scm.import_pair("twice", pair, duplicate_check=False)
    assert again != certificate_id


def test_what_is_not_there(scm):
    for operation in ("show_certificate", "delete_certificate", "export_certificate"):
        for missing in (MISSING_ID, "scs1", "x" * 300):
            with refused(404, "SCM.0094"):
                scm.call(operation, certificate_id=missing)
    push = {"target_project": "cn-north-4", "target_service": "WAF"}
    batch_push = {"target_projects": ["cn-north-4"], "target_service": "WAF"}
    resources = [sdk.DeployedResource(id="a", type="cloud")]
    deploy = {"service_name": "WAF", "project_name": "cn-north-4", "resources": resources}
    bodies = {"push_certificate": push, "batch_push_certificate": batch_push, "deploy_certificate": deploy}
    for operation, body in bodies.items():
        with refused(404, "SCM.0094"):
            scm.call(operation, body, certificate_id=MISSING_ID)
    with refused(400, "SCM.0506"):
        scm.call("list_deployed_resources", {"certificate_ids": [MISSING_ID], "service_names": ["ALL"]})


def test_pushing_and_deploying(server, scm, authority):
    region = server.credentials["project_name"]
    certificate_id = scm.import_pair("pushed", authority.issue(["push.example.com", "*.push.example.com"]))

    def push(service, project):
        body = {"target_project": project, "target_service": service}
        scm.call("push_certificate", body, certificate_id=certificate_id)

    for service in ("WAF", "ELB", "elb"):
        push(service, region)
    for service, project, code in [("OBS", region, "SCM.0030"), ("WAF", "", "SCM.0061"), ("WAF", "mars", "SCM.0075")]:
        with refused(400, code):
            push(service, project)

    def batch_push(service, *projects):
        body = {"target_projects": list(projects), "target_service": service}
        return scm.call("batch_push_certificate", body, certificate_id=certificate_id).results

    token = create_token(server)
    project_id = server.credentials["project_id"]
    copies = {}
    for service, path in [("ELB", f"/v3/{project_id}/elb/certificates"), ("waf", f"/v1/{project_id}/waf/certificate")]:
        good, bad = batch_push(service, region, "mars")
        assert (good.project_name, good.message) == (region, "success")
        assert (bad.project_name, bad.cert_id, bad.message) == ("mars", "", "Invalid region id.")
        # A service has one copy, however often it is pushed.
        assert batch_push(service, region)[0].cert_id == good.cert_id
        shown = get(server, f"{path}/{good.cert_id}", token)
        assert shown.status_code == 200, shown.text
        copies[service] = shown.json()
    pushed = copies["ELB"]["certificate"]["certificate"]
    exported = scm.export(certificate_id)
    assert openssl.ders(pushed) == openssl.ders(exported.entire_certificate)
    assert "PRIVATE KEY" not in str(copies)
    with refused(400, "SCM.0061"):
        batch_push("WAF")

    def deploy(service, project, *resources):
        body = {"service_name": service, "project_name": project, "resources": resources}
        answer = scm.call("deploy_certificate", body, certificate_id=certificate_id)
        return [(failure.resource, failure.failure_info) for failure in answer.failure_list]

    assert deploy("ELB", region, sdk.DeployedResource(id="listener-1"), sdk.DeployedResource(id="listener-2")) == []
    assert deploy("WAF", region, sdk.DeployedResource(id="host-1", type="premium", enterprise_project_id="0")) == []
    names = ("www.push.example.com", "cdn.example.com")
    ((failed, reason),) = deploy("CDN", None, *(sdk.DeployedResource(domain_name=name) for name in names))
    assert (failed, reason) == ("cdn.example.com", "The resource domain is not equals the cert.")
    with refused(400, "SCM.0005"):
        deploy("WAF", region, sdk.DeployedResource(id="host-1", type="gold"))

    def deployed(*services, ids=(certificate_id,)):
        body = {"certificate_ids": list(ids), "service_names": list(services)}
        return scm.call("list_deployed_resources", body).results

    (result,) = deployed("ALL")
    assert (result.certificate_id, result.total_num) == (certificate_id, 4)
    found = {
        (service.service, service.resource_location, where.region_id): {item.resource_id for item in where.resources}
        for service in result.deployed_resources
        for where in service.region_resources
    }
    assert found == {
        ("ELB", "region", region): {"listener-1", "listener-2"},
        ("WAF", "region", region): {"host-1"},
        ("CDN", "global", "global"): {"www.push.example.com"},
    }
    untouched = scm.import_pair("untouched", authority.issue(["untouched.example.com"]))
    (result,) = deployed("WAF", ids=[untouched])
    assert (result.total_num, [item.resource_num for item in result.deployed_resources]) == (0, [0])
    for code, services, ids in [
        ("SCM.0501", ["OBS"], [certificate_id]),
        ("SCM.0501", [], [certificate_id]),
        ("SCM.0502", ["ALL"], []),
        ("SCM.0507", ["ALL"], [certificate_id, certificate_id]),
        ("SCM.0505", ["ALL"], [f"scs{number:013}" for number in range(51)]),
    ]:
        with refused(400, code):
            deployed(*services, ids=ids)

    # What is gone here stays where it was pushed.
    scm.call("delete_certificate", certificate_id=certificate_id)
    assert get(server, f"/v3/{project_id}/elb/certificates/{copies['ELB']['certificate']['id']}", token).ok


def test_nobody_gets_anything_without_signing_in(server):
    answer = requests.get(f"{server.url}/v3/scm/certificates", timeout=30)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "SCM.1000")
