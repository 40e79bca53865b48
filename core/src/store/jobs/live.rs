//! What the nodes see now: for the overview of moderators.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::Jobs;
use crate::store::StoreError;
use tebdil_protocol::time::Timestamp;

/// A node whose counts are so old is gone, and so is one whose clock was so far ahead.
const SILENT: Duration = Duration::from_secs(30);

/// Who waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueCounts {
    pub searching: i64,
    /// How long the one who came first has waited.
    pub oldest: Option<Duration>,
}

/// What a node counts, and all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveCounts {
    /// People with a connection.
    pub online: i64,
    pub text: QueueCounts,
    pub video: QueueCounts,
}

#[derive(FromRow)]
struct LiveRow {
    counted_at: Timestamp,
    online: i64,
    leads: bool,
    text_searching: i64,
    text_oldest_ms: Option<i64>,
    video_searching: i64,
    video_oldest_ms: Option<i64>,
}

fn duration(ms: Option<i64>) -> Option<Duration> {
    ms.and_then(|ms| u64::try_from(ms).ok())
        .map(Duration::from_millis)
}

fn millis(time: Option<Duration>) -> Option<i64> {
    time.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl Jobs<'_> {
    /// Keeps what this process counts, in place of what it counted before; `leads` if it is the one
    /// that matches.
    pub async fn keep_live(
        self,
        counts: &LiveCounts,
        leads: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO live_counts (part, counted_at, online, leads, \
             text_searching, text_oldest_ms, video_searching, video_oldest_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (part) DO UPDATE SET \
             counted_at = excluded.counted_at, online = excluded.online, leads = excluded.leads, \
             text_searching = excluded.text_searching, text_oldest_ms = excluded.text_oldest_ms, \
             video_searching = excluded.video_searching, \
             video_oldest_ms = excluded.video_oldest_ms";
        let LiveCounts {
            online,
            text,
            video,
        } = counts;
        let (text_oldest, video_oldest) = (millis(text.oldest), millis(video.oldest));
        let query = self.write(SQL).bind(self.ids.part()).bind(now);
        let query = query.bind(*online).bind(leads);
        let query = query.bind(text.searching).bind(text_oldest);
        let query = query.bind(video.searching).bind(video_oldest);
        query.execute().await?;
        Ok(())
    }

    /// This process ends, and sees nobody any more. With its counts go those of processes that have
    /// been silent.
    pub async fn forget_live(self, now: Timestamp) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM live_counts \
             WHERE part = $1 OR counted_at < $2 OR counted_at > $3";
        let query = self.write(SQL).bind(self.ids.part());
        query
            .bind(now - SILENT)
            .bind(now + SILENT)
            .execute()
            .await?;
        Ok(())
    }

    /// What all nodes together counted last, and when the last of them did; `None` before the first
    /// has. A node that has been silent for 30 seconds counts no more, and of two that say they lead
    /// the one that said it last does.
    pub async fn live(self, now: Timestamp) -> Result<Option<(LiveCounts, Timestamp)>, StoreError> {
        const SQL: &str = "SELECT counted_at, online, leads, text_searching, text_oldest_ms, \
             video_searching, video_oldest_ms FROM live_counts WHERE counted_at <= $1 \
             ORDER BY counted_at DESC";
        let rows: Vec<LiveRow> = self.db.all(SQL, (now + SILENT,)).await?;
        let Some(newest) = rows.first().map(|row| row.counted_at) else {
            return Ok(None);
        };
        let there = |row: &&LiveRow| now.since(row.counted_at) < SILENT;
        let mut counts = LiveCounts {
            online: rows.iter().filter(there).map(|row| row.online).sum(),
            ..LiveCounts::default()
        };
        if let Some(leader) = rows.iter().filter(there).find(|row| row.leads) {
            counts.text = QueueCounts {
                searching: leader.text_searching,
                oldest: duration(leader.text_oldest_ms),
            };
            counts.video = QueueCounts {
                searching: leader.video_searching,
                oldest: duration(leader.video_oldest_ms),
            };
        }
        Ok(Some((counts, newest)))
    }
}
