//! What the server tells users by itself: on every socket, in the list, in their language; and what
//! the operator tells all of them.

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::chat::{Chat, ChatEvent, ChatOptions};
use tebdil_protocol::{id::MatchId, notice::Notice, time::Clock};

use crate::{
    harness::{PASSWORD, TestServer, TestUser},
    sockets::Person,
};

scenarios! {
    // Jobs run when the scenario says so.
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    a_notification_reaches_every_device_and_stays_in_the_list,
    the_client_hands_it_on,
    a_page_follows_the_other,
    what_cannot_be_read_is_refused,
    an_announcement_reaches_everybody,
    who_may_announce_what,
}

mod apart {
    use super::super::notifications::devices_at_two_nodes_hear_the_same;
    scenarios! { @cluster &[]; devices_at_two_nodes_hear_the_same }
}

/// Tells a user as a service does, from the first node.
async fn tell(server: &TestServer, user: &TestUser, number: i64) -> Value {
    let notice = Notice::MatchFound {
        match_id: MatchId(number),
    };
    let user = user.id.parse().expect("an id");
    let told = server
        .app
        .store
        .notices()
        .notify(user, &notice, &number.to_string(), server.clock.now())
        .await
        .expect("stored")
        .expect("new");
    server.app.notifier.tell(&told);
    serde_json::to_value(server.app.notifier.shown(&told)).expect("JSON")
}

async fn list(server: &TestServer, user: &TestUser) -> Vec<Value> {
    server
        .get("/v1/notifications", &user.access)
        .await
        .expect(200)["items"]
        .as_array()
        .expect("a list")
        .clone()
}

async fn read(server: &TestServer, user: &TestUser, body: Value) -> Value {
    server
        .post("/v1/notifications/read", &user.access, &body)
        .await
        .expect(200)
}

async fn unread_at_welcome(server: &TestServer, user: &TestUser) -> Value {
    let token = tebdil_protocol::Secret::from(user.access.as_str());
    let (socket, welcome) = tebdil_client::raw::RawSocket::hello(&server.base, &token)
        .await
        .expect("a socket");
    drop(socket);
    serde_json::to_value(&welcome.frame).expect("JSON")["unread_notifications"].clone()
}

/// Its user has signed in on another one.
async fn hears_of_a_device(device: &mut Person) {
    let frame = device.until("notification").await;
    assert_eq!(
        frame["notification"]["data"]["code"], "new_device",
        "{frame}"
    );
}

async fn the_list_is_newest_first_and_in_ones_language(
    server: &TestServer,
    phone: &TestUser,
    stranger: &TestUser,
    told: &Value,
) {
    let second = tell(server, phone, 8).await;
    assert_eq!(
        list(server, phone).await[..2],
        [second.clone(), told.clone()],
        "newest first"
    );
    assert_eq!(list(server, stranger).await, Vec::<Value>::new());
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &phone.access,
            &json!({"locale": "en"}),
        )
        .await
        .expect(200);
    let english = list(server, phone).await;
    assert_eq!(
        english[0]["message"],
        "You were matched while you were away. Somebody waits for your first word."
    );
}

async fn a_notification_reaches_every_device_and_stays_in_the_list(server: TestServer) {
    let mut phone = Person::new(&server, "ayse").await;
    let mut laptop = Person::again(&server, &phone).await;
    hears_of_a_device(&mut phone).await;
    read(&server, &phone.user, json!({"all": true})).await;
    for device in [&mut phone, &mut laptop] {
        device.until("notification.read").await;
    }
    let mut stranger = Person::new(&server, "berk").await;
    let told = tell(&server, &phone.user, 7).await;
    for device in [&mut phone, &mut laptop] {
        let frame = device.until("notification").await;
        assert_eq!(frame, json!({"type": "notification", "notification": told}));
    }
    assert_eq!(
        (&told["type"], &told["data"]),
        (
            &json!("match"),
            &json!({"code": "match_found", "match_id": "7"})
        )
    );
    assert_eq!(
        (&told["read"], &told["created_at"]),
        (&json!(false), &json!("2026-11-21T09:00:00.000Z"))
    );
    assert_eq!(
        told["message"],
        "Siz yokken eşleştiniz. Biri ilk sözünüzü bekliyor."
    );
    stranger.hears_no("notification").await;

    the_list_is_newest_first_and_in_ones_language(&server, &phone.user, &stranger.user, &told)
        .await;

    assert_eq!(
        read(&server, &laptop.user, json!({"ids": [told["id"]]})).await,
        json!({"unread": 1})
    );
    for device in [&mut phone, &mut laptop] {
        assert_eq!(
            device.until("notification.read").await,
            json!({"type": "notification.read", "ids": [told["id"]], "unread": 1})
        );
    }
    assert_eq!(
        list(&server, &phone.user)
            .await
            .iter()
            .map(|one| one["read"].clone())
            .collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(
        read(&server, &laptop.user, json!({"ids": [told["id"]]})).await,
        json!({"unread": 1}),
        "again"
    );
    phone.hears_no("notification.read").await;
    let new = server.login(&phone.user.phone).await;
    assert_eq!(
        unread_at_welcome(&server, &new).await,
        2,
        "it is a new device itself"
    );
    assert_eq!(
        read(&server, &laptop.user, json!({"all": true})).await,
        json!({"unread": 0})
    );
    assert_eq!(
        phone.until("notification.read").await,
        json!({"type": "notification.read", "unread": 0})
    );
    assert_eq!(unread_at_welcome(&server, &new).await, 0);
    server.stop().await;
}

async fn devices_at_two_nodes_hear_the_same(server: TestServer) {
    let mut phone = Person::at(&server, 1, "ayse").await;
    let mut laptop = Person::again_at(&server, 0, &phone).await;
    hears_of_a_device(&mut phone).await;
    let mut only_there = Person::at(&server, 1, "berk").await;
    let told = tell(&server, &phone.user, 7).await;
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.until("notification").await["notification"], told);
    }
    let told = tell(&server, &only_there.user, 7).await;
    assert_eq!(only_there.until("notification").await["notification"], told);
    read(&server, &phone.user, json!({"all": true})).await;
    for device in [&mut phone, &mut laptop] {
        assert_eq!(device.until("notification.read").await["unread"], 0);
    }
    server.stop().await;
}

async fn the_client_hands_it_on(server: TestServer) {
    // The client checks lifetimes against the machine's clock.
    server.clock.set(Clock::system(0).now());
    let options = ChatOptions::new(server.base.clone());
    let phone = server.phone();
    let (chat, mut events) = Chat::register_simple(&options, &phone, PASSWORD, "ayse")
        .await
        .expect("registered");
    while !matches!(
        events.recv().await.expect("an event"),
        ChatEvent::Connected { .. }
    ) {}
    let user = server.login(&phone).await;
    loop {
        // The server says so of this sign-in.
        if let ChatEvent::Notification(notification) = events.recv().await.expect("an event") {
            assert_eq!(notification.data.code(), "new_device");
            break;
        }
    }
    let told = tell(&server, &user, 7).await;
    read(&server, &user, json!({"all": true})).await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        match events.recv().await.expect("an event") {
            ChatEvent::Notification(notification) => {
                heard.push(serde_json::to_value(notification).expect("JSON"));
            }
            ChatEvent::NotificationsRead(read) => {
                heard.push(serde_json::to_value(read).expect("JSON"));
            }
            _ => {}
        }
    }
    assert_eq!(heard, [told, json!({"unread": 0})]);
    chat.close().await;
    server.stop().await;
}

async fn a_page_follows_the_other(server: TestServer) {
    let user = server.register("ayse").await;
    let mut told = Vec::new();
    for number in 1..=5 {
        told.push(tell(&server, &user, number).await);
    }
    told.reverse();
    let first = server
        .get("/v1/notifications?limit=2", &user.access)
        .await
        .expect(200);
    assert_eq!(first["items"], json!(told[..2]));
    // Newer ones do not move the pages behind.
    tell(&server, &user, 6).await;
    let cursor = first["next_cursor"].as_str().expect("there are more");
    let rest = server
        .get(
            &format!("/v1/notifications?limit=50&cursor={cursor}"),
            &user.access,
        )
        .await
        .expect(200);
    assert_eq!(
        (&rest["items"], &rest["next_cursor"]),
        (&json!(told[2..]), &Value::Null)
    );
    server.stop().await;
}

async fn what_cannot_be_read_is_refused(server: TestServer) {
    let (user, other) = (server.register("ayse").await, server.register("berk").await);
    let others = tell(&server, &other, 1).await;
    tell(&server, &user, 1).await;
    let too_many = vec!["5"; 101];
    for (body, code) in [
        (json!({}), "invalid_field"),
        (json!({"ids": []}), "invalid_field"),
        (json!({"ids": too_many}), "invalid_field"),
        (json!({"ids": [5]}), "invalid_field"),
        (json!({"all": false}), "invalid_field"),
        (json!({"all": true, "ids": ["5"]}), "invalid_field"),
        (json!({"all": true, "more": 1}), "unknown_field"),
    ] {
        server
            .post("/v1/notifications/read", &user.access, &body)
            .await
            .expect_problem(422, code);
    }
    server
        .post("/v1/notifications/read", "", &json!({"all": true}))
        .await
        .expect_problem(401, "unauthorized");
    server
        .get("/v1/notifications", "")
        .await
        .expect_problem(401, "unauthorized");
    server
        .get("/v1/notifications?limit=101", &user.access)
        .await
        .expect_problem(422, "invalid_field");
    // What is not there, or somebody else's, is passed over: a request for many does not fail for
    // one that went meanwhile.
    assert_eq!(
        read(&server, &user, json!({"ids": [others["id"], "5"]})).await,
        json!({"unread": 1})
    );
    assert_eq!(list(&server, &other).await[0]["read"], false);
    server.stop().await;
}

async fn an_announcement_reaches_everybody(server: TestServer) {
    let admin = server.register("zeynep").await;
    server.make_admin(&admin).await;
    let mut online = Person::new(&server, "ayse").await;
    let offline = server.register("berk").await;
    server
        .call(
            Method::PATCH,
            "/v1/me",
            &offline.access,
            &json!({"locale": "en"}),
        )
        .await
        .expect(200);
    let text = json!({"tr": "  Yarın bakım var.\nKısa sürecek. ", "en": "Maintenance tomorrow."});
    let made = server
        .post("/v1/admin/announcements", &admin.access, &text)
        .await
        .expect(201);
    assert_eq!(
        (&made["tr"], &made["target"], &made["told"]),
        (
            &json!("Yarın bakım var.\nKısa sürecek."),
            &json!("all"),
            &json!(0)
        )
    );
    assert_eq!(
        list(&server, &offline).await,
        Vec::<Value>::new(),
        "it goes out in the background"
    );

    server.run_due_jobs().await;
    let frame = online.until("notification").await;
    assert_eq!(
        frame["notification"]["message"],
        "Yarın bakım var.\nKısa sürecek."
    );
    assert_eq!(
        (
            &frame["notification"]["type"],
            &frame["notification"]["data"]["code"]
        ),
        (&json!("system"), &json!("announcement"))
    );
    let listed = list(&server, &offline).await;
    assert_eq!(
        (listed.len(), &listed[0]["message"]),
        (1, &json!("Maintenance tomorrow."))
    );
    let announcements = server
        .get("/v1/admin/announcements", &admin.access)
        .await
        .expect(200);
    let done = &announcements["items"][0];
    assert_eq!((&done["id"], &done["told"]), (&made["id"], &json!(3)));
    assert!(done["finished_at"].is_string(), "{done}");
    let logged = format!(
        "SELECT COUNT(*) FROM system_logs WHERE action = 'announcement_made' AND actor_id = {}",
        admin.id
    );
    assert_eq!(server.count(&logged).await, 1);

    let english = json!({"tr": "x", "en": "y", "target": "locale:en"});
    server
        .post("/v1/admin/announcements", &admin.access, &english)
        .await
        .expect(201);
    server.run_due_jobs().await;
    assert_eq!(
        (
            list(&server, &offline).await.len(),
            list(&server, &online.user).await.len()
        ),
        (2, 1)
    );
    server.stop().await;
}

async fn who_may_announce_what(server: TestServer) {
    let user = server.register("ayse").await;
    let good = json!({"tr": "a", "en": "b"});
    server
        .post("/v1/admin/announcements", "", &good)
        .await
        .expect_problem(401, "unauthorized");
    server
        .post("/v1/admin/announcements", &user.access, &good)
        .await
        .expect_problem(403, "forbidden");
    server
        .get("/v1/admin/announcements", &user.access)
        .await
        .expect_problem(403, "forbidden");
    server.make_admin(&user).await;
    for (body, code) in [
        (json!({"tr": "a"}), "invalid_field"),
        (json!({"tr": " ", "en": "b"}), "invalid_field"),
        (json!({"tr": "a", "en": "b".repeat(501)}), "invalid_field"),
        (json!({"tr": "a\u{0}", "en": "b"}), "invalid_field"),
        (
            json!({"tr": "a", "en": "b", "target": "everybody"}),
            "invalid_field",
        ),
        (json!({"tr": "a", "en": "b", "more": 1}), "unknown_field"),
    ] {
        server
            .post("/v1/admin/announcements", &user.access, &body)
            .await
            .expect_problem(422, code);
    }
    assert_eq!(server.count("SELECT COUNT(*) FROM announcements").await, 0);
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM system_logs WHERE action = 'announcement_made'")
            .await,
        0
    );
    server.stop().await;
}
