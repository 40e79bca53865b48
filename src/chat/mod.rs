//! What matched people send each other: messages, receipts, typing.
//!
//! A message's way: connection → [`Chat::send`] → the [`writer`], which commits everything that has
//! arrived in one transaction, then answers the senders and tells the receivers. Nobody sees a
//! message that is not in the store, and in each direction `seq` follows the order of sending.

mod batch;
mod directory;
mod new_matches;
mod replay;
mod writer;

use std::sync::Arc;

pub use new_matches::NewMatches;
pub use replay::{Missed, from_peer};
use tebdil_core::{
    realtime::Whom,
    store::{ChatRules, MatchDevice, NewMessage, NewReceipt, Store, StoreError},
};
use tebdil_protocol::{
    ErrorCode, FrameId, MessageAck, MessageSend, ServerFrame, Typing, franking,
    id::{MatchId, UserId},
    time::Clock,
};
use tokio::sync::mpsc;
pub use writer::{ChatWriter, MAX_BATCH};

use self::{
    batch::{Op, Origin},
    directory::Directory,
};
use crate::{
    hub::{Connection, Hub},
    notifications::Wakeups,
};

/// How many matches are remembered with their devices.
const DIRECTORY_CAPACITY: usize = 100_000;

/// Operations that may wait for the writer; connections wait for room.
const WRITER_QUEUE: usize = 1_024;

/// The chat service of this node.
#[derive(Debug)]
pub struct Chat {
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    directory: Directory,
    writer: mpsc::Sender<Op>,
}

impl Chat {
    /// The service, and the writer that has to be run for it. `rules` bound what may wait,
    /// `wakeups` notes who is not here.
    pub fn new(
        store: Store,
        hub: Arc<Hub>,
        clock: Clock,
        rules: ChatRules,
        wakeups: Arc<Wakeups>,
    ) -> (Self, ChatWriter) {
        let (writer, ops) = mpsc::channel(WRITER_QUEUE);
        let chat = Self {
            store: store.clone(),
            hub: Arc::clone(&hub),
            clock: clock.clone(),
            directory: Directory::new(DIRECTORY_CAPACITY),
            writer,
        };
        (
            chat,
            ChatWriter::new(ops, store, hub, clock, rules, wakeups),
        )
    }

    /// Queues a message. The answer and the delivery follow the commit. Refused when its franking
    /// tag is not the one inside it.
    pub async fn send(&self, origin: &Arc<Connection>, frame: MessageSend, re: Option<FrameId>) {
        let from = Origin::new(origin, re);
        // Hashed here, where only this connection waits for it, not in the writer, where everybody
        // would.
        let digest = match frame.franking_tag.as_deref() {
            None => None,
            Some(tag)
                if franking::tag_in_message(&frame.ciphertext)
                    .is_some_and(|inside| inside == tag) =>
            {
                Some(franking::ciphertext_sha256(&frame.ciphertext))
            }
            Some(_) => return from.refuse(ErrorCode::FrankingTagMismatch),
        };
        let message = NewMessage {
            match_id: frame.match_id,
            sender_id: origin.user_id,
            session_id: origin.session_id,
            seq: frame.seq,
            kind: frame.kind,
            ciphertext: frame.ciphertext,
            franking_tag: frame.franking_tag,
            device_info: Arc::clone(&origin.device_info),
        };
        self.queue(Op::Send {
            message,
            digest,
            origin: from,
        })
        .await;
    }

    /// Queues a receipt (`message.ack`, or `message.read` with `read`).
    pub async fn receipt(
        &self,
        origin: &Arc<Connection>,
        frame: MessageAck,
        read: bool,
        re: Option<FrameId>,
    ) {
        let receipt = NewReceipt {
            match_id: frame.match_id,
            user_id: origin.user_id,
            session_id: origin.session_id,
            seq: frame.seq,
            read,
        };
        self.queue(Op::Receipt {
            receipt,
            origin: Origin::new(origin, re),
        })
        .await;
    }

    async fn queue(&self, op: Op) {
        if let Err(mpsc::error::SendError(op)) = self.writer.send(op).await {
            op.refuse(ErrorCode::Draining);
        }
    }

    /// Tells the peer that the user writes, or stopped. Never stored.
    pub async fn typing(
        &self,
        origin: &Connection,
        frame: Typing,
        re: Option<&FrameId>,
    ) -> Result<(), StoreError> {
        let Typing { match_id, on } = frame;
        match self.peer_of(origin, match_id).await? {
            Ok((peer, session)) => {
                let typing = ServerFrame::Typing { match_id, on };
                self.hub.send_to_device(peer, session, &typing);
            }
            Err(code) => origin.send(&ServerFrame::error(code, code.title()), re),
        }
        Ok(())
    }

    /// Forgets a match that is over: nothing is typed in it any more.
    pub fn forget(&self, match_id: MatchId) {
        self.directory.forget(match_id);
    }

    /// Whether each of these users is online; if the other nodes cannot be asked, as far as this
    /// node knows.
    async fn online(&self, users: &[UserId]) -> Vec<bool> {
        let whom: Vec<Whom> = users.iter().map(|user| (*user, None)).collect();
        match self.hub.online(&whom).await {
            Ok(online) => online,
            Err(_) => users.iter().map(|user| self.hub.is_here(*user)).collect(),
        }
    }

    /// The device on the other side of a match; `Err` with why there is none for this connection.
    async fn peer_of(
        &self,
        origin: &Connection,
        match_id: MatchId,
    ) -> Result<Result<MatchDevice, ErrorCode>, StoreError> {
        let device = (origin.user_id, origin.session_id);
        let now = self.clock.now();
        self.directory
            .peer(&self.store, match_id, device, now)
            .await
    }
}
