//! Messages as they are read: sent again after a reconnect, and listed.

use sqlx::FromRow;

use super::Messages;
use crate::{franking::FrankedMessage, store::StoreError};
use tebdil_protocol::{
    domain::MessageKind,
    franking::ciphertext_sha256,
    id::{MatchId, MessageId, UserId},
    time::Timestamp,
};

/// A message as it is sent again.
#[derive(Debug, Clone, FromRow)]
pub struct MessageRow {
    pub id: MessageId,
    pub match_id: MatchId,
    pub sender_id: UserId,
    pub receiver_id: UserId,
    pub seq: i64,
    pub kind: MessageKind,
    pub content: Vec<u8>,
    pub franking_tag: Option<Vec<u8>>,
    pub created_at: Timestamp,
}

impl MessageRow {
    /// What the server vouches for, where the message has a franking tag.
    pub fn franked(&self) -> Option<FrankedMessage> {
        Some(FrankedMessage {
            tag: self.franking_tag.as_deref()?.try_into().ok()?,
            match_id: self.match_id,
            sender_id: self.sender_id,
            recipient_id: self.receiver_id,
            message_id: self.id,
            sent_at: self.created_at,
            ciphertext_sha256: ciphertext_sha256(&self.content),
        })
    }
}

impl Messages<'_> {
    /// Messages of the peer of `user` in a match with `seq` above `after`, in order, `limit` at
    /// most.
    ///
    /// Empty as well where there is no such match of the user.
    pub async fn messages_from_peer(
        self,
        match_id: MatchId,
        user: UserId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<MessageRow>, StoreError> {
        const SQL: &str = "SELECT m.id, m.match_id, m.sender_id, m.receiver_id, m.seq, m.kind, \
             m.content, m.franking_tag, m.created_at \
             FROM match_sides s \
             JOIN messages m ON m.match_id = s.match_id AND m.sender_id = s.peer_id \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND m.seq > $3 \
             ORDER BY m.seq LIMIT $4";
        Ok(self
            .read(SQL)
            .bind(match_id)
            .bind(user)
            .bind(after)
            .bind(limit)
            .all()
            .await?)
    }

    /// Messages of both sides of a match of `user` with ids above `after`, oldest first, `limit` at
    /// most. Ids grow in the order of the commits: what is written later comes after what was read.
    pub async fn message_history(
        self,
        match_id: MatchId,
        user: UserId,
        after: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<MessageRow>, StoreError> {
        const SQL: &str = "SELECT m.id, m.match_id, m.sender_id, m.receiver_id, m.seq, m.kind, \
             m.content, m.franking_tag, m.created_at \
             FROM match_sides s JOIN messages m ON m.match_id = s.match_id \
             WHERE s.match_id = $1 AND s.user_id = $2 AND s.open AND m.id > $3 \
             ORDER BY m.id LIMIT $4";
        let after = after.unwrap_or(MessageId(0));
        Ok(self
            .read(SQL)
            .bind(match_id)
            .bind(user)
            .bind(after)
            .bind(limit)
            .all()
            .await?)
    }
}
