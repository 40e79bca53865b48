use std::time::Duration;

use tebdil_core::{store::PairOutcome, testing::TestStore};
use tebdil_protocol::{
    domain::{EndReason, MatchRole, Mode},
    id::{MatchId, UserId},
};

use crate::{
    matches::{Account, couple, matched, propose, searcher},
    quota::assert_ledger_equals_balance,
};

tebdil_core::store_conformance! {
    a_side_of_a_call_is_who_searched_where,
    open_video_matches_come_in_pages,
}

pub async fn video(t: &TestStore, a: &Account, b: &Account, ticket: i64) -> MatchId {
    match propose(t, Mode::Video, a, b, ticket).await {
        PairOutcome::Made(made) => made.id,
        refused => panic!("{refused:?}"),
    }
}

async fn a_side_of_a_call_is_who_searched_where(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = video(&t, &a, &b, 1).await;
    let side = t
        .matches()
        .call_side(id, a.0.id)
        .await
        .unwrap()
        .expect("a side");
    assert_eq!(
        (side.mode, side.role, side.session_id),
        (Mode::Video, MatchRole::Offerer, a.1.id)
    );
    assert_eq!(
        (
            side.peer_id,
            side.peer_session_id,
            side.created_at,
            side.connected_at
        ),
        (b.0.id, b.1.id, t.now(), None)
    );
    let other = t
        .matches()
        .call_side(id, b.0.id)
        .await
        .unwrap()
        .expect("the other side");
    assert_eq!(
        (other.role, other.session_id, other.peer_session_id),
        (MatchRole::Answerer, b.1.id, a.1.id)
    );
    assert_eq!(t.matches().call_side(id, UserId(1)).await.unwrap(), None);
    assert_eq!(
        t.matches().call_side(MatchId(1), a.0.id).await.unwrap(),
        None
    );

    assert!(side.is_active(t.now()));
    let lifetime = TestStore::match_rules().lifetime;
    assert!(
        side.is_active(t.now() + lifetime - Duration::from_millis(1))
            && !side.is_active(t.now() + lifetime),
        "it runs out by itself"
    );
    t.matches()
        .end_match(id, Some(b.0.id), EndReason::Left, t.now())
        .await
        .unwrap();
    assert!(
        !t.matches()
            .call_side(id, a.0.id)
            .await
            .unwrap()
            .expect("it is known still")
            .is_active(t.now())
    );
    let text = matched(&t, &a, &b, 3).await;
    assert_eq!(
        t.matches()
            .call_side(text, a.0.id)
            .await
            .unwrap()
            .map(|side| side.mode),
        Some(Mode::Text)
    );
    assert_ledger_equals_balance(&t, a.0.id).await;
}

async fn open_video_matches_come_in_pages(t: TestStore) {
    let mut made = Vec::new();
    for number in 0..5 {
        let names = [b'a', b'k']
            .map(|letter| format!("kedi{}{}", char::from(letter), char::from(b'a' + number)));
        let (a, b) = (searcher(&t, &names[0]).await, searcher(&t, &names[1]).await);
        let ticket = i64::from(number) * 10;
        matched(&t, &a, &b, ticket + 1).await;
        made.push((video(&t, &a, &b, ticket + 3).await, a.0.id));
    }
    let open = async |after, limit, now| {
        t.matches()
            .open_video_matches(after, limit, now)
            .await
            .unwrap()
    };
    let ids: Vec<MatchId> = made.iter().map(|(id, _)| *id).collect();
    assert_eq!(open(None, 2, t.now()).await, ids[..2]);
    assert_eq!(open(Some(ids[1]), 2, t.now()).await, ids[2..4]);
    assert_eq!(open(Some(ids[3]), 2, t.now()).await, ids[4..]);
    assert_eq!(open(Some(ids[4]), 2, t.now()).await, []);

    t.matches()
        .end_match(ids[0], Some(made[0].1), EndReason::Left, t.now())
        .await
        .unwrap();
    assert_eq!(open(None, 10, t.now()).await, ids[1..]);
    assert_eq!(
        open(None, 10, t.now() + TestStore::match_rules().lifetime).await,
        [],
        "whether or not the job came by"
    );
}
