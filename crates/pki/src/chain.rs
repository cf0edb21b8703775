//! Chains of certificates up to a root.

use openccm_core::Period;

use crate::{Certificate, PkiError, unfit};

/// The longest chain that is followed.
const MAX_LENGTH: usize = 16;

/// Orders `pool` into the chain of `certificate`: its issuer first, a root last. The pool may come in any order and may hold
/// the certificate itself.
///
/// # Errors
/// A chain that does not reach a root, or a pool with certificates that are not part of it. A root has no issuer, so it
/// has no chain either.
pub fn complete_chain(certificate: &Certificate, pool: Vec<Certificate>) -> Result<Vec<Certificate>, PkiError> {
    let mut pool: Vec<Certificate> = pool.into_iter().filter(|other| other.der() != certificate.der()).collect();
    // Before any signature is verified: a long pool of look-alikes would take long.
    if pool.len() > MAX_LENGTH {
        return unfit(format!("the chain has more than {MAX_LENGTH} certificates"));
    }
    let mut chain: Vec<Certificate> = Vec::new();
    loop {
        let last = chain.last().unwrap_or(certificate);
        // Not every self-issued certificate: an authority with a new key may have its old one sign it (RFC 5280 §3.2).
        if last.is_root() && !chain.is_empty() {
            break;
        }
        let Some(next) = pool.iter().position(|issuer| last.verify_issued_by(issuer).is_ok()) else {
            return unfit("the chain is incomplete: a certificate without its issuer");
        };
        chain.push(pool.swap_remove(next));
    }
    if pool.is_empty() { Ok(chain) } else { unfit("the chain holds certificates that do not belong to it") }
}

/// Orders `pool` into the chain of `certificate`, its issuer first, as far up as the pool reaches: the root may be absent.
/// The pool may come in any order, and may hold a certificate twice or the certificate itself. Looks at names, rights to
/// issue and signatures, not at validity periods.
///
/// # Errors
/// A pool with certificates that do not belong to the chain.
pub fn build_chain(certificate: &Certificate, pool: Vec<Certificate>) -> Result<Vec<Certificate>, PkiError> {
    let mut rest: Vec<Certificate> = Vec::new();
    for other in pool {
        if other.der() != certificate.der() && rest.iter().all(|known| known.der() != other.der()) {
            rest.push(other);
        }
        // Before any signature is verified, as above.
        if rest.len() > MAX_LENGTH {
            return unfit(format!("the chain has more than {MAX_LENGTH} certificates"));
        }
    }
    let mut chain: Vec<Certificate> = Vec::new();
    while !rest.is_empty() {
        let last = chain.last().unwrap_or(certificate);
        // A root comes last, where another certificate has its name and key too: one that another root signed.
        let is_next = |issuer: &Certificate| last.verify_issued_by(issuer).is_ok();
        let next = rest
            .iter()
            .position(|issuer| !issuer.is_self_issued() && is_next(issuer))
            .or_else(|| rest.iter().position(is_next));
        match next {
            Some(next) => chain.push(rest.swap_remove(next)),
            None if chain.is_empty() => return unfit("none of the certificates in the chain issued the certificate"),
            None => return unfit("the chain holds certificates that do not belong to it"),
        }
    }
    Ok(chain)
}

/// Checks the path from `certificate` over `chain` (issuer first, root last): signatures, rights to issue, path lengths,
/// that it ends in a root, and that all, `certificate` too, are valid throughout `during` (RFC 5280 §6.1).
///
/// # Errors
/// What of it does not hold.
pub fn verify_path(certificate: &Certificate, chain: &[Certificate], during: Period) -> Result<(), PkiError> {
    if !std::iter::once(certificate).chain(chain).all(|link| during.is_inside(link.period())) {
        return unfit("a certificate of the path is not valid at that time");
    }
    let mut below = certificate;
    // Authorities between the certificate and the one looked at; self-issued ones do not count (RFC 5280 §6.1.4 (l)).
    let mut depth = 0_usize;
    for issuer in chain {
        below.verify_issued_by(issuer)?;
        let counts = below.can_issue() && !below.is_self_issued();
        depth += usize::from(counts);
        if issuer.path_length().is_some_and(|limit| depth > usize::from(limit)) {
            return unfit("the chain is longer than a path length constraint allows");
        }
        below = issuer;
    }
    if below.is_root() { Ok(()) } else { unfit("the chain does not end in a root") }
}
