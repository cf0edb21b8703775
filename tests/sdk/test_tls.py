"""TLS: by the server's own root, and by certificates from files that change."""

import pathlib
import shutil
import ssl

import httpx
import pytest
from huaweicloudsdkcore.exceptions.exceptions import SslHandShakeException
from huaweicloudsdkcore.http.http_config import HttpConfig

import openssl
from pca import Pca
from server import Server, wait_for
from signed_http import signed_headers


def served(server, ca_file, *options):
    """The certificate that the server shows, which must verify."""
    trust = ("-CAfile", ca_file, "-verify_return_error")
    shown = openssl.openssl("s_client", "-connect", server.address, *trust, *options)
    assert "Verify return code: 0 (ok)" in shown
    return openssl.certificates(shown)[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a certificate of its own making."""
    settings = {"OPENCCM_TLS__AUTO": "true", "OPENCCM_TLS__NAMES": "ccm.example.com, 192.0.2.1"}
    server = Server(tmp_path_factory.mktemp("tls"), **settings).start()
    yield server
    server.kill()


class TestOwnRoot:
    def test_the_sdk(self, server):
        assert server.url.startswith("https://127.0.0.1:")
        pca = Pca.of(server, config=HttpConfig(ssl_ca_cert=server.trusted))
        leaf = pca.export(pca.create_certificate("tls.example.com", pca.create_root("TLS Root")))
        assert leaf.private_key
        with pytest.raises(SslHandShakeException):
            Pca.of(server).call("list_certificate")

    @pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
    @pytest.mark.parametrize(
        "name",
        [
            ("-verify_hostname", "localhost"),
            ("-verify_ip", "127.0.0.1"),
            ("-verify_ip", "::1"),
            ("-verify_hostname", "ccm.example.com"),
            ("-verify_ip", "192.0.2.1"),
        ],
    )
    def test_openssl(self, server, version, name):
        served(server, server.trusted, "-x509_strict", version, *name)

    def test_another_name_does_not_verify(self, server):
        with pytest.raises(AssertionError, match="[Hh]ostname mismatch"):
            served(server, server.trusted, "-verify_hostname", "other.example.com")

    def test_http_2(self, server):
        path = "/v1/private-certificate-authorities?limit=1&name=a%20b"
        context = ssl.create_default_context(cafile=server.trusted)
        with httpx.Client(http1=False, http2=True, verify=context, trust_env=False) as client:
            answer = client.get(server.url + path, headers=signed_headers(server, "GET", path))
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200), answer.text
            assert answer.json()["total"] == 0
            assert answer.headers["x-request-id"]
            body = b'{"type":"ROOT"}'
            headers = signed_headers(server, "POST", "/v1/private-certificate-authorities", body)
            url = server.url + "/v1/private-certificate-authorities"
            assert client.post(url, content=body, headers=headers).status_code == 400, "signed, and incomplete"
            assert client.post(url, content=body + b" ", headers=headers).status_code == 401, "not what was signed"

    def test_health(self, server):
        result = server.run("health", OPENCCM_LISTEN=server.address)
        assert result.returncode == 0, result.stderr

    def test_a_restart_keeps_the_root(self, server):
        root = pathlib.Path(server.trusted)
        root_before, before = root.read_bytes(), served(server, server.trusted)
        server.restart()
        assert root.read_bytes() == root_before
        assert served(server, server.trusted) == before


class TestFiles:
    @pytest.fixture
    def authority(self, tmp_path):
        return openssl.Authority(tmp_path)

    @pytest.fixture
    def files(self, tmp_path):
        """Where the server finds its certificate and key."""
        return tmp_path / "server.pem", tmp_path / "server.key"

    @staticmethod
    def issue(authority, files):
        """Makes a certificate and puts it, with its key, where the server finds it."""
        certificate, private_key = files
        key = openssl.make_key(authority.folder / "new.key")
        request = openssl.make_request(key, "/CN=localhost")
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        pem = authority.sign(request, names, "extendedKeyUsage=serverAuth", days=30)
        certificate.write_text(pem)
        shutil.move(key, private_key)
        return pem.strip()

    def test_a_changed_certificate_is_served(self, new_server, authority, files):
        first = self.issue(authority, files)
        server = new_server(OPENCCM_TLS__CERTIFICATE=files[0], OPENCCM_TLS__PRIVATE_KEY=files[1])
        server.ca_file = authority.path
        server.start()
        assert served(server, authority.path, "-verify_ip", "127.0.0.1") == first
        pca = Pca.of(server, config=HttpConfig(ssl_ca_cert=str(authority.path)))
        root_id = pca.create_root("File Root")

        # One that cannot be used leaves the old one in its place.
        files[0].write_text("no certificate")
        wait_for(lambda: refusals(server), "the server has seen it")
        assert served(server, authority.path) == first

        second = self.issue(authority, files)
        wait_for(lambda: served(server, authority.path) == second, "the new certificate is served")
        assert pca.show_ca(root_id).status == "ACTIVED", "and clients notice nothing"

    def test_files_that_do_not_fit_are_refused(self, new_server, authority, files, tmp_path):
        self.issue(authority, files)
        openssl.make_key(files[1])
        settings = {"OPENCCM_TLS__CERTIFICATE": files[0], "OPENCCM_TLS__PRIVATE_KEY": files[1]}
        for certificate in (files[0], tmp_path / "none.pem"):
            settings["OPENCCM_TLS__CERTIFICATE"] = certificate
            checked = new_server(**settings).run("config", "check")
            assert checked.returncode == 1
            for refusal in (new_server(**settings).refusal(), checked.stderr):
                assert "cannot be used for TLS" in refusal
                assert str(certificate) in refusal


def refusals(server):
    return server.log_events("the changed TLS certificate cannot be used; the old one stays")
