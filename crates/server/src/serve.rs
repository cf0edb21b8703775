//! The server at work: start, run, stop.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum_server::{Handle, accept::NoDelayAcceptor};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use openccm_auth::PasswordHasher;
use openccm_core::{Clock, SystemClock};
use openccm_service::{
    KeyPoolSizes, OpenCcm, Options, Quotas, bucket_store::BucketStore, jobs, revocation, ssl::orders,
};
use openccm_store::Database;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use crate::{
    buckets, cli, credentials,
    files::make_private_folder,
    master_key,
    settings::{LogFormat, Settings},
    telemetry, tls,
};

/// How long the start waits for the buckets of the settings.
const BUCKETS_PATIENCE: Duration = Duration::from_secs(5);
/// How long the start waits for the comparison of the published revocation lists.
const COMPARING_PATIENCE: Duration = Duration::from_secs(30);

/// Serves until a signal to stop, then lets the requests under way finish.
pub(crate) async fn serve(settings: Settings) -> anyhow::Result<()> {
    let buckets = buckets::open(&settings)?;
    make_private_folder(&settings.data_dir)
        .with_context(|| format!("the data folder {} cannot be made", settings.data_dir.display()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = Database::connect(&settings.database_url()?).await.context("the database cannot be opened")?;
    database.migrate().await.context("the database's schema cannot be brought up to date")?;
    let master_key = master_key::load(&settings, &database).await?;

    let names = settings.buckets.names.clone();
    let making = buckets::make_configured(names, database.clone(), buckets.clone());
    begin("making the buckets of the settings", BUCKETS_PATIENCE, making).await;

    let listener = bind(settings.listen)?;
    let address = listener.local_addr()?;
    let relying_parties = settings.revocation_listen.map(bind).transpose()?;
    let relying_party_address = relying_parties.as_ref().map(TcpListener::local_addr).transpose()?;
    let public_url = settings.public_url(address);
    let revocation_url = settings.revocation_url(&public_url, relying_party_address);
    let options = options(&settings, public_url, revocation_url, buckets)?;
    let ccm = OpenCcm::new(database.clone(), master_key, Arc::clone(&clock), options);
    credentials::make(&ccm, &settings).await?;
    let service = openccm_api::router(ccm.clone(), telemetry::start_metrics()?).into_make_service();

    // Before anybody is answered.
    begin("comparing the published CRLs", COMPARING_PATIENCE, compare_published(ccm.clone())).await;

    let handle = Handle::new();
    let grace = Duration::from_secs(settings.shutdown_grace_seconds);
    tokio::spawn(stop_on_signal(handle.clone(), grace)?);
    let mut background = JoinSet::new();
    background.spawn(revocation::publish_as_needed(ccm.clone()));
    background.spawn(orders::progress_promptly(ccm.clone()));
    for group in jobs::Group::ALL {
        background.spawn(jobs::run_when_elected(ccm.clone(), group));
    }
    if let Some(listener) = relying_parties {
        let mut server = axum_server::from_tcp(listener)?.acceptor(NoDelayAcceptor::new());
        end_slow_requests(server.http_builder());
        let service = openccm_api::relying_party_router(ccm.clone()).into_make_service();
        background.spawn(async move {
            if let Err(error) = server.serve(service).await {
                tracing::error!(%error, "relying parties are no longer served");
            }
        });
    }
    let tls = tls::start(&settings, clock).await?;
    let for_relying_parties = relying_party_address.map(|address| address.to_string());
    tracing::info!(%address, for_relying_parties, tls = tls.is_some(), database = database.kind(), "serving");
    if settings.log_format == LogFormat::Text {
        cli::print(&greeting(&settings, &ccm))?;
    }
    // Without delay: of what is sent in two parts, as lists are, the second would wait 40 ms for the client to confirm the first.
    match tls {
        Some(config) => {
            let server = axum_server::from_tcp_rustls(listener, config)?.handle(handle);
            let mut server = server.map(|tls| tls.acceptor(NoDelayAcceptor::new()));
            end_slow_requests(server.http_builder());
            server.serve(service).await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle).acceptor(NoDelayAcceptor::new());
            end_slow_requests(server.http_builder());
            server.serve(service).await?;
        }
    }
    // What is cut off here is due at the next start.
    background.shutdown().await;
    database.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// What the settings say of the service, which clients reach at `public_url`, and relying parties at `revocation_url`.
pub(crate) fn options(
    settings: &Settings,
    public_url: String,
    revocation_url: String,
    buckets: BucketStore,
) -> anyhow::Result<Options> {
    Ok(Options {
        public_url,
        revocation_url,
        bucket_url: settings.bucket_url(),
        buckets,
        quotas: Quotas { authorities: settings.quota_cas, certificates: settings.quota_certificates },
        ssl: settings.ssl_options()?,
        signature_window_ms: i64::from(settings.signature_window_seconds) * 1000,
        key_pool: KeyPoolSizes { rsa2048: settings.key_pool_rsa2048, rsa4096: settings.key_pool_rsa4096 },
        passwords: PasswordHasher::default(),
    })
}

/// Waits for a part of the start. What takes longer than `patience` goes on beside the service.
async fn begin(what: &str, patience: Duration, work: impl Future<Output = ()> + Send + 'static) {
    if tokio::time::timeout(patience, tokio::spawn(work)).await.is_err() {
        tracing::warn!("{what} takes long: it goes on beside the service");
    }
}

/// A database restored from a backup learns what its published lists know.
async fn compare_published(ccm: OpenCcm) {
    if let Err(error) = revocation::compare_published(&ccm).await {
        tracing::error!(%error, "the published CRLs could not be compared; each is compared before it is replaced");
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits for SIGTERM or SIGINT, then stops taking connections and lets those that are open finish.
fn stop_on_signal(handle: Handle<SocketAddr>, grace: Duration) -> anyhow::Result<impl Future<Output = ()> + Send> {
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
