"""Signed requests without the SDK's client: bodies and headers as a test wants them."""

import json
from urllib.parse import parse_qsl, urlsplit

import requests
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer


class SelectiveSigner(Signer):
    """Signs some headers only, as Terraform does: not even the host."""

    signed = frozenset({"accept", "content-type", "user-agent", "x-sdk-date"})

    @classmethod
    def _process_signed_headers(cls, request):
        return [name for name in super()._process_signed_headers(request) if name in cls.signed]


def signed_headers(server, method, path, body=b"", headers=None, signer=Signer):
    """The headers of a request, signed by the administrator's key."""
    parts = urlsplit(path)
    request = SdkRequest(
        method=method,
        host=urlsplit(server.url).netloc,
        resource_path=parts.path,
        query_params=parse_qsl(parts.query),
        header_params={"Content-Type": "application/json", **(headers or {})},
        body=body,
    )
    credentials = GlobalCredentials(server.credentials["ak"], server.credentials["sk"])
    return signer(credentials).sign(request).header_params


def call(server, method, path, body=b"", headers=None, signer=Signer):
    """The answer to a signed request."""
    signed = signed_headers(server, method, path, body, headers, signer)
    return requests.request(method, server.url + path, data=body, headers=signed, verify=server.trusted, timeout=30)


def publish_partitions(server, ca_id, bucket, partitions, **more):
    """Has a CA spread its certificates over several lists, which is OpenCCM's own: the SDK has no field for it."""
    body = {"obs_bucket_name": bucket, "valid_days": 7, "partitions": partitions} | more
    path = f"/v1/private-certificate-authorities/{ca_id}/crl/enable"
    answer = call(server, "POST", path, json.dumps(body).encode())
    assert answer.status_code == 204, answer.text
