//! A server of one test.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tebdil::{
    Listeners, RunError,
    config::{Config, Secrets},
    http::Api,
    lifecycle::{Shutdown, Tasks},
    ws::Sockets,
};
use tebdil_core::testing::{Backend, TestDatabase};
use tebdil_protocol::time::{Clock, Timestamp};
use tokio::{net::TcpListener, task::JoinHandle};

pub use crate::reply::Reply;
use crate::{
    nginx::{Nginx, Options},
    ports::relay_settings,
    services::RedisPrefix,
};

mod connections;
mod database;

pub use connections::Searches;

/// A password that passes the rules.
pub const PASSWORD: &str = "yağmur yağıyor";

/// Runs each listed `async fn(TestServer)` of this module on SQLite, on PostgreSQL, and on two
/// nodes behind nginx; `@with` names settings that differ, `@cluster` leaves out the single nodes.
macro_rules! scenarios {
    (@with $settings:expr; $($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let server = $crate::harness::TestServer::start(tebdil_core::testing::Backend::Sqlite, $settings).await;
                super::$test(server.expect("SQLite is always there")).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(server) = $crate::harness::TestServer::start(tebdil_core::testing::Backend::Postgres, $settings).await {
                    super::$test(server).await;
                }
            })*
        }

        scenarios!(@cluster $settings; $($test),*);
    };
    (@cluster $settings:expr; $($test:ident),* $(,)?) => {
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(server) = $crate::harness::TestServer::start_cluster(2, $settings).await {
                    super::$test(server).await;
                }
            })*
        }
    };
    ($($test:ident),* $(,)?) => {
        scenarios!(@with &[]; $($test),*);
    };
}

/// A running server with a database, directory and clock of its own. It starts at 2026-11-21 12:00
/// in Istanbul.
///
/// A scenario does not know how many nodes there are: it talks to `base`, reads the store and the
/// settings through `app`, and asks the methods here for what is spread over the nodes.
pub struct TestServer {
    /// Where clients go.
    pub base: String,
    /// What the handlers of the first node have.
    pub app: Arc<Api>,
    pub clock: Clock,
    /// Where the first node's numbers are.
    pub metrics: String,
    nodes: Vec<Node>,
    backend: Backend,
    http: reqwest::Client,
    next_phone: AtomicU32,
    _dir: tempfile::TempDir,
    /// In front of several nodes.
    _proxy: Option<Nginx>,
    // Last: the server lets go of them first.
    redis: Option<RedisPrefix>,
    database: TestDatabase,
}

/// How long the server has to end.
const END: Duration = Duration::from_secs(20);

/// One node of the server.
struct Node {
    app: Arc<Api>,
    sockets: Arc<Sockets>,
    url: String,
    address: SocketAddr,
    metrics: String,
    shutdown: Shutdown,
    serving: JoinHandle<Result<(), RunError>>,
}

impl Node {
    async fn start(config: Config, clock: Clock) -> Self {
        let secrets = Secrets::load(&config, &mut rand::rng()).expect("keys");
        let shutdown = Shutdown::default();
        let node = tebdil::Node::start(config, &secrets, clock, Tasks::new(&shutdown))
            .await
            .expect("the server starts");
        let (app, sockets) = (Arc::clone(&node.api), Arc::clone(&node.sockets));
        let bind = async || TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (http, metrics) = (bind().await, bind().await);
        let [address, numbers] =
            [&http, &metrics].map(|listener| listener.local_addr().expect("bound"));
        let listeners = Listeners {
            http,
            metrics: Some(metrics),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the test waits for it: Node::ended"
        )]
        let serving = tokio::task::spawn(node.serve(listeners));
        Self {
            app,
            sockets,
            url: format!("http://{address}"),
            address,
            metrics: format!("http://{numbers}"),
            shutdown,
            serving,
        }
    }

    async fn ended(self) -> Result<(), RunError> {
        let ended = tokio::time::timeout(END, self.serving)
            .await
            .expect("the server ends in time");
        ended.expect("the server does not panic")
    }

    /// Ends in good order, and checks that nothing is left.
    async fn stop(self) {
        self.shutdown.soft.cancel();
        let app = Arc::clone(&self.app);
        self.ended().await.expect("the server ends well");
        assert_eq!(app.tasks.running(), 0, "a task outlived the server");
        assert_eq!(
            app.hub.connection_count(),
            0,
            "a connection outlived the server"
        );
    }
}

/// A registered user.
#[derive(Debug, Clone)]
pub struct TestUser {
    pub id: String,
    pub phone: String,
    pub access: String,
    pub refresh: String,
}

impl TestServer {
    /// Starts a server of one node. `None` when its database is not there and not required.
    pub async fn start(backend: Backend, settings: &[(&str, &str)]) -> Option<Self> {
        let database = TestDatabase::create(backend).await?;
        Some(
            Self::assemble(1, backend, database, None, settings)
                .await
                .expect("it needs no proxy"),
        )
    }

    /// Starts several nodes on one PostgreSQL, one Redis and one clock; clients reach them in turn,
    /// through nginx. `None` when one of these is not there and not required.
    pub async fn start_cluster(nodes: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let database = TestDatabase::create(Backend::Postgres).await?;
        let redis = RedisPrefix::create()?;
        Self::assemble(nodes, Backend::Postgres, database, Some(redis), settings).await
    }

    async fn assemble(
        count: usize,
        backend: Backend,
        database: TestDatabase,
        redis: Option<RedisPrefix>,
        settings: &[(&str, &str)],
    ) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let key = |byte: &str| format!("{}=", byte.repeat(43));
        let mut environment: Vec<(&str, String)> = vec![
            ("TEBDIL_DATA_DIR", dir.path().display().to_string()),
            ("TEBDIL_DATABASE__URL", database.url().to_owned()),
            ("TEBDIL_AUTH__BCRYPT_COST", "4".to_owned()),
            ("TEBDIL_AUTH__HASH_QUEUE", "1000".to_owned()),
            ("TEBDIL_LIMITS__ENABLED", "false".to_owned()),
            // Its clock is what the test makes it.
            ("TEBDIL_CLOCK__MAX_SKEW_S", "0".to_owned()),
            ("TEBDIL_SECRETS__PHONE_INDEX_KEY", key("A")),
            ("TEBDIL_SECRETS__FIELD_KEYS", format!("k1:{}", key("E"))),
            ("TEBDIL_SECRETS__JWT_KEYS", format!("k1:{}", key("I"))),
        ];
        if let Some(redis) = &redis {
            environment.extend(redis.settings());
        }
        let settings = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let environment = |node: usize| {
            let all = environment
                .iter()
                .cloned()
                .chain(relay_settings(node, count))
                .chain(settings.clone());
            all.map(|(name, value)| (name.to_owned(), value))
                .collect::<Vec<_>>()
        };
        let clock = Clock::manual(Timestamp::from_millis(1_795_251_600_000));
        let nodes = join_all((0..count).map(|node| {
            let config = Config::load(None, environment(node)).expect("settings");
            Node::start(config, clock.clone())
        }));
        let nodes = nodes.await;
        let (proxy, base) = match nodes.as_slice() {
            [one] => (None, one.url.clone()),
            several => {
                let addresses: Vec<SocketAddr> = several.iter().map(|node| node.address).collect();
                let proxy = Nginx::start(&addresses, Options::default()).await?;
                let url = proxy.url();
                (Some(proxy), url)
            }
        };
        Some(Self {
            base,
            app: Arc::clone(&nodes[0].app),
            clock,
            metrics: nodes[0].metrics.clone(),
            nodes,
            backend,
            http: crate::http::client(),
            next_phone: AtomicU32::new(1),
            _dir: dir,
            _proxy: proxy,
            redis,
            database,
        })
    }

    /// A phone number nobody has yet.
    pub fn phone(&self) -> String {
        format!(
            "+90530{:07}",
            self.next_phone.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        Reply {
            status,
            headers,
            body,
        }
    }

    /// The address of one node, past the proxy.
    pub fn node_url(&self, node: usize) -> &str {
        &self.nodes[node].url
    }

    /// What the handlers of every node have.
    pub fn apps(&self) -> impl Iterator<Item = &Api> {
        self.nodes.iter().map(|node| &*node.app)
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// A request to be completed.
    pub fn request(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> reqwest::RequestBuilder {
        self.request_to(&self.base, method, path, token)
    }

    /// A request to one node, to be completed.
    pub fn request_to(
        &self,
        url: &str,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{url}{path}"));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str, token: &str) -> Reply {
        self.send(self.request(Method::GET, path, Some(token)))
            .await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Reply {
        self.send(self.request(Method::DELETE, path, Some(token)))
            .await
    }

    /// Sends JSON; `token` empty for nobody.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: &Value) -> Reply {
        self.send(
            self.request(method, path, (!token.is_empty()).then_some(token))
                .json(body),
        )
        .await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, token, body).await
    }

    /// What registers `phone`.
    pub fn registration(phone: &str, alias: &str) -> Value {
        json!({ "phone": phone, "password": PASSWORD, "alias": alias, "birth_date": "1990-05-17", "accept_terms": true })
    }

    /// Registers a new user.
    pub async fn register(&self, alias: &str) -> TestUser {
        self.register_phone(self.phone(), alias).await
    }

    /// Registers a new user with this phone.
    pub async fn register_phone(&self, phone: String, alias: &str) -> TestUser {
        let body = self
            .post("/v1/auth/register", "", &Self::registration(&phone, alias))
            .await
            .expect(201);
        Self::user(&body, phone)
    }

    /// Signs a user in once more.
    pub async fn login(&self, phone: &str) -> TestUser {
        let body = self
            .post(
                "/v1/auth/login",
                "",
                &json!({ "phone": phone, "password": PASSWORD }),
            )
            .await
            .expect(200);
        Self::user(&body, phone.to_owned())
    }

    /// The same session with new tokens.
    pub async fn renewed(&self, user: TestUser) -> TestUser {
        let request = json!({ "refresh_token": user.refresh });
        let body = self
            .post("/v1/auth/refresh", "", &request)
            .await
            .expect(200);
        let text = |name: &str| body["tokens"][name].as_str().expect("text").to_owned();
        TestUser {
            access: text("access_token"),
            refresh: text("refresh_token"),
            ..user
        }
    }

    fn user(body: &Value, phone: String) -> TestUser {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let tokens = &body["tokens"];
        TestUser {
            id: text(&body["user"]["id"]),
            phone,
            access: text(&tokens["access_token"]),
            refresh: text(&tokens["refresh_token"]),
        }
    }

    /// Runs the background jobs that are due, on every node at once, and waits for those that the
    /// nodes' own workers have taken.
    pub async fn run_due_jobs(&self) {
        const TAKEN: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE state = 1";
        let done = async {
            loop {
                let runs = self
                    .nodes
                    .iter()
                    .map(|node| node.app.workers.run_due_once());
                futures_util::future::try_join_all(runs)
                    .await
                    .expect("jobs");
                if self.count(TAKEN).await == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), done)
            .await
            .expect("the jobs end");
    }

    /// The keys of several nodes.
    pub fn redis(&self) -> &RedisPrefix {
        self.redis.as_ref().expect("several nodes")
    }

    /// Has Redis forget one node, which will register its devices anew.
    pub fn forget_node(&self, node: usize) {
        self.redis()
            .forget_node(&self.nodes[node].app.realtime.node.to_string());
    }

    /// Waits until the server has ended by itself.
    pub async fn ended(mut self) -> Result<(), RunError> {
        let ended = join_all(self.nodes.drain(..).map(Node::ended)).await;
        ended.into_iter().collect()
    }

    /// Ends one node in good order, and checks that nothing of it is left running.
    pub async fn stop_node(&mut self, node: usize) {
        self.nodes.remove(node).stop().await;
    }

    /// Ends the server in good order, and checks that nothing is left, neither running nor in
    /// Redis.
    pub async fn stop(mut self) {
        join_all(self.nodes.drain(..).map(Node::stop)).await;
        if let Some(redis) = &self.redis {
            assert_eq!(
                redis.traces(),
                Vec::<String>::new(),
                "a node did not say goodbye"
            );
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // What a scenario leaves behind is looked for only when the server ends in good order.
        assert!(
            self.nodes.is_empty() || std::thread::panicking(),
            "the scenario ends without TestServer::stop"
        );
    }
}
