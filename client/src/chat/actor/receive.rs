//! Messages of the peer.

use tebdil_protocol::{
    Evidence, MessageNew, domain::MessageKind, franking::ciphertext_sha256, id::MatchId,
};

use super::Actor;
use crate::{
    chat::ChatEvent,
    mls::{Content, Opened, OpenedHandshake, OpenedMessage},
};

impl Actor {
    pub(super) fn message(&mut self, message: &MessageNew) {
        let (match_id, seq) = (message.match_id, message.seq);
        let Some(known) = self.matches.get_mut(&match_id) else {
            return;
        };
        if seq <= known.peer_seq {
            return;
        }
        if known.here && seq > known.peer_seq + 1 {
            let seqs = known.peer_seq + 1..=seq - 1;
            self.pending
                .push_back(ChatEvent::Missing { match_id, seqs });
        }
        known.peer_seq = seq;
        self.dirty = true;
        let opened = match (self.device.has_session(match_id), message.kind) {
            (false, MessageKind::Handshake) => {
                let Some(parties) = known.info.clone().map(|info| self.parties(&info)) else {
                    return;
                };
                match self.device.join(parties, &message.ciphertext) {
                    Ok(()) => {
                        if let Some(known) = self.matches.get_mut(&match_id) {
                            known.here = true;
                        }
                        self.after.acks.push((match_id, seq));
                        self.secured(match_id);
                    }
                    // Where the keys are gone it cannot be otherwise.
                    Err(error) if self.matches.get(&match_id).is_some_and(|known| known.here) => {
                        self.pending
                            .push_back(ChatEvent::NotSecured { match_id, error });
                    }
                    Err(_) => {}
                }
                return;
            }
            (false, MessageKind::Content) if !known.here => return,
            (_, MessageKind::Handshake) => {
                self.after.acks.push((match_id, seq));
                self.handshake(match_id, seq, &message.ciphertext);
                return;
            }
            (_, MessageKind::Content) => self.device.open(
                match_id,
                &message.ciphertext,
                message.franking_tag.as_deref(),
            ),
        };
        self.after.acks.push((match_id, seq));
        let event = match opened {
            Ok(Opened::Message(opened)) => {
                self.keep_evidence(message, &opened);
                match opened.content {
                    Content::Text { text } => ChatEvent::Text {
                        match_id,
                        seq,
                        text,
                        sent_at: message.sent_at,
                    },
                    Content::Unknown => ChatEvent::Unreadable {
                        match_id,
                        seq,
                        error: None,
                    },
                }
            }
            Ok(Opened::KeyUpdate) => {
                self.tell_secured(match_id);
                return;
            }
            Err(error) => ChatEvent::Unreadable {
                match_id,
                seq,
                error: Some(error),
            },
        };
        self.pending.push_back(event);
    }

    /// What the peer says of the encryption itself; an application hears of it as far as it
    /// concerns it.
    fn handshake(&mut self, match_id: MatchId, seq: i64, ciphertext: &[u8]) {
        match self.device.open_handshake(match_id, ciphertext) {
            Ok(OpenedHandshake::Certificate(fingerprint)) => self.pinned(match_id, fingerprint),
            Ok(OpenedHandshake::KeyUpdate) => self.tell_secured(match_id),
            Ok(OpenedHandshake::Unknown) => {}
            Err(error) => self.pending.push_back(ChatEvent::Unreadable {
                match_id,
                seq,
                error: Some(error),
            }),
        }
    }

    /// Keeps what a report would show of a message. Without the server's word for it, it would
    /// prove nothing.
    fn keep_evidence(&mut self, message: &MessageNew, opened: &OpenedMessage) {
        let Some(frank) = message.frank.clone() else {
            return;
        };
        self.evidence.keep(Evidence {
            match_id: message.match_id,
            seq: message.seq,
            content: opened.content_bytes.to_vec(),
            salt: opened.salt.to_vec(),
            franking_tag: opened.franking_tag.to_vec(),
            frank,
            sent_at: message.sent_at,
            ciphertext_sha256: ciphertext_sha256(&message.ciphertext).to_vec(),
            sender_handle: Some(opened.sender_handle.clone()),
        });
    }
}
