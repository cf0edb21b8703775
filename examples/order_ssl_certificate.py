"""Orders an SSL certificate with the official Huawei SDK: buys it, applies for it, waits until it is issued, exports it.

    pip install huaweicloudsdkscm
    OPENCCM_CREDENTIALS=data/credentials.json python3 examples/order_ssl_certificate.py DOMAIN [FOLDER]

Writes cert.pem, chain.pem and key.pem to FOLDER (default: a new one with the domain's name). A domain name in a zone that the
server's operator calls its own needs no proof; for any other, the script says which DNS record to make, and waits for it.
"""

import json
import os
import pathlib
import sys
import time

from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkscm.v3 import (
    ApplyCertificateRequest,
    ApplyCertificateRequestBody,
    ExportCertificateRequest,
    PurchaseCertificateRequestBody,
    ScmClient,
    ShowCertificateRequest,
    SubscribeCertificateRequest,
)

# How often the order is looked at.
PAUSE_SECONDS = 2

credentials = json.loads(pathlib.Path(os.environ.get("OPENCCM_CREDENTIALS", "data/credentials.json")).read_text())
endpoint = os.environ.get("OPENCCM_ENDPOINT", credentials["endpoint"])
domain = sys.argv[1]
folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else domain)

client = (
    ScmClient.new_builder()
    .with_credentials(GlobalCredentials(credentials["ak"], credentials["sk"]).with_iam_endpoint(endpoint))
    .with_region(Region("local-1", endpoint))
    .build()
)


def show(certificate_id):
    return client.show_certificate(ShowCertificateRequest(certificate_id=certificate_id))


order = client.subscribe_certificate(
    SubscribeCertificateRequest(
        body=PurchaseCertificateRequestBody(
            cert_brand="GEOTRUST",
            cert_type="DV_SSL_CERT",
            domain_type="SINGLE_DOMAIN",
            effective_time=1,
            domain_numbers=1,
            order_number=1,
            agree_privacy_protection=True,
        )
    )
)
certificate_id = order.cert[0].cert_id
print(f"order            {order.order_id}, certificate {certificate_id}")

client.apply_certificate(
    ApplyCertificateRequest(
        certificate_id=certificate_id,
        body=ApplyCertificateRequestBody(
            domain=domain,
            applicant_name="Alice",
            applicant_phone="13087654321",
            applicant_email=f"alice@{domain}",
            domain_method="DNS",
            key_algorithm="EC_P256",
            agree_privacy_protection=True,
        ),
    )
)
print(f"applied for      {domain}")

told = False
while (certificate := show(certificate_id)).status != "ISSUED":
    if certificate.status == "UNPASSED":
        sys.exit("the application was refused")
    if certificate.status == "CHECKING" and not told:
        for proof in certificate.authentification:
            if proof.record_value:
                print(f"if need be, make {proof.record_name} {proof.record_type} {proof.record_value}", flush=True)
        told = True
    time.sleep(PAUSE_SECONDS)
print(f"issued           until {certificate.not_after}")

exported = client.export_certificate(ExportCertificateRequest(certificate_id=certificate_id))
folder.mkdir(exist_ok=True)
(folder / "cert.pem").write_text(exported.certificate)
(folder / "chain.pem").write_text(exported.certificate_chain)
(folder / "key.pem").touch(mode=0o600)
(folder / "key.pem").write_text(exported.private_key)
print(f"now try          openssl verify -CAfile {folder}/chain.pem {folder}/cert.pem")
