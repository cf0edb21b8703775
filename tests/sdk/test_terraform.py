"""What the Terraform provider sends, byte for byte the shapes it uses, and what it needs in the answers."""

import time

import openssl
import relying_party
from server import wait_for
from terraform import Terraform
from tokens import ask_for_token, password_body

CAS = "/v1/private-certificate-authorities"
CERTIFICATES = "/v1/private-certificates"


def authority_body(name, **more):
    name = {
        "common_name": name,
        "country": "CN",
        "locality": "L",
        "organization": "O",
        "organizational_unit": "U",
        "state": "S",
    }
    return {
        "distinguished_name": name,
        "enterprise_project_id": "",
        "key_algorithm": "RSA2048",
        "signature_algorithm": "SHA512",
        **more,
    }


def test_a_plan_and_its_end(server):
    terraform = Terraform(server)

    # How the provider starts.
    (project,) = terraform.call("GET", "/v3/projects?name=cn-north-4", {200})["projects"]
    assert project["id"] == server.credentials["project_id"]
    domains = terraform.call("GET", "/v3/auth/domains", {200})
    assert domains["domains"][0]["name"] == server.credentials["domain_name"]
    assert domains["links"]["next"] is None

    start = str(int(time.time() * 1000) + 60_000)
    root_body = authority_body(
        "tf-root",
        key_usages=["digitalSignature", "keyCertSign", "cRLSign"],
        type="ROOT",
        validity={"type": "DAY", "value": 5},
    )
    root_id = terraform.call("POST", CAS, {200, 201, 202}, root_body)["ca_id"]
    sub_body = authority_body(
        "tf-sub",
        issuer_id=root_id,
        key_usages=["cRLSign"],
        path_length=5,
        type="SUBORDINATE",
        validity={"start_from": start, "type": "DAY", "value": 1},
    )
    sub_id = terraform.call("POST", CAS, {200, 201, 202}, sub_body)["ca_id"]
    sub = terraform.call("GET", f"{CAS}/{sub_id}", {200})
    for field in ("type", "key_algorithm", "signature_algorithm", "distinguished_name", "path_length", "issuer_id"):
        assert sub[field] == sub_body[field], f"a changed {field} would replace the CA at the next plan"
    assert (sub["status"], sub["charging_mode"], sub["enterprise_project_id"]) == ("ACTIVED", 1, "0")
    assert sub["issuer_name"] == "tf-root"
    assert sub["not_before"] == int(start) // 1000 * 1000
    assert sub["crl_configuration"]["enabled"] is False
    root = terraform.call("GET", f"{CAS}/{root_id}", {200})
    assert (root["path_length"], root["issuer_id"], root["gen_mode"]) == (7, None, "GENERATE")

    # The data source asks until a page is empty, newest first.
    first = terraform.call("GET", f"{CAS}?limit=1000&offset=0", {200})["certificate_authorities"]
    assert [item["ca_id"] for item in first] == [sub_id, root_id]
    assert terraform.call("GET", f"{CAS}?limit=1000&offset=1000", {200})["certificate_authorities"] == []
    exported = terraform.call("POST", f"{CAS}/{root_id}/export", {200}, None)
    assert openssl.serial(exported["certificate"]) == root["serial_number"]

    certificate_body = {
        "customized_extension": {"object_identifier": "", "value": ""},
        "distinguished_name": {
            "common_name": "tf-leaf",
            "country": "",
            "locality": "",
            "organization": "",
            "organizational_unit": "",
            "state": "",
        },
        "extended_key_usage": {
            "client_auth": False,
            "code_signing": False,
            "email_protection": False,
            "server_auth": False,
            "time_stamping": False,
        },
        "issuer_id": root_id,
        "key_algorithm": "RSA2048",
        "key_usages": ["nonRepudiation", "keyEncipherment"],
        "signature_algorithm": "SHA256",
        "subject_alternative_names": [],
        "validity": {"type": "DAY", "value": 1},
    }
    certificate_id = terraform.call("POST", CERTIFICATES, {200, 201, 202}, certificate_body)["certificate_id"]
    shown = terraform.call("GET", f"{CERTIFICATES}/{certificate_id}", {200})
    assert shown["distinguished_name"] == root["distinguished_name"] | {"common_name": "tf-leaf"}, "inherited"
    export_body = {"is_compressed": False, "is_sm_standard": "", "password": "", "type": "APACHE"}
    exported = terraform.call("POST", f"{CERTIFICATES}/{certificate_id}/export", {200}, export_body)
    assert all(exported[field] for field in ("certificate", "certificate_chain", "private_key"))

    # How it ends: certificates first, then CAs from below.
    terraform.call("POST", f"{CERTIFICATES}/{certificate_id}/revoke", {204}, {"reason": None})
    terraform.call("DELETE", f"{CERTIFICATES}/{certificate_id}", {200, 202, 204})
    terraform.call("POST", f"{CAS}/{sub_id}/revoke", {204}, {"reason": None})
    terraform.call("DELETE", f"{CAS}/{sub_id}?pending_days=7", {200, 204})
    terraform.call("POST", f"{CAS}/{root_id}/disable", {204})
    terraform.call("DELETE", f"{CAS}/{root_id}?pending_days=7", {200, 204})
    for ca_id in (sub_id, root_id):
        assert terraform.call("GET", f"{CAS}/{ca_id}", {200})["status"] == "DELETED"
    terraform.call("GET", f"{CERTIFICATES}/{certificate_id}", {404})


def test_a_list_over_the_life_of_a_resource(new_server):
    """The steps of the provider's own acceptance test of a CA with a revocation list, and its one-shot resources."""
    server = new_server(OPENCCM_BUCKETS__NAMES="tf-bucket").start()
    terraform = Terraform(server)

    # The data sources: a boolean, no text.
    assert terraform.call("GET", f"{CAS}/agency", {200}) == {"agency_granted": False}
    assert terraform.call("POST", f"{CAS}/agencies", {200, 201, 202})["agency_id"]
    assert terraform.call("GET", f"{CAS}/agency", {200}) == {"agency_granted": True}
    config = terraform.call("GET", "/v1/pca/config/console", {200})
    assert config.pop("dhsm_regions") == []
    assert len(config) == 6
    assert all(isinstance(value, bool) for value in config.values())

    def show(ca_id):
        shown = terraform.call("GET", f"{CAS}/{ca_id}", {200})
        return shown["status"], shown["crl_configuration"]

    # Step 1: a list from the beginning, whose name is left open.
    enabled = {"crl_name": "", "enabled": True, "obs_bucket_name": "tf-bucket", "valid_days": 7}
    root_body = authority_body(
        "tf-crl-root",
        crl_configuration=enabled,
        key_usages=["digitalSignature", "keyCertSign", "cRLSign"],
        type="ROOT",
        validity={"type": "DAY", "value": 5},
    )
    root_id = terraform.call("POST", CAS, {200, 201, 202}, root_body)["ca_id"]
    status, first = show(root_id)
    assert status == "ACTIVED"
    assert first.items() >= {"enabled": True, "obs_bucket_name": "tf-bucket", "valid_days": 7}.items()
    assert first["crl_name"]
    assert relying_party.fetch_list(first["crl_dis_point"]).reasons == {}
    (listed,) = terraform.call("GET", f"{CAS}?limit=1000&offset=0", {200})["certificate_authorities"]
    assert listed["crl_configuration"].items() >= {"enabled": True, "obs_bucket_name": "tf-bucket"}.items()

    # Step 2: the CA and its list disabled, in the provider's order: the list first. Nothing of it may be read back.
    terraform.call("POST", f"{CAS}/{root_id}/crl/disable", {204})
    terraform.call("POST", f"{CAS}/{root_id}/disable", {204})
    status, shown = show(root_id)
    assert (status, shown.pop("enabled")) == ("DISABLED", False)
    assert not any(shown.values())

    # Step 3: the list enabled, the CA left disabled.
    body = {"crl_name": "tf-list", "obs_bucket_name": "tf-bucket", "valid_days": 10}
    terraform.call("POST", f"{CAS}/{root_id}/crl/enable", {204}, body)
    status, shown = show(root_id)
    assert status == "DISABLED"
    assert shown == body | {"enabled": True, "crl_dis_point": f"{server.url}/crl/tf-bucket/tf-list.crl"}
    assert relying_party.fetch_list(shown["crl_dis_point"]).reasons == {}
    terraform.call("POST", f"{CAS}/{root_id}/enable", {204})

    # A subordinate CA that may sign lists and nothing else.
    sub_body = authority_body(
        "tf-crl-sub",
        crl_configuration=enabled,
        issuer_id=root_id,
        key_usages=["cRLSign"],
        path_length=5,
        type="SUBORDINATE",
        validity={"type": "DAY", "value": 1},
    )
    sub_id = terraform.call("POST", CAS, {200, 201, 202}, sub_body)["ca_id"]
    assert show(sub_id)[1]["enabled"] is True

    # OCSP switched on, and off twice.
    for on in (True, False, False):
        terraform.call("POST", f"{CAS}/{root_id}/ocsp/switch", {204}, {"ocsp_switch": on})

    # A revoked CA is deleted as it is; its issuer's list names it.
    sub = terraform.call("POST", f"{CAS}/{sub_id}/export", {200}, None)["certificate"]
    terraform.call("POST", f"{CAS}/{sub_id}/revoke", {204}, {"reason": "SUPERSEDED"})
    named = {openssl.serial(sub): "Superseded"}
    wait_for(lambda: relying_party.fetch_list(shown["crl_dis_point"]).reasons == named, "the list names it")
    terraform.call("DELETE", f"{CAS}/{sub_id}?pending_days=7", {200, 204})
    terraform.call("POST", f"{CAS}/{root_id}/disable", {204})
    terraform.call("DELETE", f"{CAS}/{root_id}?pending_days=7", {200, 204})
    terraform.call("POST", f"{CAS}/{root_id}/restore", {204})
    assert show(root_id) == ("DISABLED", shown)


def test_an_unsigned_hint_is_checked(server):
    terraform = Terraform(server)
    terraform.headers["X-Project-Id"] = "0" * 32
    assert terraform.call("GET", CAS, {403})["error_code"] == "PCA.00010004"


def test_signing_in_by_password(server):
    known = server.credentials
    domain = {"name": known["domain_name"]}
    by_project = {"project": {"domain": domain, "name": known["project_name"]}}
    for scope, found in ((by_project, "project"), ({"domain": domain}, "domain")):
        answer = ask_for_token(server, password_body(server, scope))
        assert answer.status_code == 201
        token = answer.json()["token"]
        assert token["catalog"] == []
        assert token[found]["id"] == known[f"{found}_id"]
