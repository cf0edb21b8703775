"""What stands in certificates, as OpenSSL and Java read it."""

from concurrent.futures import ThreadPoolExecutor

import huaweicloudsdkccm.v1 as ccm
import pytest

import java
import openssl
from pca import Pca

KEYS = ("RSA2048", "RSA4096", "EC256", "EC384")


def test_names_and_extensions(pca, tmp_path):
    root_id = pca.create_root("示例根证书", key_algorithm="EC384", signature_algorithm="SHA384")
    sub_id = pca.create_subordinate("示例签发", root_id, path_length=0)
    alternative_names = [
        ccm.SubjectAlternativeName(type="DNS", value="*.example.com"),
        ccm.SubjectAlternativeName(type="IP", value="192.0.2.7"),
        ccm.SubjectAlternativeName(type="IP", value="2001:db8::7"),
        ccm.SubjectAlternativeName(type="EMAIL", value="someone@example.com"),
        ccm.SubjectAlternativeName(type="URI", value="https://example.com/a"),
    ]
    leaf_id = pca.create_certificate(
        "服务器",
        sub_id,
        distinguished_name=ccm.CertDistinguishedName(common_name="服务器", organization="示例, 公司"),
        subject_alternative_names=alternative_names,
        key_usages=["digitalSignature", "keyAgreement"],
        extended_key_usage=ccm.ExtendedKeyUsage(server_auth=True, client_auth=True, smart_card_logon=True),
        customized_extension=ccm.CustomizedExtension(object_identifier="1.2.3.4.5", value="abc"),
    )
    exported = pca.export(leaf_id)
    openssl.verify(exported.certificate, exported.certificate_chain, tmp_path)
    expected = r"subject=CN=服务器,OU=IT,O=示例\, 公司,L=Chengdu,ST=Sichuan,C=CN"
    assert openssl.subject(exported.certificate) == expected

    printed = openssl.extensions(
        exported.certificate,
        "basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,subjectKeyIdentifier,authorityKeyIdentifier",
    )
    for line in (
        "X509v3 Basic Constraints: critical\n    CA:FALSE",
        "X509v3 Key Usage: critical\n    Digital Signature, Key Agreement",
        "TLS Web Server Authentication, TLS Web Client Authentication, Microsoft Smartcard Login",
        "DNS:*.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, email:someone@example.com, "
        "URI:https://example.com/a",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ):
        assert line in printed
    assert "1.2.3.4.5" in openssl.openssl("x509", "-noout", "-text", text=exported.certificate)

    sub = pca.export_ca(sub_id)
    printed = openssl.extensions(sub.certificate, "basicConstraints,keyUsage")
    assert "X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0" in printed
    assert "X509v3 Key Usage: critical\n    Digital Signature, Certificate Sign, CRL Sign" in printed


def test_exported_texts_have_the_documented_forms(pca):
    root_id = pca.create_root("Text Root")
    sub_id = pca.create_subordinate("Text Sub", root_id)
    leaf = pca.export(pca.create_certificate("text.example.com", sub_id))
    root, sub = pca.export_ca(root_id), pca.export_ca(sub_id)
    for text in (leaf.certificate, leaf.certificate_chain, leaf.private_key):
        assert "\n" not in text.replace("\r\n", ""), "lines end with CRLF"
    assert leaf.private_key.startswith("-----BEGIN EC PRIVATE KEY-----\r\n")
    assert openssl.certificates(leaf.certificate_chain) == [sub.certificate, root.certificate]
    assert sub.certificate_chain == root.certificate


def test_far_ends_and_foreign_names(pca, tmp_path):
    """RFC 5280 wants another form of time from 2050 on, and domain names in ASCII."""
    root_id = pca.create_root("Far Root", validity=ccm.Validity(type="YEAR", value=30))
    root = pca.export_ca(root_id).certificate
    assert "GENERALIZEDTIME" in openssl.openssl("asn1parse", text=root)
    leaf = pca.export(pca.create_certificate("服务.example.com", root_id))
    openssl.verify(leaf.certificate, leaf.certificate_chain, tmp_path)
    ascii_name = "服务.example.com".encode("idna").decode()
    assert f"DNS:{ascii_name}\n" in openssl.extensions(leaf.certificate, "subjectAltName")


def test_keys_made_ahead_are_used_once(new_server):
    server = new_server(OPENCCM_KEY_POOL_RSA2048=4).start()
    pca = Pca.of(server)
    root_id = pca.create_root("Pool Root")
    issued = []
    for _ in range(2):
        with ThreadPoolExecutor(4) as threads:
            issued += threads.map(lambda n: pca.create_certificate(f"{n}.example.com", root_id, "RSA2048"), range(8))
        server.restart()
    exports = [pca.export(certificate_id) for certificate_id in issued]
    keys = {openssl.public_key_of_certificate(exported.certificate) for exported in exports}
    assert len(keys) == len(issued)
    assert openssl.public_key_of_key(exports[0].private_key) in keys


@pytest.fixture(scope="module")
def chains(pca, tmp_path_factory):
    """A folder for each kind of key, with a certificate under a subordinate CA under a root."""
    folders = []
    for key in KEYS:
        folder = tmp_path_factory.mktemp(key)
        root_id = pca.create_root(f"{key} Root", key, "SHA512")
        sub_id = pca.create_subordinate(f"{key} Sub", root_id, key, "SHA384", path_length=0)
        folders.append(pca.save(folder, pca.create_certificate("www.example.com", sub_id, key, "SHA256")))
    return folders


def test_openssl_accepts_every_kind_of_key(chains, tmp_path):
    for folder in chains:
        openssl.verify((folder / "leaf.pem").read_text(), (folder / "chain.pem").read_text(), tmp_path)


def test_java_accepts_every_kind_of_key(chains):
    java.validate(*chains)
