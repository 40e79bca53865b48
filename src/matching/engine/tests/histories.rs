//! Random histories.

use proptest::prelude::*;

use super::*;

pub(super) const USERS: u8 = 7;
pub(super) const WORDS: [&str; 3] = ["a", "b", "c"];

/// Three towns: 1 and 2 are some 30 km apart, 3 is about 350 km away.
pub(super) const TOWNS: [Coordinates; 3] = [
    Coordinates {
        lat: 41.01,
        lon: 28.98,
    },
    Coordinates {
        lat: 41.01,
        lon: 29.34,
    },
    Coordinates {
        lat: 39.93,
        lon: 32.86,
    },
];

#[derive(Debug, Clone)]
pub(super) enum Op {
    Find(Wish),
    Cancel(u8),
    Disconnect(u8),
    Block(u8, u8),
    Advance(u16),
    SetBack(u16),
    /// Settles the pair at this place (modulo how many there are).
    Made(u8),
    Refused {
        pair: u8,
        drop_older: bool,
        drop_newer: bool,
        forbid: bool,
    },
}

/// Sets are bit masks.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) user: u8,
    pub(super) video: bool,
    pub(super) interests: u8,
    pub(super) languages: u8,
    pub(super) town: Option<u8>,
    pub(super) max_distance_km: Option<u32>,
    pub(super) waited_ms: u16,
    pub(super) blocked: u8,
    pub(super) recent: u8,
    /// In the background, without a connection.
    pub(super) away: bool,
}

fn wish() -> impl Strategy<Value = Wish> {
    // Sparse masks: most tickets fit most others, so that refusals of every kind occur but do not
    // dominate.
    let sparse =
        || prop_oneof![4 => Just(0u8), 2 => (0..7u8).prop_map(|bit| 1 << bit), 1 => any::<u8>()];
    let waited = prop_oneof![4 => Just(0u16), 1 => any::<u16>()];
    let town = prop::option::weighted(0.6, 0..3u8);
    let max_distance_km = prop::option::weighted(
        0.6,
        prop::sample::select(vec![0u32, 10, 40, 100, 400, 20_000]),
    );
    (
        0..USERS,
        prop::bool::weighted(0.2),
        0..8u8,
        0..4u8,
        town,
        max_distance_km,
        waited,
        sparse(),
        sparse(),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(
                user,
                video,
                interests,
                languages,
                town,
                max_distance_km,
                waited_ms,
                blocked,
                recent,
                away,
            )| Wish {
                user,
                video,
                interests,
                languages,
                town,
                max_distance_km,
                waited_ms,
                blocked,
                recent,
                away,
            },
        )
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => wish().prop_map(Op::Find),
        1 => (0..USERS).prop_map(Op::Cancel),
        1 => (0..USERS).prop_map(Op::Disconnect),
        1 => (0..USERS, 0..USERS).prop_map(|(a, b)| Op::Block(a, b)),
        3 => (0..12_000u16).prop_map(Op::Advance),
        1 => any::<u16>().prop_map(Op::SetBack),
        2 => any::<u8>().prop_map(Op::Made),
        2 => (any::<u8>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.3))
            .prop_map(|(pair, drop_older, drop_newer, forbid)| Op::Refused { pair, drop_older, drop_newer, forbid }),
    ]
}

pub(super) fn is_in(mask: u8) -> impl Fn(&u8) -> bool {
    move |bit| mask & (1 << bit) != 0
}

pub(super) fn words(mask: u8) -> Vec<String> {
    (0..3)
        .filter(is_in(mask))
        .map(|bit| WORDS[usize::from(bit)].to_owned())
        .collect()
}

pub(super) fn users(mask: u8) -> HashSet<UserId> {
    (0..USERS).filter(is_in(mask)).map(user_id).collect()
}

pub(super) fn user_id(user: u8) -> UserId {
    UserId(i64::from(user) + 1)
}
