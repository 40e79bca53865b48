//! Messages: appended and acknowledged in batches.

mod rows;
mod sides;

use std::sync::Arc;

use serde::Deserialize;

use self::sides::Sides;
use super::Messages;
use crate::{settings::Checks, store::StoreError};
use tebdil_protocol::{
    domain::MessageKind,
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

/// How much of what one side of a match sends may wait: the section `[messages]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatRules {
    /// Messages that the peer has not acknowledged; at this number nothing more is accepted. At
    /// least 1.
    pub undelivered: i64,
    /// Bytes of such messages; at this number nothing more is accepted, so the last message may
    /// exceed it. At least 1.
    pub undelivered_bytes: i64,
}

impl ChatRules {
    /// What values must be.
    pub fn check(&self, check: &mut Checks) {
        check.range("messages.undelivered", self.undelivered, 16..=100_000);
        check.that(
            (65_536..=1_073_741_824).contains(&self.undelivered_bytes),
            "messages.undelivered_bytes",
            "must be 65536 to 1073741824: at least four of the largest messages",
        );
    }
}

impl Default for ChatRules {
    /// Those of the settings.
    fn default() -> Self {
        Self {
            undelivered: 1_000,
            undelivered_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The one device of a user that a match belongs to.
pub type MatchDevice = (UserId, SessionId);

/// A message to append.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub match_id: MatchId,
    pub sender_id: UserId,
    pub session_id: SessionId,
    /// Its number among the sender's messages in the match, as the sending device counts.
    pub seq: i64,
    pub kind: MessageKind,
    pub ciphertext: Vec<u8>,
    pub franking_tag: Option<Vec<u8>>,
    /// For `message_logs`.
    pub device_info: Arc<str>,
}

/// What became of a [`NewMessage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// It is stored.
    Accepted {
        sent_at: Timestamp,
        receiver: MatchDevice,
    },
    /// One with this number was stored before, and nothing is stored now: see
    /// [`Messages::accepted_at`].
    Repeated { receiver: MatchDevice },
    /// The number of the next message is this one.
    OutOfOrder { expected: i64 },
    /// The match belongs to another device of the sender.
    WrongDevice,
    /// The match is over.
    Ended,
    /// There is no such match of the sender.
    NotFound,
    /// Too many of the sender's messages wait for the peer: see [`ChatRules`].
    Full,
    /// Somebody else writes in the match at this moment. Nothing was done; try again.
    Busy,
}

/// How far a device has come with the peer's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewReceipt {
    pub match_id: MatchId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// Every message of the peer up to this one.
    pub seq: i64,
    /// Whether they were read; otherwise they were received.
    pub read: bool,
}

/// What became of a [`NewReceipt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It is recorded, and tells something new to the sender of the messages.
    Recorded { sender: MatchDevice },
    /// As much was recorded before.
    Known,
    /// The peer has not sent that many.
    Beyond,
    /// The match belongs to another device of the user.
    WrongDevice,
    /// The match is over.
    Ended,
    /// There is no such match of the user.
    NotFound,
    /// Somebody else writes in the match at this moment. Nothing was done; try again.
    Busy,
}

impl Messages<'_> {
    /// Appends messages and records receipts in one transaction; outcomes are in the order of the
    /// input. Receipts are applied first, since they make room.
    ///
    /// Every accepted message is the next of its sender in its match, has a `message_logs` row, and
    /// is durable when this returns; what is acknowledged is gone from `messages`. Batches of
    /// several nodes may run at once: both sides of a match are locked while its messages are
    /// appended. A match locked by another is not waited for: everything in it is [`Append::Busy`]
    /// or [`Receipt::Busy`], and the rest is written.
    pub async fn write_chat(
        self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
        rules: &ChatRules,
        now: Timestamp,
    ) -> Result<(Vec<Append>, Vec<Receipt>), StoreError> {
        if messages.is_empty() && receipts.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut tx = self.begin().await?;
        tx.plan_anew().await?;
        let mut sides = Sides::lock(&mut tx, messages, receipts).await?;
        let recorded = sides.record(receipts, now);
        rows::take_arrived(&mut tx, &mut sides, now).await?;
        let (appends, fresh) = sides.append(messages, rules, now);
        rows::write_messages(&mut tx, &fresh).await?;
        rows::write_sides(&mut tx, &sides).await?;
        tx.commit().await?;
        Ok((appends, recorded))
    }
}
