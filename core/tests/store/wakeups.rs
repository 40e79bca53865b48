//! Who is away is woken once per match, until it was back.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tebdil_core::{
    store::{ChatRules, NewMessage, SideDevice, SidePosition, SidesToWake},
    testing::{Backend, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, MessageKind},
    id::{MatchId, UserId},
};

use crate::{
    all_at_once,
    matches::{Account, couple, matched, searcher},
    messages::{self, handshake, message, receipt, write},
};

tebdil_core::store_conformance! {
    one_wake_up_until_the_receiver_was_back,
    only_content_that_waits_in_a_match_that_goes_on_wakes,
    two_nodes_order_each_wake_up_once_while_people_write,
    the_sides_to_wake_are_found_page_by_page,
}

/// Before all sides.
const START: SidePosition = (UserId(0), MatchId(0));

async fn pushes(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
        .await[0]
}

/// Says so much, from the next number on.
async fn say(t: &TestStore, id: MatchId, sender: &Account, count: usize) {
    for _ in 0..count {
        messages::say(t, id, sender, MessageKind::Content).await;
    }
}

async fn ack(t: &TestStore, id: MatchId, user: &Account, seq: i64) {
    write(t, &[], &[receipt(id, user, seq)], t.now()).await;
}

const fn side(id: MatchId, of: &Account) -> SideDevice {
    (id, of.0.id, of.1.id)
}

async fn order(t: &TestStore, sides: &[SideDevice]) -> u64 {
    t.notices().order_wakeups(sides, t.now()).await.unwrap()
}

async fn one_wake_up_until_the_receiver_was_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let order = async || order(&t, &[side(id, &b)]).await;
    for (round, expected) in [(0, 1), (1, 0), (2, 0)] {
        say(&t, id, &a, 10).await;
        assert_eq!(order().await, expected, "round {round}");
    }
    // What the receiver says itself is no sign that it took anything.
    say(&t, id, &b, 1).await;
    assert_eq!(order().await, 0);
    ack(&t, id, &b, 12).await;
    assert_eq!(order().await, 1, "it was back, took some, and left again");
    assert_eq!(order().await, 0);
    ack(&t, id, &b, 12).await;
    assert_eq!(order().await, 0, "as much was known");
    ack(&t, id, &b, 30).await;
    assert_eq!(order().await, 0, "nothing waits");
    say(&t, id, &a, 1).await;
    assert_eq!(order().await, 1);
    assert_eq!(pushes(&t).await, 3);
    let orders = "SELECT CAST(COUNT(*) AS BIGINT) FROM job \
         WHERE queue = 'push' AND max_attempts > 0 AND dedupe IS NULL";
    assert_eq!(t.numbers(orders).await, [3]);
    let leased = t
        .jobs()
        .lease_jobs("push", 1, std::time::Duration::from_mins(1), t.now())
        .await
        .unwrap()
        .jobs
        .remove(0);
    let payload: serde_json::Value = serde_json::from_slice(&leased.payload).unwrap();
    assert_eq!(
        payload,
        serde_json::json!({
            "kind": "message", "user_id": b.0.id, "match_id": id, "session_id": b.1.id,
        })
    );
}

async fn only_content_that_waits_in_a_match_that_goes_on_wakes(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, other) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    assert_eq!(order(&t, &[]).await, 0);
    assert_eq!(order(&t, &[side(id, &b)]).await, 0, "nothing was said");
    let handshakes = [1, 2].map(|seq| handshake(id, &a, seq));
    write(&t, &handshakes, &[], t.now()).await;
    assert_eq!(
        order(&t, &[side(id, &b)]).await,
        0,
        "a handshake is no content"
    );
    say(&t, id, &a, 1).await;
    let nobodys = [
        side(id, &a),
        (id, UserId(1), b.1.id),
        (id, b.0.id, a.1.id),
        side(MatchId(1), &b),
    ];
    assert_eq!(
        order(&t, &nobodys).await,
        0,
        "the sender, a stranger, another device, no match"
    );
    assert_eq!(
        order(&t, &[side(other, &b), side(id, &b), side(id, &b)]).await,
        1,
        "asked for twice at once"
    );

    say(&t, other, &b, 1).await;
    t.matches()
        .end_match(other, Some(b.0.id), EndReason::Left, t.now())
        .await
        .unwrap();
    assert_eq!(order(&t, &[side(other, &a)]).await, 0, "it is over");
    assert_eq!(pushes(&t).await, 1);
}

async fn two_nodes_order_each_wake_up_once_while_people_write(t: TestStore) {
    let mut sides: Vec<(MatchId, Account, SideDevice)> = Vec::new();
    for ticket in 0..10 {
        let (a, b) = (searcher(&t, "kedi").await, searcher(&t, "kopek").await);
        let id = matched(&t, &a, &b, 1 + 2 * ticket).await;
        sides.push((id, a, side(id, &b)));
    }
    let everything: Vec<NewMessage> = sides
        .iter()
        .map(|(id, a, _)| message(*id, a, 1, "x"))
        .collect();
    write(&t, &everything, &[], t.now()).await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let ordered = all_at_once((0..20_usize).map(|number| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        // In another order each time: whoever locks in the order of the input would deadlock.
        let mut asked: Vec<SideDevice> = sides.iter().map(|(.., side)| *side).collect();
        asked.rotate_left(number % 10);
        if number % 3 == 0 {
            asked.reverse();
        }
        // Of several with one number one is taken.
        let more: Vec<NewMessage> = sides
            .iter()
            .flat_map(|(id, a, _)| (2..20).map(|seq| message(*id, a, seq, "y")))
            .collect();
        async move {
            // What another holds at this moment is left out.
            store
                .messages()
                .write_chat(&more, &[], &ChatRules::default(), now)
                .await
                .unwrap();
            store.notices().order_wakeups(&asked, now).await.unwrap()
        }
    }))
    .await;
    assert_eq!(ordered.iter().sum::<u64>(), 10);
    assert_eq!(pushes(&t).await, 10);
}

/// All pages of so many sides.
async fn pages(t: &TestStore, limit: i64) -> Vec<SidesToWake> {
    let (mut pages, mut after) = (Vec::new(), START);
    loop {
        let page = t.notices().sides_to_wake(after, limit).await.unwrap();
        let next = page.next;
        pages.push(page);
        let Some(next) = next else { return pages };
        assert!(next > after, "it goes on");
        after = next;
    }
}

async fn the_sides_to_wake_are_found_page_by_page(t: TestStore) {
    let nobody = SidesToWake {
        sides: Vec::new(),
        next: None,
    };
    assert_eq!(pages(&t, 10).await, std::slice::from_ref(&nobody));
    // One who is in three matches, and a pair apart from them.
    let [kedi, kopek, kus, fil] = [
        searcher(&t, "kedi").await,
        searcher(&t, "kopek").await,
        searcher(&t, "kus").await,
        searcher(&t, "fil").await,
    ];
    let [first, second, third, apart] = [
        matched(&t, &kedi, &kopek, 1).await,
        matched(&t, &kedi, &kus, 3).await,
        matched(&t, &kedi, &fil, 5).await,
        matched(&t, &kus, &fil, 7).await,
    ];
    say(&t, first, &kedi, 3).await;
    say(&t, first, &kopek, 2).await;
    say(&t, second, &kus, 1).await;
    say(&t, third, &kedi, 1).await;
    write(&t, &[handshake(apart, &kus, 1)], &[], t.now()).await;
    // By user, and of one user by match: eight sides, some with nothing to wake for.
    let all = [
        side(first, &kedi),
        side(second, &kedi),
        side(third, &kedi),
        side(first, &kopek),
        side(second, &kus),
        side(apart, &kus),
        side(third, &fil),
        side(apart, &fil),
    ];
    let waiting = [all[0], all[1], all[3], all[6]];
    for limit in 1..=9_u8 {
        let pages = pages(&t, limit.into()).await;
        let parts: Vec<SidesToWake> = all
            .chunks(limit.into())
            .map(|part| SidesToWake {
                sides: part
                    .iter()
                    .copied()
                    .filter(|side| waiting.contains(side))
                    .collect(),
                next: part.last().map(|(id, user, _)| (*user, *id)),
            })
            .chain([nobody.clone()])
            .collect();
        assert_eq!(pages, parts, "{limit} at once");
    }
    // Taken in part, on its way, over, or taken altogether.
    ack(&t, first, &kedi, 1).await;
    assert_eq!(order(&t, &[side(first, &kopek)]).await, 1);
    t.matches()
        .end_match(second, None, EndReason::Left, t.now())
        .await
        .unwrap();
    ack(&t, third, &fil, 1).await;
    let sides: Vec<SideDevice> = pages(&t, 2)
        .await
        .into_iter()
        .flat_map(|page| page.sides)
        .collect();
    assert_eq!(sides, [side(first, &kedi)]);
}

/// On PostgreSQL alone: SQLite has one writer.
#[tokio::test]
async fn what_arrives_while_the_sides_are_locked_wakes_nobody() {
    let Some(t) = TestStore::create(Backend::Postgres).await else {
        return;
    };
    let mut sides = Vec::new();
    for ticket in [1, 3] {
        let (a, b) = (searcher(&t, "kedi").await, searcher(&t, "kopek").await);
        let id = matched(&t, &a, &b, ticket).await;
        say(&t, id, &a, 1).await;
        sides.push((id, b));
    }
    let [(first, b), (second, other_b)] = sides.as_slice() else {
        unreachable!("two were made");
    };
    let connect = || PgConnection::connect(t.database.url());
    let (mut holder, mut watcher) = (connect().await.unwrap(), connect().await.unwrap());
    let hold = format!("BEGIN; SELECT 1 FROM match_sides WHERE match_id = {first} FOR UPDATE");
    sqlx::raw_sql(AssertSqlSafe(hold))
        .execute(&mut holder)
        .await
        .unwrap();

    // It has looked at both, and waits for the first.
    let asked = [side(*first, b), side(*second, other_b)];
    let ordered = async {
        let ordered = order(&t, &asked).await;
        assert_eq!(ordered, 1, "of the second all has arrived");
    };
    let meanwhile = async {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&mut watcher)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
        ack(&t, *second, other_b, 1).await;
        sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    };
    tokio::join!(ordered, meanwhile);
    let marked = "SELECT match_id FROM match_sides WHERE pushed_at IS NOT NULL";
    assert_eq!(t.numbers(marked).await, [first.0]);
    assert_eq!(pushes(&t).await, 1);
}
