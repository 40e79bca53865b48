use std::{collections::HashSet, time::Duration};

use tebdil_core::{
    store::{
        BlockRow, Blocking, MatchRules, NewMatch, PairOutcome, ProfileUpdate, SessionRow, UserRow,
    },
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, Mode},
    id::{BlockId, MatchId},
};

use crate::{all_at_once, matches::couple, pair, rng, side};

tebdil_core::store_conformance! {
   a_block_lasts_and_is_listed,
   blocks_are_listed_in_pages,
   blocking_at_once_blocks_once,
   a_block_while_the_two_are_paired_leaves_no_match,
}

async fn a_block_is_listed_with_the_handle_of_its_time(
    t: &TestStore,
    a: &UserRow,
    b: &UserRow,
    stranger: &UserRow,
    block: &BlockRow,
) {
    let rename = ProfileUpdate {
        alias: Some(TestStore::alias("yeni")),
        ..ProfileUpdate::default()
    };
    t.accounts()
        .update_profile(b.id, &rename, &mut rng(1))
        .await
        .unwrap();
    assert_eq!(
        t.safety().blocks_of(a.id, None, 50).await.unwrap(),
        std::slice::from_ref(block),
        "the handle it had then"
    );
    assert_eq!(t.safety().blocks_of(b.id, None, 50).await.unwrap(), []);
    assert_eq!(
        t.safety().blocked_either_way(a.id).await.unwrap(),
        HashSet::from([b.id])
    );
    assert_eq!(
        t.safety().blocked_either_way(b.id).await.unwrap(),
        HashSet::from([a.id])
    );
    assert_eq!(
        t.safety().blocked_either_way(stranger.id).await.unwrap(),
        HashSet::new()
    );
}

async fn a_blocked_pair_is_not_made(
    t: &TestStore,
    a: &UserRow,
    a1: &SessionRow,
    b: &UserRow,
    b1: &SessionRow,
) {
    let again = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[pair(
                Mode::Video,
                side(b.id, b1.id, 3),
                side(a.id, a1.id, 4),
            )],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    assert!(
        matches!(
            again.as_slice(),
            [PairOutcome::Refused { blocked: true, .. }]
        ),
        "{again:?}"
    );
}

async fn a_block_lasts_and_is_listed(t: TestStore) {
    let safety = t.safety();
    let ((a, a1), (b, b1)) = couple(&t).await;
    let stranger = t.register("kus").await.0;
    let made = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[pair(Mode::Text, side(a.id, a1.id, 1), side(b.id, b1.id, 2))],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    let [PairOutcome::Made(made)] = made.as_slice() else {
        panic!("{made:?}")
    };
    assert_eq!(
        safety.block(MatchId(1), a.id, t.now()).await.unwrap(),
        Blocking::NotFound
    );
    assert_eq!(
        safety.block(made.id, stranger.id, t.now()).await.unwrap(),
        Blocking::NotFound,
        "not in the match"
    );

    let Blocking::Blocked {
        block,
        new: true,
        ended,
    } = safety.block(made.id, a.id, t.now()).await.unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        ended
            .iter()
            .map(|ended| (ended.match_id, ended.reason, ended.by))
            .collect::<Vec<_>>(),
        [(made.id, EndReason::Blocked, Some(a.id))]
    );
    assert_eq!(
        t.matches()
            .active_matches(b.id, t.now())
            .await
            .unwrap()
            .len(),
        0,
        "it ends with the same commit"
    );
    assert_eq!(
        (
            block.blocked_id,
            block.alias.as_str(),
            &block.tag,
            block.created_at
        ),
        (b.id, "kopek", &b.tag, t.now())
    );
    let again = Blocking::Blocked {
        block: block.clone(),
        new: false,
        ended: Vec::new(),
    };
    assert_eq!(safety.block(made.id, a.id, t.now()).await.unwrap(), again);
    a_block_is_listed_with_the_handle_of_its_time(&t, &a, &b, &stranger, &block).await;

    a_blocked_pair_is_not_made(&t, &a, &a1, &b, &b1).await;

    assert_eq!(
        safety.unblock(b.id, block.id).await.unwrap(),
        None,
        "somebody else's"
    );
    assert_eq!(safety.unblock(a.id, block.id).await.unwrap(), Some(b.id));
    assert_eq!(safety.unblock(a.id, block.id).await.unwrap(), None);
    assert_eq!(
        safety.blocked_either_way(b.id).await.unwrap(),
        HashSet::new()
    );
}

async fn blocks_are_listed_in_pages(t: TestStore) {
    let (a, a1) = t.register("kedi").await;
    let mut ids = Vec::new();
    for number in 0..5_i64 {
        let (peer, session) = t.register("kopek").await;
        t.accounts()
            .put_key_packages(peer.id, session.id, &[vec![1]], None, t.now())
            .await
            .unwrap();
        t.accounts()
            .put_key_packages(a.id, a1.id, &[vec![1]], None, t.now())
            .await
            .unwrap();
        let proposed = pair(
            Mode::Text,
            side(a.id, a1.id, 2 * number + 1),
            side(peer.id, session.id, 2 * number + 2),
        );
        let made = t
            .matches()
            .create_matches(
                ENDLESS_TERM,
                &[proposed],
                &TestStore::match_rules(),
                t.now(),
            )
            .await
            .unwrap();
        let [PairOutcome::Made(made)] = made.as_slice() else {
            panic!("{made:?}")
        };
        let Blocking::Blocked { block, .. } =
            t.safety().block(made.id, a.id, t.now()).await.unwrap()
        else {
            panic!("refused")
        };
        ids.insert(0, block.id);
    }
    let page = |before: Option<BlockId>| {
        let store = t.store.clone();
        async move {
            store
                .safety()
                .blocks_of(a.id, before, 2)
                .await
                .unwrap()
                .into_iter()
                .map(|block| block.id)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(page(None).await, ids[..2]);
    assert_eq!(page(Some(ids[1])).await, ids[2..4]);
    assert_eq!(page(Some(ids[3])).await, ids[4..]);
    assert_eq!(page(Some(ids[4])).await, []);
}

async fn blocking_at_once_blocks_once(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let proposed = pair(Mode::Text, side(a.id, a1.id, 1), side(b.id, b1.id, 2));
    let made = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    let [PairOutcome::Made(made)] = made.as_slice() else {
        panic!("{made:?}")
    };
    let match_id = made.id;
    let outcomes = all_at_once((0..10).map(|number| {
        let (store, now, user) = (
            t.store.clone(),
            t.now(),
            if number % 2 == 0 { a.id } else { b.id },
        );
        async move { store.safety().block(match_id, user, now).await.unwrap() }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Blocking::Blocked { new: true, .. }))
            .count(),
        2,
        "one each"
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Blocking::Blocked { new: false, .. }))
            .count(),
        8
    );
    let ended = |outcome: &Blocking| {
        if let Blocking::Blocked { ended, .. } = outcome {
            ended.len()
        } else {
            0
        }
    };
    assert_eq!(outcomes.iter().map(ended).sum::<usize>(), 1, "it ends once");
}

async fn a_block_while_the_two_are_paired_leaves_no_match(t: TestStore) {
    let matches = t.matches();
    let ((a, a1), (b, b1)) = couple(&t).await;
    t.accounts()
        .put_key_packages(b.id, b1.id, &[], Some(&[9]), t.now())
        .await
        .unwrap();
    let rules = MatchRules {
        max_active_text: 100,
        ..TestStore::match_rules()
    };
    let (mut made_in_time, mut tickets) = (0, 1..);
    for round in 0..21 {
        let mut proposed = || {
            let mut ticket = || tickets.next().expect("there is no end");
            pair(
                Mode::Text,
                side(a.id, a1.id, ticket()),
                side(b.id, b1.id, ticket()),
            )
        };
        let first = matches
            .create_matches(ENDLESS_TERM, &[proposed()], &rules, t.now())
            .await
            .unwrap();
        let [PairOutcome::Made(first)] = first.as_slice() else {
            panic!("{first:?}")
        };
        // Two matchmakers propose the same two while one of these blocks the other.
        let [one, two] = [proposed(), proposed()];
        let pairing = async |proposed: NewMatch| {
            matches
                .create_matches(ENDLESS_TERM, &[proposed], &rules, t.now())
                .await
                .unwrap()
                .remove(0)
        };
        let blocking = async || t.safety().block(first.id, a.id, t.now()).await.unwrap();
        let (one, two, blocking) = match round % 3 {
            0 => tokio::join!(pairing(one), pairing(two), blocking()),
            1 => {
                let (one, blocking, two) = tokio::join!(pairing(one), blocking(), pairing(two));
                (one, two, blocking)
            }
            _ => {
                let (blocking, one, two) = tokio::join!(blocking(), pairing(one), pairing(two));
                (one, two, blocking)
            }
        };
        let Blocking::Blocked {
            block,
            new: true,
            ended,
        } = blocking
        else {
            panic!("{blocking:?}")
        };
        let made = [one, two]
            .iter()
            .filter(|outcome| matches!(outcome, PairOutcome::Made(_)))
            .count();
        assert_eq!(
            ended.len(),
            1 + made,
            "what came before the block ends with it, what came after was refused"
        );
        let left = matches.active_matches(a.id, t.now()).await.unwrap();
        assert!(left.is_empty());
        made_in_time += made;
        assert_eq!(
            t.safety().unblock(a.id, block.id).await.unwrap(),
            Some(b.id)
        );
        t.clock.advance(Duration::from_hours(24));
    }
    assert!(
        made_in_time > 0 && made_in_time < 42,
        "some came before and some after: {made_in_time}"
    );
}
