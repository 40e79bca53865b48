//! Matches: when they begin, when their encryption stands, when they end.

use std::collections::VecDeque;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tebdil_protocol::{
    ErrorCode, Match, MatchCancelled, MatchFound, Welcome,
    domain::{CancelReason, MatchRole},
    id::{MatchId, TicketId},
};

use super::{Actor, ChatEvent, KnownMatch};
use crate::{
    call::Gate,
    chat::numbers::Numbers,
    connection::{Handle, SendError},
    mls::{MlsError, Parties},
};

impl Actor {
    pub(super) fn welcomed(&mut self, handle: &Handle, welcome: Welcome) {
        self.own_handle.clone_from(&welcome.user.handle);
        self.pending.push_back(ChatEvent::Connected {
            user: Box::new(welcome.user),
            quota: welcome.quota,
            keys_remaining: welcome.keys_remaining,
        });
        let gone: Vec<MatchId> = self
            .matches
            .keys()
            .copied()
            .filter(|known| !welcome.matches.iter().any(|active| active.id == *known))
            .collect();
        for match_id in gone {
            self.ended(match_id);
            self.pending.push_back(ChatEvent::Ended {
                match_id,
                details: None,
            });
        }
        let greeted = std::mem::replace(&mut self.greeted, true);
        // Oldest first, so that the newest is the last one the user hears of.
        for active in welcome.matches.into_iter().rev() {
            let match_id = active.id;
            // Made while our search was losing its socket. What a process finds at its start is of
            // an earlier one that did not store its keys.
            let new_here = active.this_device && greeted && !self.matches.contains_key(&match_id);
            if new_here {
                // To go on searching would spend a second right on one wish.
                self.search_is_over();
            }
            self.learn(active, new_here);
            // A process may have ended between storing and acknowledging.
            if let Some(known) = self
                .matches
                .get(&match_id)
                .filter(|known| known.here && known.peer_seq > 0)
            {
                self.after.acks.push((match_id, known.peer_seq));
            }
        }
        self.refill_keys(welcome.keys_remaining);
        self.ticket = None;
        if let Some(running) = welcome.search {
            self.search_goes_on(running.ticket_id);
        }
        match self.searching.clone().filter(|_| !self.finding) {
            Some(find) if !find.background => self.find(handle, find, None),
            Some(_) if self.ticket.is_none() => {
                self.search_is_over();
                let over = ChatEvent::SearchCancelled(CancelReason::Ended);
                self.pending.push_back(over);
            }
            _ => {}
        }
    }

    pub(super) fn search_goes_on(&mut self, ticket_id: TicketId) {
        self.ticket = Some(ticket_id);
        self.pending.push_back(ChatEvent::Searching { ticket_id });
    }

    /// A search is over without a match; perhaps one in whose place another has come here.
    pub(super) fn search_cancelled(&mut self, cancelled: MatchCancelled) {
        if cancelled.ticket_id == self.ticket {
            self.search_is_over();
            let over = ChatEvent::SearchCancelled(cancelled.reason);
            self.pending.push_back(over);
        }
    }

    fn search_is_over(&mut self) {
        (self.searching, self.ticket) = (None, None);
    }

    /// Takes note of a match; tells the application when it did not know of it, or not that it is
    /// to be read here.
    fn learn(&mut self, info: Match, here: bool) {
        let match_id = info.id;
        let known = self.matches.entry(match_id).or_insert_with(|| {
            self.dirty = true;
            KnownMatch {
                info: None,
                here,
                peer_seq: 0,
                own: Numbers::default(),
                drafts: VecDeque::new(),
                call: Gate::default(),
            }
        });
        let came_here = here && !known.here;
        self.dirty |= came_here;
        known.here |= here;
        let news = known.info.is_none() || came_here;
        known.info = Some(info.clone());
        if news {
            self.pending.push_back(ChatEvent::Matched {
                found: Box::new(info),
                this_device: known.here,
            });
            self.tell_secured(match_id);
        }
    }

    pub(super) fn tell_secured(&mut self, match_id: MatchId) {
        if let Some(safety_number) = self.device.safety_number(match_id) {
            self.pending.push_back(ChatEvent::Secured {
                match_id,
                safety_number,
            });
        }
    }

    pub(super) fn found(&mut self, found: MatchFound) {
        let MatchFound {
            found,
            peer_key_package,
            keys_remaining,
            quota,
        } = found;
        let (match_id, this_device) = (found.id, found.this_device);
        if this_device {
            self.search_is_over();
        }
        let parties = self.parties(&found);
        let offers = found.role == MatchRole::Offerer;
        self.learn(found, this_device);
        self.pending.push_back(ChatEvent::Quota(quota));
        // The server may tell of a match again; the keys are made once.
        if let (true, true, Some(package)) = (
            this_device && offers,
            !self.device.has_session(match_id),
            peer_key_package,
        ) {
            let package = STANDARD
                .decode(package)
                .map_err(|_| MlsError::KeyPackage("not base64"));
            match package.and_then(|package| self.device.create(parties, &package)) {
                Ok(welcome) => {
                    self.send_handshake(match_id, welcome);
                    self.secured(match_id);
                }
                Err(error) => self
                    .pending
                    .push_back(ChatEvent::NotSecured { match_id, error }),
            }
        }
        if let Some(remaining) = keys_remaining {
            self.refill_keys(remaining);
        }
    }

    pub(super) fn parties(&self, found: &Match) -> Parties {
        Parties {
            match_id: found.id,
            own_handle: self.own_handle.clone(),
            peer_handle: found.peer.handle.clone(),
        }
    }

    /// The encryption stands: tells so, and sends what waited for it.
    pub(super) fn secured(&mut self, match_id: MatchId) {
        self.dirty = true;
        self.tell_secured(match_id);
        let drafts = self
            .matches
            .get_mut(&match_id)
            .map(|known| std::mem::take(&mut known.drafts))
            .unwrap_or_default();
        for draft in drafts {
            if let Err(error) = self.seal(match_id, draft) {
                tracing::warn!(%error, "a waiting text could not be sealed");
                let code = ErrorCode::MessageTooLarge;
                self.pending.push_back(ChatEvent::Refused {
                    match_id,
                    seq: None,
                    code,
                });
            }
        }
    }

    pub(super) fn ended(&mut self, match_id: MatchId) {
        if let Some(known) = self.matches.remove(&match_id) {
            for draft in known.drafts {
                let _ = draft.reply.send(Err(SendError::MatchEnded));
            }
        }
        self.evidence.ended(match_id);
        self.outbox.retain(|message| message.match_id != match_id);
        self.after
            .sends
            .retain(|(message, ..)| message.match_id != match_id);
        if let Err(error) = self.device.forget(match_id) {
            tracing::warn!(%error, "the keys of a match could not be erased");
        }
        self.dirty = true;
    }
}
