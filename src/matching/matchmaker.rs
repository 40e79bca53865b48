//! The one task that owns the engine: takes wishes in, turns its pairs into matches, tells the users.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tebdil_core::{
    domain::{MatchRole, Mode},
    id::{IdGenerator, TicketId, UserId},
    protocol::{ErrorCode, FrameId, MatchFind, PeerPresence, ServerFrame},
    store::{MadeMatch, MatchRules, NewMatch, NewSide, PairOutcome, Refusal, Store, StoreError},
    time::{Clock, Timestamp},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    announce::{TOO_LATE, cancelled},
    engine::{Cancelled, Engine, InsertError, Outcome, Pair, Side, Ticket, Widening},
    request::{self, Refused},
};
use crate::hub::{Connection, ConnectionId, Hub};

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

impl Request {
    /// The node is going away: whoever waits for an answer gets this one.
    fn refuse(self) {
        if let Self::Find { connection, re, .. } | Self::Cancel { connection, re } = self {
            connection.send(&ServerFrame::error(ErrorCode::Draining, ErrorCode::Draining.title()), re.as_ref());
        }
    }
}

/// How many tickets there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Waiting for a peer.
    pub waiting: usize,
    /// Pairs whose match is being written.
    pub reserved: usize,
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
        if let Err(mpsc::error::SendError(request)) = self.inbox.send(request).await {
            request.refuse();
        }
    }
}

/// A ticket's way back to its user.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Arc<Connection>,
    /// A `match.cancel` that came while the ticket was reserved, to be answered when the pair is settled.
    pub(super) cancel: Option<(Arc<Connection>, Option<FrameId>)>,
}

/// A pair that waits for its transaction.
#[derive(Debug)]
struct Proposal {
    pair: Pair,
    /// It was proposed before, and the store failed in a way that leaves open whether it was written.
    tried: bool,
}

impl Proposal {
    const fn new(pair: Pair) -> Self {
        Self { pair, tried: false }
    }
}

type Settled = (Vec<Pair>, Result<Vec<PairOutcome>, StoreError>);

/// The matchmaker's task.
#[derive(Debug)]
pub struct MatchmakerTask {
    engine: Engine,
    /// Every ticket of the engine.
    open: HashMap<TicketId, Open>,
    /// Pairs the engine has made that wait for the running transaction to end.
    waiting_pairs: VecDeque<Proposal>,
    pub(super) store: Store,
    pub(super) hub: Arc<Hub>,
    pub(super) clock: Clock,
    pub(super) config: Arc<MatchmakerConfig>,
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
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            request.refuse();
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
            self.waiting_pairs.extend(pairs.into_iter().map(Proposal::new));
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
                self.waiting_pairs.extend(pair.map(Proposal::new));
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
                    cancelled(&open.connection, &connection, re.as_ref());
                }
            }
            Cancelled::Reserved { ticket, .. } => {
                // A second cancel takes the place of the first, which is answered now.
                let before = self.open.get_mut(&ticket).and_then(|open| open.cancel.replace((connection, re)));
                if let Some((by, re)) = before {
                    by.send(&ServerFrame::MatchCancelled, re.as_ref());
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
        self.drop_those_who_left();
        let count = self.waiting_pairs.len().min(MAX_BATCH);
        let pairs: Vec<Pair> = self.waiting_pairs.drain(..count).map(|proposal| proposal.pair).collect();
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

    /// Gives back pairs with a side that has cancelled, or whose connection is closing: a ticket dies with its connection, and the peer shall not meet a ghost.
    fn drop_those_who_left(&mut self) {
        let mut kept = VecDeque::new();
        while let Some(proposal) = self.waiting_pairs.pop_front() {
            let gone = |side: &Side| {
                self.open.get(&side.ticket).is_none_or(|open| open.cancel.is_some() || open.connection.outbound.closing().is_some())
            };
            let pair = &proposal.pair;
            let drop: Vec<TicketId> = [pair.older, pair.newer].iter().filter(|side| gone(side)).map(|side| side.ticket).collect();
            // One that was tried before may have been committed: only the store knows.
            if proposal.tried || drop.is_empty() {
                kept.push_back(proposal);
                continue;
            }
            for ticket in &drop {
                if let Some(Open { connection, cancel: Some((by, re)) }) = self.open.remove(ticket) {
                    cancelled(&connection, &by, re.as_ref());
                }
            }
            let again = self.engine.settle(pair.id, &Outcome::Refused { drop, forbid: false }, self.clock.now());
            self.waiting_pairs.extend(again.into_iter().map(Proposal::new));
        }
        self.waiting_pairs = kept;
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
                self.waiting_pairs.extend(pairs.into_iter().map(|pair| Proposal { pair, tried: true }));
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
                connection.send(&ServerFrame::error(ErrorCode::NotSearching, TOO_LATE), re.as_ref());
            }
            self.announce(made, side, other, role);
            // One that went before the commit could not tell this peer.
            if !self.hub.is_here(other.user_id) {
                self.hub.send(side.user_id, &ServerFrame::PeerPresence(PeerPresence { match_id: made.id, online: false }));
            }
        }
    }

    async fn refused(&mut self, pair: &Pair, refusals: [Option<Refusal>; 2], blocked: bool) {
        let mut drop = Vec::new();
        for (side, refusal) in [pair.older, pair.newer].into_iter().zip(refusals) {
            let wants_out = self.open.get(&side.ticket).is_none_or(|open| open.cancel.is_some());
            if refusal.is_none() && !wants_out {
                continue;
            }
            drop.push(side.ticket);
            if let Some(open) = self.open.remove(&side.ticket) {
                self.tell(side, open, refusal).await;
            }
        }
        let pairs = self.engine.settle(pair.id, &Outcome::Refused { drop, forbid: blocked }, self.clock.now());
        self.waiting_pairs.extend(pairs.into_iter().map(Proposal::new));
        for side in [&pair.older, &pair.newer] {
            // The engine itself drops a ticket whose connection went while it was reserved.
            if self.engine.ticket_of(side.user) != Some(side.ticket) {
                self.open.remove(&side.ticket);
            }
        }
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
