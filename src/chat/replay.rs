//! What a connection missed: sent after `hello`, and when a client reports a gap.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_core::{
    franking::FrankingKeys,
    store::{MatchRow, MessageRow, StoreError},
};
use tebdil_protocol::{
    ErrorCode, FrameId, MatchFound, MessageAck, MessageNew, MessageSync, PeerPresence, Quota,
    ResumePoint, ServerFrame,
    id::{MatchId, UserId},
};

use super::Chat;
use crate::hub::Connection;

/// Messages read and sent at a time; the next page waits until the connection has taken this one.
/// With the largest messages a page has 700 KiB.
const PAGE: i64 = 32;

/// Matches of a user and what a device should know about them, read when it says `hello` or may
/// have missed something.
#[derive(Debug)]
pub struct Missed<'a> {
    /// The user's active matches.
    pub matches: &'a [MatchRow],
    /// What the client says it has; for a connection that was already welcomed, what it was sent.
    pub resume: &'a [ResumePoint],
    /// The connection was welcomed before.
    pub live: bool,
    pub quota: Quota,
    pub keys_remaining: i64,
}

impl Chat {
    /// Sends what a connection missed before what happens meanwhile, and then lets that follow.
    /// True if something was missed meanwhile.
    ///
    /// The connection was held, and known to the hub and to presence, before `missed` was read, so
    /// a message committed since then is held, in the store, or both; its `seq` tells which.
    pub async fn replay(
        &self,
        connection: &Arc<Connection>,
        missed: Missed<'_>,
        franking: &FrankingKeys,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let peers: Vec<UserId> = missed.matches.iter().map(|row| row.peer_id).collect();
        let online = if peers.is_empty() {
            Vec::new()
        } else {
            self.online(&peers).await
        };
        let mut sent: HashMap<MatchId, i64> = HashMap::new();
        for (row, online) in missed.matches.iter().zip(online) {
            for frame in self.state_of(connection, row, online, &missed) {
                connection.outbound.push_first(frame.to_json(None));
            }
            // If the client says nothing, what it has acknowledged counts. If it claims more than
            // there is (after the database was restored from a backup), its live messages must not
            // count as sent.
            let claimed = missed
                .resume
                .iter()
                .find(|point| point.match_id == row.id)
                .map(|point| point.peer_seq);
            let resume = claimed.map(|seq| seq.clamp(0, row.peer_last_seq));
            let mut after = resume.unwrap_or(row.delivered_seq());
            // Messages go only to the device to which the match belongs.
            if row.session_id == connection.session_id {
                if !missed.live && after > row.delivered_seq() {
                    // What a device needs no more has arrived; a crash may have swallowed that.
                    let (match_id, seq) = (row.id, after);
                    self.receipt(connection, MessageAck { match_id, seq }, false, None)
                        .await;
                }
                let Some(to) = self.send_held(connection, row.id, after, franking).await? else {
                    return Ok(false);
                };
                after = to;
            }
            sent.insert(row.id, after);
        }
        for point in missed.resume {
            if sent.contains_key(&point.match_id) {
                continue;
            }
            if let Some(frame) = self
                .ended_meanwhile(connection, point.match_id, now)
                .await?
            {
                connection.outbound.push_first(frame.to_json(None));
            }
        }
        Ok(connection.outbound.release(sent.into_iter().collect()))
    }

    /// Frames that tell a device the state of a match.
    fn state_of(
        &self,
        connection: &Connection,
        row: &MatchRow,
        online: bool,
        missed: &Missed<'_>,
    ) -> Vec<ServerFrame> {
        let match_id = row.id;
        let mut frames = Vec::new();
        let this_device = row.session_id == connection.session_id;
        let unheard_of = if missed.live {
            missed.resume.iter().all(|point| point.match_id != match_id)
        } else {
            this_device && row.is_unbegun()
        };
        if unheard_of {
            // Perhaps the device was never told of the match.
            frames.push(ServerFrame::MatchFound(Box::new(MatchFound {
                found: row.view(connection.session_id, self.clock.now()),
                peer_key_package: row
                    .peer_key_package
                    .as_ref()
                    .filter(|_| this_device)
                    .map(|package| STANDARD.encode(package)),
                keys_remaining: this_device.then_some(missed.keys_remaining),
                quota: missed.quota.clone(),
            })));
        }
        frames.push(ServerFrame::PeerPresence(PeerPresence { match_id, online }));
        if !this_device {
            return frames;
        }
        let delivered = row.peer_delivered_seq();
        if delivered > 0 {
            frames.push(ServerFrame::MessageDelivered {
                match_id,
                seq: delivered,
            });
        }
        if row.peer_read_seq > 0 {
            frames.push(ServerFrame::MessageRead {
                match_id,
                seq: row.peer_read_seq,
            });
        }
        frames
    }

    /// `match.ended` for a match that the client takes to be open.
    async fn ended_meanwhile(
        &self,
        connection: &Connection,
        match_id: MatchId,
        now: tebdil_protocol::time::Timestamp,
    ) -> Result<Option<ServerFrame>, StoreError> {
        let Some(row) = self
            .store
            .matches()
            .match_of(match_id, connection.user_id)
            .await?
        else {
            return Ok(None);
        };
        Ok(row
            .ended(connection.user_id, now)
            .map(|ended| ServerFrame::MatchEnded(ended.view(connection.user_id))))
    }

    /// Sends the peer's messages after the client's gap again. Live messages may come in between;
    /// the client tells by their `seq`.
    pub async fn sync(
        &self,
        connection: &Connection,
        frame: MessageSync,
        re: Option<&FrameId>,
        franking: &FrankingKeys,
    ) -> Result<(), StoreError> {
        if let Err(code) = self.peer_of(connection, frame.match_id).await? {
            connection.send(&ServerFrame::error(code, code.title()), re);
            return Ok(());
        }
        if frame.peer_seq < 0 {
            connection.send(
                &ServerFrame::error(ErrorCode::InvalidField, "peer_seq: at least 0"),
                re,
            );
            return Ok(());
        }
        let messages = self.store.messages();
        messages.settle_user(connection.user_id).await?;
        self.send_held(connection, frame.match_id, frame.peer_seq, franking)
            .await?;
        Ok(())
    }

    /// Sends the peer's messages after `after` that are not acknowledged, the next page once the
    /// previous one was taken, and returns up to which; `None` if the connection closes.
    async fn send_held(
        &self,
        connection: &Connection,
        match_id: MatchId,
        mut after: i64,
        franking: &FrankingKeys,
    ) -> Result<Option<i64>, StoreError> {
        loop {
            let page = self
                .store
                .messages()
                .messages_from_peer(match_id, connection.user_id, after, PAGE)
                .await?;
            let Some(last) = page.last() else {
                return Ok(Some(after));
            };
            after = last.seq;
            for message in page {
                connection.outbound.push_first(
                    ServerFrame::MessageNew(from_peer(franking, message)).to_json(None),
                );
            }
            connection.outbound.wait_drained().await;
            if connection.outbound.closing().is_some() {
                return Ok(None);
            }
        }
    }
}

/// A message that its receiver has not acknowledged, as it is sent again.
pub fn from_peer(franking: &FrankingKeys, row: MessageRow) -> MessageNew {
    let frank = row.franked().map(|message| franking.frank(&message));
    MessageNew {
        match_id: row.match_id,
        seq: row.seq,
        kind: row.kind,
        ciphertext: row.content,
        franking_tag: row.franking_tag,
        frank,
        sent_at: row.sent_at,
    }
}
