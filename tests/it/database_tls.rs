//! TLS to PostgreSQL, as the address asks for it.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    process::{KEYS, run, tebdil},
    services::PrivatePostgres,
};

/// Has it speak TLS from its next start on. Gives its certificate in PEM.
async fn speak_tls(postgres: &PrivatePostgres) -> String {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let data = postgres.data();
    let (certificate, key) = (data.join("server.crt"), data.join("server.key"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("closed");
    if let Some(user) = postgres.user() {
        let given = tokio::process::Command::new("chown")
            .arg(user)
            .args([&certificate, &key])
            .status()
            .await;
        assert!(given.expect("chown runs").success());
    }
    let mut settings = fs::OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .expect("initdb wrote it");
    settings.write_all(b"ssl = on\n").expect("written");
    made.cert.pem()
}

#[tokio::test]
async fn postgresql_is_reached_over_tls_that_was_checked() {
    let Some(mut postgres) = PrivatePostgres::start().await else {
        return;
    };
    postgres.stop().await;
    let certificate = speak_tls(&postgres).await;
    postgres.restart().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let root = |name: &str, pem: &str| {
        let path = dir.path().join(name);
        fs::write(&path, pem).expect("written");
        path
    };
    let migrate = async |root: &Path| {
        let address = format!(
            "{}?sslmode=verify-full&sslrootcert={}",
            postgres.url(postgres.port()),
            root.display()
        );
        let mut command = tebdil(dir.path());
        command
            .arg("migrate")
            .envs(KEYS)
            .env("TEBDIL_DATABASE__URL", address);
        run(command).await
    };
    let (status, _, log) = migrate(&root("its.pem", &certificate)).await;
    assert!(status.success(), "{log}");
    let another = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("one more");
    let (status, _, log) = migrate(&root("another.pem", &another.cert.pem())).await;
    assert!(!status.success(), "nobody vouches for it: {log}");
}
