//! However a match ends, its call ends with it: at the relay, within a second, whatever the clients
//! do.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil::lifecycle::Shutdown;
use tebdil_protocol::{domain::EndReason, id::MatchId};

use super::{
    ask,
    caller::{Caller, Credential, connect, silent_after},
    video_pair,
};
use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, eventually, meet},
};

scenarios! {
    a_leave_cuts_the_call,
    a_block_cuts_the_call,
    a_ban_cuts_the_call,
    an_erasure_cuts_the_call,
    a_match_that_runs_out_takes_its_call_along,
    a_call_whose_end_nobody_told_of_is_found,
}

mod cluster_only {
    use super::super::cut::*;

    scenarios! {
        @cluster &[];
        the_sides_of_a_call_can_be_at_two_relays,
    }
}

mod by_a_worker {
    use super::super::cut::*;

    scenarios! {
        @cluster &[("TEBDIL_WORKERS__ENABLED", "false")];
        a_worker_cuts_calls_at_the_nodes,
    }
}

/// The promise.
const CUT: Duration = Duration::from_secs(1);

/// A call that is under way.
struct Call {
    a: Person,
    b: Person,
    id: String,
    credentials: [Credential; 2],
    callers: [Caller; 2],
}

impl Call {
    /// Through the relay of the last node. All that a test does then, it does at the first one.
    async fn begin(server: &TestServer) -> Self {
        let last = server.node_count() - 1;
        Self::begin_at(server, [last, last]).await
    }

    /// Through the relays of these two nodes.
    async fn begin_at(server: &TestServer, nodes: [usize; 2]) -> Self {
        let (a, b, id) = video_pair(server).await;
        Self::begin_as(server, nodes, a, b, id).await
    }

    async fn begin_as(
        server: &TestServer,
        nodes: [usize; 2],
        a: Person,
        b: Person,
        id: String,
    ) -> Self {
        let credential = async |person: &Person, node: usize| {
            let request = server.request_to(
                server.node_url(node),
                Method::POST,
                "/v1/rtc/ice-servers",
                Some(&person.user.access),
            );
            Credential::of(
                &server
                    .send(request.json(&json!({"match_id": id})))
                    .await
                    .expect(200),
            )
        };
        let credentials = [
            credential(&a, nodes[0]).await,
            credential(&b, nodes[1]).await,
        ];
        let allocate = async |side: usize| {
            Caller::allocate(&credentials[side])
                .await
                .expect("the relay takes the credential")
        };
        let callers = [allocate(0).await, allocate(1).await];
        connect(&callers[0], &callers[1]).await;
        Self {
            a,
            b,
            id,
            credentials,
            callers,
        }
    }

    async fn is_cut_within(&self, since: Instant, promise: Duration) {
        let [one, other] = &self.callers;
        let took = silent_after(one, other, since).await;
        assert!(took < promise, "media went through for another {took:?}");
        for credential in &self.credentials {
            assert!(
                Caller::allocate(credential).await.is_err(),
                "the relay still takes the credential"
            );
        }
    }

    /// The call goes on.
    async fn is_connected(&self) {
        connect(&self.callers[0], &self.callers[1]).await;
    }

    async fn end(self) {
        for caller in self.callers {
            caller.hang_up().await;
        }
    }
}

/// A request to the first node.
async fn to_first(
    server: &TestServer,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> Instant {
    let reply = server
        .send(
            server
                .request_to(server.node_url(0), method, path, Some(token))
                .json(body),
        )
        .await;
    assert!(reply.status.is_success(), "{}", reply.body);
    Instant::now()
}

async fn a_leave_cuts_the_call(server: TestServer) {
    let call = Call::begin(&server).await;
    let bystanders = meet_others(&server).await;
    let answered = to_first(
        &server,
        Method::POST,
        &format!("/v1/matches/{}/leave", call.id),
        &call.b.user.access,
        &Value::Null,
    )
    .await;
    call.is_cut_within(answered, CUT).await;
    bystanders.is_connected().await;
    for call in [call, bystanders] {
        call.end().await;
    }
    server.stop().await;
}

/// Two others with a call that is none of the test's business.
async fn meet_others(server: &TestServer) -> Call {
    let (mut a, mut b) = (
        Person::new(server, "deniz").await,
        Person::new(server, "ece").await,
    );
    let id = meet(server, &mut a, &mut b, "video").await;
    let last = server.node_count() - 1;
    Call::begin_as(server, [last, last], a, b, id).await
}

async fn a_block_cuts_the_call(server: TestServer) {
    let call = Call::begin(&server).await;
    let answered = to_first(
        &server,
        Method::POST,
        "/v1/blocks",
        &call.a.user.access,
        &json!({"match_id": call.id}),
    )
    .await;
    call.is_cut_within(answered, CUT).await;
    call.end().await;
    server.stop().await;
}

async fn a_ban_cuts_the_call(server: TestServer) {
    let call = Call::begin(&server).await;
    let admin = server.register("zeynep").await;
    server.make_admin(&admin).await;
    let path = format!("/v1/admin/users/{}/ban", call.a.user.id);
    let answered = to_first(
        &server,
        Method::POST,
        &path,
        &admin.access,
        &json!({"reason": "spam"}),
    )
    .await;
    call.is_cut_within(answered, CUT).await;
    call.end().await;
    server.stop().await;
}

async fn an_erasure_cuts_the_call(server: TestServer) {
    let call = Call::begin(&server).await;
    let answered = to_first(
        &server,
        Method::DELETE,
        "/v1/me",
        &call.b.user.access,
        &json!({"password": PASSWORD}),
    )
    .await;
    call.is_cut_within(answered, CUT).await;
    call.end().await;
    server.stop().await;
}

async fn a_match_that_runs_out_takes_its_call_along(server: TestServer) {
    let call = Call::begin(&server).await;
    server.clock.advance(Duration::from_hours(24));
    server.run_due_jobs().await;
    call.is_cut_within(Instant::now(), CUT).await;
    call.end().await;
    server.stop().await;
}

/// As when the node that ends a match dies right after the commit.
async fn a_call_whose_end_nobody_told_of_is_found(server: TestServer) {
    let call = Call::begin(&server).await;
    let bystanders = meet_others(&server).await;
    let id: MatchId = call.id.parse().expect("an id");
    server
        .app
        .store
        .matches()
        .end_match(id, None, EndReason::Left, server.clock.now())
        .await
        .expect("ended");
    call.is_connected().await;
    let mut swept = 0;
    for app in server.apps() {
        swept += app.relays.sweep(&app.store).await.expect("swept");
    }
    // Each node's own sweep may have come first.
    assert!(swept <= 2, "{swept}");
    call.is_cut_within(Instant::now(), CUT).await;
    bystanders.is_connected().await;
    for call in [call, bystanders] {
        call.end().await;
    }
    server.stop().await;
}

async fn the_sides_of_a_call_can_be_at_two_relays(server: TestServer) {
    let call = Call::begin_at(&server, [0, 1]).await;
    assert_ne!(call.credentials[0].relay, call.credentials[1].relay);
    let answered = to_first(
        &server,
        Method::POST,
        &format!("/v1/matches/{}/leave", call.id),
        &call.a.user.access,
        &Value::Null,
    )
    .await;
    call.is_cut_within(answered, CUT).await;
    call.end().await;
    server.stop().await;
}

async fn a_worker_cuts_calls_at_the_nodes(server: TestServer) {
    let call = Call::begin(&server).await;
    let shutdown = Shutdown::default();
    let worker = tebdil::worker::run(
        (*server.app.config).clone(),
        None,
        server.clock.clone(),
        shutdown.clone(),
    );
    server.clock.advance(Duration::from_hours(24));
    let told = async {
        let expired = format!(
            "SELECT COUNT(*) FROM matches WHERE id = {} AND status = 'expired'",
            call.id
        );
        eventually("the match has run out", async || {
            server.count(&expired).await == 1
        })
        .await;
        call.is_cut_within(Instant::now(), CUT).await;
        shutdown.soft.cancel();
    };
    let (ended, ()) = tokio::join!(worker, told);
    ended.expect("a good end");
    ask(&server, &call.a, &call.id)
        .await
        .expect_problem(401, "unauthorized");
    call.end().await;
    server.stop().await;
}
