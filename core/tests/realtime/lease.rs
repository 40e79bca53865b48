use std::time::Duration;

use tebdil_core::{realtime::Holder, testing::TestNode};

use super::cluster;

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

tebdil_core::realtime_conformance!(
    a_lease_is_taken_by_a_candidate_only_and_kept,
    a_lease_that_was_given_back_or_ran_out_has_a_higher_fence,
    leases_are_apart
);

async fn hold(node: &TestNode, ttl: Duration, candidate: bool) -> Option<Holder> {
    node.realtime
        .lease
        .hold("leader", ttl, candidate)
        .await
        .expect("an answer")
}

async fn a_lease_is_taken_by_a_candidate_only_and_kept(node: TestNode) {
    assert_eq!(hold(&node, LONG, false).await, None);
    let holder = hold(&node, LONG, true).await.expect("taken");
    assert_eq!(holder.node, node.realtime.node);
    assert_eq!(hold(&node, LONG, true).await, Some(holder), "renewed");
    assert_eq!(hold(&node, LONG, false).await, Some(holder), "looked at");
}

async fn a_lease_that_was_given_back_or_ran_out_has_a_higher_fence(node: TestNode) {
    let first = hold(&node, LONG, true).await.expect("taken");
    node.realtime
        .lease
        .release("leader")
        .await
        .expect("given back");
    assert_eq!(hold(&node, LONG, false).await, None);
    let second = hold(&node, SHORT, true).await.expect("taken");
    assert!(second.fence > first.fence);
    // A look does not renew.
    while hold(&node, LONG, false).await.is_some() {}
    assert!(hold(&node, LONG, true).await.expect("taken").fence > second.fence);
    node.realtime
        .lease
        .release("never held")
        .await
        .expect("nothing to give back");
}

async fn leases_are_apart(node: TestNode) {
    hold(&node, LONG, true).await.expect("taken");
    assert_eq!(
        node.realtime.lease.hold("other", LONG, false).await,
        Ok(None)
    );
}

#[tokio::test]
async fn one_node_leads_and_another_takes_over_with_a_higher_fence() {
    let Some(([a, b], prefix)) = cluster().await else {
        return;
    };
    let first = hold(&a, SHORT, true).await.expect("taken");
    let longest = hold(&a, LONG, true).await.expect("renewed");
    assert_eq!(first, longest);
    assert_eq!(hold(&b, LONG, true).await, Some(first), "it is a's");
    b.realtime
        .lease
        .release("leader")
        .await
        .expect("nothing to give back");
    assert_eq!(
        hold(&b, LONG, false).await,
        Some(first),
        "only a can give it back"
    );
    a.realtime
        .lease
        .release("leader")
        .await
        .expect("given back");
    let second = hold(&b, LONG, true).await.expect("taken");
    assert!(second.node == b.realtime.node && second.fence > first.fence);
    // Nothing is known any more, also not the last fence.
    prefix.flush();
    let third = hold(&a, LONG, true).await.expect("taken");
    assert!(third.node == a.realtime.node && third.fence > second.fence);
}
