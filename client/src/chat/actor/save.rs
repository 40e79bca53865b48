//! What outlives the process.

use tebdil_protocol::id::MatchId;

use super::{Actor, KnownMatch};
use crate::state::{StateError, StoredDevice, StoredMatch};

impl Actor {
    /// Stores what changed, where state is stored at all. Evidence goes first: a message whose keys
    /// are gone cannot be opened for it again.
    pub(super) async fn store(&mut self) -> Result<(), StateError> {
        let (dirty, evidence) = (
            std::mem::take(&mut self.dirty),
            self.evidence.take_changed(),
        );
        if !dirty && evidence.is_empty() {
            return Ok(());
        }
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let stored = |(match_id, known): (&MatchId, &KnownMatch)| StoredMatch {
            match_id: *match_id,
            peer_seq: known.peer_seq,
            own_seq: known.own.last(),
            here: known.here,
            own_certificate: known.call.own(),
            peer_certificate: known.call.peer(),
        };
        let device = dirty.then(|| StoredDevice {
            snapshot: self.device.snapshot(),
            matches: self.matches.iter().map(stored).collect(),
            outbox: self.outbox.clone(),
        });
        let (file, saved) = tokio::task::spawn_blocking(move || {
            let saved = file
                .save_evidence(&evidence)
                .and_then(|()| device.map_or(Ok(()), |device| file.save(&device)));
            (file, saved)
        })
        .await
        .expect("saving does not panic and is not cancelled");
        self.file = Some(file);
        saved
    }
}
