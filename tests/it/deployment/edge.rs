//! What stands between the nodes and everybody: nginx and coturn.

use std::{collections::BTreeSet, fs};

use super::{FILLED_IN, Installation, NODES, strings, text};
use crate::nginx::sources;

#[test]
fn nginx_knows_the_nodes_and_waits_longer_than_their_heartbeat() {
    let all = Installation::new(&FILLED_IN);
    let services = all.services();
    let config = all.settings(all.service("tebdil-1"));
    let port = config.http.listen.rsplit(':').next().expect("a port");
    let nodes = fs::read_to_string(sources().join("tebdil/nodes.conf")).expect("the nodes");
    let nodes: Vec<&str> = nodes
        .lines()
        .filter_map(|line| line.strip_prefix("server ")?.split(' ').next())
        .collect();
    assert_eq!(nodes, NODES.map(|name| format!("{name}:{port}")));

    let mut asked = BTreeSet::new();
    for template in ["10-http.conf", "20-servers.conf", "tebdil/api.conf"] {
        let template = fs::read_to_string(sources().join(format!("templates/{template}.template")))
            .expect("a template");
        asked.extend(
            template
                .split("${")
                .skip(1)
                .map(|part| part.split('}').next().expect("a name").to_owned()),
        );
        for line in template
            .lines()
            .filter_map(|line| line.trim().strip_suffix("s;"))
        {
            let Some((name, value)) = line.split_once(' ') else {
                continue;
            };
            if ["proxy_read_timeout", "proxy_send_timeout"].contains(&name) {
                assert!(
                    value.parse::<u64>().expect("seconds") > 2 * config.ws.heartbeat.as_secs(),
                    "{name} ends healthy sockets"
                );
            }
        }
    }
    let given = services["nginx"]["environment"]
        .as_object()
        .expect("variables")
        .keys();
    let given: BTreeSet<String> = given
        .filter(|name| name.starts_with("PROXY_"))
        .cloned()
        .collect();
    assert_eq!(
        given, asked,
        "every variable of the templates has a value, and no other"
    );
    let challenges = services["nginx"]["environment"]["PROXY_ACME"]
        .as_str()
        .expect("a folder");
    let mounted = strings(&services["nginx"]["volumes"]);
    assert!(
        mounted.contains(&&*format!("./acme:{challenges}:ro")),
        "where the answers to ACME challenges are: {mounted:?}"
    );
    let main = fs::read_to_string(sources().join("nginx.conf")).expect("the main file");
    let number = |name: &str| -> usize {
        let value = main
            .lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .expect("it is there");
        value.trim_matches([' ', ';']).parse().expect("a number")
    };
    assert!(
        number("worker_rlimit_nofile ") >= 2 * number("worker_connections "),
        "a socket is two files"
    );
    assert_eq!(
        services["nginx"]["ulimits"]["nofile"].as_u64(),
        u64::try_from(number("worker_rlimit_nofile ")).ok()
    );
}

#[test]
fn coturn_and_the_nodes_agree() {
    let all = Installation::new(&FILLED_IN);
    let relay = &all.service("coturn")["environment"];
    let config = text("coturn/turnserver.conf");
    let number = |name: &str| -> u16 {
        config
            .lines()
            .find_map(|line| line.strip_prefix(name)?.parse().ok())
            .expect("a number")
    };
    assert_eq!(strings(&all.service("coturn")["secrets"]), ["relay_secret"]);
    for name in NODES {
        let node = all.settings(all.service(name));
        let secrets = tebdil::config::Secrets::load(&node, &mut rand::rng()).expect("all keys");
        assert_eq!(
            secrets.relay_secret.expose(),
            all.secret("relay_secret"),
            "{name}"
        );
        // Where clients reach it, which need not be where it listens.
        let ip = relay["TURN_PUBLIC_IP"].as_str().expect("an address");
        assert_ne!(relay["TURN_IP"].as_str().expect("an address"), ip);
        let urls: Vec<String> = node.relay.urls().collect();
        let port = number("listening-port=");
        assert_eq!(
            urls,
            ["udp", "tcp"].map(|transport| format!("turn:{ip}:{port}?transport={transport}")),
            "{name}"
        );
        let [range] = &node.relay.ranges()[..] else {
            panic!("one relay")
        };
        assert_eq!(
            (
                range.ip.to_string().as_str(),
                *range.ports.start(),
                *range.ports.end()
            ),
            (ip, number("min-port="), number("max-port="))
        );
        assert!(
            !node.relay.embedded && u32::from(number("user-quota=")) >= node.relay.allocations,
            "{name}"
        );
    }
    assert!(
        u32::from(number("max-port=") - number("min-port=")) + 1
            >= u32::from(number("total-quota=")),
        "a port for each allocation"
    );
    let start = strings(&all.service("coturn")["entrypoint"]).join(" ");
    for line in [
        "static-auth-secret=%s",
        "relay-ip=%s",
        "allowed-peer-ip=%s",
        "external-ip=%s/%s",
    ] {
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
    for unwanted in [
        "static-auth-secret",
        "user=",
        "allowed-peer-ip",
        "allow-loopback-peers",
        "server-relay",
    ] {
        assert!(
            !lines.iter().any(|line| line.starts_with(unwanted)),
            "{unwanted}: no secret in the file, and the address is the installation's"
        );
    }
}
