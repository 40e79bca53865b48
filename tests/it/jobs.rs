//! Dead letters, as operators find and mend them.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::store::NewJob;

use crate::{
    ads::staff,
    harness::{TestServer, TestUser},
};

scenarios! {
    @with &[("TEBDIL_WORKERS__ENABLED", "false")];
    a_dead_letter_is_listed_retried_and_deleted,
    a_dead_letter_whose_cause_is_gone_is_done_at_last,
}

pub async fn push(server: &TestServer, queue: &str, payload: &[u8]) {
    let now = server.clock.now();
    let job = NewJob {
        queue,
        payload,
        dedupe: None,
        run_at: now,
        max_attempts: 3,
    };
    assert!(
        server
            .app
            .store
            .jobs()
            .push_job(job, now)
            .await
            .expect("pushed")
    );
}

async fn a_dead_letter_is_counted(server: &TestServer) {
    let numbers = crate::http::get(format!("{}/metrics", server.metrics))
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    assert!(
        numbers.contains("tebdil_jobs_total{queue=\"retention\",outcome=\"dead\"} 1"),
        "{numbers}"
    );
}

async fn wrong_requests_are_refused(
    server: &TestServer,
    admin: &TestUser,
    moderator: &TestUser,
    user: &TestUser,
    list: &str,
    path: &str,
    retry: &str,
) {
    for who in [moderator, user] {
        server
            .post(retry, &who.access, &Value::Null)
            .await
            .expect_problem(403, "forbidden");
        server
            .delete(path, &who.access)
            .await
            .expect_problem(403, "forbidden");
    }
    server
        .get(list, &user.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .post("/v1/admin/jobs/1/retry", &admin.access, &Value::Null)
        .await
        .expect_problem(404, "not_found");
    server
        .get("/v1/admin/jobs?state=asleep", &admin.access)
        .await
        .expect_problem(422, "invalid_field");
    server
        .get("/v1/admin/jobs?queue=%00", &admin.access)
        .await
        .expect_problem(422, "invalid_field");
}

async fn queues_are_counted(server: &TestServer, moderator: &TestUser) {
    let queues = server
        .get("/v1/admin/jobs/queues", &moderator.access)
        .await
        .expect(200);
    let of = |name: &str| {
        let all = queues["items"].as_array().expect("items");
        all.iter()
            .find(|queue| queue["queue"] == name)
            .unwrap_or_else(|| panic!("{name} in {queues}"))
            .clone()
    };
    assert_eq!(
        of("retention"),
        json!({"queue": "retention", "waiting": 1, "leased": 0, "dead": 0, "oldest_due_s": 90})
    );
    assert_eq!(
        of("ad_counts")["waiting"],
        0,
        "a queue without jobs is there"
    );
}

async fn a_dead_letter_is_listed_retried_and_deleted(server: TestServer) {
    let (admin, moderator, user) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
        server.register("kedi").await,
    );
    push(&server, "retention", b"{\"unreadable").await;
    let list = "/v1/admin/jobs?state=dead&queue=retention";
    assert_eq!(
        server.get(list, &moderator.access).await.expect(200)["items"],
        json!([])
    );
    server.run_due_jobs().await;
    let page = server.get(list, &moderator.access).await.expect(200);
    let [job] = page["items"].as_array().expect("items").as_slice() else {
        panic!("{page}")
    };
    assert_eq!(
        (&job["queue"], &job["state"], &job["attempts"]),
        (&json!("retention"), &json!("dead"), &json!(1))
    );
    assert!(
        job["error"]
            .as_str()
            .is_some_and(|error| error.starts_with("payload:")),
        "{job}"
    );
    assert!(
        !job.to_string().contains("unreadable"),
        "what it works on is not shown: {job}"
    );
    a_dead_letter_is_counted(&server).await;

    let path = format!("/v1/admin/jobs/{}", job["id"].as_str().expect("an id"));
    let retry = format!("{path}/retry");
    wrong_requests_are_refused(&server, &admin, &moderator, &user, list, &path, &retry).await;

    server
        .post(&retry, &admin.access, &Value::Null)
        .await
        .expect(204);
    server
        .post(&retry, &admin.access, &Value::Null)
        .await
        .expect_problem(409, "job_not_dead");
    server
        .delete(&path, &admin.access)
        .await
        .expect_problem(409, "job_not_dead");
    server.clock.advance(Duration::from_secs(90));
    queues_are_counted(&server, &moderator).await;

    server.run_due_jobs().await;
    let again = server.get(list, &admin.access).await.expect(200);
    assert_eq!(
        (&again["items"][0]["id"], &again["items"][0]["attempts"]),
        (&job["id"], &json!(2)),
        "it is no better"
    );
    server.delete(&path, &admin.access).await.expect(204);
    server
        .delete(&path, &admin.access)
        .await
        .expect_problem(404, "not_found");
    assert_eq!(
        server.get(list, &admin.access).await.expect(200)["items"],
        json!([])
    );
    let logs = format!(
        "SELECT COUNT(*) FROM system_logs WHERE action IN ('job_retried', 'job_deleted') AND actor_id = {}",
        admin.id
    );
    assert_eq!(server.count(&logs).await, 2);
    server.stop().await;
}

async fn a_dead_letter_whose_cause_is_gone_is_done_at_last(server: TestServer) {
    let admin = staff(&server, "selin", "admin").await;
    push(&server, "expire", b"{}").await;
    let (store, now) = (&server.app.store, server.clock.now());
    let leased = store
        .jobs()
        .lease_jobs("expire", 1, Duration::from_mins(1), now)
        .await
        .expect("leased")
        .jobs
        .remove(0);
    assert!(
        store
            .jobs()
            .bury_job(&leased, "the database was full", now)
            .await
            .expect("buried")
    );
    let list = "/v1/admin/jobs?state=dead";
    let dead = server.get(list, &admin.access).await.expect(200)["items"].clone();
    assert_eq!(dead[0]["error"], "the database was full");
    server.run_due_jobs().await;
    assert_eq!(
        server.get(list, &admin.access).await.expect(200)["items"],
        dead,
        "it does not come back by itself"
    );
    let retry = format!(
        "/v1/admin/jobs/{}/retry",
        dead[0]["id"].as_str().expect("an id")
    );
    server
        .post(&retry, &admin.access, &Value::Null)
        .await
        .expect(204);
    server.run_due_jobs().await;
    assert_eq!(
        server.get(list, &admin.access).await.expect(200)["items"],
        json!([])
    );
    server
        .post(&retry, &admin.access, &Value::Null)
        .await
        .expect_problem(404, "not_found");
    server.stop().await;
}
