//! Logs and metrics.

use std::{io::IsTerminal, sync::Arc};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use openccm_api::RenderMetrics;
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Buckets of request times, in seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Writes logs to standard error from now on.
pub(crate) fn start_logging(settings: &Settings) -> anyhow::Result<()> {
    let filter = filter(settings)?;
    let colour = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}

/// What is logged.
pub(crate) fn filter(settings: &Settings) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(&settings.log_level)
        .with_context(|| format!("log_level {:?} is neither a level nor directives", settings.log_level))
}

/// Collects metrics from now on; gives what renders them.
pub(crate) fn start_metrics() -> anyhow::Result<RenderMetrics> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)?
        .install_recorder()
        .context("metrics cannot be collected")?;
    metrics::describe_counter!("openccm_http_requests_total", "Requests answered, by operation and status.");
    metrics::describe_histogram!("openccm_http_request_duration_seconds", "Time to answer, by operation.");
    metrics::describe_counter!(
        "openccm_crl_publications_total",
        "Revocation lists published, or tried to, by outcome."
    );
    metrics::describe_histogram!("openccm_crl_publication_duration_seconds", "Time to make and publish a list.");
    metrics::describe_gauge!("openccm_crl_lists", "Revocation lists that are kept published.");
    metrics::describe_gauge!("openccm_crl_lists_due", "Revocation lists that wait to be published.");
    metrics::describe_gauge!(
        "openccm_crl_first_next_update_timestamp_seconds",
        "When the first of the published lists ends, in seconds since the epoch."
    );
    metrics::describe_counter!(
        "openccm_crl_unreadable_total",
        "Lists that could not be read where they are published."
    );
    metrics::describe_counter!(
        "openccm_crl_revocations_taken_back_total",
        "Revocations that only a published list knew of, as after a restore."
    );
    metrics::describe_counter!("openccm_ocsp_responses_total", "OCSP requests answered, by status of the response.");
    metrics::describe_gauge!("openccm_job_leader", "1 on the server that does the clock's jobs.");
    metrics::describe_counter!("openccm_job_runs_total", "Runs of the clock's jobs, by job and outcome.");
    metrics::describe_histogram!("openccm_job_duration_seconds", "Time that a run took, by job.");
    metrics::describe_counter!("openccm_job_items_total", "Things that the clock's jobs did, by job.");
    metrics::describe_gauge!(
        "openccm_job_last_success_timestamp_seconds",
        "When a job last succeeded on this server, in seconds since the epoch."
    );
    metrics::describe_counter!("openccm_expired_total", "Certificates and authorities whose time has ended, by kind.");
    metrics::gauge!("openccm_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Arc::new(move || {
        handle.run_upkeep();
        handle.render()
    }))
}
