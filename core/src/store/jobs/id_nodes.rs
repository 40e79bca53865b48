//! Which process makes ids with which node part: lent by the database for a time, by the database's
//! own clock.
//!
//! The holder renews the loan, and stops writing a while before it ends
//! ([`IdGenerator::check`](crate::ids::IdGenerator)): a process that was suspended or cut off, and
//! whose part somebody else has by now, makes no id with it. Rows stay: who takes a part goes on
//! after the last id of its former holder, whatever clock that one had.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::Jobs;
use crate::{
    ids::{NODE_PARTS, NoNodePart},
    store::StoreError,
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

impl Jobs<'_> {
    /// Has the node part of the ids lent for another ten minutes, or another part where it was
    /// lost. Call it every [`RENEW_IDS`].
    ///
    /// # Errors
    /// [`StoreError`]; the loan goes on as it was, and when it has run out every write fails for
    /// the time being.
    pub async fn renew_ids(self) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let since = Instant::now();
            let last_id = self.ids.last_id_within(LOAN);
            if self.keep_part(last_id, LOAN).await? {
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

    /// Has the part be this process's for so long from now. `false`: it is somebody else's.
    async fn keep_part(self, last_id: i64, time: Duration) -> Result<bool, StoreError> {
        const KEEP: &str =
            "UPDATE id_nodes SET expires_at = $3, last_id = $4 WHERE part = $1 AND holder = $2";
        let part = self.ids.part();
        let until = self.db.now_millis().await? + millis(time);
        let query = self.write(KEEP).bind(part).bind(self.holder);
        Ok(query.bind(until).bind(last_id).execute().await? == 1)
    }

    /// Takes a part that nobody has: one that nobody ever had, or the one that was free longest.
    /// With it comes the last id that was made with it. `None`: somebody else was faster.
    async fn take_part(self) -> Result<Option<(i64, i64)>, StoreError> {
        const KNOWN: &str = "SELECT part, expires_at <= $1 FROM id_nodes ORDER BY expires_at, part";
        // What it is given for now is short: `keep_part` says how long.
        const TAKE: &str = "INSERT INTO id_nodes (part, holder, expires_at, last_id) \
             VALUES ($1, $2, $3, 0) \
             ON CONFLICT (part) DO UPDATE SET holder = excluded.holder, \
             expires_at = excluded.expires_at WHERE id_nodes.expires_at <= $4 \
             RETURNING part, last_id";
        let now = self.db.now_millis().await?;
        let known: Vec<(i64, bool)> = self.db.all(KNOWN, (now,)).await?;
        let used: HashSet<i64> = known.iter().map(|(part, _)| *part).collect();
        let new = (0..NODE_PARTS)
            .map(|step| (self.holder % NODE_PARTS + step) % NODE_PARTS)
            .find(|part| !used.contains(part));
        let free_longest = known.iter().find(|(_, free)| *free).map(|(part, _)| *part);
        let Some(part) = new.or(free_longest) else {
            return Err(NoNodePart.into());
        };
        let query = self.write(TAKE).bind(part).bind(self.holder);
        let query = query.bind(now + millis(COOLING)).bind(now);
        Ok(query.optional().await?)
    }

    /// Makes no ids any more, and gives the part back; somebody else may have it after a minute.
    pub(crate) async fn give_ids_back(self) -> Result<(), StoreError> {
        self.ids.lend(Instant::now(), Duration::ZERO);
        self.keep_part(self.ids.last_id(), COOLING).await?;
        Ok(())
    }
}
