//! What the relay counts. No label ever names an address or a user.

use metrics::{Counter, Gauge, counter, gauge};

/// Why a datagram was dropped without an answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dropped {
    /// Not in a form that this relay accepts.
    Malformed,
    /// From an address that holds nothing here, or over a channel that is not bound.
    Unknown,
    /// To an address that is no relay of ours, or from one.
    Peer,
    /// More bytes or requests than its credential permits.
    Rate,
    /// An answer withheld because its source got too many.
    Source,
    /// The other end cannot keep up.
    Full,
    /// The call was cut.
    Cut,
}

/// Why a request was answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusalReason {
    /// No credential, a wrong one, or a stale nonce.
    Auth,
    Expired,
    /// What it asks for is malformed or not offered.
    Request,
    /// For an address that is no relay of ours.
    Peer,
    Quota,
    /// No port is free.
    Ports,
    Cut,
}

/// Handles to the metrics, looked up once.
pub(super) struct Meters {
    bytes: Counter,
    pub allocations: Gauge,
    dropped: [Counter; 7],
    refused: [Counter; 7],
}

impl Meters {
    pub fn new() -> Self {
        let dropped = [
            "malformed",
            "unknown",
            "peer",
            "rate",
            "source",
            "full",
            "cut",
        ];
        let refused = [
            "auth", "expired", "request", "peer", "quota", "ports", "cut",
        ];
        Self {
            bytes: counter!("tebdil_relay_bytes_total"),
            allocations: gauge!("tebdil_relay_allocations"),
            dropped: dropped
                .map(|reason| counter!("tebdil_relay_datagrams_dropped_total", "reason" => reason)),
            refused: refused
                .map(|reason| counter!("tebdil_relay_refused_total", "reason" => reason)),
        }
    }

    /// Counts relayed bytes of users.
    pub fn relayed(&self, bytes: usize) {
        self.bytes.increment(u64::try_from(bytes).unwrap_or(0));
    }

    pub fn dropped(&self, reason: Dropped) {
        self.dropped[reason as usize].increment(1);
    }

    pub fn refused(&self, reason: RefusalReason) {
        self.refused[reason as usize].increment(1);
    }
}
