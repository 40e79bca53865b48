//! The files an installation starts from fit each other: image, compose, nginx, coturn, and the settings they name.
//!
//! Nothing here runs a container; `proxy.rs` and `cluster.rs` run the same topology from processes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::IpAddr,
    path::Path,
};

use serde_json::{Map, Value};
use tebdil::config::Config;

use crate::nginx::sources;

/// What somebody puts into `.env` for several nodes.
const FILLED_IN: [(&str, &str); 8] = [
    ("POSTGRES_PASSWORD", "0123456789abcdef"),
    ("REDIS_PASSWORD", "fedcba9876543210"),
    ("TEBDIL_SECRETS__PHONE_INDEX_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("TEBDIL_SECRETS__FIELD_KEYS", "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("TEBDIL_SECRETS__JWT_KEYS", "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("PROXY_SERVER_NAME", "chat.example"),
    ("TURN_SECRET", "what coturn and the nodes share"),
    ("TURN_IP", "192.0.2.1"),
];

const NODES: [&str; 3] = ["tebdil-1", "tebdil-2", "tebdil-3"];

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `${NAME}`, `${NAME:-default}`, `${NAME:?error}`, as compose fills them in.
fn interpolated(text: &str, variables: &BTreeMap<&str, &str>) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('}').expect("a closed variable");
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        let value = variables.get(name).copied().filter(|value| !value.is_empty());
        filled +=
            value.or(default).unwrap_or_else(|| panic!("{name} has no default: compose would fail for everybody who does not set it"));
        filled += rest;
    }
    filled
}

/// The compose file as it is with these variables.
fn compose(variables: &[(&'static str, &'static str)]) -> Value {
    let text = interpolated(&text("docker-compose.yml"), &variables.iter().copied().collect());
    serde_saphyr::from_str(&text).expect("YAML")
}

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().expect("services")
}

/// Those that start with this profile and no other.
fn started<'a>(compose: &'a Value, profile: Option<&str>) -> BTreeSet<&'a str> {
    let starts = |service: &Value| match service["profiles"].as_array() {
        None => service["deploy"]["replicas"] != "0",
        Some(profiles) => profiles.iter().any(|name| name.as_str() == profile),
    };
    services(compose).iter().filter(|(_, service)| starts(service)).map(|(name, _)| name.as_str()).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().expect("a text")).collect()
}

/// The settings that a service's environment and the image make.
fn settings(service: &Value) -> Config {
    let own = service["environment"].as_object().into_iter().flatten();
    let own = own.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_else(|| panic!("{name} is not a text")).to_owned()));
    let image = text("Dockerfile");
    let image = image.lines().filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    let image = image.map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).expect("NAME=value"));
    let environment: BTreeMap<String, String> = image.chain(own).collect();
    Config::load(None, environment).expect("settings that the server takes")
}

fn seconds(duration: &Value) -> u64 {
    duration.as_str().and_then(|text| text.strip_suffix('s')).and_then(|number| number.parse().ok()).expect("seconds")
}

#[test]
fn without_any_variable_there_is_one_embedded_node() {
    let compose = compose(&[]);
    assert_eq!(started(&compose, None), BTreeSet::from(["tebdil"]));
    let node = &compose["services"]["tebdil"];
    let config = settings(node);
    let published = ["127.0.0.1:8080:8080".to_owned(), format!("127.0.0.1:{0}:{0}/udp", config.relay.listen_address().port())];
    assert_eq!(strings(&node["ports"]), published, "it speaks no TLS: for this machine only");
    assert!(config.relay.embedded && config.relay.own_range().ip.is_loopback(), "calls of this machine only");
    assert!(!config.is_shared() && config.realtime().redis_url.expose().is_empty() && config.workers.enabled);
    assert_eq!(strings(&node["volumes"]), [format!("data:{}", config.data_dir.display())], "what it writes outlives the container");
    assert!(compose["volumes"].as_object().expect("volumes").contains_key("data"));
}

#[test]
fn the_profile_is_one_cluster_with_one_door() {
    let example = text(".env.example");
    let example: Vec<(&str, &str)> =
        example.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let switches = [("COMPOSE_PROFILES", "scale"), ("EMBEDDED_NODES", "0")];
    assert!(switches.iter().all(|switch| example.contains(switch)), "{example:?}");
    let names: BTreeSet<&str> = example.iter().map(|(name, _)| *name).collect();
    let used = text("docker-compose.yml");
    let used: BTreeSet<&str> =
        used.split("${").skip(1).filter_map(|part| part.split([':', '}']).next()).filter(|name| *name != "NAME").collect();
    assert_eq!(names.difference(&used).copied().collect::<Vec<_>>(), ["COMPOSE_PROFILES"], "compose itself reads that one");
    assert_eq!(used.difference(&names).count(), 0, "each variable is in .env.example");

    let compose = compose(&[&FILLED_IN[..], &switches].concat());
    let all = ["coturn", "nginx", "postgres", "redis", "worker"].into_iter().chain(NODES).collect();
    assert_eq!(started(&compose, Some("scale")), all);
    for name in &all {
        let name = *name;
        let service = &compose["services"][name];
        assert_eq!(service.get("ports").is_some(), name == "nginx", "{name}");
        assert!(service["network_mode"].is_null() || name == "coturn", "{name}");
        assert_eq!(service["networks"].get("edge").is_some(), name == "nginx", "{name}");
        for waited in service["depends_on"].as_object().into_iter().flatten() {
            assert!(all.contains(waited.0.as_str()), "{name} waits for {}", waited.0);
        }
    }
    assert_eq!(compose["networks"]["inside"]["internal"], true);
}

#[test]
fn nodes_and_worker_are_configured_alike() {
    let compose = compose(&FILLED_IN);
    let services = services(&compose);
    let configs: Vec<Config> = NODES.iter().map(|name| settings(&services[*name])).collect();
    let worker = settings(&services["worker"]);
    let [postgres, redis] = ["postgres", "redis"].map(|name| &services[name]["environment"]);
    for config in configs.iter().chain([&worker]) {
        let database = reqwest::Url::parse(config.database_url().expose()).expect("an address");
        assert_eq!((database.host_str(), database.username(), database.path()), (Some("postgres"), "tebdil", "/tebdil"));
        assert_eq!(database.password(), postgres["POSTGRES_PASSWORD"].as_str());
        assert_eq!((&postgres["POSTGRES_USER"], &postgres["POSTGRES_DB"]), (&"tebdil".into(), &"tebdil".into()));
        let realtime = config.realtime();
        let cache = reqwest::Url::parse(realtime.redis_url.expose()).expect("an address");
        assert_eq!((cache.host_str(), cache.password()), (Some("redis"), redis["REDISCLI_AUTH"].as_str()));
        assert_eq!(realtime.prefix, configs[0].realtime().prefix);
    }
    let proxy: IpAddr =
        services["nginx"]["networks"]["inside"]["ipv4_address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    for (name, config) in NODES.iter().zip(&configs) {
        assert!(config.http.trusted_proxies.contains(proxy), "{name} believes nginx");
        let address = services[*name]["networks"]["inside"]["ipv4_address"].as_str().expect("an address");
        assert!(!config.http.trusted_proxies.contains(address.parse().expect("an address")), "{name} believes nobody else");
        let known = strings(&services["nginx"]["extra_hosts"]);
        assert!(known.contains(&&*format!("{name}:{address}")), "nginx finds {name} also while it is away");
        assert!(!config.workers.enabled, "{name} leaves the jobs to the worker");
        tebdil::config::Secrets::load(config, &mut rand::rng()).expect("all keys");
    }
    assert_eq!(services["worker"]["command"], serde_json::json!(["worker"]));
}

#[test]
fn every_container_can_end_in_good_order_and_can_do_little() {
    let compose = compose(&FILLED_IN);
    for (name, service) in services(&compose) {
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert_ne!(service["privileged"], true, "{name}");
        if service["build"].is_null() {
            let image = service["image"].as_str().expect("an image");
            assert!(image.split_once(':').is_some_and(|(_, tag)| tag != "latest"), "{name}: {image} has no tag");
            continue;
        }
        let config = settings(service);
        // What follows the grace takes three times 2 s at most.
        let needed = config.shutdown.ready_delay_s + config.shutdown.grace_s + 6;
        assert!(seconds(&service["stop_grace_period"]) > needed, "{name} would be killed while it drains");
        let files = service["ulimits"]["nofile"].as_u64().expect("a number");
        assert!(files > config.http.max_connections as u64 + 1_000, "{name} has too few files for its connections");
        assert_eq!((&service["read_only"], strings(&service["cap_drop"])), (&true.into(), vec!["ALL"]), "{name}");
    }
    let image = text("Dockerfile");
    assert!(image.lines().any(|line| line == "USER 10001:10001"), "not root");
    assert!(image.contains(r#"CMD ["tebdil", "healthcheck"]"#) && image.contains(r#"ENTRYPOINT ["tebdil"]"#));
    for line in image.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        assert!(line.contains(':'), "{line} has no tag");
    }
    assert!(!image.contains("TEBDIL_SECRETS"), "no keys in an image");
}

#[test]
fn nginx_knows_the_nodes_and_waits_longer_than_their_heartbeat() {
    let compose = compose(&FILLED_IN);
    let services = services(&compose);
    let config = settings(&services["tebdil-1"]);
    let port = config.http.listen.rsplit(':').next().expect("a port");
    let nodes = fs::read_to_string(sources().join("tebdil/nodes.conf")).expect("the nodes");
    let nodes: Vec<&str> = nodes.lines().filter_map(|line| line.strip_prefix("server ")?.split(' ').next()).collect();
    assert_eq!(nodes, NODES.map(|name| format!("{name}:{port}")));

    let mut asked = BTreeSet::new();
    for template in ["10-http.conf", "20-servers.conf", "tebdil/api.conf"] {
        let template = fs::read_to_string(sources().join(format!("templates/{template}.template"))).expect("a template");
        asked.extend(template.split("${").skip(1).map(|part| part.split('}').next().expect("a name").to_owned()));
        for line in template.lines().filter_map(|line| line.trim().strip_suffix("s;")) {
            let Some((name, value)) = line.split_once(' ') else { continue };
            if ["proxy_read_timeout", "proxy_send_timeout"].contains(&name) {
                assert!(value.parse::<u64>().expect("seconds") > 2 * config.ws.heartbeat_s, "{name} ends healthy sockets");
            }
        }
    }
    let given = services["nginx"]["environment"].as_object().expect("variables").keys();
    let given: BTreeSet<String> = given.filter(|name| name.starts_with("PROXY_")).cloned().collect();
    assert_eq!(given, asked, "every variable of the templates has a value, and no other");
    let main = fs::read_to_string(sources().join("nginx.conf")).expect("the main file");
    let number = |name: &str| -> usize {
        let value = main.lines().find_map(|line| line.trim().strip_prefix(name)).expect("it is there");
        value.trim_matches([' ', ';']).parse().expect("a number")
    };
    assert!(number("worker_rlimit_nofile ") >= 2 * number("worker_connections "), "a socket is two files");
    assert_eq!(services["nginx"]["ulimits"]["nofile"].as_u64(), u64::try_from(number("worker_rlimit_nofile ")).ok());
}

#[test]
fn coturn_and_the_nodes_agree() {
    let compose = compose(&FILLED_IN);
    let relay = &compose["services"]["coturn"]["environment"];
    let config = text("coturn/turnserver.conf");
    let number = |name: &str| -> u16 { config.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).expect("a number") };
    for name in NODES {
        let node = settings(&compose["services"][name]);
        let secrets = tebdil::config::Secrets::load(&node, &mut rand::rng()).expect("all keys");
        assert_eq!(relay["TURN_SECRET"].as_str(), Some(secrets.relay_secret.expose()), "{name}");
        let ip = relay["TURN_IP"].as_str().expect("an address");
        let urls: Vec<String> = node.relay.urls().collect();
        let port = number("listening-port=");
        assert_eq!(urls, ["udp", "tcp"].map(|transport| format!("turn:{ip}:{port}?transport={transport}")), "{name}");
        let [range] = &node.relay.ranges()[..] else { panic!("one relay") };
        assert_eq!(
            (range.ip.to_string().as_str(), *range.ports.start(), *range.ports.end()),
            (ip, number("min-port="), number("max-port="))
        );
        assert!(!node.relay.embedded && u32::from(number("user-quota=")) >= node.relay.allocations, "{name}");
    }
    assert!(u32::from(number("max-port=") - number("min-port=")) + 1 >= u32::from(number("total-quota=")), "a port for each allocation");
    let start = strings(&compose["services"]["coturn"]["entrypoint"]).join(" ");
    for line in ["static-auth-secret=%s", "relay-ip=%s", "allowed-peer-ip=%s"] {
        assert!(start.contains(line), "{line}");
    }
}

/// That it does what it says is tried in `relay/coturn.rs`.
#[test]
fn the_relay_reaches_nothing_but_itself() {
    let config = text("coturn/turnserver.conf");
    let lines: BTreeSet<&str> = config.lines().map(str::trim).collect();
    for wanted in [
        "use-auth-secret",
        "no-cli",
        "no-multicast-peers",
        "no-tcp-relay",
        "log-file=/dev/null",
        "no-stdout-log",
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(lines.contains(wanted), "{wanted}");
    }
    for unwanted in ["static-auth-secret", "user=", "allowed-peer-ip", "allow-loopback-peers", "server-relay"] {
        assert!(
            !lines.iter().any(|line| line.starts_with(unwanted)),
            "{unwanted}: no secret in the file, and the address is the installation's"
        );
    }
}
