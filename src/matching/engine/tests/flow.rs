//! Reservation, settlement, cancellation, blocks.

use super::*;
use crate::matching::engine::{Cancelled, PairId};

#[test]
fn a_user_has_one_ticket_over_all_modes() {
    let mut engine = engine();
    engine.put(ticket(1));
    let second = Ticket {
        id: TicketId(9),
        mode: Mode::Video,
        ..ticket(1)
    };
    assert_eq!(
        already(engine.insert(second.clone(), at(1))),
        Some(InsertError::AlreadySearching(TicketId(1)))
    );
    assert_eq!(
        already(engine.insert(ticket(1), at(1))),
        Some(InsertError::AlreadySearching(TicketId(1))),
        "the same one again"
    );
    assert_eq!(
        already(engine.insert(
            Ticket {
                user: UserId(7),
                ..ticket(1)
            },
            at(1)
        )),
        Some(InsertError::TicketIdInUse)
    );
    let pair = engine.put(ticket(2)).expect("a pair");
    assert_eq!(
        already(engine.insert(second.clone(), at(1))),
        Some(InsertError::AlreadySearching(TicketId(1))),
        "reserved counts too"
    );
    assert_eq!(engine.settle(pair.id, &Outcome::Made, at(2)), []);
    assert_eq!(already(engine.insert(second, at(3))), None);
    engine.check_invariants();
}

#[test]
fn a_made_pair_leaves_nothing() {
    let mut engine = engine();
    engine.put(with_interests(1, &["a"]));
    let pair = engine
        .put(Ticket {
            place: Some(Coordinates { lat: 1.0, lon: 2.0 }),
            ..with_interests(2, &["a", "b"])
        })
        .expect("a pair");
    assert_eq!(engine.ticket_of(UserId(1)), Some(TicketId(1)));
    assert_eq!(engine.settle(pair.id, &Outcome::Made, at(1)), []);
    engine.assert_nothing_is_left();
    assert_eq!(
        engine.settle(pair.id, &Outcome::Made, at(1)),
        [],
        "settling again changes nothing"
    );
    assert_eq!(engine.settle(PairId(99), &Outcome::Made, at(1)), []);
}

#[test]
fn reserved_tickets_are_not_paired_again() {
    let mut engine = engine();
    engine.put(ticket(1));
    engine.put(ticket(2)).expect("a pair");
    assert_eq!(engine.put(ticket(3)), None);
    assert_eq!(engine.run_due(at(60_000)), []);
}

#[test]
fn the_innocent_side_of_a_refusal_keeps_its_place() {
    let mut engine = engine();
    engine.put(Ticket {
        enqueued_at: at(0),
        ..ticket(1)
    });
    let pair = engine
        .put(Ticket {
            enqueued_at: at(10),
            ..ticket(2)
        })
        .expect("a pair");
    engine.put(Ticket {
        enqueued_at: at(15),
        ..ticket(3)
    });
    let again = engine.refuse(&pair, &[TicketId(2)], false, at(20));
    assert_eq!(
        all_sides(&again),
        [(1, 3)],
        "1 waits since 0, so it is the older side"
    );
    assert_eq!(engine.ticket_of(UserId(2)), None);

    let mut engine = super::engine();
    engine.put(ticket(1));
    let pair = engine.put(ticket(2)).expect("a pair");
    assert_eq!(engine.refuse(&pair, &[TicketId(1)], false, at(20)), []);
    assert_eq!(
        engine
            .oldest_age(Mode::Text, at(50))
            .map(|age| age.as_millis()),
        Some(50)
    );
}

#[test]
fn a_returning_ticket_is_at_the_step_of_its_age() {
    let mut engine = engine();
    engine.put(with_interests(1, &["a"]));
    let pair = engine.put(with_interests(2, &["a"])).expect("a pair");
    engine.put(Ticket {
        enqueued_at: at(1),
        ..with_interests(3, &["b"])
    });
    engine.run_due(at(6_000));
    assert_eq!(
        all_sides(&engine.refuse(&pair, &[TicketId(2)], false, at(6_000))),
        [(1, 3)]
    );
}

#[test]
fn both_come_back_without_fault_and_a_block_is_remembered() {
    let mut engine = engine();
    engine.put(ticket(1));
    let pair = engine.put(ticket(2)).expect("a pair");
    let again = engine.refuse(&pair, &[], false, at(1));
    assert_eq!(all_sides(&again), [(1, 2)], "nothing forbids them");
    assert_ne!(again[0].id, pair.id);
    assert_eq!(engine.refuse(&again[0], &[], true, at(2)), []);
    assert_eq!(engine.run_due(at(60_000)), []);
    assert_eq!(engine.len(Mode::Text), 2);
}

#[test]
fn a_cancelled_ticket_is_gone() {
    let mut engine = engine();
    engine.put(ticket(1));
    assert_eq!(engine.cancel(UserId(1)), Cancelled::Removed(TicketId(1)));
    engine.assert_nothing_is_left();
    assert_eq!(engine.cancel(UserId(1)), Cancelled::Unknown);
    assert_eq!(engine.remove(TicketId(1)), Cancelled::Unknown);
    assert_eq!(engine.put(ticket(2)), None);
}

#[test]
fn a_ticket_cancelled_in_flight_does_not_come_back() {
    let mut engine = engine();
    engine.put(ticket(1));
    let pair = engine.put(ticket(2)).expect("a pair");
    assert_eq!(
        engine.cancel(UserId(1)),
        Cancelled::Reserved {
            ticket: TicketId(1),
            pair: pair.id
        }
    );
    assert_eq!(
        engine.remove(TicketId(1)),
        Cancelled::Reserved {
            ticket: TicketId(1),
            pair: pair.id
        }
    );
    assert_eq!(engine.refuse(&pair, &[], false, at(1)), []);
    assert_eq!(engine.ticket_of(UserId(1)), None);
    assert_eq!(engine.len(Mode::Text), 1);
}

#[test]
fn a_block_reaches_waiting_and_reserved_tickets() {
    let mut engine = engine();
    engine.put(with_interests(1, &["a"]));
    engine.put(with_interests(2, &["b"]));
    engine.block(UserId(2), UserId(1));
    assert_eq!(engine.run_due(at(60_000)), [], "while waiting");

    let mut engine = super::engine();
    engine.put(ticket(1));
    let pair = engine.put(ticket(2)).expect("a pair");
    engine.block(UserId(1), UserId(2));
    assert_eq!(
        engine.refuse(&pair, &[], false, at(1)),
        [],
        "while reserved"
    );

    let mut engine = super::engine();
    engine.put(ticket(1));
    engine.block(UserId(2), UserId(1));
    assert_eq!(
        engine.put(ticket(2)),
        None,
        "the arrival's own set was read before the block"
    );
}

#[test]
fn the_numbers_for_metrics_count_waiting_tickets_only() {
    let mut engine = engine();
    assert_eq!(engine.oldest_age(Mode::Text, at(0)), None);
    engine.put(Ticket {
        mode: Mode::Video,
        ..ticket(1)
    });
    engine.put(with_interests(2, &["a"]));
    engine.put(Ticket {
        enqueued_at: at(700),
        ..with_interests(3, &["b"])
    });
    assert_eq!((engine.len(Mode::Text), engine.len(Mode::Video)), (2, 1));
    assert_eq!(
        engine
            .oldest_age(Mode::Text, at(1_000))
            .map(|age| age.as_millis()),
        Some(1_000)
    );
    engine
        .put(Ticket {
            enqueued_at: at(800),
            ..with_interests(4, &["a"])
        })
        .expect("a pair");
    assert_eq!(
        engine
            .oldest_age(Mode::Text, at(1_000))
            .map(|age| age.as_millis()),
        Some(300)
    );
    assert_eq!((engine.len(Mode::Text), engine.reserved()), (1, 1));
}
