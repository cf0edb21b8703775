//! The signing requests of servers.

use der::{Encode, asn1::BitString};
use openccm_core::{AlternativeName, DistinguishedName, HashAlgorithm, KeyUsage, KeyUsages};
use x509_cert::builder::{Builder, RequestBuilder};

use crate::{
    PkiError, Signer, extensions, name, pem,
    signing_request::{AsIs, Requester},
    unfit,
};

/// Makes the request with which a server asks an authority for its certificate: PEM with CRLF line endings, without one
/// at the end. It asks for the alternative names `domain_names`, for server authentication, and for the key usages that
/// TLS needs: digital signature, for RSA also key encipherment (RFC 5246 §7.4.2, RFC 8446 §4.4.2.2).
///
/// # Errors
/// Neither a subject nor a name, one that cannot be encoded, or a failure of the signer.
pub async fn make_server_request(
    subject: &DistinguishedName,
    domain_names: &[AlternativeName],
    signer: &dyn Signer,
    hash: HashAlgorithm,
) -> Result<String, PkiError> {
    use const_oid::db::rfc5280::ID_KP_SERVER_AUTH;
    let subject = name::to_x501(subject)?;
    let nameless = subject.is_empty();
    if nameless && domain_names.is_empty() {
        return unfit("a server needs a subject or an alternative name");
    }
    let usages: KeyUsages = std::iter::once(KeyUsage::DigitalSignature)
        .chain(signer.algorithm().is_rsa().then_some(KeyUsage::KeyEncipherment))
        .collect();
    let requester = Requester::new(signer, hash)?;
    let mut builder = RequestBuilder::new(subject)?;
    builder.add_extension(AsIs(extensions::key_usage(usages)?))?;
    builder.add_extension(AsIs(extensions::extended_key_usage(&[ID_KP_SERVER_AUTH])?))?;
    if !domain_names.is_empty() {
        let names = domain_names.iter().map(extensions::general_name).collect::<Result<Vec<_>, _>>()?;
        builder.add_extension(AsIs(extensions::subject_alternative_names(&names, nameless)?))?;
    }
    let to_be_signed = builder.finalize(&requester)?;
    let signature = signer.sign(hash, to_be_signed).await?;
    let request = builder.assemble(BitString::from_bytes(&signature)?, &requester)?;
    Ok(pem::encode(pem::CERTIFICATE_REQUEST[0], &request.to_der()?))
}
