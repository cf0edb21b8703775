//! The part of the corpus whose keys are wrong.

use crate::{
    corpus::{BAD_KEY, Case, Good, MISMATCH},
    workshop::{der, pem},
};

/// Texts that hold no accepted key, beside a good certificate.
pub(crate) fn keys(good: &Good) -> Vec<Case> {
    let workshop = &good.workshop;
    let made = |name: &str, line: &str| good.key(name, workshop.openssl(line), BAD_KEY);
    let generated = |name: &str, options: &str| good.key(name, workshop.key("odd", options), BAD_KEY);
    workshop.key("other-rsa", "RSA -pkeyopt rsa_keygen_bits:2048");
    workshop.ec_key("other");
    let mut cases = vec![
        made("key with a password", "pkcs8 -topk8 -in leaf.key -passout pass:secret"),
        made("key with a password (PBES1)", "pkcs8 -topk8 -v1 PBE-SHA1-3DES -in leaf.key -passout pass:secret"),
        made("key with a password (old)", "ec -in leaf.key -aes128 -passout pass:secret"),
        made("RSA key with a password (old)", "rsa -in rsa.key -traditional -aes256 -passout pass:secret"),
        made("DSA key", "pkey -in dsa.key"),
        made("DSA key (old)", "pkey -in dsa.key -traditional"),
        made("key with its curve written out", "ec -in leaf.key -param_enc explicit"),
        made("parameters alone", "ecparam -name prime256v1"),
        generated("RSA key of 1024 bits", "RSA -pkeyopt rsa_keygen_bits:1024"),
        generated("RSA key of 2040 bits", "RSA -pkeyopt rsa_keygen_bits:2040"),
        generated("RSA key of three primes", "RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3"),
        generated("RSA-PSS key", "RSA-PSS -pkeyopt rsa_keygen_bits:2048"),
        generated("secp256k1 key", "EC -pkeyopt ec_paramgen_curve:secp256k1"),
        generated("P-224 key", "EC -pkeyopt ec_paramgen_curve:P-224"),
        generated("Ed448 key", "ED448"),
        generated("X25519 key", "X25519"),
        good.key("two keys", good.key.repeat(2), BAD_KEY),
        good.key("two keys in two forms", good.key.clone() + &workshop.openssl("ec -in leaf.key"), BAD_KEY),
        good.key("key of another", workshop.read("other.key"), MISMATCH),
        good.key("key of another kind", workshop.read("rsa.key"), MISMATCH),
        good.key("key of the issuer", workshop.read("middle.key"), MISMATCH),
        generated("key of another curve", "EC -pkeyopt ec_paramgen_curve:P-384"),
        generated("Ed25519 key", "ED25519"),
    ];
    for case in &mut cases {
        if matches!(case.name.as_str(), "key of another curve" | "Ed25519 key") {
            case.code = MISMATCH;
        }
    }
    cases.push(good.key("OpenSSH key", pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0none"), BAD_KEY));
    let headers = good.key.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
    cases.push(good.key("key with a password in its header", headers, BAD_KEY));
    cases
}

/// Keys whose parts do not belong together.
pub(crate) fn odd_keys(good: &Good) -> Vec<Case> {
    let workshop = &good.workshop;
    let mut cases = Vec::new();
    let sec1 = der(&workshop.openssl("ec -in leaf.key"));
    let other = der(&workshop.openssl("ec -in other.key"));
    // The secret number begins after the version, and the point ends the structure.
    let halves = [&sec1[..7 + 32], &other[7 + 32..]].concat();
    cases.push(good.key("EC key with the public half of another", pem("EC PRIVATE KEY", &halves), BAD_KEY));
    for (what, byte) in [("0", 0), ("beyond the order", 0xff)] {
        let odd = [&sec1[..7], &[byte; 32], &sec1[7 + 32..]].concat();
        cases.push(good.key(format!("EC key whose number is {what}"), pem("EC PRIVATE KEY", &odd), BAD_KEY));
    }
    let mut off_curve = sec1.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    cases.push(good.key("EC key with a point off the curve", pem("EC PRIVATE KEY", &off_curve), BAD_KEY));
    // The object identifier of P-256 in PKCS#8 replaced by that of another curve of the same length.
    let pkcs8 = der(&good.key);
    let at = pkcs8.windows(8).position(|window| window == [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]).unwrap();
    let mut other_curve = pkcs8;
    other_curve[at + 7] = 1;
    cases.push(good.key("EC key on another curve than it says", pem("PRIVATE KEY", &other_curve), BAD_KEY));

    let rsa = der(&workshop.openssl("rsa -in rsa.key -traditional"));
    let other = der(&workshop.openssl("rsa -in other-rsa.key -traditional"));
    let (ours, theirs) = (integers(&rsa), integers(&other));
    for (part, what) in [
        "modulus",
        "public exponent",
        "private exponent",
        "prime",
        "prime 2",
        "exponent 1",
        "exponent 2",
        "coefficient",
    ]
    .into_iter()
    .enumerate()
    {
        let mut mixed = ours.clone();
        mixed[part + 1] = if part == 1 { vec![2, 1, 3] } else { theirs[part + 1].clone() };
        cases.push(good.key(
            format!("RSA key with the {what} of another"),
            pem("RSA PRIVATE KEY", &list(&mixed)),
            BAD_KEY,
        ));
        mixed[part + 1] = vec![2, 1, 0];
        cases.push(good.key(format!("RSA key whose {what} is 0"), pem("RSA PRIVATE KEY", &list(&mixed)), BAD_KEY));
        mixed[part + 1] = vec![2, 1, 0xff];
        cases.push(good.key(format!("RSA key whose {what} is -1"), pem("RSA PRIVATE KEY", &list(&mixed)), BAD_KEY));
    }
    let mut stripped = ours.clone();
    (4..9).for_each(|part| stripped[part] = vec![2, 1, 0]);
    cases.push(good.key("RSA key without its primes", pem("RSA PRIVATE KEY", &list(&stripped)), BAD_KEY));
    let seed = workshop.key("odd", "ED25519");
    let short = [&[0x30, 45, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 33, 4, 31], &der(&seed)[17..]].concat();
    cases.push(good.key("Ed25519 key that is too short", pem("PRIVATE KEY", &short), BAD_KEY));
    cases
}

/// The elements of a list of integers in DER, each with its header.
fn integers(list: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut integers) = (&list[4..], Vec::new());
    while !rest.is_empty() {
        let length = match rest[1] {
            short @ 0..=0x7f => 2 + usize::from(short),
            0x81 => 3 + usize::from(rest[2]),
            _ => 4 + usize::from(rest[2]) * 256 + usize::from(rest[3]),
        };
        integers.push(rest[..length].to_vec());
        rest = &rest[length..];
    }
    integers
}

/// A list in DER.
fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    let content = elements.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], &length[..], &content].concat()
}
