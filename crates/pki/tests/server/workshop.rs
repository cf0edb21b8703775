//! A folder in which the `openssl` command makes keys and certificates of every kind.
//!
//! Shared with the tests of the HTTP surface, so it needs nothing but the standard library.
#![allow(dead_code, reason = "shared; each test binary needs some of it")]

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// Ten years: longer than any clock of a test is moved.
const DAYS: &str = "3650";

/// A temporary folder in which `openssl` runs; file names are relative to it.
pub(crate) struct Workshop(PathBuf);

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Extensions of an authority's certificate.
pub(crate) const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                                    subjectKeyIdentifier=hash\n";

impl Workshop {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("openccm-workshop-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8(self.read_bytes(name)).unwrap()
    }

    pub(crate) fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }

    /// Runs `openssl` with the words of `line`, which must succeed, and gives what it prints on its output. A tilde stands
    /// for a blank within a word.
    pub(crate) fn openssl(&self, line: &str) -> String {
        self.try_openssl(line).unwrap_or_else(|printed| panic!("openssl {line}\n{printed}"))
    }

    /// What `openssl` with the words of `line` prints: its output where it succeeds, its complaint where it does not.
    pub(crate) fn try_openssl(&self, line: &str) -> Result<String, String> {
        let words = line.split_whitespace().map(|word| word.replace('~', " "));
        let output = Command::new("openssl").args(words).current_dir(&self.0).output().expect("openssl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Makes a key in `<name>.key`, PKCS#8, with options of `openssl genpkey`, and gives its PEM.
    pub(crate) fn key(&self, name: &str, options: &str) -> String {
        self.openssl(&format!("genpkey -algorithm {options} -out {name}.key"));
        self.read(&format!("{name}.key"))
    }

    /// Makes a P-256 key in `<name>.key`.
    pub(crate) fn ec_key(&self, name: &str) -> String {
        self.key(name, "EC -pkeyopt ec_paramgen_curve:P-256")
    }

    /// Makes a signing request of the key `<name>.key` in `<name>.csr`.
    pub(crate) fn request(&self, name: &str, subject: &str) -> String {
        self.openssl(&format!("req -new -key {name}.key -subj {subject} -out {name}.csr"));
        self.read(&format!("{name}.csr"))
    }

    /// Has `<issuer>.key` sign a certificate for `<name>.key`, in `<name>.pem`, with further `options`, and gives its PEM.
    pub(crate) fn issue(&self, issuer: &str, name: &str, subject: &str, extensions: &str, options: &str) -> String {
        self.request(name, subject);
        self.write("extensions", extensions);
        let signer = if issuer == name {
            format!("-signkey {issuer}.key")
        } else {
            format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial")
        };
        self.openssl(&format!(
            "x509 -req -in {name}.csr {signer} -days {DAYS} -extfile extensions -out {name}.pem {options}"
        ));
        self.read(&format!("{name}.pem"))
    }

    /// As [`Self::issue`], valid in the year 2020 alone.
    pub(crate) fn issue_expired(&self, issuer: &str, name: &str, subject: &str, extensions: &str) -> String {
        self.request(name, subject);
        self.write("extensions", extensions);
        self.write("index.txt", "");
        self.write(
            "ca.cnf",
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\nunique_subject=no\n\
             default_md=sha256\npolicy=p\n[p]\ncommonName=optional\n",
        );
        self.openssl(&format!(
            "ca -batch -config ca.cnf -in {name}.csr -cert {issuer}.pem -keyfile {issuer}.key -notext \
             -startdate 20200101000000Z -enddate 20210101000000Z -extfile extensions -out {name}.pem"
        ));
        self.read(&format!("{name}.pem"))
    }
}

/// The DER in the first block of a PEM text.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    let body = pem.split("-----").nth(2).unwrap();
    decode_base64(body)
}

/// One PEM block.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = encode_base64(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = (0..3).fold(0, |number, index| number << 8 | u32::from(*chunk.get(index).unwrap_or(&0)));
        for index in 0..4 {
            let digit = ALPHABET[(number >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn decode_base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut number, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte)) {
        number = number << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((number >> bits) as u8);
        }
    }
    bytes
}
