//! Messages that wake.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::notice::PushOrder;

use super::{assert_counted, id, leaves, numbers, order, place, put_token};
use crate::{
    fcm::FakeFcm,
    harness::TestServer,
    sockets::{Person, pair},
};

pushed! {
    a_message_wakes_whoever_has_not_got_it,
}

async fn a_message_wakes_whoever_has_not_got_it(server: TestServer, fake: FakeFcm) {
    let (mut ayse, berk, match_id) = pair(&server).await;
    put_token(&server, &berk.user, "phone-of-berk").await;
    let berk = leaves(&server, berk).await;
    let wake = PushOrder::Message {
        user_id: id(&berk),
        match_id: match_id.parse().expect("an id"),
    };
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "nothing was said"
    );
    assert_eq!(
        ayse.say(&match_id, "kimse yok mu").await["type"],
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

    // It looks at another device; the phone hears of nothing that was received.
    let mut berk = Person {
        socket: crate::sockets::connect(&server, &berk).await,
        user: berk,
    };
    let seq = berk.until("message.new").await["seq"].clone();
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "online"
    );
    berk.send(json!({ "type": "message.ack", "match_id": match_id, "seq": seq }))
        .await;
    ayse.until("message.delivered").await;
    leaves(&server, berk).await;
    assert_eq!(
        order(&server, &fake, &wake).await,
        [] as [Value; 0],
        "received"
    );

    // An order that waited too long wakes nobody; what still waits is pushed by a new one.
    assert_eq!(
        ayse.say(&match_id, "hâlâ yok mu").await["type"],
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
