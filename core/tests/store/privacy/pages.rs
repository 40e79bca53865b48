//! What is more than a page of the export.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Map, Value};
use tebdil_core::{
    store::{ChatRules, NewMessage},
    testing::TestStore,
};
use tebdil_protocol::id::{MatchId, UserId};

use crate::{
    matches::{Account, couple, matched},
    messages::{message, receipt, write, write_by},
};

tebdil_core::store_conformance! {
    messages_of_both_sides_are_exported_over_several_pages,
}

/// Rows of a page: `PAGE` of `store/accounts/export.rs`.
const PAGE: usize = 500;

/// Has both say so much.
async fn talk(t: &TestStore, id: MatchId, both: [(&Account, i64); 2]) {
    let rules = ChatRules {
        undelivered: 100_000,
        undelivered_bytes: 1_000_000,
    };
    let said: Vec<NewMessage> = both
        .iter()
        .flat_map(|(of, count)| (1..=*count).map(|seq| message(id, of, seq, "x")))
        .collect();
    for batch in said.chunks(400) {
        write_by(t, batch, &[], &rules, t.now()).await;
    }
}

/// The rows of a table page by page.
async fn pages(t: &TestStore, user: UserId, table: &str) -> Vec<Vec<Map<String, Value>>> {
    let mut pages = Vec::new();
    let mut export = t.accounts().export(user);
    while let Some(page) = export.next(&t.store, &t.cipher).await.unwrap() {
        if page.table == table && !page.rows.is_empty() {
            pages.push(page.rows);
        }
    }
    pages
}

/// How often each message is in them, by match, sender and number.
fn counted(pages: &[Vec<Map<String, Value>>]) -> BTreeMap<(String, String, i64), usize> {
    let mut counted = BTreeMap::new();
    for row in pages.iter().flatten() {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let key = (
            text("match_id"),
            text("sender"),
            row["seq"].as_i64().unwrap(),
        );
        *counted.entry(key).or_default() += 1;
    }
    counted
}

/// What one side said in a match: match, sender, numbers.
type Part = (MatchId, &'static str, RangeInclusive<i64>);

/// The same for what shall be there.
fn expected(parts: &[Part]) -> BTreeMap<(String, String, i64), usize> {
    let all = parts.iter().flat_map(|(id, sender, seqs)| {
        seqs.clone()
            .map(move |seq| ((id.to_string(), (*sender).to_owned(), seq), 1))
    });
    all.collect()
}

async fn messages_of_both_sides_are_exported_over_several_pages(t: TestStore) {
    let (a, b) = couple(&t).await;
    let ids = [
        matched(&t, &a, &b, 1).await,
        matched(&t, &b, &a, 3).await,
        matched(&t, &a, &b, 5).await,
    ];
    // Of one side exactly two pages, and then the other's; of both exactly one; and a little.
    let talks = [[1000, 503], [250, 250], [1, 1]];
    for (id, [of_a, of_b]) in ids.into_iter().zip(talks) {
        talk(&t, id, [(&a, of_a), (&b, of_b)]).await;
    }
    for (user, [mine, peers]) in [(a.0.id, [0, 1]), (b.0.id, [1, 0])] {
        let said: Vec<Part> = ids
            .into_iter()
            .zip(talks)
            .flat_map(|(id, talk)| [(id, "self", 1..=talk[mine]), (id, "other", 1..=talk[peers])])
            .collect();
        for table in ["message_logs", "messages"] {
            let pages = pages(&t, user, table).await;
            assert_eq!(counted(&pages), expected(&said), "{table}");
            let sizes: Vec<usize> = pages.iter().map(Vec::len).collect();
            assert_eq!(sizes, [PAGE, PAGE, PAGE, 3, PAGE, 2]);
        }
    }

    // What is acknowledged is in the logs alone. Without the first of one side a page has some of
    // both.
    let receipts = [receipt(ids[0], &b, 1), receipt(ids[1], &a, 250)];
    write(&t, &[], &receipts, t.now()).await;
    let left = [
        (ids[0], "self", 2..=1000),
        (ids[0], "other", 1..=503),
        (ids[1], "self", 1..=250),
        (ids[2], "self", 1..=1),
        (ids[2], "other", 1..=1),
    ];
    let messages = pages(&t, a.0.id, "messages").await;
    assert_eq!(counted(&messages), expected(&left));
    let logs = pages(&t, a.0.id, "message_logs").await;
    assert_eq!(counted(&logs).len(), 2_005);
}
