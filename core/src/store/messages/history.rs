//! Reading messages: to send them again after a reconnect, and to list them.

use sqlx_macros::FromRow;

use super::Messages;
use crate::{franking::FrankedMessage, store::StoreError};
use tebdil_protocol::{
    domain::MessageKind,
    franking::ciphertext_sha256,
    id::{MatchId, UserId},
    time::Timestamp,
};

/// A message that its receiver has not acknowledged.
#[derive(Debug, Clone, FromRow)]
pub struct MessageRow {
    pub match_id: MatchId,
    pub sender_id: UserId,
    pub receiver_id: UserId,
    pub seq: i64,
    pub kind: MessageKind,
    pub content: Vec<u8>,
    pub franking_tag: Option<Vec<u8>>,
    pub sent_at: Timestamp,
}

impl MessageRow {
    /// What the server vouches for, if the message has a franking tag.
    pub fn franked(&self) -> Option<FrankedMessage> {
        Some(FrankedMessage {
            tag: self.franking_tag.as_deref()?.try_into().ok()?,
            match_id: self.match_id,
            sender_id: self.sender_id,
            recipient_id: self.receiver_id,
            seq: self.seq,
            sent_at: self.sent_at,
            ciphertext_sha256: ciphertext_sha256(&self.content),
        })
    }
}

impl Messages<'_> {
    /// Unacknowledged messages of `user`'s peer in a match, with `seq` above `after`, in order, at
    /// most `limit`.
    ///
    /// Also empty if there is no such match of the user, or it is over.
    pub async fn messages_from_peer(
        self,
        match_id: MatchId,
        user: UserId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<MessageRow>, StoreError> {
        const SQL: &str = "SELECT m.match_id, m.sender_id, s.user_id AS receiver_id, m.seq, \
             m.kind, m.content, m.franking_tag, m.sent_at FROM match_sides s \
             JOIN messages m ON m.match_id = s.match_id AND m.sender_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND m.seq > $3 \
             ORDER BY m.seq LIMIT $4";
        self.db.all(SQL, (match_id, user, after, limit)).await
    }

    /// When the message `seq` of `sender` was accepted; `None` if there is none.
    pub async fn accepted_at(
        self,
        match_id: MatchId,
        sender: UserId,
        seq: i64,
    ) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "SELECT sent_at FROM message_logs \
             WHERE match_id = $1 AND sender_id = $2 AND seq = $3";
        let query = self.read(SQL).bind(match_id).bind(sender).bind(seq);
        Ok(query.optional_value().await?)
    }
}
