"""A database restored from yesterday's backup knows less than the published lists, which must not forget for that."""

import shutil

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

import openssl
import relying_party
from pca import Pca
from server import wait_for
from signed_http import publish_partitions


def database_files(server):
    return sorted(server.data.glob("openccm.db*"))


def test_yesterdays_database(store, new_server, tmp_path):
    server = new_server(**store.settings).start()
    pca = Pca.of(server)
    pca.allow_publishing()
    bucket = store.create_bucket(server)
    root_id = pca.create_root("Restored Root")
    root_address = pca.publish(root_id, bucket)
    split_id = pca.create_subordinate("Restored Split", root_id)
    publish_partitions(server, split_id, bucket, 2)
    split_address = pca.show_ca(split_id).crl_configuration.crl_dis_point
    for ca_id in (root_id, split_id):
        pca.switch_ocsp(ca_id)
    sub_id = pca.create_subordinate("Restored Sub", root_id)
    chain = pca.export_ca(split_id).certificate, pca.export_ca(root_id).certificate
    exported = {}

    def issue(name, ca_id):
        certificate_id = pca.create_certificate(f"{name}.example.com", ca_id)
        exported[certificate_id] = pca.export(certificate_id).certificate
        return certificate_id

    def named_by(address, reasons):
        """Waits until the list names exactly these certificates; gives its number."""
        expected = {openssl.serial(certificate): reason for certificate, reason in reasons.items()}
        wait_for(lambda: relying_party.fetch_list(address).reasons == expected, f"{address} names {expected}")
        return relying_party.fetch_list(address).number

    before, held, after, spared = (issue(name, root_id) for name in ("before", "held", "after", "spared"))
    split = [issue(f"split-{number}", split_id) for number in range(2)]
    sub = pca.export_ca(sub_id).certificate
    pca.revoke(before, "SUPERSEDED")
    pca.revoke(held, "CERTIFICATE_HOLD")
    reasons = {exported[before]: "Superseded", exported[held]: "Certificate Hold"}
    named_by(root_address, reasons)

    # The backup, and what happens after it.
    server.stop()
    (tmp_path / "backup").mkdir()
    for file in database_files(server):
        shutil.copy2(file, tmp_path / "backup")
    server.start()
    pca = Pca.of(server)
    pca.revoke(after, "KEY_COMPROMISE")
    pca.revoke(held, "PRIVILEGE_WITHDRAWN")
    pca.call("revoke_certificate_authority", {"reason": "CESSATION_OF_OPERATION"}, ca_id=sub_id)
    unknown, unknown_good = issue("unknown", root_id), issue("unknown-good", root_id)
    pca.revoke(unknown, "AFFILIATION_CHANGED")
    for certificate_id in split:
        pca.revoke(certificate_id, "KEY_COMPROMISE")
    reasons |= {
        exported[after]: "Key Compromise",
        exported[held]: "Privilege Withdrawn",
        sub: "Cessation Of Operation",
        exported[unknown]: "Affiliation Changed",
    }
    split_reasons = {exported[certificate_id]: "Key Compromise" for certificate_id in split}
    addresses = (root_address, split_address, *map(relying_party.list_address, split_reasons))
    named_by(root_address, reasons)
    named_by(split_address, split_reasons)
    for certificate, address in zip(split_reasons, addresses[2:], strict=True):
        named_by(address, {certificate: "Key Compromise"})
    numbers = [relying_party.fetch_list(address).number for address in addresses]

    # The restore.
    server.stop()
    for file in database_files(server):
        file.unlink()
    for file in (tmp_path / "backup").iterdir():
        shutil.copy2(file, server.data)
    server.start()
    # Never, not even at first, is it good again.
    split_ca, root = chain
    assert relying_party.ask_responder(exported[after], root, root, tmp_path) == "keyCompromise"
    pca = Pca.of(server)

    def have_risen():
        found = [relying_party.fetch_list(address).number for address in addresses]
        return all(new > old for new, old in zip(found, numbers, strict=True))

    wait_for(have_risen, "all lists are published anew")
    assert named_by(root_address, reasons) > numbers[0]
    assert named_by(split_address, split_reasons) > numbers[1]
    for certificate, address in zip(split_reasons, addresses[2:], strict=True):
        named_by(address, {certificate: "Key Compromise"})

    # The API knows again what it can know.
    for certificate_id in (before, held, after, *split):
        assert pca.show(certificate_id).status == "REVOKED"
    assert pca.show(spared).status == "ISSUED"
    assert pca.show_ca(sub_id).status == "REVOKED"
    with pytest.raises(ClientRequestException) as caught:
        pca.show(unknown)
    assert caught.value.status_code == 404

    # So do responders, also about what the database has never heard of.
    expected = {before: "superseded", held: "(UNKNOWN)", after: "keyCompromise", spared: "good"}
    expected |= {unknown: "affiliationChanged", unknown_good: "unknown"}
    for certificate_id, status in expected.items():
        assert relying_party.ask_responder(exported[certificate_id], root, root, tmp_path) == status
    for certificate in split_reasons:
        both = split_ca + "\n" + root
        assert relying_party.ask_responder(certificate, split_ca, both, tmp_path) == "keyCompromise"

    # What was taken back in is told: one revocation changed, five were not known.
    taken = {event["serial_number"] for event in server.log_events("taking a published revocation back in")}
    assert taken == {openssl.serial(text) for text in (exported[after], exported[unknown], sub, *split_reasons)}
    reports = server.log_events(
        "the published CRL names revocations that the database did not know: they were taken back in"
    )
    assert {report["ca_id"] for report in reports} == {root_id, split_id}
    assert sum(report["count"] for report in reports) == len(taken)
    assert server.metric("openccm_crl_revocations_taken_back_total") == len(taken)

    # Work goes on.
    pca.revoke(spared, "SUPERSEDED")
    reasons[exported[spared]] = "Superseded"
    named_by(root_address, reasons)
    server.restart()
    named_by(root_address, reasons)
    assert len(server.log_events("taking a published revocation back in")) == len(taken), "once"
