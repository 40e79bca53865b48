//! One batch of pairs and its transaction.

use std::time::Duration;

use tebdil_core::{
    skew::ClockGuard,
    store::{MatchmakerTerm, NewMatch, PairOutcome, Refusal, Store, StoreError},
};
use tebdil_protocol::{id::TicketId, time::Clock};

use super::{
    MatchmakerConfig,
    announce::Announcement,
    engine::{Pair, Side},
    leader::{Fault, Verdict},
    message::Why,
};

/// Pause after the store failed, before the same pairs are tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What a commit works with.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) config: std::sync::Arc<MatchmakerConfig>,
    pub(super) clock: Clock,
    pub(super) guard: ClockGuard,
}

impl Writer {
    /// Makes matches of the pairs in one transaction, as the leader of `term`. Pairs that the store
    /// cannot write are given up, each for itself; while it is away all are left open.
    pub(super) async fn commit(
        &self,
        term: MatchmakerTerm,
        batch: Vec<(Pair, NewMatch)>,
    ) -> Vec<(Pair, Verdict)> {
        metrics::histogram!("tebdil_match_batch_size")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let proposed: Vec<NewMatch> = batch.iter().map(|(_, proposed)| proposed.clone()).collect();
        let mut settled = Vec::with_capacity(batch.len());
        match self.write(term, &proposed).await {
            Ok(outcomes) => {
                for ((pair, _), outcome) in batch.into_iter().zip(outcomes) {
                    let verdict = self.verdict(&pair, outcome).await;
                    settled.push((pair, verdict));
                }
            }
            Err(error) if error.is_transient() => {
                settled.extend(batch.into_iter().map(|(pair, _)| (pair, Verdict::Unknown)));
            }
            // One pair spoils it for the others: each alone then.
            Err(_) => {
                for (pair, proposed) in batch {
                    let verdict = match self.write(term, &[proposed]).await {
                        Ok(outcomes) => match outcomes.into_iter().next() {
                            Some(outcome) => self.verdict(&pair, outcome).await,
                            None => given_up(),
                        },
                        Err(error) if error.is_transient() => Verdict::Unknown,
                        Err(_) => given_up(),
                    };
                    settled.push((pair, verdict));
                }
            }
        }
        if settled
            .iter()
            .any(|(_, verdict)| matches!(verdict, Verdict::Unknown))
        {
            tokio::time::sleep(RETRY_AFTER).await;
        }
        settled
    }

    /// Those of these tickets that became a match, with what their users are told. `None`: the
    /// store cannot say now, and it was waited.
    pub(super) async fn used(&self, sides: &[Side]) -> Option<Vec<(TicketId, Announcement)>> {
        let found = async {
            let tickets: Vec<TicketId> = sides.iter().map(|side| side.ticket).collect();
            let used = self.store.matches().used_among(&tickets).await?;
            let mut found = Vec::new();
            for side in sides.iter().filter(|side| used.contains(&side.ticket)) {
                let announcement =
                    Announcement::of_used(&self.store, &self.config, *side, self.clock.now())
                        .await?;
                found.extend(announcement.map(|announcement| (side.ticket, announcement)));
            }
            Ok::<_, StoreError>(found)
        };
        match found.await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(%error, "searches that were taken over could not be looked up");
                tokio::time::sleep(RETRY_AFTER).await;
                None
            }
        }
    }

    async fn write(
        &self,
        term: MatchmakerTerm,
        proposed: &[NewMatch],
    ) -> Result<Vec<PairOutcome>, StoreError> {
        let written = self
            .store
            .matches()
            .create_matches(term, proposed, &self.config.rules, self.clock.now())
            .await;
        if let Err(error) = &written {
            tracing::error!(%error, pairs = proposed.len(), transient = error.is_transient(), "matches could not be written");
            metrics::counter!("tebdil_match_write_failures_total").increment(1);
        }
        if written.as_ref().is_ok_and(|outcomes| {
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, PairOutcome::Fenced))
        }) {
            tracing::warn!(
                pairs = proposed.len(),
                "matches of a former leader came too late and were refused"
            );
            metrics::counter!("tebdil_match_writes_fenced_total").increment(1);
        }
        written
    }

    async fn verdict(&self, pair: &Pair, outcome: PairOutcome) -> Verdict {
        match outcome {
            PairOutcome::Made(made) => Verdict::Made(made),
            PairOutcome::Fenced => Verdict::Fenced,
            PairOutcome::Refused {
                offerer,
                answerer,
                blocked,
            } => {
                let faults = [
                    self.fault(pair.older, offerer).await,
                    self.fault(pair.newer, answerer).await,
                ];
                Verdict::Refused { faults, blocked }
            }
        }
    }

    async fn fault(&self, side: Side, refusal: Option<Refusal>) -> Option<Fault> {
        let why = match refusal? {
            Refusal::QuotaExhausted { resets_at } => Why::QuotaExhausted { resets_at },
            Refusal::KeysRequired => Why::KeysRequired,
            Refusal::TooManyMatches => Why::TooManyMatches,
            Refusal::Invalid => {
                match Announcement::of_used(&self.store, &self.config, side, self.clock.now()).await
                {
                    Ok(Some(announcement)) => return Some(Fault::Used(Box::new(announcement))),
                    Ok(None) => Why::Gone,
                    Err(error) => {
                        tracing::error!(%error, "a match could not be read back");
                        Why::Unavailable
                    }
                }
            }
        };
        Some(Fault::Because(why))
    }
}

fn given_up() -> Verdict {
    let internal = || Some(Fault::Because(Why::Internal));
    Verdict::Refused {
        faults: [internal(), internal()],
        blocked: false,
    }
}
