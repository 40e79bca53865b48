//! The stand-in: accounts, keys, pairs and relayed messages, all in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use accounts::{consent, keys, login, me, meta, put_keys, refresh, register};
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{delete, get, post},
};
use matches::{block, blocks, claim, ice_servers, report, unblock};
use serde_json::{Value, json};
use tokio::sync::mpsc;

mod accounts;
mod matches;

/// What a socket's task is told.
pub enum Out {
    Frame(Value),
    /// Drop the connection without a word.
    Cut,
    Close(u16),
}

#[derive(Default)]
pub struct User {
    pub alias: String,
    pub keys: Vec<String>,
    pub blocks: Vec<Value>,
    pub last_resort: Option<String>,
    pub socket: Option<mpsc::UnboundedSender<Out>>,
    /// How often the access token was renewed; the token in use is `access-{user}-{renewals}`.
    pub renewals: usize,
}

#[derive(Default)]
pub struct Match {
    pub users: [usize; 2],
    pub ended: bool,
    /// Sender's position in `users`, and the `message.new` frame.
    pub messages: Vec<(usize, Value)>,
    /// The answerer's key package.
    package: String,
}

#[derive(Default)]
pub struct World {
    pub users: Vec<User>,
    pub waiting: Option<usize>,
    /// Whether that search outlives its connection.
    background: bool,
    /// Searches that were begun.
    pub finds: usize,
    pub matches: Vec<Match>,
    pub refreshes: usize,
    /// Refreshes that are carried out and whose answer is lost.
    pub lose_refreshes: usize,
    /// First answers by `Idempotency-Key`.
    refreshed: HashMap<String, Value>,
    /// Messages to swallow: neither stored nor answered.
    pub swallow: usize,
    /// Codes for the next new messages; `None` lets one pass.
    pub refuse: VecDeque<Option<&'static str>>,
    /// The user whose find is answered with `quota_exhausted`.
    pub exhausted: Option<usize>,
    /// The user whose matches belong to another device.
    pub elsewhere: Option<usize>,
    /// Whether matches are for video.
    pub video: bool,
    /// A certificate that this server puts in place of every other, as one in the middle of a call
    /// would.
    pub swap_fingerprints: Option<String>,
    /// Where handshakes are kept back, with whom they are for.
    pub keep_back: Option<Vec<(usize, Value)>>,
    /// Whether the terms have changed and nobody has accepted them.
    pub asks_consent: bool,
    /// Bodies of reports, in the order they came.
    pub reports: Vec<Value>,
}

#[derive(Clone, Default)]
pub struct Relay {
    pub world: Arc<Mutex<World>>,
    pub address: String,
}

const NOW: &str = "2026-11-21T10:00:00.000Z";

impl Relay {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("bind");
        let relay = Self {
            world: Arc::default(),
            address: format!("http://{}", listener.local_addr().expect("address")),
        };
        let router = Router::new()
            .route("/v1/auth/register", post(register))
            .route("/v1/auth/login", post(login))
            .route("/v1/auth/refresh", post(refresh))
            .route("/v1/me", get(me))
            .route("/v1/meta", get(meta))
            .route("/v1/me/consent", post(consent))
            .route("/v1/keys", get(keys).put(put_keys))
            .route("/v1/blocks", get(blocks).post(block))
            .route("/v1/blocks/{id}", delete(unblock))
            .route("/v1/claims", post(claim))
            .route("/v1/reports", post(report))
            .route("/v1/rtc/ice-servers", post(ice_servers))
            .route("/v1/ws", get(upgrade))
            .with_state(relay.clone());
        let tracker = tokio_util::task::TaskTracker::new();
        tracker.spawn(async move { axum::serve(listener, router).await });
        relay
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.world.lock().expect("lock"))
    }

    pub fn tell(&self, user: usize, out: Out) {
        self.change(|world| {
            world.users[user]
                .socket
                .as_ref()
                .map(|socket| socket.send(out))
        });
    }
}

fn problem(status: u16, code: &str) -> axum::response::Response {
    let body = json!({"type":"about:blank","title":code,"status":status,"detail":code,"code":code});
    (
        StatusCode::from_u16(status).expect("status"),
        [("content-type", "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

pub fn quota() -> Value {
    json!({"text":9,"video":3,"bonus":0,"daily_text":10,"daily_video":3,"resets_at":"2026-11-21T21:00:00.000Z"})
}

fn user_json(world: &World, id: usize) -> Value {
    let alias = &world.users[id].alias;
    json!({"id":(id + 1).to_string(),"alias":alias,"tag":"0001","handle":format!("{alias}#0001"),"phone_masked":"+90…","is_premium":false,
        "locale":"tr","role":"user","created_at":NOW,"interests":[],"languages":[],"quota":quota()})
}

fn user_of(world: &World, token: &str) -> Option<usize> {
    let (id, renewals) = token.strip_prefix("access-")?.split_once('-')?;
    let id: usize = id.parse().ok()?;
    (world.users.get(id)?.renewals.to_string() == renewals).then_some(id)
}

fn bearer(relay: &Relay, headers: &HeaderMap) -> Option<usize> {
    let token = headers
        .get("authorization")?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")?
        .to_owned();
    relay.change(|world| user_of(world, &token))
}

fn match_at(frame: &Value) -> usize {
    frame["match_id"]
        .as_str()
        .expect("match id")
        .parse::<usize>()
        .expect("number")
        - 1
}

impl World {
    fn send(&self, user: usize, frame: Value) {
        if let Some(socket) = &self.users[user].socket {
            drop(socket.send(Out::Frame(frame)));
        }
    }

    fn end(&mut self, at: usize, by: usize, reason: &str) {
        self.matches[at].ended = true;
        for user in self.matches[at].users {
            let by = if user == by { "self" } else { "peer" };
            self.send(user, json!({"type":"match.ended","match_id":(at + 1).to_string(),"status":"completed","reason":reason,"by":by}));
        }
    }

    fn match_json(&self, at: usize, user: usize) -> Value {
        let users = self.matches[at].users;
        let (role, peer) = if users[0] == user {
            ("offerer", users[1])
        } else {
            ("answerer", users[0])
        };
        let alias = &self.users[peer].alias;
        let mode = if self.video { "video" } else { "text" };
        let here = self.elsewhere != Some(user);
        json!({"id":(at + 1).to_string(),"this_device":here,"mode":mode,"status":"active","peer":{"alias":alias,"tag":"0001","handle":format!("{alias}#0001")},
            "role":role,"shared_interests":[],"created_at":NOW,"expires_at":"2026-11-22T10:00:00.000Z","ended_at":null,"ended_reason":null,
            "unread":0})
    }

    pub fn pair(&mut self, first: usize, second: usize) {
        let package = self.users[second]
            .keys
            .pop()
            .or_else(|| self.users[second].last_resort.clone())
            .expect("keys were uploaded");
        self.matches.push(Match {
            users: [first, second],
            package,
            ..Match::default()
        });
        for user in [first, second] {
            self.found(self.matches.len() - 1, user);
        }
    }

    fn found(&self, at: usize, user: usize) {
        let mut frame = json!({"type":"match.found","match":self.match_json(at, user),
            "keys_remaining":self.users[user].keys.len(),"quota":quota()});
        if self.matches[at].users[0] == user {
            frame["peer_key_package"] = json!(self.matches[at].package);
        }
        self.send(user, frame);
    }

    /// Lets go what was kept back.
    pub fn let_go(&mut self) {
        for (user, new) in self.keep_back.take().unwrap_or_default() {
            self.send(user, new);
        }
    }

    /// Loses the user's socket without the server noticing.
    pub fn lose_socket(&mut self, user: usize) {
        if let Some(socket) = self.users[user].socket.take() {
            drop(socket.send(Out::Cut));
        }
    }

    fn welcome(&self, user: usize) -> Value {
        let active = (0..self.matches.len())
            .filter(|at| !self.matches[*at].ended && self.matches[*at].users.contains(&user));
        let matches: Vec<_> = active.map(|at| self.match_json(at, user)).collect();
        let searches = self.background && self.waiting == Some(user);
        let search = searches.then(|| json!({"ticket_id":"1","mode":"text"}));
        json!({"type":"welcome","session_id":"1","user":user_json(self, user),"quota":quota(),"matches":matches,"search":search,
            "keys_remaining":self.users[user].keys.len(),"server_time":NOW,"heartbeat_s":30,
            "limits":{"max_frame_bytes":65536,"max_ciphertext_bytes":16384,"max_devices":5,"frames_per_second":0}})
    }

    fn replay(&self, user: usize, at: usize, after: i64) {
        let known = &self.matches[at];
        for (sender, frame) in &known.messages {
            if known.users[*sender] != user && frame["seq"].as_i64() > Some(after) {
                self.send(user, frame.clone());
            }
        }
    }

    fn take(&mut self, user: usize, frame: &Value) {
        let id = &frame["id"];
        match frame["type"].as_str().expect("type") {
            "match.find" if self.exhausted == Some(user) => self
                .send(user, json!({"type":"error","re":id,"code":"quota_exhausted","message":"","resets_at":"2026-11-21T21:00:00.000Z"})),
            "match.find" => {
                self.finds += 1;
                self.background = frame["background"] == true;
                self.send(user, json!({"type":"match.searching","ticket_id":"1","re":id}));
                match self.waiting.take() {
                    Some(other) if other != user => self.pair(other, user),
                    _ => self.waiting = Some(user),
                }
            }
            "match.cancel" => {
                let ticket = self.waiting.take().map(|_| "1");
                self.send(user, json!({"type":"match.cancelled","ticket_id":ticket,"reason":"cancelled","re":id}));
            }
            "match.leave" => {
                let at = match_at(frame);
                self.end(at, user, "left");
                self.send(
                    user,
                    json!({"type":"match.ended","re":id,"match_id":frame["match_id"],"status":"completed","reason":"left","by":"self"}),
                );
            }
            "message.send" => self.take_message(user, frame),
            "message.sync" => self.replay(user, match_at(frame), frame["peer_seq"].as_i64().expect("seq")),
            "message.ack" => self.pass_on(user, frame, json!({"type":"message.delivered","seq":frame["seq"]})),
            "message.read" => self.pass_on(user, frame, json!({"type":"message.read","seq":frame["seq"]})),
            "typing" => self.pass_on(user, frame, json!({"type":"typing","on":frame["on"]})),
            "rtc.description" => {
                let mut sdp = frame["sdp"].as_str().expect("sdp").to_owned();
                if let Some(fingerprint) = &self.swap_fingerprints {
                    let swapped = format!("a=fingerprint:{fingerprint}");
                    let lines = sdp.lines().map(|line| if line.starts_with("a=fingerprint:") { swapped.as_str() } else { line });
                    sdp = lines.chain([""]).collect::<Vec<_>>().join("\r\n");
                }
                self.pass_on(user, frame, json!({"type":"rtc.description","kind":frame["kind"],"sdp":sdp,"round":1}));
            }
            "rtc.candidate" => self.pass_on(user, frame, json!({"type":"rtc.candidate","candidate":frame["candidate"]})),
            "rtc.state" => self.pass_on(user, frame, json!({"type":"rtc.state","state":frame["state"]})),
            other => panic!("unexpected frame {other}"),
        }
    }

    fn pass_on(&self, user: usize, frame: &Value, mut passed: Value) {
        let at = match_at(frame);
        passed["match_id"] = frame["match_id"].clone();
        let peer = self.matches[at]
            .users
            .into_iter()
            .find(|other| *other != user)
            .expect("peer");
        self.send(peer, passed);
    }

    fn take_message(&mut self, user: usize, frame: &Value) {
        if self.swallow > 0 {
            self.swallow -= 1;
            return;
        }
        let at = match_at(frame);
        let refuse = |code: &str| json!({"type":"error","re":frame["id"],"code":code,"message":"","retry_after_ms":5});
        if self.matches[at].ended {
            return self.send(user, refuse("match_ended"));
        }
        let side = usize::from(self.matches[at].users[1] == user);
        let own = self.matches[at]
            .messages
            .iter()
            .filter(|(sender, _)| *sender == side);
        let (seq, next) = (frame["seq"].as_u64().expect("seq"), own.count() as u64 + 1);
        if seq > next {
            let mut early = refuse("out_of_order");
            early["expected_seq"] = json!(next);
            return self.send(user, early);
        }
        let accepted = json!({"type":"message.accepted","re":frame["id"],"match_id":frame["match_id"],"seq":seq,"sent_at":NOW});
        if seq < next {
            return self.send(user, accepted);
        }
        if let Some(Some(code)) = self.refuse.pop_front() {
            return self.send(user, refuse(code));
        }
        let mut new = json!({"type":"message.new","match_id":frame["match_id"],"seq":seq,"kind":frame["kind"],
            "ciphertext":frame["ciphertext"],"sent_at":NOW});
        if !frame["franking_tag"].is_null() {
            new["franking_tag"] = frame["franking_tag"].clone();
            // Nobody here can check it.
            new["frank"] = json!({"kid":"f1","mac":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="});
        }
        self.matches[at].messages.push((side, new.clone()));
        self.send(user, accepted);
        let peer = self.matches[at].users[1 - side];
        match &mut self.keep_back {
            Some(kept) if frame["kind"] == "handshake" => kept.push((peer, new)),
            _ => self.send(peer, new),
        }
    }
}

async fn upgrade(
    State(relay): State<Relay>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    upgrade
        .protocols(["tebdil.v1"])
        .on_upgrade(move |socket| run(relay, socket))
}

async fn run(relay: Relay, mut socket: WebSocket) {
    let Some(Ok(Message::Text(hello))) = socket.recv().await else {
        return;
    };
    let hello: Value = serde_json::from_str(&hello).expect("json");
    let token = hello["token"].as_str().expect("token").to_owned();
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let user = relay.change(|world| {
        let user = user_of(world, &token)?;
        world.users[user].socket = Some(out.clone());
        world.send(user, world.welcome(user));
        let point = |at: usize| {
            let resume = hello["resume"].as_array().cloned().unwrap_or_default();
            resume
                .iter()
                .find(|point| match_at(point) == at)
                .and_then(|point| point["peer_seq"].as_i64())
                .unwrap_or(0)
        };
        for at in 0..world.matches.len() {
            if world.matches[at].users.contains(&user) && !world.matches[at].ended {
                if world.matches[at].messages.is_empty() {
                    world.found(at, user);
                }
                world.replay(user, at, point(at));
            }
        }
        Some(user)
    });
    let Some(user) = user else {
        close(&mut socket, 4001).await;
        return;
    };
    loop {
        tokio::select! {
            Some(out) = outgoing.recv() => match out {
                Out::Frame(frame) => {
                    if socket.send(Message::text(frame.to_string())).await.is_err() {
                        break;
                    }
                }
                Out::Cut => break,
                Out::Close(code) => {
                    close(&mut socket, code).await;
                    break;
                }
            },
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("json");
                    relay.change(|world| world.take(user, &frame));
                }
                Some(Ok(_)) => {}
                _ => break,
            },
        }
    }
    relay.change(|world| {
        // A ticket dies with its connection unless it is one in the background, and a newer
        // connection may have taken the place.
        if world.users[user]
            .socket
            .as_ref()
            .is_some_and(|socket| socket.same_channel(&out))
        {
            world.users[user].socket = None;
            world.waiting = world
                .waiting
                .filter(|waiting| *waiting != user || world.background);
        }
    });
}

async fn close(socket: &mut WebSocket, code: u16) {
    // The client may be gone already.
    let _ = socket
        .send(Message::Close(Some(CloseFrame {
            code,
            reason: "".into(),
        })))
        .await;
    while let Some(Ok(_)) = socket.recv().await {}
}
