//! Appeals against bans: one for each, decided by somebody who did not ban.

use sqlx_macros::FromRow;

use super::{
    Confirmation, Judged, Safety, StaffMember,
    ban_admin::{CONCERNED, HAS_REPORTED, is_allowed},
    bans::{confirm, lift, lock_phone, lock_phone_of, notify_holder},
};
use crate::{
    crypto::Sealed,
    db::Tx,
    store::{Notified, StoreError, SystemLog, jobs::system_logs::log},
};
use tebdil_protocol::{
    Appeal,
    domain::{AppealDecision, AppealStatus, UserRole},
    id::{AppealId, BanId, ReportId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// Binds an appeal's text to its column; the identity is the id of the appeal, 8 bytes, big-endian.
pub const APPEAL_CONTEXT: &str = "appeals.text";

/// An appeal to make.
#[derive(Debug, Clone)]
pub struct NewAppeal {
    pub id: AppealId,
    pub ban: BanId,
    pub user: UserId,
    /// The text, encrypted for `id` with [`APPEAL_CONTEXT`].
    pub text: Sealed,
}

/// What became of a wish to appeal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appealing {
    Made(Appeal),
    /// There was one before; nothing changed.
    Already,
    /// The ban is over, or not one of this user's phone.
    NotBanned,
}

/// An appeal with its ban, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AppealRow {
    pub id: AppealId,
    pub user_id: UserId,
    pub handle: Option<String>,
    pub text_ciphertext: Vec<u8>,
    pub text_key_id: String,
    pub status: AppealStatus,
    pub created_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<UserId>,
    pub decision_note: Option<String>,
    pub ban_id: BanId,
    pub reason: String,
    pub automatic: bool,
    pub provisional: bool,
    pub ban_created_at: Timestamp,
    pub until: Option<Timestamp>,
    pub created_by: Option<UserId>,
    pub confirmed_by: Option<UserId>,
}

/// An appeal that this call decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedAppeal {
    pub status: AppealStatus,
    /// `None` where nobody has the phone any more.
    pub notified: Option<Notified>,
}

#[derive(FromRow)]
struct WaitingAppeal {
    ban_id: BanId,
    user_id: UserId,
    phone_index: Vec<u8>,
    banned_user: Option<UserId>,
}

#[derive(FromRow)]
struct Judges {
    status: AppealStatus,
    created_by: Option<UserId>,
    confirmed_by: Option<UserId>,
}

const SELECT: &str = "SELECT a.id, a.user_id, u.alias || '#' || u.tag AS handle, \
     a.text_ciphertext, a.text_key_id, a.status, a.created_at, a.decided_at, a.decided_by, \
     a.decision_note, b.id AS ban_id, b.reason, b.automatic, b.provisional, \
     b.created_at AS ban_created_at, b.until, b.created_by, b.confirmed_by \
     FROM appeals a JOIN bans b ON b.id = a.ban_id LEFT JOIN users u ON u.id = a.user_id \
     WHERE a.id < $1";
const WAITING: &str = "SELECT a.ban_id, a.user_id, b.phone_index, b.user_id AS banned_user \
     FROM appeals a JOIN bans b ON b.id = a.ban_id WHERE a.id = $1";
const JUDGES: &str = "SELECT a.status, b.created_by, b.confirmed_by \
     FROM appeals a JOIN bans b ON b.id = a.ban_id WHERE a.id = $1";

impl Safety<'_> {
    /// Stores an appeal; of several at once against one ban, one.
    pub async fn appeal(self, new: &NewAppeal, now: Timestamp) -> Result<Appealing, StoreError> {
        const BAN: &str = "SELECT id FROM bans WHERE id = $1 AND phone_index = $2 \
             AND lifted_at IS NULL AND (until IS NULL OR until > $3)";
        const INSERT: &str = "INSERT INTO appeals \
             (id, ban_id, user_id, text_ciphertext, text_key_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING \
             RETURNING id, status, created_at, decided_at";
        let mut tx = self.begin().await?;
        let Some(phone) = lock_phone_of(&mut tx, new.user).await? else {
            return Ok(Appealing::NotBanned);
        };
        let ban: Option<BanId> = tx.optional_value(BAN, (new.ban, &phone, now)).await?;
        if ban.is_none() {
            return Ok(Appealing::NotBanned);
        }
        let Sealed { ciphertext, key_id } = &new.text;
        let row = (new.id, new.ban, new.user, ciphertext, key_id, now);
        let Some(appeal): Option<Appeal> = tx.optional(INSERT, row).await? else {
            return Ok(Appealing::Already);
        };
        let act = SystemLog {
            action: "appealed",
            user: Some(new.user),
            actor: Some(new.user),
            details: serde_json::json!({
                "appeal_id": appeal.id,
                "ban_id": new.ban,
                "before": { "status": null },
                "after": { "status": appeal.status },
            }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(Appealing::Made(appeal))
    }

    /// The appeal against a ban, as its user sees it.
    pub async fn appeal_of(self, ban: BanId) -> Result<Option<Appeal>, StoreError> {
        const SQL: &str =
            "SELECT id, status, created_at, decided_at FROM appeals WHERE ban_id = $1";
        self.db.optional(SQL, (ban,)).await
    }

    /// Appeals with ids below `before`, newest first.
    pub async fn appeals(
        self,
        status: Option<AppealStatus>,
        before: Option<AppealId>,
        limit: i64,
    ) -> Result<Vec<AppealRow>, StoreError> {
        let before = before.unwrap_or(AppealId(i64::MAX));
        let mut query = self.read(SELECT).bind(before);
        if let Some(status) = status {
            query = query.push(" AND a.status = ").push_bind(status);
        }
        query = query.push(" ORDER BY a.id DESC LIMIT ").push_bind(limit);
        Ok(query.all().await?)
    }

    /// Decides an appeal, once whoever else decides it at the same time. [`AppealDecision::Lift`]
    /// lifts the ban, [`AppealDecision::Uphold`] makes a provisional one decided. Whoever made or
    /// confirmed the ban may not, nor who reported its user, nor whom it concerns.
    pub async fn decide_appeal(
        self,
        appeal: AppealId,
        decision: AppealDecision,
        actor: StaffMember,
        note: &str,
        now: Timestamp,
    ) -> Result<Judged<DecidedAppeal>, StoreError> {
        const DECIDE: &str = "UPDATE appeals SET status = $1, decided_at = $2, decided_by = $3, \
             decision_note = $4 WHERE id = $5";
        let status = match decision {
            AppealDecision::Uphold => AppealStatus::Upheld,
            AppealDecision::Lift => AppealStatus::Lifted,
        };
        let mut tx = self.begin().await?;
        let Some(waiting): Option<WaitingAppeal> = tx.optional(WAITING, (appeal,)).await? else {
            return Ok(Judged::NotFound);
        };
        let (phone, user) = (&waiting.phone_index, waiting.user_id);
        lock_phone(&mut tx, phone).await?;
        let concerned: Vec<(UserId, UserRole)> =
            tx.all(CONCERNED, (waiting.banned_user, phone)).await?;
        let Some(judges): Option<Judges> = tx.optional(JUDGES, (appeal,)).await? else {
            // Its ban was deleted while this waited.
            return Ok(Judged::NotFound);
        };
        let party = [judges.created_by, judges.confirmed_by, Some(user)].contains(&Some(actor.id));
        let accuser: Option<ReportId> = tx.optional_value(HAS_REPORTED, (actor.id, phone)).await?;
        if party || accuser.is_some() || !is_allowed(actor, &concerned, UserRole::may_judge) {
            return Ok(Judged::Forbidden);
        }
        if judges.status != AppealStatus::Open {
            return Ok(Judged::Already);
        }
        tx.execute(DECIDE, (status, now, actor.id, note, appeal))
            .await?;
        let act = SystemLog {
            action: "appeal_decided",
            user: Some(user),
            actor: Some(actor.id),
            details: serde_json::json!({
                "appeal_id": appeal,
                "ban_id": waiting.ban_id,
                "before": { "status": judges.status },
                "after": { "status": status },
            }),
        };
        log(&mut tx, &act, now).await?;
        let notified = match decision {
            AppealDecision::Lift => {
                let ban = Some(waiting.ban_id);
                lift(&mut tx, phone, ban, actor.id, note, now).await?.1
            }
            AppealDecision::Uphold => {
                uphold(&mut tx, appeal, &waiting, actor.id, note, now).await?
            }
        };
        tx.commit().await?;
        Ok(Judged::Done(DecidedAppeal { status, notified }))
    }
}

/// Makes the ban of an appeal a decided one, and tells whoever has the phone now.
async fn uphold(
    tx: &mut Tx,
    appeal: AppealId,
    waiting: &WaitingAppeal,
    by: UserId,
    note: &str,
    now: Timestamp,
) -> Result<Option<Notified>, StoreError> {
    let how = Confirmation {
        reason: None,
        until: None,
        by,
        note: Some(note.to_owned()),
    };
    // One that is decided stays as it is.
    let _ = confirm(tx, waiting.ban_id, &how, now).await?;
    let (notice, reference) = (Notice::AppealUpheld {}, appeal.to_string());
    notify_holder(tx, &waiting.phone_index, &notice, reference, now).await
}
