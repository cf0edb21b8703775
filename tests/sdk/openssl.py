"""OpenSSL's opinion."""

import base64
import functools
import re
import ssl
import subprocess

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def openssl(*arguments, text=None):
    """What `openssl` prints; an AssertionError with what it says where it fails."""
    command = ["openssl", *map(str, arguments)]
    # An input of its own, that it asks nobody for a password.
    result = subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
    return result.stdout


def certificates(pem):
    """The certificates in a text, each as PEM."""
    return CERTIFICATE.findall(pem)


def ders(pem):
    """The certificates in a text, each as DER: whatever its line ends are."""
    return [ssl.PEM_cert_to_DER_cert(certificate) for certificate in certificates(pem)]


def verify(certificate, chain, folder, *options):
    """Checks a certificate up to the last of `chain`, strictly (RFC 5280). Texts are PEM."""
    *between, root = certificates(chain)
    untrusted = folder / "untrusted.pem"
    (folder / "root.pem").write_text(root)
    (folder / "certificate.pem").write_text(certificate)
    untrusted.write_text("\n".join(between))
    arguments = ["-untrusted", untrusted] if between else []
    trusted = ("-CAfile", folder / "root.pem")
    openssl("verify", "-x509_strict", *options, *trusted, *arguments, folder / "certificate.pem")


def verify_revocation(certificate, chain, lists, folder, *options):
    """As `verify`, asking lists (PEM) about every certificate of the chain. Gives what is wrong, None if nothing is."""
    (folder / "lists.pem").write_text("\n".join(lists))
    try:
        verify(certificate, chain, folder, "-crl_check_all", "-CRLfile", folder / "lists.pem", *options)
    except AssertionError as error:
        (wrong,) = re.findall(r"error \d+ at (\d) depth lookup: (.+)", str(error))
        return f"{wrong[1]} at {wrong[0]}"
    return None


def to_pem(der, label):
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


@functools.cache
def serial(certificate):
    return openssl("x509", "-noout", "-serial", text=certificate).strip().removeprefix("serial=")


def subject(certificate):
    return openssl("x509", "-noout", "-subject", "-nameopt", "RFC2253,utf8,-esc_msb", text=certificate).strip()


def extensions(certificate, names):
    """Some extensions, as OpenSSL prints them."""
    return openssl("x509", "-noout", "-ext", names, text=certificate)


def public_key_of_certificate(certificate):
    return openssl("x509", "-noout", "-pubkey", text=certificate)


def public_key_of_key(private_key, password=None):
    """Opens a private key, with its password where it has one."""
    arguments = ["-passin", f"pass:{password}"] if password else []
    return openssl("pkey", "-pubout", *arguments, text=private_key)


def make_key(path, key="EC256"):
    options = {
        "RSA2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "EC256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "EC384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    }
    openssl("genpkey", *options[key], "-out", path)
    return path


def check_request(request):
    """Checks that a signing request is signed by its own key."""
    openssl("req", "-noout", "-verify", text=request)


def make_request(key_path, subject_text, *extension_texts):
    """A signing request for a key, such as make_request(path, "/CN=a", "subjectAltName=DNS:a")."""
    added = [argument for text in extension_texts for argument in ("-addext", text)]
    return openssl("req", "-new", "-utf8", "-key", key_path, "-subj", subject_text, *added)


class Authority:
    """A CA of OpenSSL, outside the server."""

    def __init__(self, folder, common_name="External Root", issuer=None):
        self.folder = folder
        self.issuer = issuer
        self.key = make_key(folder / "external.key")
        self.path = folder / "external.pem"
        if issuer:
            request = make_request(self.key, f"/CN={common_name}")
            usages = ("basicConstraints=critical,CA:true,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign")
            self.path.write_text(issuer.sign(request, *usages))
            return
        openssl(
            "req", "-x509", "-new", "-key", self.key, "-subj", f"/CN={common_name}", "-days", 3650, "-out", self.path,
            "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def subordinate(self, folder, common_name="External Sub"):
        """A CA below this one, in a folder of its own."""
        folder.mkdir()
        return Authority(folder, common_name, self)

    @property
    def chain(self):
        """Its certificate and those above it."""
        return self.certificate + (self.issuer.chain if self.issuer else "")

    def issue(self, names, key="EC256", days=90):
        """A server's certificate, its chain and its key, as PEM."""
        key_path = make_key(self.folder / "server.key", key)
        alternatives = ",".join(f"DNS:{name}" for name in names)
        request = make_request(key_path, f"/CN={names[0]}")
        usages = ("basicConstraints=critical,CA:false", "extendedKeyUsage=serverAuth")
        certificate = self.sign(request, f"subjectAltName={alternatives}", *usages, days=days)
        return certificate, self.chain, key_path.read_text()

    @property
    def certificate(self):
        return self.path.read_text()

    def sign(self, request, *extension_lines, days=3000):
        """Signs a request, with extensions as in OpenSSL's configuration."""
        lines = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid", *extension_lines]
        (self.folder / "extensions.cnf").write_text("\n".join(lines))
        return openssl(
            "x509", "-req", "-CA", self.path, "-CAkey", self.key, "-days", days, "-set_serial", "0x7A01",
            "-extfile", self.folder / "extensions.cnf",
            text=request,
        )  # fmt: skip
