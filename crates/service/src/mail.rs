//! Mail, handed to one server by SMTP (RFC 5321).

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use openccm_auth::{RandomError, Secret, Token};
use tokio::time::timeout;

use crate::causes::with_causes;

/// How long the server may take for each of its answers.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long all of a mail may take.
const MAIL_TIMEOUT: Duration = Duration::from_secs(60);

/// Which server takes mails, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// Its host name or address. With TLS, its certificate must be for this.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// When TLS begins.
    pub tls: MailTls,
    /// The user name and password, where it wants them.
    pub credentials: Option<(String, Secret)>,
    /// The sender: an address, or a name and an address in angle brackets.
    pub from: String,
}

/// When TLS begins on a connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// Never.
    None,
    /// After `STARTTLS` (RFC 3207), without which nothing is sent.
    StartTls,
    /// At once (RFC 8314).
    Implicit,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct MailError {
    /// Whether the server has refused it for good (a reply that begins with 5).
    pub refused: bool,
    /// What happened.
    pub reason: String,
}

impl MailError {
    fn new(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { refused: false, reason: with_causes(error) }
    }
}

impl From<RandomError> for MailError {
    fn from(error: RandomError) -> Self {
        Self::new(&error)
    }
}

/// Sends mails.
pub(crate) struct Mailer {
    from: Mailbox,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl MailOptions {
    /// Checks that mails can be sent with these options, without sending any.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), MailError> {
        Mailer::new(self).map(drop)
    }
}

impl Mailer {
    /// Makes ready to send with `options`. Nothing is connected yet.
    pub(crate) fn new(options: &MailOptions) -> Result<Self, MailError> {
        let from = options.from.parse().map_err(|error: lettre::address::AddressError| MailError::new(&error))?;
        let tls = match options.tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(tls_parameters(&options.server)?),
            MailTls::Implicit => Tls::Wrapper(tls_parameters(&options.server)?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.server)
            .port(options.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = &options.credentials {
            transport = transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { from, transport: transport.build() })
    }

    /// Sends a mail of plain text at `now_ms` (milliseconds since the epoch).
    pub(crate) async fn send(&self, to: &str, subject: &str, text: String, now_ms: i64) -> Result<(), MailError> {
        let to: Mailbox = to
            .parse()
            .map_err(|error: lettre::address::AddressError| MailError { refused: true, reason: with_causes(&error) })?;
        let id = format!("<{}@{}>", Token::generate()?.expose(), self.from.email.domain());
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .message_id(Some(id))
            .date(UNIX_EPOCH + Duration::from_millis(now_ms.unsigned_abs()))
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| MailError::new(&error))?;
        match timeout(MAIL_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Err(_) => {
                let reason = format!("the mail was not taken within {} s", MAIL_TIMEOUT.as_secs());
                Err(MailError { refused: false, reason })
            }
            Ok(Err(error)) => Err(MailError { refused: error.is_permanent(), reason: with_causes(&error) }),
        }
    }
}

fn tls_parameters(server: &str) -> Result<TlsParameters, MailError> {
    TlsParameters::new_rustls(server.to_owned()).map_err(|error| MailError::new(&error))
}
