//! What is measured side by side.

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;

use crate::{
    Result,
    chat::{ChatLoad, Pair},
    limit::{Client, Frames},
    line::{self, Line},
    people,
    process::{Process, Setup},
    socketio::SocketIo,
    usage::{self, Usage},
};

/// Where the stack in Node is.
const NODE: &str = "bench/peers/node";

/// Pairs that are brought together at once.
const PARALLEL: usize = 16;

/// A server that carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    Tebdil,
    TebdilPostgres,
    Limit,
    Relay,
    NodeMemory,
    NodeTuned,
    NodePlain,
}

/// A subject that runs: its servers, and the databases that are processes of their own.
pub struct Running {
    servers: Vec<Process>,
    databases: Vec<u32>,
}

/// What all used so far.
pub struct Used {
    pub server: Usage,
    pub database: Usage,
    pub load: Usage,
}

impl Running {
    /// Nodes that share these databases.
    pub fn nodes(servers: Vec<Process>, databases: [&str; 2]) -> Result<Self> {
        let databases = databases.into_iter().map(database).collect::<Result<_>>()?;
        Ok(Self { servers, databases })
    }

    pub fn usage(&self) -> Result<Used> {
        let servers = self.servers.iter().map(|server| Usage::alone(server.pid));
        Ok(Used {
            server: servers.sum::<Result<Usage>>()?,
            database: self
                .databases
                .iter()
                .map(|pid| Usage::family(*pid))
                .sum::<Result<Usage>>()?,
            load: Usage::alone(std::process::id())?,
        })
    }

    pub async fn stop(self) -> Result<()> {
        for server in self.servers {
            server.stop().await?;
        }
        Ok(())
    }
}

impl Subject {
    /// All, or only these.
    pub fn all(only: &[Self]) -> Vec<Self> {
        use clap::ValueEnum as _;
        let asked = |subject: &Self| only.is_empty() || only.contains(subject);
        Self::value_variants()
            .iter()
            .copied()
            .filter(asked)
            .collect()
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Tebdil => "Tebdil, SQLite",
            Self::TebdilPostgres => "Tebdil, PostgreSQL",
            Self::Limit => "limit: raw TCP",
            Self::Relay => "bare relay: axum",
            Self::NodeMemory => "Socket.IO, in memory",
            Self::NodeTuned => "Node and PostgreSQL, tuned",
            Self::NodePlain => "Node and PostgreSQL, plain",
        }
    }

    /// Starts it with its pairs; `Err` with why it cannot run here.
    pub async fn start(
        self,
        setup: &Setup,
        load: &ChatLoad,
    ) -> Result<std::result::Result<(Running, Vec<Pair>), &'static str>> {
        let stored = matches!(
            self,
            Self::TebdilPostgres | Self::NodeTuned | Self::NodePlain
        );
        let Some(url) = setup
            .database
            .as_deref()
            .filter(|_| stored)
            .or((!stored).then_some(""))
        else {
            return Ok(Err("it needs --database"));
        };
        let in_node = matches!(self, Self::NodeMemory | Self::NodeTuned | Self::NodePlain);
        if in_node && !Path::new(NODE).join("node_modules").exists() {
            return Ok(Err("run `npm ci` in bench/peers/node first"));
        }
        let process = match self {
            Self::Tebdil => Process::server(&setup.without_database()).await?,
            Self::TebdilPostgres => Process::server(setup).await?,
            Self::Limit => Process::own(&["limit", &load.bytes.to_string()]).await?,
            Self::Relay => Process::own(&["peer"]).await?,
            Self::NodeMemory => Process::node_js(NODE, &["--form", "memory"]).await?,
            Self::NodeTuned => {
                Process::node_js(NODE, &["--form", "tuned", "--database", url]).await?
            }
            Self::NodePlain => {
                Process::node_js(NODE, &["--form", "plain", "--database", url]).await?
            }
        };
        let pairs = match self {
            Self::Tebdil | Self::TebdilPostgres => strangers(&process.url, load.pairs).await?,
            Self::Limit => limits(&process.url, load).await?,
            Self::Relay => relayed(&process.url, load.pairs).await?,
            _ => in_socket_io(&process.url, load.pairs).await?,
        };
        let mut databases = Vec::new();
        if stored {
            databases.push(database(url)?);
        }
        let servers = vec![process];
        Ok(Ok((Running { servers, databases }, pairs)))
    }
}

/// The process of a database, which from here on has the servers' core.
fn database(url: &str) -> Result<u32> {
    let pid = usage::listener(usage::port(url)?)?;
    usage::pin_family(pid)?;
    Ok(pid)
}

/// New users of Tebdil, two by two in a match.
pub async fn strangers(url: &str, pairs: u32) -> Result<Vec<Pair>> {
    between([url, url], 0, pairs).await
}

/// The same with numbers from `first`, the two of each pair at these addresses.
pub async fn between([a, b]: [&str; 2], first: u32, pairs: u32) -> Result<Vec<Pair>> {
    let accounts = people::register(a, first..first + 2 * pairs, 1).await?;
    people::upload_keys(&accounts).await?;
    let (of_a, of_b) = accounts.split_at(accounts.len() / 2);
    let lines = people::connect(a, of_a).await?.into_iter();
    let mut matched = Vec::new();
    // One after the other, so that nobody is matched with somebody of another pair.
    for (a, b) in lines.zip(people::connect(b, of_b).await?) {
        matched.push(line::matched(a, b).await?.into());
    }
    Ok(matched)
}

async fn limits(url: &str, load: &ChatLoad) -> Result<Vec<Pair>> {
    let frames = Arc::new(Frames::of(usize::try_from(load.bytes)?));
    let mut pairs = Vec::new();
    for pair in 0..load.pairs {
        let line = async || {
            let client = Client::connect(url, pair, Arc::clone(&frames)).await?;
            Result::Ok(Line::Limit(Box::new(client)))
        };
        pairs.push([line().await?, line().await?].into());
    }
    Ok(pairs)
}

async fn relayed(url: &str, pairs: u32) -> Result<Vec<Pair>> {
    let url = url.replace("http://", "ws://");
    let mut lines = Vec::new();
    for room in 0..pairs {
        let url = format!("{url}/{room}");
        let line = async || {
            let socket = RawSocket::open_with(&url, None).await?;
            Result::Ok(Line::Relay(Box::new(socket)))
        };
        lines.push([line().await?, line().await?].into());
    }
    Ok(lines)
}

async fn in_socket_io(url: &str, pairs: u32) -> Result<Vec<Pair>> {
    let client = reqwest::Client::builder().build()?;
    let run = uuid::Uuid::new_v4().as_u128() % 1_000_000;
    let sockets = stream::iter(0..2 * pairs).map(|number| {
        let client = client.clone();
        async move {
            let answer = client
                .post(format!("{url}/register"))
                .header("content-type", "application/json")
                .body(
                    json!({
                        "phone": format!("+90{run:06}{number:06}"),
                        "password": "correct horse battery",
                        "alias": format!("bench{number}"),
                    })
                    .to_string(),
                )
                .send()
                .await?
                .error_for_status()?
                .bytes()
                .await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let token = answer["token"].as_str().ok_or("no token")?;
            SocketIo::connect(url, token).await
        }
    });
    let sockets: Vec<SocketIo> = sockets.buffered(PARALLEL).try_collect().await?;
    let mut lines = Vec::new();
    let mut sockets = sockets.into_iter();
    while let (Some(mut a), Some(mut b)) = (sockets.next(), sockets.next()) {
        a.emit("match.find", "{}").await?;
        b.emit("match.find", "{}").await?;
        let id = a.until("match.found").await?["match_id"].to_string();
        b.until("match.found").await?;
        let id = id.trim_matches('"').to_owned();
        lines.push(
            [a, b]
                .map(|socket| Line::Node(Box::new(socket), id.clone()))
                .into(),
        );
    }
    Ok(lines)
}
