//! What an erasure leaves of a user in all tables.

use std::collections::BTreeSet;

use tebdil_core::{
    privacy::{Erasure, TABLES},
    store::{Erased, ErasedBy},
    testing::TestStore,
};
use tebdil_protocol::{
    Secret,
    domain::EndReason,
    id::{MatchId, UserId},
};

use super::{Cell, HER, OTHER, PHONE, ROW, Raw, filled, hex, marker, table};
use crate::rng;

tebdil_core::store_conformance! {
    an_erasure_leaves_nothing_but_the_tombstone,
}

/// What others' rows say of her is for the order.
async fn follow_the_order(t: &TestStore) {
    for id in t.accounts().unended_matches(HER).await.unwrap() {
        t.matches()
            .end_match(id, Some(HER), EndReason::Erased, t.now())
            .await
            .unwrap();
    }
    for id in t.messages().matches_to_forget_of(HER).await.unwrap() {
        t.messages().forget_messages(id, 10).await.unwrap();
    }
    let mut after = MatchId(0);
    while let Some(last) = t.accounts().forget_in_matches(HER, after, 1).await.unwrap() {
        assert!(last > after);
        after = last;
    }
    assert_eq!(
        after,
        MatchId(ROW + OTHER.0),
        "both matches were gone through"
    );
}

async fn rows_of_others_stay(t: &TestStore) {
    for table in TABLES {
        if let Erasure::Deleted(whose) = table.erasure {
            let rows_of = |user: UserId| {
                format!(
                    "SELECT CAST(COUNT(*) AS BIGINT) FROM {} t WHERE {}",
                    table.name,
                    whose.replace("$1", &user.to_string())
                )
            };
            assert_eq!(t.numbers(&rows_of(HER)).await, [0], "{}", table.name);
            assert_eq!(
                t.numbers(&rows_of(OTHER)).await,
                [1],
                "others keep theirs: {}",
                table.name
            );
        }
    }
    assert_eq!(
        t.numbers(&format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM billing_events WHERE user_id = {HER}"
        ))
        .await,
        [0]
    );
}

async fn an_erasure_leaves_nothing_but_the_tombstone(t: TestStore) {
    let mut raw = Raw::open(&t).await;
    let hers = filled(&t, &mut raw).await;
    let columns = raw.columns().await;
    let before = raw.dump(&columns).await;
    let verified = Secret::from(marker("users", "password_hash", HER));
    let erased = t
        .accounts()
        .erase_user(
            HER,
            ErasedBy::User {
                verified: &verified,
            },
            &mut rng(1),
            t.now(),
        )
        .await
        .unwrap();
    assert_eq!(erased, Erased::Now);
    let mut sought = Vec::new();
    for (name, cells) in &hers {
        let of = table(name);
        for column in of
            .columns
            .iter()
            .filter(|column| of.erasure != Erasure::Kept || column.stays.is_none())
        {
            let Some(value) = cells.get(column.name).and_then(Cell::dumped) else {
                continue;
            };
            // Some tables keep the keyed hash of the phone, and say so: below.
            if value != hex(t.index.phone(PHONE).as_bytes()) {
                sought.push((format!("{name}.{}", column.name), value));
            }
        }
    }
    let found = |dump: &[(String, String)]| -> Vec<String> {
        sought
            .iter()
            .filter(|(_, value)| dump.iter().any(|(_, there)| there.contains(value)))
            .map(|(name, _)| name.clone())
            .collect()
    };
    assert_eq!(
        found(&before),
        sought
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>(),
        "what is looked for was there"
    );
    follow_the_order(&t).await;
    let dump = raw.dump(&columns).await;
    assert_eq!(found(&dump), Vec::<String>::new());

    let phone = hex(t.index.phone(PHONE).as_bytes());
    let holders: BTreeSet<&str> = dump
        .iter()
        .filter(|(_, value)| value.contains(&phone))
        .map(|(table, _)| table.as_str())
        .collect();
    assert_eq!(
        holders,
        BTreeSet::from(["bans", "blocks", "phones_seen", "tombstones"])
    );
    assert!(!dump.iter().any(|(_, value)| value.contains(PHONE)));
    rows_of_others_stay(&t).await;
    for kept in [
        marker("users", "alias", OTHER),
        marker("sessions", "device_name", OTHER),
        marker("reports", "reason", OTHER),
    ] {
        assert!(dump.iter().any(|(_, value)| *value == kept), "{kept}");
    }
}
