"""Every operation on private CAs and certificates, as one story for each family of keys."""

import huaweicloudsdkccm.v1 as ccm
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

import openssl
from pca import DAY_MS, Pca, client, full_name, request

OPERATIONS = {
    "list_certificate_authority",
    "create_certificate_authority",
    "show_certificate_authority_quota",
    "show_certificate_authority",
    "delete_certificate_authority",
    "issue_certificate_authority_certificate",
    "export_certificate_authority_csr",
    "disable_certificate_authority",
    "enable_certificate_authority",
    "export_certificate_authority_certificate",
    "import_certificate_authority_certificate",
    "restore_certificate_authority",
    "revoke_certificate_authority",
    "list_certificate",
    "create_certificate",
    "create_certificate_by_csr",
    "parse_certificate_signing_request",
    "show_certificate_quota",
    "show_certificate",
    "delete_certificate",
    "export_certificate",
    "revoke_certificate",
}


@pytest.mark.parametrize(
    ("root_key", "root_hash", "sub_key", "sub_hash", "leaf_key", "leaf_hash"),
    [
        ("RSA4096", "SHA512", "RSA2048", "SHA256", "RSA2048", "SHA384"),
        ("EC384", "SHA384", "EC256", "SHA512", "EC384", "SHA256"),
    ],
    ids=["RSA", "EC"],
)
def test_all_operations(new_server, tmp_path, root_key, root_hash, sub_key, sub_hash, leaf_key, leaf_hash):
    pca = Pca.of(new_server().start())
    external = openssl.Authority(tmp_path)

    root_id = pca.create_root("Story Root", root_key, root_hash)
    root = pca.show_ca(root_id)
    assert (root.status, root.type, root.path_length, root.issuer_id) == ("ACTIVED", "ROOT", 7, None)
    assert (root.key_algorithm, root.signature_algorithm, root.gen_mode) == (root_key, root_hash, "GENERATE")
    assert (root.charging_mode, root.enterprise_project_id) == (1, "0")
    assert root.distinguished_name == full_name("Story Root")

    # A subordinate CA in two steps, another from an outside CA.
    sub_id = pca.create_pending("Story Sub", sub_key)
    assert (pca.show_ca(sub_id).status, pca.show_ca(sub_id).serial_number) == ("PENDING", None)
    activation = {
        "issuer_id": root_id,
        "signature_algorithm": sub_hash,
        "path_length": 0,
        "validity": ccm.Validity(type="YEAR", value=5),
    }
    pca.call("issue_certificate_authority_certificate", activation, ca_id=sub_id)
    sub = pca.show_ca(sub_id)
    assert (sub.status, sub.issuer_id, sub.issuer_name, sub.path_length) == ("ACTIVED", root_id, "Story Root", 0)

    imported_id = pca.create_pending("Story Imported", sub_key)
    csr = pca.call("export_certificate_authority_csr", ca_id=imported_id).csr
    parsed = pca.call("parse_certificate_signing_request", {"csr": csr})
    assert f"{parsed.key_algorithm}{parsed.key_algorithm_length}" == sub_key
    assert parsed.distinguished_name == full_name("Story Imported")
    signed = external.sign(csr, "basicConstraints=critical,CA:true,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign")
    body = {"certificate": signed, "certificate_chain": external.certificate}
    pca.call("import_certificate_authority_certificate", body, ca_id=imported_id)
    imported = pca.show_ca(imported_id)
    assert (imported.status, imported.gen_mode, imported.serial_number) == ("ACTIVED", "IMPORT", "7A01")

    # Certificates: one with a key of the server's, one from a request.
    leaf_id = pca.create_certificate("story.example.com", sub_id, leaf_key, leaf_hash)
    csr = openssl.make_request(openssl.make_key(tmp_path / "own.key"), "/CN=own.example.com")
    own_body = {"issuer_id": imported_id, "csr": csr, "validity": ccm.Validity(type="DAY", value=30)}
    own_id = pca.call("create_certificate_by_csr", own_body).certificate_id

    exports = {
        root_id: pca.export_ca(root_id),
        sub_id: pca.export_ca(sub_id),
        imported_id: pca.export_ca(imported_id),
        leaf_id: pca.export(leaf_id),
        own_id: pca.export(own_id),
    }
    for resource_id, exported in exports.items():
        shown = pca.show(resource_id) if resource_id in (leaf_id, own_id) else pca.show_ca(resource_id)
        assert shown.serial_number == openssl.serial(exported.certificate)
        openssl.verify(exported.certificate, exported.certificate_chain or exported.certificate, tmp_path)
    leaf = exports[leaf_id]
    assert openssl.public_key_of_key(leaf.private_key) == openssl.public_key_of_certificate(leaf.certificate)
    assert exports[own_id].private_key is None
    own_key = (tmp_path / "own.key").read_text()
    assert openssl.public_key_of_key(own_key) == openssl.public_key_of_certificate(exports[own_id].certificate)

    shown = pca.show(leaf_id)
    assert (shown.status, shown.issuer_name, shown.key_algorithm) == ("ISSUED", "Story Sub", leaf_key)
    assert shown.not_after - shown.not_before == 3 * 31 * DAY_MS
    assert shown.distinguished_name == full_name("story.example.com"), "the rest is inherited"

    listed = pca.call("list_certificate", sort_key="create_time", sort_dir="DESC", limit=10, offset=0)
    assert (listed.total, [item.certificate_id for item in listed.certificates]) == (2, [own_id, leaf_id])
    listed = pca.call("list_certificate_authority", type="SUBORDINATE", status="ACTIVED", name="story")
    assert (listed.total, [item.ca_id for item in listed.certificate_authorities]) == (2, [imported_id, sub_id])
    [used] = pca.call("show_certificate_authority_quota").quotas.resources
    assert (used.type, used.used, used.quota) == ("CERTIFICATE_AUTHORITY", 3, 100)
    [used] = pca.call("show_certificate_quota").quotas.resources
    assert (used.type, used.used, used.quota) == ("CERTIFICATE", 2, 100_000)

    # Ends of certificates.
    pca.call("revoke_certificate", {"reason": "KEY_COMPROMISE"}, certificate_id=leaf_id)
    assert pca.show(leaf_id).status == "REVOKED"
    pca.call("delete_certificate", certificate_id=leaf_id)
    with pytest.raises(ClientRequestException) as caught:
        pca.show(leaf_id)
    assert (caught.value.status_code, caught.value.error_code) == (404, "PCA.00030102")
    assert pca.call("list_certificate").total == 1

    # Ends of CAs.
    pca.call("disable_certificate_authority", ca_id=sub_id)
    assert pca.show_ca(sub_id).status == "DISABLED"
    pca.call("enable_certificate_authority", ca_id=sub_id)
    pca.call("revoke_certificate_authority", {"reason": "SUPERSEDED"}, ca_id=sub_id)
    assert pca.show_ca(sub_id).status == "REVOKED"
    pca.call("disable_certificate_authority", ca_id=imported_id)
    pca.call("delete_certificate_authority", ca_id=imported_id, pending_days="7")
    deleted = pca.show_ca(imported_id)
    assert deleted.status == "DELETED"
    assert deleted.delete_time > deleted.create_time + 6 * DAY_MS
    pca.call("restore_certificate_authority", ca_id=imported_id)
    restored = pca.show_ca(imported_id)
    assert (restored.status, restored.delete_time) == ("DISABLED", None)

    assert pca.used == OPERATIONS


def test_lists_page_and_sort(pca):
    root_id = pca.create_root("Paging Root")
    names = [f"paging-{number}.example.com" for number in (2, 0, 1, 3)]
    created = [pca.create_certificate(name, root_id) for name in names]

    def page(**parameters):
        answer = pca.call("list_certificate", name="PAGING-", **parameters)
        assert answer.total == len(names)
        return [item.certificate_id for item in answer.certificates]

    assert page() == created[::-1], "the newest comes first"
    assert page(sort_dir="ASC") == created
    assert page(sort_dir="ASC", limit=3) + page(sort_dir="ASC", limit=3, offset=3) == created
    assert page(limit=1000, offset=1000) == []
    by_name = [created[names.index(name)] for name in sorted(names)]
    assert page(sort_key="common_name", sort_dir="ASC") == by_name


def test_a_quota_is_a_limit(new_server):
    pca = Pca.of(new_server(OPENCCM_QUOTA_CAS=1, OPENCCM_QUOTA_CERTIFICATES=2).start())
    root_id = pca.create_root("Only Root")
    for number in range(2):
        pca.create_certificate(f"{number}.example.com", root_id)
    for create in (lambda: pca.create_root("Second"), lambda: pca.create_certificate("3.example.com", root_id)):
        with pytest.raises(ClientRequestException) as caught:
            create()
        assert (caught.value.status_code, caught.value.error_code) == (403, "PCA.00030001")
    assert pca.call("show_certificate_authority_quota").quotas.resources[0].used == 1


def test_the_asynchronous_client(server, pca):
    asynchronous = client(server, client_type=ccm.CcmAsyncClient)
    root_id = pca.create_root("Asynchronous Root")
    wanted = request("show_certificate_authority", ca_id=root_id)
    futures = [asynchronous.show_certificate_authority_async(wanted) for _ in range(3)]
    assert [future.result().ca_id for future in futures] == [root_id] * 3
