//! The one place that knows that there are two databases.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, FromRow, PgPool, Postgres, SqlSafeStr, Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

use crate::lock::{LocalLocks, Lock};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// How long a write waits for the one before it (SQLite).
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
const SQLITE_READERS: u32 = 8;
const POSTGRES_CONNECTIONS: u32 = 16;

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with this key is there already.
    #[error("a row with the same key exists")]
    Duplicate,
    /// The database failed.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// The migrations failed.
    #[error("the migrations failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The address of the database cannot be read.
    #[error("database_url: {0}")]
    Address(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() => Self::Duplicate,
            _ => Self::Database(error),
        }
    }
}

/// A database: pools of connections to it.
#[derive(Clone, Debug)]
pub struct Database {
    pools: Pools,
    /// Who holds which [`Lock`], where no other process shares the database.
    local_locks: LocalLocks,
}

#[derive(Clone, Debug)]
enum Pools {
    /// SQLite has one writer at a time: it gets a connection of its own, so that readers never wait in its queue.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// Where a database is, and how to connect to it.
enum Address {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    fn parse(url: &str) -> Result<Self, StoreError> {
        let unreadable = |error: sqlx::Error| StoreError::Address(error.to_string());
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(unreadable)?.application_name("openccm");
            return Ok(Self::Postgres(Box::new(options)));
        }
        if !url.starts_with("sqlite:") {
            return Err(StoreError::Address("must begin with sqlite:// or postgres://".into()));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(unreadable)?
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode only FULL makes a commit survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // PostgreSQL's name for the order of code points, so that lists have one order wherever they are kept.
            .collation("C", str::cmp)
            .busy_timeout(BUSY_TIMEOUT);
        Ok(Self::Sqlite(Box::new(options)))
    }
}

impl Database {
    /// Connects to `url`: `sqlite://path/to/file` (made where it is missing) or `postgres://…`.
    ///
    /// # Errors
    /// An address that cannot be read or reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        match Address::parse(url)? {
            Address::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
                Ok(Self::new(Pools::Postgres(pool.connect_with(*options).await?)))
            }
            Address::Sqlite(options) => {
                make_private(options.get_filename()).map_err(|error| StoreError::Address(error.to_string()))?;
                let pool = |connections| {
                    SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT)
                };
                let write = pool(1).connect_with(*options.clone()).await?;
                let read = pool(SQLITE_READERS).connect_with(options.pragma("query_only", "ON")).await?;
                Ok(Self::new(Pools::Sqlite { read, write }))
            }
        }
    }

    fn new(pools: Pools) -> Self {
        Self { pools, local_locks: LocalLocks::default() }
    }

    /// Checks that `url` is an address that [`Self::connect`] takes, without connecting to it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_address(url: &str) -> Result<(), StoreError> {
        Address::parse(url).map(drop)
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// A migration that fails, or a schema made by a newer version.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { write, .. } => MIGRATIONS.run(write).await?,
            Pools::Postgres(pool) => MIGRATIONS.run(pool).await?,
        }
        Ok(())
    }

    /// A session for reading. Each statement sees what was committed before it.
    ///
    /// # Errors
    /// No connection in time.
    pub async fn read(&self) -> Result<Session, StoreError> {
        Ok(Session(match &self.pools {
            Pools::Sqlite { read, .. } => Connection::Sqlite(read.acquire().await?),
            Pools::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        }))
    }

    /// A session for writing: a transaction, undone unless [`Session::commit`] is called.
    ///
    /// On SQLite it holds the write lock from the start (`BEGIN IMMEDIATE`): a transaction that reads first and then wants
    /// to write would otherwise fail under concurrency.
    ///
    /// # Errors
    /// No connection in time.
    pub async fn write(&self) -> Result<Session, StoreError> {
        Ok(Session(match &self.pools {
            Pools::Sqlite { write, .. } => Connection::SqliteTransaction(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Connection::PostgresTransaction(pool.begin().await?),
        }))
    }

    /// A session for reading that sees the database as it is at its first statement, whatever is written meanwhile.
    ///
    /// # Errors
    /// No connection in time.
    pub async fn snapshot(&self) -> Result<Session, StoreError> {
        const REPEATABLE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(Session(match &self.pools {
            Pools::Sqlite { read, .. } => Connection::SqliteTransaction(read.begin().await?),
            Pools::Postgres(pool) => Connection::PostgresTransaction(pool.begin_with(REPEATABLE).await?),
        }))
    }

    /// Waits until nobody else holds the lock `name`, on whatever server, and takes it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lock(&self, name: &str) -> Result<Lock, StoreError> {
        match &self.pools {
            Pools::Sqlite { .. } => Ok(Lock::local(self.local_locks.lock(name).await)),
            Pools::Postgres(pool) => {
                // A connection of its own: the lock is gone when the connection is, however this server ends.
                let mut connection = pool.connect_options().connect().await?;
                let query = sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(name);
                query.execute(&mut connection).await?;
                Ok(Lock::shared(connection))
            }
        }
    }

    /// Takes the lock `name` if nobody else holds it.
    ///
    /// # Errors
    /// The database fails.
    pub async fn try_lock(&self, name: &str) -> Result<Option<Lock>, StoreError> {
        match &self.pools {
            Pools::Sqlite { .. } => Ok(self.local_locks.try_lock(name).map(Lock::local)),
            Pools::Postgres(pool) => {
                let mut connection = pool.connect_options().connect().await?;
                let query = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))").bind(name);
                let taken: bool = query.fetch_one(&mut connection).await?;
                Ok(taken.then(|| Lock::shared(connection)))
            }
        }
    }

    /// Waits for what is under way, and closes all connections.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// `sqlite` or `postgresql`, for logs.
    pub fn kind(&self) -> &'static str {
        match &self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgresql",
        }
    }
}

/// Makes the file of a new database readable for this user only. SQLite gives the files beside it the same rights.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// A connection, in a transaction or not, on which the functions of the tables run.
#[derive(Debug)]
pub struct Session(Connection);

#[derive(Debug)]
enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

/// A row that both databases can give.
pub(crate) trait Row: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

impl<T> Row for T where T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// A value bound to a `$n` of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! argument_from {
    ($($type:ty => $variant:ident),+ $(,)?) => { $(
        impl From<$type> for Argument {
            fn from(value: $type) -> Self {
                Self::$variant(Some(value.into()))
            }
        }

        impl From<Option<$type>> for Argument {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+ };
}

argument_from!(&str => Text, &String => Text, String => Text, i64 => Integer, &[u8] => Bytes);

impl From<&Option<String>> for Argument {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

/// The arguments of a statement, `$1` first.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Argument::from($value)),*] };
}
pub(crate) use arguments;

/// The rows of a `VALUES`, so many of so many columns each: `($1, $2), ($3, $4)`.
pub(crate) fn value_rows(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let values: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", values.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

macro_rules! bound {
    ($query:expr, $arguments:expr) => {{
        let mut query = $query;
        for argument in $arguments {
            query = match argument.clone() {
                Argument::Text(value) => query.bind(value),
                Argument::Integer(value) => query.bind(value),
                Argument::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

macro_rules! on_connection {
    ($session:expr, $connection:ident => $run:expr) => {
        match &mut $session.0 {
            Connection::Sqlite(connection) => {
                let $connection = &mut **connection;
                $run
            }
            Connection::SqliteTransaction(transaction) => {
                let $connection = &mut **transaction;
                $run
            }
            Connection::Postgres(connection) => {
                let $connection = &mut **connection;
                $run
            }
            Connection::PostgresTransaction(transaction) => {
                let $connection = &mut **transaction;
                $run
            }
        }
    };
}

impl Session {
    /// Makes what was written durable.
    ///
    /// # Errors
    /// The database fails; then nothing was written, or it cannot be known.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.0 {
            Connection::SqliteTransaction(transaction) => transaction.commit().await?,
            Connection::PostgresTransaction(transaction) => transaction.commit().await?,
            Connection::Sqlite(_) | Connection::Postgres(_) => {}
        }
        Ok(())
    }

    /// Makes other writers that ask for the same `name` wait until this transaction ends. SQLite has one writer anyway.
    ///
    /// # Errors
    /// The database fails.
    pub async fn lock(&mut self, name: &str) -> Result<(), StoreError> {
        if let Connection::PostgresTransaction(transaction) = &mut self.0 {
            let query = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(name);
            query.execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Asks the database for nothing, to see that it is there.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn ping(&mut self) -> Result<(), StoreError> {
        self.execute("SELECT 1", arguments![]).await.map(drop)
    }

    pub(crate) async fn all<T: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: &[Argument],
    ) -> Result<Vec<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(on_connection!(self, connection => bound!(sqlx::query_as(sql), arguments).fetch_all(connection).await)?)
    }

    pub(crate) async fn optional<T: Row>(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: &[Argument],
    ) -> Result<Option<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(on_connection!(self, connection => bound!(sqlx::query_as(sql), arguments).fetch_optional(connection).await)?)
    }

    /// The one number that a statement such as `SELECT COUNT(*)` gives.
    pub(crate) async fn number(&mut self, sql: impl SqlSafeStr, arguments: &[Argument]) -> Result<i64, StoreError> {
        Ok(self.optional::<(i64,)>(sql, arguments).await?.map_or(0, |(number,)| number))
    }

    /// Runs a statement, and says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, arguments: &[Argument]) -> Result<u64, StoreError> {
        let sql = sql.into_sql_str();
        Ok(on_connection!(self, connection => {
            bound!(sqlx::query(sql), arguments).execute(connection).await?.rows_affected()
        }))
    }
}
