//! What the server sends.

use std::time::Duration;

use tebdil_protocol::{ClientFrame, ErrorCode, FrameId, ServerFrame, ServerMessage, Signal};
use tokio::time::Instant;

use super::{Live, Reply, Task};
use crate::{
    connection::{
        Event, RequestError, SendError,
        inbox::Received,
        outbox::{RETRY_AFTER, Refusal},
    },
    raw::RawError,
};

impl Task {
    pub(super) async fn take_frame(&mut self, live: &mut Live, text: &str) -> Result<(), RawError> {
        // A frame we cannot read is one of a later version; the contract only adds.
        let Ok(ServerMessage { re, frame }) = serde_json::from_str(text) else {
            tracing::debug!("passed over a frame that could not be read");
            return Ok(());
        };
        if let ServerFrame::Error {
            code,
            message,
            retry_after_ms,
            resets_at,
            expected_seq,
        } = frame
        {
            let retry_after = retry_after_ms.map(Duration::from_millis);
            if let Some(reply) = self.reply_to(re.as_ref()) {
                let _ = reply.send(Err(RequestError::Refused {
                    code,
                    message,
                    retry_after,
                    resets_at,
                }));
            } else if let Some(id) = re {
                let refusal = Refusal {
                    code,
                    retry_after,
                    expected_seq,
                };
                self.refuse(&id, refusal);
            } else {
                self.repeat_unnamed(live, code, retry_after);
                self.pending.push_back(Event::Error { code, message });
            }
            return Ok(());
        }
        if let Some(reply) = self.reply_to(re.as_ref()) {
            let _ = reply.send(Ok(frame.clone()));
        }
        self.take_event(live, frame).await
    }

    /// Repeats what an error may be about that names no frame.
    fn repeat_unnamed(&mut self, live: &mut Live, code: ErrorCode, retry_after: Option<Duration>) {
        let until = Instant::now() + retry_after.unwrap_or(RETRY_AFTER);
        if code == ErrorCode::RateLimited {
            // The server did not read the frame, so it cannot name it.
            self.outbox.again_from(until);
        }
        if matches!(
            code,
            ErrorCode::RateLimited | ErrorCode::Unavailable | ErrorCode::Draining
        ) {
            // Acknowledgements have no `id`. One too many does nothing; without one, the server
            // holds what we have, and the peer does not hear that it arrived.
            live.acks_again_at.get_or_insert(until);
        }
    }

    fn reply_to(&mut self, re: Option<&FrameId>) -> Option<Reply> {
        match re {
            Some(FrameId::Number(id)) => self.asked.remove(id),
            _ => None,
        }
    }

    fn refuse(&mut self, id: &FrameId, refusal: Refusal) {
        let FrameId::Number(id) = id else {
            return;
        };
        let gone = self.outbox.refused(*id, refusal, Instant::now());
        for (entry, code) in gone.entries {
            self.pending.push_back(Event::Refused {
                match_id: entry.message.match_id,
                seq: entry.message.seq,
                kind: entry.message.kind,
                code,
                expected_seq: gone.expected_seq,
            });
            entry.finish(Err(if code == ErrorCode::MatchEnded {
                SendError::MatchEnded
            } else {
                SendError::Refused(code)
            }));
        }
        self.answer_flushes();
    }

    async fn take_event(&mut self, live: &mut Live, frame: ServerFrame) -> Result<(), RawError> {
        let event = match frame {
            ServerFrame::MessageNew(message) => match self.inbox.receive(message, Instant::now()) {
                Received::Deliver(messages) => {
                    self.pending
                        .extend(messages.into_iter().map(Event::Message));
                    return Ok(());
                }
                Received::Missing(Some(sync)) => {
                    return live.write(&ClientFrame::MessageSync(sync), None).await;
                }
                Received::Missing(None) | Received::Duplicate => return Ok(()),
            },
            ServerFrame::MessageAccepted(accepted) => {
                let Some(entry) = self.outbox.accepted(accepted.match_id, accepted.seq) else {
                    return Ok(());
                };
                entry.finish(Ok(accepted.clone()));
                self.answer_flushes();
                Event::Accepted(accepted)
            }
            ServerFrame::MatchFound(found) => {
                self.inbox.open(found.found.id);
                Event::MatchFound(found)
            }
            ServerFrame::MatchEnded(ended) => {
                self.inbox.close(ended.match_id);
                for entry in self.outbox.remove_match(ended.match_id) {
                    entry.finish(Err(SendError::MatchEnded));
                }
                self.answer_flushes();
                Event::MatchEnded(ended)
            }
            ServerFrame::Draining { retry_after_ms } => {
                let reconnect_after = Duration::from_millis(retry_after_ms);
                self.reconnect_after = Some(reconnect_after);
                Event::Draining { reconnect_after }
            }
            ServerFrame::MatchSearching { ticket_id } => Event::Searching { ticket_id },
            ServerFrame::MatchCancelled(cancelled) => Event::SearchCancelled(cancelled),
            ServerFrame::MessageDelivered { match_id, seq } => Event::Delivered { match_id, seq },
            ServerFrame::MessageRead { match_id, seq } => Event::Read { match_id, seq },
            ServerFrame::Typing { match_id, on } => Event::Typing { match_id, on },
            ServerFrame::PeerPresence(presence) => Event::Presence(presence),
            ServerFrame::RtcDescription(description) => {
                Event::Signal(Signal::Description(description))
            }
            ServerFrame::RtcCandidate(candidate) => Event::Signal(Signal::Candidate(candidate)),
            ServerFrame::RtcState(state) => Event::CallState(state),
            ServerFrame::Quota { quota } => Event::Quota(quota),
            ServerFrame::Notification { notification } => {
                Event::Notification(Box::new(notification))
            }
            ServerFrame::NotificationsRead(read) => Event::NotificationsRead(read),
            // A second welcome does not come, errors were dealt with, and what is unknown is for
            // later versions.
            ServerFrame::Welcome(_)
            | ServerFrame::Error { .. }
            | ServerFrame::Ad { .. }
            | ServerFrame::Pong
            | ServerFrame::Unknown => return Ok(()),
        };
        self.pending.push_back(event);
        Ok(())
    }
}
