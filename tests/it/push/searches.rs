//! A match wakes the device whose search went on without it.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::notice::PushOrder;

use super::{id, leaves, order, put_token, told_of_devices};
use crate::{
    background::goes,
    fcm::FakeFcm,
    harness::{TestServer, TestUser},
    sockets::{Person, connect, eventually},
};

pushed! {
    a_match_wakes_the_device_whose_search_went_on,
}

async fn a_match_wakes_the_device_whose_search_went_on(server: TestServer, fake: FakeFcm) {
    let mut a = Person::new(&server, "ayse").await;
    let tablet = Person::again(&server, &a).await;
    put_token(&server, &a.user, "phone").await;
    put_token(&server, &tablet.user, "tablet").await;
    leaves_its_device(&server, tablet).await;
    told_of_devices(&server, &fake).await;
    a.search_in_background(&server).await;
    let user = goes(&server, a).await;
    is_away(&server, &user).await;

    let mut b = Person::new(&server, "berk").await;
    b.find().await;
    let match_id = b.found().await;
    server.run_due_jobs().await;
    let pushes = fake.taken();
    let [push] = &pushes[..] else {
        panic!("one push: {pushes:?}")
    };
    assert_eq!(push["token"], "phone", "the one that searched");
    assert_eq!(push["data"], json!({"type": "match", "match_id": match_id}));
    assert_eq!(push["android"]["collapse_key"], "matches");
    for word in ["notification\":{", "berk", &user.phone, &user.id] {
        assert!(!push.to_string().contains(word), "{word} in {push}");
    }

    // Who is back by then is left alone, and so is who has nothing to come for.
    let wake = PushOrder::Match {
        user_id: id(&user),
        match_id: match_id.parse().expect("an id"),
        session_id: server.session(&user),
    };
    let mut a = Person {
        socket: connect(&server, &user).await,
        user,
    };
    assert_eq!(a.found().await, match_id);
    assert_eq!(order(&server, &fake, &wake).await, [] as [Value; 0]);
    // It may have been there no more: its connection seems to live on. It is looked for again.
    leaves(&server, a).await;
    server.clock.advance(Duration::from_secs(40));
    server.run_due_jobs().await;
    assert_eq!(fake.taken().len(), 1);
    assert_eq!(order(&server, &fake, &wake).await.len(), 1);
    b.ask(json!({"type": "match.leave", "match_id": match_id}))
        .await;
    assert_eq!(order(&server, &fake, &wake).await, [] as [Value; 0]);
    server.stop().await;
}

async fn leaves_its_device(server: &TestServer, device: Person) {
    let Person { user, socket } = device;
    drop(socket);
    is_away(server, &user).await;
}

/// Waits until the device is nowhere.
pub(super) async fn is_away(server: &TestServer, user: &TestUser) {
    let device = (id(user), Some(server.session(user)));
    eventually("the device is away", async || {
        let online = server.app.hub.online(&[device]).await;
        online.is_ok_and(|online| online == [false])
    })
    .await;
}
