"""Tokens: by the SDK for IAM, and by plain HTTP as a script would."""

import datetime

import huaweicloudsdkiam.v3 as iam
import pytest
import requests
from huaweicloudsdkcore.auth.credentials import GlobalCredentials

from tokens import TOKENS, ask_for_token, create_token, get, password_body

CAS = "/v1/private-certificate-authorities"


@pytest.fixture(scope="module")
def client(server):
    credentials = GlobalCredentials(server.credentials["ak"], server.credentials["sk"])
    return iam.IamClient.new_builder().with_credentials(credentials).with_endpoint(server.url).build()


@pytest.fixture(scope="module")
def token(server):
    return create_token(server, {"project": {"name": server.credentials["project_name"]}})


def test_the_sdk_gets_and_checks_a_token(server, client):
    known = server.credentials
    user = iam.PwdPasswordUser(
        name=known["user_name"],
        password=known["password"],
        domain=iam.PwdPasswordUserDomain(name=known["domain_name"]),
    )
    identity = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
    auth = iam.PwdAuth(identity=identity, scope=iam.AuthScope(project=iam.AuthScopeProject(name=known["project_name"])))
    created = client.keystone_create_user_token_by_password(
        iam.KeystoneCreateUserTokenByPasswordRequest(body=iam.KeystoneCreateUserTokenByPasswordRequestBody(auth=auth))
    )
    assert len(created.x_subject_token) >= 32
    assert created.token.project.id == known["project_id"]
    assert created.token.project.domain.id == known["domain_id"]
    assert created.token.user.name == known["user_name"]
    lifetime = parse(created.token.expires_at) - parse(created.token.issued_at)
    assert lifetime == datetime.timedelta(hours=24)

    checked = client.keystone_validate_token(iam.KeystoneValidateTokenRequest(x_subject_token=created.x_subject_token))
    assert checked.token.expires_at == created.token.expires_at
    assert get(server, CAS, created.x_subject_token).status_code == 200


def parse(time):
    return datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")


def test_the_sdk_finds_account_project_and_user(server, client):
    known = server.credentials
    (domain,) = client.keystone_list_auth_domains(iam.KeystoneListAuthDomainsRequest()).domains
    assert (domain.id, domain.name) == (known["domain_id"], known["domain_name"])
    (project,) = client.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).projects
    assert (project.id, project.name) == (known["project_id"], known["project_name"])
    named = iam.KeystoneListProjectsRequest(name=known["project_name"])
    assert [project.id for project in client.keystone_list_projects(named).projects] == [known["project_id"]]
    assert client.keystone_list_projects(iam.KeystoneListProjectsRequest(name="none-1")).projects == []
    (user,) = client.keystone_list_users(iam.KeystoneListUsersRequest(name=known["user_name"])).users
    assert (user.name, user.domain_id) == (known["user_name"], known["domain_id"])


def test_a_token_signs_in(server, token):
    answer = get(server, CAS, token)
    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"]
    assert get(server, CAS, token, **{"X-Project-Id": server.credentials["project_id"]}).status_code == 200
    assert get(server, CAS, token, **{"X-Project-Id": "0" * 32}).status_code == 403
    wrong = get(server, CAS, token[:-1] + ("A" if token[-1] != "A" else "B"))
    assert (wrong.status_code, wrong.json()["error_code"]) == (401, "PCA.00010001")


def test_a_token_from_a_token(server, token):
    identity = {"methods": ["token"], "token": {"id": token}}
    scope = {"domain": {"name": server.credentials["domain_name"]}}
    answer = ask_for_token(server, {"auth": {"identity": identity, "scope": scope}})
    assert answer.status_code == 201
    body = answer.json()["token"]
    assert body["domain"]["id"] == server.credentials["domain_id"]
    assert "project" not in body
    assert get(server, CAS, answer.headers["X-Subject-Token"]).status_code == 200


def test_the_scope_may_stand_beside_auth(server):
    scope = {"project": {"name": server.credentials["project_name"]}}
    answer = ask_for_token(server, password_body(server) | {"scope": scope})
    assert answer.json()["token"]["project"]["id"] == server.credentials["project_id"]


def test_a_wrong_password_is_refused(server):
    answer = ask_for_token(server, password_body(server, password="wrong"))
    assert answer.status_code == 401
    body = answer.json()
    assert body["error"]["code"] == 401
    assert body["error_code"]
    assert body["error_msg"]
    assert "X-Subject-Token" not in answer.headers


def test_a_token_can_be_ended(server, token):
    ended = create_token(server)
    headers = {"X-Auth-Token": token, "X-Subject-Token": ended}

    def ask(method):
        return requests.request(method, server.url + TOKENS, headers=headers, timeout=30).status_code

    assert (ask("GET"), ask("HEAD"), ask("DELETE")) == (200, 200, 204)
    assert (ask("GET"), ask("HEAD")) == (404, 404)
    assert get(server, CAS, ended).status_code == 401
    assert get(server, CAS, token).status_code == 200
