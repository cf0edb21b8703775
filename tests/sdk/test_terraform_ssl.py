"""What the Terraform provider sends for SSL certificates, in the shapes it uses, and what it needs in the answers."""

import pytest

import openssl
from server import wait_for
from terraform import Terraform

SSL = "/v3/scm/certificates"
# What the provider accepts without being told: of GET, of POST and PUT, of DELETE. 204 is no success of POST.
GOT, POSTED, DELETED = {200}, {200, 201, 202}, {200, 202, 204}


@pytest.fixture(scope="module")
def terraform(server):
    return Terraform(server)


def purchase_body(**more):
    return {
        "agree_privacy_protection": True,
        "cert_brand": "GEOTRUST",
        "cert_type": "OV_SSL_CERT",
        "domain_numbers": 1,
        "domain_type": "SINGLE_DOMAIN",
        "effective_time": 1,
        "is_auto_pay": True,
        "order_number": 1,
        **more,
    }


def create_certificate(terraform, **more):
    """Creates a huaweicloud_ccm_certificate: buys it, and asks until it is paid. Gives its id."""
    bought = terraform.call("POST", f"{SSL}/buy", POSTED, purchase_body(**more))
    certificate_id = bought["cert"][0]["cert_id"]
    # The provider first asks after 10 s, and does not bear with a 404.
    assert terraform.call("GET", f"{SSL}/{certificate_id}", GOT)["status"] == "PAID"
    return certificate_id


def delete_certificate(terraform, certificate_id):
    """Deletes a huaweicloud_ccm_certificate: unsubscribes, and asks until it is not found."""
    answer = terraform.call("DELETE", f"{SSL}/{certificate_id}/unsubscribe", DELETED)
    assert answer == {"unsubscribe_results": "SUCCESS"}, "a 204 would have no body"
    terraform.call("GET", f"{SSL}/{certificate_id}", {404})


def tags_of(terraform, certificate_id):
    """The tags in the provider's state."""
    tags = terraform.call("GET", f"/v3/scm/{certificate_id}/tags", GOT)["tags"]
    return {tag["key"]: tag["value"] for tag in tags}


def act_on_tags(terraform, certificate_id, action, tags):
    body = {"action": action, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    assert terraform.call("POST", f"/v3/scm/{certificate_id}/tags/action", {200}, body)


def test_the_life_of_a_bought_certificate(terraform):
    certificate_id = create_certificate(terraform)
    act_on_tags(terraform, certificate_id, "create", {"foo": "bar", "key": "value"})
    shown = terraform.call("GET", f"{SSL}/{certificate_id}", GOT)
    # A changed one would replace the certificate at the next plan.
    assert (shown["brand"], shown["type"], shown["domain_type"]) == ("GEOTRUST", "OV_SSL_CERT", "SINGLE_DOMAIN")
    assert (shown["domain_count"], shown["wildcard_count"], shown["multi_domain_type"]) == (1, 0, "")
    assert shown["enterprise_project_id"] == "0"
    assert shown["authentification"] == []
    for field in ("validity_period", "status", "order_id", "name", "push_support"):
        assert shown[field], field
    assert isinstance(shown["validity_period"], int)
    assert tags_of(terraform, certificate_id) == {"foo": "bar", "key": "value"}

    # An update: all old tags go, all new ones come.
    act_on_tags(terraform, certificate_id, "delete", {"foo": "bar", "key": "value"})
    act_on_tags(terraform, certificate_id, "create", {"foo": "bar_update"})
    assert tags_of(terraform, certificate_id) == {"foo": "bar_update"}
    delete_certificate(terraform, certificate_id)


def test_several_domain_names(terraform):
    project = "0a4c8fdd-5cb7-4b7f-8a54-0d8d1f6a2a0f"
    certificate_id = create_certificate(
        terraform,
        domain_numbers=4,
        domain_type="MULTI_DOMAIN",
        enterprise_project_id=project,
        primary_domain_type="SINGLE_DOMAIN",
        single_domain_number=1,
        wildcard_domain_number=2,
    )
    shown = terraform.call("GET", f"{SSL}/{certificate_id}", GOT)
    assert (shown["domain_count"], shown["wildcard_count"]) == (4, 2)
    assert (shown["multi_domain_type"], shown["enterprise_project_id"]) == ("primary_single", project)
    delete_certificate(terraform, certificate_id)
    wildcard = {"domain_type": "MULTI_DOMAIN", "domain_numbers": 2, "primary_domain_type": "WILDCARD_DOMAIN"}
    certificate_id = create_certificate(terraform, **wildcard, single_domain_number=1)
    assert terraform.call("GET", f"{SSL}/{certificate_id}", GOT)["multi_domain_type"] == "primary_wildcard"
    delete_certificate(terraform, certificate_id)


def test_applying_and_taking_back(terraform):
    certificate_id = create_certificate(terraform, cert_type="DV_SSL_CERT")
    body = {
        "agree_privacy_protection": True,
        "applicant_email": "alice@example.com",
        "applicant_name": "Alice",
        "applicant_phone": "13087654321",
        "domain": "tf.invalid",
        "domain_method": "dns",
    }
    answer = terraform.call("POST", f"{SSL}/{certificate_id}/apply", POSTED, body)
    assert answer == {"request_info": "success"}
    (record,) = terraform.call("GET", f"{SSL}/{certificate_id}", GOT)["authentification"]
    assert set(record) == {"record_name", "record_type", "record_value", "domain"}
    assert terraform.call("POST", f"{SSL}/{certificate_id}/cancel-cert", POSTED)["message"] == "success"
    paid = lambda: terraform.call("GET", f"{SSL}/{certificate_id}", GOT)["status"] == "PAID"  # noqa: E731
    wait_for(paid, "the application is taken back")
    delete_certificate(terraform, certificate_id)


def import_certificate(terraform, folder, name, **more):
    """Creates a huaweicloud_ccm_certificate_import, of which the provider strips the last line feeds. Gives its id."""
    certificate, chain, private_key = openssl.Authority(folder).issue([f"{name}.example.com"])
    body = {
        "certificate": certificate.rstrip("\n"),
        "certificate_chain": chain.rstrip("\n"),
        "name": name,
        "private_key": private_key.rstrip("\n"),
        **more,
    }
    return terraform.call("POST", f"{SSL}/import", {200, 201}, body)["certificate_id"]


def test_the_life_of_an_imported_certificate(server, terraform, tmp_path):
    project = "0a4c8fdd-5cb7-4b7f-8a54-0d8d1f6a2a0f"
    certificate_id = import_certificate(terraform, tmp_path, "tf-import", enterprise_project_id=project)
    region = server.credentials["project_name"]
    for target, service in (("", "CDN"), (region, "WAF"), (region, "ELB")):
        body = {"target_project": target, "target_service": service}
        assert terraform.call("POST", f"{SSL}/{certificate_id}/push", {204}, body) is None
    shown = terraform.call("GET", f"{SSL}/{certificate_id}", GOT)
    assert (shown["status"], shown["name"], shown["enterprise_project_id"]) == ("UPLOAD", "tf-import", project)
    for field in ("push_support", "domain", "domain_count", "not_before", "not_after"):
        assert shown[field], field

    # The data sources.
    exported = terraform.call("POST", f"{SSL}/{certificate_id}/export", POSTED, None)
    for field in ("entire_certificate", "certificate", "certificate_chain", "private_key"):
        assert exported[field], field
    asked = {"certificate_ids": [certificate_id], "service_names": ["WAF"]}
    (result,) = terraform.call("POST", "/v3/scm/deployed-resources", POSTED, asked)["results"]
    assert result["deployed_resources"][0]["service"] == "WAF"
    deploy = {"project_name": region, "resources": [{"id": "listener"}], "service_name": "ELB"}
    assert terraform.call("POST", f"{SSL}/{certificate_id}/deploy", POSTED, deploy) == {"failure_list": []}

    terraform.call("DELETE", f"{SSL}/{certificate_id}", DELETED)
    terraform.call("GET", f"{SSL}/{certificate_id}", {404})
    terraform.call("DELETE", f"{SSL}/{certificate_id}", {404})


@pytest.mark.parametrize("service", ["ELB", "WAF"])
def test_a_push_is_found_where_it_went(server, terraform, tmp_path, service):
    """A huaweicloud_ccm_certificate_push, which asks the other service whether the certificate is still there."""
    certificate_id = import_certificate(terraform, tmp_path, f"tf-push-{service.lower()}")
    region, project_id = server.credentials["project_name"], server.credentials["project_id"]
    body = {"target_projects": [region, "eu-west-101"], "target_service": service}
    results = terraform.call("POST", f"{SSL}/{certificate_id}/batch-push", {200}, body)["results"]
    assert [(result["project_name"], bool(result["cert_id"])) for result in results] == [
        (region, True),
        ("eu-west-101", False),
    ]
    copy_id = results[0]["cert_id"]
    path = {
        "ELB": f"/v3/{project_id}/elb/certificates/{copy_id}",
        "WAF": f"/v1/{project_id}/waf/certificate/{copy_id}",
    }[service]
    found = terraform.call("GET", path, GOT)
    found = found["certificate"] if service == "ELB" else found
    assert (found["id"], found["name"]) == (copy_id, f"tf-push-{service.lower()}")
    # Somebody deletes it there: at the next refresh it is gone, and it is pushed anew.
    terraform.call("DELETE", path, DELETED)
    terraform.call("GET", path, {404} if service == "ELB" else {400, 404})
    again = terraform.call("POST", f"{SSL}/{certificate_id}/batch-push", {200}, body)["results"][0]["cert_id"]
    assert terraform.call("GET", path.replace(copy_id, again), GOT)


def test_data_sources_page_until_nothing_comes(terraform):
    bought = [create_certificate(terraform) for _ in range(11)]
    for certificate_id in bought:
        act_on_tags(terraform, certificate_id, "create", {"paged": "yes"})
    ids, offset = [], 0
    while certificates := terraform.call("GET", f"{SSL}?offset={offset}&status=PAID", GOT)["certificates"]:
        ids += [certificate["id"] for certificate in certificates]
        offset += len(certificates)
        for certificate in certificates:
            assert isinstance(certificate["domain_count"], int)
            assert certificate["enterprise_project_id"] == "0"
    assert len(ids) == len(set(ids))
    assert set(bought) <= set(ids)

    body = {"action": "filter", "tags": [{"key": "paged", "values": ["yes"]}], "without_any_tag": False, "limit": 50}
    ids, offset = [], 0
    search = "/v3/scm/resource_instances/action"
    while resources := terraform.call("POST", search, POSTED, body | {"offset": offset})["resources"]:
        ids += [resource["resource_id"] for resource in resources]
        offset += len(resources)
    assert sorted(ids) == sorted(bought)
    assert terraform.call("POST", search, POSTED, body | {"action": "count"})["total_count"] == len(bought)
    for certificate_id in bought:
        delete_certificate(terraform, certificate_id)


def test_the_life_of_a_signing_request(terraform):
    body = {
        "company_city": "Chengdu",
        "company_country": "CN",
        "company_name": "Example Ltd",
        "company_province": "Sichuan",
        "domain_name": "tf.example.com",
        "name": "tf-csr",
        "private_key_algo": "RSA_2048",
        "sans": "a.tf.example.com;b.tf.example.com",
        "usage": "ENTERPRISE",
    }
    csr_id = terraform.call("POST", "/v3/scm/csr", POSTED, body)["id"]
    shown = terraform.call("GET", f"/v3/scm/csr/{csr_id}", GOT)
    assert shown.items() >= body.items()
    assert shown["create_time"]
    assert shown["update_time"]
    openssl.check_request(shown["csr"])
    terraform.call("PUT", f"/v3/scm/csr/{csr_id}", POSTED, {"name": "tf-csr-update"})
    listed = terraform.call("GET", "/v3/scm/csr?limit=50&name=csr-up&private_key_algo=RSA_2048", GOT)["csr_list"]
    assert [(item["id"], item["name"]) for item in listed] == [(csr_id, "tf-csr-update")]
    assert "PRIVATE KEY" in terraform.call("GET", f"/v3/scm/csr/{csr_id}/private-key", GOT)["private_key"]
    terraform.call("DELETE", f"/v3/scm/csr/{csr_id}", DELETED)
    assert terraform.call("GET", f"/v3/scm/csr/{csr_id}", {400, 404})["error_code"] == "SCM.0707"
