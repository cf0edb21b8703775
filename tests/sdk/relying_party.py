"""What those do who check certificates: they find addresses in them, and ask there without signing in."""

import base64
import dataclasses
import functools
import re
from urllib.parse import quote

import requests

import openssl

# OpenSSL's words for reasons of revocation: in lists, and in OCSP answers, where version 3.0 does not know all of them.
REASONS = {
    "UNSPECIFIED": (None, None),
    "KEY_COMPROMISE": ("Key Compromise", "keyCompromise"),
    "CERTIFICATE_AUTHORITY_COMPROMISE": ("CA Compromise", "cACompromise"),
    "AFFILIATION_CHANGED": ("Affiliation Changed", "affiliationChanged"),
    "SUPERSEDED": ("Superseded", "superseded"),
    "CESSATION_OF_OPERATION": ("Cessation Of Operation", "cessationOfOperation"),
    "CERTIFICATE_HOLD": ("Certificate Hold", "certificateHold"),
    "PRIVILEGE_WITHDRAWN": ("Privilege Withdrawn", "(UNKNOWN)"),
    "ATTRIBUTE_AUTHORITY_COMPROMISE": ("AA Compromise", "(UNKNOWN)"),
}


@dataclasses.dataclass
class RevocationList:
    """A list as OpenSSL reads it: the reason (in words) of every serial number that it names."""

    pem: str
    number: int
    reasons: dict[str, str | None]
    distribution_point: str | None
    text: str


@functools.cache
def list_addresses(certificate):
    """Where the lists are that a certificate names."""
    printed = openssl.openssl("x509", "-noout", "-ext", "crlDistributionPoints", text=certificate)
    return re.findall(r"URI:(\S+)", printed)


def list_address(certificate):
    (address,) = list_addresses(certificate)
    return address


@functools.cache
def responder_address(certificate):
    return openssl.openssl("x509", "-noout", "-ocsp_uri", text=certificate).strip() or None


def download(address, **headers):
    """What is at an address, as anybody gets it."""
    return requests.get(address, headers=headers, timeout=30)


def fetch_list(address):
    """The list at an address."""
    answer = download(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"] == "application/pkix-crl"
    return read_list(answer.content)


def read_list(der, issuer_file=None):
    """A list in DER, which must be whole, of version 2, and signed by the issuer where one is given."""
    pem = openssl.to_pem(der, "X509 CRL")
    verified = ("-verify", "-CAfile", issuer_file) if issuer_file else ()
    text = openssl.openssl("crl", "-noout", "-text", *verified, text=pem)
    assert "Version 2 (0x1)" in text
    head, *entries = text.split("    Serial Number: ")
    reasons = {}
    for entry in entries:
        reason = re.search(r"X509v3 CRL Reason Code: *\n +(.+)", entry)
        reasons[entry.split()[0]] = reason and reason[1].strip()
    (number,) = re.findall(r"X509v3 CRL Number: *\n +(\d+)", head)
    point = re.search(r"X509v3 Issuing Distribution Point: critical\n +Full Name:\n +URI:(\S+)", head)
    assert "X509v3 Authority Key Identifier" in head
    return RevocationList(pem, int(number), reasons, point and point[1], text)


def ask_responder(certificate, issuer, chain, folder, *options):
    """What OpenSSL makes of the answer of the responder that the certificate names: "good" or "unknown", or the reason
    of its revocation in words, None where there is none. The answer must be genuine by the chain's root."""
    *_, root = openssl.certificates(chain)
    for name, text in (("leaf", certificate), ("issuer", issuer), ("chain", chain), ("root", root)):
        (folder / f"ocsp-{name}.pem").write_text(text)
    printed = openssl.openssl(
        "ocsp", "-issuer", folder / "ocsp-issuer.pem", *options, "-cert", folder / "ocsp-leaf.pem",
        "-url", responder_address(certificate), "-CAfile", folder / "ocsp-root.pem",
        "-verify_other", folder / "ocsp-chain.pem", "-resp_text",
    )  # fmt: skip
    (status,) = re.findall(r"ocsp-leaf.pem: (\w+)", printed)
    if status != "revoked":
        return status
    reason = re.search(r"^\tReason: (\S+)$", printed, re.M)
    assert re.search(r"^\tRevocation Time: ", printed, re.M)
    return reason and reason[1]


def make_request(certificate, issuer, folder, *options):
    """An OCSP request in DER."""
    (folder / "asked.pem").write_text(certificate)
    (folder / "issuer.pem").write_text(issuer)
    about = ("-issuer", folder / "issuer.pem", "-cert", folder / "asked.pem")
    openssl.openssl("ocsp", *options, *about, "-reqout", folder / "ocsp.req")
    return (folder / "ocsp.req").read_bytes()


def get_by_path(responder, request):
    """The answer to a request in the address (RFC 6960 appendix A.1)."""
    return download(f"{responder}/{quote(base64.b64encode(request).decode(), safe='')}")


def post(responder, request):
    return requests.post(responder, data=request, headers={"Content-Type": "application/ocsp-request"}, timeout=30)


def read_answer(answer, folder):
    """The statuses in an OCSP answer, in OpenSSL's words."""
    assert answer.status_code == 200, answer.status_code
    assert answer.headers["Content-Type"] == "application/ocsp-response"
    (folder / "ocsp.resp").write_bytes(answer.content)
    printed = openssl.openssl("ocsp", "-respin", folder / "ocsp.resp", "-resp_text", "-noverify")
    return re.findall(r"Cert Status: (\w+)", printed)
