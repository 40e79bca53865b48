//! Which messages came, which are missing, and which are to be acknowledged.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tebdil_protocol::{MAX_SEQ, MessageAck, MessageNew, MessageSync, ResumePoint, id::MatchId};
use tokio::time::Instant;

/// Messages kept while an earlier one is missing; what is beyond comes again with the answer to the
/// sync.
const MAX_AHEAD: usize = 64;

/// How long to wait for missing messages before asking again.
pub(super) const SYNC_RETRY: Duration = Duration::from_secs(3);

#[derive(Debug, Default)]
struct Track {
    /// Every message of the peer up to here was handed on, here or by an earlier process.
    peer: i64,
    /// Whether a message came on this socket.
    begun: bool,
    ahead: BTreeMap<i64, MessageNew>,
    asked: Option<Instant>,
    /// Acknowledge up to here; greater than `acked` when there is something to send.
    wanted: i64,
    acked: i64,
}

/// What to do with a message that came.
#[derive(Debug, PartialEq)]
pub(super) enum Received {
    /// Hand these on, in this order.
    Deliver(Vec<MessageNew>),
    Duplicate,
    /// Something before it is missing; ask for it where there is something to ask.
    Missing(Option<MessageSync>),
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    matches: HashMap<MatchId, Track>,
}

impl Inbox {
    pub fn new(resume: &[ResumePoint]) -> Self {
        let track = |point: &ResumePoint| Track {
            peer: point.peer_seq,
            ..Track::default()
        };
        Self {
            matches: resume
                .iter()
                .map(|point| (point.match_id, track(point)))
                .collect(),
        }
    }

    /// Where each match stands, for the next `hello`.
    pub fn resume(&self) -> Vec<ResumePoint> {
        let mut points: Vec<_> = self
            .matches
            .iter()
            .map(|(match_id, track)| ResumePoint {
                match_id: *match_id,
                peer_seq: track.peer,
            })
            .collect();
        points.sort_unstable_by_key(|point| point.match_id);
        points
    }

    /// A new socket: what was acknowledged on the one before may not have arrived, what was asked
    /// for will not, and what is held comes again.
    pub fn restart(&mut self) {
        self.acknowledge_again();
        for track in self.matches.values_mut() {
            track.begun = false;
            track.ahead.clear();
            track.asked = None;
        }
    }

    /// What was acknowledged on this socket may not have been recorded.
    pub fn acknowledge_again(&mut self) {
        for track in self.matches.values_mut() {
            track.acked = 0;
        }
    }

    /// Keeps the matches that are active, and makes place for new ones.
    pub fn retain(&mut self, active: &[MatchId]) {
        self.matches.retain(|match_id, _| active.contains(match_id));
        for match_id in active {
            self.open(*match_id);
        }
    }

    pub fn open(&mut self, match_id: MatchId) {
        self.matches.entry(match_id).or_default();
    }

    pub fn close(&mut self, match_id: MatchId) {
        self.matches.remove(&match_id);
    }

    pub fn receive(&mut self, message: MessageNew, now: Instant) -> Received {
        let match_id = message.match_id;
        let track = self.matches.entry(match_id).or_default();
        if !(1..=MAX_SEQ).contains(&message.seq) {
            // No server of ours counts like that.
            return Received::Duplicate;
        }
        if !track.begun {
            // On a socket the server begins with the lowest message that it holds. What we lack
            // before it was acknowledged by a process that did not keep its place, or held for as
            // long as anything is: whoever waited for it would wait for ever.
            track.begun = true;
            track.peer = track.peer.max(message.seq - 1);
        }
        if message.seq <= track.peer {
            // The server sends again what it has no acknowledgement for.
            track.acked = track.acked.min(message.seq - 1);
            return Received::Duplicate;
        }
        if message.seq > track.peer + 1 {
            if track.ahead.len() < MAX_AHEAD {
                track.ahead.insert(message.seq, message);
            }
            return Received::Missing(track.ask(match_id, now));
        }
        track.peer += 1;
        let mut ready = vec![message];
        while let Some(next) = track.ahead.remove(&(track.peer + 1)) {
            track.peer += 1;
            ready.push(next);
        }
        // The answer to a sync is under way as long as it moves on: asking again would bring
        // everything after it once more.
        track.asked = (!track.ahead.is_empty()).then_some(now);
        Received::Deliver(ready)
    }

    /// Syncs to send again since their answer did not come.
    pub fn overdue_syncs(&mut self, now: Instant) -> Vec<MessageSync> {
        let missing = self
            .matches
            .iter_mut()
            .filter(|(_, track)| !track.ahead.is_empty());
        missing
            .filter_map(|(match_id, track)| track.ask(*match_id, now))
            .collect()
    }

    /// When [`Self::overdue_syncs`] will have something, unless it comes before.
    pub fn next_sync(&self) -> Option<Instant> {
        let missing = self
            .matches
            .values()
            .filter(|track| !track.ahead.is_empty());
        missing
            .filter_map(|track| track.asked.map(|asked| asked + SYNC_RETRY))
            .min()
    }

    /// Everything up to `seq` may be acknowledged.
    pub fn want_ack(&mut self, match_id: MatchId, seq: i64) {
        if let Some(track) = self.matches.get_mut(&match_id) {
            track.wanted = track.wanted.max(seq);
        }
    }

    pub fn has_acks(&self) -> bool {
        self.matches
            .values()
            .any(|track| track.wanted > track.acked)
    }

    /// The acknowledgement that says most.
    pub fn take_ack(&mut self) -> Option<MessageAck> {
        let due = self
            .matches
            .iter_mut()
            .filter(|(_, track)| track.wanted > track.acked);
        let (match_id, track) = due.max_by_key(|(_, track)| track.wanted - track.acked)?;
        track.acked = track.wanted;
        Some(MessageAck {
            match_id: *match_id,
            seq: track.wanted,
        })
    }
}

impl Track {
    fn ask(&mut self, match_id: MatchId, now: Instant) -> Option<MessageSync> {
        if self.asked.is_some_and(|asked| now < asked + SYNC_RETRY) {
            return None;
        }
        self.asked = Some(now);
        Some(MessageSync {
            match_id,
            peer_seq: self.peer,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use tebdil_protocol::{domain::MessageKind, time::Timestamp};

    use super::*;

    const MATCH: MatchId = MatchId(1);

    fn message(seq: i64) -> MessageNew {
        MessageNew {
            match_id: MATCH,
            seq,
            kind: MessageKind::Content,
            ciphertext: vec![],
            franking_tag: None,
            frank: None,
            sent_at: Timestamp::from_millis(0),
        }
    }

    fn at(peer_seq: i64) -> Inbox {
        Inbox::new(&[ResumePoint {
            match_id: MATCH,
            peer_seq,
        }])
    }

    fn delivered(received: Received) -> Vec<i64> {
        match received {
            Received::Deliver(messages) => messages.iter().map(|message| message.seq).collect(),
            _ => vec![],
        }
    }

    #[test]
    fn a_gap_is_asked_for_once_and_closed_in_order() {
        let mut inbox = at(4);
        let now = Instant::now();
        assert_eq!(delivered(inbox.receive(message(5), now)), [5]);
        let ask = MessageSync {
            match_id: MATCH,
            peer_seq: 5,
        };
        assert_eq!(inbox.receive(message(8), now), Received::Missing(Some(ask)));
        assert_eq!(inbox.receive(message(7), now), Received::Missing(None));
        assert!(inbox.overdue_syncs(now).is_empty());
        assert_eq!(inbox.next_sync(), Some(now + SYNC_RETRY));
        assert_eq!(inbox.overdue_syncs(now + SYNC_RETRY), [ask]);
        assert_eq!(delivered(inbox.receive(message(6), now)), [6, 7, 8]);
        assert_eq!(inbox.receive(message(7), now), Received::Duplicate);
        assert_eq!(inbox.next_sync(), None);
        assert_eq!(
            inbox.resume(),
            [ResumePoint {
                match_id: MATCH,
                peer_seq: 8
            }]
        );
    }

    #[test]
    fn a_socket_begins_with_its_first_message() {
        for place in [0, 3, 4] {
            let mut inbox = at(place);
            let now = Instant::now();
            for seq in [5, 6] {
                assert_eq!(delivered(inbox.receive(message(seq), now)), [seq]);
            }
            let gap = inbox.receive(message(8), now);
            assert!(matches!(gap, Received::Missing(Some(_))), "{gap:?}");
            inbox.restart();
            assert_eq!(inbox.next_sync(), None);
            for seq in [8, 9] {
                assert_eq!(
                    delivered(inbox.receive(message(seq), now)),
                    [seq],
                    "the server does not hold 7"
                );
            }
        }
    }

    #[test]
    fn a_first_message_that_is_known_takes_nothing_back() {
        let mut inbox = at(6);
        let now = Instant::now();
        assert_eq!(inbox.receive(message(5), now), Received::Duplicate);
        let gap = inbox.receive(message(8), now);
        assert!(matches!(gap, Received::Missing(Some(_))), "{gap:?}");
        assert_eq!(delivered(inbox.receive(message(7), now)), [7, 8]);
    }

    #[test]
    fn acks_are_gathered_and_repeated_where_they_may_be_lost() {
        let mut inbox = Inbox::default();
        inbox.open(MATCH);
        for seq in 1..=3 {
            inbox.receive(message(seq), Instant::now());
            inbox.want_ack(MATCH, seq);
        }
        assert_eq!(
            inbox.take_ack(),
            Some(MessageAck {
                match_id: MATCH,
                seq: 3
            })
        );
        assert!(!inbox.has_acks());
        inbox.receive(message(3), Instant::now());
        assert_eq!(
            inbox.take_ack(),
            Some(MessageAck {
                match_id: MATCH,
                seq: 3
            }),
            "the server did not see it"
        );
        for lost in [Inbox::acknowledge_again, Inbox::restart] {
            lost(&mut inbox);
            assert_eq!(
                inbox.take_ack(),
                Some(MessageAck {
                    match_id: MATCH,
                    seq: 3
                })
            );
        }
        inbox.retain(&[]);
        assert!(inbox.resume().is_empty());
    }

    proptest! {
        /// Whatever order and repetition the wire has after the first message, the application gets
        /// that one and those that follow it once each, as far as everything came.
        #[test]
        fn delivery_is_in_order_and_once(order in proptest::collection::vec(1_i64..30, 0..300)) {
            let mut inbox = Inbox::default();
            let now = Instant::now();
            let got: Vec<i64> = order.iter().flat_map(|seq| delivered(inbox.receive(message(*seq), now))).collect();
            let came: BTreeSet<i64> = order.iter().copied().collect();
            let first = order.first().copied().unwrap_or(1);
            let whole: Vec<i64> = (first..30).take_while(|seq| came.contains(seq)).collect();
            prop_assert_eq!(got, whole);
        }
    }
}
