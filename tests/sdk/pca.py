"""Private CAs and certificates through the official SDK."""

import huaweicloudsdkccm.v1 as ccm
from huaweicloudsdkcore.auth.credentials import GlobalCredentials

DAY_MS = 24 * 60 * 60 * 1000


def client(server, credentials=None, config=None, client_type=ccm.CcmClient):
    """A client of the server: of its administrator, unless with other credentials."""
    if credentials is None:
        credentials = GlobalCredentials(server.credentials["ak"], server.credentials["sk"])
    builder = client_type.new_builder().with_credentials(credentials).with_endpoint(server.url)
    return (builder.with_http_config(config) if config else builder).build()


def camel_case(operation):
    return "".join(part.capitalize() for part in operation.split("_"))


def request(operation, body=None, **parameters):
    """The SDK's request object of an operation."""
    request_type = getattr(ccm, camel_case(operation) + "Request")
    if body is not None:
        parameters["body"] = getattr(ccm, request_type.openapi_types["body"])(**body)
    return request_type(**parameters)


class Pca:
    """What a client does with private CAs. `used` collects the operations that were called."""

    def __init__(self, sdk_client):
        self.client = sdk_client
        self.used = set()

    @classmethod
    def of(cls, server, **choices):
        return cls(client(server, **choices))

    def call(self, operation, body=None, **parameters):
        self.used.add(operation)
        return getattr(self.client, operation)(request(operation, body, **parameters))

    def create_root(self, common_name, key_algorithm="EC256", signature_algorithm="SHA256", **more):
        body = {
            "type": "ROOT",
            "distinguished_name": full_name(common_name),
            "key_algorithm": key_algorithm,
            "signature_algorithm": signature_algorithm,
            "validity": ccm.Validity(type="YEAR", value=10),
        }
        return self.call("create_certificate_authority", body | more).ca_id

    def create_subordinate(self, common_name, issuer_id, key_algorithm="EC256", signature_algorithm="SHA256", **more):
        body = {
            "type": "SUBORDINATE",
            "issuer_id": issuer_id,
            "distinguished_name": full_name(common_name),
            "key_algorithm": key_algorithm,
            "signature_algorithm": signature_algorithm,
            "validity": ccm.Validity(type="YEAR", value=5),
        }
        return self.call("create_certificate_authority", body | more).ca_id

    def create_pending(self, common_name, key_algorithm="EC256"):
        """A subordinate CA that waits for its certificate."""
        body = {
            "type": "SUBORDINATE",
            "distinguished_name": full_name(common_name),
            "key_algorithm": key_algorithm,
        }
        return self.call("create_certificate_authority", body).ca_id

    def create_certificate(self, common_name, issuer_id, key_algorithm="EC256", signature_algorithm="SHA256", **more):
        body = {
            "issuer_id": issuer_id,
            "key_algorithm": key_algorithm,
            "signature_algorithm": signature_algorithm,
            "distinguished_name": ccm.CertDistinguishedName(common_name=common_name),
            "validity": ccm.Validity(type="MONTH", value=3),
            "subject_alternative_names": [ccm.SubjectAlternativeName(type="DNS", value=common_name)],
            "extended_key_usage": ccm.ExtendedKeyUsage(server_auth=True),
        }
        return self.call("create_certificate", body | more).certificate_id

    def show_ca(self, ca_id):
        return self.call("show_certificate_authority", ca_id=ca_id)

    def export_ca(self, ca_id):
        return self.call("export_certificate_authority_certificate", ca_id=ca_id)

    def show(self, certificate_id):
        return self.call("show_certificate", certificate_id=certificate_id)

    def export(self, certificate_id, server_type="OTHER", is_compressed="false", password=None):
        body = {"is_compressed": is_compressed, "type": server_type, "password": password}
        return self.call("export_certificate", body, certificate_id=certificate_id)

    def allow_publishing(self):
        """Grants the agency without which no list is published."""
        self.call("create_certificate_authority_obs_agency")

    def publish(self, ca_id, bucket, valid_days=7, **more):
        """Has a CA publish its list to a bucket; gives the list's address."""
        body = {"obs_bucket_name": bucket, "valid_days": valid_days} | more
        self.call("enable_certificate_authority_crl", body, ca_id=ca_id)
        return self.show_ca(ca_id).crl_configuration.crl_dis_point

    def switch_ocsp(self, ca_id, on=True):
        self.call("update_ocsp_switch", {"ocsp_switch": on}, ca_id=ca_id)

    def revoke(self, certificate_id, reason=None):
        self.call("revoke_certificate", {"reason": reason}, certificate_id=certificate_id)

    def save(self, folder, certificate_id):
        """Writes leaf.pem, chain.pem (the last is the root), and leaf.key unless the key is elsewhere."""
        exported = self.export(certificate_id)
        (folder / "leaf.pem").write_text(exported.certificate)
        (folder / "chain.pem").write_text(exported.certificate_chain)
        if exported.private_key:
            (folder / "leaf.key").write_text(exported.private_key)
        return folder


def full_name(common_name):
    return ccm.DistinguishedName(
        common_name=common_name,
        country="CN",
        state="Sichuan",
        locality="Chengdu",
        organization="Example",
        organizational_unit="IT",
    )
