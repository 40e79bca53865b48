//! Who is paired with whom.

use super::*;

const ISTANBUL: (f64, f64) = (41.01, 28.98);
/// About 350 km from Istanbul.
const ANKARA: (f64, f64) = (39.93, 32.86);

fn in_istanbul(n: i64, max_distance_km: Option<u32>) -> Ticket {
    located(n, ISTANBUL.0, ISTANBUL.1, max_distance_km)
}

fn in_ankara(n: i64, max_distance_km: Option<u32>) -> Ticket {
    located(n, ANKARA.0, ANKARA.1, max_distance_km)
}

fn users(list: &[i64]) -> HashSet<UserId> {
    list.iter().copied().map(UserId).collect()
}

/// Puts both at once and says at which second they are paired.
fn second_of_pairing(a: Ticket, b: Ticket) -> Option<i64> {
    let mut engine = engine();
    assert_eq!(engine.put(a), None);
    if engine.put(b).is_some() {
        return Some(0);
    }
    (1..60).find(|second| !engine.run_due(at(second * 1_000)).is_empty())
}

#[test]
fn two_without_wishes_are_paired_on_arrival() {
    let mut engine = engine();
    assert_eq!(engine.put(ticket(1)), None);
    assert_eq!(paired(engine.put(ticket(2))), Some((1, 2)));
    assert_eq!((engine.len(Mode::Text), engine.reserved()), (0, 1));
}

#[test]
fn modes_do_not_mix() {
    assert_eq!(
        second_of_pairing(
            ticket(1),
            Ticket {
                mode: Mode::Video,
                ..ticket(2)
            }
        ),
        None
    );
}

#[test]
fn a_block_in_either_set_separates_for_good() {
    assert_eq!(
        second_of_pairing(
            Ticket {
                blocked: users(&[2]),
                ..ticket(1)
            },
            ticket(2)
        ),
        None
    );
    assert_eq!(
        second_of_pairing(
            ticket(1),
            Ticket {
                blocked: users(&[1]),
                ..ticket(2)
            }
        ),
        None
    );
}

#[test]
fn who_is_connected_comes_before_who_is_away() {
    // The one who is away has waited longer, and shares more.
    let two = |back: bool| {
        let mut engine = engine();
        engine.put(Ticket {
            blocked: users(&[2]),
            background: true,
            away: true,
            ..with_interests(1, &["chess", "film"])
        });
        engine.put(with_interests(2, &["chess"]));
        if back {
            engine.set_away(TicketId(1), false);
        }
        paired(engine.put(with_interests(3, &["chess", "film"])))
    };
    assert_eq!(two(false), Some((2, 3)));
    assert_eq!(two(true), Some((1, 3)), "it is back");
}

#[test]
fn two_who_are_away_are_paired_with_each_other() {
    let away = |n| Ticket {
        background: true,
        away: true,
        ..ticket(n)
    };
    assert_eq!(second_of_pairing(away(1), away(2)), Some(0));
}

#[test]
fn blocked_users_stay_findable_for_others() {
    let mut engine = engine();
    engine.put(Ticket {
        blocked: users(&[2]),
        ..ticket(1)
    });
    engine.put(ticket(2));
    engine.run_due(at(60_000));
    assert_eq!(
        paired(engine.put(Ticket {
            enqueued_at: at(60_001),
            ..ticket(3)
        })),
        Some((1, 3))
    );
    assert_eq!(
        paired(engine.put(Ticket {
            enqueued_at: at(60_002),
            ..ticket(4)
        })),
        Some((2, 4))
    );
}

#[test]
fn a_shared_interest_pairs_at_once_another_after_widening() {
    assert_eq!(
        second_of_pairing(
            with_interests(1, &["chess", "film"]),
            with_interests(2, &["film", "music"])
        ),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(with_interests(1, &["chess"]), with_interests(2, &["music"])),
        Some(5)
    );
}

#[test]
fn listing_nothing_is_no_wish_on_either_side() {
    assert_eq!(
        second_of_pairing(with_interests(1, &["chess"]), ticket(2)),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(ticket(1), with_interests(2, &["chess"])),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(with_languages(1, &["tr"]), ticket(2)),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(ticket(1), with_languages(2, &["tr"])),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(5)), ticket(2)),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(ticket(1), in_istanbul(2, Some(5))),
        Some(0)
    );
}

#[test]
fn a_foreign_language_waits_for_the_last_step() {
    assert_eq!(
        second_of_pairing(with_languages(1, &["tr", "en"]), with_languages(2, &["en"])),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(with_languages(1, &["tr"]), with_languages(2, &["en"])),
        Some(30)
    );
}

#[test]
fn an_interest_and_a_language_spelt_alike_are_not_confused() {
    let speaks = Ticket {
        interests: vec!["en".into()],
        ..with_languages(1, &["tr"])
    };
    assert_eq!(
        second_of_pairing(
            speaks,
            Ticket {
                interests: vec!["tr".into()],
                ..with_languages(2, &["en"])
            }
        ),
        Some(30)
    );
}

#[test]
fn distance_widens_with_the_factor_of_the_step() {
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(400)), in_ankara(2, None)),
        Some(0)
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, None), in_ankara(2, Some(400))),
        Some(0),
        "the limit of the one that arrives"
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(200)), in_ankara(2, None)),
        Some(5),
        "200 km × 2"
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(100)), in_ankara(2, None)),
        Some(15),
        "100 km × 5"
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(50)), in_ankara(2, None)),
        Some(30),
        "250 km are not enough"
    );
    assert_eq!(
        second_of_pairing(in_istanbul(1, Some(0)), in_istanbul(2, Some(0))),
        Some(0),
        "the same cell of the 1 km grid"
    );
}

#[test]
fn each_side_permits_at_its_own_step() {
    let mut engine = engine();
    engine.put(with_interests(1, &["chess"]));
    engine.run_due(at(6_000));
    // The first no longer insists, the second does until 6 s + 5 s.
    assert_eq!(
        engine.put(Ticket {
            enqueued_at: at(6_000),
            ..with_interests(2, &["music"])
        }),
        None
    );
    assert_eq!(engine.run_due(at(10_999)), []);
    assert_eq!(all_sides(&engine.run_due(at(11_000))), [(1, 2)]);
}

#[test]
fn an_arrival_finds_those_who_still_insist_and_those_who_do_not() {
    let mut engine = engine();
    engine.put(with_interests(1, &["chess"]));
    assert_eq!(engine.put(with_interests(2, &["music"])), None);
    assert_eq!(
        paired(engine.put(with_interests(3, &["music", "film"]))),
        Some((2, 3)),
        "an early step is found by its wish"
    );
    engine.run_due(at(40_000));
    assert_eq!(
        paired(engine.put(Ticket {
            enqueued_at: at(40_000),
            ..with_interests(4, &["chess"])
        })),
        Some((1, 4)),
        "and so is the last step"
    );
}

#[test]
fn interests_come_first_then_language_then_nearness_then_age() {
    let seeker = |n| Ticket {
        languages: vec!["tr".into()],
        interests: vec!["a".into(), "b".into()],
        ..in_istanbul(n, None)
    };
    let apart = |ticket: Ticket| Ticket {
        blocked: users(&[1, 2, 3, 4, 5]),
        ..ticket
    };
    let mut engine = engine();
    engine.put(apart(ticket(1)));
    engine.put(apart(Ticket {
        enqueued_at: at(1),
        ..in_ankara(2, None)
    }));
    engine.put(apart(Ticket {
        enqueued_at: at(2),
        ..in_istanbul(3, None)
    }));
    engine.put(apart(Ticket {
        enqueued_at: at(3),
        ..with_languages(4, &["tr"])
    }));
    engine.put(apart(Ticket {
        enqueued_at: at(4),
        ..with_interests(5, &["b"])
    }));
    engine.put(apart(Ticket {
        enqueued_at: at(5),
        ..with_interests(6, &["b", "c", "a"])
    }));
    let best = |engine: &mut Engine, n| {
        paired(engine.put(Ticket {
            enqueued_at: at(10),
            ..seeker(n)
        }))
        .map(|(older, _)| older)
    };
    assert_eq!(
        (11..17).map(|n| best(&mut engine, n)).collect::<Vec<_>>(),
        [6, 5, 4, 3, 2, 1].map(Some)
    );
}

#[test]
fn oldest_first_among_equals() {
    let mut engine = engine();
    for (n, enqueued) in [(1, 30), (2, 10), (3, 20)] {
        let waits = Ticket {
            enqueued_at: at(enqueued),
            blocked: users(&[1, 2, 3]),
            ..ticket(n)
        };
        assert_eq!(engine.insert(waits, at(40)), Ok(None));
    }
    let oldest: Vec<_> = (11..14)
        .map(|n| {
            paired(engine.put(Ticket {
                enqueued_at: at(40),
                ..ticket(n)
            }))
        })
        .collect();
    assert_eq!(oldest, [Some((2, 11)), Some((3, 12)), Some((1, 13))]);
}

#[test]
fn shared_interests_are_those_of_both_in_the_order_of_the_older() {
    let mut engine = engine();
    engine.put(with_interests(1, &["music", "chess", "film", "chess"]));
    let pair = engine
        .put(with_interests(2, &["chess", "food", "music"]))
        .expect("a pair");
    assert_eq!(pair.shared_interests, ["music", "chess"]);
}

#[test]
fn a_recent_partner_waits_for_the_last_step_of_both() {
    assert_eq!(
        second_of_pairing(
            Ticket {
                recent: users(&[2]),
                ..ticket(1)
            },
            ticket(2)
        ),
        Some(30)
    );
    assert_eq!(
        second_of_pairing(
            ticket(1),
            Ticket {
                recent: users(&[1]),
                ..ticket(2)
            }
        ),
        Some(30)
    );
    let mut engine = engine();
    engine.put(Ticket {
        recent: users(&[2]),
        ..ticket(1)
    });
    engine.run_due(at(30_000));
    assert_eq!(
        engine.put(Ticket {
            enqueued_at: at(30_000),
            ..ticket(2)
        }),
        None
    );
    assert_eq!(engine.run_due(at(59_999)), []);
    assert_eq!(all_sides(&engine.run_due(at(60_000))), [(1, 2)]);
}

#[test]
fn a_recent_partner_comes_after_everybody_else() {
    let mut engine = engine();
    engine.put(Ticket {
        languages: vec!["tr".into()],
        blocked: users(&[2]),
        ..ticket(1)
    });
    engine.put(Ticket {
        languages: vec!["en".into()],
        ..ticket(2)
    });
    engine.run_due(at(30_000));
    // Speaks the first one's language and met him; the second is a stranger in every respect.
    let late = Ticket {
        languages: vec!["tr".into()],
        recent: users(&[1]),
        ..ticket(3)
    };
    assert_eq!(
        paired(engine.insert(late, at(60_000)).expect("a new ticket")),
        Some((2, 3))
    );
}

#[test]
fn widening_is_checked() {
    use crate::matching::engine::{InvalidWidening as Bad, Step};
    let step = |after_ms, same_interest, distance_factor| Step {
        after_ms,
        same_interest,
        same_language: false,
        distance_factor,
    };
    let open = step(9, false, None);
    let check = |steps: &[Step]| Widening::try_from(steps.to_vec()).err();
    assert_eq!(check(&[]), Some(Bad::Empty));
    assert_eq!(check(&[open]), Some(Bad::FirstNotAtZero));
    assert_eq!(
        check(&[step(0, true, None), step(9, false, Some(2.0)), open]),
        Some(Bad::Stricter(1))
    );
    assert_eq!(
        check(&[step(0, false, None), step(3, true, None), open]),
        Some(Bad::Stricter(1))
    );
    assert_eq!(
        check(&[step(0, true, None), open, open]),
        Some(Bad::NotIncreasing(2))
    );
    assert_eq!(
        check(&[step(0, false, Some(f64::NAN)), open]),
        Some(Bad::BadFactor(0))
    );
    assert_eq!(check(&[step(0, true, None)]), Some(Bad::LastInsists));
    assert_eq!(
        check(&[step(0, false, None)]),
        None,
        "one step that permits everything"
    );
    assert_eq!(check(Widening::default().steps()), None);
    let text = serde_json::to_string(&Widening::default()).expect("plain data");
    assert_eq!(
        serde_json::from_str::<Widening>(&text).expect("round trip"),
        Widening::default()
    );
    assert!(
        serde_json::from_str::<Widening>(r#"[{"after_ms":0,"near":true}]"#).is_err(),
        "unknown keys are errors"
    );
    assert!(serde_json::from_str::<Widening>(r#"[{"after_ms":0,"same_language":true}]"#).is_err());
}
