//! What moderators make of reports, and how long reports are kept after that.

use rand::rngs::StdRng;
use sqlx_macros::FromRow;

use super::{
    Banning, Confirmation, Judged, NewBan, Safety, StaffMember,
    auto_ban::CURRENT_ACCOUNT,
    ban_admin::{HAS_REPORTED, is_allowed},
    bans::{PHONE_OF, ban, confirm, lock_phone_of},
    queue::by_another,
};
use crate::{
    crypto::Sealed,
    db::Tx,
    store::{
        Alias, Notified, StoreError, SystemLog,
        accounts::{
            sessions::LOCK_USER,
            users::{Renaming, rename},
        },
        jobs::system_logs::log,
        notices::notifications::notify,
    },
};
use tebdil_protocol::{
    domain::{ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{ReportId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// A moderator's word on a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResolution {
    pub decision: ReportDecision,
    /// Sealed for the id of the report.
    pub note: Sealed,
    /// Of a ban; `None` for good.
    pub until: Option<Timestamp>,
    /// The new one, with [`ReportDecision::Rename`].
    pub alias: Option<Alias>,
    pub actor: UserId,
    pub actor_role: UserRole,
}

/// What became of a moderator's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolving {
    Done {
        /// What users are to be told, but for the ban.
        notified: Vec<Notified>,
        /// Who is banned since, and what it is to be told. `None` where it was banned before.
        banned: Option<(UserId, Option<Notified>)>,
    },
    /// Somebody was faster; nothing changed.
    Decided,
    /// Another moderator works on it.
    Taken,
    /// The new alias has no free tag, or somebody took it meanwhile: another one may do.
    AliasFull,
    /// The moderator made the report or is reported, or may not ban that user, or has reported it
    /// too.
    Forbidden,
    /// No such report.
    NotFound,
}

#[derive(FromRow)]
struct Undecided {
    reporter_id: UserId,
    reported_id: UserId,
    reason: ReportReason,
    status: ReportStatus,
    taken_by: Option<UserId>,
    taken_until: Option<Timestamp>,
}

impl Safety<'_> {
    /// Decides an open report, once, with all that follows from it: warning or ban, the word to the
    /// reporter, the record.
    ///
    /// A ban that waits for a moderator is confirmed, with the end that is given here; one that was
    /// decided before gets the later end of the two. Other reports of the same user stay open.
    pub async fn resolve_report(
        self,
        report: ReportId,
        new: &NewResolution,
        now: Timestamp,
    ) -> Result<Resolving, StoreError> {
        match self.try_resolve_report(report, new, now).await {
            // Somebody took the tag between our look and our write.
            Err(StoreError::Database(sqlx::Error::Database(refused)))
                if new.alias.is_some() && refused.is_unique_violation() =>
            {
                Ok(Resolving::AliasFull)
            }
            done => done,
        }
    }

    async fn try_resolve_report(
        self,
        report: ReportId,
        new: &NewResolution,
        now: Timestamp,
    ) -> Result<Resolving, StoreError> {
        const FIND: &str = "SELECT reporter_id, reported_id, reason, status, taken_by, taken_until \
             FROM reports WHERE id = $1";
        let mut tx = self.begin().await?;
        let Some(found): Option<Undecided> = tx.optional(FIND, (report,)).await? else {
            return Ok(Resolving::NotFound);
        };
        if new.decision == ReportDecision::Ban {
            lock_phone_of(&mut tx, found.reported_id).await?;
        }
        // Users before reports. Who it is about does not change, its status may.
        tx.execute(LOCK_USER, (found.reported_id,)).await?;
        let query = tx.query(FIND).push(" FOR NO KEY UPDATE").bind(report);
        let Some(found): Option<Undecided> = query.optional().await? else {
            return Ok(Resolving::NotFound);
        };
        if [found.reporter_id, found.reported_id].contains(&new.actor) {
            return Ok(Resolving::Forbidden);
        }
        if found.status != ReportStatus::Open {
            return Ok(Resolving::Decided);
        }
        if by_another((found.taken_by, found.taken_until), new.actor, now) {
            return Ok(Resolving::Taken);
        }
        let (status, acted) = match new.decision {
            ReportDecision::Dismiss => (ReportStatus::Dismissed, false),
            ReportDecision::Warn => (ReportStatus::Warned, true),
            ReportDecision::Ban => (ReportStatus::Banned, true),
            ReportDecision::Rename => (ReportStatus::Renamed, true),
        };
        let reference = report.to_string();
        let (mut notified, mut banned) = (Vec::new(), None);
        if new.decision == ReportDecision::Warn {
            let reason = found.reason;
            let (user, notice) = (found.reported_id, Notice::Warned { reason });
            notified.extend(notify(&mut tx, user, &notice, reference.clone(), now).await?);
        }
        if new.decision == ReportDecision::Ban {
            let target: UserId = tx.value(CURRENT_ACCOUNT, (found.reported_id,)).await?;
            if !may_ban(&mut tx, new, target).await? {
                return Ok(Resolving::Forbidden);
            }
            banned = ban_or_extend(&mut tx, target, report, found.reason, new, now).await?;
        }
        if let Some(alias) = &new.alias {
            let target: UserId = tx.value(CURRENT_ACCOUNT, (found.reported_id,)).await?;
            match force_alias(&mut tx, target, alias, new.actor_role).await? {
                Ok(()) => {
                    let notice = Notice::Renamed {};
                    let reference = reference.clone();
                    notified.extend(notify(&mut tx, target, &notice, reference, now).await?);
                }
                Err(refused) => return Ok(refused),
            }
        }
        settle(&mut tx, report, status, new, now).await?;
        let (user, notice) = (found.reporter_id, Notice::ReportResolved { acted });
        notified.extend(notify(&mut tx, user, &notice, reference, now).await?);
        let act = SystemLog {
            action: "report_resolved",
            user: Some(found.reported_id),
            actor: Some(new.actor),
            details: serde_json::json!({
                "report_id": report,
                "decision": new.decision,
                "until": new.until,
                "before": { "status": found.status },
                "after": { "status": status },
            }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(Resolving::Done { notified, banned })
    }

    /// Says whether the reports of a user shall count for no automatic ban; what was said before.
    /// Not of oneself, nor a moderator of one of the staff.
    pub async fn set_unreliable(
        self,
        user: UserId,
        unreliable: bool,
        actor: StaffMember,
        now: Timestamp,
    ) -> Result<Judged<bool>, StoreError> {
        const SELECT: &str = "SELECT unreliable, role FROM users WHERE id = $1 FOR NO KEY UPDATE";
        const UPDATE: &str = "UPDATE users SET unreliable = $1 WHERE id = $2";
        let mut tx = self.begin().await?;
        let found: Option<(bool, UserRole)> = tx.optional(SELECT, (user,)).await?;
        let Some((before, role)) = found else {
            return Ok(Judged::NotFound);
        };
        if !is_allowed(actor, &[(user, role)], UserRole::may_judge) {
            return Ok(Judged::Forbidden);
        }
        if before != unreliable {
            tx.execute(UPDATE, (unreliable, user)).await?;
            let act = SystemLog {
                action: "reliability_changed",
                user: Some(user),
                actor: Some(actor.id),
                details: serde_json::json!({
                    "before": { "unreliable": before }, "after": { "unreliable": unreliable },
                }),
            };
            log(&mut tx, &act, now).await?;
        }
        tx.commit().await?;
        Ok(Judged::Done(before))
    }
}

/// Whether the moderator may ban that user for a report.
async fn may_ban(tx: &mut Tx, new: &NewResolution, target: UserId) -> Result<bool, StoreError> {
    let role = role_of(tx, target).await?;
    let phone: Option<Vec<u8>> = tx.optional_value(PHONE_OF, (target,)).await?;
    let accuser: Option<ReportId> = tx.optional_value(HAS_REPORTED, (new.actor, phone)).await?;
    Ok(target != new.actor && accuser.is_none() && new.actor_role.may_ban(role))
}

/// Takes the alias away from a user and gives it another one; why not.
async fn force_alias(
    tx: &mut Tx,
    target: UserId,
    alias: &Alias,
    actor_role: UserRole,
) -> Result<Result<(), Resolving>, StoreError> {
    // A later account of the same phone has a larger id, so users are still locked by id.
    tx.execute(LOCK_USER, (target,)).await?;
    if !actor_role.may_judge(role_of(tx, target).await?) {
        return Ok(Err(Resolving::Forbidden));
    }
    Ok(
        match rename(tx, target, alias, &mut rand::make_rng::<StdRng>()).await? {
            Renaming::Done => Ok(()),
            Renaming::Full => Err(Resolving::AliasFull),
            Renaming::Gone => Err(Resolving::NotFound),
        },
    )
}

async fn role_of(tx: &mut Tx, user: UserId) -> Result<UserRole, StoreError> {
    tx.value("SELECT role FROM users WHERE id = $1", (user,))
        .await
}

/// Bans a user for a report; a ban in force is confirmed, or gets the later end. As
/// [`Resolving::Done`] says it. The phone is held.
async fn ban_or_extend(
    tx: &mut Tx,
    target: UserId,
    report: ReportId,
    reason: ReportReason,
    new: &NewResolution,
    now: Timestamp,
) -> Result<Option<(UserId, Option<Notified>)>, StoreError> {
    // Both have banned then: neither decides an appeal.
    const EXTEND: &str = "UPDATE bans SET until = $1, \
         created_by = COALESCE(created_by, confirmed_by), confirmed_at = $2, confirmed_by = $3 \
         WHERE id = $4";
    let wanted = NewBan {
        reason: reason.to_string(),
        automatic: false,
        provisional: false,
        until: new.until,
        created_by: Some(new.actor),
    };
    match ban(tx, target, &wanted, now).await? {
        Banning::Banned { notified, .. } => return Ok(Some((target, notified))),
        Banning::Already(before) if before.provisional => {
            let how = Confirmation {
                reason: None,
                until: Some(new.until),
                by: new.actor,
                note: None,
            };
            // The phone is held: it is provisional still.
            let _ = confirm(tx, before.id, &how, now).await?;
        }
        Banning::Already(before) => {
            let until = later(before.until, new.until);
            if until != before.until {
                let params = (until, now, new.actor, before.id);
                tx.execute(EXTEND, params).await?;
                let act = SystemLog {
                    action: "ban_extended",
                    user: Some(target),
                    actor: Some(new.actor),
                    details: serde_json::json!({
                        "ban_id": before.id,
                        "report_id": report,
                        "before": { "until": before.until },
                        "after": { "until": until },
                    }),
                };
                log(tx, &act, now).await?;
            }
        }
        Banning::NotFound => {}
    }
    Ok(None)
}

/// Writes the decision into the report.
async fn settle(
    tx: &mut Tx,
    report: ReportId,
    status: ReportStatus,
    new: &NewResolution,
    now: Timestamp,
) -> Result<(), StoreError> {
    const DECIDE: &str = "UPDATE reports SET status = $1, resolved_at = $2, resolved_by = $3, \
         resolution_ciphertext = $4, resolution_key_id = $5, taken_by = NULL, taken_until = NULL \
         WHERE id = $6";
    let Sealed { ciphertext, key_id } = &new.note;
    let params = (status, now, new.actor, ciphertext, key_id, report);
    tx.execute(DECIDE, params).await?;
    Ok(())
}

/// `None` never comes.
fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.zip(other).map(|(one, other)| one.max(other))
}
