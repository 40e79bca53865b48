//! Calls: what the two devices of a video match signal to each other, and what is noted of it.
//!
//! Media never comes here: it goes through a relay, encrypted between the devices. A signal stays
//! what it is, a [`Signal`], from socket to socket: connection → [`Calls::signal`], which cleans it
//! and asks the call of the match whether it is in order → the peer's device, or
//! [`Calls::receive`] of the node where that is. A [`Room`] is what one node knows of a call.
//! Nothing of it is stored: a node that forgot, or a device that comes back at another node, begins
//! anew with the next offer.

mod room;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tebdil_core::store::{CallConnected, CallSide, MatchRow, Store, StoreError};
use tebdil_protocol::{
    ErrorCode, PeerPresence, RtcCandidate, RtcDescription, RtcState, ServerFrame, Signal,
    domain::{CallState, DescriptionKind, MatchRole, Mode},
    id::{MatchId, SessionId, UserId},
    time::Clock,
};
use tebdil_signaling::{
    MalformedCandidate, Sanitised, Stage, check_medium, sanitise_candidate, sanitise_sdp,
};

use self::room::Room;
use crate::{
    hub::{Connection, Hub, NodeMessage, Outgoing},
    relay::Relays,
};

/// Calls that are remembered, also for a while after their end. One that is forgotten goes on with
/// the next offer.
const CAPACITY: usize = 50_000;

/// The calls as this node knows them.
#[derive(Debug)]
pub struct Calls {
    store: Store,
    hub: Arc<Hub>,
    relays: Arc<Relays>,
    clock: Clock,
    rooms: Cache<MatchId, Arc<Mutex<Room>>>,
    /// Grows when the word that matches ended may have been lost: who takes part in them is asked
    /// anew.
    epoch: AtomicU64,
}

/// What a device said of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStateOutcome {
    /// It is noted, and the peer hears of it.
    Noted,
    /// It may end the match, which is not done here.
    HungUp,
}

/// Why a frame about a call did nothing.
#[derive(Debug)]
pub enum CallError {
    /// What the client is told.
    Refused(ErrorCode, String),
    Store(StoreError),
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A device at its place in a call.
struct Seated {
    match_id: MatchId,
    room: Arc<Mutex<Room>>,
    side: CallSide,
}

impl Calls {
    /// No calls yet.
    pub fn new(store: Store, hub: Arc<Hub>, relays: Arc<Relays>, clock: Clock) -> Self {
        Self {
            store,
            hub,
            relays,
            clock,
            rooms: Cache::new(CAPACITY),
            epoch: AtomicU64::new(0),
        }
    }

    /// Takes a signal, and what follows from it to the peer's device. A candidate that is no relay
    /// of ours is dropped.
    ///
    /// # Errors
    /// [`CallError`]; nothing is changed then.
    pub async fn signal(&self, origin: &Connection, signal: Signal) -> Result<(), CallError> {
        let Seated { room, side, .. } = self.seat(origin, signal.match_id()).await?;
        let Some(signal) = self.sanitise(signal)? else {
            metrics::counter!("tebdil_candidates_dropped_total").increment(1);
            return Ok(());
        };
        // Until everything is queued: what two connections of one device send at the same time must
        // not change places on the way, and nothing follows the word that the match is over.
        let mut room = room.lock();
        let open = room.open().ok_or_else(over)?;
        let signals = open.call.send(side.role, signal, self.clock.now());
        let signals = signals.map_err(|error| {
            refused("out_of_order", ErrorCode::SignalRefused, &error.to_string())
        })?;
        let (user, session, from) = (side.peer_id, side.peer_session_id, side.role);
        let device = self.device(user, session);
        for signal in signals {
            self.hub.tell_elsewhere(user, || NodeMessage::Signal {
                user,
                session,
                from,
                signal: signal.clone(),
            });
            if let Some(device) = &device
                && open.call.hand_over(from, &signal)
            {
                device.outbound.push(Outgoing::new(&signal.into(), None));
            }
        }
        Ok(())
    }

    /// What came from the peer's node, for a device of this one: dropped when it is late or not the
    /// peer's to say.
    pub fn receive(&self, user: UserId, session: SessionId, from: MatchRole, signal: Signal) {
        let device = self.device(user, session);
        let match_id = signal.match_id();
        // A device that is away for a moment misses it, which its call has to know.
        let room = match &device {
            Some(_) => Some(self.room(match_id)),
            None => self.rooms.get(&match_id),
        };
        let Some(room) = room else { return };
        let mut room = room.lock();
        let Some(open) = room.open() else { return };
        let Some(signal) = open.call.receive(from, signal, self.clock.now()) else {
            metrics::counter!("tebdil_signals_refused_total", "reason" => "late").increment(1);
            return;
        };
        if let Some(device) = device
            && open.call.hand_over(from, &signal)
        {
            device.outbound.push(Outgoing::new(&signal.into(), None));
        }
    }

    /// The connection of a device, unless it is closing: that takes nothing any more.
    fn device(&self, user: UserId, session: SessionId) -> Option<Arc<Connection>> {
        let device = self.hub.device(user, session);
        device.filter(|device| device.outbound.closing().is_none())
    }

    /// The signal as the peer may see it; `None` for what it may not.
    fn sanitise(&self, signal: Signal) -> Result<Option<Signal>, CallError> {
        match signal {
            Signal::Description(description) => {
                let (kind, sdp) = (description.kind, description.sdp.expose());
                if kind == DescriptionKind::Offer && description.round.is_some() {
                    return Err(malformed("round: only an answer has one"));
                }
                let sdp = sanitise_sdp(sdp, kind).map_err(|error| malformed(&error.to_string()))?;
                Ok(Some(Signal::Description(RtcDescription {
                    sdp: sdp.into(),
                    ..description
                })))
            }
            Signal::Candidate(frame) => {
                let refused = |error: MalformedCandidate| malformed(&error.to_string());
                check_medium(frame.sdp_mid.as_deref(), frame.sdp_m_line_index).map_err(refused)?;
                let candidate = sanitise_candidate(frame.candidate.expose(), self.relays.ranges());
                let candidate = match candidate.map_err(refused)? {
                    Sanitised::Relay(candidate) => candidate,
                    Sanitised::End => String::new(),
                    Sanitised::Dropped => return Ok(None),
                };
                Ok(Some(Signal::Candidate(RtcCandidate {
                    candidate: candidate.into(),
                    ..frame
                })))
            }
        }
    }

    /// What the device says of its call.
    ///
    /// # Errors
    /// [`CallError`]; nothing is changed then.
    pub async fn state(
        &self,
        origin: &Connection,
        frame: RtcState,
    ) -> Result<CallStateOutcome, CallError> {
        let seated = self.seat(origin, frame.match_id).await?;
        match frame.state {
            CallState::Connected => self.connected(&seated).await?,
            CallState::Failed => self.failed(&seated).await?,
            CallState::Ended => return Ok(CallStateOutcome::HungUp),
        }
        self.hub.send_to_device(
            seated.side.peer_id,
            seated.side.peer_session_id,
            &ServerFrame::RtcState(frame),
        );
        Ok(CallStateOutcome::Noted)
    }

    /// One side's word is enough, or who wants a right back would only have to be silent. But both
    /// must have described: a word about nothing is a lie.
    async fn connected(&self, seated: &Seated) -> Result<(), CallError> {
        let stage = {
            let mut room = seated.room.lock();
            let open = room.open().ok_or_else(over)?;
            if open.connected || seated.side.connected_at.is_some() {
                return Ok(());
            }
            open.call.stage()
        };
        let Stage::Answered(offered_at) = stage else {
            return Err(refused(
                "out_of_order",
                ErrorCode::SignalRefused,
                "no offer of this call was answered",
            ));
        };
        let now = self.clock.now();
        match self
            .store
            .matches()
            .call_connected(seated.match_id, now)
            .await?
        {
            CallConnected::Now => metrics::histogram!("tebdil_call_setup_seconds")
                .record(now.since(offered_at).as_secs_f64()),
            CallConnected::Before => {}
            CallConnected::Over => return Err(over()),
        }
        if let Some(open) = seated.room.lock().open() {
            open.connected = true;
        }
        Ok(())
    }

    async fn failed(&self, seated: &Seated) -> Result<(), CallError> {
        let phase = {
            let mut room = seated.room.lock();
            let open = room.open().ok_or_else(over)?;
            if open.failed {
                return Ok(());
            }
            open.phase()
        };
        let first = self
            .store
            .matches()
            .call_failed(seated.match_id, self.clock.now())
            .await?;
        if let Some(open) = seated.room.lock().open() {
            open.failed = true;
        }
        if let Some(was_connected) = first {
            let phase = if was_connected { "connected" } else { phase };
            metrics::counter!("tebdil_call_failures_total", "phase" => phase).increment(1);
        }
        Ok(())
    }

    /// A device was welcomed: where it is in a call, it counts as there, and the peer hears that
    /// what it signals arrives. Presence alone tells that only of users who have no other device.
    pub async fn welcomed(
        &self,
        connection: &Connection,
        matches: &[MatchRow],
    ) -> Result<(), StoreError> {
        for row in matches
            .iter()
            .filter(|row| row.mode == Mode::Video && row.session_id == connection.session_id)
        {
            self.store
                .matches()
                .note_present(&[(row.id, connection.user_id)])
                .await?;
            self.hub.send(
                row.peer_id,
                &ServerFrame::PeerPresence(PeerPresence {
                    match_id: row.id,
                    online: true,
                }),
            );
        }
        Ok(())
    }

    /// A device of this node hears that a match is over.
    pub fn heard_of_the_end(&self, match_id: MatchId) {
        // Of other matches nothing is remembered: most are for text.
        if let Some(room) = self.rooms.get(&match_id) {
            *room.lock() = Room::Over;
        }
    }

    /// A match is over: nothing is signalled in it any more, and what is under way is dropped.
    pub fn over(&self, match_id: MatchId) {
        // Kept in mind, so that what another node sent before it heard of the end begins nothing.
        *self.room(match_id).lock() = Room::Over;
    }

    /// Word of ended matches may have been lost.
    pub fn doubt(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// The place of a device in a call that goes on.
    async fn seat(&self, origin: &Connection, match_id: MatchId) -> Result<Seated, CallError> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let known = self
            .rooms
            .get(&match_id)
            .and_then(|room| room.lock().open()?.side_of(origin.user_id, epoch));
        let side = if let Some(side) = known {
            side
        } else {
            let side = self
                .store
                .matches()
                .call_side(match_id, origin.user_id)
                .await?;
            let side = side.ok_or_else(|| {
                refused("not_found", ErrorCode::NotFound, "match_id: no such match")
            })?;
            if side.mode != Mode::Video {
                return Err(refused(
                    "not_video",
                    ErrorCode::NotAVideoMatch,
                    ErrorCode::NotAVideoMatch.title(),
                ));
            }
            side
        };
        if !side.is_active(self.clock.now()) {
            return Err(over());
        }
        if side.session_id != origin.session_id {
            return Err(refused(
                "wrong_device",
                ErrorCode::WrongDevice,
                ErrorCode::WrongDevice.title(),
            ));
        }
        let room = self.room(match_id);
        room.lock()
            .open()
            .ok_or_else(over)?
            .seat(origin.user_id, side.clone(), epoch);
        Ok(Seated {
            match_id,
            room,
            side,
        })
    }

    fn room(&self, match_id: MatchId) -> Arc<Mutex<Room>> {
        let Ok(room) = self
            .rooms
            .get_or_insert_with(&match_id, || Ok::<_, Infallible>(Arc::default()));
        room
    }
}

fn malformed(detail: &str) -> CallError {
    refused("malformed", ErrorCode::InvalidField, detail)
}

fn over() -> CallError {
    refused("over", ErrorCode::MatchEnded, ErrorCode::MatchEnded.title())
}

fn refused(reason: &'static str, code: ErrorCode, detail: &str) -> CallError {
    metrics::counter!("tebdil_signals_refused_total", "reason" => reason).increment(1);
    CallError::Refused(code, detail.to_owned())
}
