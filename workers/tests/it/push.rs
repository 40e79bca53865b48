//! Orders to push, handed out to devices. What FCM is told and answers is tested at the whole
//! server (`tests/it/push/`).

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tebdil_core::{
    notice::{PUSH_QUEUE, PushOrder},
    store::{PushTarget, Store},
};
use tebdil_protocol::{domain::PushPlatform, id::UserId, notice::Notice};
use tebdil_workers::{
    Hooks, Job as _, JobContext, JobRef, Queue, Settings, Workers,
    fcm::{Credentials, Fcm},
    jobs,
};
use tokio::{net::TcpListener, task::JoinSet};

use crate::harness::{DAY, Database, on_both, settings};

on_both! {
    an_order_reaches_each_device_once_however_often_it_runs,
    an_order_is_dropped_where_nothing_is_pushed,
    a_device_that_cannot_be_reached_is_given_up_at_last,
}

/// Pushes to nobody: the port is closed.
async fn pushing(db: &Database) -> Settings {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("bound");
    let account = json!({
        "type": "service_account", "project_id": "p", "client_email": "e", "token_uri": format!("http://{nobody}/token"),
        "private_key": include_str!("../../../tests/service-account.pem"),
    });
    let credentials = Credentials::from_json(account.to_string().as_bytes()).expect("credentials");
    let fcm = Fcm::new(
        &format!("http://{nobody}"),
        credentials,
        Duration::from_secs(5),
        db.clock.clone(),
    )
    .expect("a client");
    Settings {
        fcm: Some(Arc::new(fcm)),
        ..settings()
    }
}

/// A user with two devices.
async fn user_with_devices(db: &Database) -> UserId {
    let user = db.user().await;
    for token in ["a", "b"] {
        let session = db.session(user, db.now() + 30 * DAY, None).await;
        let target = PushTarget {
            platform: PushPlatform::Ios,
            address: token.into(),
            keys: None,
        };
        db.store
            .notices()
            .put_push_target(user, session, &target, db.now())
            .await
            .expect("stored");
    }
    user
}

fn context(db: &Database, store: Store, settings: Arc<Settings>, job: &str) -> JobContext {
    let job = JobRef {
        id: job.into(),
        pushed_at: db.now(),
    };
    JobContext {
        store,
        clock: db.clock.clone(),
        hooks: Hooks::default(),
        settings,
        job,
    }
}

async fn an_order_reaches_each_device_once_however_often_it_runs(db: &Database) {
    let settings = Arc::new(pushing(db).await);
    let user = user_with_devices(db).await;
    let told = db
        .store
        .notices()
        .notify(user, &Notice::PasswordReset {}, "1", db.now())
        .await
        .expect("stored")
        .expect("new");
    let order = PushOrder::Notification {
        user_id: user,
        id: told.id,
        of: told.notice.kind(),
    };
    let devices = async || {
        db.number("SELECT COUNT(*) FROM job WHERE queue = 'push_device'")
            .await
    };

    // Two nodes at once, and again after their leases ran out.
    let nodes = [db.node().await, db.node().await];
    for _ in 0..3 {
        let mut running = JoinSet::new();
        for node in nodes.iter().cycle().take(6) {
            let (order, cx) = (
                order.clone(),
                context(db, node.clone(), settings.clone(), "7"),
            );
            running.spawn(async move { order.run(&cx).await });
        }
        while let Some(ran) = running.join_next().await {
            ran.expect("no panic").expect("it runs");
        }
        assert_eq!(devices().await, 2);
    }
    // A clock that was set back changes nothing; another order is another push.
    let cx = context(db, db.store.clone(), settings.clone(), "7");
    db.clock.set(db.now() - DAY);
    order.clone().run(&cx).await.expect("it runs");
    assert_eq!(devices().await, 2);
    order
        .run(&JobContext {
            job: JobRef {
                id: "8".into(),
                ..cx.job.clone()
            },
            ..cx
        })
        .await
        .expect("it runs");
    assert_eq!(devices().await, 4);
    for node in nodes {
        node.close().await;
    }
}

async fn an_order_is_dropped_where_nothing_is_pushed(db: &Database) {
    let user = user_with_devices(db).await;
    db.store
        .notices()
        .notify(user, &Notice::PasswordReset {}, "1", db.now())
        .await
        .expect("stored")
        .expect("new");
    assert_eq!(db.text("SELECT queue FROM job").await, PUSH_QUEUE);
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    let workers = workers.with_queues(vec![
        Queue::of::<PushOrder>(),
        Queue::of::<jobs::PushDevice>(),
    ]);
    assert_eq!(workers.run_due_once().await.expect("run").done, 1);
    assert_eq!(db.number("SELECT COUNT(*) FROM job").await, 0);
}

async fn a_device_that_cannot_be_reached_is_given_up_at_last(db: &Database) {
    let user = user_with_devices(db).await;
    db.store
        .notices()
        .notify(user, &Notice::PasswordReset {}, "1", db.now())
        .await
        .expect("stored")
        .expect("new");
    let workers = Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        pushing(db).await,
    );
    let workers = workers.with_queues(vec![
        Queue::of::<PushOrder>(),
        Queue::of::<jobs::PushDevice>(),
    ]);
    let (begun, mut failed) = (db.now(), 0);
    loop {
        let ran = workers.run_due_once().await.expect("run");
        failed += ran.failed;
        if ran.dead > 0 {
            assert_eq!(ran.dead, 2);
            break;
        }
        let next = db
            .time("SELECT MIN(run_at) FROM job WHERE state = 0")
            .await
            .expect("it runs again");
        db.clock.set(next);
    }
    assert_eq!(
        failed,
        2 * (jobs::PushDevice::MAX_ATTEMPTS.unsigned_abs() - 1)
    );
    assert!(db.now().since(begun) > Duration::from_mins(30));
    assert_eq!(
        db.text("SELECT DISTINCT error FROM job WHERE state = 3")
            .await,
        "FCM: unreachable"
    );
    assert_eq!(
        db.number("SELECT COUNT(*) FROM push_targets").await,
        2,
        "no fault of the devices"
    );
}
