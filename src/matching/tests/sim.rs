//! The nodes of a test, the network between them, the lease, and a store that knows which tickets
//! are used.

mod lease;
mod network;
mod store;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tebdil_core::{
    realtime::{NodeId, Realtime, RealtimeSettings},
    store::NewSide,
};
use tebdil_protocol::{
    CloseCode, FrameId,
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

use self::store::Batch;
use crate::{
    hub::{Connection, Hub, Next, OutboundLimits},
    matching::{
        MatchmakingMessage,
        engine::{Ticket, Widening},
        leader::Now,
        node::MatchmakerNode,
        request::refusal,
    },
};

/// A device: user and session.
pub(super) type Device = (i64, i64);

/// How long a background search goes on without its connection.
pub(super) const KEPT: Duration = Duration::from_secs(30);

/// A mistake that is planted, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// The store takes matches of a former leader.
    NoFence,
    /// The store does not know which tickets are used.
    NoUsedTickets,
    /// Messages that come twice, late or out of turn are taken for new ones.
    NoNumbers,
    /// Nodes do not say what they have.
    NoHave,
    /// The store makes matches of background searches that are over.
    NoRows,
    /// A lease that is renewed too late is led under the term that has ended.
    SameTerm,
}

pub(super) struct Sim {
    pub(super) nodes: Vec<SimNode>,
    pub(super) lines: Vec<Line>,
    /// The last connection of each device.
    devices: BTreeMap<Device, usize>,
    /// Connections that are closed, of which their nodes were not told yet.
    pub(super) leaving: Vec<usize>,
    /// What is under way.
    pub(super) wires: Vec<Parcel>,
    /// What arrived, and will once more.
    repeats: Vec<Parcel>,
    pub(super) lease: Option<(NodeId, Instant)>,
    /// The last term that was begun in the store.
    pub(super) begun: i64,
    /// Both sides of every match.
    pub(super) matches: Vec<[NewSide; 2]>,
    /// Background searches by user, and when they are over.
    pub(super) kept: BTreeMap<UserId, (Ticket, Instant)>,
    /// Tickets whose devices were told that they are over.
    pub(super) cancelled: BTreeSet<TicketId>,
    /// Tickets whose match was told, and what of that got lost on the way.
    pub(super) told: BTreeSet<TicketId>,
    pub(super) missed: Vec<TicketId>,
    /// Redis answers.
    pub(super) redis: bool,
    pub(super) bug: Option<Bug>,
    start: Instant,
    passed: Duration,
    hub: Hub,
    last_node: i64,
    last_re: i64,
    /// Of messages, where [`Bug::NoNumbers`] has them made up.
    last_number: u64,
}

pub(super) struct SimNode {
    pub(super) id: NodeId,
    /// Unlike that of every other, also of those that died.
    number: i64,
    pub(super) node: MatchmakerNode,
    /// How far its clock is ahead, milliseconds.
    skew: i64,
    /// Neither Redis nor the other nodes reach it.
    pub(super) cut: bool,
    pub(super) batch: Option<Batch>,
    /// What Redis and the store answered, and the node has not heard yet.
    asked: Option<(Instant, Result<bool, ()>, Option<i64>)>,
    last_id: i64,
    last_term: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Parcel {
    from: NodeId,
    to: NodeId,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Message(MatchmakingMessage),
    /// `match.found` for the device of this ticket.
    Found(TicketId),
}

/// A connection, and all that it heard.
pub(super) struct Line {
    pub(super) node: usize,
    node_id: NodeId,
    connection: Arc<Connection>,
    pub(super) asked: Vec<i64>,
    pub(super) heard: Vec<Value>,
    pub(super) tickets: Vec<TicketId>,
}

impl Line {
    pub(super) fn is_open(&self) -> bool {
        self.connection.outbound.closing().is_none()
    }

    /// Codes, reasons or types of all that was heard.
    pub(super) fn words(&self) -> Vec<&str> {
        let word = |frame| {
            let words = ["code", "reason", "type"].map(|name| Value::get(frame, name));
            let mut words = words.into_iter().flatten().filter_map(Value::as_str);
            words.next().expect("a word")
        };
        self.heard.iter().map(word).collect()
    }
}

impl Sim {
    /// Nodes whose clocks are so many milliseconds ahead; a second later the first one leads.
    pub(super) fn new(skews: &[i64]) -> Self {
        let settings = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let connected = Realtime::connect(&settings, &mut rand::rng())
            .now_or_never()
            .expect("nothing to wait for");
        let (hub, _) = Hub::new(5, &connected.expect("in process").0);
        let mut sim = Self {
            nodes: Vec::new(),
            lines: Vec::new(),
            devices: BTreeMap::new(),
            leaving: Vec::new(),
            wires: Vec::new(),
            repeats: Vec::new(),
            lease: None,
            begun: 0,
            matches: Vec::new(),
            kept: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            told: BTreeSet::new(),
            missed: Vec::new(),
            redis: true,
            bug: None,
            start: Instant::now(),
            passed: Duration::ZERO,
            hub,
            last_node: 0,
            last_re: 0,
            last_number: u64::MAX / 2,
        };
        for skew in skews {
            let node = sim.new_node(*skew);
            sim.nodes.push(node);
        }
        sim.second();
        sim
    }

    fn new_node(&mut self, skew: i64) -> SimNode {
        self.last_node += 1;
        let id = format!("{:016x}", self.last_node);
        let id = id.parse().expect("16 digits");
        SimNode {
            id,
            number: self.last_node,
            node: MatchmakerNode::new(id, Widening::default(), self.instant()),
            skew,
            cut: false,
            batch: None,
            asked: None,
            last_id: 0,
            last_term: None,
        }
    }

    pub(super) fn instant(&self) -> Instant {
        self.start + self.passed
    }

    pub(super) fn now(&self, node: usize) -> Now {
        let passed = i64::try_from(self.passed.as_millis()).expect("short");
        let clock = 1_800_000_000_000 + passed + self.nodes[node].skew;
        Now {
            clock: Timestamp::from_millis(clock),
            instant: self.instant(),
        }
    }

    /// A new id, as a node makes them: by its clock, and greater than all it made before.
    fn new_id(&mut self, node: usize) -> TicketId {
        let now = self.now(node).clock.millis() << 20;
        let of = &mut self.nodes[node];
        let last = (of.last_id & !1023) + 1024;
        of.last_id = now.max(last) | of.number;
        TicketId(of.last_id)
    }

    /// What devices hear. No match follows a word that a search is over.
    fn listen(&mut self) {
        for line in &mut self.lines {
            while let Some(Next::Frame(text)) = line.connection.outbound.try_next() {
                let frame: Value = serde_json::from_str(&text).expect("a frame");
                if frame["type"] == "match.cancelled"
                    && let Some(ticket) = frame["ticket_id"].as_str()
                {
                    self.cancelled.insert(ticket.parse().expect("an id"));
                }
                line.heard.push(frame);
            }
        }
        let used = self.matches.iter().flatten();
        for side in used {
            let (ticket, cancelled) = (side.ticket_id, &self.cancelled);
            assert!(
                !cancelled.contains(&ticket),
                "{ticket} was cancelled and matched"
            );
        }
    }

    /// The open connection of a device.
    pub(super) fn line_of(&self, device: Device) -> Option<usize> {
        let line = self.devices.get(&device).copied();
        line.filter(|line| self.lines[*line].is_open())
    }

    /// Connects a device, which hears of the search that went on without it.
    pub(super) fn connect(&mut self, device: Device, node: usize) -> usize {
        if let Some(before) = self.devices.get(&device).copied() {
            self.close(before, CloseCode::Replaced);
        }
        let limits = OutboundLimits {
            frames: 1_000,
            bytes: 1_000_000,
        };
        let (user, session) = (UserId(device.0), SessionId(device.1));
        let id = self.hub.next_connection_id();
        let connection = Arc::new(Connection::new(id, user, session, limits));
        connection.outbound.release(Vec::new());
        let line = self.lines.len();
        self.lines.push(Line {
            node,
            node_id: self.nodes[node].id,
            connection: Arc::clone(&connection),
            asked: Vec::new(),
            heard: Vec::new(),
            tickets: Vec::new(),
        });
        self.devices.insert(device, line);
        let kept = self.kept.get(&user);
        let kept =
            kept.filter(|(ticket, until)| ticket.session == session && *until > self.instant());
        if let Some((ticket, _)) = kept.cloned() {
            self.lines[line].tickets.push(ticket.id);
            self.nodes[node].node.resume(ticket, connection);
            self.post(node);
        }
        line
    }

    /// A connection closes; its node is told with [`Self::part`].
    pub(super) fn close(&mut self, line: usize, code: CloseCode) {
        if self.lines[line].is_open() {
            self.lines[line].connection.outbound.close(code);
            self.leaving.push(line);
        }
    }

    pub(super) fn part(&mut self) {
        for line in std::mem::take(&mut self.leaving) {
            let Line {
                node,
                node_id,
                connection,
                ..
            } = &self.lines[line];
            let (node, code) = (*node, connection.outbound.closing());
            // With a node its connections are gone.
            if self.nodes[node].id == *node_id {
                let (user, id) = (connection.user_id, connection.id);
                let park = code == Some(CloseCode::Draining);
                self.nodes[node].node.gone(user, id, park);
                self.post(node);
            }
        }
    }

    /// What a request of a connection goes with: its node, and the id that its answer names.
    fn request(&mut self, line: usize) -> (usize, Arc<Connection>, FrameId) {
        self.last_re += 1;
        let of = &mut self.lines[line];
        of.asked.push(self.last_re);
        (
            of.node,
            Arc::clone(&of.connection),
            FrameId::Number(self.last_re),
        )
    }

    pub(super) fn find(&mut self, line: usize) -> TicketId {
        self.find_in(line, false)
    }

    /// Searches; the ticket, which is nobody's when the search was refused.
    pub(super) fn find_in(&mut self, line: usize, background: bool) -> TicketId {
        let (node, connection, re) = self.request(line);
        let id = self.new_id(node);
        if let Some(code) = self.nodes[node].node.refuses() {
            connection.send(&refusal(code, None), Some(&re));
            self.listen();
            return id;
        }
        let ticket = Ticket {
            id,
            user: connection.user_id,
            session: connection.session_id,
            background,
            away: false,
            mode: Mode::Text,
            interests: Vec::new(),
            languages: Vec::new(),
            place: None,
            max_distance_km: None,
            enqueued_at: self.now(node).clock,
            blocked: HashSet::new(),
            recent: HashSet::new(),
        };
        self.kept.remove(&ticket.user);
        if background {
            let kept = (ticket.clone(), self.instant() + KEPT);
            self.kept.insert(ticket.user, kept);
        }
        self.lines[line].tickets.push(id);
        self.nodes[node].node.find(ticket, connection, Some(&re));
        self.post(node);
        id
    }

    pub(super) fn cancel(&mut self, line: usize) {
        let (node, connection, re) = self.request(line);
        let (id, since) = (self.new_id(node), self.instant());
        self.kept.remove(&connection.user_id);
        self.nodes[node]
            .node
            .cancel(id, connection, Some(re), since);
        self.post(node);
    }

    pub(super) fn block(&mut self, a: i64, b: i64) {
        for node in 0..self.nodes.len() {
            let (a, b, now) = (UserId(a), UserId(b), self.now(node));
            let blocked = MatchmakingMessage::Blocked { a, b };
            self.nodes[node].node.deliver(blocked, now);
            self.post(node);
        }
    }

    /// A node dies and comes back with another name. Its connections are gone.
    pub(super) fn kill(&mut self, node: usize) {
        let fresh = self.new_node(self.nodes[node].skew);
        let dead = std::mem::replace(&mut self.nodes[node], fresh);
        for line in self.lines.iter().filter(|line| line.node_id == dead.id) {
            line.connection.outbound.close(CloseCode::GoingAway);
        }
        let (gone, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wires)
            .into_iter()
            .partition(|parcel| parcel.to == dead.id);
        self.wires = rest;
        for parcel in gone {
            self.lose_parcel(&parcel);
        }
    }

    fn lose_parcel(&mut self, parcel: &Parcel) {
        if let What::Found(ticket) = parcel.what {
            self.missed.push(ticket);
        }
    }

    /// Time passes; nodes that are `asleep` do not run meanwhile.
    pub(super) fn advance_but(&mut self, by: Duration, asleep: Option<usize>) {
        self.passed += by;
        for node in (0..self.nodes.len()).filter(|node| Some(*node) != asleep) {
            let now = self.now(node);
            self.nodes[node].node.tick(now);
            self.post(node);
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.advance_but(by, None);
    }

    pub(super) fn leads(&self, node: usize) -> bool {
        self.nodes[node].node.leader.is_some()
    }

    /// All that happens in a second in which nothing fails.
    pub(super) fn second(&mut self) {
        self.second_without_store();
        self.work();
    }

    pub(super) fn second_without_store(&mut self) {
        self.advance(Duration::from_secs(1));
        for node in 0..self.nodes.len() {
            self.beat(node);
            self.hear(node);
        }
        self.deliver();
    }

    /// What leaders have the store do is done, and what follows arrives.
    pub(super) fn work(&mut self) {
        for node in 0..self.nodes.len() {
            self.list(node);
            self.end_searches(node);
            self.check_used(node);
            self.propose(node);
            self.write(node);
            self.answer(node, false);
        }
        self.deliver();
    }

    /// `match.found` arrives at a node, or wherever the device is.
    pub(super) fn found(&mut self, ticket: TicketId, at: Option<usize>) {
        let device = self.device_of(ticket);
        match self
            .line_of(device)
            .filter(|line| at.is_none_or(|at| self.lines[*line].node == at))
        {
            Some(line) => {
                let found = json!({ "type": "match.found", "ticket_id": ticket });
                self.lines[line].heard.push(found);
            }
            None => self.missed.push(ticket),
        }
    }

    fn device_of(&self, ticket: TicketId) -> Device {
        let sides = self.matches.iter().flatten();
        let mut sides = sides.filter(|side| side.ticket_id == ticket);
        let side = sides.next().expect("it is used");
        (side.user_id.0, side.session_id.0)
    }
}
