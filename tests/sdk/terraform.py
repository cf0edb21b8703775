"""The Terraform provider, as the server sees it."""

import json

from signed_http import SelectiveSigner, call

HEADERS = {"Accept": "application/json", "User-Agent": "terraform-provider-iac golangsdk/2.0.0"}


class Terraform:
    """Signs few headers, names the project without signing it, ends bodies with a line feed."""

    def __init__(self, server):
        self.server = server
        self.headers = HEADERS | {"X-Project-Id": server.credentials["project_id"]}

    def call(self, method, path, expected, body=...):
        content = b"" if body is ... else json.dumps(body).encode() + b"\n"
        answer = call(self.server, method, path, content, self.headers, SelectiveSigner)
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"
        if answer.content:
            assert answer.headers["Content-Type"].startswith("application/json")
            return answer.json()
        return None
