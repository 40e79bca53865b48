//! Accounts that are older than referrals.

use std::{path::Path, str::FromStr as _};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator,
    sqlite::SqliteConnectOptions,
};
use tebdil_core::{
    crypto::{BlindIndex, Key},
    store::NewUser,
    testing::{Backend, TestDatabase, TestStore},
    time::Timestamp,
};

use super::{join, orders, reward};

/// Accounts that are older than the note of phones had an account all the same.
async fn older_accounts_are_noted(backend: Backend) {
    const OLD: &str = "INSERT INTO users (id, phone_index, phone_ciphertext, phone_key_id, password_hash, alias, alias_key, tag, birth_year, locale, \
         terms_version, terms_accepted_at, invite_code, created_at, last_active) \
         VALUES (1, $1, $1, 'k1', 'h', 'eski', 'eski', '0000', 1990, 'tr', '1', $2, 'eskikod', $2, $2)";
    let Some(database) = TestDatabase::create(backend).await else {
        return;
    };
    let folder = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    };
    // The schema as it was.
    let before = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(folder),
    )
    .unwrap()
    {
        let (path, name) = (
            file.as_ref().unwrap().path(),
            file.as_ref().unwrap().file_name(),
        );
        if name.to_str() < Some("0008") {
            std::fs::copy(path, before.path().join(name)).unwrap();
        }
    }
    let migrator = Migrator::new(before.path()).await.unwrap();
    let (phone, then) = (
        BlindIndex::new(Key::from([1; 32])).phone("+905300005000"),
        Timestamp::from_millis(1_795_000_000_000),
    );
    match backend {
        Backend::Sqlite => {
            let mut db = SqliteConnectOptions::from_str(database.url())
                .unwrap()
                .create_if_missing(true)
                .connect()
                .await
                .unwrap();
            migrator.run(&mut db).await.unwrap();
            sqlx::query(OLD)
                .bind(phone.as_bytes())
                .bind(then)
                .execute(&mut db)
                .await
                .unwrap();
            db.close().await.unwrap();
        }
        Backend::Postgres => {
            let mut db = PgConnection::connect(database.url()).await.unwrap();
            migrator.run(&mut db).await.unwrap();
            sqlx::query(OLD)
                .bind(phone.as_bytes())
                .bind(then)
                .execute(&mut db)
                .await
                .unwrap();
            db.close().await.unwrap();
        }
    }

    let t = TestStore::on(database).await;
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM phones_seen")
            .await,
        [1]
    );
    t.execute("DELETE FROM users").await;
    let (ayse, _) = t.register("ayse").await;
    let back = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code),
            ..t.new_user(5_000, "eski")
        },
    )
    .await;
    assert_eq!(back.phone_index, phone);
    assert_eq!((orders(&t).await, reward(&t, back.id).await.len()), (0, 0));
}

#[tokio::test]
async fn older_accounts_are_noted_on_sqlite() {
    older_accounts_are_noted(Backend::Sqlite).await;
}

#[tokio::test]
async fn older_accounts_are_noted_on_postgres() {
    older_accounts_are_noted(Backend::Postgres).await;
}
