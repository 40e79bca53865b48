//! What staff finds of accounts and matches.

use std::time::Duration;

use tebdil_core::{
    store::{AccountFilter, AccountSearch, LogFilter},
    testing::TestStore,
};
use tebdil_protocol::{AdminUserCounts, domain::UserRole, id::UserId};

use crate::matches::{Account, matched, searcher};

mod matches;

tebdil_core::store_conformance! {
    accounts_are_found_by_id_handle_and_beginning,
    accounts_are_filtered_and_come_in_pages,
    a_phone_finds_who_has_it_and_who_had_it,
    an_account_is_counted,
}

async fn found(t: &TestStore, search: AccountSearch) -> Vec<UserId> {
    let filter = AccountFilter {
        search: Some(search),
        ..AccountFilter::default()
    };
    t.accounts()
        .list_accounts(&filter, 9)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect()
}

async fn accounts_are_found_by_id_handle_and_beginning(t: TestStore) {
    let (kedi, _) = t.register("kedi_adam").await;
    let (other, _) = t.register("kediXadam").await;
    let (gone, _) = t.register("kedigiller").await;
    let prefix = |text: &str| AccountSearch::Prefix(text.to_owned());
    let handle = |key: &str, tag: &str| AccountSearch::Handle {
        alias_key: key.to_owned(),
        tag: tag.to_owned(),
    };
    assert_eq!(
        found(&t, prefix("ked")).await,
        [gone.id, other.id, kedi.id],
        "newest first"
    );
    assert_eq!(
        found(&t, prefix("kedi_")).await,
        [kedi.id],
        "an underscore is an underscore"
    );
    for nobody in ["edi", "kedi%", "%", "kedi\\", "kedi_adam1"] {
        assert!(found(&t, prefix(nobody)).await.is_empty(), "{nobody}");
    }
    assert_eq!(found(&t, handle("kedi_adam", &kedi.tag)).await, [kedi.id]);
    let another_tag = if kedi.tag == "0000" { "0001" } else { "0000" };
    assert!(found(&t, handle("kedi_adam", another_tag)).await.is_empty());
    assert!(found(&t, handle("kedi", &kedi.tag)).await.is_empty());

    t.erase(&gone).await;
    assert_eq!(found(&t, prefix("ked")).await, [other.id, kedi.id]);
    for name in [
        prefix("erased"),
        prefix("deleted"),
        handle("deleted", "0000"),
        handle(&format!("erased:{}", gone.id), "0000"),
    ] {
        assert!(found(&t, name.clone()).await.is_empty(), "{name:?}");
    }
    assert_eq!(found(&t, AccountSearch::Id(gone.id)).await, [gone.id]);
    assert!(found(&t, AccountSearch::Id(UserId(1))).await.is_empty());
    let row = t
        .accounts()
        .account_for(gone.id, UserId(7), t.now())
        .await
        .unwrap()
        .expect("it is still referred to");
    assert_eq!(row.erased_at, Some(gone.created_at));
    assert_eq!(
        t.accounts()
            .account_for(kedi.id, UserId(7), t.now())
            .await
            .unwrap()
            .expect("there")
            .erased_at,
        None
    );
    assert!(
        t.accounts()
            .account_for(UserId(1), UserId(7), t.now())
            .await
            .unwrap()
            .is_none()
    );
    let viewed = LogFilter {
        action: Some("user_viewed"),
        actor: Some(UserId(7)),
        ..LogFilter::default()
    };
    let viewed: Vec<_> = t
        .jobs()
        .system_logs(viewed, 9)
        .await
        .unwrap()
        .iter()
        .map(|act| act.user_id)
        .collect();
    assert_eq!(viewed, [Some(kedi.id), Some(gone.id)]);
}

async fn accounts_are_filtered_and_come_in_pages(t: TestStore) {
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(t.register(&format!("kedi{number}")).await.0.id);
    }
    ids.reverse();
    t.execute(&format!(
        "UPDATE users SET role = 'moderator' WHERE id = {}",
        ids[0]
    ))
    .await;
    t.execute(&format!(
        "UPDATE users SET is_premium = TRUE WHERE id = {}",
        ids[1]
    ))
    .await;
    t.set_banned(ids[2], true).await;
    let list = async |filter: AccountFilter, limit| -> Vec<UserId> {
        t.accounts()
            .list_accounts(&filter, limit)
            .await
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect()
    };
    let all = AccountFilter::default;
    assert_eq!(list(all(), 9).await, ids);
    assert_eq!(list(all(), 2).await, ids[..2]);
    let older = AccountFilter {
        before: Some(ids[1]),
        ..all()
    };
    assert_eq!(list(older, 9).await, ids[2..]);
    let moderators = AccountFilter {
        role: Some(UserRole::Moderator),
        ..all()
    };
    assert_eq!(list(moderators, 9).await, ids[..1]);
    let paying = AccountFilter {
        premium: Some(true),
        ..all()
    };
    assert_eq!(list(paying, 9).await, ids[1..2]);
    let banned = AccountFilter {
        banned: Some(true),
        ..all()
    };
    assert_eq!(list(banned, 9).await, ids[2..3]);
    let plain = AccountFilter {
        role: Some(UserRole::User),
        premium: Some(false),
        banned: Some(false),
        ..all()
    };
    assert_eq!(list(plain, 9).await, ids[3..]);
}

async fn a_phone_finds_who_has_it_and_who_had_it(t: TestStore) {
    let (before, _) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    t.erase(&before).await;
    let phone = before.phone_index;
    let look = async |phone| -> Vec<UserId> {
        t.accounts()
            .accounts_of_phone(&phone, UserId(7), t.now())
            .await
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect()
    };
    assert_eq!(look(phone).await, [before.id]);
    t.execute(&format!(
        "UPDATE users SET phone_index = (SELECT phone_index FROM tombstones WHERE user_id = {}) WHERE id = {}",
        before.id, other.id
    ))
    .await;
    assert_eq!(look(phone).await, [other.id, before.id]);
    assert!(look(other.phone_index).await.is_empty());
    let acts = t
        .jobs()
        .system_logs(
            LogFilter {
                action: Some("phone_looked_up"),
                ..LogFilter::default()
            },
            9,
        )
        .await
        .unwrap();
    let recorded: Vec<_> = acts
        .iter()
        .map(|act| (act.user_id, act.actor_id, act.details["found"].as_i64()))
        .collect();
    let by = Some(UserId(7));
    assert_eq!(
        recorded,
        [
            (None, by, Some(0)),
            (Some(other.id), by, Some(2)),
            (Some(before.id), by, Some(1))
        ]
    );
}

/// What is about the reader is not told, not even by a number.
async fn what_is_about_the_reader_is_not_counted(t: &TestStore, a: &Account, b: &Account) {
    let of_a = t
        .accounts()
        .account_counts(a.0.id, b.0.id, t.now())
        .await
        .unwrap();
    assert_eq!(
        (
            of_a.reports_made,
            of_a.reports_made_dismissed,
            of_a.reports_open
        ),
        (0, 0, 2)
    );
    let of_b = t
        .accounts()
        .account_counts(b.0.id, b.0.id, t.now())
        .await
        .unwrap();
    assert_eq!(
        (
            of_b.reports_open,
            of_b.reports_decided,
            of_b.reporters_30d,
            of_b.matches
        ),
        (0, 0, 0, 1)
    );
}

const NOTHING: AdminUserCounts = AdminUserCounts {
    reports_open: 0,
    reports_decided: 0,
    reporters_30d: 0,
    reports_made: 0,
    reports_made_dismissed: 0,
    bans: 0,
    matches: 0,
    claims: 0,
    sessions: 0,
};

async fn an_account_is_counted(t: TestStore) {
    let (a, b) = (searcher(&t, "kedi").await, searcher(&t, "kopek").await);
    let (id, old) = (matched(&t, &a, &b, 1).await, t.now());
    let report = async |number: i64, by: UserId, about: UserId, status: &str| {
        // Its time is that of an account made now.
        let (now, _) = t.register(&format!("saat{number}")).await;
        t.execute(&format!(
            "INSERT INTO reports (id, reporter_id, reported_id, match_id, reason, severity, status, created_at) \
             SELECT {number}, {by}, {about}, {number}, 'spam', 2, '{status}', created_at FROM users WHERE id = {}",
            now.id
        ))
        .await;
    };
    report(1, UserId(1), a.0.id, "banned").await;
    t.clock.advance(Duration::from_hours(31 * 24));
    for (number, by, status) in [(2, 2, "open"), (3, 2, "open"), (4, 3, "dismissed")] {
        report(number, UserId(by), a.0.id, status).await;
    }
    for (number, status) in [(5, "open"), (6, "dismissed"), (7, "dismissed")] {
        report(number, a.0.id, b.0.id, status).await;
    }
    t.execute(&format!(
        "INSERT INTO claims (id, user_id, match_id, claim_time, status) SELECT 1, id, {id}, created_at, 'pending' FROM users WHERE id = {}",
        a.0.id
    ))
    .await;
    t.ban(&a.0.phone_index, "spam", Some(old)).await;
    t.ban(&a.0.phone_index, "spam", None).await;
    let counts = async |user: UserId, now| {
        t.accounts()
            .account_counts(user, UserId(7), now)
            .await
            .unwrap()
    };
    // The devices of both signed in a month ago.
    let expected = AdminUserCounts {
        reports_open: 2,
        reports_decided: 2,
        reporters_30d: 2,
        reports_made: 3,
        reports_made_dismissed: 2,
        bans: 2,
        matches: 1,
        claims: 1,
        sessions: 0,
    };
    assert_eq!(counts(a.0.id, t.now()).await, expected);
    assert_eq!(counts(a.0.id, old).await.sessions, 1);
    let of_b = AdminUserCounts {
        reports_open: 1,
        reports_decided: 2,
        reporters_30d: 1,
        matches: 1,
        ..NOTHING
    };
    assert_eq!(counts(b.0.id, t.now()).await, of_b);
    assert_eq!(
        counts(UserId(1), t.now()).await,
        AdminUserCounts {
            reports_made: 1,
            ..NOTHING
        }
    );
    what_is_about_the_reader_is_not_counted(&t, &a, &b).await;
    t.erase(&a.0).await;
    let of_erased = AdminUserCounts {
        claims: 0,
        ..expected
    };
    assert_eq!(
        counts(a.0.id, t.now()).await,
        of_erased,
        "its bans are those of the phone it had"
    );
}
