//! The second look at a list that was just made, with other parsers than those that it was made with.

use der::Encode;
use webpki::BorrowedCertRevocationList;
use x509_parser::{
    asn1_rs::{Any, Tag},
    extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension},
    prelude::FromDer,
    time::ASN1Time,
    x509::{AlgorithmIdentifier, X509Name},
};

use super::{Crl, issue::Draft};
use crate::{PkiError, unfit};

/// Compares the list with what was asked for. A mistake found here is one of ours: nothing that fails may leave.
pub(super) fn check(der: &[u8], draft: &Draft) -> Result<(), PkiError> {
    let list = Crl::from_der(der)?;
    list.verify_issued_by(&draft.issuer)?;
    let read = List::read(der)?;
    let algorithm = draft.algorithm.to_der()?;
    let template = &draft.template;
    let expectations = [
        ("signed part", read.signed == list.signed()),
        ("inner algorithm", read.inner_algorithm == algorithm),
        ("outer algorithm", read.outer_algorithm == algorithm),
        ("issuer", read.issuer == draft.issuer_name),
        ("this update", read.this_update == template.this_update && list.this_update() == template.this_update),
        ("next update", read.next_update == template.next_update && list.next_update() == template.next_update),
        ("entries", count_entries(der)? == draft.count),
        ("absence of entries", read.has_entries == (draft.count > 0)),
        ("number", read.number == Some(template.number) && list.number() == template.number),
        ("authority key", read.authority_key.as_deref() == Some(draft.issuer.key_identifier())),
        ("distribution point", read.distribution_point == template.distribution_point),
        ("distribution point", list.distribution_point() == template.distribution_point.as_deref()),
    ];
    match expectations.iter().find(|(_, holds)| !holds) {
        None => Ok(()),
        Some((what, _)) => unfit(format!("the list came out wrong: {what}")),
    }
}

/// The entries as a TLS client reads them, one by one, with its check of all that is around them.
fn count_entries(der: &[u8]) -> Result<u64, PkiError> {
    let malformed = |error: webpki::Error| PkiError::Malformed(error.to_string());
    let list = BorrowedCertRevocationList::from_der(der).map_err(malformed)?;
    list.into_iter().try_fold(0, |count, entry| entry.map(|_| count + 1).map_err(malformed))
}

/// A list in the eyes of x509-parser. Its own type for lists would hold all entries at once; these are the same parsers,
/// put together without the entries.
struct List<'a> {
    signed: &'a [u8],
    inner_algorithm: &'a [u8],
    outer_algorithm: &'a [u8],
    issuer: &'a [u8],
    this_update: i64,
    next_update: i64,
    has_entries: bool,
    number: Option<i64>,
    authority_key: Option<Vec<u8>>,
    distribution_point: Option<String>,
}

impl<'a> List<'a> {
    fn read(der: &'a [u8]) -> Result<Self, PkiError> {
        let (rest, list) = Any::from_der(der).map_err(malformed)?;
        check_end(rest)?;
        let (rest, to_be_signed) = Any::from_der(list.data).map_err(malformed)?;
        let signed = before(list.data, rest);
        let (rest, outer_algorithm) = raw::<AlgorithmIdentifier<'_>>(rest)?;
        let (rest, _signature) = Any::from_der(rest).map_err(malformed)?;
        check_end(rest)?;

        let (rest, version) = u32::from_der(to_be_signed.data).map_err(malformed)?;
        if version != 1 {
            return unfit("the list came out wrong: version");
        }
        let (rest, inner_algorithm) = raw::<AlgorithmIdentifier<'_>>(rest)?;
        let (rest, issuer) = raw::<X509Name<'_>>(rest)?;
        let (rest, this_update) = ASN1Time::from_der(rest).map_err(malformed)?;
        let (rest, next_update) = ASN1Time::from_der(rest).map_err(malformed)?;
        let (after_next, next) = Any::from_der(rest).map_err(malformed)?;
        let has_entries = next.tag() == Tag::Sequence;
        let (rest, tagged) =
            if has_entries { Any::from_der(after_next).map_err(malformed)? } else { (after_next, next) };
        check_end(rest)?;
        let (rest, extensions) = Any::from_der(tagged.data).map_err(malformed)?;
        check_end(rest)?;

        let mut read = Self {
            signed,
            inner_algorithm,
            outer_algorithm,
            issuer,
            this_update: this_update.timestamp(),
            next_update: next_update.timestamp(),
            has_entries,
            number: None,
            authority_key: None,
            distribution_point: None,
        };
        let mut rest = extensions.data;
        while !rest.is_empty() {
            let (after, extension) = X509Extension::from_der(rest).map_err(malformed)?;
            read.take(&extension)?;
            rest = after;
        }
        Ok(read)
    }

    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), PkiError> {
        match extension.parsed_extension() {
            ParsedExtension::CRLNumber(number) if !extension.critical => self.number = number.try_into().ok(),
            ParsedExtension::AuthorityKeyIdentifier(identifier) if !extension.critical => {
                self.authority_key = identifier.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            ParsedExtension::IssuingDistributionPoint(point) if extension.critical => {
                let Some(DistributionPointName::FullName(names)) = &point.distribution_point else {
                    return unfit("the list came out wrong: distribution point without a name");
                };
                let [GeneralName::URI(uri)] = names[..] else {
                    return unfit("the list came out wrong: distribution point without a URI");
                };
                self.distribution_point = Some(uri.to_owned());
            }
            _ => return unfit(format!("the list came out wrong: extension {}", extension.oid)),
        }
        Ok(())
    }
}

/// The bytes of a `T` at the beginning of `input`, and what follows them.
fn raw<'a, T: FromDer<'a, x509_parser::error::X509Error>>(input: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), PkiError> {
    let (rest, _) = T::from_der(input).map_err(malformed)?;
    Ok((rest, before(input, rest)))
}

/// What stands in `whole` before its end `rest`.
fn before<'a>(whole: &'a [u8], rest: &[u8]) -> &'a [u8] {
    &whole[..whole.len() - rest.len()]
}

fn check_end(rest: &[u8]) -> Result<(), PkiError> {
    if rest.is_empty() { Ok(()) } else { unfit("the list came out wrong: trailing data") }
}

fn malformed(error: impl std::fmt::Display) -> PkiError {
    PkiError::Malformed(error.to_string())
}
