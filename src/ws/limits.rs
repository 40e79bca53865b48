//! How many frames a connection may send, and how many of them may be bad.

use std::collections::VecDeque;

use tebdil_core::realtime::Rate;
use tebdil_protocol::{ErrorCode, ServerFrame};
use tokio::time::{Duration, Instant};

use crate::limits::Limited;

/// Bad frames within [`BAD_FRAME_WINDOW`] that close a connection.
const BAD_FRAMES: usize = 5;
const BAD_FRAME_WINDOW: Duration = Duration::from_mins(1);

/// Whether a frame may be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Fine,
    /// Too fast; the frame is refused.
    Wait(Limited),
    /// It was told to wait often enough.
    GiveUp,
}

/// The counters of one connection.
pub(super) struct FrameLimits {
    frames: Option<Rate>,
    /// When the allowance is full again.
    clear: Instant,
    /// Frames refused in a row; at more than a burst the connection is closed.
    refused: u32,
    /// When the last bad frames came, oldest first.
    bad: VecDeque<Instant>,
}

impl FrameLimits {
    /// Frames at this rate; no limit without one.
    pub(super) fn new(frames: Option<Rate>) -> Self {
        Self {
            frames,
            clear: Instant::now(),
            refused: 0,
            bad: VecDeque::new(),
        }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self) -> Pace {
        let Some(rate) = self.frames else {
            return Pace::Fine;
        };
        match rate.count(self.clear, Instant::now()) {
            Ok(clear) => {
                self.clear = clear;
                self.refused = 0;
                Pace::Fine
            }
            Err(_) if self.refused >= rate.burst => Pace::GiveUp,
            Err(wait) => {
                self.refused += 1;
                let code = ErrorCode::RateLimited;
                Pace::Wait(Limited { code, wait })
            }
        }
    }

    /// Counts a bad frame; true when there were too many.
    pub(super) fn bad_frame(&mut self) -> bool {
        let now = Instant::now();
        self.bad.push_back(now);
        while self
            .bad
            .front()
            .is_some_and(|first| now.duration_since(*first) > BAD_FRAME_WINDOW)
        {
            self.bad.pop_front();
        }
        self.bad.len() >= BAD_FRAMES
    }
}

/// What a client that has to wait is told.
pub(super) fn refusal(Limited { code, wait }: Limited) -> ServerFrame {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    ServerFrame::Error {
        code,
        message: code.title().to_owned(),
        retry_after_ms: Some(millis.max(1)),
        resets_at: None,
        expected_seq: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_waits_then_ends() {
        let rate = Rate { burst: 2, per_s: 2 };
        let mut limits = FrameLimits::new(Some(rate));
        assert_eq!([limits.frame(), limits.frame()], [Pace::Fine, Pace::Fine]);
        for _ in 0..2 {
            let Pace::Wait(limited) = limits.frame() else {
                panic!("it has to wait");
            };
            assert_eq!(limited.wait, Duration::from_secs(1));
        }
        assert_eq!(limits.frame(), Pace::GiveUp);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(limits.frame(), Pace::Fine);
        assert!(matches!(limits.frame(), Pace::Wait(_)));
        let mut unlimited = FrameLimits::new(None);
        assert!((0..1_000).all(|_| unlimited.frame() == Pace::Fine));
    }

    #[tokio::test(start_paused = true)]
    async fn five_bad_frames_in_a_minute_are_too_many() {
        let mut limits = FrameLimits::new(None);
        assert!(!limits.bad_frame());
        tokio::time::advance(Duration::from_secs(59)).await;
        for _ in 0..3 {
            assert!(!limits.bad_frame());
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!limits.bad_frame(), "the first is more than a minute ago");
        assert!(limits.bad_frame());
    }
}
