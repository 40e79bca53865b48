//! What a batch of pairs reads and writes, each in one statement.

use std::collections::{HashMap, HashSet};

use sqlx_macros::FromRow;

use super::{
    NewMatch,
    draft::{Account, Keys, MatchDraft, State},
};
use crate::{
    db::Tx,
    notice::PushOrder,
    quota::Balances,
    store::{
        StoreError, accounts::keys::KEY_PACKAGE_PERIOD, matches::searches,
        notices::notifications::push_orders, to_json_list,
    },
};
use tebdil_protocol::{
    domain::{MatchRole, MatchStatus, Mode},
    id::{KeyPackageId, LedgerId, MatchId, SessionId, TicketId, UserId},
    time::Timestamp,
};

#[derive(FromRow)]
struct UserRow {
    id: UserId,
    alias: String,
    tag: String,
    is_banned: bool,
    is_premium: bool,
    daily_chat_balance: i64,
    daily_video_balance: i64,
    bonus_balance: i64,
    quota_day: String,
}

impl From<UserRow> for Account {
    fn from(row: UserRow) -> Self {
        Self {
            alias: row.alias,
            tag: row.tag,
            is_banned: row.is_banned,
            is_premium: row.is_premium,
            balances: Balances {
                text: row.daily_chat_balance,
                video: row.daily_video_balance,
                bonus: row.bonus_balance,
                day: row.quota_day,
            },
            active: HashMap::new(),
        }
    }
}

#[derive(FromRow)]
struct KeyRow {
    session_id: SessionId,
    last_resort: bool,
    first: KeyPackageId,
    count: i64,
}

impl State {
    /// Reads what concerns these pairs. Their users stay locked.
    pub(super) async fn read(
        tx: &mut Tx,
        pairs: &[NewMatch],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        const TICKETS: &str =
            "SELECT ticket_id, match_id FROM match_sides WHERE ticket_id IN ({list})";
        // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
        const BLOCKS: &str = "SELECT b.blocker_id, b.blocked_id FROM ({rows}) AS v \
             JOIN blocks b ON b.blocker_id = v.column1 AND b.blocked_id = v.column2";
        let sides = || pairs.iter().flat_map(NewMatch::sides);
        let accounts = accounts(tx, sides().map(|side| side.user_id), now).await?;
        let directions = pairs.iter().flat_map(|pair| {
            let (a, b) = (pair.offerer.user_id, pair.answerer.user_id);
            [(a, b), (b, a)]
        });
        let blocks = tx.query(BLOCKS).rows(directions, |row, (from, to)| {
            row.bind(*from).bind(*to);
        });
        let blocks: Vec<(UserId, UserId)> = blocks.all().await?;
        let tickets = tx.query(TICKETS).list(sides().map(|side| side.ticket_id));
        let used: Vec<(TicketId, MatchId)> = tickets.all().await?;
        let background = sides().filter(|side| side.background);
        let kept = searches::hold(tx, background.map(|side| side.ticket_id), now).await?;
        Ok(Self {
            accounts,
            keys: keys(tx, sides().map(|side| side.session_id), now).await?,
            blocks: blocks.into_iter().collect(),
            used: used.into_iter().collect(),
            kept: kept.into_iter().collect(),
            taken: HashSet::new(),
        })
    }
}

/// Locks these users, and says what they have and how many matches of theirs go on.
async fn accounts(
    tx: &mut Tx,
    users: impl Iterator<Item = UserId> + Clone,
    now: Timestamp,
) -> Result<HashMap<UserId, Account>, StoreError> {
    const USERS: &str = "SELECT id, alias, tag, is_banned, is_premium, daily_chat_balance, \
         daily_video_balance, bonus_balance, quota_day FROM users \
         WHERE erased_at IS NULL AND id IN ({list}) ORDER BY id FOR NO KEY UPDATE";
    const ACTIVE: &str = "SELECT s.user_id, m.type, CAST(COUNT(*) AS BIGINT) FROM match_sides s \
         JOIN matches m ON m.id = s.match_id \
         WHERE s.open AND m.expired_at > $1 AND s.user_id IN ({list}) GROUP BY s.user_id, m.type";
    let rows: Vec<UserRow> = tx.query(USERS).list(users.clone()).all().await?;
    let mut accounts: HashMap<UserId, Account> =
        rows.into_iter().map(|row| (row.id, row.into())).collect();
    let active: Vec<(UserId, Mode, i64)> = tx.query(ACTIVE).list(users).bind(now).all().await?;
    for (user, mode, count) in active {
        if let Some(account) = accounts.get_mut(&user) {
            account.active.insert(mode, count);
        }
    }
    Ok(accounts)
}

async fn keys(
    tx: &mut Tx,
    sessions: impl Iterator<Item = SessionId>,
    now: Timestamp,
) -> Result<HashMap<SessionId, Keys>, StoreError> {
    const SQL: &str = "SELECT k.session_id, k.last_resort, MIN(k.id) AS first, \
         CAST(COUNT(*) AS BIGINT) AS count FROM key_packages k \
         JOIN sessions s ON s.id = k.session_id \
         WHERE s.revoked_at IS NULL AND k.created_at > $1 AND k.session_id IN ({list}) \
         GROUP BY k.session_id, k.last_resort";
    let since = now - KEY_PACKAGE_PERIOD;
    let rows: Vec<KeyRow> = tx.query(SQL).list(sessions).bind(since).all().await?;
    let mut keys: HashMap<SessionId, Keys> = HashMap::new();
    for row in rows {
        let session = keys.entry(row.session_id).or_default();
        if row.last_resort {
            session.last_resort = Some(row.first);
        } else {
            session.one_time = Some(row.first);
            session.remaining = row.count;
        }
    }
    Ok(keys)
}

/// Takes the key packages of these matches out of the store, but for those of last resort.
pub(super) async fn take_packages(
    tx: &mut Tx,
    made: &[MatchDraft],
) -> Result<HashMap<KeyPackageId, Vec<u8>>, StoreError> {
    const PACKAGES: &str = "SELECT id, package FROM key_packages WHERE id IN ({list})";
    const TAKE: &str = "DELETE FROM key_packages WHERE NOT last_resort AND id IN ({list})";
    let ids = || made.iter().map(|draft| draft.key_id);
    let packages: Vec<(KeyPackageId, Vec<u8>)> = tx.query(PACKAGES).list(ids()).all().await?;
    tx.query(TAKE).list(ids()).execute().await?;
    Ok(packages.into_iter().collect())
}

/// The matches and their sides; the offerer's keeps the answerer's key package.
pub(super) async fn write_matches(
    tx: &mut Tx,
    made: &[MatchDraft],
    packages: &HashMap<KeyPackageId, Vec<u8>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const MATCHES: &str = "INSERT INTO matches \
         (id, user1_id, user2_id, type, status, created_at, expired_at, shared_interests) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    const SIDES: &str = "INSERT INTO match_sides (match_id, user_id, peer_id, ticket_id, role, \
         session_id, open, created_at, peer_key_package) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    let matches = tx.query(MATCHES).rows(made, |row, draft| {
        row.bind(draft.made.id)
            .bind(draft.made.offerer.user_id)
            .bind(draft.made.answerer.user_id)
            .bind(draft.made.mode)
            .bind(MatchStatus::Active)
            .bind(now)
            .bind(draft.made.expires_at)
            .bind(to_json_list(&draft.made.shared_interests));
    });
    matches.execute().await?;
    let sides = made.iter().flat_map(MatchDraft::sides);
    let sides = tx
        .query(SIDES)
        .rows(sides, |row, (draft, role, side, other)| {
            let package = packages.get(&draft.key_id);
            row.bind(draft.made.id)
                .bind(side.user_id)
                .bind(other.user_id)
                .bind(side.ticket_id)
                .bind(*role)
                .bind(side.session_id)
                .bind(true)
                .bind(now)
                .bind(package.filter(|_| *role == MatchRole::Offerer));
        });
    sides.execute().await?;
    Ok(())
}

/// The balances of all who paid, and the ledger that explains them.
pub(super) async fn write_payments(
    tx: &mut Tx,
    made: &[MatchDraft],
    state: &State,
    now: Timestamp,
) -> Result<(), StoreError> {
    const LEDGER: &str = "INSERT INTO quota_ledger \
         (id, user_id, bucket, delta, balance_after, reason, reference, created_at) \
         SELECT * FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    const BALANCES: &str = "UPDATE users SET daily_chat_balance = v.column2, \
         daily_video_balance = v.column3, bonus_balance = v.column4, quota_day = v.column5 \
         FROM ({rows}) AS v WHERE users.id = v.column1";
    let entries = made.iter().flat_map(|draft| &draft.ledger);
    let entries: Vec<_> = entries.map(|entry| (tx.id::<LedgerId>(), entry)).collect();
    let ledger = tx.query(LEDGER).rows(entries, |row, (id, (user, entry))| {
        row.bind(*id)
            .bind(*user)
            .bind(entry.bucket)
            .bind(entry.delta)
            .bind(entry.balance_after)
            .bind(entry.reason)
            .bind(entry.reference.as_str())
            .bind(now);
    });
    ledger.execute().await?;
    let paid = made
        .iter()
        .flat_map(|draft| [draft.made.offerer.user_id, draft.made.answerer.user_id])
        .filter_map(|user| Some((user, &state.accounts.get(&user)?.balances)));
    let balances = tx.query(BALANCES).rows(paid, |row, (user, balances)| {
        row.bind(*user)
            .bind(balances.text)
            .bind(balances.video)
            .bind(balances.bonus)
            .bind(balances.day.as_str());
    });
    balances.execute().await?;
    Ok(())
}

/// Wakes the devices whose searches went on without a connection. Who is back by then is left
/// alone by the job.
pub(super) async fn order_pushes(
    tx: &mut Tx,
    made: &[MatchDraft],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sides = made
        .iter()
        .flat_map(|draft| draft.made.sides().map(|side| (draft.made.id, side)));
    let orders: Vec<PushOrder> = sides
        .filter(|(_, side)| side.background)
        .map(|(match_id, side)| PushOrder::Match {
            user_id: side.user_id,
            match_id,
            session_id: side.session_id,
        })
        .collect();
    push_orders(tx, &orders, now).await
}
