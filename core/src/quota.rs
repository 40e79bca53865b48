//! The arithmetic of allowances. Pure: [`crate::store`] does the reading and writing.
//!
//! Every change of a balance comes with the [`LedgerEntry`] that explains it, so that a balance is
//! always the sum of its ledger.

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

use crate::settings::Checks;
use tebdil_protocol::{
    Quota,
    domain::{LedgerReason, Mode, QuotaBucket},
    time::Timestamp,
};

/// How many matches users get, and where a day begins: the section `[quota]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaRules {
    /// Text matches a day without a subscription.
    pub free_text: u32,
    /// Video matches a day without a subscription.
    pub free_video: u32,
    /// Text matches a day with a subscription.
    pub premium_text: u32,
    /// Video matches a day with a subscription.
    pub premium_video: u32,
    /// Days are those of this zone.
    #[serde(rename = "time_zone", deserialize_with = "zone")]
    pub zone: TimeZone,
}

/// The zone with this name; if there is none, the unknown one.
fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(from)?;
    Ok(TimeZone::get(&name).unwrap_or_else(|_| TimeZone::unknown()))
}

impl QuotaRules {
    /// What values must be.
    pub fn check(&self, check: &mut Checks) {
        check.range("quota.free_text", self.free_text, ..=1_000_000);
        check.range("quota.free_video", self.free_video, ..=1_000_000);
        check.range("quota.premium_text", self.premium_text, ..=1_000_000);
        check.range("quota.premium_video", self.premium_video, ..=1_000_000);
        check.that(
            !self.zone.is_unknown(),
            "quota.time_zone",
            "must be a time zone name such as Europe/Istanbul",
        );
    }

    /// What a user is given per day.
    pub fn allowance(&self, is_premium: bool) -> Allowance {
        let (text, video) = if is_premium {
            (self.premium_text, self.premium_video)
        } else {
            (self.free_text, self.free_video)
        };
        Allowance {
            text: text.into(),
            video: video.into(),
        }
    }

    /// The local day at `now`, `YYYY-MM-DD`.
    pub fn day(&self, now: Timestamp) -> String {
        now.local_day(&self.zone)
    }
}

/// What one user is given per day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Text matches.
    pub text: i64,
    /// Video matches.
    pub video: i64,
}

/// What changes of tier could not take from a day's balances because it was already used up. A
/// later change on the same day gives that much less, so going back and forth between tiers gains
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overdraft {
    /// The local day it belongs to; on other days there is none.
    pub day: String,
    pub text: i64,
    pub video: i64,
}

/// A row for the ledger: what changed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Whose balance changed.
    pub bucket: QuotaBucket,
    /// By how much; never 0.
    pub delta: i64,
    /// The balance after the change.
    pub balance_after: i64,
    /// Why.
    pub reason: LedgerReason,
    /// What the change refers to; unique per user, bucket and reason.
    pub reference: String,
}

/// The stored balances of one user. None is ever negative.
#[derive(Debug, Clone, PartialEq, Eq, Default, sqlx_macros::FromRow)]
pub struct Balances {
    /// Text matches left of `day`.
    #[sqlx(rename = "daily_chat_balance")]
    pub text: i64,
    /// Video matches left of `day`.
    #[sqlx(rename = "daily_video_balance")]
    pub video: i64,
    /// Rights for either mode that survive the reset.
    #[sqlx(rename = "bonus_balance")]
    pub bonus: i64,
    /// Local day of the last reset; empty before the first.
    #[sqlx(rename = "quota_day")]
    pub day: String,
}

impl Balances {
    /// Gives the allowance of `day` unless this or a later day was given already, so a clock that
    /// was set back grants nothing twice.
    pub fn reset(&mut self, day: &str, allowance: Allowance) -> Vec<LedgerEntry> {
        // Years have four digits, so the order of the text is the order of the days.
        if day <= self.day.as_str() {
            return Vec::new();
        }
        day.clone_into(&mut self.day);
        let text = self.change(
            QuotaBucket::Text,
            allowance.text - self.text,
            LedgerReason::DailyReset,
            day,
        );
        let video = self.change(
            QuotaBucket::Video,
            allowance.video - self.video,
            LedgerReason::DailyReset,
            day,
        );
        text.into_iter().chain(video).collect()
    }

    /// Takes one right for a match: the day's first, then a bonus. `None` if nothing is left; then
    /// nothing changes.
    pub fn debit(&mut self, mode: Mode, reference: &str) -> Option<LedgerEntry> {
        let bucket = [mode.bucket(), QuotaBucket::Bonus]
            .into_iter()
            .find(|bucket| self.of(*bucket) > 0)?;
        self.change(bucket, -1, LedgerReason::Match, reference)
    }

    /// Adds `amount` to a bucket, or takes it away, down to 0. `None` if that changes nothing.
    pub fn credit(
        &mut self,
        bucket: QuotaBucket,
        amount: i64,
        reason: LedgerReason,
        reference: &str,
    ) -> Option<LedgerEntry> {
        let after = self.of(bucket).saturating_add(amount).max(0);
        self.change(bucket, after - self.of(bucket), reason, reference)
    }

    /// Moves the day's balances from one tier's allowance to another's: what was used stays used,
    /// and no balance goes below 0.
    ///
    /// The balances must be today's, so [`Self::reset`] them first.
    pub fn change_tier(
        &mut self,
        from: Allowance,
        to: Allowance,
        overdraft: &mut Overdraft,
        reference: &str,
    ) -> Vec<LedgerEntry> {
        if overdraft.day != self.day {
            *overdraft = Overdraft {
                day: self.day.clone(),
                ..Overdraft::default()
            };
        }
        let mut move_one = |bucket, by: i64, owed: &mut i64| {
            let wanted = self.of(bucket) - *owed + by;
            *owed = (-wanted).max(0);
            self.change(
                bucket,
                wanted.max(0) - self.of(bucket),
                LedgerReason::Premium,
                reference,
            )
        };
        let text = move_one(QuotaBucket::Text, to.text - from.text, &mut overdraft.text);
        let video = move_one(
            QuotaBucket::Video,
            to.video - from.video,
            &mut overdraft.video,
        );
        text.into_iter().chain(video).collect()
    }

    /// Whether there is a right for a match of this mode.
    pub const fn can_pay(&self, mode: Mode) -> bool {
        self.of(mode.bucket()) > 0 || self.bonus > 0
    }

    /// What is left in a bucket.
    pub const fn of(&self, bucket: QuotaBucket) -> i64 {
        match bucket {
            QuotaBucket::Text => self.text,
            QuotaBucket::Video => self.video,
            QuotaBucket::Bonus => self.bonus,
        }
    }

    /// What the user has at `now`, counting a reset that is due but not stored.
    pub fn quota(&self, rules: &QuotaRules, is_premium: bool, now: Timestamp) -> Quota {
        let allowance = rules.allowance(is_premium);
        let mut balances = self.clone();
        balances.reset(&rules.day(now), allowance);
        Quota {
            text: balances.text,
            video: balances.video,
            bonus: balances.bonus,
            daily_text: allowance.text,
            daily_video: allowance.video,
            resets_at: now.next_midnight(&rules.zone),
        }
    }

    fn change(
        &mut self,
        bucket: QuotaBucket,
        delta: i64,
        reason: LedgerReason,
        reference: &str,
    ) -> Option<LedgerEntry> {
        let balance = match bucket {
            QuotaBucket::Text => &mut self.text,
            QuotaBucket::Video => &mut self.video,
            QuotaBucket::Bonus => &mut self.bonus,
        };
        *balance += delta;
        (delta != 0).then(|| LedgerEntry {
            bucket,
            delta,
            balance_after: *balance,
            reason,
            reference: reference.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn rules() -> QuotaRules {
        QuotaRules {
            free_text: 10,
            free_video: 3,
            premium_text: 100,
            premium_video: 30,
            zone: TimeZone::get("Europe/Istanbul").expect("bundled zone"),
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Reset { day: u8, premium: bool },
        Debit(Mode),
        Credit(QuotaBucket, i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_u8, any::<bool>()).prop_map(|(day, premium)| Step::Reset { day, premium }),
            prop::sample::select(Mode::ALL).prop_map(Step::Debit),
            (prop::sample::select(QuotaBucket::ALL), -5..5_i64)
                .prop_map(|(bucket, amount)| Step::Credit(bucket, amount)),
        ]
    }

    proptest! {
        #[test]
        fn a_balance_is_the_sum_of_its_ledger_and_a_day_is_given_once(steps in prop::collection::vec(step(), 0..60)) {
            let mut balances = Balances::default();
            let mut sums = HashMap::<QuotaBucket, i64>::new();
            let mut keys = HashSet::new();
            for (number, step) in steps.into_iter().enumerate() {
                let before = balances.clone();
                let entries: Vec<_> = match &step {
                    Step::Reset { day, premium } => balances.reset(&format!("2026-11-{day:02}"), rules().allowance(*premium)),
                    Step::Debit(mode) => {
                        let entry = balances.debit(*mode, &number.to_string());
                        prop_assert_eq!(entry.is_some(), before.can_pay(*mode));
                        if before.of(mode.bucket()) > 0 {
                            prop_assert_eq!(balances.bonus, before.bonus, "the day's part goes first");
                        }
                        entry.into_iter().collect()
                    }
                    Step::Credit(bucket, amount) => balances.credit(*bucket, *amount, LedgerReason::Admin, &number.to_string()).into_iter().collect(),
                };
                for entry in entries {
                    prop_assert_ne!(entry.delta, 0);
                    let sum = sums.entry(entry.bucket).or_default();
                    *sum += entry.delta;
                    prop_assert_eq!(*sum, entry.balance_after);
                    prop_assert!(keys.insert((entry.bucket, entry.reason, entry.reference)), "a reference was used twice");
                }
                for bucket in QuotaBucket::ALL {
                    prop_assert!(balances.of(*bucket) >= 0);
                    prop_assert_eq!(balances.of(*bucket), sums.get(bucket).copied().unwrap_or(0));
                }
                prop_assert!(balances.day >= before.day);
            }
        }
    }

    #[derive(Debug, Clone)]
    enum TierStep {
        Switch,
        Debit(Mode),
        Credit(QuotaBucket, i64),
        NextDay,
    }

    fn tier_step() -> impl Strategy<Value = TierStep> {
        prop_oneof![
            2 => Just(TierStep::Switch),
            6 => prop::sample::select(Mode::ALL).prop_map(TierStep::Debit),
            2 => (prop::sample::select(QuotaBucket::ALL), -5..5_i64).prop_map(|(bucket, amount)| TierStep::Credit(bucket, amount)),
            1 => Just(TierStep::NextDay),
        ]
    }

    proptest! {
        /// After a change of tier a balance is what the tier gives, less what was used since the
        /// reset, whatever came between.
        #[test]
        fn changes_of_tier_gain_nothing(
            steps in prop::collection::vec(tier_step(), 0..80), free in 0..6_u32, premium in 0..12_u32, starts_premium in any::<bool>(),
        ) {
            let rules = QuotaRules { free_text: free, free_video: premium / 2, premium_text: premium, premium_video: free, ..rules() };
            let mut is_premium = starts_premium;
            let mut day = 1;
            let (mut balances, mut overdraft) = (Balances::default(), Overdraft::default());
            balances.reset("2026-11-01", rules.allowance(is_premium));
            let mut changed = HashMap::<QuotaBucket, i64>::new();
            for (number, step) in steps.into_iter().enumerate() {
                let reference = number.to_string();
                match step {
                    TierStep::Debit(mode) => {
                        if let Some(entry) = balances.debit(mode, &reference) {
                            *changed.entry(entry.bucket).or_default() += entry.delta;
                        }
                    }
                    TierStep::Credit(bucket, amount) => {
                        if let Some(entry) = balances.credit(bucket, amount, LedgerReason::Admin, &reference) {
                            *changed.entry(bucket).or_default() += entry.delta;
                        }
                    }
                    TierStep::NextDay => {
                        day += 1;
                        balances.reset(&format!("2026-11-{day:02}"), rules.allowance(is_premium));
                        changed.remove(&QuotaBucket::Text);
                        changed.remove(&QuotaBucket::Video);
                    }
                    TierStep::Switch => {
                        let (before, bonus) = (balances.clone(), balances.bonus);
                        let [from, to] = [is_premium, !is_premium].map(|tier| rules.allowance(tier));
                        let entries = balances.change_tier(from, to, &mut overdraft, &reference);
                        is_premium = !is_premium;
                        let since = |bucket| changed.get(&bucket).copied().unwrap_or(0);
                        prop_assert_eq!(balances.text, (to.text + since(QuotaBucket::Text)).max(0));
                        prop_assert_eq!(balances.video, (to.video + since(QuotaBucket::Video)).max(0));
                        prop_assert_eq!(balances.bonus, bonus);
                        for entry in entries {
                            prop_assert_eq!(entry.delta, balances.of(entry.bucket) - before.of(entry.bucket));
                            prop_assert_ne!(entry.delta, 0);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_shown_counts_a_reset_that_is_due() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().expect("time");
        let stored = Balances {
            text: 0,
            video: 1,
            bonus: 2,
            day: "2026-11-21".to_owned(),
        };
        let today = stored.quota(&rules(), false, now);
        assert_eq!(
            (
                today.text,
                today.video,
                today.bonus,
                today.daily_text,
                today.daily_video
            ),
            (0, 1, 2, 10, 3)
        );
        let tomorrow = stored.quota(&rules(), true, today.resets_at);
        assert_eq!(
            (tomorrow.text, tomorrow.video, tomorrow.bonus),
            (100, 30, 2)
        );
        let set_back = stored.quota(
            &rules(),
            false,
            "2026-11-19T00:00:00Z".parse().expect("time"),
        );
        assert_eq!(set_back.text, 0);
    }
}
