"""What the API says of a certificate, OpenSSL and Java say too: by lists and by OCSP, found where certificates say."""

import dataclasses
import pathlib
import re

import pytest
import requests

import java
import openssl
import relying_party
from pca import Pca
from relying_party import REASONS
from server import Server, wait_for
from signed_http import publish_partitions
from stores import Store

# Java's names for reasons, where they are not the API's.
JAVA_REASONS = {
    "CERTIFICATE_AUTHORITY_COMPROMISE": "CA_COMPROMISE",
    "ATTRIBUTE_AUTHORITY_COMPROMISE": "AA_COMPROMISE",
}

PARTITIONS = 3


@dataclasses.dataclass
class Case:
    """A certificate with its chain in a folder, and what is to be found out about it."""

    name: str
    folder: pathlib.Path
    certificate_id: str
    ca_id: str
    # The reason for which it, or else the CA above it, is revoked.
    reason: str | None = None
    ca_reason: str | None = None

    @property
    def certificate(self):
        return (self.folder / "leaf.pem").read_text()

    @property
    def chain(self):
        return (self.folder / "chain.pem").read_text()

    @property
    def path(self):
        """The certificates that lists and responders are asked about, from below; and who issued each."""
        issuers = openssl.certificates(self.chain)
        return list(zip([self.certificate, *issuers], issuers, strict=False))

    @property
    def verdict(self):
        if self.reason:
            return "certificate revoked at 0"
        return "certificate revoked at 1" if self.ca_reason else None


@dataclasses.dataclass
class World:
    """A server with certificates in every state."""

    server: Server
    pca: Pca
    store: Store
    cases: list[Case]


def publish_all(pca, bucket, ca_id):
    """Has a CA answer by lists and by OCSP, as what it issues from now on will say."""
    pca.publish(ca_id, bucket)
    pca.switch_ocsp(ca_id)


@pytest.fixture(scope="module")
def world(store, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openccm"), **store.settings).start()
    pca = Pca.of(server)
    pca.allow_publishing()
    bucket = store.create_bucket(server)
    world = World(server, pca, store, [])

    def issue(name, ca_id, key="EC256"):
        certificate_id = pca.create_certificate(f"{name.lower().replace('_', '-')}.example.com", ca_id, key)
        folder = pca.save(tmp_path_factory.mktemp(name), certificate_id)
        world.cases.append(Case(name, folder, certificate_id, ca_id))
        return world.cases[-1]

    def revoke(case, reason):
        pca.revoke(case.certificate_id, reason)
        case.reason = reason

    # Each kind of key that signs lists and answers.
    for key in ("EC256", "EC384", "RSA2048"):
        root_id = pca.create_root(f"{key} Root", key, "SHA384")
        publish_all(pca, bucket, root_id)
        sub_id = pca.create_subordinate(f"{key} Sub", root_id, key)
        publish_all(pca, bucket, sub_id)
        issue(f"issued-{key}", sub_id)
        revoke(issue(f"revoked-{key}", sub_id), "KEY_COMPROMISE")
        revoke(issue(f"issued-by-root-{key}", root_id), "SUPERSEDED")

    # Every reason, and what comes after a revocation or instead of it.
    for reason in REASONS:
        revoke(issue(reason, sub_id), reason)
    held = issue("held-then-revoked", sub_id)
    revoke(held, "CERTIFICATE_HOLD")
    revoke(held, "KEY_COMPROMISE")
    pca.call("delete_certificate", certificate_id=issue("deleted", sub_id).certificate_id)
    revoked = issue("revoked-then-deleted", sub_id)
    revoke(revoked, "AFFILIATION_CHANGED")
    pca.call("delete_certificate", certificate_id=revoked.certificate_id)

    # CAs that no longer issue.
    def below_another(state, then):
        ca_id = pca.create_subordinate(f"{state} Sub", root_id)
        publish_all(pca, bucket, ca_id)
        cases = issue(f"issued-below-{state}", ca_id), issue(f"revoked-below-{state}", ca_id)
        then(ca_id)
        revoke(cases[1], "CESSATION_OF_OPERATION")
        return cases

    def delete(ca_id):
        pca.call("disable_certificate_authority", ca_id=ca_id)
        pca.call("delete_certificate_authority", ca_id=ca_id, pending_days="7")

    below_another("disabled", lambda ca_id: pca.call("disable_certificate_authority", ca_id=ca_id))
    below_another("deleted", delete)
    reason = "CERTIFICATE_AUTHORITY_COMPROMISE"
    body = {"reason": reason}
    for case in below_another("revoked", lambda ca_id: pca.call("revoke_certificate_authority", body, ca_id=ca_id)):
        case.ca_reason = reason

    # A CA of several lists.
    split_id = pca.create_subordinate("Split Sub", root_id)
    publish_partitions(server, split_id, bucket, PARTITIONS)
    pca.switch_ocsp(split_id)
    for number in range(2 * PARTITIONS):
        case = issue(f"split-{number}", split_id)
        if number % 2:
            revoke(case, "PRIVILEGE_WITHDRAWN")

    for case in world.cases:
        for at, reason in ((0, case.reason), (1, case.ca_reason)):
            if reason:
                wait_for_list(case.path[at][0], reason)
    yield world
    server.kill()


def wait_for_list(certificate, reason):
    serial, address = openssl.serial(certificate), relying_party.list_address(certificate)
    in_words, _ = REASONS[reason]

    def is_listed():
        reasons = relying_party.fetch_list(address).reasons
        return serial in reasons and reasons[serial] == in_words

    wait_for(is_listed, f"{serial} is on the list, {reason}")


def lists_of(case):
    """The lists that the certificates of a path name, and the issuer of each."""
    return [
        (relying_party.fetch_list(relying_party.list_address(certificate)), issuer) for certificate, issuer in case.path
    ]


def test_the_api_says_what_is_expected(world):
    deleted = {"deleted", "revoked-then-deleted"}
    for case in world.cases:
        if case.name not in deleted:
            assert world.pca.show(case.certificate_id).status == ("REVOKED" if case.reason else "ISSUED"), case.name
    listed = {item.certificate_id: item.status for item in world.pca.call("list_certificate", limit=1000).certificates}
    assert len(listed) == len(world.cases) - len(deleted)


def test_certificates_name_the_addresses_that_the_api_shows(world):
    for case in world.cases:
        configuration = world.pca.show_ca(case.ca_id).crl_configuration
        complete = world.store.address(world.server, configuration.obs_bucket_name, configuration.crl_name)
        assert configuration.crl_dis_point == complete
        address = relying_party.list_address(case.certificate)
        if case.name.startswith("split"):
            assert re.fullmatch(rf"{re.escape(complete.removesuffix('.crl'))}/[1-{PARTITIONS}]\.crl", address)
        else:
            assert address == complete
        assert relying_party.responder_address(case.certificate) == f"{world.server.url}/ocsp/{case.ca_id}"
    split = {relying_party.list_address(case.certificate) for case in world.cases if case.name.startswith("split")}
    assert len(split) == PARTITIONS


def test_openssl_agrees_by_lists(world, tmp_path):
    for case in world.cases:
        lists = [found.pem for found, _ in lists_of(case)]
        found = openssl.verify_revocation(case.certificate, case.chain, lists, tmp_path)
        assert found == case.verdict, case.name


def test_openssl_agrees_by_complete_lists(world, tmp_path):
    """The complete list of a CA that has partitions too is good for each of its certificates."""
    for case in world.cases:
        if case.name.startswith("split"):
            complete = relying_party.fetch_list(world.pca.show_ca(case.ca_id).crl_configuration.crl_dis_point)
            lists = [complete.pem, *(found.pem for found, _ in lists_of(case)[1:])]
            assert openssl.verify_revocation(case.certificate, case.chain, lists, tmp_path) == case.verdict, case.name


def test_openssl_downloads_lists_itself(world, tmp_path):
    for case in world.cases:
        # A root names no list that it stands on itself.
        root_list, _ = lists_of(case)[-1]
        found = openssl.verify_revocation(case.certificate, case.chain, [root_list.pem], tmp_path, "-crl_download")
        assert found == case.verdict, case.name


@pytest.mark.parametrize("options", [(), ("-no_nonce", "-sha256")], ids=["nonce-SHA1", "no-nonce-SHA256"])
def test_openssl_agrees_by_ocsp(world, tmp_path, options):
    for case in world.cases:
        answers = [
            relying_party.ask_responder(certificate, issuer, case.chain, tmp_path, *options)
            for certificate, issuer in case.path
        ]
        expected = [REASONS[reason][1] if reason else "good" for reason in (case.reason, case.ca_reason)]
        assert answers == expected[: len(answers)], case.name


@pytest.mark.parametrize("way", ["ocsp", "crl", "store"])
def test_java_agrees(world, way):
    expected = []
    for case in world.cases:
        (case.folder / "lists.pem").write_text("".join(found.pem for found, _ in lists_of(case)))
        # Java begins at the root.
        at, reason = (1, case.ca_reason) if case.ca_reason else (0, case.reason)
        expected.append(f"revoked {at} {JAVA_REASONS.get(reason, reason)}" if reason else "good")
    verdicts = java.validate_revocation(way, *(case.folder for case in world.cases))
    found = dict(zip((case.name for case in world.cases), verdicts, strict=True))
    assert found == dict(zip(found, expected, strict=True))


def test_lists_are_what_they_should_be(world, tmp_path):
    """Signed by their CA, and each no more than its scope."""
    issuers, revoked, split = {}, {}, set()
    for case in world.cases:
        for (certificate, issuer), reason in zip(case.path, (case.reason, case.ca_reason), strict=False):
            address = relying_party.list_address(certificate)
            issuers[address] = issuer
            named = revoked.setdefault(address, {})
            if reason:
                named[openssl.serial(certificate)] = REASONS[reason][0]
        if case.name.startswith("split"):
            split.add(relying_party.list_address(case.certificate))
    for address, issuer in issuers.items():
        found = relying_party.fetch_list(address)
        assert found.reasons == revoked[address], address
        assert found.distribution_point == (address if address in split else None)
        (tmp_path / "issuer.pem").write_text(issuer)
        openssl.openssl("crl", "-noout", "-verify", "-CAfile", tmp_path / "issuer.pem", text=found.pem)
        key_id = openssl.extensions(issuer, "subjectKeyIdentifier").split()[-1]
        assert re.search(rf"X509v3 Authority Key Identifier: *\n +{key_id}\n", found.text), address
        # The hash of the CA, with which its own certificate is signed here.
        hashes = [
            re.search(r"Signature Algorithm: .*?sha(\d+)", text, re.I)[1]
            for text in (found.text, openssl.openssl("x509", "-noout", "-text", text=issuer))
        ]
        assert hashes[0] == hashes[1], address


def test_lists_are_served_for_caches(world):
    address = relying_party.list_address(world.cases[0].certificate)
    answer = relying_party.download(address)
    assert answer.headers["Content-Type"] == "application/pkix-crl"
    assert "max-age=60" in answer.headers["Cache-Control"]
    assert answer.headers["Last-Modified"]
    again = relying_party.download(address, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert relying_party.download(address, **{"If-None-Match": '"other"'}).content == answer.content
    head = requests.head(address, timeout=30)
    assert (head.status_code, head.headers["ETag"]) == (200, answer.headers["ETag"])
    # Services do not tell whoever may not list a bucket what is not in it.
    missing = relying_party.download(address.removesuffix(".crl") + "-other.crl")
    assert missing.status_code == (403 if world.store.is_public else 404)


def test_requests_in_the_address(world, tmp_path):
    """What clients do that want answers from caches (RFC 5019)."""
    for case in world.cases:
        certificate, issuer = case.path[0]
        request = relying_party.make_request(certificate, issuer, tmp_path, "-no_nonce")
        responder = relying_party.responder_address(certificate)
        answer = relying_party.get_by_path(responder, request)
        assert relying_party.read_answer(answer, tmp_path) == ["revoked" if case.reason else "good"], case.name
        assert re.search(r"max-age=\d+", answer.headers["Cache-Control"])
        assert answer.headers["ETag"]
        assert answer.headers["Expires"]
        assert relying_party.post(responder, request).content == answer.content, "made once, given again"


def test_what_a_ca_has_not_issued(world, tmp_path):
    """Its own responder says that it does not know, another CA's that it may not say."""
    own = next(case for case in world.cases if case.name == "issued-EC256")
    other = next(case for case in world.cases if case.name == "issued-EC384")
    _, issuer = own.path[0]
    responder = relying_party.responder_address(own.certificate)
    (tmp_path / "issuer.pem").write_text(issuer)
    made_up = ("-issuer", tmp_path / "issuer.pem", "-serial", "0x1234", "-reqout", tmp_path / "made-up.req")
    openssl.openssl("ocsp", *made_up)
    answer = relying_party.post(responder, (tmp_path / "made-up.req").read_bytes())
    assert relying_party.read_answer(answer, tmp_path) == ["unknown"]
    foreign = relying_party.make_request(*other.path[0], tmp_path)
    with pytest.raises(AssertionError, match=r"Responder Error: unauthorized \(6\)"):
        relying_party.read_answer(relying_party.post(responder, foreign), tmp_path)
