//! The `openssl` command in a folder of its own.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use openccm_pki::{Certificate, PrivateKey, pem};
use tempfile::TempDir;

/// A temporary folder in which `openssl` runs; file names are relative to it.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn write_certificates(&self, name: &str, certificates: &[&Certificate]) {
        self.write(name, pem::encode_all(pem::CERTIFICATE, certificates.iter().map(|certificate| certificate.der())));
    }

    pub(crate) fn write_key(&self, name: &str, key: &PrivateKey) {
        self.write(name, pem::encode("PRIVATE KEY", &key.to_pkcs8().unwrap()));
    }

    /// Runs `openssl` with `arguments`, which must succeed, and gives what it prints on both streams.
    pub(crate) fn openssl(&self, arguments: &[&str]) -> String {
        self.try_openssl(arguments).unwrap_or_else(|printed| panic!("openssl {arguments:?}\n{printed}"))
    }

    /// What `openssl` with `arguments` prints on both streams: `Ok` where it succeeds, `Err` where it does not.
    pub(crate) fn try_openssl(&self, arguments: &[&str]) -> Result<String, String> {
        let output = run(Command::new("openssl").args(arguments).current_dir(self.path()), &[]);
        if output.status.success() { Ok(printed(&output)) } else { Err(printed(&output)) }
    }

    /// The complaint of `openssl verify` about a path, in strict mode and at a time; `None` where it is content.
    pub(crate) fn verify(
        &self,
        root: &Certificate,
        below: &[&Certificate],
        leaf: &Certificate,
        at: i64,
    ) -> Option<String> {
        self.write_certificates("verify-root.pem", &[root]);
        self.write_certificates("verify-between.pem", below);
        self.write_certificates("verify-leaf.pem", &[leaf]);
        let at = at.to_string();
        let mut arguments = vec!["verify", "-x509_strict", "-purpose", "sslserver", "-attime", &at];
        arguments.extend(["-CAfile", "verify-root.pem"]);
        if !below.is_empty() {
            arguments.extend(["-untrusted", "verify-between.pem"]);
        }
        arguments.push("verify-leaf.pem");
        self.try_openssl(&arguments).err()
    }
}

/// What `openssl x509` prints about a certificate in DER.
pub(crate) fn x509(der: &[u8], arguments: &[&str]) -> String {
    filter(der, &[&["x509", "-inform", "DER", "-noout"], arguments].concat())
}

/// What `openssl asn1parse` prints about DER.
pub(crate) fn asn1parse(der: &[u8]) -> String {
    filter(der, &["asn1parse", "-inform", "DER"])
}

/// What `openssl` with `arguments` makes of `input`.
pub(crate) fn filter(input: &[u8], arguments: &[&str]) -> String {
    let output = run(Command::new("openssl").args(arguments), input);
    assert!(output.status.success(), "openssl {arguments:?}\n{}", printed(&output));
    printed(&output)
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("openssl runs");
    // Commands that take files close their input unread.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

pub(crate) fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
