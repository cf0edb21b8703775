"""Signing in: every way in which the SDK signs requests, finds the account, and is refused."""

import datetime

import huaweicloudsdkccm.v1 as ccm
import pytest
from huaweicloudsdkccm.v1.region.ccm_region import CcmRegion
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.client import ClientBuilder
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcore.signer.algorithm import SigningAlgorithm

from pca import Pca
from server import wait_for
from signed_http import call

CAS = "/v1/private-certificate-authorities"

ALGORITHMS = [
    SigningAlgorithm.HMAC_SHA256,
    SigningAlgorithm.HMAC_SM3,
    SigningAlgorithm.ECDSA_P256_SHA256,
    SigningAlgorithm.SM2_SM3,
]


def use(sdk_client):
    """Makes calls with a body, with a query and with nothing."""
    pca = Pca(sdk_client)
    root_id = pca.create_root("签名 Root")
    listed = pca.call("list_certificate_authority", name="签名 R", limit=1, sort_key="create_time")
    assert listed.certificate_authorities[0].ca_id == root_id
    pca.call("disable_certificate_authority", ca_id=root_id)


def credentials_of(server, kind=GlobalCredentials):
    return kind(server.credentials["ak"], server.credentials["sk"])


def test_every_algorithm_is_tested():
    offered = {value for name, value in vars(SigningAlgorithm).items() if name.isupper()}
    assert offered == set(ALGORITHMS)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_algorithm(server, algorithm):
    pca = Pca.of(server, config=HttpConfig(signing_algorithm=algorithm))
    use(pca.client)


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
def test_a_wrong_secret_is_refused(server, algorithm):
    credentials = GlobalCredentials(server.credentials["ak"], "not-the-secret-key")
    pca = Pca.of(server, credentials=credentials, config=HttpConfig(signing_algorithm=algorithm))
    refused(pca)


def test_an_unknown_access_key_is_refused(server):
    refused(Pca.of(server, credentials=GlobalCredentials("NOSUCHACCESSKEY00000", "secret")))


def refused(pca):
    with pytest.raises(ClientRequestException) as caught:
        pca.call("list_certificate_authority")
    error = caught.value
    assert (error.status_code, error.error_code) == (401, "PCA.00010001")
    assert error.error_msg
    assert error.request_id


def test_a_derived_key(server):
    # The predicate that the SDK offers: every host that is not the vendor's.
    credentials = credentials_of(server).with_iam_endpoint(server.url)
    credentials.with_derived_predicate(GlobalCredentials.get_default_derived_predicate())
    builder = ccm.CcmClient.new_builder()._with_derived_auth_service_name("ccm")
    client = builder.with_credentials(credentials).with_region(Region("local-1", server.url)).build()
    use(client)

    credentials.sk = "not-the-secret-key"
    refused(Pca(client))


def test_a_region_makes_the_sdk_ask_for_the_account(new_server):
    server = new_server().start()
    credentials = credentials_of(server).with_iam_endpoint(server.url)
    region = Region("local-1", server.url)
    client = ccm.CcmClient.new_builder().with_credentials(credentials).with_region(region).build()
    assert credentials.domain_id == server.credentials["domain_id"]
    use(client)
    assert "list_auth_domains" in {event["operation"] for event in server.log_events("answered")}


def test_a_region_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("HUAWEICLOUD_SDK_REGION_CCM_HOME_1", server.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", server.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", server.credentials["ak"])
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", server.credentials["sk"])
    use(ccm.CcmClient.new_builder().with_region(CcmRegion.value_of("home-1")).build())


def test_a_region_makes_the_sdk_ask_for_the_project(server):
    credentials = credentials_of(server, BasicCredentials).with_iam_endpoint(server.url)
    region = Region("cn-north-4", server.url)
    client = ClientBuilder(ccm.CcmClient, "BasicCredentials").with_credentials(credentials).with_region(region).build()
    assert credentials.project_id == server.credentials["project_id"]
    use(client)

    credentials = credentials_of(server, BasicCredentials).with_iam_endpoint(server.url)
    builder = ClientBuilder(ccm.CcmClient, "BasicCredentials").with_credentials(credentials)
    with pytest.raises(SdkException, match="Failed to get project id of region 'no-such-1'"):
        builder.with_region(Region("no-such-1", server.url)).build()


def test_another_accounts_id_is_refused(server):
    credentials = GlobalCredentials(server.credentials["ak"], server.credentials["sk"], "d" * 32)
    with pytest.raises(ClientRequestException) as caught:
        Pca.of(server, credentials=credentials).call("list_certificate_authority")
    assert (caught.value.status_code, caught.value.error_code) == (403, "PCA.00010004")


@pytest.mark.parametrize("minutes", [-14, 14, -16, 16])
def test_a_request_is_good_for_fifteen_minutes(server, minutes):
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    answer = call(server, "GET", CAS, headers={"X-Sdk-Date": time.strftime("%Y%m%dT%H%M%SZ")})
    if abs(minutes) < 15:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (401, "PCA.00010001")


def test_errors_reach_the_sdk_whole(server, pca):
    with pytest.raises(ClientRequestException) as caught:
        pca.create_root("Wrong Root", key_algorithm="RSA1024")
    error = caught.value
    assert (error.status_code, error.error_code) == (400, "PCA.00020102")
    assert "key_algorithm" in error.error_msg

    def logged():
        return [event for event in server.log_events("answered") if event["request_id"] == error.request_id]

    (event,) = wait_for(logged, "the request is in the log")
    assert (event["operation"], event["status"]) == ("create_certificate_authority", 400)


def test_what_is_not_built_says_so(pca):
    with pytest.raises(SdkException) as caught:
        pca.call("list_domain_ca_tags")
    assert caught.value.status_code == 501
    assert caught.value.error_code
    assert caught.value.error_msg
