//! How much a connection may ask for, and how often it may be wrong.

use std::{collections::VecDeque, num::NonZeroU32};

use governor::{DefaultDirectRateLimiter, RateLimiter, clock::Clock as _};
use tebdil_protocol::{ErrorCode, ServerFrame};
use tokio::time::{Duration, Instant};

/// Bad frames within [`BAD_FRAME_WINDOW`] that close a connection.
const BAD_FRAMES: usize = 5;
const BAD_FRAME_WINDOW: Duration = Duration::from_mins(1);

/// Whether a frame may be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Fine,
    /// Too fast; the frame is refused.
    Wait {
        retry_after: Duration,
    },
    /// Told to wait often enough.
    GiveUp,
}

/// The counters of one connection.
pub(super) struct Limits {
    frames: Option<DefaultDirectRateLimiter>,
    /// Frames refused in a row after which the connection is closed.
    patience: u32,
    refused: u32,
    /// When the last bad frames came, oldest first.
    bad: VecDeque<Instant>,
}

impl Limits {
    /// `per_second` frames on average, `burst` at once; no limit without `per_second`.
    pub(super) fn new(per_second: Option<NonZeroU32>, burst: NonZeroU32) -> Self {
        let frames = per_second
            .map(|rate| RateLimiter::direct(governor::Quota::per_second(rate).allow_burst(burst)));
        Self {
            frames,
            patience: burst.get(),
            refused: 0,
            bad: VecDeque::new(),
        }
    }

    /// Counts a frame.
    pub(super) fn frame(&mut self) -> Pace {
        let Some(frames) = &self.frames else {
            return Pace::Fine;
        };
        let Err(not_until) = frames.check() else {
            self.refused = 0;
            return Pace::Fine;
        };
        self.refused += 1;
        if self.refused > self.patience {
            return Pace::GiveUp;
        }
        Pace::Wait {
            retry_after: not_until.wait_time_from(governor::clock::DefaultClock::default().now()),
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

/// What a client is told that is too fast.
pub(super) fn rate_limited(retry_after: Duration) -> ServerFrame {
    ServerFrame::Error {
        code: ErrorCode::RateLimited,
        message: ErrorCode::RateLimited.title().to_owned(),
        retry_after_ms: Some(
            u64::try_from(retry_after.as_millis())
                .unwrap_or(u64::MAX)
                .max(1),
        ),
        resets_at: None,
        expected_seq: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_waits_then_ends() {
        let two = NonZeroU32::new(2).unwrap();
        let mut limits = Limits::new(NonZeroU32::new(1), two);
        assert_eq!([limits.frame(), limits.frame()], [Pace::Fine, Pace::Fine]);
        for _ in 0..2 {
            assert!(
                matches!(limits.frame(), Pace::Wait { retry_after } if retry_after <= Duration::from_secs(1))
            );
        }
        assert_eq!(limits.frame(), Pace::GiveUp);
        let mut unlimited = Limits::new(None, two);
        assert!((0..1_000).all(|_| unlimited.frame() == Pace::Fine));
    }

    #[tokio::test(start_paused = true)]
    async fn five_bad_frames_in_a_minute_are_too_many() {
        let mut limits = Limits::new(None, NonZeroU32::MIN);
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
