//! The one task that owns the engine: takes wishes in, turns its pairs into matches, tells the users.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    domain::{MatchRole, MatchStatus, Mode},
    id::{IdGenerator, TicketId, UserId},
    protocol::{ErrorCode, FrameId, Match, MatchFind, MatchFound, ServerFrame},
    store::{MadeMatch, MadeSide, MatchRules, NewMatch, NewSide, PairOutcome, Refusal, Store, StoreError},
    time::{Clock, Timestamp},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    engine::{Cancelled, Engine, InsertError, Outcome, Pair, Side, Ticket, Widening},
    request::{self, Refused, quota_exhausted},
};
use crate::hub::{Connection, ConnectionId, Hub, Outgoing};

/// Most matches of one transaction.
const MAX_BATCH: usize = 256;

/// Requests that may wait for the matchmaker; connections wait for room.
const INBOX: usize = 1_024;

/// Longest sleep while tickets wait: a clock that is set forward is noticed within this.
const MAX_SLEEP: Duration = Duration::from_millis(250);

/// Pause after the store failed, before the same pairs are tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What the matchmaker goes by.
#[derive(Debug, Clone)]
pub struct MatchmakerConfig {
    pub widening: Widening,
    pub rules: MatchRules,
    /// Modes this server offers.
    pub modes: Vec<Mode>,
}

/// The way to the matchmaker.
#[derive(Debug)]
pub struct Matchmaker {
    store: Store,
    config: Arc<MatchmakerConfig>,
    clock: Clock,
    ids: Arc<IdGenerator>,
    inbox: mpsc::Sender<Request>,
}

#[derive(Debug)]
enum Request {
    Find { ticket: Box<Ticket>, connection: Arc<Connection>, re: Option<FrameId> },
    Cancel { connection: Arc<Connection>, re: Option<FrameId> },
    Gone { user: UserId, connection: ConnectionId },
    Blocked { a: UserId, b: UserId },
    Status { answer: oneshot::Sender<Status> },
}

/// How many tickets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Waiting for a peer.
    pub waiting: usize,
    /// Pairs whose match is being written.
    pub reserved: usize,
}

impl Status {
    /// No ticket is left.
    pub const fn is_idle(&self) -> bool {
        self.waiting == 0 && self.reserved == 0
    }
}

impl Matchmaker {
    /// The service, and the task that has to be run for it.
    pub fn new(store: Store, hub: Arc<Hub>, clock: Clock, ids: Arc<IdGenerator>, config: MatchmakerConfig) -> (Self, MatchmakerTask) {
        let (inbox, requests) = mpsc::channel(INBOX);
        let config = Arc::new(config);
        let task = MatchmakerTask {
            engine: Engine::new(config.widening.clone()),
            open: HashMap::new(),
            waiting_pairs: VecDeque::new(),
            store: store.clone(),
            hub,
            clock: clock.clone(),
            config: Arc::clone(&config),
            requests,
        };
        (Self { store, config, clock, ids, inbox }, task)
    }

    /// Starts a search. The answer, `match.searching`, comes before the `match.found` it leads to.
    ///
    /// # Errors
    /// What the client is to be told, or the store's failure.
    pub async fn find(&self, connection: &Arc<Connection>, wish: MatchFind, re: Option<FrameId>) -> Result<(), Refused> {
        let ticket = request::ticket(&self.store, &self.config, connection, wish, self.ids.next(), self.clock.now()).await?;
        self.ask(Request::Find { ticket: Box::new(ticket), connection: Arc::clone(connection), re }).await;
        Ok(())
    }

    /// Ends the user's search.
    pub async fn cancel(&self, connection: &Arc<Connection>, re: Option<FrameId>) {
        self.ask(Request::Cancel { connection: Arc::clone(connection), re }).await;
    }

    /// A connection is gone, and its ticket with it.
    pub async fn gone(&self, connection: &Connection) {
        self.ask(Request::Gone { user: connection.user_id, connection: connection.id }).await;
    }

    /// A block came to be; tickets that wait obey it too.
    pub async fn blocked(&self, a: UserId, b: UserId) {
        self.ask(Request::Blocked { a, b }).await;
    }

    /// How many tickets there are, once everything that is due by now is done.
    pub async fn status(&self) -> Status {
        let (answer, status) = oneshot::channel();
        self.ask(Request::Status { answer }).await;
        status.await.unwrap_or_default()
    }

    async fn ask(&self, request: Request) {
        // After the task has ended, on shutdown, no ticket is left to care for.
        let _ = self.inbox.send(request).await;
    }
}

/// A ticket's way back to its user.
#[derive(Debug)]
struct Open {
    connection: Arc<Connection>,
    /// A `match.cancel` that came while the ticket was reserved, to be answered when the pair is settled.
    cancel: Option<(Arc<Connection>, Option<FrameId>)>,
}

type Settled = (Vec<Pair>, Result<Vec<PairOutcome>, StoreError>);

/// The matchmaker's task.
#[derive(Debug)]
pub struct MatchmakerTask {
    engine: Engine,
    /// Every ticket of the engine.
    open: HashMap<TicketId, Open>,
    /// Pairs the engine has made that wait for the running transaction to end.
    waiting_pairs: VecDeque<Pair>,
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    config: Arc<MatchmakerConfig>,
    requests: mpsc::Receiver<Request>,
}

impl MatchmakerTask {
    /// Pairs until `stop`. Then no search starts any more, and the running transaction is waited for.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut commits: JoinSet<Settled> = JoinSet::new();
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let pause = self.engine.next_due().map_or(MAX_SLEEP, |due| due.since(now).min(MAX_SLEEP));
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.handle(request),
                    None => break,
                },
                Some(settled) = commits.join_next() => match settled {
                    Ok((pairs, outcomes)) => self.settle(pairs, outcomes).await,
                    // Its pairs stay reserved: ending the process is what keeps them from waiting for ever.
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
                () = tokio::time::sleep(pause), if !self.open.is_empty() => {}
                () = stop.cancelled() => break,
            }
            // Everything that is due, and everything else that has come, shares the next transaction.
            while let Ok(request) = self.requests.try_recv() {
                self.handle(request);
            }
            self.tick();
            if commits.is_empty() && !self.waiting_pairs.is_empty() {
                self.commit(&mut commits);
            }
            self.gauge();
        }
        while let Some(Ok((pairs, outcomes))) = commits.join_next().await {
            if outcomes.is_ok() {
                self.settle(pairs, outcomes).await;
            }
        }
    }

    /// Runs every ticket whose next step has begun.
    fn tick(&mut self) {
        while self.engine.next_due().is_some_and(|due| due <= self.clock.now()) {
            let pairs = self.engine.tick(self.clock.now());
            self.waiting_pairs.extend(pairs);
        }
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Find { ticket, connection, re } => self.find(*ticket, connection, re.as_ref()),
            Request::Cancel { connection, re } => self.cancel(connection, re),
            Request::Gone { user, connection } => self.gone(user, connection),
            Request::Blocked { a, b } => self.engine.block(a, b),
            Request::Status { answer } => {
                self.tick();
                let waiting = Mode::ALL.iter().map(|mode| self.engine.len(*mode)).sum();
                let _ = answer.send(Status { waiting, reserved: self.engine.reserved() });
            }
        }
    }

    fn find(&mut self, ticket: Ticket, connection: Arc<Connection>, re: Option<&FrameId>) {
        if connection.outbound.closing().is_some() {
            return;
        }
        let ticket_id = ticket.id;
        match self.engine.insert(ticket, self.clock.now()) {
            Ok(pair) => {
                connection.send(&ServerFrame::MatchSearching { ticket_id }, re);
                self.open.insert(ticket_id, Open { connection, cancel: None });
                self.waiting_pairs.extend(pair);
            }
            Err(InsertError::AlreadySearching(_) | InsertError::TicketIdInUse) => {
                connection.send(&ServerFrame::error(ErrorCode::AlreadySearching, ErrorCode::AlreadySearching.title()), re);
            }
        }
    }

    fn cancel(&mut self, connection: Arc<Connection>, re: Option<FrameId>) {
        match self.engine.cancel(connection.user_id) {
            Cancelled::Removed(ticket) => {
                if let Some(open) = self.open.remove(&ticket) {
                    cancelled(&open, &connection, re.as_ref());
                }
            }
            Cancelled::Reserved { ticket, .. } => {
                if let Some(open) = self.open.get_mut(&ticket) {
                    open.cancel = Some((connection, re));
                }
            }
            Cancelled::Unknown => {
                connection.send(&ServerFrame::error(ErrorCode::NotSearching, ErrorCode::NotSearching.title()), re.as_ref());
            }
        }
    }

    fn gone(&mut self, user: UserId, connection: ConnectionId) {
        let Some(ticket) = self.engine.ticket_of(user) else { return };
        // The user may be searching on another device.
        if self.open.get(&ticket).is_none_or(|open| open.connection.id != connection) {
            return;
        }
        // A reserved ticket may still become a match: the user finds it on its return.
        if let Cancelled::Removed(ticket) = self.engine.remove(ticket) {
            self.open.remove(&ticket);
        }
    }

    fn commit(&mut self, commits: &mut JoinSet<Settled>) {
        self.drop_closing();
        let count = self.waiting_pairs.len().min(MAX_BATCH);
        let pairs: Vec<Pair> = self.waiting_pairs.drain(..count).collect();
        if pairs.is_empty() {
            return;
        }
        let proposed: Option<Vec<NewMatch>> = pairs.iter().map(|pair| self.proposal(pair)).collect();
        let proposed = proposed.expect("a reserved ticket stays open until it is settled");
        let (store, config, now) = (self.store.clone(), Arc::clone(&self.config), self.clock.now());
        metrics::histogram!("tebdil_match_batch_size").record(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
        commits.spawn(async move {
            let outcomes = store.create_matches(&proposed, &config.rules, now).await;
            if outcomes.is_err() {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            (pairs, outcomes)
        });
    }

    /// Gives back pairs with a side whose connection is closing: a ticket dies with its connection, and the peer shall not meet a ghost.
    fn drop_closing(&mut self) {
        let mut kept = Vec::new();
        while let Some(pair) = self.waiting_pairs.pop_front() {
            let closing = |side: &Side| self.open.get(&side.ticket).is_none_or(|open| open.connection.outbound.closing().is_some());
            let drop: Vec<TicketId> = [pair.older, pair.newer].iter().filter(|side| closing(side)).map(|side| side.ticket).collect();
            if drop.is_empty() {
                kept.push(pair);
                continue;
            }
            for ticket in &drop {
                self.open.remove(ticket);
            }
            let again = self.engine.settle(pair.id, &Outcome::Refused { drop, forbid: false }, self.clock.now());
            self.waiting_pairs.extend(again);
        }
        self.waiting_pairs.extend(kept);
    }

    fn proposal(&self, pair: &Pair) -> Option<NewMatch> {
        let side = |side: &Side| {
            let session_id = self.open.get(&side.ticket)?.connection.session_id;
            Some(NewSide { user_id: side.user, ticket_id: side.ticket, session_id })
        };
        Some(NewMatch {
            mode: pair.mode,
            offerer: side(&pair.older)?,
            answerer: side(&pair.newer)?,
            shared_interests: pair.shared_interests.clone(),
        })
    }

    async fn settle(&mut self, pairs: Vec<Pair>, outcomes: Result<Vec<PairOutcome>, StoreError>) {
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, pairs = pairs.len(), "matches could not be written; trying again");
                metrics::counter!("tebdil_match_write_failures_total").increment(1);
                self.waiting_pairs.extend(pairs);
                return;
            }
        };
        for (pair, outcome) in pairs.into_iter().zip(outcomes) {
            match outcome {
                PairOutcome::Made(made) => self.made(&pair, &made),
                PairOutcome::Refused { offerer, answerer, blocked } => self.refused(&pair, [offerer, answerer], blocked).await,
            }
        }
    }

    fn made(&mut self, pair: &Pair, made: &MadeMatch) {
        self.engine.settle(pair.id, &Outcome::Made, self.clock.now());
        metrics::counter!("tebdil_matches_total", "mode" => made.mode.as_str()).increment(1);
        for (side, other, role) in
            [(&made.offerer, &made.answerer, MatchRole::Offerer), (&made.answerer, &made.offerer, MatchRole::Answerer)]
        {
            if let Some(Open { cancel: Some((connection, re)), .. }) = self.open.remove(&side.ticket_id) {
                connection.send(&ServerFrame::error(ErrorCode::NotSearching, "a match was made already"), re.as_ref());
            }
            self.announce(made, side, other, role);
        }
    }

    /// Tells the devices of one side: the one that searched gets what it needs to start.
    fn announce(&self, made: &MadeMatch, side: &MadeSide, other: &MadeSide, role: MatchRole) {
        let found = Match {
            id: made.id,
            mode: made.mode,
            status: MatchStatus::Active,
            peer: other.peer.clone(),
            role,
            shared_interests: made.shared_interests.clone(),
            created_at: made.created_at,
            expires_at: made.expires_at,
            ended_at: None,
            ended_reason: None,
            unread: 0,
        };
        for connection in self.hub.connections(side.user_id) {
            let this_device = connection.session_id == side.session_id;
            let peer_key_package = (this_device && role == MatchRole::Offerer).then(|| STANDARD.encode(&made.key_package));
            let frame = MatchFound {
                found: found.clone(),
                peer_key_package,
                this_device,
                keys_remaining: side.keys_remaining,
                quota: side.quota.clone(),
            };
            connection.outbound.push(Outgoing::from(ServerFrame::MatchFound(Box::new(frame)).to_json(None)));
        }
    }

    async fn refused(&mut self, pair: &Pair, refusals: [Option<Refusal>; 2], blocked: bool) {
        let mut drop = Vec::new();
        for (side, refusal) in [&pair.older, &pair.newer].into_iter().zip(refusals) {
            let cancel = self.open.get_mut(&side.ticket).and_then(|open| open.cancel.take());
            if let Some((connection, re)) = cancel {
                if let Some(open) = self.open.remove(&side.ticket) {
                    cancelled(&open, &connection, re.as_ref());
                }
                drop.push(side.ticket);
            } else if let Some(refusal) = refusal {
                drop.push(side.ticket);
                if let Some(open) = self.open.remove(&side.ticket) {
                    self.tell(&open.connection, refusal).await;
                }
            }
        }
        let pairs = self.engine.settle(pair.id, &Outcome::Refused { drop, forbid: blocked }, self.clock.now());
        self.waiting_pairs.extend(pairs);
        for side in [&pair.older, &pair.newer] {
            // The engine itself drops a ticket whose connection went while it was reserved.
            if self.engine.ticket_of(side.user) != Some(side.ticket) {
                self.open.remove(&side.ticket);
            }
        }
    }

    /// Tells a user why the search ended without a match.
    async fn tell(&self, connection: &Connection, refusal: Refusal) {
        let frame = match refusal {
            Refusal::QuotaExhausted { resets_at } => quota_exhausted(resets_at),
            Refusal::KeysRequired => ServerFrame::error(ErrorCode::KeysRequired, ErrorCode::KeysRequired.title()),
            Refusal::TooManyMatches => ServerFrame::error(ErrorCode::TooManyMatches, ErrorCode::TooManyMatches.title()),
            // The ticket was used: the transaction was committed although its answer got lost.
            Refusal::Invalid => match self.used_ticket(connection).await {
                Ok(true) => return,
                Ok(false) => ServerFrame::MatchCancelled,
                Err(error) => {
                    tracing::error!(%error, "a match could not be read back");
                    ServerFrame::error(ErrorCode::Unavailable, ErrorCode::Unavailable.title())
                }
            },
        };
        connection.send(&frame, None);
    }

    /// Tells a device of matches it has not begun. False when there are none.
    async fn used_ticket(&self, connection: &Connection) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut told = false;
        for row in self.store.active_matches(connection.user_id, now).await? {
            if row.session_id != connection.session_id || !row.is_unbegun() {
                continue;
            }
            let Some(user) = self.store.user(connection.user_id).await? else { continue };
            let found = MatchFound {
                found: row.view(now)?,
                peer_key_package: row.peer_key_package.as_ref().map(|package| STANDARD.encode(package)),
                this_device: true,
                keys_remaining: self.store.key_packages_remaining(connection.session_id).await?,
                quota: user.balances.quota(&self.config.rules.quota, user.is_premium, now),
            };
            connection.send(&ServerFrame::MatchFound(Box::new(found)), None);
            told = true;
        }
        Ok(told)
    }

    fn gauge(&self) {
        let now: Timestamp = self.clock.now();
        for mode in Mode::ALL {
            let waiting = u32::try_from(self.engine.len(*mode)).unwrap_or(u32::MAX);
            metrics::gauge!("tebdil_tickets_waiting", "mode" => mode.as_str()).set(waiting);
            let oldest = self.engine.oldest_age(*mode, now).unwrap_or_default();
            metrics::gauge!("tebdil_oldest_ticket_seconds", "mode" => mode.as_str()).set(oldest);
        }
    }
}

/// Answers a cancel; the device that searched learns of it when another one cancelled.
fn cancelled(open: &Open, by: &Connection, re: Option<&FrameId>) {
    by.send(&ServerFrame::MatchCancelled, re);
    if open.connection.id != by.id {
        open.connection.send(&ServerFrame::MatchCancelled, None);
    }
}
