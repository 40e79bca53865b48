//! Messages that wake.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::notice::PushOrder;

use super::{assert_counted, id, leaves, numbers, order, place, put_token};
use crate::{
    fcm::FakeFcm,
    harness::{TestServer, TestUser},
    sockets::{Person, eventually, pair},
};

pushed! {
    a_message_wakes_whoever_has_not_got_it,
    a_message_wakes_the_device_of_the_match_alone,
}

/// What wakes this device for what waits in a match.
fn wake(server: &TestServer, device: &TestUser, match_id: &str) -> PushOrder {
    PushOrder::Message {
        user_id: id(device),
        match_id: match_id.parse().expect("an id"),
        session_id: server.session(device),
    }
}

async fn a_message_wakes_whoever_has_not_got_it(server: TestServer, fake: FakeFcm) {
    let (mut ayse, berk, match_id) = pair(&server).await;
    put_token(&server, &berk.user, "phone-of-berk").await;
    let berk = leaves(&server, berk).await;
    let wake = wake(&server, &berk, &match_id);
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "nothing was said"
    );
    assert_eq!(
        ayse.say(&match_id, 1, "kimse yok mu").await["type"],
        "message.accepted"
    );
    let pushes = order(&server, &fake, &wake).await;
    // The server may have ordered one by itself meanwhile.
    let Some(push) = pushes.first() else {
        panic!("a push")
    };
    assert!(pushes.iter().all(|other| other["data"] == push["data"]));
    assert_eq!(
        (&push["token"], &push["data"]),
        (
            &json!("phone-of-berk"),
            &json!({ "type": "message", "match_id": match_id })
        )
    );
    assert_eq!(push["android"]["collapse_key"], "messages");

    // It looks; nothing that was received wakes it.
    let mut berk = Person {
        socket: crate::sockets::connect(&server, &berk).await,
        user: berk,
    };
    assert_eq!(berk.until("message.new").await["seq"], 1);
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "online"
    );
    berk.acknowledge(&match_id, 1).await;
    ayse.until("message.delivered").await;
    leaves(&server, berk).await;
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "received"
    );

    // An order that waited too long wakes nobody; what still waits is pushed by a new one.
    assert_eq!(
        ayse.say(&match_id, 2, "hâlâ yok mu").await["type"],
        "message.accepted"
    );
    place(&server, &wake).await;
    server.clock.advance(Duration::from_hours(1));
    server.run_due_jobs().await;
    assert!(fake.taken().len() <= 1);
    assert_counted(
        &numbers(&server).await,
        &[
            "tebdil_push_orders_total{outcome=\"seen\"}",
            "tebdil_push_orders_total{outcome=\"stale\"}",
        ],
    );
    server.stop().await;
}

/// Another device of the account cannot read it; that one may be there.
async fn a_message_wakes_the_device_of_the_match_alone(server: TestServer, fake: FakeFcm) {
    let (mut ayse, phone, match_id) = pair(&server).await;
    let mut tablet = Person::again(&server, &phone).await;
    for (device, token) in [(&phone, "phone-of-berk"), (&tablet, "tablet-of-berk")] {
        put_token(&server, &device.user, token).await;
    }
    let Person { user, socket } = phone;
    drop(socket);
    let device = (id(&user), Some(server.session(&user)));
    eventually("the device is away", async || {
        let online = server.app.hub.online(&[device]).await;
        online.is_ok_and(|online| online == [false])
    })
    .await;
    assert_eq!(
        ayse.say(&match_id, 1, "kimse yok mu").await["type"],
        "message.accepted"
    );
    let pushes = order(&server, &fake, &wake(&server, &user, &match_id)).await;
    assert!(
        !pushes.is_empty() && pushes.iter().all(|push| push["token"] == "phone-of-berk"),
        "{pushes:?}"
    );
    tablet.hears_no("message.new").await;
    server.stop().await;
}
