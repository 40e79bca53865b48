use tebdil_core::{store::SystemLog, testing::TestStore};

tebdil_core::store_conformance! { an_act_is_recorded, the_store_answers }

async fn an_act_is_recorded(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let log = SystemLog { action: "refresh_reused", user: Some(user.id), actor: None, details: serde_json::json!({"a": "b'"}) };
    t.log_action(&log, t.now()).await.unwrap();
    t.log_action(&SystemLog { user: None, actor: Some(user.id), ..log }, t.now()).await.unwrap();
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'refresh_reused' AND details = '{\"a\":\"b''\"}' AND";
    assert_eq!(t.numbers(&format!("{count} user_id = {} AND actor_id IS NULL", user.id)).await, [1]);
    assert_eq!(t.numbers(&format!("{count} actor_id = {} AND user_id IS NULL", user.id)).await, [1]);
}

async fn the_store_answers(t: TestStore) {
    t.ping().await.unwrap();
    let again = t.database.open(&t.clock).await;
    again.ping().await.unwrap();
    again.close().await;
    assert!(again.ping().await.expect_err("closed").is_transient());
    t.ping().await.unwrap();
}
