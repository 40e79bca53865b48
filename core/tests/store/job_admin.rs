use std::time::Duration;

use tebdil_core::{
    store::{JobFilter, JobLease, Mended, NewJob},
    testing::TestStore,
};
use tebdil_protocol::{
    AdminJob,
    domain::JobState,
    id::{JobId, UserId},
};

tebdil_core::store_conformance! { jobs_are_listed, a_dead_job_is_retried, a_dead_job_is_deleted, }

const ADMIN: UserId = UserId(7);
const MINUTE: Duration = Duration::from_mins(1);

async fn push(t: &TestStore, queue: &str, dedupe: Option<&str>) -> bool {
    t.jobs()
        .push_job(
            NewJob {
                queue,
                payload: b"{}",
                dedupe,
                run_at: t.now(),
                max_attempts: 2,
            },
            t.now(),
        )
        .await
        .unwrap()
}

/// The only job, dead at its first attempt, and the lease it died under.
async fn dead(t: &TestStore) -> (AdminJob, JobLease) {
    push(t, "q", Some("key")).await;
    let leased = t
        .jobs()
        .lease_jobs("q", 1, MINUTE, t.now())
        .await
        .unwrap()
        .jobs
        .remove(0);
    assert!(t.jobs().bury_job(&leased, "no way", t.now()).await.unwrap());
    let [job] =
        <[AdminJob; 1]>::try_from(t.jobs().list_jobs(JobFilter::default(), 10).await.unwrap())
            .unwrap();
    (job, leased.lease)
}

async fn logged(t: &TestStore, action: &str) -> i64 {
    t.numbers(&format!(
        "SELECT COUNT(*) FROM system_logs WHERE actor_id = {ADMIN} AND action = '{action}'"
    ))
    .await[0]
}

async fn queues_are_counted(t: &TestStore) {
    let queues = t.jobs().job_queues(t.now()).await.unwrap();
    let told: Vec<_> = queues
        .iter()
        .map(|q| {
            (
                q.queue.as_str(),
                q.waiting,
                q.leased,
                q.dead,
                q.oldest_due_s,
            )
        })
        .collect();
    assert_eq!(told, [("a", 1, 0, 0, 60), ("b", 1, 1, 1, 60)]);
}

async fn jobs_are_listed(t: TestStore) {
    let jobs = t.jobs();
    for queue in ["a", "b", "b", "b"] {
        assert!(push(&t, queue, None).await);
    }
    let leased = jobs.lease_jobs("b", 2, MINUTE, t.now()).await.unwrap().jobs;
    jobs.bury_job(&leased[1], "no way", t.now()).await.unwrap();
    t.clock.advance(MINUTE);

    let all = jobs.list_jobs(JobFilter::default(), 10).await.unwrap();
    assert_eq!(
        all.iter().map(|job| job.queue.as_str()).collect::<Vec<_>>(),
        ["b", "b", "b", "a"],
        "newest first"
    );
    assert!(all.windows(2).all(|two| two[0].id > two[1].id));
    assert_eq!(
        jobs.list_jobs(
            JobFilter {
                before: Some(all[1].id),
                ..JobFilter::default()
            },
            10
        )
        .await
        .unwrap(),
        &all[2..]
    );
    assert_eq!(
        jobs.list_jobs(
            JobFilter {
                queue: Some("a"),
                ..JobFilter::default()
            },
            10
        )
        .await
        .unwrap(),
        &all[3..]
    );
    let in_state = async |state| {
        jobs.list_jobs(
            JobFilter {
                state: Some(state),
                ..JobFilter::default()
            },
            10,
        )
        .await
        .unwrap()
    };
    let [dead] = <[AdminJob; 1]>::try_from(in_state(JobState::Dead).await).unwrap();
    assert_eq!(
        (
            dead.state,
            dead.attempts,
            dead.max_attempts,
            dead.error.as_deref()
        ),
        (JobState::Dead, 1, 2, Some("no way"))
    );
    assert_eq!(
        (dead.finished_at, dead.lease_until),
        (Some(t.now() - MINUTE), None)
    );
    let [leased] = <[AdminJob; 1]>::try_from(in_state(JobState::Leased).await).unwrap();
    assert_eq!(
        (leased.state, leased.lease_until),
        (JobState::Leased, Some(t.now()))
    );
    assert_eq!(
        (
            in_state(JobState::Waiting).await.len(),
            in_state(JobState::Done).await.len()
        ),
        (2, 0)
    );

    queues_are_counted(&t).await;
}

async fn a_dead_job_is_retried(t: TestStore) {
    let (job, old_lease) = dead(&t).await;
    t.clock.advance(MINUTE);
    assert_eq!(
        t.jobs().retry_job(ADMIN, JobId(1), t.now()).await.unwrap(),
        Mended::NotFound
    );
    assert_eq!(
        t.jobs().retry_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::Done
    );
    assert_eq!(
        t.jobs().retry_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::NotDead,
        "it waits"
    );
    assert_eq!(
        t.jobs().delete_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::NotDead
    );
    assert_eq!(logged(&t, "job_retried").await, 1);

    let again = t
        .jobs()
        .lease_jobs("q", 1, MINUTE, t.now())
        .await
        .unwrap()
        .jobs
        .remove(0);
    assert_eq!(
        (again.attempt, again.max_attempts, again.payload.as_slice()),
        (2, 6, b"{}".as_slice())
    );
    assert_eq!(
        t.jobs()
            .extend_leases(&[old_lease], t.now() + MINUTE)
            .await
            .unwrap(),
        0,
        "whoever had it has it no more"
    );
    assert_eq!(
        t.jobs().retry_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::NotDead,
        "it runs"
    );
    assert!(t.jobs().finish_job(&again, t.now()).await.unwrap());
    assert_eq!(
        t.jobs().retry_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::NotDead,
        "it is done"
    );
}

async fn a_dead_job_is_deleted(t: TestStore) {
    let (job, _) = dead(&t).await;
    assert!(!push(&t, "q", Some("key")).await, "its key is taken");
    assert_eq!(
        t.jobs().delete_job(ADMIN, JobId(1), t.now()).await.unwrap(),
        Mended::NotFound
    );
    assert_eq!(
        t.jobs().delete_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::Done
    );
    assert_eq!(
        t.jobs().delete_job(ADMIN, job.id, t.now()).await.unwrap(),
        Mended::NotFound
    );
    assert_eq!(logged(&t, "job_deleted").await, 1);
    assert!(push(&t, "q", Some("key")).await);
}
