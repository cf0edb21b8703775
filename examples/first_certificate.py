"""A first root CA, subordinate CA and certificate, with the official Huawei SDK.

    pip install huaweicloudsdkccm
    OPENCCM_CREDENTIALS=data/credentials.json python3 examples/first_certificate.py [FOLDER]

Writes root.pem, sub.pem, leaf.pem and leaf.key to FOLDER (default: the current one).
"""

import json
import os
import pathlib
import sys

from huaweicloudsdkccm.v1 import (
    CcmClient,
    CertDistinguishedName,
    CreateCertificateAuthorityRequest,
    CreateCertificateAuthorityRequestBody,
    CreateCertificateRequest,
    CreateCertificateRequestBody,
    DistinguishedName,
    ExportCertificateAuthorityCertificateRequest,
    ExportCertificateRequest,
    ExportCertificateRequestBody,
    ExtendedKeyUsage,
    SubjectAlternativeName,
    Validity,
)
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.region.region import Region

credentials = json.loads(pathlib.Path(os.environ.get("OPENCCM_CREDENTIALS", "data/credentials.json")).read_text())
endpoint = os.environ.get("OPENCCM_ENDPOINT", credentials["endpoint"])
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")

client = (
    CcmClient.new_builder()
    .with_credentials(GlobalCredentials(credentials["ak"], credentials["sk"]).with_iam_endpoint(endpoint))
    .with_region(Region("local-1", endpoint))
    .build()
)


def name(common_name):
    return DistinguishedName(
        common_name=common_name,
        country="CN",
        state="Sichuan",
        locality="Chengdu",
        organization="Example",
        organizational_unit="IT",
    )


def create_ca(**body):
    request = CreateCertificateAuthorityRequest(body=CreateCertificateAuthorityRequestBody(**body))
    return client.create_certificate_authority(request).ca_id


def save(file_name, pem):
    (folder / file_name).write_text(pem.replace("\r\n", "\n").rstrip("\n") + "\n")


root_id = create_ca(
    type="ROOT",
    distinguished_name=name("Example Root CA"),
    key_algorithm="EC384",
    signature_algorithm="SHA384",
    validity=Validity(type="YEAR", value=10),
)
sub_id = create_ca(
    type="SUBORDINATE",
    issuer_id=root_id,
    distinguished_name=name("Example Issuing CA"),
    key_algorithm="EC256",
    signature_algorithm="SHA384",
    path_length=0,
    validity=Validity(type="YEAR", value=5),
)
certificate_id = client.create_certificate(
    CreateCertificateRequest(
        body=CreateCertificateRequestBody(
            issuer_id=sub_id,
            key_algorithm="EC256",
            signature_algorithm="SHA256",
            distinguished_name=CertDistinguishedName(common_name="www.example.com"),
            validity=Validity(type="MONTH", value=3),
            subject_alternative_names=[SubjectAlternativeName(type="DNS", value="www.example.com")],
            extended_key_usage=ExtendedKeyUsage(server_auth=True),
        )
    )
).certificate_id

for ca_id, file_name in ((root_id, "root.pem"), (sub_id, "sub.pem")):
    exported = client.export_certificate_authority_certificate(
        ExportCertificateAuthorityCertificateRequest(ca_id=ca_id)
    )
    save(file_name, exported.certificate)
leaf = client.export_certificate(
    ExportCertificateRequest(
        certificate_id=certificate_id,
        body=ExportCertificateRequestBody(is_compressed="false", type="OTHER"),
    )
)
save("leaf.pem", leaf.certificate)
save("leaf.key", leaf.private_key)

print(f"root CA         {root_id}")
print(f"subordinate CA  {sub_id}")
print(f"certificate     {certificate_id}")
print(f"now try         openssl verify -CAfile {folder}/root.pem -untrusted {folder}/sub.pem {folder}/leaf.pem")
