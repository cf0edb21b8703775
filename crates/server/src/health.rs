//! Asking a running server whether it is ready.

use std::time::Duration;

use anyhow::{Context, bail};
use ureq::{
    Agent,
    tls::{TlsConfig, TlsProvider},
};

/// Asks the server at `url` whether it is ready.
pub(crate) fn check(url: &str) -> anyhow::Result<()> {
    crate::tls::install_provider();
    // The question is whether it answers, and is mostly asked at the loopback address, for which its certificate is not made.
    let tls = TlsConfig::builder().provider(TlsProvider::Rustls).disable_verification(true).build();
    let config = Agent::config_builder().timeout_global(Some(Duration::from_secs(5))).tls_config(tls).build();
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let answer = Agent::new_with_config(config).get(&url).call().with_context(|| format!("{url} does not answer"))?;
    if answer.status() != 200 {
        bail!("{url} answers {}", answer.status());
    }
    Ok(())
}
