//! The role of `postgres/10-role.sql` on a real PostgreSQL: it is enough for the migrations and a
//! server, and it is no superuser.

use std::{path::Path, process::Stdio};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tebdil_core::testing::postgres_url;
use tokio::process::Command;

use crate::{
    harness::TestServer,
    process::{KEYS, Process, run, tebdil},
    services::{installed_postgres, program},
};

/// Runs the file of the repository as an installation does, for a role and a database of this name.
async fn make_role(psql: &Path, server: &str, name: &str, password: &Path) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("postgres/10-role.sql");
    let sql = std::fs::read_to_string(file).expect("the repository has it");
    let sql = sql
        .replace(
            "/run/secrets/database_password",
            &password.display().to_string(),
        )
        .replace(" tebdil", &format!(" {name}"));
    let file = password.with_file_name("role.sql");
    std::fs::write(&file, sql).expect("written");
    let mut command = Command::new(psql);
    command
        .args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file"])
        .arg(&file)
        .arg(server)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.expect("psql runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(drop)
}

async fn the_role_may_do_little(role: &mut PgConnection) {
    let rights = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    assert!(
        !sqlx::query_scalar::<_, bool>(rights)
            .fetch_one(&mut *role)
            .await
            .expect("a row")
    );
    let everybody = "SELECT has_database_privilege('pg_monitor', current_database(), 'CONNECT')";
    assert!(
        !sqlx::query_scalar::<_, bool>(everybody)
            .fetch_one(&mut *role)
            .await
            .expect("a row"),
        "others stay out"
    );
    for sql in [
        "CREATE ROLE another",
        "CREATE DATABASE another",
        "COPY users TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ] {
        assert!(execute(&mut *role, sql.to_owned()).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn migrations_and_server_run_as_no_superuser() {
    let Some(superuser) = postgres_url() else {
        return;
    };
    let Some(psql) = program("TEBDIL_TEST_POSTGRES_BIN", "psql", installed_postgres()) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a temporary directory");
    let password = dir.path().join("database_password");
    // As somebody may choose one.
    std::fs::write(&password, "it's 100% @/:\\ secret\n").expect("written");
    let name = format!("role_{}", uuid::Uuid::new_v4().simple());
    make_role(&psql, &superuser, &name, &password).await;

    let mut address = reqwest::Url::parse(&superuser).expect("an address");
    address
        .set_username(&name)
        .and_then(|()| address.set_password(None))
        .expect("it has a host");
    address.set_path(&name);
    let command = |arguments: &[&str]| {
        let mut command = tebdil(dir.path());
        command
            .args(arguments)
            .envs(KEYS)
            .env("TEBDIL_DATABASE__URL", address.as_str())
            .env("TEBDIL_DATABASE__PASSWORD_FILE", &password);
        command
    };
    let (status, _, log) = run(command(&["migrate"])).await;
    assert!(status.success() && !log.contains("100%"), "{log}");
    let server = Process::start(command(&["serve"])).await;
    let body = TestServer::registration("+905301234567", "kedi");
    let answer = crate::http::client()
        .post(format!("{}/v1/auth/register", server.url))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 201);
    server.signal("-TERM").await;
    let (status, log) = server.end().await;
    assert!(status.success(), "{log}");

    address
        .set_password(Some("it's 100%25 @/:\\ secret"))
        .expect("it has a host");
    let mut role = PgConnection::connect(address.as_str())
        .await
        .expect("a connection");
    the_role_may_do_little(&mut role).await;
    role.close().await.expect("closed");

    let mut superuser = PgConnection::connect(&superuser)
        .await
        .expect("a connection");
    execute(&mut superuser, format!("DROP DATABASE {name} WITH (FORCE)"))
        .await
        .expect("dropped");
    execute(&mut superuser, format!("DROP ROLE {name}"))
        .await
        .expect("dropped");
}
