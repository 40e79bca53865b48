//! The task that runs the matchmaker of a node: time, lease, bus and transactions around the
//! [`Office`].

mod lease;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tebdil_core::{
    realtime::{Holder, Realtime, RealtimeError},
    store::MatchmakerTerm,
};
use tebdil_protocol::{domain::Mode, id::TicketId};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{
    announce::{Announcement, Crier, PerhapsAway},
    answers::Answers,
    commit::Writer,
    engine::{Pair, Side},
    leader::{Fault, Now, Verdict},
    matchmaker::{News, Request, Status},
    message::{MatchmakingMessage, Term},
    office::{Office, To},
};

/// Longest sleep while tickets wait: a clock that is set forward is noticed within this.
const MAX_SLEEP: Duration = Duration::from_millis(250);

/// The matchmaker's task.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one kind of work whether it is under way"
)]
#[derive(Debug)]
pub struct MatchmakerTask {
    office: Office,
    writer: Writer,
    crier: Crier,
    realtime: Realtime,
    encode: fn(MatchmakingMessage) -> Bytes,
    answers: Arc<Answers>,
    requests: mpsc::Receiver<Request>,
    news: mpsc::UnboundedReceiver<News>,
    /// Everything that takes time; the task itself never waits for it.
    work: JoinSet<Done>,
    committing: bool,
    asking: bool,
    verifying: bool,
    pinging: bool,
    stuck: Stuck,
    /// The store did not do in time what this leader asked of it: until it answers again this node
    /// is no candidate.
    sick: bool,
    /// The last question about the lease had no answer. Said once: it is asked every second.
    unanswered: bool,
    /// Others may lead first until then: this node could not, or must not.
    stands_back: Option<Instant>,
}

/// Since when the store does not do what the leader asks: what it is asked first, and what it was
/// asked again after it failed.
#[derive(Debug, Default)]
struct Stuck {
    commit: Option<Instant>,
    verify: Option<Instant>,
}

impl Stuck {
    fn since(&self) -> Option<Instant> {
        self.commit.into_iter().chain(self.verify).min()
    }
}

/// Work that has ended.
#[derive(Debug)]
enum Done {
    Committed {
        term: Term,
        settled: Vec<(Pair, Verdict)>,
    },
    Asked {
        at: Instant,
        answer: Result<Option<Holder>, RealtimeError>,
        /// The term that was begun in the store, where this node held the lease and did not lead.
        /// An error was logged.
        begun: Option<Result<MatchmakerTerm, ()>>,
    },
    Released {
        term: Term,
    },
    /// `None`: the store could not be asked.
    Verified {
        sides: Vec<Side>,
        used: Option<Vec<(TicketId, Announcement)>>,
    },
    LookedAfter,
    /// Whether the store answers.
    Pinged(bool),
}

impl MatchmakerTask {
    pub(super) fn new(
        writer: Writer,
        crier: Crier,
        realtime: Realtime,
        encode: fn(MatchmakingMessage) -> Bytes,
        answers: Arc<Answers>,
        requests: mpsc::Receiver<Request>,
        news: mpsc::UnboundedReceiver<News>,
    ) -> Self {
        let config = &writer.config;
        let office = Office::new(
            realtime.node,
            config.timings,
            config.widening.clone(),
            Arc::clone(&answers),
            Instant::now(),
        );
        Self {
            office,
            writer,
            crier,
            realtime,
            encode,
            answers,
            requests,
            news,
            work: JoinSet::new(),
            committing: false,
            asking: false,
            verifying: false,
            pinging: false,
            stuck: Stuck::default(),
            sick: false,
            unanswered: false,
            stands_back: None,
        }
    }

    /// Runs until the node ends.
    ///
    /// At `soft` no search starts here any more, and this node leads no more: it waits for the
    /// running transaction and gives the lease back. Searches of its connections go on at the next
    /// leader. After `closing` it ends when the last of them has ended or is gone.
    pub async fn run(mut self, soft: CancellationToken, closing: CancellationToken) {
        let mut beat = tokio::time::interval(self.writer.config.timings.renew);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (was_vacant, is_retired) = (self.office.is_vacant(), self.office.is_retired());
            let (until, pause, leads_tickets, patience) = (
                self.office.until(),
                self.pause(),
                self.leads_tickets(),
                self.patience(),
            );
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.request(request),
                    None => break,
                },
                Some(news) = self.news.recv() => self.learn(news),
                Some(done) = self.work.join_next() => self.done(done),
                _ = beat.tick() => {
                    self.office.beat(self.now());
                    self.recover();
                    self.abdicate_with_a_wrong_clock();
                    self.ask();
                }
                () = tokio::time::sleep(pause), if leads_tickets => {}
                () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
                () = tokio::time::sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {}
                () = soft.cancelled(), if !is_retired => {
                    self.office.retire();
                }
                () = closing.cancelled(), if !closing.is_cancelled() => {}
            }
            // Everything that is due, and everything else that has come, shares the next
            // transaction.
            while let Ok(news) = self.news.try_recv() {
                self.learn(news);
            }
            while let Ok(request) = self.requests.try_recv() {
                self.request(request);
            }
            self.office.tick(self.now());
            if self.patience().is_some_and(|until| until <= Instant::now()) {
                self.give_up();
            }
            if self.office.is_retired() {
                self.hand_over();
            } else {
                self.verify();
                self.commit();
            }
            // Whoever led does no more: perhaps this node can.
            if self.office.is_vacant() && !was_vacant {
                self.ask();
            }
            self.send();
            self.gauge();
            if self.office.is_retired()
                && closing.is_cancelled()
                && self.office.desk_is_empty()
                && self.work.is_empty()
            {
                break;
            }
        }
        self.requests.close();
        while let Ok(request) = self.requests.try_recv() {
            request.refuse(&self.answers);
        }
    }

    fn now(&self) -> Now {
        Now {
            clock: self.writer.clock.now(),
            instant: Instant::now(),
        }
    }

    fn leads_tickets(&self) -> bool {
        self.office
            .leader()
            .is_some_and(super::leader::Leader::has_tickets)
    }

    fn pause(&self) -> Duration {
        let due = self
            .office
            .leader()
            .and_then(|leader| leader.engine().next_due());
        due.map_or(MAX_SLEEP, |due| {
            due.since(self.writer.clock.now()).min(MAX_SLEEP)
        })
    }

    /// When this leader has waited too long for the store.
    fn patience(&self) -> Option<Instant> {
        self.office.leader()?;
        Some(self.stuck.since()? + self.writer.config.timings.patience)
    }

    fn request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Find { ticket, connection } => self.office.find(*ticket, connection, now),
            Request::Cancel { connection, re } => self.office.cancel(connection, re, now),
            Request::Gone {
                user,
                connection,
                park,
            } => self.office.gone(user, connection, park, now),
            Request::Blocked { a, b } => self.office.blocked(a, b),
            Request::Status { answer } => {
                self.office.tick(now);
                let status = self.office.leader().map(|leader| Status {
                    leads: true,
                    waiting: Mode::ALL
                        .iter()
                        .map(|mode| leader.engine().len(*mode))
                        .sum(),
                    reserved: leader.engine().reserved(),
                });
                let _ = answer.send(status.unwrap_or_default());
            }
        }
    }

    fn learn(&mut self, news: News) {
        let now = self.now();
        match news {
            News::Message(message) => self.office.deliver(message, now),
            News::NodeGone(node) => self.office.node_gone(node, now),
            News::Resync => self.office.resync(now),
        }
    }

    fn done(&mut self, done: Result<Done, JoinError>) {
        let now = self.now();
        match done {
            Ok(Done::Committed { term, settled }) => self.committed(term, settled, now),
            Ok(Done::Asked { at, answer, begun }) => self.asked(at, answer, begun, now),
            Ok(Done::Released { term }) => self.office.vacated(term),
            Ok(Done::Verified { sides, used }) => self.verified(sides, used.as_deref(), now),
            Ok(Done::LookedAfter) => {}
            Ok(Done::Pinged(answers)) => self.pinged(answers),
            // Its pairs stay reserved: ending the process is what keeps them from waiting for ever.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    fn commit(&mut self) {
        if self.committing {
            return;
        }
        let batch = self.office.next_batch(self.now());
        let Some((term, fence)) = self
            .office
            .leader()
            .map(|leader| (leader.term, leader.fence))
            .filter(|_| !batch.is_empty())
        else {
            return;
        };
        self.committing = true;
        self.stuck.commit.get_or_insert_with(Instant::now);
        let writer = self.writer.clone();
        self.work.spawn(async move {
            Done::Committed {
                term,
                settled: writer.commit(fence, batch).await,
            }
        });
    }

    fn committed(&mut self, term: Term, settled: Vec<(Pair, Verdict)>, now: Now) {
        self.committing = false;
        if settled
            .iter()
            .all(|(_, verdict)| !matches!(verdict, Verdict::Unknown))
        {
            self.stuck.commit = None;
        }
        self.announce(&settled);
        if let Some(term) = self.office.settle(term, settled, now) {
            tracing::warn!(
                fence = term.fence,
                "another node leads the matching; this one gives up"
            );
            self.stand_back(term);
        }
    }

    /// Asks whether tickets that were submitted again were used before: their match may have been
    /// told to nobody.
    fn verify(&mut self) {
        if self.verifying {
            return;
        }
        let sides = self.office.take_unverified();
        if sides.is_empty() {
            return;
        }
        self.verifying = true;
        self.stuck.verify.get_or_insert_with(Instant::now);
        let writer = self.writer.clone();
        self.work.spawn(async move {
            let used = writer.used(&sides).await;
            Done::Verified { sides, used }
        });
    }

    fn verified(&mut self, sides: Vec<Side>, used: Option<&[(TicketId, Announcement)]>, now: Now) {
        self.verifying = false;
        if used.is_some() {
            self.stuck.verify = None;
        }
        let tickets = used.map(|used| used.iter().map(|(ticket, _)| *ticket).collect());
        let told = self.office.verified(sides, tickets.as_ref(), now);
        let told = used
            .into_iter()
            .flatten()
            .filter(|(ticket, _)| told.contains(ticket));
        let away = told
            .filter_map(|(_, announcement)| self.crier.tell(announcement))
            .collect();
        self.look_after(away);
    }

    /// Tells users of their matches, whoever leads meanwhile: a match stands.
    fn announce(&mut self, settled: &[(Pair, Verdict)]) {
        let mut away = Vec::new();
        for (_, verdict) in settled {
            match verdict {
                Verdict::Made(made) => {
                    metrics::counter!("tebdil_matches_total", "mode" => made.mode.as_str())
                        .increment(1);
                    away.extend(self.crier.tell_both(made));
                }
                Verdict::Refused { faults, .. } => {
                    for fault in faults.iter().flatten() {
                        if let Fault::Used(announcement) = fault {
                            away.extend(self.crier.tell(announcement));
                        }
                    }
                }
                Verdict::Unknown | Verdict::Fenced => {}
            }
        }
        self.look_after(away);
    }

    fn look_after(&mut self, away: Vec<PerhapsAway>) {
        if !away.is_empty() {
            let crier = self.crier.clone();
            self.work.spawn(async move {
                crier.look_after(&away).await;
                Done::LookedAfter
            });
        }
    }

    fn send(&mut self) {
        for (to, message) in self.office.out.drain(..) {
            let encode = self.encode;
            match to {
                To::Node(node) => self.realtime.bus.to_node(node, encode(message)),
                To::Others => self.realtime.bus.to_others(|| encode(message)),
            }
        }
    }

    fn gauge(&self) {
        let (leader, now) = (self.office.leader(), self.writer.clock.now());
        metrics::gauge!("tebdil_matchmaker_leads").set(u32::from(leader.is_some()));
        for mode in Mode::ALL {
            let waiting = leader.map_or(0, |leader| leader.engine().len(*mode));
            metrics::gauge!("tebdil_tickets_waiting", "mode" => mode.as_str())
                .set(u32::try_from(waiting).unwrap_or(u32::MAX));
            let oldest = leader
                .and_then(|leader| leader.engine().oldest_age(*mode, now))
                .unwrap_or_default();
            metrics::gauge!("tebdil_oldest_ticket_seconds", "mode" => mode.as_str()).set(oldest);
        }
    }
}
