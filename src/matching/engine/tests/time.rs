//! Steps, due times and clocks that misbehave.

use super::*;

#[test]
fn next_due_names_the_next_step_of_anybody() {
    let mut engine = engine();
    assert_eq!(engine.next_due(), None);
    engine.put(ticket(1));
    assert_eq!(engine.next_due(), Some(at(5_000)));
    assert_eq!(engine.tick(at(4_999)), []);
    assert_eq!(
        engine.next_due(),
        Some(at(5_000)),
        "early ticks change nothing"
    );
    for (now, next) in [
        (5_000, Some(15_000)),
        (15_001, Some(30_000)),
        (30_000, None),
    ] {
        assert_eq!(engine.run_due(at(now)), []);
        assert_eq!(engine.next_due(), next.map(at));
    }
}

#[test]
fn a_late_tick_skips_steps() {
    let mut engine = engine();
    engine.put(ticket(1));
    engine.run_due(at(29_000));
    assert_eq!(engine.next_due(), Some(at(30_000)));
}

#[test]
fn a_ticket_submitted_again_continues_at_its_age() {
    let mut engine = engine();
    assert_eq!(
        engine.insert(with_languages(1, &["tr"]), at(40_000)),
        Ok(None)
    );
    assert_eq!(engine.next_due(), None, "at the last step from the start");
    let other = engine
        .insert(with_languages(2, &["en"]), at(40_000))
        .expect("a new ticket");
    assert_eq!(paired(other), Some((1, 2)));
}

#[test]
fn one_tick_runs_a_batch() {
    let mut engine = engine();
    let all: HashSet<_> = (0..=600).map(UserId).collect();
    for n in 1..=600 {
        engine.put(Ticket {
            blocked: all.clone(),
            ..ticket(n)
        });
    }
    let before = engine.examined();
    engine.tick(at(5_000));
    assert_eq!(
        engine.next_due(),
        Some(at(5_000)),
        "some are left, and it says so"
    );
    assert!(engine.examined() > before);
    engine.tick(at(5_000));
    assert_eq!(engine.next_due(), Some(at(15_000)));
}

#[test]
fn a_clock_set_back_neither_delays_nor_spins() {
    let mut engine = engine();
    engine.put(with_interests(1, &["a"]));
    engine.put(Ticket {
        enqueued_at: at(100),
        ..with_interests(2, &["b"])
    });
    engine.tick(at(4_000));
    // An hour back: one second is still missing to the step.
    let hour = 3_600_000;
    assert_eq!(engine.tick(at(4_000 - hour)), []);
    assert_eq!(engine.next_due(), Some(at(5_000 - hour)));
    assert_eq!(
        engine
            .oldest_age(Mode::Text, at(4_000 - hour))
            .map(|age| age.as_millis()),
        Some(4_000)
    );
    assert_eq!(engine.run_due(at(5_000 - hour)), []);
    assert_eq!(all_sides(&engine.run_due(at(5_100 - hour))), [(1, 2)]);
    // Tickets of the new time are younger than those of the old.
    engine.put(Ticket {
        enqueued_at: at(6_000 - hour),
        ..with_interests(3, &["a"])
    });
    assert_eq!(engine.next_due(), Some(at(11_000 - hour)));
}

#[test]
fn a_step_never_goes_back() {
    let mut engine = engine();
    engine.put(with_interests(1, &["a"]));
    engine.run_due(at(30_000));
    assert_eq!(engine.run_due(at(-90_000)), []);
    assert_eq!(engine.next_due(), None);
    assert_eq!(engine.len(Mode::Text), 1);
}

#[test]
fn a_ticket_from_the_future_begins_now() {
    let mut engine = engine();
    assert_eq!(
        engine.insert(
            Ticket {
                enqueued_at: at(999_999_999),
                ..ticket(1)
            },
            at(0)
        ),
        Ok(None)
    );
    assert_eq!(engine.next_due(), Some(at(5_000)));
}

#[test]
fn extreme_times_and_places_do_no_harm() {
    let ends = [i64::MIN, -1, 0, i64::MAX].map(Timestamp::from_millis);
    for now in ends {
        for enqueued_at in ends {
            let mut engine = engine();
            let odd = [f64::NAN, f64::INFINITY, -91.0, 90.0, -90.0];
            for (n, value) in (1..).zip(odd) {
                let all = (0..9).map(UserId).collect();
                let place = Ticket {
                    enqueued_at,
                    blocked: all,
                    ..located(n, value, -180.0, Some(u32::MAX))
                };
                engine.insert(place, now).expect("a new ticket");
            }
            for then in ends {
                engine.run_due(then);
                engine.oldest_age(Mode::Text, then);
            }
            for n in 1..=5 {
                engine.cancel(UserId(n));
            }
            engine.assert_nothing_is_left();
        }
    }
}
