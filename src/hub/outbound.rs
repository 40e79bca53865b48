//! The bounded queue of frames that wait to be written to one connection.

use std::{collections::VecDeque, sync::Mutex};

use axum::extract::ws::Utf8Bytes;
use tebdil_core::{id::MatchId, protocol::CloseCode};
use tokio::sync::Notify;

/// Capacity kept for an empty queue; a burst does not stay allocated.
const KEPT_CAPACITY: usize = 16;

/// How much a connection may have waiting.
#[derive(Debug, Clone, Copy)]
pub struct OutboundLimits {
    pub frames: usize,
    pub bytes: usize,
}

/// A frame, encoded once for all its receivers.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub text: Utf8Bytes,
    /// For a message of the peer: its match and `seq`, so that a replay can leave out what it has sent already.
    pub position: Option<(MatchId, i64)>,
}

impl From<String> for Outgoing {
    fn from(text: String) -> Self {
        Self { text: text.into(), position: None }
    }
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
/// Frames leave in the order they came. While the queue is *held*, frames of [`Outbound::push`] wait aside until [`Outbound::release`], so that a replay
/// can go first ([`Outbound::push_first`]). A writer that finds the queue full closes it as [`CloseCode::SlowConsumer`]: memory stays bounded
/// and the sender unharmed.
#[derive(Debug)]
pub struct Outbound {
    limits: OutboundLimits,
    queue: Mutex<Queue>,
    /// Wakes the reader.
    readable: Notify,
    /// Wakes a replay that waits for room.
    drained: Notify,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Utf8Bytes>,
    /// Present while held.
    held: Option<Vec<Outgoing>>,
    /// Bytes in `frames` and `held`.
    bytes: usize,
    close: Option<CloseCode>,
}

impl Outbound {
    /// An empty queue that is held.
    pub fn held(limits: OutboundLimits) -> Self {
        let queue = Queue { frames: VecDeque::new(), held: Some(Vec::new()), bytes: 0, close: None };
        Self { limits, queue: Mutex::new(queue), readable: Notify::new(), drained: Notify::new() }
    }

    /// Adds a frame. Dropped silently after a close.
    pub fn push(&self, frame: Outgoing) {
        let mut overflow = false;
        {
            let mut queue = self.lock();
            if queue.close.is_some() {
                return;
            }
            let waiting = queue.frames.len() + queue.held.as_ref().map_or(0, Vec::len);
            if waiting >= self.limits.frames || queue.bytes + frame.text.len() > self.limits.bytes {
                queue.frames = VecDeque::new();
                queue.held = None;
                queue.bytes = 0;
                queue.close = Some(CloseCode::SlowConsumer);
                overflow = true;
            } else {
                queue.bytes += frame.text.len();
                match &mut queue.held {
                    Some(held) => held.push(frame),
                    None => queue.frames.push_back(frame.text),
                }
            }
        }
        self.readable.notify_one();
        if overflow {
            self.drained.notify_one();
        }
    }

    /// Adds a frame ahead of those held, without a bound: the caller paces itself with [`Outbound::wait_drained`].
    pub fn push_first(&self, text: String) {
        {
            let mut queue = self.lock();
            if queue.close.is_some() {
                return;
            }
            queue.bytes += text.len();
            queue.frames.push_back(text.into());
        }
        self.readable.notify_one();
    }

    /// Lets the held frames follow, but those that `sent` knows already.
    pub fn release(&self, sent: impl Fn(MatchId, i64) -> bool) {
        {
            let mut queue = self.lock();
            let Some(held) = queue.held.take() else { return };
            for frame in held {
                if frame.position.is_some_and(|(match_id, seq)| sent(match_id, seq)) {
                    queue.bytes -= frame.text.len();
                } else {
                    queue.frames.push_back(frame.text);
                }
            }
        }
        self.readable.notify_one();
    }

    /// Waits until everything before the held frames was taken by the reader, or the queue was closed.
    pub async fn wait_drained(&self) {
        loop {
            let drained = self.drained.notified();
            {
                let queue = self.lock();
                if queue.frames.is_empty() || queue.close.is_some() {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Ends the queue: frames that wait are still written, unless it was closed before. The first close counts.
    pub fn close(&self, code: CloseCode) {
        {
            let mut queue = self.lock();
            if queue.close.is_some() {
                return;
            }
            queue.close = Some(code);
            queue.held = None;
        }
        self.readable.notify_one();
        self.drained.notify_one();
    }

    /// Whether nothing more will be accepted, and why.
    pub fn closing(&self) -> Option<CloseCode> {
        self.lock().close
    }

    /// Waits for the next frame, or the close that follows the last. For the one reader; dropping the future loses nothing.
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
        let mut queue = self.lock();
        if let Some(text) = queue.frames.pop_front() {
            queue.bytes -= text.len();
            if queue.frames.is_empty() {
                queue.frames.shrink_to(KEPT_CAPACITY);
                self.drained.notify_one();
            }
            return Some(Next::Frame(text));
        }
        queue.close.map(Next::Close)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        // A panic while holding the lock cannot leave the queue half changed in a way that matters to a connection.
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str, position: Option<(MatchId, i64)>) -> Outgoing {
        Outgoing { text: text.to_owned().into(), position }
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
        let queue = Outbound::held(OutboundLimits { frames: 10, bytes: 1_000 });
        queue.push(frame("live 3", Some((MatchId(1), 3))));
        queue.push(frame("presence", None));
        queue.push(frame("live 4", Some((MatchId(1), 4))));
        queue.push_first("welcome".to_owned());
        queue.push_first("replayed 3".to_owned());
        queue.release(|_, seq| seq <= 3);
        queue.push(frame("live 5", Some((MatchId(1), 5))));
        assert_eq!(drain(&queue), ["welcome", "replayed 3", "presence", "live 4", "live 5"]);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn a_full_queue_closes_and_forgets() {
        for limits in [OutboundLimits { frames: 2, bytes: 1_000 }, OutboundLimits { frames: 100, bytes: 4 }] {
            let queue = Outbound::held(limits);
            queue.release(|_, _| false);
            for _ in 0..3 {
                queue.push(frame("xx", None));
            }
            assert_eq!(queue.closing(), Some(CloseCode::SlowConsumer));
            assert!(matches!(queue.try_next(), Some(Next::Close(CloseCode::SlowConsumer))));
            queue.close(CloseCode::Banned);
            assert_eq!(queue.closing(), Some(CloseCode::SlowConsumer), "the first close counts");
        }
    }

    #[test]
    fn frames_before_a_close_are_still_written() {
        let queue = Outbound::held(OutboundLimits { frames: 10, bytes: 1_000 });
        queue.release(|_, _| false);
        queue.push(frame("last words", None));
        queue.close(CloseCode::Draining);
        queue.push(frame("too late", None));
        assert_eq!(drain(&queue), ["last words"]);
        assert!(matches!(queue.try_next(), Some(Next::Close(CloseCode::Draining))));
    }
}
