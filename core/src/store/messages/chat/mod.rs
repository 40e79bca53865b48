//! Messages: appended and acknowledged in batches.

mod known;
mod rows;
mod sides;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use serde::Deserialize;

pub(crate) use self::known::KnownSides;
use self::{
    known::Known,
    sides::{Arrivals, Sides},
};
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
    /// Appends messages and records receipts; outcomes are in the order of the input. Receipts are
    /// applied first, since they make room.
    ///
    /// Every accepted message is the next of its sender in its match, has a `message_logs` row, and
    /// is durable when this returns. What is acknowledged goes from `messages`: at once on
    /// PostgreSQL, with a batch a second later on SQLite, or by [`Self::settle`] (ADR 46).
    ///
    /// Batches of several nodes may run at once: both sides of a match are locked while its
    /// messages are appended. A match locked by another is not waited for: everything in it is
    /// [`Append::Busy`] or [`Receipt::Busy`], and the rest is written.
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
        if self.db.has_one_writer() {
            self.write_known(messages, receipts, rules, now).await
        } else {
            self.write_locked(messages, receipts, rules, now).await
        }
    }

    /// Where others write, too.
    async fn write_locked(
        self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
        rules: &ChatRules,
        now: Timestamp,
    ) -> Result<(Vec<Append>, Vec<Receipt>), StoreError> {
        let mut tx = self.begin().await?;
        tx.plan_anew().await?;
        let mut sides = Sides::default();
        let speak = |sides: &Sides| sides.senders(messages, receipts);
        sides
            .lock(&mut tx, &matches_of(messages, receipts), speak, |_| None)
            .await?;
        let recorded = sides.record(receipts, now);
        let arrived = sides.arrived(now).map(|one| (one.key, one)).collect();
        sides.make_room(&rows::take_arrived(&mut tx, &arrived).await?);
        let (appends, fresh) = sides.append(messages, rules, now);
        rows::write_messages(&mut tx, &fresh).await?;
        rows::write_sides(&mut tx, &sides).await?;
        tx.commit().await?;
        Ok((appends, recorded))
    }

    /// Where nobody else writes.
    async fn write_known(
        self,
        messages: &[NewMessage],
        receipts: &[NewReceipt],
        rules: &ChatRules,
        now: Timestamp,
    ) -> Result<(Vec<Append>, Vec<Receipt>), StoreError> {
        let mut known = self.known.lock().await;
        if messages.is_empty()
            && let Some(recorded) = known.record(&self.known, receipts, now)
        {
            return Ok((Vec::new(), recorded));
        }
        let mut tx = self.begin().await?;
        // Nobody else writes now: what others have changed is committed.
        known.refresh(&self.known, &mut tx).await?;
        let mut sides = Sides::default();
        let unknown = known.lend(matches_of(messages, receipts), &mut sides);
        let arrived = |key| known.arrival(key);
        sides.lock(&mut tx, &unknown, Sides::keys, arrived).await?;
        let recorded = sides.record(receipts, now);
        let settled = known.due_with(&sides, sides.crowded(messages, rules), now);
        let gone = rows::take_arrived(&mut tx, &settled).await?;
        sides.make_room(&gone);
        let (appends, fresh) = sides.append(messages, rules, now);
        rows::write_messages(&mut tx, &fresh).await?;
        rows::write_sides(&mut tx, &sides).await?;
        tx.commit().await?;
        known.settled(&settled, &gone);
        known.keep(sides, &settled, now);
        Ok((appends, recorded))
    }

    /// Takes out what arrived a second ago or earlier, for when no batch comes that would.
    pub async fn settle(self) -> Result<(), StoreError> {
        self.take_out(Known::due).await
    }

    /// Takes out all that has arrived.
    pub async fn settle_all(self) -> Result<(), StoreError> {
        self.take_out(|known| known.arrived(|_| true)).await
    }

    /// Takes out all that has arrived from this user or at it.
    pub async fn settle_user(self, user: UserId) -> Result<(), StoreError> {
        self.take_out(|known| known.arrived(|one| one.key.1 == user || one.receiver == user))
            .await
    }

    /// Takes out all that has arrived in these matches.
    pub async fn settle_matches(self, matches: &HashSet<MatchId>) -> Result<(), StoreError> {
        self.take_out(|known| known.arrived(|one| matches.contains(&one.key.0)))
            .await
    }

    /// A part at a time, so that nobody waits for long.
    async fn take_out(self, part: impl Fn(&Known) -> Arrivals) -> Result<(), StoreError> {
        loop {
            let mut known = self.known.lock().await;
            let settled = part(&known);
            if settled.is_empty() {
                return Ok(());
            }
            let mut tx = self.begin().await?;
            let gone = rows::take_arrived(&mut tx, &settled).await?;
            tx.commit().await?;
            known.settled(&settled, &gone);
        }
    }
}

fn matches_of(messages: &[NewMessage], receipts: &[NewReceipt]) -> BTreeSet<MatchId> {
    let of_messages = messages.iter().map(|message| message.match_id);
    let of_receipts = receipts.iter().map(|receipt| receipt.match_id);
    of_messages.chain(of_receipts).collect()
}
