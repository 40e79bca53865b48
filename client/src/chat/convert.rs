//! From what the connection says to what the chat says.

use tebdil_protocol::ResumePoint;

use super::{ChatEvent, EndDetails};
use crate::{connection::Event, state::StoredMatch};

pub(super) fn resume_point(stored: &StoredMatch) -> ResumePoint {
    ResumePoint {
        match_id: stored.match_id,
        peer_seq: stored.peer_seq,
    }
}

/// Events that need no more than another name; `None` for the others.
pub(super) fn plain(event: Event) -> Option<ChatEvent> {
    Some(match event {
        Event::Disconnected { reason, retry_in } => ChatEvent::Disconnected { reason, retry_in },
        Event::Delivered { match_id, seq } => ChatEvent::Delivered { match_id, seq },
        Event::Read { match_id, seq } => ChatEvent::Read { match_id, seq },
        Event::Typing { match_id, on } => ChatEvent::Typing { match_id, on },
        Event::Presence(presence) => ChatEvent::Presence {
            match_id: presence.match_id,
            online: presence.online,
        },
        Event::CallState(state) => ChatEvent::CallState(state),
        Event::Quota(quota) => ChatEvent::Quota(quota),
        Event::Notification(notification) => ChatEvent::Notification(notification),
        Event::NotificationsRead(read) => ChatEvent::NotificationsRead(read),
        Event::Draining { reconnect_after } => ChatEvent::Draining { reconnect_after },
        Event::Error { code, message } => ChatEvent::Error { code, message },
        Event::Closed(ended) => ChatEvent::Closed(ended),
        _ => return None,
    })
}

pub(super) fn end_details(ended: &tebdil_protocol::MatchEnded) -> EndDetails {
    EndDetails {
        status: ended.status,
        reason: ended.reason,
        by: ended.by,
    }
}
