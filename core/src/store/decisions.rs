//! What moderators make of reports, and how long reports are kept after that.

use sqlx::{FromRow, QueryBuilder};

use super::{
    Actor, Banning, Confirmation, Judged, NewBan, Notified, Store, StoreError, SystemLog,
    auto_ban::CURRENT_ACCOUNT,
    ban_admin::{HAS_REPORTED, is_allowed},
    bans::{PHONE_OF, ban_in, confirm_in, lock_phone_in},
    notifications::notify_in,
    retention::ID_SLACK,
    sessions::LOCK_USER,
    system_logs::log_in,
};
use crate::{
    backend::write_tx,
    crypto::Sealed,
    domain::{ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{IdGenerator, ReportId, UserId},
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
}

impl Store {
    /// Decides an open report, once, with all that follows from it: warning or ban, the word to the
    /// reporter, the record.
    ///
    /// A ban that waits for a moderator is confirmed, with the end that is given here; one that was
    /// decided before gets the later end of the two. Other reports of the same user stay open.
    pub async fn resolve_report(
        &self,
        report: ReportId,
        new: &NewResolution,
        now: Timestamp,
    ) -> Result<Resolving, StoreError> {
        const FIND: &str =
            "SELECT reporter_id, reported_id, reason, status FROM reports WHERE id = $1";
        const DECIDE: &str = "UPDATE reports SET status = $1, resolved_at = $2, resolved_by = $3, resolution_ciphertext = $4, resolution_key_id = $5 \
             WHERE id = $6";
        const ROLE: &str = "SELECT role FROM users WHERE id = $1";
        // Both have banned then: neither decides an appeal.
        const EXTEND: &str = "UPDATE bans SET until = $1, created_by = COALESCE(created_by, confirmed_by), confirmed_at = $2, confirmed_by = $3 \
             WHERE id = $4";
        Ok(write_tx!(self, |tx| {
            let found: Option<Undecided> = sqlx::query_as(FIND)
                .bind(report)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(found) = found else {
                return Ok(Resolving::NotFound);
            };
            if new.decision == ReportDecision::Ban {
                let phone: Option<Vec<u8>> = sqlx::query_scalar(PHONE_OF)
                    .bind(found.reported_id)
                    .fetch_optional(&mut *tx)
                    .await?;
                lock_phone_in!(self, tx, phone.as_deref().unwrap_or_default());
            }
            // Users before reports. Who it is about does not change, its status may.
            sqlx::query(self.locking(LOCK_USER))
                .bind(found.reported_id)
                .execute(&mut *tx)
                .await?;
            let found: Option<Undecided> = sqlx::query_as(self.locking(FIND))
                .bind(report)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(found) = found else {
                return Ok(Resolving::NotFound);
            };
            if [found.reporter_id, found.reported_id].contains(&new.actor) {
                return Ok(Resolving::Forbidden);
            }
            if found.status != ReportStatus::Open {
                return Ok(Resolving::Decided);
            }
            let (status, acted) = match new.decision {
                ReportDecision::Dismiss => (ReportStatus::Dismissed, false),
                ReportDecision::Warn => (ReportStatus::Warned, true),
                ReportDecision::Ban => (ReportStatus::Banned, true),
            };
            let reference = report.to_string();
            let (mut notified, mut banned) = (Vec::new(), None);
            if new.decision == ReportDecision::Warn {
                notified.extend(notify_in!(
                    self,
                    tx,
                    found.reported_id,
                    &Notice::Warned {
                        reason: found.reason
                    },
                    &reference,
                    now
                ));
            }
            if new.decision == ReportDecision::Ban {
                let target: UserId = sqlx::query_scalar(CURRENT_ACCOUNT)
                    .bind(found.reported_id)
                    .fetch_one(&mut *tx)
                    .await?;
                let role: UserRole = sqlx::query_scalar(ROLE)
                    .bind(target)
                    .fetch_one(&mut *tx)
                    .await?;
                let phone: Option<Vec<u8>> = sqlx::query_scalar(PHONE_OF)
                    .bind(target)
                    .fetch_optional(&mut *tx)
                    .await?;
                let accuser: Option<ReportId> = sqlx::query_scalar(HAS_REPORTED)
                    .bind(new.actor)
                    .bind(phone)
                    .fetch_optional(&mut *tx)
                    .await?;
                if target == new.actor || accuser.is_some() || !new.actor_role.may_ban(role) {
                    return Ok(Resolving::Forbidden);
                }
                let reason = found.reason.to_string();
                let ban = NewBan {
                    reason,
                    automatic: false,
                    provisional: false,
                    until: new.until,
                    created_by: Some(new.actor),
                };
                match ban_in!(self, tx, target, &ban, now) {
                    Banning::Banned { notified, .. } => banned = Some((target, notified)),
                    Banning::Already(before) if before.provisional => {
                        let how = Confirmation {
                            reason: None,
                            until: Some(new.until),
                            by: new.actor,
                            note: None,
                        };
                        // The phone is held: it is provisional still.
                        let _ = confirm_in!(self, tx, before.id, &how, now);
                    }
                    Banning::Already(before) => {
                        let until = later(before.until, new.until);
                        if until != before.until {
                            sqlx::query(EXTEND)
                                .bind(until)
                                .bind(now)
                                .bind(new.actor)
                                .bind(before.id)
                                .execute(&mut *tx)
                                .await?;
                            let details = serde_json::json!({
                                "ban_id": before.id, "report_id": report,
                                "before": { "until": before.until }, "after": { "until": until },
                            });
                            let log = SystemLog {
                                action: "ban_extended",
                                user: Some(target),
                                actor: Some(new.actor),
                                details,
                            };
                            log_in!(self, tx, &log, now);
                        }
                    }
                    Banning::NotFound => {}
                }
            }
            sqlx::query(DECIDE)
                .bind(status)
                .bind(now)
                .bind(new.actor)
                .bind(&new.note.ciphertext)
                .bind(&new.note.key_id)
                .bind(report)
                .execute(&mut *tx)
                .await?;
            notified.extend(notify_in!(
                self,
                tx,
                found.reporter_id,
                &Notice::ReportResolved { acted },
                &reference,
                now
            ));
            let details = serde_json::json!({
                "report_id": report, "decision": new.decision, "until": new.until, "before": { "status": found.status }, "after": { "status": status },
            });
            let log = SystemLog {
                action: "report_resolved",
                user: Some(found.reported_id),
                actor: Some(new.actor),
                details,
            };
            log_in!(self, tx, &log, now);
            Resolving::Done { notified, banned }
        }))
    }

    /// Says whether the reports of a user shall count for no automatic ban; what was said before.
    /// Not of oneself, nor a moderator of one of the staff.
    pub async fn set_unreliable(
        &self,
        user: UserId,
        unreliable: bool,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Judged<bool>, StoreError> {
        const UPDATE: &str = "UPDATE users SET unreliable = $1 WHERE id = $2";
        let select = self.locking("SELECT unreliable, role FROM users WHERE id = $1");
        Ok(write_tx!(self, |tx| {
            let found: Option<(bool, UserRole)> = sqlx::query_as(select)
                .bind(user)
                .fetch_optional(&mut *tx)
                .await?;
            let Some((before, role)) = found else {
                return Ok(Judged::NotFound);
            };
            if !is_allowed(actor, &[(user, role)], UserRole::may_judge) {
                return Ok(Judged::Forbidden);
            }
            if before != unreliable {
                sqlx::query(UPDATE)
                    .bind(unreliable)
                    .bind(user)
                    .execute(&mut *tx)
                    .await?;
                let details = serde_json::json!({ "before": { "unreliable": before }, "after": { "unreliable": unreliable } });
                let log = SystemLog {
                    action: "reliability_changed",
                    user: Some(user),
                    actor: Some(actor.id),
                    details,
                };
                log_in!(self, tx, &log, now);
            }
            Judged::Done(before)
        }))
    }

    /// Erases what was written and shown in up to `limit` reports that were dismissed at `cutoff`
    /// or before, and says in how many.
    pub async fn erase_dismissed_evidence(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "UPDATE reports SET note_ciphertext = NULL, note_key_id = NULL, evidence_ciphertext = NULL, evidence_key_id = NULL, \
                 resolution_ciphertext = NULL, resolution_key_id = NULL WHERE id IN (SELECT id FROM reports WHERE status = 'dismissed' \
                 AND (note_ciphertext IS NOT NULL OR evidence_ciphertext IS NOT NULL OR resolution_ciphertext IS NOT NULL) AND id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND resolved_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }

    /// Deletes up to `limit` reports that were decided at `cutoff` or before, and those nobody
    /// decided that were made then, oldest first, and says how many.
    pub async fn delete_old_reports(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM reports WHERE id IN (SELECT id FROM reports WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND COALESCE(resolved_at, created_at) <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }
}

/// `None` never comes.
fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.zip(other).map(|(one, other)| one.max(other))
}
