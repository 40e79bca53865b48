//! A stand-in for Google: it gives out access tokens and takes pushes, over real HTTP.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tebdil_protocol::time::Clock;
use tebdil_workers::fcm::{Credentials, Fcm};
use tokio::{net::TcpListener, task::JoinSet};

/// The key of the service account: made for the tests, and good for nothing else.
const KEY: &str = include_str!("../service-account.pem");

const PROJECT: &str = "tebdil-test";
const ACCOUNT: &str = "push@tebdil-test.iam.gserviceaccount.com";

/// What it answers instead of doing what it was asked.
#[derive(Debug, Clone)]
pub enum Reply {
    Say(u16, String),
    /// With a `Retry-After`.
    Wait(u16, String),
    /// Elsewhere, by a redirect.
    Redirect(u16, String),
    /// Nothing, as long as anybody waits.
    Silence,
}

impl Reply {
    /// An error as FCM words it.
    pub fn error(status: u16, code: &str) -> Self {
        let detail = json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code });
        Self::Say(status, json!({ "error": { "code": status, "message": "no", "status": code, "details": [detail] } }).to_string())
    }

    /// A field that cannot be read.
    pub fn invalid(field: &str) -> Self {
        let detail = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{ "field": field }] });
        Self::Say(
            400,
            json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "details": [detail] } })
                .to_string(),
        )
    }
}

#[derive(Default)]
struct Google {
    /// Answers to the next pushes, and to the next requests for an access token.
    pushes: Mutex<VecDeque<Reply>>,
    grants: Mutex<VecDeque<Reply>>,
    /// What was sent, without what was refused.
    taken: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    granted: AtomicUsize,
    /// The access tokens granted so far that are good no longer.
    revoked: AtomicUsize,
}

/// One that listens until it is dropped.
pub struct FakeFcm {
    pub url: String,
    google: Arc<Google>,
    dir: tempfile::TempDir,
    _serving: JoinSet<()>,
}

impl FakeFcm {
    pub async fn start() -> Self {
        let google = Arc::new(Google::default());
        let router = Router::new()
            .route("/token", post(grant))
            .route("/v1/projects/{project}/{what}", post(push));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let service = router.with_state(Arc::clone(&google));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, service).await.expect("it serves") });
        let dir = tempfile::tempdir().expect("a temporary directory");
        let fake = Self {
            url,
            google,
            dir,
            _serving: serving,
        };
        std::fs::write(fake.file(), fake.account()).expect("a file");
        fake
    }

    /// The key of the service account, as the console gives it out.
    pub fn account(&self) -> String {
        let token_uri = format!("{}/token", self.url);
        json!({
            "type": "service_account", "project_id": PROJECT, "client_email": ACCOUNT, "token_uri": token_uri,
            "private_key_id": "k1", "private_key": KEY, "universe_domain": "googleapis.com",
        })
        .to_string()
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("service-account.json")
    }

    /// What makes a server push here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "TEBDIL_PUSH__FCM_CREDENTIALS",
                self.file().display().to_string(),
            ),
            ("TEBDIL_PUSH__FCM_URL", self.url.clone()),
            ("TEBDIL_PUSH__TIMEOUT_S", "1".to_owned()),
            // The tests say when jobs run.
            ("TEBDIL_WORKERS__ENABLED", "false".to_owned()),
        ]
    }

    /// A client that posts messages to `base`.
    pub fn client(&self, base: &str, clock: &Clock) -> Fcm {
        let credentials = Credentials::from_json(self.account().as_bytes()).expect("credentials");
        Fcm::new(base, credentials, Duration::from_millis(500), clock.clone()).expect("a client")
    }

    /// Answers the next pushes so.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.google.pushes.lock().extend(replies);
    }

    /// Answers the next requests for an access token so.
    pub fn answer_grants(&self, replies: impl IntoIterator<Item = Reply>) {
        self.google.grants.lock().extend(replies);
    }

    /// Takes none of the access tokens any more that were granted so far.
    pub fn revoke(&self) {
        self.google
            .revoked
            .store(self.google.granted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The pushes it took since the last call.
    pub fn taken(&self) -> Vec<Value> {
        std::mem::take(&mut *self.google.taken.lock())
    }

    /// How many answers wait for a push that asks for them.
    pub fn unasked(&self) -> usize {
        self.google.pushes.lock().len()
    }

    /// How often it was asked for an access token.
    pub fn asked(&self) -> usize {
        self.google.asked.load(Ordering::SeqCst)
    }
}

pub async fn reply(reply: Reply) -> Response {
    let status = |status| StatusCode::from_u16(status).expect("a status");
    match reply {
        Reply::Say(code, body) => (status(code), body).into_response(),
        Reply::Wait(code, wait) => {
            (status(code), [(header::RETRY_AFTER, wait)], "{}").into_response()
        }
        Reply::Redirect(code, to) => (status(code), [(header::LOCATION, to)]).into_response(),
        Reply::Silence => std::future::pending().await,
    }
}

async fn grant(State(google): State<Arc<Google>>, headers: HeaderMap, body: String) -> Response {
    google.asked.fetch_add(1, Ordering::SeqCst);
    let next = google.grants.lock().pop_front();
    if let Some(next) = next {
        return reply(next).await;
    }
    assert_eq!(
        headers[header::CONTENT_TYPE],
        "application/x-www-form-urlencoded"
    );
    let form = reqwest::Url::parse(&format!("http://form/?{body}")).expect("a form");
    let field = |name: &str| {
        form.query_pairs()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
            .expect("a field")
    };
    assert_eq!(
        field("grant_type"),
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let assertion = signed_claims(&field("assertion"));
    assert_eq!(assertion["iss"], ACCOUNT);
    assert_eq!(
        assertion["scope"],
        "https://www.googleapis.com/auth/firebase.messaging"
    );
    let token = google.granted.fetch_add(1, Ordering::SeqCst) + 1;
    Json(json!({ "access_token": format!("access-{token}"), "expires_in": 3599, "token_type": "Bearer" })).into_response()
}

/// What a JWT says that the service account signed with RS256.
fn signed_claims(token: &str) -> Value {
    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    let (header, claims) = signed.split_once('.').expect("a JWT");
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64");
    let read = |part: &str| -> Value { serde_json::from_slice(&decode(part)).expect("JSON") };
    assert_eq!(read(header)["alg"], "RS256");
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).expect("PEM");
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("a key");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
        .verify(signed.as_bytes(), &decode(signature))
        .expect("its signature");
    read(claims)
}

async fn push(
    State(google): State<Arc<Google>>,
    Path((project, what)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert_eq!(
        (project.as_str(), what.as_str()),
        (PROJECT, "messages:send")
    );
    let access = headers[header::AUTHORIZATION]
        .to_str()
        .expect("text")
        .strip_prefix("Bearer access-")
        .expect("an access token");
    if access.parse::<usize>().expect("a number") <= google.revoked.load(Ordering::SeqCst) {
        return reply(Reply::error(401, "UNAUTHENTICATED")).await;
    }
    let next = google.pushes.lock().pop_front();
    if let Some(next) = next {
        return reply(next).await;
    }
    let body: Value = serde_json::from_str(&body).expect("JSON");
    google.taken.lock().push(body["message"].clone());
    Json(json!({ "name": format!("projects/{PROJECT}/messages/1") })).into_response()
}
