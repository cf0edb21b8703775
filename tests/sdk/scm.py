"""SSL certificates through the official SDK."""

import contextlib
import re

import huaweicloudsdkscm.v3 as sdk
import pytest
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException

from pca import camel_case, client
from server import wait_for

# In the form of every certificate's id, and never given.
MISSING_ID = "scs0000000000000"

COMPANY = {
    "company_name": "Example Ltd",
    "company_unit": "IT",
    "company_province": "Sichuan",
    "company_city": "Chengdu",
    "country": "CN",
}


def request(operation, body=None, **parameters):
    """The SDK's request object of an operation. A body is a dict, or a list of dicts."""
    request_type = getattr(sdk, camel_case(operation) + "Request")
    if body is not None:
        # "NoticeRequestBody" or "list[NoticeRequestBody]".
        body_type = getattr(sdk, re.search(r"\w+(?=\]?$)", request_type.openapi_types["body"])[0])
        parameters["body"] = [body_type(**item) for item in body] if isinstance(body, list) else body_type(**body)
    return request_type(**parameters)


@contextlib.contextmanager
def refused(status, code):
    """Expects the SDK to raise the vendor's error."""
    with pytest.raises(ServiceResponseException) as caught:
        yield
    error = caught.value
    assert (error.status_code, error.error_code) == (status, code), error
    assert error.error_msg


class Scm:
    """What a client does with SSL certificates. `used` collects the operations that were called."""

    def __init__(self, sdk_client):
        self.client = sdk_client
        self.used = set()

    @classmethod
    def of(cls, server):
        return cls(client(server, client_type=sdk.ScmClient))

    def call(self, operation, body=None, **parameters):
        self.used.add(operation)
        return getattr(self.client, operation)(request(operation, body, **parameters))

    def show(self, certificate_id):
        return self.call("show_certificate", certificate_id=certificate_id)

    def export(self, certificate_id):
        return self.call("export_certificate", certificate_id=certificate_id)

    def import_pair(self, name, pair, **more):
        """Imports a certificate, its chain and its key; gives its id."""
        certificate, chain, private_key = pair
        body = {"name": name, "certificate": certificate, "certificate_chain": chain, "private_key": private_key}
        return self.call("import_certificate", body | more).certificate_id

    def order(self, certificate_type="DV_SSL_CERT", domain_type="SINGLE_DOMAIN", **more):
        """Buys; gives what the SDK gives."""
        body = {
            "cert_brand": "GEOTRUST",
            "cert_type": certificate_type,
            "domain_type": domain_type,
            "effective_time": 1,
            "domain_numbers": 1,
            "order_number": 1,
            "agree_privacy_protection": True,
        }
        return self.call("subscribe_certificate", body | more)

    def buy(self, *arguments, **more):
        """Buys a certificate; gives its id."""
        (bought,) = self.order(*arguments, **more).cert
        return bought.cert_id

    def apply(self, certificate_id, domain, **more):
        body = {
            "domain": domain,
            "applicant_name": "Alice",
            "applicant_phone": "13087654321",
            "applicant_email": "alice@example.com",
            "domain_method": "DNS",
            "key_algorithm": "EC_P256",
            "agree_privacy_protection": True,
        }
        return self.call("apply_certificate", body | more, certificate_id=certificate_id)

    def wait_for_status(self, certificate_id, status):
        """Waits until a certificate has a status; gives it."""

        def reached():
            shown = self.show(certificate_id)
            return shown.status == status and shown

        return wait_for(reached, f"{certificate_id} is {status}")

    def issue(self, domain, **more):
        """Buys a certificate, applies and waits until it is issued, for which the name must be in an own zone."""
        certificate_id = self.buy()
        self.apply(certificate_id, domain, **more)
        self.wait_for_status(certificate_id, "ISSUED")
        return certificate_id
