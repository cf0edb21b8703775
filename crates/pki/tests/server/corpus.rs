//! Certificates, chains and keys with something wrong about them, each with the code that it must be refused with.
//!
//! Shared with the tests of the HTTP surface, so it needs nothing but the standard library and the workshop.

use crate::{
    corpus_keys::{keys, odd_keys},
    workshop::{AUTHORITY, Workshop, der, pem},
};

/// What is imported, and the code that it is refused with.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) certificate: String,
    pub(crate) chain: Option<String>,
    pub(crate) key: String,
    pub(crate) code: &'static str,
}

const UNREADABLE: &str = "SCM.0006";
const WITHOUT_DOMAIN: &str = "SCM.0009";
pub(crate) const BAD_KEY: &str = "SCM.0012";
const BAD_CHAIN: &str = "SCM.0013";
pub(crate) const MISMATCH: &str = "SCM.0014";
const EXPIRED: &str = "SCM.0042";
const BAD_DOMAIN: &str = "SCM.0070";
const SHORT_CHAIN: &str = "SCM.0109";

const SUBJECT: &str = "/CN=a.example.com";
const DOMAINS: &str = "subjectAltName=DNS:a.example.com,DNS:b.example.com\n";
const P256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";

/// A good certificate from which the bad ones are made.
pub(crate) struct Good {
    pub(crate) workshop: Workshop,
    pub(crate) certificate: String,
    /// The issuer, then the root.
    pub(crate) chain: [String; 2],
    pub(crate) key: String,
}

impl Good {
    pub(crate) fn new() -> Self {
        let workshop = Workshop::new();
        workshop.ec_key("root");
        let root = workshop.issue("root", "root", "/O=Test/CN=Root", AUTHORITY, "");
        workshop.ec_key("middle");
        let middle = workshop.issue("root", "middle", "/O=Test/CN=Middle", AUTHORITY, "");
        let key = workshop.ec_key("leaf");
        let certificate = workshop.issue("middle", "leaf", SUBJECT, DOMAINS, "");
        Self { workshop, certificate, chain: [middle, root], key }
    }

    fn chain(&self) -> Option<String> {
        Some(self.chain.concat())
    }

    fn case(&self, name: impl Into<String>, code: &'static str) -> Case {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        Case { name: name.into(), certificate, chain: self.chain(), key, code }
    }

    fn certificate(&self, name: impl Into<String>, certificate: String, code: &'static str) -> Case {
        Case { certificate, ..self.case(name, code) }
    }

    pub(crate) fn key(&self, name: impl Into<String>, key: String, code: &'static str) -> Case {
        Case { key, ..self.case(name, code) }
    }

    fn chained(&self, name: impl Into<String>, chain: impl Into<Option<String>>, code: &'static str) -> Case {
        Case { chain: chain.into(), ..self.case(name, code) }
    }

    /// A certificate of its own for a new key of some kind, issued by the good authority.
    fn issued(
        &self,
        name: &str,
        key: &str,
        subject: &str,
        extensions: &str,
        options: &str,
        code: &'static str,
    ) -> Case {
        let key = self.workshop.key("odd", key);
        let certificate = self.workshop.issue("middle", "odd", subject, extensions, options);
        Case { certificate, key, ..self.case(name, code) }
    }
}

/// The whole corpus.
pub(crate) fn corpus(good: &Good) -> Vec<Case> {
    let all = [damaged(good), certificates(good), domains(good), keys(good), odd_keys(good), chains(good)];
    all.into_iter().flatten().collect()
}

/// Damage that any of the three texts can have.
fn damaged(good: &Good) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, part: usize, bad: &str| {
        let case = match part {
            0 => good.certificate(format!("certificate {name}"), bad.to_owned(), UNREADABLE),
            1 => good.key(format!("key {name}"), bad.to_owned(), BAD_KEY),
            _ => good.chained(format!("chain {name}"), bad.to_owned(), BAD_CHAIN),
        };
        cases.push(case);
    };
    let parts = [&good.certificate, &good.key, &good.chain[0]];
    for (part, text) in parts.into_iter().enumerate() {
        let label = if part == 1 { "PRIVATE KEY" } else { "CERTIFICATE" };
        let content = der(text);
        for eighth in 1..8 {
            add(format!("cut at {eighth}/8"), part, &text[..text.len() * eighth / 8]);
            let shortened = &content[..content.len() * eighth / 8];
            add(format!("with DER cut at {eighth}/8"), part, &pem(label, shortened));
        }
        add("without its last dashes".into(), part, text.trim_end().trim_end_matches('-'));
        add("without its first line".into(), part, text.split_once('\n').unwrap().1);
        add("of words".into(), part, "no PEM at all");
        add("with an odd character".into(), part, &text.replacen("\nM", "\n#M", 1));
        add("with NUL bytes".into(), part, &text.replacen("\nM", "\nM\0\0", 1));
        add("with a digit less".into(), part, &text.replacen("\nM", "\n", 1));
        add("with nothing inside".into(), part, &format!("-----BEGIN {label}-----\n-----END {label}-----\n"));
        add("with data after it".into(), part, &pem(label, &[&content[..], &[0]].concat()));
        add("in binary".into(), part, &String::from_utf8_lossy(&content));
        add("in PEM twice".into(), part, &pem(label, text.as_bytes()));
        add("under another label".into(), part, &text.replace(label, "PKCS7"));
        add("of a length of 4 GB".into(), part, &pem(label, &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
        add(
            "of a negative length".into(),
            part,
            &pem(label, &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        );
        add("of an open length".into(), part, &pem(label, &[&[0x30, 0x80], &content[4..], &[0, 0]].concat()));
        add("of megabytes".into(), part, &pem(label, &vec![0x30; 2_000_000]));
        add("of 10,000 nested lists".into(), part, &pem(label, &[0x30, 0x80].repeat(10_000)));
        add("that is a public key".into(), part, &good.workshop.openssl("pkey -in leaf.key -pubout"));
        add("that is a request".into(), part, &good.workshop.read("leaf.csr"));
    }
    add("that is a key".into(), 0, &good.key);
    add("that is a certificate".into(), 1, &good.certificate);
    add("that is a key".into(), 2, &good.key);
    cases
}

/// Certificates that are well formed and are not accepted.
fn certificates(good: &Good) -> Vec<Case> {
    let workshop = &good.workshop;
    let issued = |name, key, options| good.issued(name, key, SUBJECT, DOMAINS, options, UNREADABLE);
    let mut cases = vec![
        issued("signed with SHA-1", P256, "-sha1"),
        issued("signed with SHA-224", P256, "-sha224"),
        issued("with RSA of 1024 bits", "RSA -pkeyopt rsa_keygen_bits:1024", ""),
        issued("with secp256k1", "EC -pkeyopt ec_paramgen_curve:secp256k1", ""),
        issued("with brainpoolP256r1", "EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", ""),
        issued(
            "with parameters of the curve written out",
            "EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "",
        ),
        issued("with Ed448", "ED448", ""),
        issued("with RSA-PSS", "RSA-PSS -pkeyopt rsa_keygen_bits:2048", ""),
        good.issued("of an authority", P256, SUBJECT, &format!("{AUTHORITY}{DOMAINS}"), "", UNREADABLE),
    ];
    workshop.openssl("dsaparam -out dsa.param 1024");
    workshop.openssl("genpkey -paramfile dsa.param -out dsa.key");
    let certificate = workshop.issue("middle", "dsa", SUBJECT, DOMAINS, "");
    cases.push(Case { key: workshop.read("dsa.key"), ..good.certificate("with DSA", certificate, UNREADABLE) });

    workshop.key("rsa", "RSA -pkeyopt rsa_keygen_bits:2048");
    for (name, options) in [
        ("self-signed with MD5", "-md5"),
        ("self-signed with SHA-1", "-sha1"),
        ("self-signed with PSS", "-sha256 -sigopt rsa_padding_mode:pss"),
    ] {
        let certificate = workshop.issue("rsa", "rsa", SUBJECT, DOMAINS, options);
        let key = workshop.read("rsa.key");
        cases.push(Case { chain: None, key, ..good.certificate(name, certificate, UNREADABLE) });
    }

    workshop.ec_key("old");
    let certificate = workshop.issue_expired("middle", "old", SUBJECT, DOMAINS);
    let key = workshop.read("old.key");
    cases.push(Case { key: key.clone(), ..good.certificate("expired", certificate.clone(), EXPIRED) });
    cases.push(Case { chain: None, key, ..good.certificate("expired without a chain", certificate.clone(), EXPIRED) });
    cases.push(good.certificate("expired with another key", certificate, EXPIRED));
    let damaged_behind = format!("{}-----BEGIN CERTIFICATE-----\nMII", good.certificate);
    cases.push(good.certificate("with damage behind it", damaged_behind, UNREADABLE));
    cases
}

/// Certificates whose names are no host names.
fn domains(good: &Good) -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        "a.*.example.com",
        "*.*.example.com",
        "f*.example.com",
        "*a.example.com",
        "*",
        "a b.example.com",
        " a.example.com.",
        "a_b.example.com",
        "-a.example.com",
        "a-.example.com",
        "a..example.com",
        ".example.com",
        "example.com.",
        "192.168.1.1",
        "http://a.example.com",
        "a.example.com:443",
        "admin@example.com",
        "xn--a.example.com",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com",
    ] {
        let extensions = format!("subjectAltName=@names\n[names]\nDNS.1=good.example.com\nDNS.2={name}\n");
        // The reader of the file trims blanks, so the dot at the end of one name is what is wrong with it.
        cases.push(good.issued(&format!("for {name:?}"), P256, SUBJECT, &extensions, "", BAD_DOMAIN));
    }
    for (what, bytes) in [
        ("a NUL", "30:0D:82:0B:61:00:2E:65:78:2E:61:2E:63:6F:6D"),
        ("Latin-1", "30:0A:82:08:E9:2E:61:2E:63:6F:6D:6D"),
        ("an address of 3 bytes", "30:05:87:03:01:02:03"),
        ("an address with a mask", "30:0A:87:08:01:02:03:04:FF:FF:FF:00"),
        ("an empty name", "30:02:82:00"),
        ("broken DER", "30:7F:82:01"),
        ("something else than a list", "04:01:00"),
    ] {
        let extensions = format!("subjectAltName=DER:{bytes}\n");
        cases.push(good.issued(&format!("for {what}"), P256, SUBJECT, &extensions, "", BAD_DOMAIN));
    }
    for subject in ["/CN=a_b.example.com", "/CN=*.*.example.com", "/CN=https://a.example.com"] {
        let escaped = subject.replace("//", "\\/\\/");
        cases.push(good.issued(&format!("for {subject}"), P256, &escaped, "", "", BAD_DOMAIN));
    }
    for subject in ["/CN=Somebody", "/CN=Dr.~Some~Body", "/O=Company", "/CN=*"] {
        cases.push(good.issued(&format!("for {subject}"), P256, subject, "", "", WITHOUT_DOMAIN));
    }
    let mail = "subjectAltName=email:a@example.com,URI:https://a.example.com\n";
    cases.push(good.issued("for a mail address", P256, "/CN=Somebody", mail, "", WITHOUT_DOMAIN));
    cases
}

/// Chains that do not fit, or are not there.
fn chains(good: &Good) -> Vec<Case> {
    let workshop = &good.workshop;
    let [middle, root] = &good.chain;
    workshop.ec_key("foreign");
    let foreign = workshop.issue("foreign", "foreign", "/O=Foreign/CN=Root", AUTHORITY, "");
    workshop.ec_key("double");
    let double = workshop.issue("double", "double", "/O=Test/CN=Middle", AUTHORITY, "");
    workshop.ec_key("peer");
    let peer = workshop.issue("middle", "peer", "/CN=peer.example.com", DOMAINS, "");
    let mut signature = der(&good.certificate);
    *signature.last_mut().unwrap() ^= 1;
    let mut cases = vec![
        good.chained("chain that is absent", None, SHORT_CHAIN),
        good.chained("chain that is blank", " \r\n".to_owned(), SHORT_CHAIN),
        good.chained("chain of the certificate alone", good.certificate.clone(), SHORT_CHAIN),
        good.chained("chain of the root alone", root.clone(), BAD_CHAIN),
        good.chained("chain of another authority", foreign.clone(), BAD_CHAIN),
        good.chained("chain with another authority", format!("{middle}{foreign}{root}"), BAD_CHAIN),
        good.chained("chain of another authority of that name", double.clone(), BAD_CHAIN),
        good.chained("chain with another authority of that name", format!("{double}{middle}{root}"), BAD_CHAIN),
        good.chained("chain with another server", format!("{peer}{middle}{root}"), BAD_CHAIN),
        good.chained("chain cut in its second certificate", format!("{middle}{}", &root[..root.len() / 2]), BAD_CHAIN),
        good.chained("chain with a damaged certificate", format!("{middle}{}", pem("CERTIFICATE", &[1, 2])), BAD_CHAIN),
        good.certificate("certificate with another signature", pem("CERTIFICATE", &signature), BAD_CHAIN),
    ];
    let behind = |name: &str, behind: &str, code| Case {
        chain: None,
        ..good.certificate(name, format!("{}{behind}", good.certificate), code)
    };
    cases.push(behind("certificate with another authority behind it", &foreign, BAD_CHAIN));
    cases.push(behind("certificate with the root behind it", root, BAD_CHAIN));
    cases.push(behind("certificate with garbage behind it", &pem("CERTIFICATE", b"garbage"), BAD_CHAIN));
    cases.push(Case {
        chain: None,
        ..good.certificate("certificate behind its issuer", format!("{middle}{}", good.certificate), UNREADABLE)
    });

    // Signed by what may not sign.
    workshop.ec_key("under-peer");
    let certificate = workshop.issue("peer", "under-peer", SUBJECT, DOMAINS, "");
    let (chain, key) = (Some(format!("{peer}{middle}{root}")), workshop.read("under-peer.key"));
    cases.push(Case { chain, key, ..good.certificate("certificate under another server's", certificate, BAD_CHAIN) });

    // Under an authority with an algorithm that is no longer accepted.
    workshop.ec_key("weak");
    let weak = workshop.issue("root", "weak", "/CN=Weak", AUTHORITY, "-sha1");
    workshop.ec_key("under-weak");
    let certificate = workshop.issue("weak", "under-weak", SUBJECT, DOMAINS, "");
    let (chain, key) = (Some(format!("{weak}{root}")), workshop.read("under-weak.key"));
    cases.push(Case { chain, key, ..good.certificate("certificate under SHA-1", certificate, BAD_CHAIN) });
    workshop.key("small", "RSA -pkeyopt rsa_keygen_bits:1024");
    let small = workshop.issue("small", "small", "/CN=Small", AUTHORITY, "");
    workshop.ec_key("under-small");
    let certificate = workshop.issue("small", "under-small", SUBJECT, DOMAINS, "");
    let key = workshop.read("under-small.key");
    cases.push(Case {
        chain: Some(small),
        key,
        ..good.certificate("certificate under RSA-1024", certificate, BAD_CHAIN)
    });

    // Signed by itself.
    workshop.ec_key("alone");
    let certificate = workshop.issue("alone", "alone", SUBJECT, DOMAINS, "");
    let key = workshop.read("alone.key");
    cases.push(Case {
        key: key.clone(),
        ..good.certificate("self-signed with a chain", certificate.clone(), BAD_CHAIN)
    });
    let mut signature = der(&certificate);
    *signature.last_mut().unwrap() ^= 1;
    let broken = pem("CERTIFICATE", &signature);
    cases.push(Case {
        chain: None,
        key,
        ..good.certificate("self-signed with another signature", broken, SHORT_CHAIN)
    });

    let many: String = (0..17)
        .map(|index| {
            workshop.ec_key("many");
            workshop.issue("many", "many", &format!("/CN=Root{index}"), AUTHORITY, "")
        })
        .collect();
    cases.push(good.chained("chain of 17 others", format!("{middle}{root}{many}"), BAD_CHAIN));
    cases
}
