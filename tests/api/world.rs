//! A whole server in process, with a database of its own.

use std::{future::Future, sync::Arc};

use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use openccm_auth::{PasswordCost, PasswordHasher, Secret, SignedRequest, SigningAlgorithm, format_sdk_date, sign};
use openccm_core::{Clock, ManualClock};
use openccm_pki::Certificate;
use openccm_service::{
    KeyPoolSizes, MasterKey, OpenCcm, Options, Quotas,
    bootstrap::{FirstAccount, make_first_account},
    bucket_store::{BucketSettings, BucketStore},
    buckets, claim_database, revocation,
    ssl::SslOptions,
};
use openccm_store::{Database, access_keys, accounts, users};
use openccm_tests::s3_server::S3Server;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use self::places::{Keeper, database_name, keep_buckets, postgres_server};
pub(crate) use self::{
    places::administer,
    requests::{certificate_request, exported_chain, name, root_request, subordinate_request, with},
};
use crate::surface;

mod places;
mod requests;

/// 22 November 2026, 00:00 UTC, in milliseconds since the epoch: when every world begins.
pub(crate) const START_MS: i64 = 1_795_305_600_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

pub(crate) const CAS: &str = "/v1/private-certificate-authorities";
pub(crate) const CERTIFICATES: &str = "/v1/private-certificates";

/// Where relying parties reach the server.
pub(crate) const REVOCATION_URL: &str = "http://pki.example.com";

const PASSWORD: &str = "Correct-Horse-7";
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];

/// A server, its clock, and the credentials of the account that calls it.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ccm: OpenCcm,
    pub(crate) database_url: String,
    pub(crate) account: Account,
    quotas: Quotas,
    ssl: SslOptions,
    router: Router,
    /// Where its buckets are.
    pub(crate) buckets: BucketSettings,
    /// The service that keeps its buckets, where they are not in a folder of its own. It ends with the world.
    _s3: Option<S3Server>,
    /// Holds its buckets, and its database where that is a file.
    pub(crate) folder: TempDir,
}

/// What calls the server; its own, so that tasks can take one along.
#[derive(Clone)]
pub(crate) struct Caller {
    clock: Arc<ManualClock>,
    router: Router,
    account: Account,
}

/// An account and how it signs in.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) project_id: String,
    pub(crate) user_name: String,
    pub(crate) password: String,
    pub(crate) ak: String,
    pub(crate) sk: String,
}

const QUOTAS: Quotas = Quotas { authorities: 100, certificates: 100_000 };

/// Runs a test on SQLite and then on PostgreSQL, each with an empty database.
pub(crate) fn on_both<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    with_quotas(QUOTAS, test);
}

/// As [`on_both`], with these quotas.
pub(crate) fn with_quotas<F: Future<Output = ()>>(quotas: Quotas, test: impl Fn(World) -> F) {
    on_each(quotas, &SslOptions::default(), Keeper::Folder, &test);
}

/// As [`on_both`], with buckets in a folder and then on an S3-compatible service.
pub(crate) fn on_both_stores<F: Future<Output = ()>>(test: impl Fn(World) -> F) {
    on_each(QUOTAS, &SslOptions::default(), Keeper::Folder, &test);
    on_each(QUOTAS, &SslOptions::default(), Keeper::S3, &test);
}

/// As [`on_both`], with these options of SSL certificates.
pub(crate) fn with_ssl<F: Future<Output = ()>>(ssl: &SslOptions, test: impl Fn(World) -> F) {
    on_each(QUOTAS, ssl, Keeper::Folder, &test);
}

fn on_each<F: Future<Output = ()>>(quotas: Quotas, ssl: &SslOptions, keeper: Keeper, test: &impl Fn(World) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        test(World::new(url, quotas, ssl.clone(), keeper, folder).await).await;

        let name = database_name();
        // As most servers are set up: sorted by the rules of a language, not by code points.
        administer(format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")).await;
        let server = postgres_server();
        let (base, _) = server.rsplit_once('/').unwrap();
        test(World::new(format!("{base}/{name}"), quotas, ssl.clone(), keeper, tempfile::tempdir().unwrap()).await)
            .await;
        administer(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    });
}

async fn build(
    database_url: &str,
    clock: Arc<ManualClock>,
    quotas: Quotas,
    buckets: &BucketSettings,
    ssl: SslOptions,
) -> (OpenCcm, Router) {
    let database = Database::connect(database_url).await.unwrap();
    database.migrate().await.unwrap();
    let master_key = MasterKey::from_bytes(&MASTER_KEY);
    claim_database(&database, &master_key).await.unwrap();
    let options = Options {
        public_url: "http://127.0.0.1:8080".into(),
        revocation_url: REVOCATION_URL.into(),
        bucket_url: None,
        buckets: BucketStore::new(buckets.clone()).unwrap(),
        quotas,
        ssl,
        signature_window_ms: 15 * MINUTE_MS,
        key_pool: KeyPoolSizes { rsa2048: 0, rsa4096: 0 },
        passwords: PasswordHasher::new(PasswordCost::CHEAPEST).unwrap(),
    };
    let ccm = OpenCcm::new(database, master_key, clock, options);
    let router = openccm_api::router(ccm.clone(), Arc::new(|| "openccm_build_info 1\n".to_owned()));
    (ccm, router)
}

impl World {
    async fn new(database_url: String, quotas: Quotas, ssl: SslOptions, keeper: Keeper, folder: TempDir) -> Self {
        let clock = Arc::new(ManualClock::at(START_MS));
        let (buckets, s3) = keep_buckets(keeper, &folder.path().join("buckets")).await;
        let (ccm, router) = build(&database_url, Arc::clone(&clock), quotas, &buckets, ssl.clone()).await;
        let first = FirstAccount {
            account_name: "acme".into(),
            project_name: "cn-north-4".into(),
            user_name: "alice".into(),
            password: Some(Secret::new(PASSWORD.into())),
            access_key: Some(("AKTESTEXAMPLE0000001".into(), Secret::new("SKTESTEXAMPLE0001".into()))),
        };
        let mut account = None;
        let made = make_first_account(&ccm, first, |credentials| {
            account = Some(Account {
                id: credentials.domain_id.clone(),
                name: credentials.domain_name.clone(),
                project_id: credentials.project_id.clone(),
                user_name: credentials.user_name.clone(),
                password: credentials.password.expose().to_owned(),
                ak: credentials.ak.clone(),
                sk: credentials.sk.expose().to_owned(),
            });
            Ok(())
        });
        assert!(made.await.unwrap());
        Self { clock, ccm, database_url, account: account.unwrap(), quotas, ssl, router, buckets, _s3: s3, folder }
    }

    /// The server stopped and started again on the same database.
    pub(crate) async fn restart(&mut self) {
        self.ccm.database().close().await;
        self.start().await;
    }

    /// As [`Self::restart`], with other options of SSL certificates.
    pub(crate) async fn restart_with(&mut self, ssl: SslOptions) {
        self.ssl = ssl;
        self.restart().await;
    }

    /// The server stopped and started again with these options of SSL certificates.
    pub(crate) async fn restarted_with(mut self, ssl: SslOptions) -> Self {
        self.ssl = ssl;
        self.restart().await;
        self
    }

    async fn start(&mut self) {
        let clock = Arc::clone(&self.clock);
        (self.ccm, self.router) = build(&self.database_url, clock, self.quotas, &self.buckets, self.ssl.clone()).await;
    }

    /// Publishes what is due; it must succeed. Gives how many lists were published.
    pub(crate) async fn publish(&self) -> u64 {
        let publications = revocation::publish_due(&self.ccm).await.unwrap();
        assert_eq!(publications.failed, 0);
        publications.published
    }

    /// Adds another account beside the first, with an administrator (or a user without rights) and an access key.
    pub(crate) async fn add_account(&self, name: &str, administrator: bool) -> Account {
        let key = |length: usize| format!("{:0>length$}", name.to_uppercase());
        let account = Account {
            id: format!("{:f>32}", hex::encode(name)),
            name: name.to_owned(),
            project_id: format!("{:e>32}", hex::encode(name)),
            user_name: name.to_owned(),
            password: PASSWORD.to_owned(),
            ak: key(20),
            sk: key(40),
        };
        let master_key = MasterKey::from_bytes(&MASTER_KEY);
        let sealed = master_key.seal(&format!("access-key:{}", account.ak), account.sk.as_bytes()).unwrap();
        let hash = PasswordHasher::new(PasswordCost::CHEAPEST).unwrap().hash(PASSWORD).unwrap();
        let project =
            accounts::Project { id: account.project_id.clone(), account_id: account.id.clone(), name: "p".into() };
        let user = users::User {
            id: format!("{:d>32}", hex::encode(name)),
            account_id: account.id.clone(),
            account_name: account.name.clone(),
            name: account.user_name.clone(),
            password_hash: hash,
            administrator: i64::from(administrator),
        };
        let mut session = self.ccm.database().write().await.unwrap();
        accounts::insert(&mut session, &account.id, &account.name, START_MS).await.unwrap();
        accounts::insert_project(&mut session, &project, START_MS).await.unwrap();
        users::insert(&mut session, &user, START_MS).await.unwrap();
        access_keys::insert(&mut session, &account.ak, &user.id, &sealed, START_MS).await.unwrap();
        session.commit().await.unwrap();
        account
    }

    /// The time of this world, in milliseconds since the epoch.
    pub(crate) fn clock_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// What calls as the world's account.
    pub(crate) fn caller(&self) -> Caller {
        self.caller_as(&self.account)
    }

    /// What calls as this account.
    pub(crate) fn caller_as(&self, account: &Account) -> Caller {
        Caller { clock: Arc::clone(&self.clock), router: self.router.clone(), account: account.clone() }
    }

    /// A signed call with a JSON body (`Value::Null` for none) by the world's account.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.caller().call(method, path, body).await
    }

    /// A signed call by this account.
    pub(crate) async fn call_as(&self, account: &Account, method: &str, path: &str, body: Value) -> Answer {
        self.caller_as(account).call(method, path, body).await
    }

    /// A signed call with any bytes as its body.
    pub(crate) async fn call_raw(&self, account: &Account, method: &str, path: &str, body: Vec<u8>) -> Answer {
        self.caller_as(account).call_raw(method, path, body).await
    }

    /// A call with just these headers.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> Answer {
        self.caller().send(method, path, headers, body).await
    }

    /// Creates an EC root named `name` for 10 years; gives its id.
    pub(crate) async fn root(&self, name: &str) -> String {
        self.call("POST", CAS, root_request(name)).await.ok()["ca_id"].as_str().unwrap().to_owned()
    }

    /// Creates an EC subordinate authority under `issuer_id` for 5 years, path length 0; gives its id.
    pub(crate) async fn subordinate(&self, name: &str, issuer_id: &str) -> String {
        let answer = self.call("POST", CAS, subordinate_request(name, issuer_id)).await;
        answer.ok()["ca_id"].as_str().unwrap().to_owned()
    }

    /// Issues an EC certificate under `issuer_id` for 30 days; gives its id.
    pub(crate) async fn certificate(&self, name: &str, issuer_id: &str) -> String {
        let answer = self.call("POST", CERTIFICATES, certificate_request(name, issuer_id)).await;
        answer.ok()["certificate_id"].as_str().unwrap().to_owned()
    }

    /// Creates an EC subordinate authority that waits for its certificate; gives its id.
    pub(crate) async fn pending(&self, name: &str) -> String {
        let body = with(subordinate_request(name, ""), "/validity", Value::Null);
        self.call("POST", CAS, body).await.ok()["ca_id"].as_str().unwrap().to_owned()
    }

    /// The details of an authority.
    pub(crate) async fn authority(&self, id: &str) -> Value {
        self.get(&format!("{CAS}/{id}")).await
    }

    /// The certificate of an authority, and those above it.
    pub(crate) async fn authority_chain(&self, id: &str) -> (Certificate, Vec<Certificate>) {
        let exported = self.call("POST", &format!("{CAS}/{id}/export"), Value::Null).await.ok();
        exported_chain(&exported)
    }

    /// The certificate with this id, and those above it.
    pub(crate) async fn certificate_chain(&self, id: &str) -> (Certificate, Vec<Certificate>) {
        let body = json!({"is_compressed": false, "type": "OTHER"});
        let exported = self.call("POST", &format!("{CERTIFICATES}/{id}/export"), body).await.ok();
        exported_chain(&exported)
    }

    /// The status of an authority.
    pub(crate) async fn ca_status(&self, id: &str) -> String {
        self.authority(id).await["status"].as_str().unwrap().to_owned()
    }

    /// The JSON of a 200 answer to GET.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call("GET", path, Value::Null).await.ok()
    }

    /// How much of the quota of `resources` (a collection's path) is used.
    pub(crate) async fn used(&self, resources: &str) -> i64 {
        self.get(&format!("{resources}/quotas")).await["quotas"]["resources"][0]["used"].as_i64().unwrap()
    }

    /// What can be seen of the account: it must be the same after an error as before.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for collection in [CAS, CERTIFICATES] {
            seen.push(self.get(&format!("{collection}?limit=1000")).await);
            seen.push(self.get(&format!("{collection}/quotas")).await);
        }
        seen
    }

    /// Does something to an authority (`disable`, `revoke`, …) without a body.
    pub(crate) async fn act(&self, id: &str, action: &str) -> Answer {
        self.call("POST", &format!("{CAS}/{id}/{action}"), Value::Null).await
    }

    /// Grants the agency and makes a bucket, where that is not done yet; gives its name.
    pub(crate) async fn bucket(&self, name: &str) -> String {
        let _ = self.call("POST", &format!("{CAS}/obs/agencies"), Value::Null).await.ok();
        buckets::create(self.ccm.database(), self.ccm.buckets(), name, self.clock_ms()).await.unwrap();
        name.to_owned()
    }

    /// Disables an authority and schedules its deletion in 7 days.
    pub(crate) async fn schedule_deletion(&self, id: &str) {
        self.act(id, "disable").await.no_content();
        self.call("DELETE", &format!("{CAS}/{id}?pending_days=7"), Value::Null).await.no_content();
    }
}

impl Caller {
    /// A signed call with a JSON body (`Value::Null` for none).
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body).unwrap() };
        self.call_raw(method, path, body).await
    }

    /// A signed call without a body, by a client that calls itself `agent`.
    pub(crate) async fn call_by_agent(&self, method: &str, path: &str, agent: &str) -> Answer {
        let mut headers = self.signed_headers(method, path, &[]);
        headers.push(("user-agent", agent.to_owned()));
        self.send(method, path, &headers, Vec::new()).await
    }

    /// A signed call with any bytes as its body.
    async fn call_raw(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        let mut headers = self.signed_headers(method, path, &body);
        headers.push(("content-type", "application/json".to_owned()));
        self.send(method, path, &headers, body).await
    }

    fn signed_headers(&self, method: &str, path: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let date = format_sdk_date(self.clock.now_ms()).unwrap();
        let headers = vec![("host", "127.0.0.1:8080".to_owned()), ("x-sdk-date", date.clone())];
        let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = SignedRequest { method, path: raw_path, query, headers: &borrowed, body };
        let names = ["host", "x-sdk-date"];
        let authorization =
            sign(&request, &self.account.ak, &self.account.sk, SigningAlgorithm::HmacSha256, &date, &names).unwrap();
        let mut headers = headers;
        headers.push(("authorization", authorization));
        headers
    }

    /// A call with just these headers.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body, call: format!("{method} {path}") };
        // The framework answers HEAD from GET: the tests that call it compare the two.
        if method != "HEAD" {
            surface::check(&Method::from_bytes(method.as_bytes()).unwrap(), path, &answer);
        }
        answer
    }
}

/// What the server answered. It must be looked at.
#[must_use]
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    call: String,
}

impl Answer {
    /// The JSON of a 200 answer.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.call, self.text());
        self.json()
    }

    /// Checks for 204 without a body.
    #[track_caller]
    pub(crate) fn no_content(&self) {
        assert_eq!(self.status, 204, "{}: {}", self.call, self.text());
        assert!(self.body.is_empty());
    }

    /// Checks for an error with this status and code; gives its message.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> String {
        let body = self.text();
        assert_eq!(self.status, status, "{}: {body}", self.call);
        let json = self.json();
        assert_eq!(json["error_code"], code, "{}: {body}", self.call);
        json["error_msg"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.call, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{}: no header {name}", self.call)).to_str().unwrap()
    }
}
