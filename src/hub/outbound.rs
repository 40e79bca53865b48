//! The bounded queue of frames that wait to be written to one connection.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tebdil_protocol::{CloseCode, id::MatchId};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{KnownMatches, Mark, Outgoing};

/// Capacity kept for an empty queue; a burst does not stay allocated.
const KEPT_CAPACITY: usize = 16;

/// How much a connection may have waiting.
#[derive(Debug, Clone, Copy)]
pub struct OutboundLimits {
    pub frames: usize,
    pub bytes: usize,
}

/// What the writing side does next.
#[derive(Debug)]
pub enum Next {
    Frame(Utf8Bytes),
    /// Nothing more will come.
    Close(CloseCode),
}

/// A queue with one reader and any number of writers, none of which ever waits.
///
/// Frames leave in the order they came. While the queue is *held*, frames of [`Outbound::push`]
/// wait aside until [`Outbound::release`], so that a replay can go first
/// ([`Outbound::push_first`]). A writer that finds the queue full closes it as
/// [`CloseCode::SlowConsumer`]: memory stays bounded and the sender unharmed.
///
/// The queue keeps count of what its device was told. A message that does not follow the one before
/// shows that something was lost on the way from another node: [`Outbound::push`] says so and
/// leaves it out, and whoever hears it brings the device up to date, so messages arrive in order.
#[derive(Debug)]
pub struct Outbound {
    limits: OutboundLimits,
    queue: Mutex<Queue>,
    /// Wakes the reader.
    readable: Notify,
    /// Wakes every replay that waits for room: one that was asked for (`message.sync`) may wait
    /// beside one that brings the device up to date.
    drained: Notify,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Utf8Bytes>,
    /// Present while held.
    held: Option<Vec<Outgoing>>,
    known: KnownMatches,
    /// Something is missing, and was told to be.
    gap: bool,
    /// Bytes in `frames` and `held`.
    bytes: usize,
    close: Option<CloseCode>,
}

impl Outbound {
    /// An empty queue that is held.
    pub fn held(limits: OutboundLimits) -> Self {
        let queue = Queue {
            frames: VecDeque::new(),
            held: Some(Vec::new()),
            known: KnownMatches::new(),
            gap: false,
            bytes: 0,
            close: None,
        };
        Self {
            limits,
            queue: Mutex::new(queue),
            readable: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// Adds a frame. Dropped silently after a close. True when it shows that something before it is
    /// missing; that is said once until the next [`Outbound::hold`].
    pub fn push(&self, frame: Outgoing) -> bool {
        let mut overflow = false;
        let mut gap = false;
        {
            let mut queue = self.queue.lock();
            if queue.close.is_some() {
                return false;
            }
            let waiting = queue.frames.len() + queue.held.as_ref().map_or(0, Vec::len);
            if waiting >= self.limits.frames || queue.bytes + frame.text.len() > self.limits.bytes {
                overflow = !queue.spares(&frame);
                if overflow {
                    queue.give_up();
                }
            } else {
                queue.bytes += frame.text.len();
                match &mut queue.held {
                    Some(held) => held.push(frame),
                    None => gap = queue.queue(frame),
                }
            }
        }
        self.readable.notify_one();
        if overflow {
            self.drained.notify_waiters();
        }
        gap
    }

    /// Adds a frame ahead of those held, without a bound: the caller paces itself with
    /// [`Outbound::wait_drained`].
    pub fn push_first(&self, text: String) {
        {
            let mut queue = self.queue.lock();
            if queue.close.is_some() {
                return;
            }
            queue.bytes += text.len();
            queue.frames.push_back(text.into());
        }
        self.readable.notify_one();
    }

    /// Holds the queue of a device that may have missed something, for a replay; what it knows.
    /// `None` when it is held already, whose [`Outbound::release`] then asks for one more round, or
    /// closed.
    pub fn hold(&self) -> Option<KnownMatches> {
        let mut queue = self.queue.lock();
        if queue.close.is_some() {
            return None;
        }
        if queue.held.is_some() {
            queue.gap = true;
            return None;
        }
        queue.held = Some(Vec::new());
        queue.gap = false;
        Some(queue.known.clone())
    }

    /// Lets the held frames follow a replay after which the device knows `known`, but those that
    /// the replay has sent. True when something is missing again: hold and replay once more.
    pub fn release(&self, known: KnownMatches) -> bool {
        let gap = {
            let mut queue = self.queue.lock();
            let Some(held) = queue.held.take() else {
                return false;
            };
            queue.known = known;
            for frame in held {
                let sent = |&(match_id, last): &(MatchId, i64)| matches!(frame.mark, Some(Mark::Message(of, seq)) if of == match_id && seq <= last);
                if queue.known.iter().any(sent) {
                    queue.bytes -= frame.text.len();
                } else {
                    queue.queue(frame);
                }
            }
            queue.gap
        };
        self.readable.notify_one();
        gap
    }

    /// Whether everything before the held frames was taken by the reader.
    pub fn is_drained(&self) -> bool {
        self.queue.lock().frames.is_empty()
    }

    /// Waits until everything before the held frames was taken by the reader, or the queue was
    /// closed.
    pub async fn wait_drained(&self) {
        loop {
            // Made before the look, so that it hears of what happens right after.
            let drained = self.drained.notified();
            {
                let queue = self.queue.lock();
                if queue.frames.is_empty() || queue.close.is_some() {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Ends the queue: frames that wait are still written, unless it was closed before. The first
    /// close counts.
    pub fn close(&self, code: CloseCode) {
        {
            let mut queue = self.queue.lock();
            if queue.close.is_some() {
                return;
            }
            queue.close = Some(code);
            queue.held = None;
        }
        self.readable.notify_one();
        self.drained.notify_waiters();
    }

    /// Ends the queue of a client that does not read: what waits is forgotten. The first close
    /// counts.
    pub fn give_up(&self) {
        {
            let mut queue = self.queue.lock();
            if queue.close.is_some() {
                return;
            }
            queue.give_up();
        }
        self.readable.notify_one();
        self.drained.notify_waiters();
    }

    /// Whether nothing more will be accepted, and why.
    pub fn closing(&self) -> Option<CloseCode> {
        self.queue.lock().close
    }

    /// Waits for the next frame, or the close that follows the last. For the one reader; dropping
    /// the future loses nothing.
    pub async fn next(&self) -> Next {
        loop {
            let readable = self.readable.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            readable.await;
        }
    }

    /// Waits until the queue is closed. For the one reader, while it is not in [`Outbound::next`].
    pub async fn closed(&self) {
        loop {
            let readable = self.readable.notified();
            if self.closing().is_some() {
                return;
            }
            readable.await;
        }
    }

    /// The next frame, if one waits.
    pub fn try_next(&self) -> Option<Next> {
        let mut queue = self.queue.lock();
        if let Some(text) = queue.frames.pop_front() {
            queue.bytes -= text.len();
            if queue.frames.is_empty() {
                queue.frames.shrink_to(KEPT_CAPACITY);
                self.drained.notify_waiters();
            }
            return Some(Next::Frame(text));
        }
        queue.close.map(Next::Close)
    }
}

impl Queue {
    fn give_up(&mut self) {
        self.frames = VecDeque::new();
        self.held = None;
        self.bytes = 0;
        self.close = Some(CloseCode::SlowConsumer);
    }

    /// Whether a frame that there is no room for can do without: a message that the device was sent
    /// before, or that comes with the replay under way. What comes late from another node, many at
    /// once, must not close the connection of somebody who reads.
    fn spares(&mut self, frame: &Outgoing) -> bool {
        let Some(Mark::Message(match_id, seq)) = frame.mark else {
            return false;
        };
        if self.held.is_some() {
            self.gap = true;
            return true;
        }
        let mut known = self.known.iter();
        known.any(|&(of, last)| of == match_id && seq <= last)
    }

    /// Adds a frame to those that are written next, or leaves it out when something before it is
    /// missing. True when that was not told yet.
    fn queue(&mut self, frame: Outgoing) -> bool {
        if frame.mark.is_none_or(|mark| self.learn(mark)) {
            self.frames.push_back(frame.text);
            return false;
        }
        self.bytes -= frame.text.len();
        !std::mem::replace(&mut self.gap, true)
    }

    /// Notes what the device is told. False when something before it is missing.
    fn learn(&mut self, mark: Mark) -> bool {
        match mark {
            Mark::Found(found) => {
                if !self.known.iter().any(|(known, _)| *known == found) {
                    self.known.push((found, 0));
                }
                true
            }
            Mark::Ended(ended) => {
                self.known.retain(|(known, _)| *known != ended);
                true
            }
            Mark::Message(match_id, seq) => {
                match self.known.iter_mut().find(|(known, _)| *known == match_id) {
                    Some((_, last)) if seq > *last + 1 => false,
                    Some((_, last)) => {
                        *last = seq.max(*last);
                        true
                    }
                    None => false,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str, mark: Option<Mark>) -> Outgoing {
        Outgoing {
            text: text.to_owned().into(),
            mark,
        }
    }

    fn message(seq: i64) -> Outgoing {
        frame(&format!("live {seq}"), Some(Mark::Message(MatchId(1), seq)))
    }

    fn drain(queue: &Outbound) -> Vec<String> {
        std::iter::from_fn(|| match queue.try_next() {
            Some(Next::Frame(text)) => Some(text.as_str().to_owned()),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_replay_goes_first_and_nothing_is_sent_twice() {
        let queue = Outbound::held(OutboundLimits {
            frames: 10,
            bytes: 1_000,
        });
        queue.push(message(3));
        queue.push(frame("presence", None));
        queue.push(message(4));
        queue.push_first("welcome".to_owned());
        queue.push_first("replayed 3".to_owned());
        assert!(!queue.release(vec![(MatchId(1), 3)]));
        assert!(!queue.push(message(5)));
        assert_eq!(
            drain(&queue),
            ["welcome", "replayed 3", "presence", "live 4", "live 5"]
        );
        assert_eq!(queue.queue.lock().bytes, 0);
    }

    #[test]
    fn what_is_missing_is_noticed_once_and_replayed() {
        let queue = Outbound::held(OutboundLimits {
            frames: 20,
            bytes: 1_000,
        });
        assert!(!queue.release(vec![(MatchId(1), 3)]));
        assert!(!queue.push(message(4)));
        assert!(!queue.push(message(2)), "again is no gap");
        assert!(queue.push(message(6)));
        assert!(!queue.push(message(7)), "said before");
        assert_eq!(queue.hold(), Some(vec![(MatchId(1), 4)]));
        assert_eq!(queue.hold(), None, "it is held");
        queue.push(message(8));
        queue.push_first("replayed 5 to 8".to_owned());
        assert!(
            queue.release(vec![(MatchId(1), 8)]),
            "somebody wanted to hold it meanwhile"
        );
        assert_eq!(queue.hold(), Some(vec![(MatchId(1), 8)]));
        queue.push(message(10));
        assert!(queue.release(vec![(MatchId(1), 8)]), "9 is missing");
        assert_eq!(drain(&queue), ["live 4", "live 2", "replayed 5 to 8"]);
        assert_eq!(queue.queue.lock().bytes, 0);
    }

    #[test]
    fn late_words_close_nobody_who_reads() {
        let queue = Outbound::held(OutboundLimits {
            frames: 3,
            bytes: 1_000,
        });
        for seq in 1..=9 {
            assert!(!queue.push(message(seq)), "the replay brings it");
        }
        queue.push_first("replayed 1 to 7".to_owned());
        assert!(queue.release(vec![(MatchId(1), 7)]), "one more round");
        assert_eq!(queue.hold(), Some(vec![(MatchId(1), 7)]));
        queue.push_first("replayed 8 and 9".to_owned());
        assert!(!queue.release(vec![(MatchId(1), 9)]));
        for seq in 1..=9 {
            assert!(!queue.push(message(seq)), "it was sent before");
        }
        assert_eq!(queue.closing(), None);
        queue.push(message(10));
        assert_eq!(queue.closing(), Some(CloseCode::SlowConsumer));
        assert_eq!(queue.queue.lock().bytes, 0);
    }

    #[test]
    fn matches_are_known_until_they_end() {
        let queue = Outbound::held(OutboundLimits {
            frames: 20,
            bytes: 1_000,
        });
        queue.release(KnownMatches::new());
        queue.push(frame("found", Some(Mark::Found(MatchId(1)))));
        assert!(!queue.push(message(1)));
        queue.push(frame("found again", Some(Mark::Found(MatchId(1)))));
        assert!(!queue.push(message(2)));
        queue.push(frame("ended", Some(Mark::Ended(MatchId(1)))));
        assert!(queue.push(message(3)), "nobody told of this match");
        assert_eq!(queue.hold(), Some(vec![]));
    }

    #[test]
    fn a_full_queue_closes_and_forgets() {
        for limits in [
            OutboundLimits {
                frames: 2,
                bytes: 1_000,
            },
            OutboundLimits {
                frames: 100,
                bytes: 4,
            },
        ] {
            let queue = Outbound::held(limits);
            queue.release(KnownMatches::new());
            for _ in 0..3 {
                queue.push(frame("xx", None));
            }
            assert_eq!(queue.closing(), Some(CloseCode::SlowConsumer));
            assert!(matches!(
                queue.try_next(),
                Some(Next::Close(CloseCode::SlowConsumer))
            ));
            queue.close(CloseCode::Banned);
            assert_eq!(
                queue.closing(),
                Some(CloseCode::SlowConsumer),
                "the first close counts"
            );
        }
    }

    #[tokio::test]
    async fn all_who_wait_for_room_go_on() {
        let queue = Outbound::held(OutboundLimits {
            frames: 10,
            bytes: 1_000,
        });
        queue.push_first("asked for".to_owned());
        let all = async { tokio::join!(queue.wait_drained(), queue.wait_drained()) };
        let reader = async {
            tokio::task::yield_now().await;
            drain(&queue);
        };
        let both = async { tokio::join!(all, reader) };
        tokio::time::timeout(std::time::Duration::from_secs(5), both)
            .await
            .expect("nobody waits for frames that are not there");
    }

    #[test]
    fn frames_before_a_close_are_still_written() {
        let queue = Outbound::held(OutboundLimits {
            frames: 10,
            bytes: 1_000,
        });
        queue.release(KnownMatches::new());
        queue.push(frame("last words", None));
        queue.close(CloseCode::Draining);
        queue.push(frame("too late", None));
        assert_eq!(drain(&queue), ["last words"]);
        assert!(matches!(
            queue.try_next(),
            Some(Next::Close(CloseCode::Draining))
        ));
    }
}
