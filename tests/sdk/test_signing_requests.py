"""Signing requests, both ways: OpenSSL's signed here, and those of CAs here signed by OpenSSL."""

import huaweicloudsdkccm.v1 as ccm
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

import openssl

CA = "basicConstraints=critical,CA:true,pathlen:1"
CA_USAGE = "keyUsage=critical,keyCertSign,cRLSign"


@pytest.fixture(scope="module")
def root_id(pca):
    return pca.create_root("Request Root", key_algorithm="EC384")


def issue(pca, issuer_id, csr, **more):
    body = {"issuer_id": issuer_id, "csr": csr, "validity": ccm.Validity(type="DAY", value=30)}
    return pca.call("create_certificate_by_csr", body | more).certificate_id


def refused(pca, operation, body, **parameters):
    with pytest.raises(ClientRequestException) as caught:
        pca.call(operation, body, **parameters)
    return caught.value.status_code, caught.value.error_code


@pytest.mark.parametrize("key", ["RSA2048", "EC256", "EC384"])
def test_a_certificate_from_a_request(pca, root_id, key, tmp_path):
    csr = openssl.make_request(
        openssl.make_key(tmp_path / "key", key),
        "/C=CN/O=示例/CN=requested.example.com",
        "subjectAltName=DNS:requested.example.com,IP:192.0.2.9",
        "keyUsage=digitalSignature",
        "basicConstraints=CA:true",
    )
    certificate_id = issue(pca, root_id, csr)
    shown, exported = pca.show(certificate_id), pca.export(certificate_id)
    openssl.verify(exported.certificate, exported.certificate_chain, tmp_path)
    assert (shown.gen_mode, shown.status) == ("CSR", "ISSUED")
    assert shown.serial_number == openssl.serial(exported.certificate)
    assert "CN=requested.example.com,O=示例,C=CN" in openssl.subject(exported.certificate)
    printed = openssl.extensions(exported.certificate, "subjectAltName,keyUsage,basicConstraints")
    assert "DNS:requested.example.com, IP Address:192.0.2.9" in printed
    assert "X509v3 Key Usage: critical\n    Digital Signature\n" in printed, "the request's usages win"
    assert "CA:FALSE" in printed, "a request cannot make itself an authority"
    key_text = (tmp_path / "key").read_text()
    assert openssl.public_key_of_key(key_text) == openssl.public_key_of_certificate(exported.certificate)


def test_an_intermediate_authority_from_a_request(pca, root_id, tmp_path):
    listed = pca.call("list_certificate_authority", limit=1000).total
    quota = pca.call("show_certificate_authority_quota").quotas.resources[0].used
    key = openssl.make_key(tmp_path / "intermediate.key")
    csr = openssl.make_request(key, "/C=CN/ST=S/L=L/O=Other/OU=O/CN=Their Intermediate")
    ca_id = issue(pca, root_id, csr, type="INTERMEDIATE_CA", path_length=1)

    shown, exported = pca.show_ca(ca_id), pca.export_ca(ca_id)
    assert (shown.gen_mode, shown.status, shown.path_length) == ("CSR", "ACTIVED", 1)
    openssl.verify(exported.certificate, exported.certificate_chain, tmp_path)
    printed = openssl.extensions(exported.certificate, "basicConstraints,keyUsage")
    assert "CA:TRUE, pathlen:1" in printed
    assert "Digital Signature, Certificate Sign, CRL Sign" in printed
    assert pca.call("list_certificate_authority", limit=1000).total == listed, "it is not listed"
    assert pca.call("show_certificate_authority_quota").quotas.resources[0].used == quota, "nor counted"
    with pytest.raises(ClientRequestException) as caught:
        pca.create_certificate("under.example.com", ca_id)
    assert (caught.value.status_code, caught.value.error_code) == (403, "PCA.00030201"), "its key is elsewhere"

    # Its owner issues with it, and the whole path holds.
    their = tmp_path / "their.pem"
    their.write_text(exported.certificate.replace("\r\n", "\n"))
    extensions = ("subjectAltName=DNS:a", "authorityKeyIdentifier=keyid", "subjectKeyIdentifier=hash")
    (tmp_path / "leaf.cnf").write_text("\n".join(extensions))
    request = openssl.make_request(openssl.make_key(tmp_path / "leaf.key"), "/CN=a")
    leaf = openssl.openssl(
        "x509", "-req", "-CA", their, "-CAkey", key, "-days", 5, "-set_serial", 1, "-extfile", tmp_path / "leaf.cnf",
        text=request,
    )  # fmt: skip
    openssl.verify(leaf, exported.certificate + exported.certificate_chain, tmp_path)


def test_parsing_a_request(pca, tmp_path):
    key = openssl.make_key(tmp_path / "key", "RSA2048")
    csr = openssl.make_request(key, "/C=CN/ST=Sichuan/L=Chengdu/O=Example/OU=IT/CN=parsed.example.com")
    parsed = pca.call("parse_certificate_signing_request", {"csr": csr})
    assert (parsed.key_algorithm, parsed.key_algorithm_length) == ("RSA", 2048)
    assert parsed.signature_algorithm == "SHA256withRSA"
    assert openssl.openssl("pkey", "-pubin", "-pubout", text=parsed.public_key) == openssl.public_key_of_key(
        key.read_text()
    )
    assert parsed.distinguished_name.organizational_unit == "IT"

    # One changed character of the signature.
    lines = csr.splitlines()
    lines[-3] = lines[-3][:10] + ("A" if lines[-3][10] != "A" else "B") + lines[-3][11:]
    assert refused(pca, "parse_certificate_signing_request", {"csr": "\n".join(lines)}) == (400, "PCA.00020401")


class TestImport:
    """A subordinate CA's own request, signed by a CA of OpenSSL, and imported."""

    @pytest.fixture
    def external(self, tmp_path):
        return openssl.Authority(tmp_path)

    @pytest.fixture
    def pending(self, pca):
        ca_id = pca.create_pending("Imported Sub")
        return ca_id, pca.call("export_certificate_authority_csr", ca_id=ca_id).csr

    @pytest.mark.parametrize("key", ["RSA2048", "EC256", "EC384"])
    def test_it_issues(self, pca, external, key, tmp_path):
        ca_id = pca.create_pending("Imported Sub", key)
        csr = pca.call("export_certificate_authority_csr", ca_id=ca_id).csr
        openssl.check_request(csr)
        signed = external.sign(csr, CA, CA_USAGE)
        body = {"certificate": signed, "certificate_chain": external.certificate}
        pca.call("import_certificate_authority_certificate", body, ca_id=ca_id)

        shown = pca.show_ca(ca_id)
        assert (shown.status, shown.gen_mode, shown.path_length) == ("ACTIVED", "IMPORT", 1)
        assert (shown.serial_number, shown.issuer_name, shown.issuer_id) == ("7A01", "External Root", None)
        below_id = pca.create_subordinate("Below Imported", ca_id, path_length=0)
        leaf = pca.export(pca.create_certificate("imported.example.com", below_id))
        openssl.verify(leaf.certificate, leaf.certificate_chain, tmp_path)
        assert lines(openssl.certificates(leaf.certificate_chain)[-1]) == external.certificate.strip()

    def test_of_another_key_is_refused(self, pca, external, pending, tmp_path):
        other = openssl.make_request(openssl.make_key(tmp_path / "other.key"), "/CN=Imported Sub")
        body = {"certificate": external.sign(other, CA, CA_USAGE), "certificate_chain": external.certificate}
        answer = refused(pca, "import_certificate_authority_certificate", body, ca_id=pending[0])
        assert answer == (403, "PCA.00030301")

    @pytest.mark.parametrize("extensions", [("basicConstraints=critical,CA:false",), (CA, "keyUsage=cRLSign")])
    def test_of_no_authority_is_refused(self, pca, external, pending, extensions):
        body = {"certificate": external.sign(pending[1], *extensions), "certificate_chain": external.certificate}
        answer = refused(pca, "import_certificate_authority_certificate", body, ca_id=pending[0])
        assert answer == (400, "PCA.00020402")

    def test_with_anothers_chain_is_refused(self, pca, external, pending, tmp_path):
        (tmp_path / "other").mkdir()
        other = openssl.Authority(tmp_path / "other")
        body = {"certificate": external.sign(pending[1], CA, CA_USAGE), "certificate_chain": other.certificate}
        answer = refused(pca, "import_certificate_authority_certificate", body, ca_id=pending[0])
        assert answer == (400, "PCA.00020403")
        assert pca.show_ca(pending[0]).status == "PENDING"


def lines(pem):
    return pem.replace("\r\n", "\n").strip()
