//! Credentials, and who has which.

use std::{
    collections::BTreeSet, fs, net::IpAddr, os::unix::fs::PermissionsExt as _, path::Path,
    process::Command,
};

use tebdil::config::{Config, Secrets};

use super::{FILLED_IN, Installation, MOUNTED, NODES, strings, text};

fn services_use_what_is_mounted(all: &Installation, named: &BTreeSet<&str>) {
    for (service, what) in all.services() {
        let mounted: BTreeSet<&str> = strings(&what["secrets"]).into_iter().collect();
        let shown = what.to_string();
        let used = shown.split(MOUNTED).skip(1);
        let used: BTreeSet<&str> = used
            .filter_map(|part| {
                part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .next()
            })
            .collect();
        assert!(
            used.is_subset(&mounted),
            "{service} uses {used:?} and has {mounted:?}"
        );
        assert!(mounted.is_subset(named), "{service}");
        for (name, value) in what["environment"].as_object().into_iter().flatten() {
            let credential = ["PASSWORD", "SECRET", "KEY", "TOKEN", "CREDENTIALS"]
                .iter()
                .any(|word| name.contains(word));
            // nginx is told where its key is.
            assert!(
                !credential || value.as_str().is_some_and(|value| value.starts_with('/')),
                "{service}: {name}"
            );
        }
    }
}

#[test]
fn credentials_are_mounted_and_stand_in_no_environment() {
    let all = Installation::new(&FILLED_IN);
    let named: BTreeSet<&str> = all.compose["secrets"]
        .as_object()
        .expect("secrets")
        .keys()
        .map(String::as_str)
        .collect();
    let made: BTreeSet<String> = fs::read_dir(all.secrets.path())
        .expect("the folder")
        .map(|file| {
            file.expect("a file")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    assert_eq!(
        named,
        made.iter().map(String::as_str).collect(),
        "scripts/secrets makes what compose names"
    );
    let bits = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    for name in &named {
        assert_eq!(
            all.compose["secrets"][name]["file"],
            format!("./secrets/{name}")
        );
        // Another user reads it in the container, and nobody else of this machine gets there.
        assert_eq!(bits(&all.secrets.path().join(name)), 0o644, "{name}");
    }
    services_use_what_is_mounted(&all, &named);
    // Nodes and worker read the same .env: what it may name is there for all of them.
    for name in text(".env.example")
        .split(MOUNTED)
        .skip(1)
        .filter_map(|part| part.lines().next())
    {
        for service in NODES.iter().chain(&["worker"]) {
            assert!(
                strings(&all.service(service)["secrets"]).contains(&name.trim()),
                "{service} has no {name}"
            );
        }
    }
    // Those of others: the database's superuser is nobody's, and the worker only pushes.
    assert!(!strings(&all.service("tebdil-1")["secrets"]).contains(&"postgres_password"));
    let mut keys = strings(&all.service("worker")["secrets"]);
    keys.retain(|name| name.ends_with("_key") || name.ends_with("_keys"));
    assert_eq!(keys, ["vapid_key"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/secrets");
    let (before, folder) = (all.secret("jwt_keys"), all.secrets.path());
    assert!(
        Command::new(script)
            .arg(folder)
            .status()
            .expect("it runs")
            .success()
    );
    assert_eq!(
        all.secret("jwt_keys"),
        before,
        "a second run makes no new keys"
    );
    assert_eq!(bits(folder), 0o700);
}

#[test]
fn nodes_and_worker_are_configured_alike() {
    let all = Installation::new(&FILLED_IN);
    let configs: Vec<Config> = NODES
        .iter()
        .map(|name| all.settings(all.service(name)))
        .collect();
    let worker = all.settings(all.service("worker"));
    for config in configs.iter().chain([&worker]) {
        let database = reqwest::Url::parse(config.database_url().expose()).expect("an address");
        assert_eq!(
            (database.host_str(), database.username(), database.path()),
            (Some("postgres"), "tebdil", "/tebdil")
        );
        assert_eq!(database.password(), Some(&*all.secret("database_password")));
        let realtime = config.realtime();
        let cache = reqwest::Url::parse(realtime.redis_url.expose()).expect("an address");
        assert_eq!(
            (cache.host_str(), cache.password()),
            (Some("redis"), Some(&*all.secret("redis_password")))
        );
        assert_eq!(realtime.prefix, configs[0].realtime().prefix);
    }
    let proxy: IpAddr = all.service("nginx")["networks"]["inside"]["ipv4_address"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("an address");
    for (name, config) in NODES.iter().zip(&configs) {
        assert!(
            config.http.trusted_proxies.contains(proxy),
            "{name} believes nginx"
        );
        let address = all.service(name)["networks"]["inside"]["ipv4_address"]
            .as_str()
            .expect("an address");
        assert!(
            !config
                .http
                .trusted_proxies
                .contains(address.parse().expect("an address")),
            "{name} believes nobody else"
        );
        let known = strings(&all.service("nginx")["extra_hosts"]);
        assert!(
            known.contains(&&*format!("{name}:{address}")),
            "nginx finds {name} also while it is away"
        );
        assert!(
            !config.workers.enabled,
            "{name} leaves the jobs to the worker"
        );
        let keys = Secrets::load(config, &mut rand::rng()).expect("all keys");
        let vapid_key = Secrets::given_vapid_key(&worker.secrets).expect("a key");
        assert!(vapid_key.is_some() && keys.vapid_key == vapid_key);
    }
    assert_eq!(
        all.service("worker")["command"],
        serde_json::json!(["worker"])
    );
}

/// That the file does it is tried in `database_role.rs`.
#[test]
fn nodes_are_no_superuser_of_the_database() {
    let all = Installation::new(&FILLED_IN);
    let postgres = all.service("postgres");
    let superuser = postgres["environment"]["POSTGRES_USER"]
        .as_str()
        .expect("a role");
    for name in NODES.iter().copied().chain(["worker"]) {
        let database = all.settings(all.service(name)).database_url();
        let database = reqwest::Url::parse(database.expose()).expect("an address");
        assert_ne!(database.username(), superuser, "{name}");
        assert!(
            text("postgres/10-role.sql").contains(&format!(
                "CREATE ROLE {} LOGIN NOSUPERUSER",
                database.username()
            )),
            "{name}"
        );
    }
    assert!(strings(&postgres["volumes"]).contains(&"./postgres:/docker-entrypoint-initdb.d:ro"));
}
