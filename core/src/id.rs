//! Ids: 63-bit, time-ordered, unique across nodes, JSON strings on the wire.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::{Clock, Timestamp};

/// The text was not a positive 63-bit decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a decimal number between 1 and 2^63-1, as a string")]
pub struct InvalidId;

fn parse(text: &str) -> Result<i64, InvalidId> {
    // `i64::from_str` takes a leading '+' and zeros; an id has exactly one spelling.
    if text.starts_with(['+', '0']) {
        return Err(InvalidId);
    }
    text.parse().ok().filter(|id| *id > 0).ok_or(InvalidId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                parse(&text).map(Self).map_err(de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                <String as utoipa::PartialSchema>::schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// An account.
    UserId,
    /// One signed-in device of an account.
    SessionId,
    /// A conversation of two users.
    MatchId,
    /// A stored message.
    MessageId,
    /// A wish to be matched; used at most once.
    TicketId,
    /// A block of one user by another.
    BlockId,
    /// A row of the quota ledger.
    LedgerId,
    /// A one-time or last-resort key package.
    KeyPackageId,
    /// A row of `message_logs`.
    LogId,
    /// A row of `system_logs`.
    SystemLogId,
    /// A notification of a user.
    NotificationId,
    /// A wish to have a right back.
    ClaimId,
    /// An invitation of a phone.
    ReferralId,
    /// A time with a subscription.
    SubscriptionId,
    /// An ad.
    AdId,
    /// A background job.
    JobId,
    /// Something the operator tells many users.
    AnnouncementId,
    /// A one-time code.
    CodeId,
    /// A report of one user about another.
    ReportId,
    /// A ban of a phone.
    BanId,
    /// An appeal against a ban.
    AppealId,
}

/// Makes ids; share one per process.
///
/// Layout (high to low): 41 bits of milliseconds since 2024-01-01, 10 bits sequence, 12 bits node. The node part is drawn at random at every start,
/// so nothing is configured; should two nodes draw the same part and meet in the same millisecond and sequence, the primary key refuses the second.
///
/// Time and sequence count together and never go back or wait: a burst borrows from the next millisecond, and a clock that was set back
/// leaves the order of ids as it was. The published snowflake generators block or spin in both cases.
#[derive(Debug)]
pub struct IdGenerator {
    clock: Clock,
    node: i64,
    last: AtomicI64,
}

const EPOCH_MS: i64 = 1_704_067_200_000;
const SEQUENCE_BITS: u32 = 10;
const NODE_BITS: u32 = 12;

impl IdGenerator {
    /// A generator whose node part is drawn from `rng`.
    pub fn new(clock: Clock, rng: &mut impl rand::Rng) -> Self {
        let node = i64::from(rng.next_u32() & ((1 << NODE_BITS) - 1));
        Self { clock, node, last: AtomicI64::new(0) }
    }

    /// The smallest id that a generator makes at `time`; ids made before are smaller. Good to bound a scan by primary key.
    ///
    /// Not exact in a burst, nor when the clock was set back: ids then run ahead of the time.
    pub const fn first_id_at(time: Timestamp) -> i64 {
        let since = time.millis().saturating_sub(EPOCH_MS);
        (if since < 0 { 0 } else { since }) << (SEQUENCE_BITS + NODE_BITS)
    }

    /// The next id, greater than every id this generator made before.
    pub fn next<Id: From<i64>>(&self) -> Id {
        self.next_after(0)
    }

    /// The next id, greater also than `floor`, which another node may have made. Where that node's clock is ahead, ids run ahead of the time from here on.
    pub fn next_after<Id: From<i64>>(&self, floor: i64) -> Id {
        let now = ((self.clock.now().millis() - EPOCH_MS).max(1) << SEQUENCE_BITS).max((floor >> NODE_BITS) + 1);
        let advance = |last: i64| now.max(last + 1);
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(advance(last)));
        let counter = advance(before.unwrap_or_else(|last| last));
        Id::from((counter << NODE_BITS) | self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_through_bursts_and_a_clock_set_back() {
        let clock = Clock::manual(Timestamp::from_millis(EPOCH_MS + 5_000));
        let ids = IdGenerator::new(clock.clone(), &mut rand::rng());
        let mut last = 0;
        for i in 0..5_000 {
            if i == 2_500 {
                clock.set(Timestamp::from_millis(EPOCH_MS + 1_000));
            }
            let id = ids.next::<MatchId>().0;
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn an_id_follows_one_of_a_node_whose_clock_is_ahead() {
        let clock = Clock::manual(Timestamp::from_millis(EPOCH_MS + 5_000));
        let ids = IdGenerator::new(clock.clone(), &mut rand::rng());
        let floor = IdGenerator::first_id_at(clock.now() + std::time::Duration::from_secs(1)) | 0xfff;
        let id = ids.next_after::<MatchId>(floor).0;
        assert!(id > floor && id >> NODE_BITS == (floor >> NODE_BITS) + 1);
        assert_eq!(id & 0xfff, ids.node, "its own node part: nobody else makes this id");
        assert!(ids.next::<MatchId>().0 > id);
    }

    #[test]
    fn first_id_at_parts_ids_by_time() {
        let start = Timestamp::from_millis(EPOCH_MS + 5_000);
        let clock = Clock::manual(start);
        let ids = IdGenerator::new(clock.clone(), &mut rand::rng());
        let before = ids.next::<MatchId>().0;
        clock.advance(std::time::Duration::from_millis(1));
        let after = ids.next::<MatchId>().0;
        let bound = IdGenerator::first_id_at(clock.now());
        assert!(before < bound && bound <= after);
        assert!(IdGenerator::first_id_at(start) <= before);
        assert_eq!(IdGenerator::first_id_at(Timestamp::from_millis(0)), 0);
    }

    #[test]
    fn an_id_has_one_spelling() {
        for bad in ["", "0", "-1", "+1", "01", "9223372036854775808", "1.0", " 1"] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
        assert_eq!("9223372036854775807".parse(), Ok(UserId(i64::MAX)));
        assert!(serde_json::from_str::<UserId>("1").is_err(), "numbers lose precision in JavaScript");
    }
}
