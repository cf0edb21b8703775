//! The consent of a domain's administrators (Baseline Requirements §3.2.2.4.4): a mail to each of five addresses that only
//! they can have, with a link that works once. Who opens it sees a page, and consents there, for mail scanners open links.

use openccm_auth::{Token, TokenHash};
use openccm_store::{
    accounts,
    domain_proofs::{self as store, DomainProof, ProofMail},
    ssl_certificates,
};

use super::{Seen, settle};
use crate::{
    Error, OpenCcm,
    mail::{MailError, MailOptions, Mailer},
};

/// The addresses that only the administrators of a domain can have.
const ADMINISTRATORS: [&str; 5] = ["admin", "administrator", "hostmaster", "postmaster", "webmaster"];

/// Sends the mails.
pub(super) struct Sender(Mailer);

/// What an administrator of a domain is asked to consent to.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The domain name.
    pub domain: String,
    /// The account whose certificate it is.
    pub account_name: String,
    /// All names of the certificate.
    pub names: Vec<String>,
}

/// The addresses of those who administer `domain`.
pub(super) fn addresses(domain: &str) -> Vec<String> {
    ADMINISTRATORS.iter().map(|name| format!("{name}@{domain}")).collect()
}

impl Sender {
    pub(super) fn new(options: Option<&MailOptions>) -> Result<Self, String> {
        let options = options.ok_or("this server sends no mail")?;
        Mailer::new(options).map(Self).map_err(|error| format!("mails cannot be sent: {error}"))
    }
}

/// Sends the mails that are not sent yet, unless nobody could use their links any more.
pub(super) async fn ask(ccm: &OpenCcm, sender: &Result<Sender, String>, proof: &DomainProof) -> Result<Seen, Error> {
    if ccm.now_ms() >= proof.expires_at {
        return Ok(Seen::None("nobody consented by the link in the mails".into()));
    }
    let sender = match sender {
        Ok(sender) => sender,
        Err(reason) => return Ok(Seen::None(reason.clone())),
    };
    let mut session = ccm.database().read().await?;
    let mails = store::list_mails(&mut session, &proof.certificate_id, &proof.domain).await?;
    let asked = describe(&mut session, proof).await?;
    drop(session);
    let mut any_sent = mails.iter().any(|mail| mail.sent_at.is_some());
    let (mut refusal, mut failure) = (None, None);
    // Few domains have all five addresses: one that is refused is tried again only while no other has worked.
    let open: Vec<&ProofMail> =
        mails.iter().filter(|mail| mail.sent_at.is_none() && !(any_sent && mail.refused == 1)).collect();
    for mail in open {
        match send(ccm, sender, proof, &asked, &mail.address).await? {
            Ok(()) => any_sent = true,
            Err(error) if error.refused => refusal = Some(error),
            Err(error) => failure = Some(error),
        }
    }
    Ok(match failure.or(refusal.filter(|_| !any_sent)) {
        Some(error) => Seen::None(format!("mails cannot be sent: {error}")),
        None => Seen::Asked,
    })
}

/// Sends one mail. What is in its link is known to the database before the mail can be read.
async fn send(
    ccm: &OpenCcm,
    Sender(mailer): &Sender,
    proof: &DomainProof,
    asked: &Confirmation,
    address: &str,
) -> Result<Result<(), MailError>, Error> {
    let token = Token::generate().map_err(Error::key)?;
    let hash = token.hash();
    let mut session = ccm.database().write().await?;
    let wanted =
        store::set_mail_token(&mut session, &proof.certificate_id, &proof.domain, address, hash.as_str()).await?;
    session.commit().await?;
    if !wanted {
        return Ok(Ok(()));
    }
    let subject = format!("A certificate for {}: do you consent?", proof.domain);
    let text = text(&format!("{}/scm/domain-validation/{}", ccm.public_url(), token.expose()), asked);
    let outcome = mailer.send(address, &subject, text, ccm.now_ms()).await;
    let refused = outcome.as_ref().is_err_and(|error| error.refused);
    let sent_at = outcome.is_ok().then(|| ccm.now_ms());
    let mut session = ccm.database().write().await?;
    store::set_mail_outcome(&mut session, hash.as_str(), sent_at, refused).await?;
    session.commit().await?;
    Ok(outcome)
}

fn text(link: &str, asked: &Confirmation) -> String {
    let Confirmation { domain, account_name, names } = asked;
    format!(
        "The account {account_name} of a certificate manager asks for a TLS certificate for\n\n    {}\n\n\
         This mail goes to those who administer {domain}. If you consent to the certificate, open this page and press \
         its button within 30 days:\n\n    {link}\n\n\
         If you do not, or do not know what this is about, ignore this mail: without your consent no certificate is \
         issued. Do not pass the link on.\n",
        names.join("\n    ")
    )
}

async fn describe(session: &mut openccm_store::Session, proof: &DomainProof) -> Result<Confirmation, Error> {
    let certificate = ssl_certificates::find_any(session, &proof.certificate_id).await?.ok_or(Error::NotFound)?;
    let account = accounts::find(session, &certificate.account_id).await?.ok_or(Error::NotFound)?;
    let mut names = certificate.domains();
    names.extend(certificate.added_sans.split(';').filter(|name| !name.is_empty()).map(str::to_owned));
    if names.is_empty() {
        names.push(proof.domain.clone());
    }
    Ok(Confirmation { domain: proof.domain.clone(), account_name: account.name, names })
}

/// What the link with this token asks to consent to; none where it is used, too old, or never was.
///
/// # Errors
/// The database fails.
pub async fn find_confirmation(ccm: &OpenCcm, token: &str) -> Result<Option<Confirmation>, Error> {
    let mut session = ccm.database().read().await?;
    match store::find_by_token(&mut session, TokenHash::of(token).as_str(), ccm.now_ms()).await? {
        Some(proof) => describe(&mut session, &proof).await.map(Some),
        None => Ok(None),
    }
}

/// Consents by the link with this token: the domain name is verified, and none of the links that asked for it works any
/// more. None where the link is used, too old, or never was.
///
/// # Errors
/// The database fails.
pub async fn confirm(ccm: &OpenCcm, token: &str) -> Result<Option<Confirmation>, Error> {
    let now_ms = ccm.now_ms();
    let hash = TokenHash::of(token);
    let mut session = ccm.database().write().await?;
    let Some(proof) = store::find_by_token(&mut session, hash.as_str(), now_ms).await? else { return Ok(None) };
    store::hold_certificate(&mut session, &proof.certificate_id).await?;
    let confirmation = describe(&mut session, &proof).await?;
    Ok(settle(session, &proof, now_ms).await?.then_some(confirmation))
}
