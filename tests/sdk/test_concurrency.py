"""Many callers at once: each limit holds exactly, and of those who want the same one wins."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

from pca import Pca

CALLERS = 24
DONE = "done"


def all_at_once(server, call):
    """Makes a call from many clients at the same time; counts how they ended: done, or with which code."""
    together = threading.Barrier(CALLERS)

    def one(number):
        pca = Pca.of(server)
        together.wait(30)
        try:
            call(pca, number)
        except ClientRequestException as error:
            return error.error_code
        return DONE

    with ThreadPoolExecutor(CALLERS) as threads:
        return Counter(threads.map(one, range(CALLERS)))


def test_the_quota_of_certificates(new_server):
    server = new_server(OPENCCM_QUOTA_CERTIFICATES=10).start()
    pca = Pca.of(server)
    root_id = pca.create_root("Quota Root")
    ended = all_at_once(server, lambda pca, number: pca.create_certificate(f"{number}.example.com", root_id))
    assert ended == {DONE: 10, "PCA.00030001": CALLERS - 10}
    assert pca.call("list_certificate").total == 10
    assert pca.call("show_certificate_quota").quotas.resources[0].used == 10


def test_the_quota_of_authorities(new_server):
    server = new_server(OPENCCM_QUOTA_CAS=5).start()
    ended = all_at_once(server, lambda pca, number: pca.create_root(f"Root {number}"))
    assert ended == {DONE: 5, "PCA.00030001": CALLERS - 5}
    assert Pca.of(server).call("list_certificate_authority").total == 5


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("disable_certificate_authority", {}),
        ("revoke_certificate_authority", {"body": {"reason": "SUPERSEDED"}}),
        ("revoke_certificate", {}),
    ],
)
def test_one_caller_wins(server, pca, operation, parameters):
    sub_id = pca.create_subordinate("Contested", pca.create_root("Contested Root"))
    if operation == "revoke_certificate":
        parameters = {"certificate_id": pca.create_certificate("contested.example.com", sub_id)}
    else:
        parameters = {"ca_id": sub_id, **parameters}
    ended = all_at_once(server, lambda pca, number: pca.call(operation, **parameters))
    assert ended == {DONE: 1, "PCA.00030201": CALLERS - 1}


def test_nothing_is_issued_after_an_answered_disable(server, pca):
    root_id = pca.create_root("Closing Root")
    disabled = threading.Event()
    late = []

    def call(pca, number):
        if number == 0:
            pca.call("disable_certificate_authority", ca_id=root_id)
            disabled.set()
            return
        while True:
            begun_after = disabled.is_set()
            certificate_id = pca.create_certificate(f"{number}.example.com", root_id)
            if begun_after:
                late.append(certificate_id)

    ended = all_at_once(server, call)
    assert ended == {DONE: 1, "PCA.00030201": CALLERS - 1}
    assert late == []
