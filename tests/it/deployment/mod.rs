//! The files an installation starts from fit each other: image, compose, nginx, coturn, and the
//! settings they name.
//!
//! Nothing here runs a container; `proxy.rs` and `cluster.rs` run the same topology from processes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::{Map, Value};
use tebdil::config::{Config, DEFAULT_TOML};

mod credentials;
mod edge;

/// What somebody puts into `.env` for several nodes.
const FILLED_IN: [(&str, &str); 3] = [
    ("PROXY_SERVER_NAME", "chat.example"),
    ("TURN_PUBLIC_IP", "192.0.2.1"),
    ("TURN_IP", "10.0.0.5"),
];

const NODES: [&str; 3] = ["tebdil-1", "tebdil-2", "tebdil-3"];

/// Where compose mounts secrets.
const MOUNTED: &str = "/run/secrets/";

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `${NAME}`, `${NAME:-default}`, `${NAME:?error}`, as compose fills them in.
fn interpolated(text: &str, variables: &BTreeMap<&str, &str>) -> String {
    let Some((before, rest)) = text.split_once("${") else {
        return text.to_owned();
    };
    // A default may hold variables itself.
    let mut open = 1;
    let closes = |c: char| {
        open += i32::from(c == '{') - i32::from(c == '}');
        open == 0
    };
    let (inner, after) = rest.split_at(rest.find(closes).expect("a closed variable"));
    let (name, default) = inner
        .split_once(":-")
        .map_or((inner, None), |(name, default)| (name, Some(default)));
    let default = || {
        default.unwrap_or_else(|| {
            panic!("{name} has no default: compose would fail for everybody who does not set it")
        })
    };
    let value = variables.get(name).filter(|value| !value.is_empty());
    let value = value.map_or_else(
        || interpolated(default(), variables),
        |value| (*value).to_owned(),
    );
    format!("{before}{value}{}", interpolated(&after[1..], variables))
}

/// The compose file with what stands in `.env` and the credentials that `scripts/secrets` makes.
struct Installation {
    compose: Value,
    /// `.env`
    variables: BTreeMap<&'static str, &'static str>,
    /// The folder of the credentials.
    secrets: tempfile::TempDir,
}

impl Installation {
    fn new(variables: &[(&'static str, &'static str)]) -> Self {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let compose =
            serde_saphyr::from_str(&interpolated(&text("docker-compose.yml"), &variables))
                .expect("YAML");
        let secrets = tempfile::tempdir().expect("a temporary directory");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/secrets");
        assert!(
            Command::new(script)
                .arg(secrets.path())
                .status()
                .expect("it runs")
                .success()
        );
        Self {
            compose,
            variables,
            secrets,
        }
    }

    fn services(&self) -> &Map<String, Value> {
        self.compose["services"].as_object().expect("services")
    }

    fn service(&self, name: &str) -> &Value {
        &self.services()[name]
    }

    /// Those that start with this profile and no other.
    fn started(&self, profile: Option<&str>) -> BTreeSet<&str> {
        let starts = |service: &Value| match service["profiles"].as_array() {
            None => service["deploy"]["replicas"] != "0",
            Some(profiles) => profiles.iter().any(|name| name.as_str() == profile),
        };
        self.services()
            .iter()
            .filter(|(_, service)| starts(service))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// What stands in the file of a secret.
    fn secret(&self, name: &str) -> String {
        fs::read_to_string(self.secrets.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .trim()
            .to_owned()
    }

    /// What the processes of a service see: the variables of the image, of `.env`, and its own,
    /// which win.
    fn environment(&self, service: &Value) -> BTreeMap<String, String> {
        let image = text("Dockerfile");
        let image = image
            .lines()
            .filter_map(|line| line.strip_prefix("ENV "))
            .flat_map(str::split_whitespace);
        let image = image
            .map(|pair| pair.split_once('=').expect("NAME=value"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            service["env_file"],
            serde_json::json!([{ "path": ".env", "required": false }])
        );
        let file = self
            .variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let own = service["environment"].as_object().into_iter().flatten();
        let own = own.map(|(name, value)| {
            (
                name.clone(),
                value
                    .as_str()
                    .unwrap_or_else(|| panic!("{name} is not a text"))
                    .to_owned(),
            )
        });
        image.chain(file).chain(own).collect()
    }

    /// The settings that a service's processes have.
    fn settings(&self, service: &Value) -> Config {
        let mounted = strings(&service["secrets"]);
        let environment = self.environment(service).into_iter().map(|(name, value)| {
            match value.strip_prefix(MOUNTED) {
                Some(secret) => {
                    assert!(mounted.contains(&secret), "{name}: {secret} is not mounted");
                    (name, self.secrets.path().join(secret).display().to_string())
                }
                None => (name, value),
            }
        });
        Config::load(None, environment).expect("settings that the server takes")
    }
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().expect("a text"))
        .collect()
}

/// The networks of a service, however they are written.
fn networks(service: &Value) -> BTreeSet<&str> {
    match &service["networks"] {
        Value::Object(named) => named.keys().map(String::as_str).collect(),
        list => strings(list).into_iter().collect(),
    }
}

fn seconds(duration: &Value) -> u64 {
    duration
        .as_str()
        .and_then(|text| text.strip_suffix('s'))
        .and_then(|number| number.parse().ok())
        .expect("seconds")
}

#[test]
fn without_any_variable_there_is_one_embedded_node() {
    let all = Installation::new(&[]);
    assert_eq!(all.started(None), BTreeSet::from(["tebdil"]));
    let node = all.service("tebdil");
    let config = all.settings(node);
    let published = [
        "127.0.0.1:8080:8080".to_owned(),
        format!(
            "127.0.0.1:{0}:{0}/udp",
            config.relay.listen_address().port()
        ),
    ];
    assert_eq!(
        strings(&node["ports"]),
        published,
        "it speaks no TLS: for this machine only"
    );
    assert!(
        config.relay.embedded && config.relay.own_range().ip.is_loopback(),
        "calls of this machine only"
    );
    assert!(
        !config.is_shared()
            && config.realtime().redis_url.expose().is_empty()
            && config.workers.enabled
    );
    assert_eq!(
        strings(&node["volumes"]),
        [format!("data:{}", config.data_dir.display())],
        "what it writes outlives the container"
    );
    assert!(
        all.compose["volumes"]
            .as_object()
            .expect("volumes")
            .contains_key("data")
    );
    assert!(node["secrets"].is_null(), "it makes its keys itself");
    let public = Installation::new(&[("TEBDIL_RELAY__PUBLIC_IP", "192.0.2.7")]);
    let relay = public.settings(public.service("tebdil")).relay;
    assert_eq!(relay.own_range().ip.to_string(), "192.0.2.7");
    assert!(
        text(".env.example").contains("\n# TEBDIL_RELAY__PUBLIC_IP="),
        "the example names it"
    );
}

#[test]
fn the_profile_is_one_cluster_with_one_door() {
    let example = text(".env.example");
    let example: Vec<(&str, &str)> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    let switches = [("COMPOSE_PROFILES", "scale"), ("EMBEDDED_NODES", "0")];
    assert!(
        switches.iter().all(|switch| example.contains(switch)),
        "{example:?}"
    );
    let names: BTreeSet<&str> = example.iter().map(|(name, _)| *name).collect();
    let used = text("docker-compose.yml");
    let used: BTreeSet<&str> = used
        .split("${")
        .skip(1)
        .filter_map(|part| part.split([':', '}']).next())
        .filter(|name| *name != "NAME")
        .collect();
    assert_eq!(
        names.difference(&used).copied().collect::<Vec<_>>(),
        ["COMPOSE_PROFILES"],
        "compose itself reads that one"
    );
    let told = text(".env.example");
    for name in used.iter().filter(|name| !name.starts_with("TEBDIL_")) {
        assert!(
            told.lines().any(|line| line
                .trim_start_matches("# ")
                .starts_with(&format!("{name}="))),
            "{name} is not in .env.example"
        );
    }

    let installed = Installation::new(&[&FILLED_IN[..], &switches].concat());
    let all = ["coturn", "nginx", "postgres", "redis", "worker"]
        .into_iter()
        .chain(NODES)
        .collect();
    assert_eq!(installed.started(Some("scale")), all);
    for name in &all {
        let name = *name;
        let service = installed.service(name);
        assert_eq!(service.get("ports").is_some(), name == "nginx", "{name}");
        assert!(
            service["network_mode"].is_null() || name == "coturn",
            "{name}"
        );
        assert_eq!(
            networks(service).contains("edge"),
            name == "nginx",
            "{name}"
        );
        for waited in service["depends_on"].as_object().into_iter().flatten() {
            assert!(
                all.contains(waited.0.as_str()),
                "{name} waits for {}",
                waited.0
            );
        }
    }
    assert_eq!(installed.compose["networks"]["inside"]["internal"], true);
}

#[test]
fn nodes_and_worker_reach_out_and_the_data_does_not() {
    let all = Installation::new(&FILLED_IN);
    let leads_out = |network: &&str| all.compose["networks"][*network]["internal"] != true;
    for name in NODES.into_iter().chain(["worker"]) {
        assert_eq!(
            networks(all.service(name)),
            BTreeSet::from(["inside", "outside"]),
            "{name}"
        );
    }
    assert!(leads_out(&"outside"));
    let in_it = all
        .services()
        .iter()
        .filter(|(_, service)| networks(service).contains("outside"))
        .count();
    assert_eq!(in_it, NODES.len() + 1, "a network of their own");
    let icc =
        &all.compose["networks"]["outside"]["driver_opts"]["com.docker.network.bridge.enable_icc"];
    assert_eq!(icc, "false", "and no second way to each other");
    for name in ["postgres", "redis"] {
        assert!(!networks(all.service(name)).iter().any(leads_out), "{name}");
    }
}

#[test]
fn every_setting_can_be_given_through_env() {
    let all = Installation::new(&FILLED_IN);
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = format!("{}__", name.replace('.', "__"));
        } else if let Some((name, _)) = line
            .split_once(" = ")
            .filter(|(name, _)| !name.starts_with([' ', '#']))
        {
            settings.push(format!("TEBDIL_{section}{name}").to_ascii_uppercase());
        }
    }
    assert!(
        settings.len() > 100,
        "the defaults were read: {}",
        settings.len()
    );
    let yaml = text("docker-compose.yml");
    for name in &settings {
        let given = BTreeMap::from([(name.as_str(), "given")]);
        let compose: Value = serde_saphyr::from_str(&interpolated(&yaml, &given)).expect("YAML");
        for service in NODES.iter().copied().chain(["worker", "tebdil"]) {
            let own = &compose["services"][service]["environment"];
            let file = own[format!("{name}_FILE")].as_str();
            if let Some(secret) = file.map(|file| file.strip_prefix(MOUNTED).expect("a secret")) {
                assert!(
                    strings(&all.service(service)["secrets"]).contains(&secret),
                    "{service}: {secret} is not mounted"
                );
            } else {
                // What compose sets itself gives way; all else comes from the file as it is.
                assert!(
                    own[name].as_str().is_none_or(|value| value == "given"),
                    "{service}: {name} cannot be changed"
                );
            }
        }
    }
}

#[test]
fn every_container_can_end_in_good_order_and_can_do_little() {
    let all = Installation::new(&FILLED_IN);
    for (name, service) in all.services() {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert_ne!(service["privileged"], true, "{name}");
        if service["build"].is_null() {
            let image = service["image"].as_str().expect("an image");
            assert!(
                image
                    .split_once(':')
                    .is_some_and(|(_, tag)| tag != "latest"),
                "{name}: {image} has no tag"
            );
            continue;
        }
        let config = all.settings(service);
        // What follows the grace takes three times 2 s at most.
        let needed = (config.shutdown.ready_delay + config.shutdown.grace).as_secs() + 6;
        assert!(
            seconds(&service["stop_grace_period"]) > needed,
            "{name} would be killed while it drains"
        );
        let files = service["ulimits"]["nofile"].as_u64().expect("a number");
        assert!(
            files > config.http.max_connections as u64 + 1_000,
            "{name} has too few files for its connections"
        );
        assert_eq!(
            (&service["read_only"], strings(&service["cap_drop"])),
            (&true.into(), vec!["ALL"]),
            "{name}"
        );
    }
    let image = text("Dockerfile");
    assert!(
        image.lines().any(|line| line == "USER 10001:10001"),
        "not root"
    );
    assert!(
        image.contains(r#"CMD ["tebdil", "healthcheck"]"#)
            && image.contains(r#"ENTRYPOINT ["tebdil"]"#)
    );
    for line in image.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        assert!(line.contains(':'), "{line} has no tag");
    }
    assert!(!image.contains("TEBDIL_SECRETS"), "no keys in an image");
}
