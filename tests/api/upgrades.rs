//! A database that an earlier version has filled.

use std::fs;

use openccm_store::{
    Database,
    revocation_lists::list_of,
    revocations::{ListedRevocation, Scope, list_after},
};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection, migrate::Migrator};

use crate::world::{self, on_both};

/// An authority, and below it a revoked authority, certificates revoked and not, and one revoked and then deleted, in the
/// schema of the first version.
const FILLED: &str = "
    INSERT INTO accounts (id, name, created_at) VALUES ('a', 'acme', 1);
    INSERT INTO certificate_authorities (id, account_id, type, status, generation_mode, issuer_id, path_length,
        key_algorithm, key_usages, serial_number, search_name, enterprise_project_id, created_at, not_after, revoked_at,
        revocation_reason)
    VALUES
        ('root', 'a', 'ROOT', 'ACTIVED', 'GENERATE', NULL, 7, 'EC256', '', '01', '', '0', 1, 900, NULL, NULL),
        ('sub', 'a', 'SUBORDINATE', 'DELETED', 'GENERATE', 'root', 0, 'EC256', '', '02', '', '0', 1, 800, 5000, 'SUPERSEDED'),
        ('away', 'a', 'SUBORDINATE', 'REVOKED', 'IMPORT', NULL, 0, 'EC256', '', '03', '', '0', 1, 800, 6000, 'UNSPECIFIED');
    INSERT INTO private_certificates (id, account_id, generation_mode, issuer_id, key_algorithm, signature_algorithm,
        serial_number, search_name, enterprise_project_id, created_at, not_before, not_after, revoked_at,
        revocation_reason, deleted_at, certificate)
    VALUES
        ('good', 'a', 'CSR', 'root', 'EC256', 'SHA256', '04', '', '0', 1, 1, 700, NULL, NULL, NULL, ''),
        ('revoked', 'a', 'CSR', 'root', 'EC256', 'SHA256', '05', '', '0', 1, 1, 700, 7000, 'KEY_COMPROMISE', NULL, ''),
        ('deleted', 'a', 'CSR', 'root', 'EC256', 'SHA256', '06', '', '0', 1, 1, 700, 8000, 'CERTIFICATE_HOLD', 9000, '');
";

#[test]
fn what_was_revoked_before_there_were_lists_will_be_on_them() {
    on_both(async |world| {
        let first = tempfile::tempdir().unwrap();
        let initial = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/0001_initial.sql");
        fs::copy(initial, first.path().join("0001_initial.sql")).unwrap();
        let first = Migrator::new(first.path()).await.unwrap();
        let url = if world.database_url.starts_with("sqlite") {
            let url = format!("sqlite://{}", world.folder.path().join("old.db").display());
            let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
            first.run(&mut connection).await.unwrap();
            connection.execute(sqlx::raw_sql(FILLED)).await.unwrap();
            connection.close().await.unwrap();
            url
        } else {
            let url = format!("{}_old", world.database_url);
            world::administer(format!("CREATE DATABASE {}", url.rsplit_once('/').unwrap().1)).await;
            let mut connection = PgConnection::connect(&url).await.unwrap();
            first.run(&mut connection).await.unwrap();
            connection.execute(sqlx::raw_sql(FILLED)).await.unwrap();
            connection.close().await.unwrap();
            url
        };

        let database = Database::connect(&url).await.unwrap();
        database.migrate().await.unwrap();
        database.migrate().await.unwrap();
        let mut session = database.read().await.unwrap();
        let scope = Scope { issuer_id: "root", crl_partition: 0, ended_before: 0 };
        let revoked = |serial_number: &str, revoked_at, reason: &str| ListedRevocation {
            serial_number: serial_number.into(),
            revoked_at,
            reason: reason.into(),
            invalid_since: None,
        };
        assert_eq!(
            list_after(&mut session, scope, "", 10).await.unwrap(),
            [
                revoked("02", 5000, "SUPERSEDED"),
                revoked("05", 7000, "KEY_COMPROMISE"),
                revoked("06", 8000, "CERTIFICATE_HOLD"),
            ]
        );
        // Nothing is published that was not before.
        assert_eq!(list_of(&mut session, "root").await.unwrap(), []);
        drop(session);
        database.close().await;
        if let Some((_, name)) = url.rsplit_once('/').filter(|_| url.starts_with("postgres")) {
            world::administer(format!("DROP DATABASE {name}")).await;
        }
    });
}
