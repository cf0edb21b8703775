//! Handing a notice to its recipient.

use std::time::Duration;

use openccm_core::NoticeType;
use openccm_store::ssl_notices::Notice;
use reqwest::{Client, redirect::Policy};
use serde_json::json;

use super::{DAY_MS, NotificationOptions, WEBHOOK};
use crate::{OpenCcm, causes::with_causes, mail::Mailer, webhook};

/// How long a web server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What notices are sent with; or why it cannot be done.
pub(super) struct Delivery<'a> {
    options: &'a NotificationOptions,
    mailer: Result<Mailer, String>,
    client: Result<Client, String>,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(ccm: &'a OpenCcm) -> Self {
        let mailer = match &ccm.ssl().mail {
            Some(options) => Mailer::new(options).map_err(|error| error.to_string()),
            None => Err("this server sends no mail".into()),
        };
        let client = Client::builder()
            .user_agent(concat!("openccm/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| with_causes(&error));
        Self { options: &ccm.ssl().notifications, mailer, client }
    }

    /// Sends a notice at `now_ms`. Says why that failed.
    pub(super) async fn send(&self, notice: &Notice, now_ms: i64) -> Result<(), String> {
        match notice.recipient.as_str() {
            WEBHOOK => self.post(notice, now_ms).await,
            address => {
                let (subject, text) = render(notice, now_ms);
                let mailer = self.mailer.as_ref().map_err(Clone::clone)?;
                mailer.send(address, &subject, text, now_ms).await.map_err(|error| error.to_string())
            }
        }
    }

    async fn post(&self, notice: &Notice, now_ms: i64) -> Result<(), String> {
        let url = self.options.webhook_url.as_deref().ok_or("there is no webhook")?;
        let body = content(notice, now_ms).to_string().into_bytes();
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let answer = webhook::post(client, url, self.options.webhook_secret.as_ref(), now_ms, body).await;
        // The URL may hold a secret, and stays out of the message.
        let answer = answer.map_err(|error| with_causes(&error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the webhook answers {status}")),
        }
    }
}

/// The same for the same notice, however often it is sent.
fn notice_id(notice: &Notice) -> String {
    format!("{}-{}-{}-{}", notice.certificate_id, notice.notice_type, notice.threshold_days, notice.ends_at)
}

fn content(notice: &Notice, now_ms: i64) -> serde_json::Value {
    json!({
        "id": notice_id(notice),
        "notice_type": notice.notice_type,
        "certificate_id": notice.certificate_id,
        "certificate_name": notice.name,
        "domain_id": notice.account_id,
        "domain": notice.domain,
        "sans": notice.sans,
        "not_after": notice.ends_at,
        "threshold_days": notice.threshold_days,
        "days_left": days_left(notice, now_ms),
        "sent_at": now_ms,
    })
}

/// Whole days until the end; 0 where it is past.
fn days_left(notice: &Notice, now_ms: i64) -> i64 {
    (notice.ends_at - now_ms).div_euclid(DAY_MS).max(0)
}

/// The subject and the text of a mail.
fn render(notice: &Notice, now_ms: i64) -> (String, String) {
    let Notice { certificate_id, account_name, name, domain, .. } = notice;
    let others: Vec<&str> = notice.sans.split(';').filter(|name| !name.is_empty()).collect();
    let end = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(notice.ends_at.unsigned_abs()));
    let (subject, happening) = if NoticeType::parse(&notice.notice_type) == Some(NoticeType::Expired) {
        (format!("The certificate for {domain} has expired"), format!("It expired on {end}."))
    } else {
        let left = match days_left(notice, now_ms) {
            0 => "in less than a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        (format!("The certificate for {domain} expires {left}"), format!("It expires on {end}, {left}."))
    };
    let text = format!(
        "{happening}\n\n\
         Certificate:  {name} ({certificate_id})\n\
         Account:      {account_name}\n\
         Domain name:  {domain}\n\
         Other names:  {}\n\n\
         Nothing that renews it is known to this server.\n",
        if others.is_empty() { "none".to_owned() } else { others.join(", ") },
    );
    (subject, text)
}
