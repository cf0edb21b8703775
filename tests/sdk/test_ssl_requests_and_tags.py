"""Signing requests, tags and notices of SSL certificates."""

import uuid

import huaweicloudsdkscm.v3 as sdk
import pytest

import openssl
from scm import MISSING_ID, refused

NOTICES = ["CERT_EXPIRING", "CERT_EXPIRED"]


@pytest.mark.parametrize("key", ["RSA_2048", "RSA_3072", "RSA_4096", "EC_P256", "EC_P384"])
def test_the_life_of_a_signing_request(scm, key):
    body = {
        "name": f"made-{key}",
        "domain_name": "made.example.com",
        "sans": "www.made.example.com;*.made.example.com",
        "private_key_algo": key,
        "usage": "ENTERPRISE",
        "company_country": "CN",
        "company_province": "Sichuan",
        "company_city": "Chengdu",
        "company_name": "Example Ltd",
    }
    made = scm.call("create_csr", body)
    assert {field: getattr(made, field) for field in body} == body
    assert made.create_time == made.update_time > 1.7e12
    shown = scm.call("show_csr", id=made.id)
    assert {**made.to_json_object(), "csr": shown.csr} == shown.to_json_object()
    openssl.check_request(shown.csr)
    printed = openssl.openssl("req", "-noout", "-text", "-nameopt", "RFC2253", text=shown.csr)
    assert "Subject: CN=made.example.com,O=Example Ltd,L=Chengdu,ST=Sichuan,C=CN" in printed
    assert "DNS:made.example.com, DNS:www.made.example.com, DNS:*.made.example.com" in printed
    kind, size = key.split("_")
    assert (f"Public-Key: ({size} bit)" if kind == "RSA" else f"NIST CURVE: {size[0]}-{size[1:]}") in printed
    private_key = scm.call("show_csr_private_key", id=made.id).private_key
    assert openssl.public_key_of_key(private_key) == openssl.openssl("req", "-noout", "-pubkey", text=shown.csr)

    renamed = scm.call("update_csr", {"name": f"renamed-{key}"}, id=made.id)
    assert (renamed.id, renamed.name, renamed.create_time) == (made.id, f"renamed-{key}", made.create_time)
    assert renamed.update_time >= made.update_time
    found = scm.call("list_csr", name=f"named-{key}", private_key_algo=key)
    assert (found.total, [item.id for item in found.csr_list]) == (1, [made.id])
    assert found.csr_list[0].csr == shown.csr
    scm.call("delete_csr", id=made.id)
    for operation in ("show_csr", "show_csr_private_key", "delete_csr"):
        with refused(404, "SCM.0707"):
            scm.call(operation, id=made.id)


def test_uploaded_signing_requests(scm, tmp_path):
    key = openssl.make_key(tmp_path / "a.key", "EC384")
    csr = openssl.make_request(key, "/C=DE/O=Beispiel/CN=up.example.com", "subjectAltName=DNS:up.example.com,DNS:b.org")
    without_key = scm.call("upload_csr", {"name": "up-1", "csr": csr})
    with_key = scm.call("upload_csr", {"name": "up-2", "csr": csr, "private_key": key.read_text()})
    assert (with_key.name, with_key.create_time > 1.7e12) == ("up-2", True)
    shown = scm.call("show_csr", id=with_key.id)
    assert (shown.domain_name, shown.sans, shown.private_key_algo) == ("up.example.com", "b.org", "EC_P384")
    assert (shown.usage, shown.company_country, shown.company_name) == ("ENTERPRISE", "DE", "Beispiel")
    exported = scm.call("show_csr_private_key", id=with_key.id).private_key
    assert openssl.public_key_of_key(exported) == openssl.public_key_of_key(key.read_text())
    with refused(400, "SCM.0059"):
        scm.call("show_csr_private_key", id=without_key.id)
    # Newest first, a page at a time.
    pages = [scm.call("list_csr", name="up-", limit=1, offset=offset) for offset in (0, 1, 2)]
    assert [[item.id for item in page.csr_list] for page in pages] == [[with_key.id], [without_key.id], []]
    assert {page.total for page in pages} == {2}

    other_key = openssl.make_key(tmp_path / "b.key")
    nameless = openssl.make_request(key, "/O=Beispiel")
    for body, code in [
        ({"name": "bad", "csr": "no request"}, "SCM.0034"),
        ({"name": "bad", "csr": nameless}, "SCM.0033"),
        ({"name": "bad", "csr": csr, "private_key": "no key"}, "SCM.0012"),
        ({"name": "bad", "csr": csr, "private_key": other_key.read_text()}, "SCM.0014"),
        ({"name": "", "csr": csr}, "SCM.0032"),
    ]:
        with refused(400, code):
            scm.call("upload_csr", body)
    assert scm.call("list_csr", name="bad").total == 0


def test_signing_requests_that_cannot_be_made(scm):
    good = {"name": "bad", "domain_name": "a.example.com", "private_key_algo": "EC_P256", "usage": "PERSONAL"}
    for wrong, code in [
        ({"name": None}, "SCM.0032"),
        ({"domain_name": "not a name"}, "SCM.0108"),
        ({"sans": "a..b"}, "SCM.0108"),
        ({"private_key_algo": "SM2"}, "SCM.0005"),
        ({"private_key_algo": "RSA_1024"}, "SCM.0005"),
        ({"usage": "ENTERPRISE"}, "SCM.0005"),
        ({"usage": "ROBOT"}, "SCM.0005"),
        ({"company_country": "China"}, "SCM.0005"),
    ]:
        with refused(400, code):
            scm.call("create_csr", good | wrong)
    assert scm.call("list_csr", name="bad").total == 0
    for missing in (str(uuid.uuid4()), "1", "x" * 300):
        for operation in ("show_csr", "show_csr_private_key", "delete_csr"):
            with refused(404, "SCM.0707"):
                scm.call(operation, id=missing)
        with refused(404, "SCM.0707"):
            scm.call("update_csr", {"name": "new"}, id=missing)


def tag(key, value):
    return sdk.ScsResourceTag(key=key, value=value)


def test_tags(scm):
    def tags_of(certificate_id):
        found = scm.call("list_tags_by_certificate", resource_id=certificate_id).tags
        return {item.key: item.value for item in found}

    def act(certificate_id, action, **tags):
        body = {"action": action, "tags": [tag(key, value) for key, value in tags.items()]}
        return scm.call("batch_create_or_delete_tags", body, resource_id=certificate_id)

    first = scm.buy(tags=[tag("bought", "yes")])
    second, third = (cert.cert_id for cert in scm.order(order_number=2).cert)
    scm.call("create_certificate_tag", {"tag": tag("stage", "test")}, resource_id=first)
    act(first, "create", team="web", stage="production")
    act(second, "create", team="shop", stage="test")
    assert tags_of(first) == {"bought": "yes", "team": "web", "stage": "production"}
    assert tags_of(third) == {}
    everything = {item.key: set(item.values) for item in scm.call("list_all_tags").tags}
    assert everything == {"bought": {"yes"}, "team": {"web", "shop"}, "stage": {"production", "test"}}

    def search(action="filter", **body):
        request = {"action": action, **body}
        return scm.call("list_certificates_by_tag", request, resource_instances="resource_instances")

    def found(**body):
        for name in ("tags", "tags_any", "not_tags", "not_tags_any"):
            if name in body:
                body[name] = [sdk.ScsTag(key=key, values=values) for key, values in body[name].items()]
        answer = search(**body)
        assert answer.total_count >= len(answer.resources)
        return {item.resource_id for item in answer.resources}

    assert found() == {first, second, third}
    assert found(tags={"team": ["web", "shop"], "stage": ["test"]}) == {second}
    assert found(tags_any={"team": ["shop"], "bought": []}) == {first, second}
    assert found(not_tags={"team": ["web"], "stage": ["production"]}) == {second, third}
    assert found(not_tags_any={"team": ["web"], "stage": ["test"]}) == {third}
    assert found(without_any_tag=True, tags={"team": ["web"]}) == {third}
    name = scm.show(second).name
    assert found(matches=[sdk.ScsMatch(key="resource_name", value=name)]) == {second}
    assert [found(limit=1, offset=offset) for offset in range(4)] == [{third}, {second}, {first}, set()]
    counted = search("count", tags=[sdk.ScsTag(key="stage", values=[])])
    assert (counted.total_count, counted.resources) == (2, None)
    (resource,) = search(tags=[sdk.ScsTag(key="team", values=["web"])]).resources
    assert {item.key for item in resource.tags} == {"bought", "team", "stage"}
    detail = resource.resource_detail
    assert (detail.cert_id, detail.order_status, detail.purchase_period) == (first, "PAID", 1)
    assert (detail.cert_brand, detail.cert_type, detail.domain_type) == ("GEOTRUST", "DV_SSL_CERT", "SINGLE_DOMAIN")
    assert (detail.push_support, detail.unsubscribe_support, detail.domain_num) == (False, True, 1)
    assert detail.partner_order_id == scm.show(first).order_id
    assert (detail.expired_time, detail.cert_name) == ("", scm.show(first).name)

    act(first, "delete", team="web", stage="production", missing="no")
    assert tags_of(first) == {"bought": "yes"}
    for resource_id, action, tags, status, code in [
        (first, "rename", {"a": "b"}, 400, "SCM.0304"),
        (first, "create", {}, 400, "SCM.0313"),
        (first, "create", {"k" * 129: "b"}, 400, "SCM.0310"),
        (first, "create", {"a": "v" * 256}, 400, "SCM.0309"),
        (first, "create", {f"key{number}": "" for number in range(20)}, 400, "SCM.0302"),
        (MISSING_ID, "create", {"a": "b"}, 404, "SCM.0094"),
    ]:
        with refused(status, code):
            act(resource_id, action, **tags)
    with refused(404, "SCM.0094"):
        tags_of(MISSING_ID)
    with refused(404, "SCM.0094"):
        scm.call("create_certificate_tag", {"tag": tag("a", "b")}, resource_id=MISSING_ID)
    with refused(400, "SCM.0304"):
        search("find")
    with refused(400, "SCM.0318"):
        search(limit=1000)
    with refused(400, "SCM.0319"):
        search(offset=-1)
    assert tags_of(first) == {"bought": "yes"}

    # Tags end with what they are on.
    scm.call("unsubscribe_certificate", cert_id=first)
    assert "bought" not in {item.key for item in scm.call("list_all_tags").tags}


def test_notifications(scm):
    certificate_id = scm.buy()
    for operation in ("enable_notification", "disable_notification"):
        scm.call(operation, [{"resource_id": certificate_id, "notice_type": NOTICES}])
        scm.call(operation, [{"resource_id": certificate_id, "notice_type": NOTICES[:1]}])
        with refused(404, "SCM.0094"):
            scm.call(operation, [{"resource_id": MISSING_ID, "notice_type": NOTICES}])
        for bad in (["CERT_BORN"], []):
            with refused(400, "SCM.0005"):
                scm.call(operation, [{"resource_id": certificate_id, "notice_type": bad}])
        with refused(400, "SCM.0505"):
            scm.call(operation, [])
