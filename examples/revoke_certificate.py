"""A root CA with a revocation list and OCSP, a certificate under it, and its revocation, with the official Huawei SDK.

    openccm bucket create lists
    pip install huaweicloudsdkccm
    OPENCCM_CREDENTIALS=data/credentials.json python3 examples/revoke_certificate.py [FOLDER [BUCKET]]

Writes root.pem and leaf.pem to FOLDER (default: the current one), and publishes the list to BUCKET (default: lists).
"""

import json
import os
import pathlib
import sys

from huaweicloudsdkccm.v1 import (
    CcmClient,
    CertDistinguishedName,
    CreateCertificateAuthorityObsAgencyRequest,
    CreateCertificateAuthorityRequest,
    CreateCertificateAuthorityRequestBody,
    CreateCertificateRequest,
    CreateCertificateRequestBody,
    CrlConfiguration,
    DistinguishedName,
    ExportCertificateRequest,
    ExportCertificateRequestBody,
    RevokeCertificateRequest,
    RevokeCertificateRequestBody,
    ShowCertificateAuthorityRequest,
    UpdateOcspSwitchRequest,
    UpdateOcspSwitchRequestBody,
    Validity,
)
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.region.region import Region

credentials = json.loads(pathlib.Path(os.environ.get("OPENCCM_CREDENTIALS", "data/credentials.json")).read_text())
endpoint = os.environ.get("OPENCCM_ENDPOINT", credentials["endpoint"])
folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
bucket = sys.argv[2] if len(sys.argv) > 2 else "lists"

client = (
    CcmClient.new_builder()
    .with_credentials(GlobalCredentials(credentials["ak"], credentials["sk"]).with_iam_endpoint(endpoint))
    .with_region(Region("local-1", endpoint))
    .build()
)

# Once an account: lets the server publish lists for it.
client.create_certificate_authority_obs_agency(CreateCertificateAuthorityObsAgencyRequest())

root_id = client.create_certificate_authority(
    CreateCertificateAuthorityRequest(
        body=CreateCertificateAuthorityRequestBody(
            type="ROOT",
            distinguished_name=DistinguishedName(
                common_name="Revoking Root CA",
                country="CN",
                state="Sichuan",
                locality="Chengdu",
                organization="Example",
                organizational_unit="IT",
            ),
            key_algorithm="EC256",
            signature_algorithm="SHA256",
            validity=Validity(type="YEAR", value=10),
            crl_configuration=CrlConfiguration(enabled=True, obs_bucket_name=bucket, valid_days=7),
        )
    )
).ca_id
# Before the first certificate: it names what there is when it is issued.
client.update_ocsp_switch(UpdateOcspSwitchRequest(ca_id=root_id, body=UpdateOcspSwitchRequestBody(ocsp_switch=True)))

certificate_id = client.create_certificate(
    CreateCertificateRequest(
        body=CreateCertificateRequestBody(
            issuer_id=root_id,
            key_algorithm="EC256",
            signature_algorithm="SHA256",
            distinguished_name=CertDistinguishedName(common_name="www.example.com"),
            validity=Validity(type="MONTH", value=3),
        )
    )
).certificate_id
leaf = client.export_certificate(
    ExportCertificateRequest(
        certificate_id=certificate_id,
        body=ExportCertificateRequestBody(is_compressed="false", type="OTHER"),
    )
)
for file_name, pem in (("root.pem", leaf.certificate_chain), ("leaf.pem", leaf.certificate)):
    (folder / file_name).write_text(pem.replace("\r\n", "\n").rstrip("\n") + "\n")

client.revoke_certificate(
    RevokeCertificateRequest(certificate_id=certificate_id, body=RevokeCertificateRequestBody(reason="KEY_COMPROMISE"))
)

configuration = client.show_certificate_authority(ShowCertificateAuthorityRequest(ca_id=root_id)).crl_configuration
root, leaf = folder / "root.pem", folder / "leaf.pem"
print(f"root CA          {root_id}")
print(f"certificate      {certificate_id}")
print(f"revocation list  {configuration.crl_dis_point}")
print(f"now try          openssl verify -crl_check -crl_download -CAfile {root} {leaf}")
responder = f'"$(openssl x509 -noout -ocsp_uri -in {leaf})"'
print(f"and              openssl ocsp -url {responder} -issuer {root} -CAfile {root} -cert {leaf}")
