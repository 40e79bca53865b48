//! How the databases run a statement, for tests.

use std::cell::RefCell;

use sqlx::Error;

use super::{Args, On, Query};

/// A line for each step.
pub(crate) type Plan = Vec<String>;

tokio::task_local! {
    static PLANS: RefCell<Vec<Plan>>;
}

/// What `run` gives, and how each of its reads outside of transactions was run; on PostgreSQL with
/// the rows that each step had.
pub(crate) async fn plans_of<T>(run: impl Future<Output = T>) -> (T, Vec<Plan>) {
    let scope = PLANS.scope(RefCell::default(), async {
        let outcome = run.await;
        (outcome, PLANS.with(RefCell::take))
    });
    scope.await
}

impl Query<'_> {
    /// How the database would run it.
    pub(crate) async fn plan(self) -> Result<Plan, Error> {
        self.explain("EXPLAIN ").await
    }

    async fn explain(mut self, postgres: &'static str) -> Result<Plan, Error> {
        if matches!(self.args, Args::Postgres(_)) {
            self.sql.to_mut().insert_str(0, postgres);
            return self.values().await;
        }
        self.sql.to_mut().insert_str(0, "EXPLAIN QUERY PLAN ");
        let steps: Vec<(i64, i64, i64, String)> = self.all().await?;
        Ok(steps.into_iter().map(|(.., step)| step).collect())
    }

    /// Notes the plan where [`plans_of`] wants it.
    pub(super) async fn note_plan(&self) -> Result<(), Error> {
        let on = match self.on {
            On::Sqlite(pool) => On::Sqlite(pool),
            On::Postgres(pool) => On::Postgres(pool),
            On::SqliteTx(_) | On::PostgresTx(_) => return Ok(()),
        };
        if PLANS.try_with(|_| ()).is_err() || self.sql.starts_with("EXPLAIN") {
            return Ok(());
        }
        let args = match &self.args {
            Args::Sqlite(args) => Args::Sqlite(args.clone()),
            Args::Postgres(args) => Args::Postgres(args.clone()),
        };
        let same = Query {
            on,
            sql: self.sql.clone(),
            args,
            failed: None,
            idle: false,
        };
        let explain = same.explain("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) ");
        let plan = explain.await?;
        PLANS.with(|plans| plans.borrow_mut().push(plan));
        Ok(())
    }
}
