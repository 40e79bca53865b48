//! Two people on two nodes call each other.

use std::time::Duration;

use tebdil_protocol::domain::{CallState, EndReason, MatchStatus};
use tokio::time::Instant;
use webrtc::{
    ice_transport::ice_candidate_type::RTCIceCandidateType,
    peer_connection::policy::ice_transport_policy::RTCIceTransportPolicy,
};

use crate::{
    caller::{Caller, couple},
    eventually,
    site::Site,
};

async fn video_stops(callers: &[Caller], left: Instant) {
    for caller in callers {
        eventually("silence", async || {
            caller.seen().last_frame.expect("there was video").elapsed()
                > Duration::from_millis(500)
        })
        .await;
        let last = caller
            .seen()
            .last_frame
            .expect("there was video")
            .saturating_duration_since(left);
        assert!(
            last < Duration::from_secs(1),
            "video came for {last:?} after the end"
        );
    }
}

/// Who took part, and how it ended: `relay_of` says which node's relay each side uses.
async fn call(relay_of: [usize; 2]) {
    let Some(site) = Site::start().await else {
        return;
    };
    let nginx = site.cluster.url();
    let people = couple([&nginx, &nginx]).await;
    assert_eq!(
        site.connections().await,
        [1, 1],
        "each is connected to a node of its own"
    );
    let match_id = people[0].match_id();
    let mut callers = Vec::new();
    for (person, relay) in people.into_iter().zip(relay_of) {
        let servers = person.ice_servers(&site.cluster.node(relay).url).await;
        assert_eq!(
            servers.ice_servers[0].urls,
            [format!("turn:{}:3478?transport=udp", site.relays[relay])]
        );
        callers.push(Caller::new(person, &servers, RTCIceTransportPolicy::Relay).await);
    }
    let began = Instant::now();
    callers[0].offer().await;
    for caller in &callers {
        caller.hears_and_sees().await;
        caller
            .chat
            .call_state(match_id, CallState::Connected)
            .await
            .expect("said");
    }
    eprintln!("video and a word both ways after {:?}", began.elapsed());
    for (side, caller) in callers.iter().enumerate() {
        let pair = caller.selected().await;
        assert_eq!(
            (pair.local.typ, pair.remote.typ),
            (RTCIceCandidateType::Relay, RTCIceCandidateType::Relay),
            "{pair}"
        );
        let (own, other) = (
            &site.relays[relay_of[side]],
            &site.relays[relay_of[1 - side]],
        );
        assert_eq!((&pair.local.address, &pair.remote.address), (own, other));
        eventually("the peer's word that it is connected", async || {
            caller.seen().states == [CallState::Connected]
        })
        .await;
    }

    callers[1].chat.leave(match_id).await.expect("left");
    let left = Instant::now();
    eventually("the end of the match", async || {
        callers[0].seen().ended.is_some()
    })
    .await;
    let ended = callers[0].seen().ended.expect("told");
    assert_eq!(
        (ended.status, ended.reason),
        (MatchStatus::Completed, EndReason::Left),
        "both said that they were connected"
    );
    // Both go on sending; the relays take nothing any more.
    video_stops(&callers, left).await;
    for caller in callers {
        caller.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_two_nodes_call_each_other_through_one_relay() {
    call([0, 0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_two_nodes_call_each_other_through_two_relays() {
    call([0, 1]).await;
}
