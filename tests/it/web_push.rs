//! A stand-in for the push service of a browser, over real HTTP, and browsers that subscribe there.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::{any, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{PublicKey, SecretKey, ecdh::diffie_hellman, elliptic_curve::sec1::ToEncodedPoint as _};
use parking_lot::Mutex;
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use serde_json::{Value, json};
use tebdil_workers::web_push::VapidKey;
use tokio::{net::TcpListener, task::JoinSet};

use crate::fcm::{Reply, reply};

pub const CONTACT: &str = "mailto:push@example.org";

/// A push as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }
}

#[derive(Default)]
struct Service {
    /// Answers to the next pushes.
    replies: Mutex<VecDeque<Reply>>,
    /// What was sent, without what was refused.
    taken: Mutex<Vec<Delivery>>,
    /// How often a redirect was followed.
    led_astray: AtomicUsize,
}

/// One that listens until it is dropped.
pub struct FakePush {
    pub url: String,
    service: Arc<Service>,
    vapid_key: String,
    _serving: JoinSet<()>,
}

impl FakePush {
    pub async fn start() -> Self {
        let service = Arc::new(Service::default());
        let router = Router::new()
            .route("/push/{id}", post(push))
            .route("/elsewhere", any(elsewhere));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = router.with_state(Arc::clone(&service));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            url,
            service,
            vapid_key: VapidKey::generate().expose().to_owned(),
            _serving: serving,
        }
    }

    /// What makes a server push here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TEBDIL_PUSH__WEB_EXTRA_ORIGIN", self.url.clone()),
            ("TEBDIL_PUSH__WEB_CONTACT", CONTACT.to_owned()),
            ("TEBDIL_SECRETS__VAPID_KEY", self.vapid_key.clone()),
            ("TEBDIL_PUSH__TIMEOUT_S", "1".to_owned()),
            // The tests say when jobs run.
            ("TEBDIL_WORKERS__ENABLED", "false".to_owned()),
        ]
    }

    /// A browser that subscribes here.
    pub fn browser(&self, id: &str) -> Browser {
        let random: [u8; 32] = rand::random();
        Browser {
            endpoint: format!("{}/push/{id}", self.url),
            key: SecretKey::from_slice(&random).expect("a number below the order"),
            auth: rand::random(),
        }
    }

    /// Answers the next pushes so.
    pub fn answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.service.replies.lock().extend(replies);
    }

    /// The pushes it took since the last call, by their paths.
    pub fn taken(&self) -> Vec<Delivery> {
        let mut taken = std::mem::take(&mut *self.service.taken.lock());
        taken.sort_by(|one, other| one.path.cmp(&other.path));
        taken
    }

    /// How many answers wait for a push that asks for them.
    pub fn unasked(&self) -> usize {
        self.service.replies.lock().len()
    }

    pub fn led_astray(&self) -> usize {
        self.service.led_astray.load(Ordering::SeqCst)
    }
}

async fn push(
    State(service): State<Arc<Service>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let next = service.replies.lock().pop_front();
    if let Some(next) = next {
        return reply(next).await;
    }
    service.taken.lock().push(Delivery {
        path: uri.path().to_owned(),
        headers,
        body: body.to_vec(),
    });
    StatusCode::CREATED.into_response()
}

async fn elsewhere(State(service): State<Arc<Service>>) -> StatusCode {
    service.led_astray.fetch_add(1, Ordering::SeqCst);
    StatusCode::CREATED
}

/// A browser with a subscription, and the private key of that.
#[derive(Debug, Clone)]
pub struct Browser {
    pub endpoint: String,
    key: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    /// What it tells the server.
    pub fn subscription(&self) -> Value {
        let p256dh = URL_SAFE_NO_PAD.encode(self.point());
        let auth = URL_SAFE_NO_PAD.encode(self.auth);
        json!({ "platform": "web", "endpoint": self.endpoint, "keys": { "p256dh": p256dh, "auth": auth } })
    }

    fn point(&self) -> Vec<u8> {
        self.key
            .public_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec()
    }

    /// What a push says: RFC 8291, from the side of the browser.
    pub fn read(&self, delivery: &Delivery) -> Value {
        assert_eq!(delivery.header("content-encoding"), "aes128gcm");
        let (salt, rest) = delivery.body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "the record size, and a point");
        let (server, record) = rest[5..].split_at(65);
        let peer = PublicKey::from_sec1_bytes(server).expect("a point");
        let shared = diffie_hellman(self.key.to_nonzero_scalar(), peer.as_affine());
        let agreed = Salt::new(HKDF_SHA256, &self.auth).extract(shared.raw_secret_bytes());
        let secret = derive(&agreed, &[b"WebPush: info\0", &self.point(), server]);
        let keys = Salt::new(HKDF_SHA256, salt).extract(&secret);
        let key = derive(&keys, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce = derive(&keys, &[b"Content-Encoding: nonce\0"]);
        let key = UnboundKey::new(&AES_128_GCM, &key[..16]).expect("a key");
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..12]).expect("a nonce");
        let mut record = record.to_vec();
        let text = LessSafeKey::new(key)
            .open_in_place(nonce, Aad::empty(), &mut record)
            .expect("it is for this browser");
        let end = text
            .iter()
            .rposition(|byte| *byte != 0)
            .expect("a delimiter");
        assert_eq!(text[end], 2, "the last record");
        serde_json::from_slice(&text[..end]).expect("JSON")
    }
}

fn derive(from: &Prk, info: &[&[u8]]) -> [u8; 32] {
    let mut derived = [0; 32];
    from.expand(info, HKDF_SHA256)
        .and_then(|key| key.fill(&mut derived))
        .expect("a key");
    derived
}

/// What the signature of a push claims, which the public key of the server vouches for.
pub fn signed_claims(delivery: &Delivery, public_key: &str) -> Value {
    let (token, key) = delivery
        .header("authorization")
        .strip_prefix("vapid t=")
        .and_then(|rest| rest.split_once(", k="))
        .expect("VAPID");
    assert_eq!(key, public_key);
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
    let (signed, signature) = token.rsplit_once('.').expect("a JWT");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key))
        .verify(signed.as_bytes(), &decode(signature))
        .expect("its signature");
    let (_, claims) = signed.split_once('.').expect("a JWT");
    serde_json::from_slice(&decode(claims)).expect("JSON")
}
