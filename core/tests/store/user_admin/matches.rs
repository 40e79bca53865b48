//! Matches as staff sees them.

use std::time::Duration;

use tebdil_core::{
    store::{StaffMatchFilter, StaffMatchRow, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{EndReason, MatchRole, MatchStatus, MessageKind, Mode},
    id::MatchId,
};

use crate::{
    matches::{Account, matched, searcher},
    messages::say,
};

tebdil_core::store_conformance! {
    matches_are_shown_without_what_was_said,
}

async fn list(t: &TestStore, filter: StaffMatchFilter, limit: i64) -> Vec<StaffMatchRow> {
    t.matches()
        .matches_for_staff(filter, limit, t.now())
        .await
        .unwrap()
}

async fn ids(t: &TestStore, filter: StaffMatchFilter) -> Vec<MatchId> {
    list(t, filter, 9).await.iter().map(|row| row.id).collect()
}

fn name(user: &UserRow) -> String {
    format!("{}#{}", user.alias, user.tag)
}

async fn write_four_messages(t: &TestStore, first: MatchId, a: &Account, b: &Account) {
    let kinds = [
        (a, MessageKind::Handshake),
        (a, MessageKind::Content),
        (a, MessageKind::Content),
        (b, MessageKind::Content),
    ];
    for (sender, kind) in kinds {
        say(t, first, sender, kind).await;
    }
}

async fn filters_narrow_together(t: &TestStore, a: &Account, first: MatchId) {
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                user: Some(a.0.id),
                mode: Some(Mode::Text),
                status: Some(MatchStatus::Active),
                before: None
            }
        )
        .await,
        [first]
    );
}

async fn matches_are_filtered(
    t: &TestStore,
    all: StaffMatchFilter,
    a: &Account,
    b: &Account,
    [first, second, third]: [MatchId; 3],
) {
    assert_eq!(ids(t, all).await, [third, second, first]);
    assert_eq!(list(t, all, 1).await[0].id, third);
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                before: Some(second),
                ..all
            }
        )
        .await,
        [first]
    );
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                user: Some(b.0.id),
                ..all
            }
        )
        .await,
        [third, first]
    );
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                user: Some(b.0.id),
                before: Some(third),
                ..all
            }
        )
        .await,
        [first]
    );
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                status: Some(MatchStatus::Active),
                ..all
            }
        )
        .await,
        [third, first]
    );
    assert_eq!(
        ids(
            t,
            StaffMatchFilter {
                status: Some(MatchStatus::Cancelled),
                ..all
            }
        )
        .await,
        [second]
    );
    assert!(
        ids(
            t,
            StaffMatchFilter {
                mode: Some(Mode::Video),
                ..all
            }
        )
        .await
        .is_empty()
    );
    filters_narrow_together(t, a, first).await;
}

async fn a_match_runs_out_and_an_erased_user_has_no_name(
    t: &TestStore,
    all: StaffMatchFilter,
    a: &Account,
    b: &Account,
    [first, third]: [MatchId; 2],
) {
    t.erase(&b.0).await;
    t.clock.advance(Duration::from_hours(24));
    assert!(
        ids(
            t,
            StaffMatchFilter {
                status: Some(MatchStatus::Active),
                ..all
            }
        )
        .await
        .is_empty()
    );
    let over = list(
        t,
        StaffMatchFilter {
            status: Some(MatchStatus::Expired),
            ..all
        },
        9,
    )
    .await;
    assert_eq!(
        over.iter().map(|row| row.id).collect::<Vec<_>>(),
        [third, first],
        "without the job"
    );
    let over = over[1].clone().view(t.now());
    assert_eq!(
        (over.status, over.ended_reason, over.ended_at),
        (
            MatchStatus::Expired,
            Some(EndReason::Expired),
            Some(over.expires_at)
        )
    );
    assert_eq!(
        over.sides
            .iter()
            .map(|side| side.handle.clone())
            .collect::<Vec<_>>(),
        [Some(name(&a.0)), None]
    );
}

async fn matches_are_shown_without_what_was_said(t: TestStore) {
    let (a, b, c) = (
        searcher(&t, "kedi").await,
        searcher(&t, "kopek").await,
        searcher(&t, "fare").await,
    );
    let (first, second, third) = (
        matched(&t, &a, &b, 1).await,
        matched(&t, &a, &c, 3).await,
        matched(&t, &b, &c, 5).await,
    );
    write_four_messages(&t, first, &a, &b).await;
    t.matches()
        .end_match(second, Some(c.0.id), EndReason::Left, t.now())
        .await
        .unwrap();
    let all = StaffMatchFilter::default();
    matches_are_filtered(&t, all, &a, &b, [first, second, third]).await;

    let shown = list(
        &t,
        StaffMatchFilter {
            user: Some(a.0.id),
            ..all
        },
        9,
    )
    .await
    .into_iter()
    .map(|row| row.view(t.now()))
    .collect::<Vec<_>>();
    let [left, on] = shown.as_slice() else {
        panic!("{shown:?}")
    };
    assert_eq!(
        (left.status, left.ended_reason, left.ended_by),
        (MatchStatus::Cancelled, Some(EndReason::Left), Some(c.0.id))
    );
    let sides: Vec<_> = on
        .sides
        .iter()
        .map(|side| (side.user_id, side.handle.clone(), side.role, side.messages))
        .collect();
    let expected = [
        (a.0.id, Some(name(&a.0)), MatchRole::Offerer, 2),
        (b.0.id, Some(name(&b.0)), MatchRole::Answerer, 1),
    ];
    assert_eq!(sides, expected);
    assert_eq!((on.status, on.ended_at), (MatchStatus::Active, None));

    a_match_runs_out_and_an_erased_user_has_no_name(&t, all, &a, &b, [first, third]).await;
}
