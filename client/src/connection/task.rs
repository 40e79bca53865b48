//! The task behind a connection.

mod frames;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use tebdil_protocol::{
    ClientFrame, CloseCode, FrameId, ServerFrame, TokenRefresh, Welcome, id::MatchId,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    AccessToken, Acknowledge, DisconnectReason, Ended, Event, Options, RequestError, SendError,
    TokenError,
    attempt::{Attempt, TOKEN_MARGIN, connect, reason_of},
    handle::Command,
    inbox::Inbox,
    outbox::{Entry, Outbox},
    pacer::Pacer,
};
use crate::raw::{Incoming, RawError, RawSocket};

/// A token is renewed on an open socket when it has so long to live.
const RENEW_BEFORE: Duration = Duration::from_mins(1);

/// How long to wait after a renewal that failed.
const RENEW_RETRY: Duration = Duration::from_secs(5);

/// A socket that takes no bytes for so long is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often in a row a fresh token may be refused.
const MAX_UNAUTHORIZED: u32 = 3;

type Reply = oneshot::Sender<Result<ServerFrame, RequestError>>;

/// How a socket ended.
enum End {
    /// The application wants no more.
    Stop,
    Lost(DisconnectReason),
}

pub(super) struct Task {
    options: Options,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    rng: StdRng,
    /// Events the application has not taken yet.
    pending: VecDeque<Event>,
    inbox: Inbox,
    outbox: Outbox,
    /// Requests that wait for a socket.
    waiting: VecDeque<(ClientFrame, Reply)>,
    /// Requests that wait for an answer, by the id they were sent with.
    asked: HashMap<i64, Reply>,
    /// Of the frames that are answered by name: requests and messages.
    last_id: i64,
    flushes: Vec<oneshot::Sender<()>>,
    /// The delay the server asked for when it said that it is going away.
    reconnect_after: Option<Duration>,
}

/// State of one socket.
struct Live {
    socket: RawSocket,
    heard: Instant,
    silence: Duration,
    pacer: Pacer,
    ack_pacer: Pacer,
    /// When the pacer lets the next message out.
    paced_until: Option<Instant>,
    ack_at: Option<Instant>,
    /// When everything is acknowledged once more, since some of it was refused.
    acks_again_at: Option<Instant>,
    renew_at: Instant,
    renewal: Option<BoxFuture<'static, Result<AccessToken, TokenError>>>,
}

impl Task {
    pub fn new(
        options: Options,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
        rng: StdRng,
    ) -> Self {
        let mut outbox = Outbox::new(options.window);
        for message in &options.outbox {
            outbox.push(Entry::new(message.clone(), None, None));
        }
        Self {
            inbox: Inbox::new(&options.resume),
            outbox,
            options,
            commands,
            events,
            rng,
            pending: VecDeque::new(),
            waiting: VecDeque::new(),
            asked: HashMap::new(),
            last_id: 0,
            flushes: Vec::new(),
            reconnect_after: None,
        }
    }

    pub async fn run(mut self) {
        let ended = self.connect_again_and_again().await;
        for entry in self.outbox.clear() {
            entry.finish(Err(SendError::Closed));
        }
        self.waiting.clear();
        self.asked.clear();
        self.flushes.clear();
        if let Some(ended) = ended {
            self.pending.push_back(Event::Closed(ended));
            self.commands.close();
            for event in std::mem::take(&mut self.pending) {
                if self.events.send(event).await.is_err() {
                    return;
                }
            }
        }
    }

    /// `None` when the application wanted the end.
    async fn connect_again_and_again(&mut self) -> Option<Ended> {
        let (mut failures, mut unauthorized) = (0, 0);
        let mut refused = None;
        loop {
            // In a box of its own: it is large, and gone once the socket is open.
            let attempt = Box::pin(connect(
                self.options.clone(),
                self.inbox.resume(),
                refused.take(),
            ));
            let reason = match self.meanwhile(attempt).await? {
                Attempt::Open(open) => {
                    let (socket, welcome, token) = *open;
                    unauthorized = 0;
                    let opened = Instant::now();
                    let reason = match self.session(socket, welcome, &token).await {
                        End::Stop => return None,
                        End::Lost(reason) => reason,
                    };
                    // A server that lets us in and then finds us too much for it is not to be asked
                    // again at once.
                    let too_much = matches!(
                        reason,
                        DisconnectReason::Closed(CloseCode::RateLimited | CloseCode::SlowConsumer)
                    );
                    if !too_much || opened.elapsed() > self.options.backoff.max {
                        failures = 0;
                    }
                    if reason == DisconnectReason::Closed(CloseCode::Unauthorized) {
                        refused = Some(token);
                    }
                    reason
                }
                Attempt::Unauthorized(token) => {
                    unauthorized += 1;
                    if unauthorized >= MAX_UNAUTHORIZED {
                        return Some(Ended::Closed(CloseCode::Unauthorized));
                    }
                    refused = Some(token);
                    DisconnectReason::Closed(CloseCode::Unauthorized)
                }
                Attempt::SignedOut => return Some(Ended::SignedOut),
                Attempt::Failed(reason) => reason,
            };
            if let DisconnectReason::Closed(code) = reason
                && !code.reconnect()
            {
                return Some(Ended::Closed(code));
            }
            let jittered = self.options.backoff.delay(failures, &mut self.rng);
            let retry_in = self.reconnect_after.take().unwrap_or(jittered);
            failures += 1;
            self.pending
                .push_back(Event::Disconnected { reason, retry_in });
            self.meanwhile(tokio::time::sleep(retry_in)).await?;
        }
    }

    /// Runs `work` without a socket, while orders are taken and events handed over. `None` when the
    /// application wants the end.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        let events = self.events.clone();
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                command = self.commands.recv() => match command {
                    None | Some(Command::Close) => return None,
                    Some(Command::Send(entry)) => self.outbox.push(*entry),
                    Some(Command::Request { frame, reply }) => {
                        self.waiting.retain(|(_, reply)| !reply.is_closed());
                        self.waiting.push_back((frame, reply));
                    }
                    Some(Command::Ack(ack)) => self.inbox.want_ack(ack.match_id, ack.seq),
                    Some(Command::Flush(done)) => self.flush_when_empty(done),
                    Some(Command::Fire(_)) => {}
                },
                permit = events.reserve(), if !self.pending.is_empty() => {
                    let Ok(permit) = permit else { return None };
                    hand_over(&mut self.pending, permit, self.options.acknowledge, &mut self.inbox);
                }
                () = events.closed() => return None,
            }
        }
    }

    async fn session(&mut self, socket: RawSocket, welcome: Welcome, token: &AccessToken) -> End {
        let now = Instant::now();
        let mut live = Live {
            socket,
            heard: now,
            silence: Duration::from_secs(welcome.heartbeat_s.max(1)) * 2,
            pacer: Pacer::of_messages(welcome.limits.frames_per_second, now),
            ack_pacer: Pacer::of_acks(welcome.limits.frames_per_second, now),
            paced_until: None,
            ack_at: None,
            acks_again_at: None,
            renew_at: now
                + token
                    .expires_at
                    .since(self.options.clock.now())
                    .saturating_sub(RENEW_BEFORE)
                    .min(FAR),
            renewal: None,
        };
        let active: Vec<MatchId> = welcome.matches.iter().map(|known| known.id).collect();
        self.inbox.retain(&active);
        self.inbox.restart();
        self.outbox.restart();
        self.pending.push_back(Event::Connected(Box::new(welcome)));
        let end = self
            .talk(&mut live)
            .await
            .unwrap_or_else(|error| match error {
                RawError::Timeout => End::Lost(DisconnectReason::Silent),
                _ => End::Lost(DisconnectReason::Lost),
            });
        for (_, reply) in self.asked.drain() {
            let _ = reply.send(Err(RequestError::Disconnected));
        }
        if matches!(end, End::Stop) {
            let _ = tokio::time::timeout(Duration::from_secs(1), live.socket.close()).await;
        }
        end
    }

    async fn talk(&mut self, live: &mut Live) -> Result<End, RawError> {
        let events = self.events.clone();
        while let Some((frame, reply)) = self.waiting.pop_front() {
            self.ask(live, frame, reply).await?;
        }
        loop {
            self.send_messages(live).await?;
            if live.ack_at.is_none() && self.inbox.has_acks() {
                live.ack_at = Some(Instant::now() + self.options.ack_delay);
            }
            let wake = self.wake(live);
            tokio::select! {
                incoming = live.socket.next(), if self.pending.len() < self.options.event_limit => {
                    live.heard = Instant::now();
                    match incoming? {
                        Incoming::Text(text) => self.take_frame(live, &text).await?,
                        Incoming::Heartbeat | Incoming::Binary(_) => {}
                        Incoming::Closed(close) => return Ok(End::Lost(reason_of(close))),
                    }
                }
                command = self.commands.recv() => match command {
                    None | Some(Command::Close) => return Ok(End::Stop),
                    Some(Command::Send(entry)) => self.outbox.push(*entry),
                    Some(Command::Request { frame, reply }) => self.ask(live, frame, reply).await?,
                    Some(Command::Ack(ack)) => self.inbox.want_ack(ack.match_id, ack.seq),
                    Some(Command::Flush(done)) => self.flush_when_empty(done),
                    Some(Command::Fire(frame)) => live.write(&frame, None).await?,
                },
                permit = events.reserve(), if !self.pending.is_empty() => {
                    let Ok(permit) = permit else { return Ok(End::Stop) };
                    hand_over(&mut self.pending, permit, self.options.acknowledge, &mut self.inbox);
                }
                () = events.closed() => return Ok(End::Stop),
                renewed = renewal(&mut live.renewal) => {
                    live.renewal = None;
                    live.renew_at = Instant::now() + RENEW_RETRY;
                    // Without a new token the server closes in its time, and the reconnect finds
                    // out why.
                    if let Ok(token) = renewed {
                        live.write(&ClientFrame::TokenRefresh(TokenRefresh { token: token.token }), None).await?;
                        let left = token.expires_at.since(self.options.clock.now());
                        live.renew_at = Instant::now() + left.saturating_sub(RENEW_BEFORE).clamp(RENEW_RETRY, FAR);
                    }
                }
                () = tokio::time::sleep_until(wake) => self.on_time(live).await?,
            }
        }
    }

    /// When the next thing is due that no socket and no order brings.
    fn wake(&self, live: &Live) -> Instant {
        let silence = live.heard + live.silence;
        let renew = live.renewal.is_none().then_some(live.renew_at);
        let held = (!self.outbox.is_empty())
            .then_some(self.outbox.held_until())
            .flatten();
        let resend = self
            .outbox
            .oldest_sent()
            .map(|sent| sent + self.options.resend_after);
        [
            Some(silence),
            live.ack_at,
            live.acks_again_at,
            live.paced_until,
            renew,
            held,
            resend,
            self.inbox.next_sync(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(silence)
    }

    async fn on_time(&mut self, live: &mut Live) -> Result<(), RawError> {
        let now = Instant::now();
        // While the application takes no events nothing is read, and silence says nothing about the
        // server.
        if self.pending.len() >= self.options.event_limit {
            live.heard = now;
        }
        if now >= live.heard + live.silence {
            return Err(RawError::Timeout);
        }
        if live.paced_until.is_some_and(|until| now >= until) {
            live.paced_until = None;
        }
        self.outbox.resend_overdue(now, self.options.resend_after);
        if live.acks_again_at.is_some_and(|at| now >= at) {
            live.acks_again_at = None;
            self.inbox.acknowledge_again();
        }
        if live.ack_at.is_some_and(|at| now >= at) {
            live.ack_at = None;
            while self.inbox.has_acks() {
                if let Err(until) = live.ack_pacer.take(now) {
                    live.ack_at = Some(until);
                    break;
                }
                let Some(ack) = self.inbox.take_ack() else {
                    break;
                };
                live.write(&ClientFrame::MessageAck(ack), None).await?;
            }
        }
        if live.renewal.is_none() && now >= live.renew_at {
            let tokens = self.options.tokens.clone();
            live.renewal = Some(Box::pin(async move {
                tokens.token(RENEW_BEFORE + TOKEN_MARGIN).await
            }));
        }
        for sync in self.inbox.overdue_syncs(now) {
            live.write(&ClientFrame::MessageSync(sync), None).await?;
        }
        Ok(())
    }

    async fn send_messages(&mut self, live: &mut Live) -> Result<(), RawError> {
        loop {
            let now = Instant::now();
            if live.paced_until.is_some_and(|until| now < until) {
                return Ok(());
            }
            let Some(message) = self.outbox.next(now) else {
                return Ok(());
            };
            if let Err(until) = live.pacer.take(now) {
                live.paced_until = Some(until);
                return Ok(());
            }
            let frame = ClientFrame::MessageSend(message.clone());
            self.last_id += 1;
            self.outbox.mark_sent(self.last_id, now);
            live.write(&frame, Some(&FrameId::Number(self.last_id)))
                .await?;
        }
    }

    async fn ask(
        &mut self,
        live: &mut Live,
        frame: ClientFrame,
        reply: Reply,
    ) -> Result<(), RawError> {
        if reply.is_closed() {
            return Ok(());
        }
        self.asked.retain(|_, reply| !reply.is_closed());
        self.last_id += 1;
        self.asked.insert(self.last_id, reply);
        live.write(&frame, Some(&FrameId::Number(self.last_id)))
            .await
    }

    fn flush_when_empty(&mut self, done: oneshot::Sender<()>) {
        self.flushes.push(done);
        self.answer_flushes();
    }

    fn answer_flushes(&mut self) {
        if self.outbox.is_empty() {
            for done in self.flushes.drain(..) {
                let _ = done.send(());
            }
        }
    }
}

/// A time that is never reached but can be added to a clock.
const FAR: Duration = Duration::from_hours(365 * 24);

impl Live {
    async fn write(&mut self, frame: &ClientFrame, id: Option<&FrameId>) -> Result<(), RawError> {
        if !matches!(
            frame,
            ClientFrame::MessageSend(_) | ClientFrame::MessageAck(_)
        ) {
            self.pacer.spend(Instant::now());
        }
        tokio::time::timeout(WRITE_TIMEOUT, self.socket.send(frame, id))
            .await
            .unwrap_or(Err(RawError::Timeout))
    }
}

/// Waits for a renewal that is under way, for ever when there is none.
async fn renewal(
    under_way: &mut Option<BoxFuture<'static, Result<AccessToken, TokenError>>>,
) -> Result<AccessToken, TokenError> {
    match under_way {
        Some(renewal) => renewal.await,
        None => std::future::pending().await,
    }
}

fn hand_over(
    pending: &mut VecDeque<Event>,
    permit: mpsc::Permit<'_, Event>,
    acknowledge: Acknowledge,
    inbox: &mut Inbox,
) {
    let Some(event) = pending.pop_front() else {
        return;
    };
    if let Event::Message(message) = &event
        && acknowledge == Acknowledge::OnHandOver
    {
        inbox.want_ack(message.match_id, message.seq);
    }
    permit.send(event);
}
