//! What a scenario does to the database behind the server's back.

use std::path::PathBuf;

use sqlx::Connection as _;
use tebdil_core::testing::Backend;
use tebdil_protocol::Secret;

use super::{TestServer, TestUser};

impl TestServer {
    /// Bans a phone as a moderator's tool would.
    pub async fn ban(&self, phone: &str) {
        let index = self
            .app
            .accounts
            .phone_index(&Secret::from(phone))
            .expect("a phone number");
        let hex = index
            .as_bytes()
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        match self.backend {
            Backend::Sqlite => {
                let sql = format!(
                    "INSERT INTO bans (id, phone_index, reason, automatic, provisional, created_at) SELECT COUNT(*) + 1, x'{hex}', 'spam', FALSE, FALSE, 0 FROM bans"
                );
                let mut connection = sqlx::SqliteConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await
                    .expect("the ban");
            }
            Backend::Postgres => {
                let sql = format!(
                    "INSERT INTO bans (id, phone_index, reason, automatic, provisional, created_at) SELECT COUNT(*) + 1, '\\x{hex}', 'spam', FALSE, FALSE, now() FROM bans"
                );
                let mut connection = sqlx::PgConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                    .execute(&mut connection)
                    .await
                    .expect("the ban");
            }
        }
    }

    /// The one number a query answers.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match self.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("a number")
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .expect("a number")
            }
        }
    }

    /// Lets nobody write matches until the connection ends. Reading goes on.
    pub async fn hold_matches(&self) -> Box<dyn std::any::Any> {
        let held = "the lock";
        match self.backend {
            Backend::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::raw_sql("BEGIN IMMEDIATE")
                    .execute(&mut connection)
                    .await
                    .expect(held);
                Box::new(connection)
            }
            Backend::Postgres => {
                let mut connection = sqlx::PgConnection::connect(self.database.url())
                    .await
                    .expect("a connection");
                sqlx::raw_sql("BEGIN; LOCK TABLE match_sides IN EXCLUSIVE MODE")
                    .execute(&mut connection)
                    .await
                    .expect(held);
                Box::new(connection)
            }
        }
    }

    /// Makes a user an admin; its tokens stay good.
    pub async fn make_admin(&self, user: &TestUser) {
        self.count(&format!(
            "UPDATE users SET role = 'admin' WHERE id = {} RETURNING CAST(1 AS BIGINT)",
            user.id
        ))
        .await;
    }

    /// The files of the embedded database; none on PostgreSQL.
    pub fn database_files(&self) -> Vec<PathBuf> {
        let Some(path) = self.database.url().strip_prefix("sqlite:") else {
            return Vec::new();
        };
        ["", "-wal"]
            .map(|end| PathBuf::from(format!("{path}{end}")))
            .into_iter()
            .filter(|path| path.exists())
            .collect()
    }
}
