//! How the databases read the lists of the staff console where there is much to read: no list costs
//! more than the part of it that is shown.
//!
//! `cargo nextest run -p tebdil_core --no-capture long_lists` prints the slowest lists.

mod seed;

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use self::seed::{BUSY, filled, numbered};
use crate::{
    db::{Plan, plans_of},
    ids::IdGenerator,
    report::ReportRules,
    store::{
        AccountFilter, AccountSearch, BanFilter, JobFilter, LogFilter, ReportFilter,
        StaffMatchFilter, StoreError,
    },
    testing::{Backend, TestStore},
};
use tebdil_protocol::{
    domain::{AppealStatus, ClaimStatus, JobState, ReportReason, UserRole},
    id::AdId,
};

/// As many as a page has, and one more.
const PAGE: i64 = 51;
const DAY: Duration = Duration::from_hours(24);
/// Most rows that are sorted for a page: those of a day of the log, say.
const MOST_SORTED: u64 = 5_000;

/// A list as the console asks for it.
struct List<'t> {
    name: String,
    read: Box<dyn Fn() -> BoxFuture<'t, Result<usize, StoreError>> + Send + Sync + 't>,
}

/// How many rows a call gives, as often as it is asked.
macro_rules! list {
    ($name:expr, $read:expr) => {
        List {
            name: $name,
            read: Box::new(move || Box::pin(async move { Ok($read.await?.len()) })),
        }
    };
}

const FLAGS: [Option<bool>; 3] = [None, Some(true), Some(false)];

fn people(t: &TestStore) -> Vec<List<'_>> {
    let mut lists = Vec::new();
    let key = |key: &str| key.to_owned();
    let searches = [
        None,
        Some(AccountSearch::Id(numbered(t, 70))),
        Some(AccountSearch::Handle {
            alias_key: key("kedi70"),
            tag: key("0001"),
        }),
        Some(AccountSearch::Prefix(key("kedi70"))),
        Some(AccountSearch::Prefix(key("nobody"))),
    ];
    let roles = UserRole::ALL.iter().copied().map(Some).chain([None]);
    for (role, search) in roles.flat_map(|role| searches.clone().map(|search| (role, search))) {
        for (banned, premium) in FLAGS
            .into_iter()
            .flat_map(|one| FLAGS.map(|two| (one, two)))
        {
            let filter = AccountFilter {
                search: search.clone(),
                role,
                banned,
                premium,
                before: None,
            };
            lists.push(List {
                name: format!("{filter:?}"),
                read: Box::new(move || {
                    let filter = filter.clone();
                    let read = async move { t.accounts().list_accounts(&filter, PAGE).await };
                    Box::pin(async move { Ok(read.await?.len()) })
                }),
            });
        }
    }
    lists
}

fn log(t: &TestStore) -> Vec<List<'_>> {
    let mut lists = Vec::new();
    let who = [None, Some(BUSY), Some(70), Some(1)].map(|one| one.map(|one| numbered(t, one)));
    let old = t.now() - DAY * 340;
    let times = [
        (None, None),
        (Some(old), Some(old + DAY)),
        (None, Some(old + DAY)),
        (Some(t.now() - DAY), None),
    ];
    for action in [
        None,
        Some("user_viewed"),
        Some("role_changed"),
        Some("none"),
    ] {
        for (user, actor) in who.into_iter().flat_map(|one| who.map(|two| (one, two))) {
            for (from, until) in times {
                let filter = LogFilter {
                    action,
                    user,
                    actor,
                    from,
                    until,
                    reader: Some(numbered(t, 2)),
                    before: None,
                };
                let name = format!("{filter:?}");
                lists.push(list!(name, t.jobs().system_logs(filter, PAGE)));
            }
        }
    }
    lists
}

fn safety(t: &TestStore) -> Vec<List<'_>> {
    let (mut lists, now) = (Vec::new(), t.now());
    let (some, other) = (Some(numbered(t, BUSY)), Some(numbered(t, 70)));
    for (active, provisional, user) in [
        (None, None, None),
        (Some(true), None, None),
        (Some(true), Some(true), None),
        (None, None, some),
        (None, None, other),
    ] {
        let filter = BanFilter {
            active,
            provisional,
            user,
            ..BanFilter::default()
        };
        lists.push(list!(
            format!("{filter:?}"),
            t.safety().bans(filter, now, PAGE)
        ));
    }
    let reports = |reported, reporter| {
        let filter = ReportFilter {
            reported,
            reporter,
            ..ReportFilter::default()
        };
        list!(format!("{filter:?}"), async {
            let (safety, rules) = (t.safety(), ReportRules::default());
            safety
                .reports(numbered(t, 2), filter, PAGE, &rules, now)
                .await
        })
    };
    lists.extend([
        reports(None, None),
        reports(some, None),
        reports(other, None),
        reports(None, some),
        reports(None, other),
    ]);
    for reason in [None, Some(ReportReason::Threat), Some(ReportReason::Hate)] {
        lists.push(list!(format!("queue of {reason:?}"), async {
            let (safety, rules) = (t.safety(), ReportRules::default());
            let queue = safety.report_queue(numbered(t, 2), reason, PAGE, &rules, now);
            Ok::<_, StoreError>(queue.await?.entries)
        }));
    }
    for status in AppealStatus::ALL.iter().copied().map(Some).chain([None]) {
        let name = format!("appeals {status:?}");
        lists.push(list!(name, t.safety().appeals(status, None, PAGE)));
    }
    lists
}

fn the_rest(t: &TestStore) -> Vec<List<'_>> {
    let (mut lists, now) = (Vec::new(), t.now());
    for user in [None, Some(BUSY), Some(70)].map(|one| one.map(|one| numbered(t, one))) {
        let filter = StaffMatchFilter {
            user,
            ..StaffMatchFilter::default()
        };
        let name = format!("{filter:?}");
        lists.push(list!(
            name,
            t.matches().matches_for_staff(filter, PAGE, now)
        ));
    }
    for status in ClaimStatus::ALL.iter().copied().map(Some).chain([None]) {
        let name = format!("claims {status:?}");
        lists.push(list!(name, t.economy().claims(status, None, PAGE)));
    }
    let states = JobState::ALL.iter().copied().map(Some).chain([None]);
    let queues = [None, Some("push"), Some("claims")];
    for (state, queue) in states.flat_map(|state| queues.map(|queue| (state, queue))) {
        let filter = JobFilter {
            state,
            queue,
            before: None,
        };
        lists.push(list!(
            format!("{filter:?}"),
            t.jobs().list_jobs(filter, PAGE)
        ));
    }
    let newest = AdId(IdGenerator::first_id_at(now));
    lists.extend([
        list!("queues".to_owned(), t.jobs().job_queues(now)),
        list!("ads".to_owned(), t.economy().ads(None, PAGE)),
        list!("days of an ad".to_owned(), async {
            let days = t.economy().ad_days(newest, "2000-01-01").await?;
            Ok::<_, StoreError>(days.expect("the newest ad"))
        }),
        list!(
            "announcements".to_owned(),
            t.notices().announcements(None, PAGE)
        ),
    ]);
    lists
}

/// Tables that have few rows, or none here. Jobs that are done go after two hours.
const SMALL: [&str; 4] = ["job", "tombstones", "message_logs", "ad_days"];

/// The number behind `name`, such as in `rows=51`.
fn number(line: &str, name: &str) -> u64 {
    let digits = line.split(name).nth(1).unwrap_or_default();
    let end = digits.find(|letter: char| !letter.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().unwrap_or(0)
}

/// The steps that read a large table from end to end, or sort much.
fn too_much(backend: Backend, plan: &Plan) -> Vec<&str> {
    let mut found = Vec::new();
    for (place, line) in plan.iter().enumerate() {
        let step = line.trim_start_matches([' ', '-', '>']);
        let below = plan[place + 1..].iter().find(|line| line.contains("-> "));
        let below = below.map_or("", String::as_str);
        let sorted = number(below, "rows=") * number(below, "loops=");
        let is_small = SMALL
            .iter()
            .any(|table| [step, below].iter().any(|line| line.contains(table)));
        let much = match backend {
            // Of the reports only the open ones are in these indexes.
            Backend::Sqlite => step.starts_with("SCAN ") && !step.contains("INDEX reports_"),
            Backend::Postgres if step.starts_with("Sort (") => sorted > MOST_SORTED,
            Backend::Postgres => step.contains("Seq Scan"),
        };
        if much && !is_small {
            found.push(step);
        }
    }
    found
}

/// SQLite does not say how much it sorts: only what was searched for by name, the queue with its
/// counts, and jobs.
fn sorts(list: &str, plan: &Plan) -> bool {
    let may = ["AccountFilter", "queue", "JobFilter"];
    let sorts = plan
        .iter()
        .any(|step| step == "USE TEMP B-TREE FOR ORDER BY");
    sorts && !may.iter().any(|name| list.starts_with(name))
}

async fn read_no_more_than_is_shown(backend: Backend) {
    let begun = Instant::now();
    let Some(t) = filled(backend).await else {
        return;
    };
    let mut times = vec![(begun.elapsed(), "to fill it".to_owned())];
    let lists = [people(&t), log(&t), safety(&t), the_rest(&t)];
    for List { name, read } in lists.into_iter().flatten() {
        let (rows, plans) = plans_of(read()).await;
        rows.expect(&name);
        assert!(!plans.is_empty(), "{name}");
        for plan in &plans {
            let much = too_much(backend, plan);
            assert!(much.is_empty(), "{backend:?} {name}: {much:?} of {plan:#?}");
            assert!(!sorts(&name, plan), "{backend:?} {name}: {plan:#?}");
        }
        let begun = Instant::now();
        let rows = read().await.expect(&name);
        times.push((begun.elapsed(), format!("{rows} rows of {name}")));
    }
    times.sort_unstable();
    for (time, what) in times.iter().rev().take(20) {
        println!("{backend:?}: {time:?} {what}");
    }
}

#[tokio::test]
async fn sqlite_reads_no_more_than_is_shown() {
    read_no_more_than_is_shown(Backend::Sqlite).await;
}

#[tokio::test]
async fn postgres_reads_no_more_than_is_shown() {
    read_no_more_than_is_shown(Backend::Postgres).await;
}
