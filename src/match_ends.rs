//! What follows from the end of a match, whoever ended it: a side, a claim, a block, a ban, time.
//!
//! The end itself is a transaction of the store. After it, in this order: the match is closed, so
//! that nothing is signalled or typed in it any more and its call is cut; both sides are told
//! `match.ended`; they are shown an ad. Each node does so for its own devices, whether it ended the
//! match or hears of it from the process that did.

use std::sync::Arc;

use tebdil_core::store::{EndOutcome, EndedMatch, Store, StoreError};
use tebdil_protocol::{
    ErrorCode, FrameId, ServerFrame,
    domain::EndReason,
    id::{MatchId, UserId},
    time::Clock,
};

use crate::{
    ads::Ads,
    calls::Calls,
    chat::Chat,
    hub::{Audience, Connection, ConnectionId, Hub, NodeMessage, Outgoing},
    relay::Relays,
};

/// What one process does when matches end.
#[derive(Debug)]
pub struct MatchEnds {
    store: Store,
    clock: Clock,
    hub: Arc<Hub>,
    /// `None` where no call is relayed.
    relays: Option<Arc<Relays>>,
    /// `None` where no device is connected.
    rooms: Option<Rooms>,
}

/// What a node keeps about open matches.
#[derive(Debug, Clone)]
pub struct Rooms {
    pub chat: Arc<Chat>,
    pub calls: Arc<Calls>,
    pub ads: Arc<Ads>,
}

impl MatchEnds {
    pub fn new(
        store: Store,
        clock: Clock,
        hub: Arc<Hub>,
        relays: Option<Arc<Relays>>,
        rooms: Option<Rooms>,
    ) -> Self {
        Self {
            store,
            clock,
            hub,
            relays,
            rooms,
        }
    }

    /// Ends a match at the request of one of its users; the consequences follow if this call was
    /// the one that ended it.
    pub async fn end(
        &self,
        match_id: MatchId,
        by: UserId,
        reason: EndReason,
    ) -> Result<EndOutcome, StoreError> {
        let end = self.commit(match_id, by, reason).await?;
        if let EndOutcome::Now(ended) = &end {
            self.announce(ended);
        }
        Ok(end)
    }

    /// Ends a match at the request of a connection, which gets an answer of its own. The second to
    /// ask learns how it ended.
    pub async fn leave(
        &self,
        origin: &Connection,
        match_id: MatchId,
        reason: EndReason,
        re: Option<&FrameId>,
    ) -> Result<(), StoreError> {
        match self.commit(match_id, origin.user_id, reason).await? {
            EndOutcome::NotFound => {
                let refusal = ServerFrame::error(ErrorCode::NotFound, "match_id: no such match");
                origin.send(&refusal, re);
            }
            EndOutcome::Before(ended) => origin.send(&told(&ended, origin.user_id), re),
            EndOutcome::Now(ended) => {
                self.close(&ended);
                origin.send(&told(&ended, origin.user_id), re);
                self.tell(&ended, Some(origin.id));
            }
        }
        Ok(())
    }

    /// This process ended a match.
    pub fn announce(&self, ended: &EndedMatch) {
        self.close(ended);
        self.tell(ended, None);
    }

    /// Another process ended a match and tells the devices of `user` with this frame.
    pub fn tell_here(&self, match_id: MatchId, user: UserId, audience: Audience, frame: &Outgoing) {
        if let Some(rooms) = &self.rooms {
            rooms.chat.forget(match_id);
            rooms.calls.heard_of_the_end(match_id);
        }
        self.hub.send_here(user, audience, frame);
        self.show_ad(match_id, user);
    }

    /// Another process ended a match whose call may go through this one.
    pub fn call_over(&self, match_id: MatchId) {
        if let Some(rooms) = &self.rooms {
            rooms.calls.over(match_id);
        }
        if let Some(relays) = &self.relays {
            relays.cut(match_id);
        }
    }

    /// Messages of other processes that matches ended may have been lost.
    pub fn word_was_lost(&self) {
        if let Some(rooms) = &self.rooms {
            rooms.calls.doubt();
        }
        if let Some(relays) = &self.relays {
            relays.word_was_lost();
        }
    }

    async fn commit(
        &self,
        match_id: MatchId,
        by: UserId,
        reason: EndReason,
    ) -> Result<EndOutcome, StoreError> {
        self.store
            .matches()
            .end_match(match_id, Some(by), reason, self.clock.now())
            .await
    }

    /// Closes a match before anybody is told of its end: what comes after that is refused.
    fn close(&self, ended: &EndedMatch) {
        let match_id = ended.match_id;
        if let Some(rooms) = &self.rooms {
            rooms.chat.forget(match_id);
        }
        if let Some(call) = ended.call {
            metrics::counter!("tebdil_calls_total", "outcome" => call.as_str()).increment(1);
            self.call_over(match_id);
            self.hub.tell_others(|| NodeMessage::CutCall { match_id });
        }
    }

    /// Tells both sides, except the connection `except`, which was answered.
    fn tell(&self, ended: &EndedMatch, except: Option<ConnectionId>) {
        for user in ended.users {
            self.hub
                .send_encoded(user, except, || Outgoing::new(&told(ended, user), None));
            self.show_ad(ended.match_id, user);
        }
    }

    /// Shows an ad to a user who is here.
    fn show_ad(&self, match_id: MatchId, user: UserId) {
        if let Some(rooms) = &self.rooms
            && self.hub.is_here(user)
        {
            rooms.ads.match_ended(match_id, user);
        }
    }
}

fn told(ended: &EndedMatch, user: UserId) -> ServerFrame {
    ServerFrame::MatchEnded(ended.view(user))
}
