use std::collections::HashSet;

use tebdil_core::{
    domain::Mode,
    id::{BlockId, MatchId},
    store::{Blocking, PairOutcome, ProfileUpdate},
    testing::TestStore,
};

use crate::{all_at_once, matches::couple, pair, rng, side};

tebdil_core::store_conformance! { a_block_lasts_and_is_listed, blocks_are_listed_in_pages, blocking_at_once_blocks_once, }

async fn a_block_lasts_and_is_listed(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let stranger = t.register("kus").await.0;
    let made = t
        .create_matches(&[pair(Mode::Text, side(a.id, a1.id, 1), side(b.id, b1.id, 2))], &TestStore::match_rules(), t.now())
        .await
        .unwrap();
    let [PairOutcome::Made(made)] = made.as_slice() else { panic!("{made:?}") };
    assert_eq!(t.block(MatchId(1), a.id, t.now()).await.unwrap(), Blocking::NotFound);
    assert_eq!(t.block(made.id, stranger.id, t.now()).await.unwrap(), Blocking::NotFound, "not in the match");

    let Blocking::Blocked(block) = t.block(made.id, a.id, t.now()).await.unwrap() else { panic!("refused") };
    assert_eq!((block.blocked_id, block.alias.as_str(), &block.tag, block.created_at), (b.id, "kopek", &b.tag, t.now()));
    assert_eq!(t.block(made.id, a.id, t.now()).await.unwrap(), Blocking::Already(block.clone()));
    let rename = ProfileUpdate { alias: Some(("yeni".to_owned(), "yeni".to_owned())), ..ProfileUpdate::default() };
    t.update_profile(b.id, &rename, &mut rng(1)).await.unwrap();
    assert_eq!(t.blocks_of(a.id, None, 50).await.unwrap(), std::slice::from_ref(&block), "the handle it had then");
    assert_eq!(t.blocks_of(b.id, None, 50).await.unwrap(), []);
    assert_eq!(t.blocked_either_way(a.id).await.unwrap(), HashSet::from([b.id]));
    assert_eq!(t.blocked_either_way(b.id).await.unwrap(), HashSet::from([a.id]));
    assert_eq!(t.blocked_either_way(stranger.id).await.unwrap(), HashSet::new());

    let again = t
        .create_matches(&[pair(Mode::Video, side(b.id, b1.id, 3), side(a.id, a1.id, 4))], &TestStore::match_rules(), t.now())
        .await
        .unwrap();
    assert!(matches!(again.as_slice(), [PairOutcome::Refused { blocked: true, .. }]), "{again:?}");

    assert_eq!(t.unblock(b.id, block.id).await.unwrap(), None, "somebody else's");
    assert_eq!(t.unblock(a.id, block.id).await.unwrap(), Some(b.id));
    assert_eq!(t.unblock(a.id, block.id).await.unwrap(), None);
    assert_eq!(t.blocked_either_way(b.id).await.unwrap(), HashSet::new());
}

async fn blocks_are_listed_in_pages(t: TestStore) {
    let (a, a1) = t.register("kedi").await;
    let mut ids = Vec::new();
    for number in 0..5_i64 {
        let (peer, session) = t.register("kopek").await;
        t.put_key_packages(peer.id, session.id, &[vec![1]], None, t.now()).await.unwrap();
        t.put_key_packages(a.id, a1.id, &[vec![1]], None, t.now()).await.unwrap();
        let proposed = pair(Mode::Text, side(a.id, a1.id, 2 * number + 1), side(peer.id, session.id, 2 * number + 2));
        let made = t.create_matches(&[proposed], &TestStore::match_rules(), t.now()).await.unwrap();
        let [PairOutcome::Made(made)] = made.as_slice() else { panic!("{made:?}") };
        let Blocking::Blocked(block) = t.block(made.id, a.id, t.now()).await.unwrap() else { panic!("refused") };
        ids.insert(0, block.id);
    }
    let page = |before: Option<BlockId>| {
        let store = t.store.clone();
        async move { store.blocks_of(a.id, before, 2).await.unwrap().into_iter().map(|block| block.id).collect::<Vec<_>>() }
    };
    assert_eq!(page(None).await, ids[..2]);
    assert_eq!(page(Some(ids[1])).await, ids[2..4]);
    assert_eq!(page(Some(ids[3])).await, ids[4..]);
    assert_eq!(page(Some(ids[4])).await, []);
}

async fn blocking_at_once_blocks_once(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let proposed = pair(Mode::Text, side(a.id, a1.id, 1), side(b.id, b1.id, 2));
    let made = t.create_matches(&[proposed], &TestStore::match_rules(), t.now()).await.unwrap();
    let [PairOutcome::Made(made)] = made.as_slice() else { panic!("{made:?}") };
    let match_id = made.id;
    let outcomes = all_at_once((0..10).map(|number| {
        let (store, now, user) = (t.store.clone(), t.now(), if number % 2 == 0 { a.id } else { b.id });
        async move { store.block(match_id, user, now).await.unwrap() }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Blocking::Blocked(_))).count(), 2, "one each");
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Blocking::Already(_))).count(), 8);
}
