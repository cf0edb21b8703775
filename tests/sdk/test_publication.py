"""Publishing lists and answering by OCSP, from the operator's first bucket to what relying parties find."""

import socket
import time

import huaweicloudsdkccm.v1 as ccm
import pytest
import requests
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig

import openssl
import relying_party
from pca import Pca
from server import Server, wait_for

# How long switching publication on may take where buckets do not answer: what a request waits to learn whether a name
# is free and for a first list, and some.
ENABLE_SECONDS = 9
# How long what does not concern buckets may take.
QUICK_SECONDS = 3


def refused(call):
    with pytest.raises(ClientRequestException) as caught:
        call()
    return caught.value.status_code, caught.value.error_code


@pytest.fixture
def world(store, new_server):
    server = new_server(**store.settings).start()
    return server, Pca.of(server), store


def test_the_whole_way(world, tmp_path):
    server, pca, store = world
    configured = ccm.CrlConfiguration(enabled=True, obs_bucket_name="lists", valid_days=7)

    # Nothing is published without an agency.
    assert pca.call("show_certificate_authority_obs_agency").agency_granted == "false"
    assert refused(lambda: pca.call("list_certificate_authority_obs_bucket")) == (403, "PCA.00000006")
    assert refused(lambda: pca.create_root("Early Root", crl_configuration=configured)) == (403, "PCA.00000006")
    agency_id = pca.call("create_agency").agency_id
    assert pca.call("create_certificate_authority_obs_agency").to_json_object() == {"agency_id": agency_id}
    assert pca.call("show_certificate_authority_obs_agency").agency_granted == "true"
    assert str(pca.call("show_agency").agency_granted).lower() == "true"

    # Nor without a bucket, which the operator makes while the server runs.
    assert pca.call("list_certificate_authority_obs_bucket").total == 0
    assert refused(lambda: pca.create_root("Early Root", crl_configuration=configured)) == (400, "PCA.00020204")
    bucket = store.create_bucket(server)
    (listed,) = pca.call("list_certificate_authority_obs_bucket").obs_buckets
    assert listed.bucket_name == bucket
    assert abs(listed.create_time - time.time() * 1000) < 60_000
    assert server.run("bucket", "list").stdout == f"{bucket}\n"

    # A root with a list from the beginning, a subordinate CA that gets one later.
    configured = ccm.CrlConfiguration(enabled=True, crl_name="root", obs_bucket_name=bucket, valid_days=30)
    root_id = pca.create_root("Way Root", crl_configuration=configured)
    shown = pca.show_ca(root_id).crl_configuration
    assert (shown.enabled, shown.crl_name, shown.obs_bucket_name, shown.valid_days) == (True, "root", bucket, 30)
    root_address = store.address(server, bucket, "root")
    assert shown.crl_dis_point == root_address
    assert relying_party.fetch_list(root_address).reasons == {}, "the first list is out at once"
    sub_id = pca.create_subordinate("Way Sub", root_id)
    assert pca.show_ca(sub_id).crl_configuration.enabled is False
    before_id = pca.create_certificate("before.example.com", sub_id)
    sub_address = pca.publish(sub_id, bucket)
    assert sub_address == store.address(server, bucket, sub_id), "a list is named after its CA"
    assert relying_party.fetch_list(sub_address).reasons == {}

    config = pca.call("show_console_config")
    assert config.is_support_ocsp is True
    assert (config.is_support_sm2, config.dhsm_regions) == (False, [])
    pca.switch_ocsp(sub_id)
    pca.switch_ocsp(sub_id)
    during_id = pca.create_certificate("during.example.com", sub_id)

    pca.switch_ocsp(sub_id, on=False)
    pca.call("disable_certificate_authority_crl", ca_id=sub_id)
    shown = pca.show_ca(sub_id).crl_configuration
    assert shown.enabled is False
    assert [shown.crl_name, shown.obs_bucket_name, shown.valid_days, shown.crl_dis_point] == [None] * 4
    after_id = pca.create_certificate("after.example.com", sub_id)

    # Certificates name what there was when they were issued.
    before, during, after = (pca.export(certificate_id) for certificate_id in (before_id, during_id, after_id))
    for exported in (before, after):
        assert relying_party.list_addresses(exported.certificate) == []
        assert relying_party.responder_address(exported.certificate) is None
    assert relying_party.list_address(during.certificate) == sub_address
    responder = relying_party.responder_address(during.certificate)
    assert responder == f"{server.url}/ocsp/{sub_id}"
    sub = pca.export_ca(sub_id).certificate
    assert relying_party.list_address(sub) == root_address

    # What is switched off is not answered; what is switched on again knows what happened meanwhile.
    request = relying_party.make_request(during.certificate, sub, tmp_path)
    pca.revoke(during_id, "KEY_COMPROMISE")
    pca.revoke(before_id)
    with pytest.raises(AssertionError, match="Responder Error: unauthorized"):
        relying_party.read_answer(relying_party.post(responder, request), tmp_path)
    assert relying_party.fetch_list(sub_address).reasons == {}, "what was published stays"
    assert pca.publish(sub_id, bucket) == sub_address
    pca.switch_ocsp(sub_id)
    serials = {openssl.serial(during.certificate): "Key Compromise", openssl.serial(before.certificate): None}
    assert relying_party.fetch_list(sub_address).reasons == serials
    assert relying_party.read_answer(relying_party.post(responder, request), tmp_path) == ["revoked"]


def test_a_bucket_before_the_first_start(new_server):
    server = new_server()
    server.create_bucket("lists")
    assert server.run("bucket", "list").stdout == "lists\n"
    pca = Pca.of(server.start())
    pca.allow_publishing()
    assert relying_party.fetch_list(pca.publish(pca.create_root("First Root"), "lists")).reasons == {}


def test_buckets_of_the_settings(new_server):
    server = new_server(OPENCCM_BUCKETS__NAMES="first-lists, second.lists").start()
    pca = Pca.of(server)
    pca.allow_publishing()

    def listed():
        return [item.bucket_name for item in pca.call("list_certificate_authority_obs_bucket").obs_buckets]

    assert listed() == ["first-lists", "second.lists"]
    assert server.create_bucket("a-third") == server.create_bucket("a-third")
    server.restart()
    pca = Pca.of(server)
    assert sorted(listed()) == ["a-third", "first-lists", "second.lists"]
    for name in ("Capital", "ab", "../lists", "192.168.1.1"):
        result = server.run("bucket", "create", name)
        assert result.returncode != 0
        assert "the name of a bucket" in result.stderr
    assert len(listed()) == 3
    assert sorted(path.name for path in (server.data / "buckets").iterdir()) == sorted(listed())


def test_another_folder(new_server, tmp_path):
    server = new_server(OPENCCM_BUCKETS__FOLDER=tmp_path / "elsewhere", OPENCCM_BUCKETS__NAMES="lists").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    address = pca.publish(pca.create_root("Folder Root"), "lists", crl_name="root")
    file = tmp_path / "elsewhere/lists/root.crl"
    assert file.read_bytes() == relying_party.download(address).content
    assert not (server.data / "buckets").exists()

    # Only lists are served, and only from there.
    for name in ("notes.txt", ".hidden.crl"):
        file.with_name(name).write_text("secret")
    (tmp_path / "secret.crl").write_text("secret")
    file.with_name("link.crl").symlink_to(tmp_path / "secret.crl")
    base = address.removesuffix("/lists/root.crl")
    paths = (
        "lists/notes.txt", "lists/.hidden.crl", "lists/link.crl", "lists", "lists/", "lists/root.crl/",
        "other/root.crl", "..%2Fsecret.crl", "lists/..%2F..%2Fsecret.crl", "lists/%2E%2E/secret.crl",
        "%2E%2E/secret.crl", "lists/root.crl%00",
    )  # fmt: skip
    for path in paths:
        answer = relying_party.download(f"{base}/{path}")
        assert answer.status_code in (404, 503), path
        assert "secret" not in answer.text


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A server that speaks TLS with clients and plain HTTP with relying parties: a client, and where those ask."""
    settings = {
        "OPENCCM_TLS__AUTO": "true",
        "OPENCCM_REVOCATION_LISTEN": "127.0.0.1:0",
        "OPENCCM_BUCKETS__NAMES": "lists",
    }
    server = Server(tmp_path_factory.mktemp("beside"), **settings).start()
    pca = Pca.of(server, config=HttpConfig(ssl_ca_cert=server.trusted))
    yield pca, "http://" + server.log_events("serving")[-1]["for_relying_parties"]
    server.kill()


def test_plain_http_beside_tls(beside, tmp_path):
    """A list behind TLS would have to be fetched to check the connection that it is fetched by (RFC 5280 §8)."""
    pca, base = beside
    pca.allow_publishing()
    root_id = pca.create_root("Beside Root")
    address = pca.publish(root_id, "lists", crl_name="root")
    assert address == f"{base}/crl/lists/root.crl"
    pca.switch_ocsp(root_id)
    certificate_id = pca.create_certificate("beside.example.com", root_id)
    exported = pca.export(certificate_id)
    assert relying_party.list_address(exported.certificate) == address
    assert relying_party.responder_address(exported.certificate) == f"{base}/ocsp/{root_id}"
    (root,) = openssl.certificates(exported.certificate_chain)
    assert relying_party.ask_responder(exported.certificate, root, root, tmp_path) == "good"
    pca.revoke(certificate_id, "SUPERSEDED")
    wait_for(lambda: relying_party.fetch_list(address).reasons, "the list names it")
    assert relying_party.ask_responder(exported.certificate, root, root, tmp_path) == "superseded"
    request = relying_party.make_request(exported.certificate, root, tmp_path)
    answer = relying_party.get_by_path(relying_party.responder_address(exported.certificate), request)
    assert relying_party.read_answer(answer, tmp_path) == ["revoked"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_relying_parties_are_served_nothing_else(beside, method):
    _, base = beside
    paths = (
        "/", "/healthz", "/metrics", "/docs", "/openapi.yaml", "/v3/auth/tokens", "/v1/private-certificates",
        "/v1/private-certificate-authorities", "/v1/private-certificate-authorities/obs/buckets",
        "/v1/pca/config/console",
    )  # fmt: skip
    for path in paths:
        answer = requests.request(method, base + path, json={}, timeout=30)
        assert answer.status_code == 404, path
    assert requests.put(f"{base}/crl/lists/root.crl", data=b"mine", timeout=30).status_code == 405


def test_another_address_for_relying_parties(new_server):
    settings = {"OPENCCM_REVOCATION_LISTEN": "127.0.0.1:0", "OPENCCM_BUCKETS__NAMES": "lists"}
    server = new_server(**settings, OPENCCM_REVOCATION_URL="http://pki.example.com/ca/").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    root_id = pca.create_root("Named Root")
    assert pca.publish(root_id, "lists", crl_name="root") == "http://pki.example.com/ca/crl/lists/root.crl"
    pca.switch_ocsp(root_id)
    certificate = pca.export(pca.create_certificate("named.example.com", root_id)).certificate
    assert relying_party.list_address(certificate) == "http://pki.example.com/ca/crl/lists/root.crl"
    assert relying_party.responder_address(certificate) == f"http://pki.example.com/ca/ocsp/{root_id}"


SERVICE = {
    "OPENCCM_BUCKETS__ENDPOINT": "http://127.0.0.1:9",
    "OPENCCM_BUCKETS__ACCESS_KEY": "key-id",
    "OPENCCM_BUCKETS__SECRET_KEY": "secret-of-the-key",
}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"OPENCCM_BUCKETS__SECRET_KEY": None}, "buckets.secret_key"),
        ({"OPENCCM_BUCKETS__ACCESS_KEY": None}, "buckets.access_key"),
        ({"OPENCCM_BUCKETS__SECRET_KEY": None, "OPENCCM_BUCKETS__SECRET_KEY_FILE": "missing"}, "missing"),
        ({"OPENCCM_BUCKETS__FOLDER": "lists"}, "buckets.folder and buckets.endpoint exclude each other"),
        ({"OPENCCM_BUCKETS__ENDPOINT": "127.0.0.1:9"}, "127.0.0.1:9"),
        ({"OPENCCM_BUCKETS__ENDPOINT": "ftp://127.0.0.1:9"}, "ftp://127.0.0.1:9"),
        ({"OPENCCM_BUCKETS__ENDPOINT": "http://127.0.0.1:9/path"}, "a host and perhaps a port"),
        ({"OPENCCM_BUCKETS__PUBLIC_URL": "lists.example.com"}, "buckets.public_url must begin with http"),
        ({"OPENCCM_REVOCATION_URL": "pki.example.com"}, "revocation_url must begin with http"),
        ({"OPENCCM_REVOCATION_LISTEN": "everywhere"}, "revocation_listen"),
    ],
)
def test_settings_that_cannot_be(new_server, settings, complaint):
    server = new_server(**(SERVICE | settings))
    for said in (server.refusal(), server.run("config", "check").stderr):
        assert complaint in said
        assert SERVICE["OPENCCM_BUCKETS__SECRET_KEY"] not in said


def test_a_bucket_that_comes_back(new_server):
    """What could not be published is tried again by itself, and the rest does not wait for it."""
    server = new_server(OPENCCM_BUCKETS__NAMES="lists, others").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    roots = {bucket: pca.create_root(f"{bucket} root") for bucket in ("lists", "others")}
    addresses = {bucket: pca.publish(root_id, bucket) for bucket, root_id in roots.items()}
    certificates = {bucket: pca.create_certificate("back.example.com", root_id) for bucket, root_id in roots.items()}
    number = relying_party.fetch_list(addresses["lists"]).number
    folder = server.data / "buckets/lists"
    folder.rename(server.data / "away")
    for certificate_id in certificates.values():
        pca.revoke(certificate_id)
    wait_for(lambda: server.metric("openccm_crl_publications_total", outcome="failed"), "publication fails")
    wait_for(lambda: relying_party.fetch_list(addresses["others"]).reasons, "the other list is published")
    assert relying_party.download(addresses["lists"]).status_code == 404
    (server.data / "away").rename(folder)
    wait_for(lambda: relying_party.fetch_list(addresses["lists"]).reasons, "the list is published")
    assert relying_party.fetch_list(addresses["lists"]).number > number


def test_a_service_that_is_gone(new_server):
    """Publication fails visibly and holds nothing up; once there are buckets again, everything is published."""
    server = new_server(OPENCCM_BUCKETS__NAMES="lists").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    published_id = pca.create_root("Published Root")
    address = pca.publish(published_id, "lists")
    number = relying_party.fetch_list(address).number

    server.stop()
    in_folder, server.settings = server.settings, SERVICE
    server.start()
    pca = Pca.of(server)
    root_id = pca.create_root("Unpublished Root")
    other_address = pca.publish(root_id, "lists")
    assert relying_party.download(other_address).status_code == 503
    pca.switch_ocsp(root_id)
    certificates = [pca.create_certificate("gone.example.com", ca_id) for ca_id in (root_id, published_id)]
    for certificate_id in certificates:
        pca.revoke(certificate_id)
    assert all(pca.show(certificate_id).status == "REVOKED" for certificate_id in certificates)
    wait_for(lambda: server.metric("openccm_crl_publications_total", outcome="failed"), "the metrics tell")
    events = wait_for(lambda: server.log_events("a CRL could not be published"), "the log tells")
    assert {event["level"] for event in events} == {"ERROR"}
    assert SERVICE["OPENCCM_BUCKETS__SECRET_KEY"] not in server.log()

    server.stop()
    server.settings = in_folder
    server.start()
    for at in (address, other_address):
        wait_for(lambda at=at: relying_party.download(at).ok, f"{at} is there")
        wait_for(lambda at=at: relying_party.fetch_list(at).reasons, f"{at} names what was revoked")
    assert relying_party.fetch_list(address).number > number


def test_a_service_that_never_answers(new_server):
    """Nobody waits for it longer than a request may wait for a first list."""
    server = new_server(OPENCCM_BUCKETS__NAMES="lists").start()
    Pca.of(server).allow_publishing()
    server.stop()
    # It takes connections, and that is all.
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        server.settings = SERVICE | {"OPENCCM_BUCKETS__ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        server.start()
        pca = Pca.of(server)
        for name in ("", "named"):
            root_id = pca.create_root(f"Silent Root {name}")
            began = time.monotonic()
            pca.publish(root_id, "lists", crl_name=name)
            assert time.monotonic() - began < ENABLE_SECONDS
            began = time.monotonic()
            pca.revoke(pca.create_certificate("silent.example.com", root_id))
            assert time.monotonic() - began < QUICK_SECONDS
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < QUICK_SECONDS
