//! What a user can do about a match that went wrong.

use rust_i18n::t;
use tebdil_client::{chat::ChatError, rest::ApiError};
use tebdil_protocol::{
    domain::{ClaimRefusal, ReportReason},
    id::MatchId,
};

use super::ChatSession;

impl ChatSession {
    pub(super) async fn claim(&mut self, match_id: MatchId) -> Result<(), ChatError> {
        let Err(error) = self.chat.account().claim(match_id).await else {
            self.note(&t!("claimed"));
            return Ok(());
        };
        let (reason, eligible_at) = match &error {
            ApiError::Problem(problem) => (problem.reason, problem.eligible_at),
            _ => (None, None),
        };
        match reason {
            Some(ClaimRefusal::TooEarly) => {
                let at = eligible_at.map_or_else(String::new, |at| self.screen.time(at));
                self.warn(&t!("claim.too_early", at = at));
            }
            Some(ClaimRefusal::Answered) => self.warn(&t!("claim.answered")),
            Some(ClaimRefusal::LeftEarly) => self.warn(&t!("claim.left_early")),
            Some(ClaimRefusal::DailyCap) => self.warn(&t!("claim.daily_cap")),
            Some(ClaimRefusal::TooLate) => self.warn(&t!("claim.too_late")),
            _ => return Err(error.into()),
        }
        Ok(())
    }

    /// Reports the peer of this chat or, without one or after the word `last`, of the chat that
    /// ended last.
    pub(super) async fn report(&mut self, words: &[String]) -> Result<(), ChatError> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (current, words) = match words.as_slice() {
            ["last", words @ ..] => (None, words),
            words => (self.current, words),
        };
        let Some((match_id, who)) = current
            .map(|current| (current, self.name(current)))
            .or_else(|| self.ended.clone())
        else {
            self.warn(&t!("no_match"));
            return Ok(());
        };
        let Some((reason, note)) = words
            .split_first()
            .and_then(|(reason, note)| Some((ReportReason::from_text(reason)?, note.join(" "))))
        else {
            let reasons = ReportReason::ALL
                .iter()
                .map(|reason| reason.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            self.warn(&t!("report.usage", reasons = reasons));
            return Ok(());
        };
        let shown = self
            .chat
            .report(
                match_id,
                reason,
                (!note.is_empty()).then_some(note.as_str()),
            )
            .await?;
        self.note(&t!("reported", who = who, count = shown));
        Ok(())
    }
}
