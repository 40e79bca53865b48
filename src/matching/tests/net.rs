//! Several nodes in one test: their offices, the lease, the bus and a store that knows which
//! tickets are used.

mod transactions;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use serde_json::json;
use tebdil_core::{
    realtime::{NodeId, Realtime, RealtimeSettings},
    store::{MatchmakerTerm, NewMatch, NewSide},
};
use tebdil_protocol::{
    CloseCode, FrameId,
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};
use tokio::time::Instant;

use super::{
    line::Line,
    store::{announcement, made},
};
use crate::{
    hub::{Connection, Hub, Next, NodeMessage, OutboundLimits},
    matching::{
        MatchmakingMessage, Term, Timings,
        answers::Answers,
        engine::{Pair, Ticket, Widening},
        leader::{Fault, Now, Verdict},
        office::{Office, To, accepted},
    },
};

/// A device: user and session.
pub(super) type Device = (i64, i64);

/// Names a connection of the test.
pub(super) type Conn = usize;

pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) conns: Vec<Line>,
    /// The last connection of each device.
    devices: BTreeMap<Device, Conn>,
    /// Connections that are closed, of which the desk was not told yet.
    pub(super) leaving: VecDeque<Conn>,
    /// Nodes that died, of which the others were not told yet.
    pub(super) deaths: VecDeque<NodeId>,
    /// Devices at nodes that were not reached with `match.found`.
    pub(super) missed: Vec<(Device, NodeId)>,
    wires: BTreeMap<(NodeId, NodeId), VecDeque<Parcel>>,
    pub(super) lease: Option<(NodeId, Instant)>,
    pub(super) fence: u64,
    /// The last that was begun in the store.
    pub(super) begun: MatchmakerTerm,
    /// Redis answers.
    pub(super) redis: bool,
    /// Both sides of every match.
    pub(super) matches: Vec<[NewSide; 2]>,
    /// How often a side was told of its match.
    pub(super) told: BTreeMap<TicketId, usize>,
    pub(super) timings: Timings,
    start: Instant,
    passed: Duration,
    hub: Hub,
    last_node: u64,
    last_ticket: i64,
    last_re: i64,
}

pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) office: Office,
    pub(super) answers: Arc<Answers>,
    pub(super) retired: bool,
    batch: Option<Batch>,
}

/// What travels over the bus.
enum Parcel {
    Message(MatchmakingMessage),
    /// `match.found` for a device.
    Found(Device),
}

/// A transaction under way.
struct Batch {
    term: Term,
    fence: MatchmakerTerm,
    proposed: Vec<(Pair, NewMatch)>,
    outcome: Option<Vec<(Pair, Verdict)>>,
}

pub(super) fn clock(passed: Duration) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + i64::try_from(passed.as_millis()).expect("short"))
}

impl Net {
    pub(super) fn new(nodes: usize) -> Self {
        let settings = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let connected = Realtime::connect(&settings, &mut rand::rng())
            .now_or_never()
            .expect("nothing to wait for");
        let (hub, _) = Hub::new(5, connected.expect("in process").0.bus);
        let mut net = Self {
            nodes: Vec::new(),
            conns: Vec::new(),
            devices: BTreeMap::new(),
            leaving: VecDeque::new(),
            deaths: VecDeque::new(),
            missed: Vec::new(),
            wires: BTreeMap::new(),
            lease: None,
            fence: 0,
            begun: MatchmakerTerm(0),
            redis: true,
            matches: Vec::new(),
            told: BTreeMap::new(),
            timings: Timings::default(),
            start: Instant::now(),
            passed: Duration::ZERO,
            hub,
            last_node: 0,
            last_ticket: 0,
            last_re: 0,
        };
        for _ in 0..nodes {
            let node = net.new_node();
            net.nodes.push(node);
        }
        net
    }

    fn new_node(&mut self) -> Node {
        self.last_node += 1;
        let id = format!("{:016x}", self.last_node)
            .parse()
            .expect("16 digits");
        let answers = Arc::new(Answers::default());
        let office = Office::new(
            id,
            self.timings,
            Widening::default(),
            Arc::clone(&answers),
            self.now().instant,
        );
        Node {
            id,
            office,
            answers,
            retired: false,
            batch: None,
        }
    }

    pub(super) fn now(&self) -> Now {
        Now {
            clock: clock(self.passed),
            instant: self.start + self.passed,
        }
    }

    /// Takes along what an office has to say.
    pub(super) fn post(&mut self, node: usize) {
        let from = self.nodes[node].id;
        let sent = std::mem::take(&mut self.nodes[node].office.out);
        for (to, message) in sent {
            // As it comes out of the bus.
            let NodeMessage::Matchmaking { body } =
                NodeMessage::decode(NodeMessage::matchmaking(&message).encode())
                    .expect("a message")
            else {
                panic!("another message")
            };
            let message: MatchmakingMessage = body.read().expect("readable");
            let receivers: Vec<NodeId> = match to {
                To::Node(to) => vec![to],
                To::Others => self
                    .nodes
                    .iter()
                    .map(|node| node.id)
                    .filter(|id| *id != from)
                    .collect(),
            };
            for to in receivers.into_iter().filter(|_| self.redis) {
                assert_ne!(to, from, "what is for this node does not travel");
                self.wires
                    .entry((from, to))
                    .or_default()
                    .push_back(Parcel::Message(message.clone()));
            }
        }
        if let Some(leader) = self.nodes[node].office.leader() {
            leader.check();
        }
        self.listen();
    }

    fn listen(&mut self) {
        for line in &mut self.conns {
            while let Some(Next::Frame(text)) = line.connection.outbound.try_next() {
                line.heard
                    .push(serde_json::from_str(&text).expect("a frame"));
            }
        }
    }

    pub(super) fn connect(&mut self, device: Device, node: usize) -> Conn {
        if let Some(before) = self.devices.get(&device).copied() {
            self.close(before, CloseCode::Replaced);
        }
        let limits = OutboundLimits {
            frames: 1_000,
            bytes: 1_000_000,
        };
        let connection = Connection::new(
            self.hub.next_connection_id(),
            UserId(device.0),
            SessionId(device.1),
            limits,
        );
        connection.outbound.release(Vec::new());
        let node_id = self.nodes[node].id;
        let connection = Arc::new(connection);
        self.conns.push(Line {
            device,
            node,
            node_id,
            connection,
            asked: Vec::new(),
            heard: Vec::new(),
            tickets: Vec::new(),
        });
        self.devices.insert(device, self.conns.len() - 1);
        self.conns.len() - 1
    }

    /// The open connection of a device, if it has one.
    pub(super) fn line_of(&self, device: Device) -> Option<Conn> {
        self.devices
            .get(&device)
            .copied()
            .filter(|conn| self.conns[*conn].is_open())
    }

    /// Closes a connection; the desk hears of it with [`Net::part`].
    pub(super) fn close(&mut self, conn: Conn, code: CloseCode) {
        if self.conns[conn].is_open() {
            self.conns[conn].connection.outbound.close(code);
            self.leaving.push_back(conn);
        }
    }

    /// Tells the desk of the first connection that was closed.
    pub(super) fn part(&mut self) {
        let Some(conn) = self.leaving.pop_front() else {
            return;
        };
        let (node, now, line) = (self.conns[conn].node, self.now(), &self.conns[conn]);
        if self.nodes[node].id != line.node_id {
            return;
        }
        let connection = &line.connection;
        let park = connection.outbound.closing() == Some(CloseCode::Draining);
        self.nodes[node]
            .office
            .gone(connection.user_id, connection.id, park, now);
        self.post(node);
    }

    fn next_re(&mut self, conn: Conn) -> FrameId {
        self.last_re += 1;
        self.conns[conn].asked.push(self.last_re);
        FrameId::Number(self.last_re)
    }

    pub(super) fn find(&mut self, conn: Conn) -> TicketId {
        self.last_ticket += 1;
        let (id, re, now) = (TicketId(self.last_ticket), self.next_re(conn), self.now());
        let line = &mut self.conns[conn];
        line.tickets.push(id);
        let ticket = Ticket {
            id,
            user: UserId(line.device.0),
            mode: Mode::Text,
            interests: Vec::new(),
            languages: Vec::new(),
            place: None,
            max_distance_km: None,
            enqueued_at: now.clock,
            blocked: HashSet::new(),
            recent: HashSet::new(),
        };
        let (node, connection) = (line.node, Arc::clone(&line.connection));
        self.nodes[node].answers.expect(id, &connection, Some(re));
        self.nodes[node].office.find(ticket, connection, now);
        self.post(node);
        id
    }

    pub(super) fn cancel(&mut self, conn: Conn) {
        let (re, now) = (self.next_re(conn), self.now());
        let (node, connection) = (
            self.conns[conn].node,
            Arc::clone(&self.conns[conn].connection),
        );
        self.nodes[node].office.cancel(connection, Some(re), now);
        self.post(node);
    }

    pub(super) fn block(&mut self, node: usize, a: i64, b: i64) {
        self.nodes[node].office.blocked(UserId(a), UserId(b));
        self.post(node);
    }

    /// A node dies and comes back with another name. Its connections are gone; the others hear of
    /// it with [`Net::bury`].
    pub(super) fn kill(&mut self, node: usize) {
        let fresh = self.new_node();
        let dead = std::mem::replace(&mut self.nodes[node], fresh);
        for line in self.conns.iter().filter(|line| line.node_id == dead.id) {
            line.connection.outbound.close(CloseCode::GoingAway);
        }
        self.wires.retain(|(_, to), _| *to != dead.id);
        self.deaths.push_back(dead.id);
    }

    /// A node hears that messages to it were lost.
    pub(super) fn resync(&mut self, node: usize) {
        let now = self.now();
        self.nodes[node].office.resync(now);
        self.post(node);
    }

    pub(super) fn bury(&mut self) {
        let Some(dead) = self.deaths.pop_front() else {
            return;
        };
        let now = self.now();
        for node in 0..self.nodes.len() {
            self.nodes[node].office.node_gone(dead, now);
            self.post(node);
        }
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.passed += by;
        let now = self.now();
        for node in 0..self.nodes.len() {
            self.nodes[node].office.tick(now);
            self.post(node);
        }
    }

    /// The wires with something on them.
    pub(super) fn busy(&self) -> Vec<(NodeId, NodeId)> {
        self.wires
            .iter()
            .filter(|(_, wire)| !wire.is_empty())
            .map(|(ends, _)| *ends)
            .collect()
    }

    /// The next message of a wire arrives `times` times; at zero it is lost.
    pub(super) fn carry(&mut self, wire: (NodeId, NodeId), times: usize) {
        let Some(parcel) = self.wires.get_mut(&wire).and_then(VecDeque::pop_front) else {
            return;
        };
        let Some(node) = self.nodes.iter().position(|node| node.id == wire.1) else {
            return;
        };
        let now = self.now();
        if let (Parcel::Found(device), 0) = (&parcel, times) {
            self.missed.push((*device, wire.1));
        }
        for _ in 0..times {
            let receiver = &mut self.nodes[node];
            let message = match &parcel {
                Parcel::Message(message) => message.clone(),
                Parcel::Found(device) => {
                    self.found(*device, wire.1);
                    continue;
                }
            };
            for ticket in accepted(&message) {
                receiver.answers.searching(ticket);
            }
            receiver.office.deliver(message, now);
            self.post(node);
        }
    }

    /// Everything under way is lost.
    pub(super) fn lose(&mut self) {
        while let Some(wire) = self.busy().first().copied() {
            self.carry(wire, 0);
        }
    }

    /// Time passes for all nodes but one, which does not run.
    pub(super) fn suspend(&mut self, suspended: usize, by: Duration) {
        self.passed += by;
        let now = self.now();
        for node in (0..self.nodes.len()).filter(|node| *node != suspended) {
            self.nodes[node].office.tick(now);
            self.post(node);
        }
    }

    pub(super) fn leads(&self, node: usize) -> bool {
        self.nodes[node].office.leader().is_some()
    }

    /// Everything arrives.
    pub(super) fn deliver(&mut self) {
        while let Some(wire) = self.busy().first().copied() {
            self.carry(wire, 1);
        }
    }
}
