//! The server at work: start, run, stop.

use std::{net::TcpListener, sync::Arc, time::Duration};

use anyhow::Context;
use axum_server::Handle;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use openccm_auth::PasswordHasher;
use openccm_core::{Clock, SystemClock};
use openccm_service::{KeyPoolSizes, OpenCcm, Options, Quotas, housekeeping::clean_up};
use openccm_store::Database;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli, credentials,
    files::make_private_folder,
    master_key,
    settings::{LogFormat, Settings},
    telemetry, tls,
};

const CLEAN_UP_EVERY: Duration = Duration::from_secs(10 * 60);

/// Serves until a signal to stop, then lets the requests under way finish.
pub(crate) async fn serve(settings: Settings) -> anyhow::Result<()> {
    make_private_folder(&settings.data_dir)
        .with_context(|| format!("the data folder {} cannot be made", settings.data_dir.display()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = Database::connect(&settings.database_url()?).await.context("the database cannot be opened")?;
    database.migrate().await.context("the database's schema cannot be brought up to date")?;
    let master_key = master_key::load(&settings, &database).await?;

    let listener =
        TcpListener::bind(settings.listen).with_context(|| format!("cannot listen on {}", settings.listen))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let options = Options {
        public_url: settings.public_url(address),
        quotas: Quotas { authorities: settings.quota_cas, certificates: settings.quota_certificates },
        signature_window_ms: i64::from(settings.signature_window_seconds) * 1000,
        key_pool: KeyPoolSizes { rsa2048: settings.key_pool_rsa2048, rsa4096: settings.key_pool_rsa4096 },
        passwords: PasswordHasher::default(),
    };
    let ccm = OpenCcm::new(database.clone(), master_key, Arc::clone(&clock), options);
    credentials::make(&ccm, &settings).await?;
    let service = openccm_api::router(ccm.clone(), telemetry::start_metrics()?).into_make_service();

    let handle = Handle::new();
    let grace = Duration::from_secs(settings.shutdown_grace_seconds);
    tokio::spawn(stop_on_signal(handle.clone(), grace)?);
    tokio::spawn(clean_up_regularly(ccm.clone()));
    let tls = tls::start(&settings, clock).await?;
    tracing::info!(%address, tls = tls.is_some(), database = database.kind(), "serving");
    if settings.log_format == LogFormat::Text {
        cli::print(&greeting(&settings, &ccm))?;
    }
    match tls {
        Some(config) => {
            let mut server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
            end_slow_requests(server.http_builder());
            server.serve(service).await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            end_slow_requests(server.http_builder());
            server.serve(service).await?;
        }
    }
    database.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Cleans up at the start, for what became due while the server was down, and then every so often.
async fn clean_up_regularly(ccm: OpenCcm) {
    let mut ticks = tokio::time::interval(CLEAN_UP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = clean_up(&ccm).await {
            tracing::error!(%error, "cannot clean up; the next attempt follows");
        }
    }
}

/// Waits for SIGTERM or SIGINT, then stops taking connections and lets those that are open finish.
fn stop_on_signal(
    handle: Handle<std::net::SocketAddr>,
    grace: Duration,
) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(grace_seconds = grace.as_secs(), "stopping: requests under way may finish");
        handle.graceful_shutdown(Some(grace));
    })
}

/// Ends connections whose request's headers take longer than 30 seconds, which hyper does once it has a timer.
fn end_slow_requests(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).http2().timer(TokioTimer::new());
}

/// For a person at a terminal; a machine that reads logs finds the address there.
fn greeting(settings: &Settings, ccm: &OpenCcm) -> String {
    let url = ccm.public_url();
    let credentials = credentials::path(settings);
    let credentials = credentials.display();
    format!(
        "\nOpenCCM {} serves at {url}\n\n\
         Its credentials are in {credentials} (`openccm credentials show`), its documentation at {url}/docs.\n\
         A first call:\n\n\
         \x20 python3 -m pip install huaweicloudsdkccm\n\
         \x20 OPENCCM_CREDENTIALS={credentials} python3 examples/first_certificate.py\n\n",
        env!("CARGO_PKG_VERSION"),
    )
}
