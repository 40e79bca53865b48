//! What is held of a match: what a device has not acknowledged, while the match goes on.

use std::time::Duration;

use tebdil_core::{
    store::{Append, EndOutcome, Receipt, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus},
    id::MatchId,
    time::{Clock, Timestamp},
};

use super::{handshake, held, message, receipt, receive, rows, send, write};
use crate::{
    all_at_once,
    matches::{Account, couple, matched},
};

tebdil_core::store_conformance! {
    what_is_acknowledged_is_gone_and_the_rest_stays,
    what_comes_through_several_nodes_arrives_once_and_in_order,
    nobody_reads_the_messages_of_a_match_that_is_over,
}

async fn what_is_acknowledged_is_gone_and_the_rest_stays(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, other) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    let mut said = Vec::new();
    for seq in 1..=8 {
        for id in [id, other] {
            said.extend([message(id, &a, seq, "x"), message(id, &b, seq, "y")]);
        }
    }
    send(&t, &said).await;
    let numbers = async |id, of: &Account| {
        let held = held(&t, id, of, 0).await;
        held.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
    };
    let (sent_at, all) = (t.now(), (1..=8).collect::<Vec<_>>());
    for (up_to, gone) in [(2, 2), (2, 2), (1, 2), (6, 6), (9, 6), (8, 8)] {
        t.clock.advance(Duration::from_secs(1));
        receive(&t, receipt(id, &b, up_to)).await;
        assert_eq!(numbers(id, &b).await, all[gone..]);
        assert_eq!(numbers(id, &a).await, all, "nobody acknowledged them");
        assert_eq!(
            (numbers(other, &a).await, numbers(other, &b).await),
            (all.clone(), all.clone()),
            "nor those of another match"
        );
        assert_eq!(rows(&t).await, [32 - i64::try_from(gone).unwrap(), 32]);
    }
    // Each when it was acknowledged, and nothing else in the logs changed.
    let delivered = async |at: Timestamp| {
        let millis = at.millis();
        let sql = format!(
            "SELECT seq FROM message_logs WHERE delivered_at = {} AND match_id = {id} \
             AND sender_id = {} AND receiver_id = {} ORDER BY seq",
            if t.database.url().starts_with("sqlite:") {
                millis.to_string()
            } else {
                format!("TO_TIMESTAMP({millis} / 1000.0)")
            },
            a.0.id,
            b.0.id
        );
        t.numbers(&sql).await
    };
    let after = |seconds| sent_at + Duration::from_secs(seconds);
    assert_eq!(delivered(after(1)).await, [1, 2]);
    assert_eq!(delivered(after(4)).await, [3, 4, 5, 6]);
    assert_eq!(delivered(after(6)).await, [7, 8]);
    let waiting = "SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs WHERE delivered_at IS NULL";
    assert_eq!(t.numbers(waiting).await, [24]);
}

/// A device of a match whose connection is at another node each time.
struct Roaming {
    nodes: Vec<Store>,
    id: MatchId,
    of: Account,
    now: Timestamp,
}

impl Roaming {
    /// Sends so many messages; gives them.
    async fn sends(self, count: i64) -> Vec<(i64, String)> {
        let mut sent = Vec::new();
        for (seq, node) in (1..=count).zip(self.nodes.iter().cycle()) {
            let one = message(self.id, &self.of, seq, &seq.to_string());
            let (outcomes, _) = write(node, &[one], &[], self.now).await;
            assert!(
                matches!(outcomes[..], [Append::Accepted { .. }]),
                "{seq}: {outcomes:?}"
            );
            sent.push((seq, seq.to_string()));
        }
        sent
    }

    /// Acknowledges whatever comes until it was so much; gives what it saw.
    async fn takes(self, count: i64) -> Vec<(i64, String)> {
        let mut seen = Vec::new();
        let mut last = 0;
        for node in self.nodes.iter().cycle() {
            // From the start at times, as after a reconnect that forgot how far it was.
            let after = if last % 3 == 0 { 0 } else { last };
            for (seq, text) in held(node, self.id, &self.of, after).await {
                assert_eq!(seq, last + 1, "acknowledged before, or after a gap");
                last = seq;
                seen.push((seq, text));
            }
            if last > 0 {
                let receipts = [receipt(self.id, &self.of, last)];
                let (_, recorded) = write(node, &[], &receipts, self.now).await;
                assert!(
                    matches!(recorded[..], [Receipt::Recorded { .. } | Receipt::Known]),
                    "{recorded:?}"
                );
            }
            if last == count {
                break;
            }
            tokio::task::yield_now().await;
        }
        seen
    }
}

/// Three nodes, two with a clock that is off, on connections of their own: both sides write and
/// acknowledge in one match at once.
async fn what_comes_through_several_nodes_arrives_once_and_in_order(t: TestStore) {
    const EACH: i64 = 60;
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let mut nodes = vec![t.store.clone()];
    for clock in [
        t.now() + Duration::from_millis(700),
        t.now() - Duration::from_millis(900),
    ] {
        nodes.push(t.database.open(&Clock::manual(clock)).await);
    }
    let devices = [(&a, true), (&b, true), (&a, false), (&b, false)];
    let all = all_at_once(devices.map(|(of, sends)| {
        let device = Roaming {
            nodes: nodes.clone(),
            id,
            of: of.clone(),
            now: t.now(),
        };
        async move {
            if sends {
                device.sends(EACH).await
            } else {
                device.takes(EACH).await
            }
        }
    }));
    let all = tokio::time::timeout(Duration::from_mins(1), Box::pin(all)).await;
    let expected: Vec<(i64, String)> = (1..=EACH).map(|seq| (seq, seq.to_string())).collect();
    assert_eq!(all.expect("it arrives"), vec![expected; 4]);
    assert_eq!(rows(&t).await, [0, 2 * EACH]);
    let waiting = "SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs WHERE delivered_at IS NULL";
    assert_eq!(t.numbers(waiting).await, [0]);
}

async fn nobody_reads_the_messages_of_a_match_that_is_over(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (first, second) = (matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await);
    let count = async |id, of: &Account| held(&t, id, of, 0).await.len();
    send(
        &t,
        &[
            message(first, &a, 1, "1"),
            message(first, &b, 1, "1"),
            message(second, &a, 1, "2"),
            handshake(second, &b, 1),
        ],
    )
    .await;
    let end = async |id, by, reason| {
        let end = t.matches().end_match(id, by, reason, t.now()).await;
        let EndOutcome::Now(ended) = end.unwrap() else {
            panic!("not ended")
        };
        (ended.status, ended.by)
    };
    assert_eq!(
        end(first, Some(a.0.id), EndReason::Left).await,
        (MatchStatus::Completed, Some(a.0.id)),
        "both have said something"
    );
    assert_eq!(
        send(&t, &[message(first, &a, 2, "late")]).await,
        [Append::Ended]
    );
    assert_eq!(
        (count(first, &a).await, count(first, &b).await),
        (0, 0),
        "they are there, and nobody's"
    );
    assert_eq!((count(second, &a).await, count(second, &b).await), (1, 1));
    receive(&t, receipt(second, &b, 1)).await;
    assert_eq!(
        end(second, None, EndReason::Banned).await,
        (MatchStatus::Cancelled, None),
        "a handshake is no answer"
    );
    assert_eq!((count(second, &a).await, count(second, &b).await), (0, 0));
    assert_eq!(rows(&t).await, [3, 4]);
}
