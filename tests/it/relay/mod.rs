//! Credentials for relays, and what a relay does with them.

mod alone;
mod caller;
mod coturn;
mod cut;
mod route;

use serde_json::json;

use crate::{
    harness::{Reply, TestServer},
    sockets::{Person, meet},
};

async fn ask(server: &TestServer, person: &Person, match_id: &str) -> Reply {
    server
        .post(
            "/v1/rtc/ice-servers",
            &person.user.access,
            &json!({"match_id": match_id}),
        )
        .await
}

/// Two users in a video match.
async fn video_pair(server: &TestServer) -> (Person, Person, String) {
    let (mut a, mut b) = (
        Person::new(server, "ayse").await,
        Person::new(server, "berk").await,
    );
    let id = meet(server, &mut a, &mut b, "video").await;
    (a, b, id)
}
