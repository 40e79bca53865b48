//! Bans as moderators make, settle and see them. Whom they may touch is asked where the bans are
//! held.

use super::{
    BanRow, Banning, Confirmation, NewBan, Safety,
    bans::{ACTIVE_BAN, ban, confirm, lift, lock_phone, lock_phone_of},
};
use crate::store::{Notified, StoreError};
use tebdil_protocol::{
    AdminBan,
    domain::UserRole,
    id::{BanId, ReportId, UserId},
    time::Timestamp,
};

/// Whoever of the staff acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaffMember {
    pub id: UserId,
    pub role: UserRole,
}

/// What became of a moderator's wish to ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaffBan {
    /// As [`Banning::Banned`].
    Banned {
        ban: BanRow,
        notified: Option<Notified>,
    },
    /// A provisional ban was in force: it stays, as the moderator says.
    Confirmed(BanRow),
    /// A decided ban is in force; nothing changed.
    Already,
    /// The actor may not ban this user, or has reported it.
    Forbidden,
    /// No such user.
    NotFound,
}

/// What became of a moderator's wish to confirm or lift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged<T> {
    Done(T),
    /// The ban is not in force.
    NotBanned,
    /// It was decided before.
    Already,
    /// Not for this actor to say.
    Forbidden,
    NotFound,
}

/// Which bans a list holds; `None` of either kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct BanFilter {
    /// In force, or over.
    pub active: Option<bool>,
    /// Waits for a moderator.
    pub provisional: Option<bool>,
    /// Made by the job that counts reports.
    pub automatic: Option<bool>,
    /// Of this user's phone, now or once.
    pub user: Option<UserId>,
    /// Only bans with smaller ids.
    pub before: Option<BanId>,
}

/// Roles of the user `$1` and of whoever has the phone `$2` now.
pub(super) const CONCERNED: &str = "SELECT id, role FROM users WHERE id = $1 OR phone_index = $2";

/// Whether `$1` has reported an account of the phone `$2`: whoever accuses does not judge.
pub(super) const HAS_REPORTED: &str = "SELECT r.id FROM reports r WHERE r.reporter_id = $1 \
     AND r.reported_id IN (SELECT id FROM users WHERE phone_index = $2 \
     UNION SELECT user_id FROM tombstones WHERE phone_index = $2) LIMIT 1";

/// Whether the actor is none of those concerned, and has the rank for all of them.
pub(super) fn is_allowed(
    actor: StaffMember,
    concerned: &[(UserId, UserRole)],
    rank: impl Fn(UserRole, UserRole) -> bool,
) -> bool {
    concerned
        .iter()
        .all(|(id, role)| *id != actor.id && rank(actor.role, *role))
}

/// Which bans `b` are those of the user `$1`: those of its phone, but for those of somebody else who
/// has the phone now.
pub(crate) const OF_USER: &str = "b.phone_index = (SELECT COALESCE((SELECT t.phone_index \
     FROM tombstones t WHERE t.user_id = o.id), o.phone_index) FROM users o WHERE o.id = $1) \
     AND (b.user_id = $1 OR NOT EXISTS \
     (SELECT 1 FROM users n WHERE n.id = b.user_id AND n.erased_at IS NULL))";

/// `$2` is now; those with ids below `$3`.
const SELECT: &str = "SELECT b.id, b.user_id, u.alias || '#' || u.tag AS handle, b.reason, \
     b.automatic, b.provisional, b.created_at, b.until, b.created_by, b.confirmed_at, \
     b.confirmed_by, b.confirm_note, b.lifted_at, b.lifted_by, b.lift_note, \
     (SELECT a.status FROM appeals a WHERE a.ban_id = b.id) AS appeal, \
     (b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $2)) AS active \
     FROM bans b LEFT JOIN users u ON u.id = b.user_id AND u.erased_at IS NULL WHERE b.id < $3";

impl Safety<'_> {
    /// Bans a user as a moderator wishes; a provisional ban in force is confirmed with the new
    /// reason and end instead.
    pub async fn ban_by_staff(
        self,
        user: UserId,
        actor: StaffMember,
        reason: &str,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<StaffBan, StoreError> {
        let new = NewBan {
            reason: reason.to_owned(),
            automatic: false,
            provisional: false,
            until,
            created_by: Some(actor.id),
        };
        let how = Confirmation {
            reason: Some(reason.to_owned()),
            until: Some(until),
            by: actor.id,
            note: None,
        };
        let mut tx = self.begin().await?;
        let Some(phone) = lock_phone_of(&mut tx, user).await? else {
            return Ok(StaffBan::NotFound);
        };
        let concerned: Vec<(UserId, UserRole)> = tx.all(CONCERNED, (user, &phone)).await?;
        let accuser: Option<ReportId> = tx.optional_value(HAS_REPORTED, (actor.id, &phone)).await?;
        if accuser.is_some() || !is_allowed(actor, &concerned, UserRole::may_ban) {
            return Ok(StaffBan::Forbidden);
        }
        let active: Option<BanRow> = tx.optional(ACTIVE_BAN, (&phone, now)).await?;
        let outcome = match active {
            Some(active) => confirm(&mut tx, active.id, &how, now)
                .await?
                .map_or(StaffBan::Already, StaffBan::Confirmed),
            None => match ban(&mut tx, user, &new, now).await? {
                Banning::Banned { ban, notified } => StaffBan::Banned { ban, notified },
                Banning::Already(_) => StaffBan::Already,
                Banning::NotFound => StaffBan::NotFound,
            },
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Lifts every ban of a user's phone that is in force. The notice is `None` where nobody has
    /// the phone any more.
    pub async fn unban(
        self,
        user: UserId,
        actor: StaffMember,
        note: &str,
        now: Timestamp,
    ) -> Result<Judged<Option<Notified>>, StoreError> {
        let mut tx = self.begin().await?;
        let Some(phone) = lock_phone_of(&mut tx, user).await? else {
            return Ok(Judged::NotFound);
        };
        let concerned: Vec<(UserId, UserRole)> = tx.all(CONCERNED, (user, &phone)).await?;
        if !is_allowed(actor, &concerned, UserRole::may_judge) {
            return Ok(Judged::Forbidden);
        }
        let (lifted, notified) = lift(&mut tx, &phone, None, actor.id, note, now).await?;
        tx.commit().await?;
        Ok(if lifted == 0 {
            Judged::NotBanned
        } else {
            Judged::Done(notified)
        })
    }

    /// Makes a provisional ban a decided one.
    pub async fn confirm_ban(
        self,
        ban: BanId,
        actor: StaffMember,
        until: Option<Timestamp>,
        note: &str,
        now: Timestamp,
    ) -> Result<Judged<BanRow>, StoreError> {
        /// The ban's phone, and the user it names.
        const HELD: &str = "SELECT phone_index, user_id FROM bans WHERE id = $1";
        const STATE: &str = "SELECT provisional FROM bans WHERE id = $1 \
             AND lifted_at IS NULL AND (until IS NULL OR until > $2)";
        let how = Confirmation {
            reason: None,
            until: until.map(Some),
            by: actor.id,
            note: Some(note.to_owned()),
        };
        let mut tx = self.begin().await?;
        let held: Option<(Vec<u8>, Option<UserId>)> = tx.optional(HELD, (ban,)).await?;
        let Some((phone, user)) = held else {
            return Ok(Judged::NotFound);
        };
        lock_phone(&mut tx, &phone).await?;
        let concerned: Vec<(UserId, UserRole)> = tx.all(CONCERNED, (user, &phone)).await?;
        let accuser: Option<ReportId> = tx.optional_value(HAS_REPORTED, (actor.id, &phone)).await?;
        if accuser.is_some() || !is_allowed(actor, &concerned, UserRole::may_judge) {
            return Ok(Judged::Forbidden);
        }
        let in_force: Option<bool> = tx.optional_value(STATE, (ban, now)).await?;
        let outcome = match in_force {
            None => Judged::NotBanned,
            Some(false) => Judged::Already,
            Some(true) => confirm(&mut tx, ban, &how, now)
                .await?
                .map_or(Judged::Already, Judged::Done),
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Bans as moderators see them, newest first.
    pub async fn bans(
        self,
        filter: BanFilter,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<AdminBan>, StoreError> {
        let before = filter.before.unwrap_or(BanId(i64::MAX));
        let query = self.read(SELECT).bind(filter.user);
        let mut query = query.bind(now).bind(before);
        if filter.user.is_some() {
            query = query.push(" AND ").push(OF_USER);
        }
        query = query.push(match filter.active {
            Some(true) => " AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $2)",
            Some(false) => " AND (b.lifted_at IS NOT NULL OR b.until <= $2)",
            None => "",
        });
        query = query.push(match filter.provisional {
            Some(true) => " AND b.provisional",
            Some(false) => " AND NOT b.provisional",
            None => "",
        });
        query = query.push(match filter.automatic {
            Some(true) => " AND b.automatic",
            Some(false) => " AND NOT b.automatic",
            None => "",
        });
        query = query.push(" ORDER BY b.id DESC LIMIT ").push_bind(limit);
        Ok(query.all().await?)
    }

    /// One ban as moderators see it.
    pub async fn ban_record(
        self,
        ban: BanId,
        now: Timestamp,
    ) -> Result<Option<AdminBan>, StoreError> {
        let filter = BanFilter {
            before: Some(BanId(ban.0.saturating_add(1))),
            ..BanFilter::default()
        };
        let rows = self.bans(filter, now, 1).await?;
        Ok(rows.into_iter().find(|row| row.id == ban))
    }
}
