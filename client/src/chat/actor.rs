//! The task that owns a device's keys.
//!
//! Order of things, for every batch of orders and events: change the keys in memory, store them,
//! and only then send, hand on, acknowledge. A crash uses no key and no number twice, sends nothing
//! twice and shows nothing twice. Keys of opened messages are gone once state is stored, so a text
//! that was opened but not yet taken by the application when the process dies is not shown again.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tebdil_protocol::{
    ErrorCode, MatchFind, MessageAccepted, MessageSend, User,
    domain::{MatchRole, MessageKind},
    id::{MatchId, TicketId},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinSet,
};

use super::{
    ChatError, ChatEvent, Conversation, convert,
    numbers::Numbers,
    parts::{After, Command, Done, Draft, End, FindReply, KnownMatch, SendReply},
};
use crate::{
    call::Gate,
    connection::{Event, Handle, RequestError, SendError, Sending},
    evidence::EvidenceBook,
    mls::{Content, Device, MlsError},
    rest::Account,
    state::{DeviceFile, StateError, StoredMatch},
};

/// Orders and events taken together before state is stored.
const BATCH: usize = 64;

/// Events kept for an application that does not take them; beyond, the connection waits.
const PENDING_LIMIT: usize = 1024;

mod call;
mod keys;
mod matches;
mod receive;
mod save;

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any may go with any"
)]
pub(super) struct Actor {
    account: Account,
    device: Device,
    file: Option<DeviceFile>,
    own_handle: String,
    key_target: usize,
    matches: BTreeMap<MatchId, KnownMatch>,
    /// What is sealed and not accepted.
    outbox: Vec<MessageSend>,
    /// Of the peers' last messages, for reports.
    evidence: EvidenceBook,
    /// Whether the keys of a match that is told of first in a welcome can be here: a process that
    /// begins with stored keys has them, or one that was welcomed before.
    greeted: bool,
    searching: Option<MatchFind>,
    /// The search of which the server told last that it goes on.
    ticket: Option<TicketId>,
    /// Whether a search is asked for and not answered; it waits for the next socket by itself.
    finding: bool,
    putting_keys: bool,
    dirty: bool,
    after: After,
    pending: VecDeque<ChatEvent>,
    events: mpsc::Sender<ChatEvent>,
    beside: JoinSet<Done>,
    end: Option<End>,
}

/// The lowest number in a match that has no answer.
fn first_waiting(outbox: &[MessageSend], match_id: MatchId) -> Option<i64> {
    let of_match = outbox.iter().filter(|message| message.match_id == match_id);
    of_match.map(|message| message.seq).min()
}

impl Actor {
    #[expect(
        clippy::too_many_arguments,
        reason = "called once, with what a chat is made of"
    )]
    pub fn new(
        account: Account,
        device: Device,
        file: Option<DeviceFile>,
        restored: bool,
        user: &User,
        key_target: usize,
        matches: &[StoredMatch],
        outbox: Vec<MessageSend>,
        evidence: EvidenceBook,
        events: mpsc::Sender<ChatEvent>,
    ) -> Self {
        let known = |stored: &StoredMatch| KnownMatch {
            info: None,
            here: stored.here,
            peer_seq: stored.peer_seq,
            own: Numbers::after(stored.own_seq, first_waiting(&outbox, stored.match_id)),
            drafts: VecDeque::new(),
            call: Gate::restored(stored.own_certificate, stored.peer_certificate),
        };
        Self {
            account,
            device,
            file,
            own_handle: user.handle.clone(),
            key_target,
            matches: matches
                .iter()
                .map(|stored| (stored.match_id, known(stored)))
                .collect(),
            outbox,
            evidence,
            greeted: restored,
            searching: None,
            ticket: None,
            finding: false,
            putting_keys: false,
            dirty: false,
            after: After::default(),
            pending: VecDeque::new(),
            events,
            beside: JoinSet::new(),
            end: None,
        }
    }

    pub async fn run(
        mut self,
        handle: Handle,
        mut commands: mpsc::Receiver<Command>,
        mut connection: mpsc::Receiver<Event>,
    ) {
        let events = self.events.clone();
        let mut hourly = tokio::time::interval(Duration::from_hours(1));
        while self.end.is_none() {
            let overdue = self.next_overdue();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.take_command(&handle, command),
                    None => break,
                },
                event = connection.recv(), if self.pending.len() < PENDING_LIMIT => match event {
                    Some(event) => {
                        self.take_event(&handle, event);
                        for _ in 1..BATCH {
                            let Ok(event) = connection.try_recv() else { break };
                            self.take_event(&handle, event);
                        }
                    }
                    None => break,
                },
                Some(done) = self.beside.join_next() => {
                    if let Ok(done) = done {
                        self.take_done(done);
                    }
                }
                permit = events.reserve(), if !self.pending.is_empty() => {
                    let (Ok(permit), Some(event)) = (permit, self.pending.pop_front()) else { break };
                    permit.send(event);
                }
                () = call::at(overdue) => self.refuse_overdue(),
                _ = hourly.tick() => self.evidence.forget_old(),
                () = events.closed() => break,
            }
            if let Err(error) = self.carry_out(&handle).await {
                self.pending.clear();
                self.pending.push_back(ChatEvent::Failed(error.to_string()));
                break;
            }
        }
        drop(commands);
        handle.close().await;
        if self.end == Some(End::Asked) {
            return;
        }
        for event in std::mem::take(&mut self.pending) {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }

    /// Stores what changed, then does what had to wait for that.
    async fn carry_out(&mut self, handle: &Handle) -> Result<(), StateError> {
        self.store().await?;
        let after = std::mem::take(&mut self.after);
        for (message, place, reply) in after.sends {
            handle.send_reserved(message, place, reply).await;
        }
        for signal in after.signals {
            handle.fire(signal).await;
        }
        for (match_id, seq) in after.acks {
            handle.ack(match_id, seq).await;
        }
        if let Some((packages, last_resort)) = after.keys {
            let account = self.account.clone();
            self.beside.spawn(async move {
                Done::KeysPut(
                    account
                        .put_keys(&packages, last_resort.as_deref())
                        .await
                        .map(drop),
                )
            });
        }
        Ok(())
    }

    fn take_command(&mut self, handle: &Handle, command: Command) {
        match command {
            Command::Send {
                match_id,
                text,
                place,
                reply,
            } => {
                let (accepted, sending) = Sending::pair();
                let draft = Draft {
                    text,
                    place,
                    reply: accepted,
                };
                let result = self.take_draft(match_id, draft).map(|()| sending);
                // The caller may have gone; the text goes its way.
                let _ = reply.send(result);
            }
            Command::Describe(description, reply) => {
                let _ = reply.send(self.describe(description));
            }
            Command::Signal(frame) => self.after.signals.push(frame),
            Command::Find(find, reply) => {
                self.searching = Some(find.clone());
                self.find(handle, find, Some(reply));
            }
            Command::Cancel(reply) => {
                self.searching = None;
                let handle = handle.clone();
                self.beside
                    .spawn(async move { Done::Cancelled(handle.cancel().await, reply) });
            }
            Command::Conversations(reply) => {
                let _ = reply.send(self.conversations());
            }
            Command::Evidence(match_id, reply) => {
                let _ = reply.send(self.evidence.of(match_id));
            }
            Command::Close => self.end = Some(End::Asked),
        }
    }

    fn find(&mut self, handle: &Handle, find: MatchFind, reply: Option<FindReply>) {
        let handle = handle.clone();
        self.finding = true;
        self.beside
            .spawn(async move { Done::Found(handle.find(find).await, reply) });
    }

    fn conversations(&self) -> Vec<Conversation> {
        let known = self.matches.iter().filter_map(|(match_id, known)| {
            Some(Conversation {
                info: known.info.clone()?,
                this_device: known.here,
                safety_number: self.device.safety_number(*match_id),
                peer_seq: known.peer_seq,
            })
        });
        known.collect()
    }

    fn take_done(&mut self, done: Done) {
        match done {
            Done::Found(result, reply) => {
                // A lost socket is no answer: the search goes on with the next one.
                self.finding = false;
                let lost = matches!(
                    result,
                    Err(RequestError::Disconnected | RequestError::Timeout)
                );
                if result.is_err() && !(lost && reply.is_none()) {
                    self.searching = None;
                }
                match (reply, result) {
                    (Some(reply), result) => drop(reply.send(result)),
                    (
                        None,
                        Err(RequestError::Refused {
                            code, resets_at, ..
                        }),
                    ) => {
                        self.pending.push_back(ChatEvent::SearchFailed {
                            code: Some(code),
                            resets_at,
                        });
                    }
                    (None, Err(RequestError::Closed | RequestError::Unexpected)) => {
                        self.pending.push_back(ChatEvent::SearchFailed {
                            code: None,
                            resets_at: None,
                        });
                    }
                    (None, _) => {}
                }
            }
            Done::Cancelled(result, reply) => drop(reply.send(result)),
            Done::KeysPut(result) => {
                self.putting_keys = false;
                if let Err(error) = result {
                    tracing::warn!(%error, "key packages could not be uploaded; tried again with the next occasion");
                }
            }
        }
    }

    fn take_draft(&mut self, match_id: MatchId, draft: Draft) -> Result<(), ChatError> {
        let known = self
            .matches
            .get_mut(&match_id)
            .ok_or(ChatError::NoSuchMatch)?;
        if self.device.has_session(match_id) {
            return self.seal(match_id, draft).map_err(ChatError::Mls);
        }
        if !known.here {
            return Err(ChatError::OtherDevice);
        }
        known.drafts.push_back(draft);
        Ok(())
    }

    fn seal(&mut self, match_id: MatchId, draft: Draft) -> Result<(), MlsError> {
        let Draft { text, place, reply } = draft;
        match self.device.seal(match_id, &Content::text(text)) {
            Ok(sealed) => {
                let tag = sealed.franking_tag.to_vec();
                self.send(
                    match_id,
                    MessageKind::Content,
                    sealed.ciphertext,
                    Some(tag),
                    Some((place, reply)),
                );
                Ok(())
            }
            Err(error) => {
                let _ = reply.send(Err(SendError::Refused(ErrorCode::MessageTooLarge)));
                Err(error)
            }
        }
    }

    fn send_handshake(&mut self, match_id: MatchId, ciphertext: Vec<u8>) {
        self.send(match_id, MessageKind::Handshake, ciphertext, None, None);
    }

    /// Numbers what was sealed, and sends it once that is stored.
    fn send(
        &mut self,
        match_id: MatchId,
        kind: MessageKind,
        ciphertext: Vec<u8>,
        franking_tag: Option<Vec<u8>>,
        waiting: Option<(OwnedSemaphorePermit, SendReply)>,
    ) {
        // Whoever seals has looked the match up.
        let Some(known) = self.matches.get_mut(&match_id) else {
            return;
        };
        let message = MessageSend {
            match_id,
            seq: known.own.give(),
            kind,
            ciphertext,
            franking_tag,
        };
        self.dirty = true;
        self.outbox.push(message.clone());
        let (place, reply) = waiting.unzip();
        self.after.sends.push((message, place, reply));
    }

    fn left_outbox(&mut self, match_id: MatchId, seq: i64) -> Option<MessageSend> {
        let left = |message: &MessageSend| message.match_id == match_id && message.seq == seq;
        let at = self.outbox.iter().position(left)?;
        self.dirty = true;
        Some(self.outbox.remove(at))
    }

    fn accepted(&mut self, accepted: &MessageAccepted) {
        let MessageAccepted { match_id, seq, .. } = *accepted;
        let message = self.left_outbox(match_id, seq);
        if let Some(known) = self.matches.get_mut(&match_id) {
            known.own.accepted(seq);
        }
        // Of handshakes the application does not hear.
        if message.is_some_and(|message| message.kind == MessageKind::Content) {
            self.pending.push_back(ChatEvent::Accepted {
                match_id,
                seq,
                sent_at: accepted.sent_at,
            });
        }
    }

    fn refused(
        &mut self,
        (match_id, seq): (MatchId, i64),
        kind: MessageKind,
        code: ErrorCode,
        expected_seq: Option<i64>,
    ) {
        self.left_outbox(match_id, seq);
        let of_match = self
            .outbox
            .iter()
            .filter(|other| other.match_id == match_id);
        let on_its_way = of_match.map(|other| other.seq).max();
        let handshake = kind == MessageKind::Handshake;
        let mut offers = false;
        if let Some(known) = self.matches.get_mut(&match_id) {
            known.own.refused(expected_seq, on_its_way);
            if handshake {
                known.call.untold();
            }
            offers = matches!(&known.info, Some(info) if info.role == MatchRole::Offerer);
            self.dirty = true;
        } else if handshake {
            // The match is over, and that was told.
            return;
        }
        // The offerer begins with what lets the other one in.
        self.pending.push_back(if handshake && offers && seq == 1 {
            ChatEvent::NotSecured {
                match_id,
                error: MlsError::Welcome("the server refused it"),
            }
        } else {
            ChatEvent::Refused {
                match_id,
                seq: Some(seq),
                code,
            }
        });
    }

    fn take_event(&mut self, handle: &Handle, event: Event) {
        match event {
            Event::Connected(welcome) => self.welcomed(handle, *welcome),
            Event::Searching { ticket_id } => self.search_goes_on(ticket_id),
            Event::SearchCancelled(cancelled) => self.search_cancelled(cancelled),
            Event::MatchFound(found) => self.found(*found),
            Event::MatchEnded(ended) => {
                self.ended(ended.match_id);
                self.pending.push_back(ChatEvent::Ended {
                    match_id: ended.match_id,
                    details: Some(convert::end_details(&ended)),
                });
            }
            Event::Message(message) => self.message(&message),
            Event::Signal(signal) => self.signalled(signal),
            Event::Accepted(accepted) => self.accepted(&accepted),
            Event::Refused {
                match_id,
                seq,
                kind,
                code,
                expected_seq,
            } => self.refused((match_id, seq), kind, code, expected_seq),
            other => {
                if matches!(other, Event::Closed(_)) {
                    self.end = Some(End::Closed);
                }
                if let Some(event) = convert::plain(other) {
                    self.pending.push_back(event);
                }
            }
        }
    }
}
