//! Which process makes ids with which node part: lent by the database for a time, by the database's
//! own clock.
//!
//! The holder renews the loan, and stops writing a while before it ends
//! ([`IdGenerator::check`](crate::id::IdGenerator)): a process that was suspended or cut off, and
//! whose part somebody else has by now, makes no id with it. Rows stay: who takes a part goes on
//! after the last id of its former holder, whatever clock that one had.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::{Store, StoreError};
use crate::{
    backend::{read, write_alone},
    id::{NODE_PARTS, NoNodePart},
};

/// How long a part stays with a process that has gone silent.
const LOAN: Duration = Duration::from_mins(10);

/// How much earlier its holder stops. Longer than any write takes, and than clocks drift apart in a
/// loan.
const MARGIN: Duration = Duration::from_mins(2);

/// After this a part that was given back may be taken: a write that was under way has ended.
const COOLING: Duration = Duration::from_mins(1);

/// How often a loan is to be renewed.
pub const RENEW_IDS: Duration = Duration::from_secs(30);

/// How often somebody else may be faster.
const TRIES: usize = 64;

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// Has the node part of the ids lent for another ten minutes, or another part where it was
    /// lost. Call it every [`RENEW_IDS`].
    ///
    /// # Errors
    /// [`StoreError`]; the loan goes on as it was, and when it has run out every write fails for
    /// the time being.
    pub async fn renew_ids(&self) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let since = Instant::now();
            if self.renew_part().await? {
                self.ids.lend(since, LOAN.saturating_sub(MARGIN));
                return Ok(());
            }
            // Nobody writes with a part that is somebody else's.
            self.ids.lend(since, Duration::ZERO);
            if let Some((part, last_id)) = self.take_part().await? {
                self.ids.set_part(part, last_id);
            }
        }
        Err(NoNodePart.into())
    }

    /// `false`: the part is not this process's.
    async fn renew_part(&self) -> Result<bool, StoreError> {
        let sql = self.with_now("UPDATE id_nodes SET expires_at = {now} + $3, last_id = $4 WHERE part = $1 AND holder = $2");
        let (part, last_id) = (self.ids.part(), self.ids.last_id_within(LOAN));
        let renewed = write_alone!(self, |db| {
            sqlx::query(sql)
                .bind(part)
                .bind(self.holder)
                .bind(millis(LOAN))
                .bind(last_id)
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(renewed == 1)
    }

    /// Takes a part that nobody has: one that nobody ever had, or the one that was free longest.
    /// With it comes the last id that was made with it. `None`: somebody else was faster.
    async fn take_part(&self) -> Result<Option<(i64, i64)>, StoreError> {
        let sql = self
            .with_now("SELECT part, expires_at <= {now} FROM id_nodes ORDER BY expires_at, part");
        let known: Vec<(i64, bool)> = read!(self, |db| sqlx::query_as(sql).fetch_all(db).await?);
        let used: HashSet<i64> = known.iter().map(|(part, _)| *part).collect();
        let new = (0..NODE_PARTS)
            .map(|step| (self.holder % NODE_PARTS + step) % NODE_PARTS)
            .find(|part| !used.contains(part));
        let free_longest = known.iter().find(|(_, free)| *free).map(|(part, _)| *part);
        let Some(part) = new.or(free_longest) else {
            return Err(NoNodePart.into());
        };
        // What it is given for now is short: `renew_part` says how long.
        let sql = self.with_now(
            "INSERT INTO id_nodes (part, holder, expires_at, last_id) VALUES ($1, $2, {now} + $3, 0) \
             ON CONFLICT (part) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at WHERE id_nodes.expires_at <= {now} \
             RETURNING part, last_id",
        );
        Ok(write_alone!(self, |db| {
            sqlx::query_as(sql)
                .bind(part)
                .bind(self.holder)
                .bind(millis(COOLING))
                .fetch_optional(db)
                .await?
        }))
    }

    /// Makes no ids any more, and gives the part back; somebody else may have it after a minute.
    pub(super) async fn give_ids_back(&self) -> Result<(), StoreError> {
        self.ids.lend(Instant::now(), Duration::ZERO);
        let sql = self.with_now("UPDATE id_nodes SET expires_at = {now} + $3, last_id = $4 WHERE part = $1 AND holder = $2");
        let (part, last_id) = (self.ids.part(), self.ids.last_id());
        write_alone!(self, |db| {
            sqlx::query(sql)
                .bind(part)
                .bind(self.holder)
                .bind(millis(COOLING))
                .bind(last_id)
                .execute(db)
                .await
                .map(drop)?;
        });
        Ok(())
    }

    /// `sql` with the database's own time, milliseconds since 1970, for `{now}`.
    fn with_now(&self, sql: &str) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(sql.replace("{now}", self.db.now_millis()))
    }
}
