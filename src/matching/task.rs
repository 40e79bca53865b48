//! The task that runs a node's matching: time, bus and store around the [`MatchmakerNode`].

mod lease;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tebdil_core::store::{
    MadeMatch, MatchmakerTerm, NewMatch, PairOutcome, SideDevice, Store, StoreError, TicketRefusal,
};
use tebdil_protocol::{ErrorCode, domain::Mode, id::TicketId, time::Timestamp};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    BEAT,
    engine::{Pair, Ticket},
    leader::{Leader, Now},
    matchmaker::{MatchmakerContext, Request},
    message::{MatchmakingMessage, Term, TicketEnd},
    node::MatchmakerNode,
    request,
};

/// Longest sleep while tickets wait: a clock that is set forward is noticed within this.
const MAX_SLEEP: Duration = Duration::from_millis(250);

/// Pause after the store failed, before the same is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How many beats apart the table of background searches is read, and those of this node's
/// connections are extended.
const LOOK: u64 = 10;
const EXTEND: u64 = 15;

/// Background searches that are read at once.
const PAGE: i64 = 500;

/// What is done once something that took its time has ended.
type After = Box<dyn FnOnce(&mut MatchmakerTask, Now) + Send>;

#[derive(Debug)]
pub(super) struct Channels {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) messages: mpsc::UnboundedReceiver<MatchmakingMessage>,
    /// What this node says to itself.
    pub(super) to_self: mpsc::UnboundedSender<MatchmakingMessage>,
    pub(super) refuses: watch::Sender<Option<ErrorCode>>,
}

/// The matchmaker's task.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one kind of work whether it is under way, or cannot be"
)]
#[derive(Debug)]
pub struct MatchmakerTask {
    node: MatchmakerNode,
    context: MatchmakerContext,
    channels: Channels,
    /// Everything that takes time; the task itself never waits for it.
    work: JoinSet<After>,
    committing: bool,
    checking: bool,
    asking: bool,
    looking: bool,
    /// Since when the store does not do what the leader asks.
    stuck: Option<Instant>,
    /// It did not in time: this node is no candidate before the store answers again.
    sick: bool,
    /// Others may lead first until then: this node could not, or must not.
    stands_back: Option<Instant>,
    beats: u64,
}

impl MatchmakerTask {
    pub(super) fn new(context: MatchmakerContext, channels: Channels) -> Self {
        let widening = context.config.widening.clone();
        Self {
            node: MatchmakerNode::new(context.realtime.node, widening, Instant::now()),
            context,
            channels,
            work: JoinSet::new(),
            committing: false,
            checking: false,
            asking: false,
            looking: false,
            stuck: None,
            sick: false,
            stands_back: None,
            beats: 0,
        }
    }

    /// Runs until the node ends.
    ///
    /// At `soft` no search starts here any more, and this node leads no more: it waits for the
    /// running transaction and gives the lease back. Searches of its connections go on at the next
    /// leader. After `closing` it ends when the last of them has ended or is gone.
    pub async fn run(mut self, soft: CancellationToken, closing: CancellationToken) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let pause = self.pause();
            tokio::select! {
                request = self.channels.requests.recv() => match request {
                    Some(request) => self.take(request),
                    None => break,
                },
                Some(message) = self.channels.messages.recv() => self.deliver(message),
                Some(done) = self.work.join_next() => self.done(done),
                _ = beat.tick() => self.beat(),
                () = tokio::time::sleep(pause) => {}
                () = soft.cancelled(), if !self.node.retired => self.node.retired = true,
                () = closing.cancelled(), if !closing.is_cancelled() => {}
            }
            // What else has come shares the next transaction.
            while let Ok(message) = self.channels.messages.try_recv() {
                self.deliver(message);
            }
            while let Ok(request) = self.channels.requests.try_recv() {
                self.take(request);
            }
            self.node.tick(self.now());
            self.lead();
            self.forget_searches();
            self.send();
            let ends = self.node.retired && closing.is_cancelled() && self.work.is_empty();
            let stands_back = self.stands_back.is_some_and(|until| Instant::now() < until);
            if ends && self.node.is_done(stands_back) {
                break;
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            clock: self.context.clock.now(),
            instant: Instant::now(),
        }
    }

    fn pause(&self) -> Duration {
        let Some(leader) = &self.node.leader else {
            return BEAT;
        };
        let now = self.now();
        let lease = self.node.until.saturating_duration_since(now.instant);
        let due = leader.engine.next_due();
        let due = due.map_or(BEAT, |due| due.since(now.clock).min(MAX_SLEEP));
        lease.min(due)
    }

    fn take(&mut self, request: Request) {
        let now = self.now();
        request(&mut self.node, now);
    }

    fn deliver(&mut self, message: MatchmakingMessage) {
        let now = self.now();
        self.node.deliver(message, now);
    }

    fn done(&mut self, done: Result<After, JoinError>) {
        match done {
            Ok(after) => {
                let now = self.now();
                after(self, now);
            }
            // Ending the process is what keeps its pairs from waiting for ever.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }

    fn spawn<R: Send + 'static>(
        &mut self,
        work: impl Future<Output = R> + Send + 'static,
        after: impl FnOnce(&mut Self, R, Now) + Send + 'static,
    ) {
        self.work.spawn(async move {
            let result = work.await;
            let after: After = Box::new(move |task, now| after(task, result, now));
            after
        });
    }

    fn beat(&mut self) {
        let now = self.now();
        self.node.beat(now);
        self.ask();
        self.beats += 1;
        if self.beats.is_multiple_of(LOOK) {
            self.look_at_searches();
        }
        let background = self.node.searches().filter(|ticket| ticket.background);
        let background: Vec<TicketId> = background.map(|ticket| ticket.id).collect();
        if self.beats.is_multiple_of(EXTEND) && !background.is_empty() {
            let (store, until) = (self.context.store.clone(), self.context.config.background);
            let extend = async move {
                let matches = store.matches();
                matches
                    .extend_searches(&background, now.clock + until, now.clock)
                    .await
            };
            self.spawn(extend, |_, extended, _| log_failure(extended, "extended"));
        }
        self.gauge(now.clock);
    }

    /// What a leader has the store do.
    fn lead(&mut self) {
        self.give_up();
        let now = self.now();
        let Some(leader) = self.node.leader.as_mut().filter(|_| !self.node.retired) else {
            return;
        };
        let term = leader.term;
        if !self.checking {
            let asked = leader.take_unchecked();
            if !asked.is_empty() {
                self.check(term, asked);
            }
        }
        let leader = self.node.leader.as_mut();
        if let Some(leader) = leader.filter(|_| !self.committing) {
            let batch = leader.next_batch(now);
            if !batch.is_empty() {
                self.commit(term, batch, now);
            }
        }
        self.node.flush();
    }

    fn commit(&mut self, term: Term, batch: Vec<(Pair, NewMatch)>, now: Now) {
        self.committing = true;
        self.stuck.get_or_insert(now.instant);
        metrics::histogram!("tebdil_match_batch_size")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let (store, config) = (self.context.store.clone(), self.context.config.clone());
        let (pairs, proposed): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let work = async move {
            let number = MatchmakerTerm(term.number);
            let matches = store.matches();
            let made = matches.make_matches(number, &proposed, &config.rules, now.clock);
            let outcomes = made.await;
            if outcomes.iter().any(Option::is_none) {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            outcomes
        };
        self.spawn(work, move |task, outcomes, now| {
            task.committed(term, pairs, outcomes, now);
        });
    }

    fn committed(
        &mut self,
        term: Term,
        pairs: Vec<Pair>,
        outcomes: Vec<Option<PairOutcome>>,
        now: Now,
    ) {
        self.committing = false;
        if outcomes.iter().all(Option::is_some) {
            self.stuck = None;
        }
        let (mut made, mut told, mut over, mut fenced) = (vec![], vec![], vec![], 0);
        let mut leader = self
            .node
            .leader
            .as_mut()
            .filter(|leader| leader.term == term);
        let still = leader.is_some();
        for (pair, outcome) in pairs.into_iter().zip(outcomes) {
            let sides = [pair.older, pair.newer];
            if let Some(leader) = &mut leader {
                leader.settle(pair, outcome.as_ref(), now);
            }
            match outcome {
                Some(PairOutcome::Made(new)) => made.push(*new),
                Some(PairOutcome::Refused {
                    offerer, answerer, ..
                }) => {
                    for (side, fault) in sides.into_iter().zip([offerer, answerer]) {
                        if let Some(TicketRefusal::Used(match_id)) = fault {
                            told.push((match_id, side.user, side.session));
                        } else if fault.is_some() && side.background {
                            over.push(side.ticket);
                        }
                    }
                }
                Some(PairOutcome::Fenced) => fenced += 1,
                None => {}
            }
        }
        self.tell(made, told);
        // Where nobody is connected, nobody else does it.
        self.end_searches(over, |_, _| {});
        if fenced > 0 {
            tracing::warn!(pairs = fenced, "matches of a former leader came too late");
            metrics::counter!("tebdil_match_writes_fenced_total").increment(1);
            if still {
                self.resign();
            }
        }
    }

    /// Asks whether tickets that came again were used before: their match may have been told to
    /// nobody.
    fn check(&mut self, term: Term, asked: Vec<TicketId>) {
        self.checking = true;
        self.stuck.get_or_insert(Instant::now());
        let store = self.context.store.clone();
        let work = async move {
            let used = store.matches().used_among(&asked).await;
            if used.is_err() {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            (asked, used)
        };
        self.spawn(work, move |task, (asked, used), now| {
            task.checking = false;
            let used: Option<HashMap<TicketId, SideDevice>> = used
                .inspect_err(|error| tracing::warn!(%error, "searches could not be looked up"))
                .ok();
            if used.is_some() && !task.committing {
                task.stuck = None;
            }
            if let Some(leader) = task.leader_of(term) {
                leader.checked(asked, used.as_ref(), now);
            }
            let told: Vec<SideDevice> = used.into_iter().flat_map(HashMap::into_values).collect();
            task.tell(Vec::new(), told);
        });
    }

    /// Ends background searches in the store before their devices hear of it: else they could
    /// become a match after that. The next leader may have made one before it.
    fn forget_searches(&mut self) {
        let over = std::mem::take(&mut self.node.over);
        self.end_searches(over.keys().copied().collect(), move |task, matched| {
            let Some(matched) = matched else {
                return task.node.over.extend(over);
            };
            for (id, why) in over {
                let matched = matched.contains_key(&id);
                task.node
                    .close(id, if matched { TicketEnd::Matched } else { why });
            }
            task.node.flush();
            task.tell(Vec::new(), matched.into_values().collect());
        });
    }

    /// Ends background searches in the store; `after` gets those that had become a match, or
    /// nothing when the store does not answer.
    fn end_searches(
        &mut self,
        over: Vec<TicketId>,
        after: impl FnOnce(&mut Self, Option<HashMap<TicketId, SideDevice>>) + Send + 'static,
    ) {
        if over.is_empty() {
            return;
        }
        let store = self.context.store.clone();
        let end = async move {
            let matched = match store.matches().end_searches(&over).await {
                Ok(()) => store.matches().used_among(&over).await,
                Err(error) => Err(error),
            };
            if matched.is_err() {
                tokio::time::sleep(RETRY_AFTER).await;
            }
            matched
        };
        self.spawn(end, |task, matched, _| {
            let matched = matched.map_err(|error| log_failure(Err(error), "ended"));
            after(task, matched.ok());
        });
    }

    /// Takes over the background searches that no node has, and lets go of those that are over.
    fn look_at_searches(&mut self) {
        let Some(leader) = self.node.leader.as_ref().filter(|_| !self.looking) else {
            return;
        };
        self.looking = true;
        let (term, known) = (leader.term, leader.background());
        let (store, clock) = (self.context.store.clone(), self.context.clock.clone());
        let look = async move { (kept(&store, &known, clock.now()).await, known) };
        self.spawn(look, move |task, (kept, known), now| {
            task.looking = false;
            let kept = kept.inspect_err(
                |error| tracing::warn!(%error, "background searches could not be read"),
            );
            if let (Some(leader), Ok((kept, tickets))) = (task.leader_of(term), kept) {
                leader.listed(&known, &kept, tickets, now);
            }
        });
    }

    fn leader_of(&mut self, term: Term) -> Option<&mut Leader> {
        self.node
            .leader
            .as_mut()
            .filter(|leader| leader.term == term)
    }

    /// A match stands, whoever leads meanwhile.
    fn tell(&mut self, made: Vec<MadeMatch>, told: Vec<SideDevice>) {
        if made.is_empty() && told.is_empty() {
            return;
        }
        let tell = self.context.new_matches.clone().tell(made, told);
        self.spawn(tell, |_, (), _| {});
    }

    fn send(&mut self) {
        let (bus, encode) = (&self.context.realtime.bus, self.context.encode);
        for (to, message) in self.node.out.drain(..) {
            match to {
                Some(node) if node == self.context.realtime.node => {
                    // The receiver is this task.
                    let _ = self.channels.to_self.send(message);
                }
                Some(node) => bus.to_node(node, encode(message)),
                None => bus.to_others(|| encode(message)),
            }
        }
        let refuses = self.node.refuses();
        let news = |known: &mut Option<_>| std::mem::replace(known, refuses) != refuses;
        self.channels.refuses.send_if_modified(news);
    }

    fn gauge(&self, now: Timestamp) {
        let leader = self.node.leader.as_ref();
        metrics::gauge!("tebdil_matchmaker_leads").set(u32::from(leader.is_some()));
        for mode in Mode::ALL {
            let waiting = leader.map_or(0, |leader| leader.engine.len(*mode));
            metrics::gauge!("tebdil_tickets_waiting", "mode" => mode.as_str())
                .set(u32::try_from(waiting).unwrap_or(u32::MAX));
            let oldest = leader.and_then(|leader| leader.engine.oldest_age(*mode, now));
            metrics::gauge!("tebdil_oldest_ticket_seconds", "mode" => mode.as_str())
                .set(oldest.unwrap_or_default());
        }
    }
}

/// What the table of background searches holds, and the tickets of those that are not `known`.
async fn kept(
    store: &Store,
    known: &HashSet<TicketId>,
    now: Timestamp,
) -> Result<(HashSet<TicketId>, Vec<Ticket>), StoreError> {
    let (mut kept, mut tickets, mut after) = (HashSet::new(), Vec::new(), TicketId(i64::MIN));
    loop {
        let page = store.matches().searches_after(after, PAGE, now).await?;
        let Some(last) = page.last() else {
            return Ok((kept, tickets));
        };
        after = last.ticket_id;
        for search in &page {
            kept.insert(search.ticket_id);
            if !known.contains(&search.ticket_id) {
                tickets.extend(request::of_search(store, search, now).await?);
            }
        }
    }
}

fn log_failure(result: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = result {
        tracing::warn!(%error, "background searches could not be {what}");
    }
}
