//! The work of a ticket does not grow with the number that wait.

use super::*;
use crate::matching::engine::{CELL_WINDOW, WINDOW};

/// Far corners: every place is over 20 km from every other, and nobody wants more than 1 km. All
/// else fits.
fn lonely(n: i64) -> Ticket {
    let (row, column) = (n / 500, n % 500);
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let place = Coordinates {
        lat: -50.0 + row as f64 * 0.5,
        lon: -175.0 + column as f64 * 0.7,
    };
    Ticket {
        place: Some(place),
        max_distance_km: Some(1),
        ..with_interests(n, &["music"])
    }
}

#[test]
fn a_newcomer_costs_the_same_however_many_do_not_fit() {
    // Four keys of wishes (the interest, or those who list none; with and without a limit) and the
    // finest level of the grid.
    let bound = u64::try_from(4 * WINDOW + 9 * CELL_WINDOW).expect("small");
    let mut engine = engine();
    let mut looked_at = 0;
    for n in 0..100_000 {
        let before = engine.examined();
        assert_eq!(engine.insert(lonely(n), at(0)), Ok(None));
        looked_at = engine.examined() - before;
        assert!(looked_at <= bound, "ticket {n} looked at {looked_at}");
    }
    assert_eq!(engine.len(Mode::Text), 100_000);
    assert_eq!(
        looked_at,
        u64::try_from(WINDOW).expect("small"),
        "one full window of those who share the interest"
    );

    // A newcomer that fits one of them only, who arrived last, is found through the grid.
    let near = Ticket {
        id: TicketId(200_000),
        user: UserId(200_000),
        ..lonely(99_999)
    };
    let before = engine.examined();
    assert_eq!(
        paired(engine.insert(near, at(1)).expect("a new ticket")),
        Some((99_999, 200_000))
    );
    assert!(engine.examined() - before <= bound);
    for n in 0..99_999 {
        engine.remove(TicketId(n));
    }
    assert_eq!(engine.len(Mode::Text), 0);
}

#[test]
fn a_long_block_list_does_not_use_up_the_window() {
    let mut engine = engine();
    let crowd: HashSet<_> = (0..500).map(UserId).collect();
    for n in 0..500 {
        engine
            .insert(
                Ticket {
                    blocked: crowd.clone(),
                    ..ticket(n)
                },
                at(0),
            )
            .expect("a new ticket");
    }
    let friend = Ticket {
        enqueued_at: at(1),
        blocked: crowd.clone(),
        ..ticket(600)
    };
    assert_eq!(engine.put(friend), None);
    assert_eq!(
        paired(engine.put(Ticket {
            enqueued_at: at(2),
            blocked: crowd,
            ..ticket(601)
        })),
        Some((600, 601))
    );
}

#[test]
fn a_peer_hidden_behind_the_window_is_met_at_the_last_step() {
    let mut engine = engine();
    for n in 0..1_000 {
        engine.insert(lonely(n), at(0)).expect("a new ticket");
    }
    // These two fit: 4,300 km apart, and the limited one accepts 5,000. But many older ones with a
    // limit share the interest.
    let limited = Ticket {
        place: Some(Coordinates {
            lat: 40.0,
            lon: 30.0,
        }),
        max_distance_km: Some(5_000),
        ..lonely(2_001)
    };
    let unlimited = Ticket {
        place: Some(Coordinates {
            lat: 40.0,
            lon: 80.0,
        }),
        max_distance_km: None,
        ..lonely(2_002)
    };
    assert_eq!(engine.insert(limited, at(1)), Ok(None));
    assert_eq!(engine.insert(unlimited, at(1)), Ok(None));
    let pairs: Vec<_> = (1..=31)
        .flat_map(|second| engine.run_due(at(second * 1_000)))
        .collect();
    assert_eq!(
        (engine.len(Mode::Text), pairs.len()),
        (0, 501),
        "everybody is permitted at the last step"
    );
}

#[test]
fn those_who_limit_the_distance_do_not_hide_those_who_do_not() {
    let mut engine = engine();
    for n in 0..1_000 {
        engine.insert(lonely(n), at(0)).expect("a new ticket");
    }
    let unlimited = |n, lon| Ticket {
        place: Some(Coordinates { lat: 40.0, lon }),
        max_distance_km: None,
        ..lonely(n)
    };
    assert_eq!(engine.insert(unlimited(2_001, 30.0), at(1)), Ok(None));
    assert_eq!(
        paired(
            engine
                .insert(unlimited(2_002, 80.0), at(1))
                .expect("a new ticket")
        ),
        Some((2_001, 2_002))
    );
}

#[test]
fn a_thousand_at_once_make_five_hundred_pairs() {
    let mut engine = engine();
    let mut seen = HashSet::new();
    for n in 0..1_000 {
        if let Some(pair) = engine.insert(ticket(n), at(0)).expect("a new ticket") {
            assert!(seen.insert(pair.older.user) && seen.insert(pair.newer.user));
            engine.settle(pair.id, &Outcome::Made, at(0));
        }
    }
    assert_eq!(seen.len(), 1_000);
    assert!(
        engine.examined() <= 2_000,
        "one candidate under each key: {}",
        engine.examined()
    );
    engine.assert_nothing_is_left();
}
