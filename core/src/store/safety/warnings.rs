//! What a warned user says to it: once, for the moderators.

use sqlx_macros::FromRow;

use super::Safety;
use crate::{
    crypto::Sealed,
    store::{StoreError, accounts::sessions::LOCK_USER},
};
use tebdil_protocol::{
    id::{NotificationId, ReportId, UserId},
    time::Timestamp,
};

/// What the text of an answer is sealed as, bound to its id.
pub const WARNING_ANSWER_CONTEXT: &str = "warning_answers.text";

/// An answer to a warning. Users know the warning by its notification only: the id of a report
/// would tell when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    pub id: NotificationId,
    pub user: UserId,
    /// Sealed for the id.
    pub text: Sealed,
}

/// What became of an answer to a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    Answered,
    /// There was an answer before; it stays.
    Already,
    /// The user was not warned by this notification, or the report is gone.
    NotFound,
}

#[derive(FromRow)]
struct AnswerRow {
    id: NotificationId,
    #[sqlx(rename = "text_ciphertext")]
    ciphertext: Vec<u8>,
    #[sqlx(rename = "text_key_id")]
    key_id: String,
    created_at: Timestamp,
}

impl Safety<'_> {
    /// Stores what a warned user says to it.
    pub async fn answer_warning(
        self,
        new: &NewAnswer,
        now: Timestamp,
    ) -> Result<Answering, StoreError> {
        const WARNED: &str = "SELECT reference FROM notifications \
             WHERE id = $1 AND user_id = $2 AND code = 'warned'";
        // The report may be gone; a repeat changes nothing.
        const INSERT: &str = "INSERT INTO warning_answers \
             (id, report_id, user_id, text_ciphertext, text_key_id, created_at) \
             SELECT $1, r.id, r.reported_id, $2, $3, $4 FROM reports r \
             JOIN users u ON u.id = r.reported_id AND u.erased_at IS NULL \
             WHERE r.id = $5 AND r.reported_id = $6 ON CONFLICT DO NOTHING";
        const KNOWN: &str = "SELECT id FROM warning_answers WHERE id = $1";
        let mut tx = self.begin().await?;
        // An erasure waits, or has been.
        tx.execute(LOCK_USER, (new.user,)).await?;
        let found: Option<String> = tx.optional_value(WARNED, (new.id, new.user)).await?;
        let report = found.and_then(|reference| reference.parse::<ReportId>().ok());
        let Some(report) = report else {
            return Ok(Answering::NotFound);
        };
        let Sealed { ciphertext, key_id } = &new.text;
        let params = (new.id, ciphertext, key_id, now, report, new.user);
        if tx.execute(INSERT, params).await? > 0 {
            tx.commit().await?;
            return Ok(Answering::Answered);
        }
        let known: Option<NotificationId> = tx.optional_value(KNOWN, (new.id,)).await?;
        Ok(known.map_or(Answering::NotFound, |_| Answering::Already))
    }

    /// What was said to the warning after a report, by which id it is sealed, and when.
    pub async fn warning_answer(
        self,
        report: ReportId,
    ) -> Result<Option<(NotificationId, Sealed, Timestamp)>, StoreError> {
        const SQL: &str = "SELECT id, text_ciphertext, text_key_id, created_at \
             FROM warning_answers WHERE report_id = $1";
        let row: Option<AnswerRow> = self.db.optional(SQL, (report,)).await?;
        Ok(row.map(|row| {
            let AnswerRow {
                id,
                ciphertext,
                key_id,
                created_at,
            } = row;
            (id, Sealed { ciphertext, key_id }, created_at)
        }))
    }
}
