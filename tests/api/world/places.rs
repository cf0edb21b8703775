//! Where a world keeps its database and its buckets: other servers there, copies, and other places.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use openccm_auth::{Secret, Token};
use openccm_service::{
    OpenCcm,
    bucket_store::{BucketSettings, S3Settings},
};
use openccm_tests::s3_server::S3Server;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Caller, World, build};

/// Another server on the same database and the same buckets.
pub(crate) struct Peer {
    pub(crate) ccm: OpenCcm,
    pub(crate) caller: Caller,
}

/// A copy of a world's database.
#[derive(Debug)]
pub(crate) struct Backup {
    /// A file, or a database on the same server.
    place: String,
}

/// What keeps the buckets of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    Folder,
    S3,
}

pub(super) fn postgres_server() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL must name a PostgreSQL server: run `make unit`, or `scripts/postgres cargo test`")
}

pub(super) fn database_name() -> String {
    format!("test_{}", &Token::generate().unwrap().hash().as_str()[..24])
}

/// Does something to the databases of the PostgreSQL server.
pub(crate) async fn administer(sql: String) {
    let mut admin = PgConnection::connect(&postgres_server()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
}

/// Where the buckets are, and the service that keeps them where there is one; its files are in `folder`.
pub(super) async fn keep_buckets(keeper: Keeper, folder: &Path) -> (BucketSettings, Option<S3Server>) {
    match keeper {
        Keeper::Folder => (BucketSettings::Folder(folder.to_owned()), None),
        Keeper::S3 => {
            std::fs::create_dir(folder).unwrap();
            let server = S3Server::start(folder).await.unwrap();
            let settings = S3Settings {
                endpoint: server.endpoint.clone(),
                region: "cn-north-4".into(),
                access_key: server.access_key.clone(),
                secret_key: Secret::new(server.secret_key.clone()),
                path_style: true,
            };
            (BucketSettings::S3(settings), Some(server))
        }
    }
}

impl World {
    /// As [`Self::restart`], with its buckets elsewhere from now on.
    pub(crate) async fn restart_with_buckets(&mut self, buckets: BucketSettings) {
        self.buckets = buckets;
        self.restart().await;
    }

    /// Another server on the same database and the same buckets.
    pub(crate) async fn peer(&self) -> Peer {
        let (ccm, router) =
            build(&self.database_url, Arc::clone(&self.clock), self.quotas, &self.buckets, self.ssl.clone()).await;
        Peer { ccm, caller: Caller { router, ..self.caller() } }
    }

    /// Copies the database, while the server is stopped.
    pub(crate) async fn back_up(&mut self) -> Backup {
        self.ccm.database().close().await;
        let place = match self.database_file() {
            Some(file) => {
                let copy = file.with_extension(format!("{}.backup", self.clock_ms()));
                std::fs::copy(&file, &copy).unwrap();
                copy.display().to_string()
            }
            None => {
                let copy = database_name();
                administer(format!("CREATE DATABASE {copy} TEMPLATE {}", self.database_name())).await;
                copy
            }
        };
        self.start().await;
        Backup { place }
    }

    /// Stops the server, puts the copy in the place of its database and starts it again.
    pub(crate) async fn restore(&mut self, backup: Backup) {
        self.ccm.database().close().await;
        match self.database_file() {
            Some(file) => {
                for beside in ["db-wal", "db-shm"] {
                    // They are gone where SQLite was closed in order.
                    let _ = std::fs::remove_file(file.with_extension(beside));
                }
                std::fs::rename(&backup.place, &file).unwrap();
            }
            None => {
                administer(format!("DROP DATABASE {} WITH (FORCE)", self.database_name())).await;
                administer(format!("ALTER DATABASE {} RENAME TO {}", backup.place, self.database_name())).await;
            }
        }
        self.start().await;
    }

    /// The file of its database, where that is one.
    fn database_file(&self) -> Option<PathBuf> {
        self.database_url.strip_prefix("sqlite://").map(PathBuf::from)
    }

    fn database_name(&self) -> &str {
        self.database_url.rsplit_once('/').unwrap().1
    }

    /// The file that an object is kept in, whichever store its bucket is in.
    pub(crate) fn object_file(&self, bucket: &str, object: &str) -> PathBuf {
        self.folder.path().join("buckets").join(bucket).join(object)
    }
}
