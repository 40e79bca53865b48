//! Many reports of one user.

use serde_json::{Value, json};
use tebdil_protocol::CloseCode;

use super::{account, all_report, met, moderator, report, resolve};
use crate::{
    harness::{PASSWORD, TestServer},
    sockets::{Person, pair},
};

const SETTINGS: &[(&str, &str)] = &[
    ("TEBDIL_WORKERS__ENABLED", "false"),
    ("TEBDIL_QUOTA__FREE_TEXT", "100"),
];

scenarios! {
    @with super::SETTINGS;
    ten_people_at_once_bring_one_ban_that_takes_effect,
    the_tenth_report_takes_effect_before_any_job_runs,
    nine_people_or_fifty_strangers_bring_none,
    three_of_ten_who_are_unreliable_do_not_count,
}

async fn bans(server: &TestServer) -> i64 {
    server
        .count("SELECT CAST(COUNT(*) AS BIGINT) FROM bans")
        .await
}

#[track_caller]
fn all_made(replies: Vec<crate::harness::Reply>) -> Vec<Value> {
    replies.into_iter().map(|reply| reply.expect(201)).collect()
}

async fn ten_people_at_once_bring_one_ban_that_takes_effect(server: TestServer) {
    // In the middle of a chat, on two devices; in a cluster they are at different nodes.
    let (mut friend, mut target, id) = pair(&server).await;
    let mut tablet = Person::again_at(&server, server.node_count() - 1, &target).await;
    let moderator = moderator(&server, "denetci").await;
    let people = met(&server, &target.user, 10).await;
    let reports = all_made(all_report(&server, &people).await);
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 1);
    let wanted = "SELECT CAST(COUNT(*) AS BIGINT) FROM bans WHERE automatic AND provisional AND until IS NULL AND reason = 'harassment'";
    assert_eq!(server.count(wanted).await, 1);
    for socket in [&mut target.socket, &mut tablet.socket] {
        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Banned)
        );
    }
    let ended = friend.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"]),
        (&json!(id), &json!("banned"))
    );
    server
        .get("/v1/me", &target.user.access)
        .await
        .expect_problem(403, "banned");
    let login = json!({"phone": target.user.phone, "password": PASSWORD});
    let problem = server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(403, "banned");
    assert_eq!(problem["ban"]["reason"], "harassment");

    // It waits in the queue, and a moderator confirms it.
    let queue = server
        .get("/v1/admin/reports?status=open", &moderator.access)
        .await
        .expect(200);
    let items = queue["items"].as_array().expect("reports");
    assert_eq!(items.len(), 10);
    assert!(items.iter().all(|item| item["provisional_ban"].is_string()
        && item["reporters"] == 10
        && item["reported"]["is_banned"] == true));
    let decided = resolve(
        &server,
        &moderator,
        &reports[0],
        &json!({"decision": "ban", "note": "n"}),
    )
    .await
    .expect(200);
    assert_eq!(
        (&decided["status"], &decided["provisional_ban"]),
        (&json!("banned"), &Value::Null)
    );
    assert_eq!((bans(&server).await, server.count(wanted).await), (1, 0));
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 1);
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE code = 'banned'")
            .await,
        1
    );
    drop((friend, target, tablet));
    server.stop().await;
}

async fn the_tenth_report_takes_effect_before_any_job_runs(server: TestServer) {
    let (mut friend, mut target, id) = pair(&server).await;
    let people = met(&server, &target.user, 10).await;
    all_made(all_report(&server, &people[..9]).await);
    assert_eq!(bans(&server).await, 0);
    all_made(all_report(&server, &people[9..]).await);
    assert_eq!(bans(&server).await, 1);
    assert_eq!(
        target.socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::Banned)
    );
    let ended = friend.until("match.ended").await;
    assert_eq!(
        (&ended["match_id"], &ended["reason"], &ended["by"]),
        (&json!(id), &json!("banned"), &json!("peer"))
    );
    server.run_due_jobs().await;
    friend.hears_no("match.ended").await;
    drop((friend, target));
    server.stop().await;
}

async fn nine_people_or_fifty_strangers_bring_none(server: TestServer) {
    let (mut friend, mut target, id) = pair(&server).await;
    let people = met(&server, &target.user, 9).await;
    all_made(all_report(&server, &people).await);
    let mut strangers = Vec::new();
    for number in 0..50 {
        strangers.push((
            account(&server, &format!("yabanci{number}")).await,
            id.clone(),
        ));
    }
    for reply in all_report(&server, &strangers).await {
        reply.expect_problem(404, "not_found");
    }
    // Nor does one of the nine twice.
    for reply in all_report(&server, &people[..3]).await {
        reply.expect_problem(409, "already_reported");
    }
    server.run_due_jobs().await;
    server.clock.advance(std::time::Duration::from_mins(10));
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 0);
    assert_eq!(
        friend.say(&id, 1, "orada mısın?").await["type"],
        "message.accepted"
    );
    target.until("message.new").await;
    // The friend is the tenth.
    report(&server, &friend.user, &id, &[]).await.expect(201);
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 1);
    assert_eq!(
        target.socket.recv_close_code().await.expect("a close"),
        Some(CloseCode::Banned)
    );
    drop((friend, target));
    server.stop().await;
}

async fn three_of_ten_who_are_unreliable_do_not_count(server: TestServer) {
    let target = account(&server, "hedef").await;
    let moderator = moderator(&server, "denetci").await;
    let people = met(&server, &target, 10).await;
    // Three have often been wrong.
    for (reporter, _) in &people[..3] {
        for (_, id) in met(&server, reporter, 3).await {
            let made = report(&server, reporter, &id, &[]).await.expect(201);
            resolve(
                &server,
                &moderator,
                &made,
                &json!({"decision": "dismiss", "note": "n"}),
            )
            .await
            .expect(200);
        }
    }
    all_made(all_report(&server, &people).await);
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 0);
    let queue = format!("/v1/admin/reports?reported={}", target.id);
    let queue = server.get(&queue, &moderator.access).await.expect(200);
    let counting = queue["items"]
        .as_array()
        .expect("reports")
        .iter()
        .filter(|item| item["reporter"]["counts"] == true)
        .count();
    assert_eq!(counting, 7);

    // Three others do not make ten while one of them is marked.
    let more = met(&server, &target, 3).await;
    let mark = format!("/v1/admin/users/{}/reliability", more[0].0.id);
    server
        .post(&mark, &more[0].0.access, &json!({"unreliable": true}))
        .await
        .expect_problem(403, "forbidden");
    server
        .post(&mark, &moderator.access, &json!({"unreliable": true}))
        .await
        .expect(204);
    server
        .post(
            "/v1/admin/users/1/reliability",
            &moderator.access,
            &json!({"unreliable": true}),
        )
        .await
        .expect_problem(404, "not_found");
    all_made(all_report(&server, &more).await);
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 0);
    server
        .post(&mark, &moderator.access, &json!({"unreliable": false}))
        .await
        .expect(204);
    server.clock.advance(std::time::Duration::from_mins(10));
    server.run_due_jobs().await;
    assert_eq!(bans(&server).await, 1, "the sweep counts again");
    server.stop().await;
}
