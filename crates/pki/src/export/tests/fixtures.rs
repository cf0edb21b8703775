//! Certificates and keys made by OpenSSL, and the running of the tools that read the exports.

use std::fs;
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::export::Material;
use crate::pem;

/// Name of every fixture: with Chinese, a blank and a capital, which Java makes small in aliases.
const NAME: &str = "服务器 Server";
/// Creation date of every fixture: 14 November 2023.
const CREATED_MS: i64 = 1_700_000_000_000;

/// A leaf below an intermediate below a root, made by OpenSSL; all three keys of one kind.
pub(super) struct Fixture {
    pub(super) kind: &'static str,
    /// Label of the native PEM form.
    pub(super) label: &'static str,
    pub(super) key: Vec<u8>,
    pub(super) certificate: Vec<u8>,
    pub(super) chain: Vec<Vec<u8>>,
}

impl Fixture {
    fn make(kind: &'static str, label: &'static str, algorithm: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let at = |file: &str| dir.path().join(file).to_str().unwrap().to_owned();
        fs::write(at("ca.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n").unwrap();
        fs::write(at("leaf.ext"), "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:www.example.com\n").unwrap();
        for name in ["root", "sub", "leaf"] {
            let (key, csr, subject) =
                (at(&format!("{name}.key")), at(&format!("{name}.csr")), format!("/O=测试/CN={name}"));
            openssl(&[&["genpkey", "-out", &key][..], algorithm].concat());
            openssl(&["req", "-new", "-utf8", "-key", &key, "-subj", &subject, "-out", &csr]);
        }
        for (name, issuer, extensions) in
            [("root", "root", "ca.ext"), ("sub", "root", "ca.ext"), ("leaf", "sub", "leaf.ext")]
        {
            let (csr, out, ext) = (at(&format!("{name}.csr")), at(&format!("{name}.crt")), at(extensions));
            let (ca, ca_key) = (at(&format!("{issuer}.crt")), at(&format!("{issuer}.key")));
            let signer: &[&str] =
                if name == issuer { &["-signkey", &ca_key] } else { &["-CA", &ca, "-CAkey", &ca_key] };
            openssl(
                &[&["x509", "-req", "-in", &csr, "-days", "30", "-extfile", &ext, "-out", &out][..], signer].concat(),
            );
        }
        let read = |file: &str, label| pem::decode_one(&fs::read_to_string(at(file)).unwrap(), &[label]).unwrap().1;
        Self {
            kind,
            label,
            key: read("leaf.key", "PRIVATE KEY"),
            certificate: read("leaf.crt", pem::CERTIFICATE),
            chain: vec![read("sub.crt", pem::CERTIFICATE), read("root.crt", pem::CERTIFICATE)],
        }
    }

    pub(super) fn material(&self) -> Material<'_> {
        Material {
            name: NAME,
            certificate: &self.certificate,
            chain: &self.chain,
            private_key: Some(&self.key),
            created_ms: CREATED_MS,
        }
    }

    /// The private key as OpenSSL writes it when it is unencrypted PKCS#8 PEM.
    pub(super) fn key_pem(&self) -> String {
        format!("{}\n", pem::encode("PRIVATE KEY", &self.key).replace("\r\n", "\n"))
    }
}

/// Made once: RSA keys take OpenSSL a while.
pub(super) fn fixtures() -> &'static [Fixture] {
    static FIXTURES: OnceLock<Vec<Fixture>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let ec = |curve| ["-algorithm", "EC", "-pkeyopt", curve];
        vec![
            Fixture::make("RSA-2048", "RSA PRIVATE KEY", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
            Fixture::make("P-256", "EC PRIVATE KEY", &ec("ec_paramgen_curve:P-256")),
            Fixture::make("P-384", "EC PRIVATE KEY", &ec("ec_paramgen_curve:P-384")),
            Fixture::make("P-521", "EC PRIVATE KEY", &ec("ec_paramgen_curve:P-521")),
            Fixture::make("Ed25519", "PRIVATE KEY", &["-algorithm", "ED25519"]),
        ]
    })
}

pub(super) fn run(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).env("LC_ALL", "C.UTF-8").output().unwrap()
}

fn succeed(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {stdout}{stderr}");
    stdout
}

pub(super) fn openssl(args: &[&str]) -> String {
    succeed("openssl", args)
}

pub(super) fn keytool(args: &[&str]) -> String {
    // Without these, Java reads and writes Chinese as question marks in a C locale.
    let utf8 = ["-J-Dfile.encoding=UTF-8", "-J-Dsun.jnu.encoding=UTF-8", "-J-Duser.language=en", "-J-Xshare:auto"];
    succeed("keytool", &[&utf8[..], args].concat())
}
