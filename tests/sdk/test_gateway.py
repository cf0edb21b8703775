"""Certificates of API gateways, by the official SDK for APIG."""

import huaweicloudsdkapig.v2 as apig
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.region.region import Region

from openssl import openssl

OPERATIONS = {
    "create_certificate_v2",
    "list_certificates_v2",
    "show_details_of_certificate_v2",
    "update_certificate_v2",
    "delete_certificate_v2",
    "batch_associate_domains_v2",
    "batch_disassociate_domains_v2",
    "list_attached_domains_v2",
    "associate_certificate_v2",
    "disassociate_certificate_v2",
    "show_details_of_domain_name_certificate_v2",
    "batch_associate_certs_v2",
    "batch_disassociate_certs_v2",
    "show_details_of_api_group_v2",
}


class Gateway:
    """What a client does with certificates of gateways. `used` collects the operations that were called."""

    def __init__(self, server):
        known = server.credentials
        # Without a project id: the client asks for the project that is called like its region, as its users have it do.
        credentials = BasicCredentials(known["ak"], known["sk"]).with_iam_endpoint(server.url)
        region = Region(known["project_name"], server.url)
        self.client = apig.ApigClient.new_builder().with_credentials(credentials).with_region(region).build()
        self.used = set()

    def call(self, operation, **parameters):
        self.used.add(operation)
        request = getattr(apig, "".join(part.capitalize() for part in operation.split("_")) + "Request")
        return getattr(self.client, operation)(request(**parameters))

    def create(self, name, files, **more):
        body = apig.CertificateForm(name=name, cert_content=files[0], private_key=files[1], **more)
        return self.call("create_certificate_v2", body=body)


def make(folder, *names, key=("-newkey", "rsa:2048"), extensions=()):
    """A certificate that signed itself, and its key, by OpenSSL."""
    alternatives = ",".join(f"DNS:{name}" for name in names)
    openssl(
        "req", "-x509", "-nodes", *key, "-days", 30, "-subj", f"/C=CN/O=Example/OU=IT/CN={names[0]}",
        "-set_serial", 13010, "-addext", f"subjectAltName={alternatives}", *extensions,
        "-keyout", folder / "key.pem", "-out", folder / "certificate.pem",
    )  # fmt: skip
    return (folder / "certificate.pem").read_text(), (folder / "key.pem").read_text()


def refused(status, code):
    """Expects the SDK to raise the vendor's error."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, kind, error, _):
            assert kind is ClientRequestException, f"not refused: {kind}"
            assert (error.status_code, error.error_code) == (status, code), error
            return True

    return Refused()


def add_domain(server, instance, group, domain):
    result = server.run("apig", "domain", "add", "--instance", instance, "--group", group, "--group-name", "Shop", domain)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="module")
def gateway(server):
    return Gateway(server)


def test_every_operation(server, gateway, tmp_path):
    domain_id = add_domain(server, "gw-1", "group-1", "www.example.com")
    place = {"instance_id": "gw-1", "group_id": "group-1", "domain_id": domain_id}
    files = make(tmp_path, "www.example.com", "*.san.com")
    created = gateway.create("cert_demo", files)
    assert (created.type, created.instance_id, created.project_id) == (
        "global",
        "common",
        server.credentials["project_id"],
    )
    assert (created.common_name, created.san) == ("www.example.com", ["www.example.com", "*.san.com"])
    assert (created.version, created.serial_number, created.signature_algorithm) == (3, "13010", "SHA256-RSA")
    assert (created.organization, created.organizational_unit, created.country) == (["Example"], ["IT"], ["CN"])
    assert (created.locality, created.state, created.issuer) == ([], [], ["Example"])
    assert (created.algorithm_type, created.is_has_trusted_root_ca) == ("RSA", False)
    dates = openssl("x509", "-noout", "-enddate", "-dateopt", "iso_8601", text=files[0])
    assert str(created.not_after).replace("T", " ")[:19] in dates
    shown = gateway.call("show_details_of_certificate_v2", certificate_id=created.id)
    assert shown.to_json_object() == created.to_json_object()

    other = make(tmp_path, "www.example.com", key=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"))
    form = apig.CertificateForm(name="cert_demo", cert_content=other[0], private_key=other[1])
    updated = gateway.call("update_certificate_v2", certificate_id=created.id, body=form)
    assert (updated.id, updated.algorithm_type, updated.signature_algorithm) == (created.id, "ECC", "ECDSA-SHA256")
    listed = gateway.call("list_certificates_v2", instance_id="common", name="cert_demo", limit=100)
    assert (listed.size, listed.total, [cert.id for cert in listed.certs]) == (1, 1, [created.id])

    selection = apig.AttachOrDetachDomainsReqBody(domains=[apig.AttachOrDetachDomainInfo(domain="www.example.com")])
    gateway.call("batch_associate_domains_v2", certificate_id=created.id, body=selection)
    attached = gateway.call("list_attached_domains_v2", certificate_id=created.id)
    (bound,) = attached.bound_domains
    assert (attached.total, bound.id, bound.url_domain, bound.ssl_id) == (1, domain_id, "www.example.com", created.id)
    assert (bound.api_group_id, bound.api_group_name, bound.instance_id, bound.status) == ("group-1", "Shop", "gw-1", 3)
    group = gateway.call("show_details_of_api_group_v2", instance_id="gw-1", group_id="group-1")
    assert [info.ssl_id for info in group.url_domains[0].ssl_infos] == [created.id]
    with refused(400, "APIG.3400"):
        gateway.call("delete_certificate_v2", certificate_id=created.id)
    gateway.call("batch_disassociate_domains_v2", certificate_id=created.id, body=selection)
    with refused(400, "APIG.2000"):
        gateway.call("batch_disassociate_domains_v2", certificate_id=created.id, body=selection)

    ids = apig.AttachOrDetachCertsReqBody(certificate_ids=[created.id], verified_client_certificate_enabled=False)
    gateway.call("batch_associate_certs_v2", body=ids, **place)
    of_domain = gateway.call("show_details_of_domain_name_certificate_v2", certificate_id=created.id, **place)
    assert (of_domain.id, of_domain.serial_number) == (created.id, "13010")
    gateway.call("batch_disassociate_certs_v2", body=ids, **place)
    form = apig.CertForm(name="of_domain", cert_content=other[0], private_key=other[1])
    made = gateway.call("associate_certificate_v2", body=form, **place)
    assert (made.ssl_name, made.url_domain, made.id) == ("of_domain", "www.example.com", domain_id)
    gateway.call("disassociate_certificate_v2", certificate_id=made.ssl_id, **place)
    for certificate_id in (made.ssl_id, created.id):
        gateway.call("delete_certificate_v2", certificate_id=certificate_id)
        with refused(404, "APIG.3021"):
            gateway.call("show_details_of_certificate_v2", certificate_id=certificate_id)
    assert gateway.used == OPERATIONS


@pytest.mark.parametrize("kind", ["RSA", "EC", "ED25519"])
def test_keys_in_the_forms_of_openssl(gateway, tmp_path, kind):
    """PKCS#1, SEC1 and PKCS#8, mangled as in the vendor's example."""
    parameters = {
        "RSA": ("-newkey", "rsa:4096"),
        "EC": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"),
        "ED25519": ("-newkey", "ed25519"),
    }
    certificate, key = make(tmp_path, "www.example.com", key=parameters[kind])
    if kind != "ED25519":
        key = openssl("pkey", "-traditional", text=key)
        assert f"BEGIN {kind} PRIVATE KEY" in key
    mangled = ["'" + text.replace("\n", "\\n") + "'" for text in (certificate, key)]
    created = gateway.create(f"form_{kind}", mangled)
    assert created.algorithm_type == ("RSA" if kind == "RSA" else "ECC")
    gateway.call("delete_certificate_v2", certificate_id=created.id)


def test_errors_and_client_authentication(server, gateway, tmp_path):
    add_domain(server, "gw-2", "group-1", "mutual.example.com")
    files = make(tmp_path, "mutual.example.com")
    (tmp_path / "ca").mkdir()
    root = make(tmp_path / "ca", "clients.example.com")[0]
    with refused(404, "APIG.3030"):
        gateway.create("elsewhere", files, type="instance", instance_id="f0fa1789-3b76-433b-a787-9892951c620e")
    with refused(400, "APIG.2101"):
        gateway.create("mismatch", (root, files[1]))
    with refused(400, "APIG.2012"):
        gateway.create("sm2_", files, algorithm_type="SM2")
    created = gateway.create("mutual", files, type="instance", instance_id="gw-2", trusted_root_ca=root)
    with refused(400, "APIG.3325"):
        gateway.create("mutual", files)
    assert (created.type, created.instance_id, created.is_has_trusted_root_ca) == ("instance", "gw-2", True)
    selection = apig.AttachOrDetachDomainsReqBody(
        domains=[apig.AttachOrDetachDomainInfo(domain="mutual.example.com", instance_ids=["gw-2"])]
    )
    gateway.call("batch_associate_domains_v2", certificate_id=created.id, body=selection)
    (bound,) = gateway.call("list_attached_domains_v2", certificate_id=created.id).bound_domains
    assert bound.verified_client_certificate_enabled is True


def test_the_operator_makes_domain_names_known(new_server):
    server = new_server().start()
    first = add_domain(server, "gw-1", "group-1", "b.example.com")
    assert add_domain(server, "gw-1", "group-1", "B.example.com") == first
    second = add_domain(server, "gw-1", "group-0", "*.example.com")
    listed = server.run("apig", "domain", "list")
    lines = [f"{second} gw-1 group-0 *.example.com -", f"{first} gw-1 group-1 b.example.com -"]
    assert (listed.returncode, listed.stdout.splitlines()) == (0, lines)
    assert server.run("apig", "domain", "list", "--account", server.credentials["domain_name"]).stdout == listed.stdout
    for arguments, said in [
        (("list", "--account", "nobody"), "no account nobody"),
        (("add", "--instance", "gw-1", "--group", "group-2", "b.example.com"), "in the group group-1"),
        (("add", "--instance", "gw 1", "--group", "group-2", "c.example.com"), "instance"),
        (("remove", "--instance", "gw-2", "b.example.com"), "does not have the domain name"),
    ]:
        result = server.run("apig", "domain", *arguments)
        assert result.returncode == 1 and said in result.stderr, result.stderr
    assert server.run("apig", "domain", "remove", "--instance", "gw-1", "b.example.com").returncode == 0
    assert server.run("apig", "domain", "list").stdout.splitlines() == lines[:1]
