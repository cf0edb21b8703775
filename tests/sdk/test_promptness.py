"""A revocation is public at once, and what was answered is public whatever happens to the server."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import openssl
import relying_party
from crash import Crash
from pca import Pca
from server import wait_for
from signed_http import publish_partitions

# What a revocation may take to be public on a server with nothing else to do.
PROMPT_SECONDS = 1
# Under load on a machine with other work: a bound for what is stuck, not for what is slow.
LOADED_SECONDS = 30
ROUNDS = 5
REVOCATIONS = 50
PARTITIONS = 4


class Watcher:
    """Fetches something over and over in a thread, and keeps every content with the time since which it is known."""

    def __init__(self, fetch):
        self.fetch = fetch
        self.seen = []
        self.failure = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        assert self.failure is None, self.failure

    def _watch(self):
        try:
            while not self._ended.is_set():
                content = self.fetch()
                if content is not None and (not self.seen or self.seen[-1][1] != content):
                    self.seen.append((time.monotonic(), content))
        except Exception as error:  # noqa: BLE001
            # The thread that waits for this one shows it.
            self.failure = error

    def lists(self, issuer_file=None):
        """What was seen, as lists: each whole, none older than one before it."""
        lists = [relying_party.read_list(content, issuer_file) for _, content in self.seen]
        numbers = [found.number for found in lists]
        assert numbers == sorted(set(numbers)), "numbers rise with every new list"
        return lists

    def first_naming(self, serial):
        """When a list was first seen that names the certificate; None if none was."""
        number = bytes.fromhex(serial)
        return next((since for since, content in self.seen if number in content), None)


def watch_list(address):
    return Watcher(lambda: relying_party.download(address).content)


@pytest.fixture
def world(store, new_server):
    """A server with a CA whose list is split."""
    server = new_server(**store.settings).start()
    pca = Pca.of(server)
    pca.allow_publishing()
    bucket = store.create_bucket(server)
    root_id = pca.create_root("Prompt Root")
    publish_partitions(server, root_id, bucket, PARTITIONS, crl_name="root")
    pca.switch_ocsp(root_id)
    return server, pca, root_id, bucket


def test_a_revocation_is_public_within_a_second(world, tmp_path):
    _, pca, root_id, _ = world
    complete = pca.show_ca(root_id).crl_configuration.crl_dis_point
    (root,) = openssl.certificates(pca.export_ca(root_id).certificate)
    took = {"partition": [], "complete list": [], "OCSP": []}
    for number in range(ROUNDS):
        certificate_id = pca.create_certificate(f"{number}.example.com", root_id)
        certificate = pca.export(certificate_id).certificate
        serial, responder = openssl.serial(certificate), relying_party.responder_address(certificate)
        request = relying_party.make_request(certificate, root, tmp_path, "-no_nonce")
        assert relying_party.read_answer(relying_party.post(responder, request), tmp_path) == ["good"], "and is kept"
        good = relying_party.post(responder, request).content

        def ask(responder=responder, request=request, good=good):
            content = relying_party.post(responder, request).content
            return content if content != good else None

        with (
            watch_list(relying_party.list_address(certificate)) as partition,
            watch_list(complete) as whole,
            Watcher(ask) as asked,
        ):
            pca.revoke(certificate_id, "KEY_COMPROMISE")
            answered = time.monotonic()
            for watcher in (partition, whole):
                wait_for(lambda watcher=watcher: watcher.first_naming(serial), "the list names it")  # noqa: B023
            wait_for(lambda: asked.seen, "the responder says so")
        assert relying_party.read_answer(relying_party.post(responder, request), tmp_path) == ["revoked"]
        since = (partition.first_naming(serial), whole.first_naming(serial), asked.seen[0][0])
        for name, at in zip(took, since, strict=True):
            took[name].append(max(0, at - answered))
    print("\nseconds from the answer until the revocation is public:")
    for name, seconds in took.items():
        print(f"  {name:14} {' '.join(f'{second:.3f}' for second in sorted(seconds))}")
        assert max(seconds) < PROMPT_SECONDS, name


def test_many_revocations_at_once(world):
    _, pca, root_id, _ = world
    complete = pca.show_ca(root_id).crl_configuration.crl_dis_point
    certificate_ids = [pca.create_certificate(f"{number}.example.com", root_id) for number in range(REVOCATIONS)]
    certificates = [pca.export(certificate_id).certificate for certificate_id in certificate_ids]
    lists = {certificate: (complete, relying_party.list_address(certificate)) for certificate in certificates}
    assert len(set(lists.values())) == PARTITIONS

    def revoke(certificate_id):
        pca.revoke(certificate_id, "SUPERSEDED")
        return time.monotonic()

    with contextlib.ExitStack() as stack:
        addresses = {address for both in lists.values() for address in both}
        watchers = {address: stack.enter_context(watch_list(address)) for address in addresses}
        with ThreadPoolExecutor(REVOCATIONS) as threads:
            answered = list(threads.map(revoke, certificate_ids))

        def seen():
            """When each was seen on both its lists."""
            at = [
                [watchers[address].first_naming(openssl.serial(certificate)) for address in addresses]
                for certificate, addresses in lists.items()
            ]
            return at if all(map(all, at)) else None

        public = wait_for(seen, "all revocations are public")
    took = sorted(max(at) - since for at, since in zip(public, answered, strict=True))
    print(f"\n{REVOCATIONS} at once: public after {took[len(took) // 2]:.3f} s (median), {took[-1]:.3f} s (last)")
    assert took[-1] < LOADED_SECONDS
    for address, watcher in watchers.items():
        counts = [len(found.reasons) for found in watcher.lists()]
        assert counts == sorted(counts), f"{address}: nothing leaves a list"
    assert set(watchers[complete].lists()[-1].reasons) == set(map(openssl.serial, certificates))


@pytest.mark.parametrize("answers_before_the_crash", [1, 25, 70])
def test_a_crash_loses_no_revocation_that_was_answered(new_server, answers_before_the_crash, tmp_path):
    server = new_server(OPENCCM_BUCKETS__NAMES="lists").start()
    pca = Pca.of(server)
    pca.allow_publishing()
    root_id = pca.create_root("Crash Root")
    publish_partitions(server, root_id, "lists", 2, crl_name="root")
    pca.switch_ocsp(root_id)
    certificate_ids = [pca.create_certificate(f"{number}.example.com", root_id) for number in range(90)]
    certificates = {certificate_id: pca.export(certificate_id).certificate for certificate_id in certificate_ids}
    (root,) = openssl.certificates(pca.export_ca(root_id).certificate)
    (tmp_path / "root.pem").write_text(root)
    folder = server.data / "buckets/lists"
    files = [folder / "root.crl", folder / "root/1.crl", folder / "root/2.crl"]

    def revoke(certificate_id):
        def call(pca):
            pca.revoke(certificate_id, "KEY_COMPROMISE")
            return certificate_id

        return call

    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher(file.read_bytes)) for file in files]
        answered = Crash(server, answers_before_the_crash).during([revoke(item) for item in certificate_ids])
        server.start()
        pca = Pca.of(server)
        address = pca.show_ca(root_id).crl_configuration.crl_dis_point
        status = {item.certificate_id: item.status for item in pca.call("list_certificate", limit=1000).certificates}
        revoked = {certificate_id for certificate_id, found in status.items() if found == "REVOKED"}
        assert set(answered) <= revoked
        serials = {openssl.serial(certificates[certificate_id]) for certificate_id in revoked}
        wait_for(lambda: set(relying_party.fetch_list(address).reasons) == serials, "the list names what is revoked")

        def is_on_its_partition(certificate):
            found = relying_party.fetch_list(relying_party.list_address(certificate))
            return openssl.serial(certificate) in found.reasons

        for certificate_id in answered[:10]:
            certificate = certificates[certificate_id]
            wait_for(lambda certificate=certificate: is_on_its_partition(certificate), "its partition names it")
            answer = relying_party.ask_responder(certificate, root, root, tmp_path)
            assert answer == "keyCompromise"
        # Work goes on.
        (left, *_) = set(certificate_ids) - revoked
        pca.revoke(left)
        serial = openssl.serial(certificates[left])
        wait_for(lambda: serial in relying_party.fetch_list(address).reasons, "new revocations are published")
    for watcher in watchers:
        assert watcher.lists(tmp_path / "root.pem")
