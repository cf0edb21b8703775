"""Tokens by plain HTTP, as a script gets them."""

import requests

TOKENS = "/v3/auth/tokens"


def password_body(server, scope=None, password=None):
    """What the administrator signs in with."""
    known = server.credentials
    user = {
        "name": known["user_name"],
        "password": password or known["password"],
        "domain": {"name": known["domain_name"]},
    }
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


def ask_for_token(server, body):
    return requests.post(server.url + TOKENS, json=body, timeout=30)


def create_token(server, scope=None):
    answer = ask_for_token(server, password_body(server, scope))
    assert answer.status_code == 201, answer.text
    return answer.headers["X-Subject-Token"]


def get(server, path, token, **headers):
    return requests.get(server.url + path, headers={"X-Auth-Token": token, **headers}, timeout=30)
