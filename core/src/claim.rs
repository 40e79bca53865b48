//! Decides who may get a right back for a match that came to nothing. Pure: [`crate::store`] does
//! the reading and writing.
//!
//! What counts is the state at the time of the claim: a later answer does not take the right away
//! again. The reasons are in `docs/adr/0010-claims.md`.

use std::time::Duration;

use serde::Deserialize;

use crate::settings::{Checks, seconds};
use tebdil_protocol::{
    domain::{ClaimRefusal, Mode},
    id::UserId,
    time::Timestamp,
};

/// When claims are possible: the section `[claims]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRules {
    /// How long the peer of a text match has for an answer.
    #[serde(rename = "wait_s", deserialize_with = "seconds")]
    pub wait: Duration,
    /// How long a video match has to get connected.
    #[serde(rename = "video_wait_s", deserialize_with = "seconds")]
    pub video_wait: Duration,
    /// How long after its end a match can be claimed.
    #[serde(rename = "window_s", deserialize_with = "seconds")]
    pub window: Duration,
    /// Claims per user and local day, whatever their outcome.
    pub daily_cap: u32,
}

impl ClaimRules {
    /// What values must be.
    pub fn check(&self, check: &mut Checks) {
        check.range("claims.wait_s", self.wait.as_secs(), 1..=86_400);
        check.range("claims.video_wait_s", self.video_wait.as_secs(), 1..=3_600);
        check.range("claims.window_s", self.window.as_secs(), 1..=30 * 86_400);
        check.range("claims.daily_cap", self.daily_cap, 1..);
    }
}

/// What is known of a match, for one of its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimEvidence {
    pub mode: Mode,
    pub created_at: Timestamp,
    /// When it ended and who ended it, `None` for the system; `None` while it goes on.
    pub ended: Option<(Timestamp, Option<UserId>)>,
    /// The peer has sent content.
    pub answered: bool,
    /// A side of the call reported that it is connected.
    pub connected: bool,
}

/// Why a match cannot be claimed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotEligible {
    pub reason: ClaimRefusal,
    /// From when on it can, if nothing happens until then.
    pub eligible_at: Option<Timestamp>,
}

impl From<ClaimRefusal> for NotEligible {
    fn from(reason: ClaimRefusal) -> Self {
        Self {
            reason,
            eligible_at: None,
        }
    }
}

impl ClaimEvidence {
    /// What the right paid for, if the user got it: a connected call, or an answer.
    pub const fn fulfilled(&self) -> Option<ClaimRefusal> {
        match self.mode {
            Mode::Text if self.answered => Some(ClaimRefusal::Answered),
            Mode::Video if self.connected => Some(ClaimRefusal::Connected),
            Mode::Text | Mode::Video => None,
        }
    }

    /// Whether `user` may claim the match at `now`.
    ///
    /// # Errors
    /// The reason why not, and when it will be possible.
    pub fn judge(
        &self,
        user: UserId,
        rules: &ClaimRules,
        now: Timestamp,
    ) -> Result<(), NotEligible> {
        if let Some(reason) = self.fulfilled() {
            return Err(reason.into());
        }
        let due = self.created_at
            + match self.mode {
                Mode::Text => rules.wait,
                Mode::Video => rules.video_wait,
            };
        match self.ended {
            // Otherwise one could match, leave and claim all day long.
            Some((at, Some(by))) if by == user && at < due => Err(ClaimRefusal::LeftEarly.into()),
            Some((at, _)) if now >= at + rules.window => Err(ClaimRefusal::TooLate.into()),
            None if now < due => Err(NotEligible {
                reason: ClaimRefusal::TooEarly,
                eligible_at: Some(due),
            }),
            // Its time is over, or somebody else ended it and nothing can come any more.
            None | Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: ClaimRules = ClaimRules {
        wait: Duration::from_hours(2),
        video_wait: Duration::from_mins(1),
        window: Duration::from_hours(24),
        daily_cap: 10,
    };
    const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);
    const ME: UserId = UserId(1);
    const PEER: UserId = UserId(2);

    fn unanswered(mode: Mode) -> ClaimEvidence {
        ClaimEvidence {
            mode,
            created_at: START,
            ended: None,
            answered: false,
            connected: false,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    fn refused(evidence: ClaimEvidence, seconds: u64) -> Option<ClaimRefusal> {
        evidence
            .judge(ME, &RULES, at(seconds))
            .err()
            .map(|refused| refused.reason)
    }

    #[test]
    fn a_match_that_goes_on_is_claimable_when_its_time_is_over() {
        for (mode, wait) in [(Mode::Text, 7_200), (Mode::Video, 60)] {
            let early = NotEligible {
                reason: ClaimRefusal::TooEarly,
                eligible_at: Some(at(wait)),
            };
            assert_eq!(
                unanswered(mode).judge(ME, &RULES, at(wait) - Duration::from_millis(1)),
                Err(early)
            );
            assert_eq!(unanswered(mode).judge(ME, &RULES, at(wait)), Ok(()));
        }
    }

    #[test]
    fn who_got_an_answer_got_what_was_paid_for() {
        let [mut text, mut video] = [Mode::Text, Mode::Video].map(unanswered);
        // Words beside a call that never came are no call, and the other way round.
        (text.connected, video.answered) = (true, true);
        assert_eq!((refused(text, 7_200), refused(video, 60)), (None, None));
        (text.answered, video.connected) = (true, true);
        assert_eq!(
            (refused(text, 7_200), refused(video, 60)),
            (Some(ClaimRefusal::Answered), Some(ClaimRefusal::Connected))
        );
        assert_eq!(
            refused(text, 0),
            Some(ClaimRefusal::Answered),
            "there is nothing to wait for"
        );
    }

    #[test]
    fn who_ended_it_decides_before_the_time_is_over_and_not_after() {
        let ended = |seconds, by| ClaimEvidence {
            ended: Some((at(seconds), by)),
            ..unanswered(Mode::Text)
        };
        assert_eq!(
            refused(ended(10, Some(ME)), 10),
            Some(ClaimRefusal::LeftEarly)
        );
        assert_eq!(
            refused(ended(7_199, Some(ME)), 7_200),
            Some(ClaimRefusal::LeftEarly),
            "it stays so"
        );
        assert_eq!(refused(ended(7_200, Some(ME)), 7_200), None);
        for by in [Some(PEER), None] {
            assert_eq!(refused(ended(10, by), 10), None);
        }
        let answered = ClaimEvidence {
            answered: true,
            ..ended(10, Some(PEER))
        };
        assert_eq!(refused(answered, 10), Some(ClaimRefusal::Answered));
    }

    #[test]
    fn a_match_is_claimable_for_a_day_after_its_end() {
        const DAY: u64 = 86_400;
        let ended = ClaimEvidence {
            ended: Some((at(DAY), None)),
            ..unanswered(Mode::Text)
        };
        assert_eq!(
            (refused(ended, 2 * DAY - 1), refused(ended, 2 * DAY)),
            (None, Some(ClaimRefusal::TooLate))
        );
        assert_eq!(
            refused(unanswered(Mode::Text), 9 * DAY),
            None,
            "what goes on has no end yet"
        );
    }
}
