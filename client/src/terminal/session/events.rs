//! What happens: everything the chat tells, as the user reads it.

use rust_i18n::t;
use tebdil_client::{
    chat::{ChatEvent, EndDetails},
    connection::Ended,
    mls::SafetyNumber,
};
use tebdil_protocol::{
    CloseCode, ErrorCode, Match, Quota, WhoEnded,
    domain::{CancelReason, EndReason, Mode},
    id::MatchId,
    time::Timestamp,
};

use super::{ChatSession, Next, Talk};
use crate::terminal::{
    TerminalError, failure,
    screen::{Kind, printable},
};

impl ChatSession {
    pub(super) async fn take_event(&mut self, event: ChatEvent) -> Result<Next, TerminalError> {
        match event {
            ChatEvent::Connected { user, quota, .. } => self.connected(&user.handle, &quota),
            ChatEvent::Disconnected { retry_in, .. } => {
                self.quiet(&t!("disconnected", seconds = retry_in.as_secs().max(1)));
            }
            ChatEvent::Draining { .. } => self.quiet(&t!("draining")),
            ChatEvent::Searching { .. } => {
                self.searching = true;
                self.note(&t!("searching"));
            }
            ChatEvent::SearchCancelled(why) => self.search_cancelled(why),
            ChatEvent::SearchFailed { code, resets_at } => self.search_failed(code, resets_at),
            ChatEvent::Matched { found, this_device } => self.matched(&found, this_device),
            ChatEvent::Secured {
                match_id,
                safety_number,
            } => self.secured(match_id, &safety_number),
            ChatEvent::NotSecured { match_id, error } => {
                self.warn(&t!("not_secured", error = error));
                if let Err(error) = self.leave(match_id).await {
                    self.warn(&failure::describe(&error));
                }
            }
            ChatEvent::Text {
                match_id,
                seq,
                text,
                sent_at,
            } => {
                let who = self.name(match_id);
                self.screen.said(Kind::Peer, sent_at, &who, &text);
                if let Some(talk) = self.talks.get_mut(&match_id) {
                    talk.typing = false;
                }
                self.chat.read(match_id, seq).await;
            }
            ChatEvent::Missing { match_id, seqs } => {
                let (who, count) = (self.name(match_id), seqs.count());
                self.warn(&t!("never_comes", who = who, count = count));
            }
            ChatEvent::Unreadable {
                match_id, error, ..
            } => {
                let who = self.name(match_id);
                let why = error.map(|error| error.to_string()).unwrap_or_default();
                self.warn(&t!("unreadable", who = who, why = why));
            }
            ChatEvent::Notification(notification) => self.note(&printable(&notification.message)),
            // A terminal has no calls.
            ChatEvent::Description(_)
            | ChatEvent::Candidate(_)
            | ChatEvent::CallState(_)
            | ChatEvent::CallRefused { .. }
            | ChatEvent::Quota(_)
            | ChatEvent::NotificationsRead(_) => {}
            ChatEvent::Error { code, .. } => self.warn(&failure::code(code)),
            ChatEvent::Refused { code, .. } => {
                let why = failure::code(code);
                self.warn(&t!("refused", why = why));
            }
            ChatEvent::Ended { match_id, details } => self.ended(match_id, details),
            ChatEvent::Closed(ended) => return Err(TerminalError::Ended(closed(ended))),
            ChatEvent::Failed(why) => {
                return Err(TerminalError::Ended(t!("failed", why = why).into()));
            }
            ChatEvent::Accepted { .. }
            | ChatEvent::Delivered { .. }
            | ChatEvent::Read { .. }
            | ChatEvent::Typing { .. }
            | ChatEvent::Presence { .. } => self.peer_sign(&event),
        }
        Ok(Next::Go)
    }

    fn connected(&mut self, own_handle: &str, quota: &Quota) {
        if self.greeted {
            self.quiet(&t!("reconnected"));
        } else {
            self.greeted = true;
            self.note(&t!("welcome", handle = own_handle));
            self.show_quota(quota);
            self.help();
        }
    }

    fn secured(&mut self, match_id: MatchId, safety_number: &SafetyNumber) {
        let who = self.name(match_id);
        self.note(&t!("secured", who = who));
        self.screen
            .line(Kind::Strong, &t!("safety.number", number = safety_number));
        self.quiet(&t!("safety.why"));
    }

    /// Small signs about the peer and one's own texts.
    fn peer_sign(&mut self, event: &ChatEvent) {
        let (ChatEvent::Accepted { match_id, .. }
        | ChatEvent::Delivered { match_id, .. }
        | ChatEvent::Read { match_id, .. }
        | ChatEvent::Typing { match_id, .. }
        | ChatEvent::Presence { match_id, .. }) = event
        else {
            return;
        };
        let Some(talk) = self.talks.get_mut(match_id) else {
            return;
        };
        let who = talk.handle.clone();
        let line = match event {
            ChatEvent::Accepted { seq, .. } => {
                talk.last_sent = talk.last_sent.max(*seq);
                return;
            }
            // Told for the last text only: it means all before it too.
            ChatEvent::Delivered { seq, .. }
                if *seq >= talk.last_sent && *seq > talk.delivered && talk.last_sent > 0 =>
            {
                talk.delivered = *seq;
                t!("delivered")
            }
            ChatEvent::Read { seq, .. }
                if *seq >= talk.last_sent && *seq > talk.read && talk.last_sent > 0 =>
            {
                talk.read = *seq;
                talk.delivered = *seq;
                t!("read")
            }
            ChatEvent::Typing { on, .. } if *on != talk.typing => {
                talk.typing = *on;
                if !*on {
                    return;
                }
                t!("typing", who = who)
            }
            ChatEvent::Presence { online, .. } if talk.online != Some(*online) => {
                talk.online = Some(*online);
                if *online {
                    t!("presence.online", who = who)
                } else {
                    t!("presence.offline", who = who)
                }
            }
            _ => return,
        };
        self.quiet(&line);
    }

    fn search_cancelled(&mut self, why: CancelReason) {
        self.searching = false;
        let line = match why {
            CancelReason::Cancelled => t!("search_over.cancelled"),
            CancelReason::Replaced => t!("search_over.replaced"),
            CancelReason::Matched => t!("search_over.matched"),
            CancelReason::Ended => t!("search_over.ended"),
        };
        self.note(&line);
    }

    fn search_failed(&mut self, code: Option<ErrorCode>, resets_at: Option<Timestamp>) {
        self.searching = false;
        let why = code.map(failure::code).unwrap_or_default();
        match resets_at {
            Some(at) => {
                let at = self.screen.time(at);
                self.warn(&t!("search_failed_until", why = why, at = at));
            }
            None => self.warn(&t!("search_failed", why = why)),
        }
    }

    fn matched(&mut self, found: &Match, this_device: bool) {
        let handle = printable(&found.peer.handle);
        let talk = Talk {
            handle: handle.clone(),
            online: None,
            typing: false,
            last_sent: 0,
            delivered: 0,
            read: 0,
        };
        self.talks.insert(found.id, talk);
        if found.mode == Mode::Video {
            self.quiet(&t!("matched_video", who = handle));
            return;
        }
        if !this_device {
            self.quiet(&t!("matched_elsewhere", who = handle));
            return;
        }
        self.searching = false;
        self.current = Some(found.id);
        self.note(&t!("matched", who = handle));
        if !found.shared_interests.is_empty() {
            let shared = found
                .shared_interests
                .iter()
                .map(|interest| printable(interest))
                .collect::<Vec<_>>()
                .join(", ");
            self.quiet(&t!("shared", interests = shared));
        }
    }

    fn ended(&mut self, match_id: MatchId, details: Option<EndDetails>) {
        let Some(talk) = self.talks.remove(&match_id) else {
            return;
        };
        let who = talk.handle;
        self.ended = Some((match_id, who.clone()));
        let line = match details {
            Some(EndDetails {
                reason: EndReason::Expired,
                ..
            }) => t!("ended.expired", who = who),
            Some(EndDetails {
                reason: EndReason::Left | EndReason::Blocked,
                by: WhoEnded::Me,
                ..
            }) => t!("ended.me", who = who),
            Some(EndDetails {
                reason: EndReason::Left | EndReason::Blocked,
                by: WhoEnded::Peer,
                ..
            }) => t!("ended.peer", who = who),
            _ => t!("ended.other", who = who),
        };
        self.note(&line);
        if self.current == Some(match_id) {
            self.current = self.talks.keys().copied().max();
            if let Some(current) = self.current {
                let who = self.name(current);
                self.note(&t!("switched", who = who));
            }
        }
    }
}

fn closed(ended: Ended) -> String {
    match ended {
        Ended::SignedOut => t!("error.signed_out").into(),
        Ended::Closed(CloseCode::Banned) => failure::code(ErrorCode::Banned),
        Ended::Closed(CloseCode::ConsentRequired) => failure::code(ErrorCode::ConsentRequired),
        Ended::Closed(CloseCode::Replaced) => t!("closed.replaced").into(),
        Ended::Closed(code) => t!("closed.other", code = code.reason()).into(),
    }
}
