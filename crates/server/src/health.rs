//! Asking a running server whether it is ready.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Client, StatusCode};

/// Asks the server at `url` whether it is ready.
pub(crate) async fn check(url: &str) -> anyhow::Result<()> {
    crate::tls::install_provider();
    let client = Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        // The question is whether it answers, and is mostly asked at the loopback address, for which its certificate is not
        // made.
        .danger_accept_invalid_certs(true)
        .build()?;
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let answer = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    if answer.status() != StatusCode::OK {
        bail!("{url} answers {}", answer.status());
    }
    Ok(())
}
