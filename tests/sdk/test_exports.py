"""The archives for each kind of server, opened by the tools that will open them."""

import io
import zipfile

import huaweicloudsdkccm.v1 as ccm
import pytest

import java
import openssl

PASSWORD = "Pa55,.+-_#word"

# What is in the archive of a certificate whose key the server made, apart from keystorePass.txt.
FILES = {
    "APACHE": {"server.key", "chain.crt", "server.crt"},
    "NGINX": {"server.key", "server.crt"},
    "IIS": {"server.pfx"},
    "TOMCAT": {"server.jks"},
    "OTHER": {"server.key", "chain.pem", "server.pem"},
}
# The same where the key is the requester's.
FILES_WITHOUT_KEY = {
    "APACHE": {"chain.crt", "server.crt"},
    "NGINX": {"server.crt"},
    "IIS": {"chain.crt", "server.crt"},
    "TOMCAT": {"chain.crt", "server.crt"},
    "OTHER": {"chain.pem", "cert.pem"},
}
KEYSTORES = ("IIS", "TOMCAT")


@pytest.fixture(scope="module")
def issuer_id(pca):
    return pca.create_subordinate("Export Sub", pca.create_root("Export Root"))


@pytest.fixture(scope="module", params=["RSA2048", "EC256"])
def certificate_id(request, pca, issuer_id):
    return pca.create_certificate(f"{request.param.lower()}.example.com", issuer_id, request.param)


def unpack(exported, folder):
    """Unpacks an archive; gives its files' contents by name."""
    with zipfile.ZipFile(io.BytesIO(exported.raw_content)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
        return {name: (folder / name).read_bytes() for name in archive.namelist()}


@pytest.mark.parametrize("password", [None, PASSWORD], ids=["open", "password"])
@pytest.mark.parametrize("server_type", FILES)
def test_archive(pca, certificate_id, server_type, password, tmp_path):
    plain = pca.export(certificate_id)
    files = unpack(pca.export(certificate_id, server_type, "true", password), tmp_path)
    expected = set(FILES[server_type])
    if server_type in KEYSTORES and not password:
        expected.add("keystorePass.txt")
        password = files["keystorePass.txt"].decode()
    assert set(files) == expected
    full_chain = [*openssl.certificates(plain.certificate), *openssl.certificates(plain.certificate_chain)]
    public_key = openssl.public_key_of_certificate(plain.certificate)

    if server_type in KEYSTORES:
        (keystore,) = FILES[server_type]
        check_keystore(tmp_path / keystore, password, full_chain, public_key, tmp_path)
        return
    key = files["server.key"].decode()
    assert ("BEGIN ENCRYPTED PRIVATE KEY" in key) == bool(password)
    assert openssl.public_key_of_key(key, password) == public_key
    found = [files[name].decode() for name in ("server.crt", "server.pem", "chain.crt", "chain.pem") if name in files]
    assert openssl.certificates("".join(found)) == full_chain


def check_keystore(path, password, full_chain, public_key, folder):
    listed = java.list_keystore(path, password)
    assert f"Certificate chain length: {len(full_chain)}" in listed
    assert "PrivateKeyEntry" in listed
    # Java opens the key by copying it; what it copied must be the same.
    copy = java.copy_keystore(path, password, folder / "copy.p12")
    for keystore in {path, copy} if path.suffix == ".pfx" else {copy}:
        contents = openssl.openssl("pkcs12", "-in", keystore, "-passin", f"pass:{password}", "-nodes")
        assert sorted(openssl.certificates(contents)) == sorted(lines(pem) for pem in full_chain)
        key = contents[contents.index("-----BEGIN PRIVATE KEY") :]
        assert openssl.public_key_of_key(key) == public_key


def lines(pem):
    return pem.replace("\r\n", "\n")


@pytest.mark.parametrize("server_type", FILES_WITHOUT_KEY)
def test_archive_without_a_key(pca, issuer_id, server_type, tmp_path):
    csr = openssl.make_request(openssl.make_key(tmp_path / "key"), "/CN=requested.example.com")
    body = {"issuer_id": issuer_id, "csr": csr, "validity": ccm.Validity(type="DAY", value=30)}
    certificate_id = pca.call("create_certificate_by_csr", body).certificate_id
    plain = pca.export(certificate_id)
    assert plain.private_key is None
    files = unpack(pca.export(certificate_id, server_type, "true"), tmp_path)
    assert set(files) == FILES_WITHOUT_KEY[server_type]
    found = [files[name].decode() for name in ("server.crt", "cert.pem", "chain.crt", "chain.pem") if name in files]
    full_chain = [*openssl.certificates(plain.certificate), *openssl.certificates(plain.certificate_chain)]
    assert openssl.certificates("".join(found)) == full_chain


def test_a_password_encrypts_the_key_of_a_plain_export(pca, certificate_id):
    exported = pca.export(certificate_id, "NGINX", password=PASSWORD)
    assert exported.private_key.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----\r\n")
    public_key = openssl.public_key_of_certificate(exported.certificate)
    assert openssl.public_key_of_key(exported.private_key, PASSWORD) == public_key
    with pytest.raises(AssertionError, match="openssl pkey"):
        openssl.public_key_of_key(exported.private_key, "another")
