use std::time::Duration;

use tebdil_core::{
    store::{LogFilter, SystemLog, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{SystemLogEntry, time::Timestamp};

tebdil_core::store_conformance! {
    an_act_is_recorded,
    acts_are_listed_newest_first,
    acts_are_bounded_by_time,
    acts_name_who_has_an_account,
    the_store_answers,
}

async fn an_act_is_recorded(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let log = SystemLog {
        action: "refresh_reused",
        user: Some(user.id),
        actor: None,
        details: serde_json::json!({"a": "b'"}),
    };
    t.jobs().log_action(&log, t.now()).await.unwrap();
    t.jobs()
        .log_action(
            &SystemLog {
                user: None,
                actor: Some(user.id),
                ..log
            },
            t.now(),
        )
        .await
        .unwrap();
    let count = "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'refresh_reused' AND details = '{\"a\":\"b''\"}' AND";
    assert_eq!(
        t.numbers(&format!(
            "{count} user_id = {} AND actor_id IS NULL",
            user.id
        ))
        .await,
        [1]
    );
    assert_eq!(
        t.numbers(&format!(
            "{count} actor_id = {} AND user_id IS NULL",
            user.id
        ))
        .await,
        [1]
    );
}

async fn list(t: &TestStore, filter: LogFilter<'_>, limit: i64) -> Vec<SystemLogEntry> {
    t.jobs().system_logs(filter, limit).await.unwrap()
}

async fn log_four_acts(t: &TestStore, a: &UserRow, b: &UserRow, details: &serde_json::Value) {
    for (action, user, actor) in [
        ("role_changed", Some(a.id), Some(b.id)),
        ("refresh_reused", Some(a.id), None),
        ("ad_created", None, Some(b.id)),
        ("role_changed", Some(b.id), Some(a.id)),
    ] {
        t.jobs()
            .log_action(
                &SystemLog {
                    action,
                    user,
                    actor,
                    details: details.clone(),
                },
                t.now(),
            )
            .await
            .unwrap();
    }
}

async fn acts_are_filtered(t: &TestStore, a: &UserRow, b: &UserRow, all: &[SystemLogEntry]) {
    let none = LogFilter::default();
    assert_eq!(
        list(
            t,
            LogFilter {
                before: Some(all[1].id),
                ..none
            },
            9
        )
        .await,
        all[2..]
    );
    assert_eq!(list(t, none, 3).await, all[..3]);
    assert_eq!(
        list(
            t,
            LogFilter {
                action: Some("role_changed"),
                ..none
            },
            9
        )
        .await,
        [all[0].clone(), all[3].clone()]
    );
    assert_eq!(
        list(
            t,
            LogFilter {
                user: Some(a.id),
                ..none
            },
            9
        )
        .await,
        all[2..]
    );
    assert_eq!(
        list(
            t,
            LogFilter {
                actor: Some(b.id),
                ..none
            },
            9
        )
        .await,
        [all[1].clone(), all[3].clone()]
    );
    assert_eq!(
        list(
            t,
            LogFilter {
                action: Some("role_changed"),
                user: Some(a.id),
                actor: Some(b.id),
                before: Some(all[3].id),
                ..none
            },
            9
        )
        .await,
        []
    );
}

async fn nobody_reads_of_reports_about_oneself(
    t: &TestStore,
    a: &UserRow,
    b: &UserRow,
    details: &serde_json::Value,
    all: &[SystemLogEntry],
) {
    for action in [
        "report_read",
        "report_taken",
        "report_released",
        "report_resolved",
    ] {
        t.jobs()
            .log_action(
                &SystemLog {
                    action,
                    user: Some(a.id),
                    actor: Some(b.id),
                    details: details.clone(),
                },
                t.now(),
            )
            .await
            .unwrap();
    }
    assert_eq!(
        list(
            t,
            LogFilter {
                reader: Some(a.id),
                ..LogFilter::default()
            },
            9
        )
        .await,
        all
    );
    assert_eq!(
        list(
            t,
            LogFilter {
                reader: Some(b.id),
                ..LogFilter::default()
            },
            9
        )
        .await
        .len(),
        8
    );
}

async fn acts_are_listed_newest_first(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let (b, _) = t.register("deniz").await;
    let details = serde_json::json!({"before": {"role": "user"}, "after": {"role": "admin"}});
    log_four_acts(&t, &a, &b, &details).await;
    let all = t.jobs().system_logs(LogFilter::default(), 9).await.unwrap();
    assert_eq!(
        all.iter()
            .map(|act| act.action.as_str())
            .collect::<Vec<_>>(),
        [
            "role_changed",
            "ad_created",
            "refresh_reused",
            "role_changed"
        ]
    );
    assert_eq!(
        (
            &all[0].details,
            all[0].user_id,
            all[0].actor_id,
            all[0].created_at
        ),
        (&details, Some(b.id), Some(a.id), t.now())
    );
    acts_are_filtered(&t, &a, &b, &all).await;

    nobody_reads_of_reports_about_oneself(&t, &a, &b, &details, &all).await;
}

async fn acts_are_bounded_by_time(t: TestStore) {
    let mut times = Vec::new();
    for action in ["one", "two", "three"] {
        t.clock.advance(Duration::from_millis(1));
        times.push(t.now());
        let act = SystemLog {
            action,
            user: None,
            actor: None,
            details: serde_json::json!({}),
        };
        t.jobs().log_action(&act, t.now()).await.unwrap();
    }
    let named = async |from: Option<usize>, until: Option<usize>| {
        let filter = LogFilter {
            from: from.map(|n| times[n]),
            until: until.map(|n| times[n]),
            ..LogFilter::default()
        };
        let acts = list(&t, filter, 9).await;
        let names: Vec<String> = acts.into_iter().map(|act| act.action).collect();
        names.join(" ")
    };
    assert_eq!(named(None, None).await, "three two one");
    assert_eq!(
        named(Some(1), None).await,
        "three two",
        "its first moment too"
    );
    assert_eq!(named(None, Some(1)).await, "one", "not its last");
    assert_eq!(named(Some(1), Some(2)).await, "two");
    let always = LogFilter {
        from: Some(Timestamp::from_millis(0)),
        until: Some("9999-12-30T00:00:00Z".parse().unwrap()),
        ..LogFilter::default()
    };
    assert_eq!(list(&t, always, 9).await.len(), 3);
}

async fn acts_name_who_has_an_account(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let (b, _) = t.register("deniz").await;
    let act = SystemLog {
        action: "warned",
        user: Some(a.id),
        actor: Some(b.id),
        details: serde_json::json!({}),
    };
    t.jobs().log_action(&act, t.now()).await.unwrap();
    let names = async || {
        let filter = LogFilter {
            action: Some("warned"),
            ..LogFilter::default()
        };
        let one = list(&t, filter, 9).await.remove(0);
        (one.user_handle, one.actor_handle)
    };
    let handle = |user: &UserRow| Some(format!("{}#{}", user.alias, user.tag));
    assert_eq!(names().await, (handle(&a), handle(&b)));
    t.erase(&a).await;
    assert_eq!(names().await, (None, handle(&b)));
    let nobody = SystemLog {
        user: None,
        actor: None,
        ..act
    };
    t.jobs().log_action(&nobody, t.now()).await.unwrap();
    assert_eq!(names().await, (None, None));
}

async fn the_store_answers(t: TestStore) {
    t.ping().await.unwrap();
    let again = t.database.open(&t.clock).await;
    again.ping().await.unwrap();
    again.close().await;
    assert!(again.ping().await.expect_err("closed").is_transient());
    t.ping().await.unwrap();
}
