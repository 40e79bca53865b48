//! Servers whose relays have addresses of their own, so that a test knows whose packets are whose.

use rand::RngExt as _;
use tebdil_core::testing::{Backend, RedisPrefix, TestDatabase};

use crate::{
    ports::free_port,
    process::{ClusterProcess, ServerProcess},
};

/// What relays give out at their addresses.
const PORTS: &str = "49160-50159";

/// An address of this machine that no other test has.
pub fn own_address() -> String {
    let [b, c, d]: [u8; 3] = [0; 3].map(|_: u8| rand::rng().random_range(10..250));
    format!("127.{b}.{c}.{d}")
}

/// Two nodes behind nginx, each with a relay.
pub struct Site {
    pub cluster: ClusterProcess,
    /// The relays' addresses.
    pub relays: [String; 2],
    metrics: [String; 2],
    _database: TestDatabase,
    _redis: RedisPrefix,
}

impl Site {
    /// `None` when a service is missing and not required.
    pub async fn start() -> Option<Self> {
        let database = TestDatabase::create(Backend::Postgres).await?;
        let redis = RedisPrefix::create()?;
        let settings = redis.settings();
        let relays = [own_address(), own_address()];
        let metrics = [0; 2].map(|_| format!("127.0.0.1:{}", free_port()));
        let common = [
            ("TEBDIL_DATABASE__URL", database.url()),
            ("TEBDIL_REDIS__URL", settings.redis_url.expose()),
            ("TEBDIL_REDIS__PREFIX", &settings.prefix),
        ];
        let own = [0, 1].map(|node: usize| {
            [
                ("TEBDIL_RELAY__LISTEN", format!("{}:3478", relays[node])),
                (
                    "TEBDIL_RELAY__OTHERS",
                    format!("{}:{PORTS}", relays[1 - node]),
                ),
                ("TEBDIL_METRICS__LISTEN", metrics[node].clone()),
            ]
        });
        let own = own
            .each_ref()
            .map(|node| node.each_ref().map(|(name, value)| (*name, value.as_str())));
        let cluster = ClusterProcess::start(&common, &own.each_ref().map(|node| &node[..])).await?;
        Some(Self {
            cluster,
            relays,
            metrics,
            _database: database,
            _redis: redis,
        })
    }

    /// How many devices are connected to each node.
    pub async fn connections(&self) -> [u64; 2] {
        let mut found = [0; 2];
        for (found, address) in found.iter_mut().zip(&self.metrics) {
            let text = crate::http::get(format!("http://{address}/metrics"))
                .await
                .expect("it answers")
                .text()
                .await
                .expect("text");
            let of_them = text.lines().filter_map(|line| {
                line.strip_prefix("tebdil_connections")?
                    .rsplit(' ')
                    .next()?
                    .parse::<f64>()
                    .ok()
            });
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small number of sockets"
            )]
            of_them.for_each(|number| *found += number as u64);
        }
        found
    }
}

/// One server with a relay, and its address.
pub async fn one_server() -> (ServerProcess, String) {
    let relay = own_address();
    let listen = format!("{relay}:3478");
    let settings = [
        ("TEBDIL_RELAY__LISTEN", listen.as_str()),
        ("TEBDIL_LIMITS__FRAMES_PER_CONNECTION__BURST", "1000"),
        ("TEBDIL_LIMITS__FRAMES_PER_CONNECTION__PER_S", "1"),
    ];
    (
        ServerProcess::start(Backend::Sqlite, &settings)
            .await
            .expect("SQLite is always there"),
        relay,
    )
}
