//! Which names must be proven, and how they may be.

use std::net::IpAddr;

use openccm_core::{AlternativeName, AlternativeNameType, Invalid, Subject, ValidationMethod};

use super::dns;

/// The longest domain name, in characters (RFC 1035 §2.3.4 without the bytes that only DNS needs).
const NAME_LIMIT: usize = 253;

/// The names that must be proven before a certificate for `domains` is issued, in their order and each once: in ASCII, and
/// without the wildcard, for who may have `*.example.com` is who may have `example.com`.
pub(super) fn names_to_prove(
    domains: &[String],
    method: ValidationMethod,
    has_mail: bool,
) -> Result<Vec<String>, Invalid> {
    if domains.is_empty() {
        return Err(Invalid::missing(Subject::UnfitDomains, "domain"));
    }
    if method == ValidationMethod::Email && !has_mail {
        return Err(Invalid::new(
            Subject::Parameter,
            "domain_method",
            "EMAIL is not possible: this server sends no mail",
        ));
    }
    let mut names = Vec::new();
    for domain in domains {
        let name = name_to_prove(domain, method)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn name_to_prove(domain: &str, method: ValidationMethod) -> Result<String, Invalid> {
    let unfit = |reason: &str| Invalid::new(Subject::UnfitDomains, "domain", format!("{domain} {reason}"));
    if let Ok(address) = domain.trim().parse::<IpAddr>() {
        return match method {
            ValidationMethod::File => Ok(address.to_string()),
            _ => Err(unfit("is an IP address: domain_method must be FILE")),
        };
    }
    let AlternativeName::Dns(name) = AlternativeName::parse(AlternativeNameType::Dns, domain, "domain")? else {
        return Err(unfit("is no domain name"));
    };
    match (name.strip_prefix("*."), method) {
        // Baseline Requirements §3.2.2.4.18: a file says nothing about the names below.
        (Some(_), ValidationMethod::File) => Err(unfit("is a wildcard: domain_method must be DNS or EMAIL")),
        (Some(base), _) => Ok(base.to_owned()),
        (None, _) => Ok(name.clone()),
    }
    .and_then(|name| {
        if method == ValidationMethod::Dns && dns::record_name(&name).len() > NAME_LIMIT {
            return Err(unfit("is too long for a record below it"));
        }
        Ok(name)
    })
}

/// Whether `name` is `zone` or within it.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(domains: &[&str], method: ValidationMethod) -> Result<Vec<String>, Subject> {
        let domains: Vec<String> = domains.iter().map(|domain| domain.to_string()).collect();
        names_to_prove(&domains, method, true).map_err(|invalid| invalid.subject)
    }

    #[test]
    fn a_name_and_its_wildcard_share_a_proof_and_others_do_not() {
        let domains = ["*.Example.com", "example.com", "www.example.com", "*.www.example.com", "例子.cn"];
        let expected = ["example.com", "www.example.com", "xn--fsqu00a.cn"];
        for method in [ValidationMethod::Dns, ValidationMethod::Email] {
            assert_eq!(names(&domains, method).unwrap(), expected);
        }
    }

    #[test]
    fn each_method_has_names_that_it_cannot_prove() {
        use ValidationMethod::{Dns, Email, File};
        assert_eq!(names(&["example.com", "*.example.com"], File), Err(Subject::UnfitDomains));
        for address in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(names(&[address], File).unwrap(), [address]);
            assert_eq!(names(&["example.com", address], Dns), Err(Subject::UnfitDomains));
            assert_eq!(names(&[address], Email), Err(Subject::UnfitDomains));
        }
        assert_eq!(names(&["2001:DB8:0::1"], File).unwrap(), ["2001:db8::1"]);
        assert_eq!(names(&[], Dns), Err(Subject::UnfitDomains));
        assert_eq!(names(&["a_b.com"], Dns), Err(Subject::DomainName));
        let long = format!("{}com", "abcdefgh.".repeat(27));
        assert_eq!(names(&[&long], Dns), Err(Subject::UnfitDomains));
        assert_eq!(names(&[&long], File).unwrap(), [long.as_str()]);
        let without_mail = names_to_prove(&["example.com".into()], Email, false).unwrap_err();
        assert_eq!((without_mail.subject, without_mail.field.as_str()), (Subject::Parameter, "domain_method"));
    }

    #[test]
    fn a_zone_contains_itself_and_what_is_below_it() {
        for name in ["example.com", "a.example.com", "a.b.example.com"] {
            assert!(is_within(name, "example.com"), "{name}");
        }
        for name in ["badexample.com", "com", "example.com.evil.org", "example.org", "", "192.0.2.1"] {
            assert!(!is_within(name, "example.com"), "{name}");
        }
    }
}
