//! Calls: what the two devices of a video match signal to each other, and what is noted of it.
//!
//! Media never comes here: it goes through a relay, encrypted between the devices. A signal takes
//! one way: connection → [`Calls::describe`] or [`Calls::candidate`], which rebuilds it from what
//! may pass → the sender's [`Room`], which keeps the order → the peer's room, at whichever node its
//! device is → that device. A room is what one node knows of a call. Nothing of it is stored: a
//! node that forgot, or a device that comes back at another node, begins anew with the next offer.
//!
//! | file | what |
//! |---|---|
//! | `room` | a call as this node knows it |
//! | `word` | a signal as it goes to another node and to the device |

mod room;
mod word;

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use quick_cache::sync::Cache;
use tebdil_core::store::{CallConnected, CallSide, EndedMatch, MatchRow, Store, StoreError};
use tebdil_protocol::{
    ErrorCode, PeerPresence, RtcCandidate, RtcDescription, RtcState, ServerFrame,
    domain::{CallState, DescriptionKind, MatchRole, Mode},
    id::{MatchId, SessionId, UserId},
    time::Clock,
};
use tebdil_signaling::{Sanitised, Signal, check_medium, sanitise_candidate, sanitise_sdp};
pub use word::Word;

use self::room::Room;
use crate::{
    cluster::{Audience, NodeMessage},
    hub::{Connection, Hub, Outgoing},
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
pub enum Said {
    /// It is noted, and the peer hears of it.
    Noted,
    /// It may end the match, which is not done here.
    HungUp,
}

/// Why a frame about a call did nothing.
#[derive(Debug)]
pub enum Refused {
    /// What the client is told.
    Answer(ErrorCode, String),
    Store(StoreError),
}

impl From<StoreError> for Refused {
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

    /// A session description for the peer.
    ///
    /// # Errors
    /// [`Refused`]; nothing is changed then.
    pub async fn describe(
        &self,
        origin: &Connection,
        frame: RtcDescription,
    ) -> Result<(), Refused> {
        let seated = self.seat(origin, frame.match_id).await?;
        if frame.kind == DescriptionKind::Offer && frame.round.is_some() {
            return Err(malformed("round: only an answer has one"));
        }
        let sdp = sanitise_sdp(frame.sdp.expose(), frame.kind)
            .map_err(|error| malformed(&error.to_string()))?;
        self.forward(
            &seated,
            Signal::Description {
                kind: frame.kind,
                round: frame.round,
                sdp,
            },
        )
    }

    /// A candidate for the peer; only one of our relays gets there.
    ///
    /// # Errors
    /// [`Refused`]; nothing is changed then.
    pub async fn candidate(&self, origin: &Connection, frame: RtcCandidate) -> Result<(), Refused> {
        let seated = self.seat(origin, frame.match_id).await?;
        let RtcCandidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            ..
        } = frame;
        check_medium(sdp_mid.as_deref(), sdp_m_line_index)
            .map_err(|error| malformed(&error.to_string()))?;
        let candidate = match sanitise_candidate(candidate.expose(), self.relays.ranges()) {
            Ok(Sanitised::Relay(candidate)) => candidate,
            Ok(Sanitised::End) => String::new(),
            Ok(Sanitised::Dropped) => {
                metrics::counter!("tebdil_candidates_dropped_total").increment(1);
                return Ok(());
            }
            Err(error) => return Err(malformed(&error.to_string())),
        };
        self.forward(
            &seated,
            Signal::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
            },
        )
    }

    /// What the device says of its call.
    ///
    /// # Errors
    /// [`Refused`]; nothing is changed then.
    pub async fn state(&self, origin: &Connection, frame: RtcState) -> Result<Said, Refused> {
        let seated = self.seat(origin, frame.match_id).await?;
        match frame.state {
            CallState::Connected => self.connected(&seated).await?,
            CallState::Failed => self.failed(&seated).await?,
            CallState::Ended => return Ok(Said::HungUp),
        }
        self.hub.send_to_device(
            seated.side.peer_id,
            seated.side.peer_session_id,
            &ServerFrame::RtcState(frame),
        );
        Ok(Said::Noted)
    }

    /// One side's word is enough, or who wants a right back would only have to be silent. But both
    /// must have described: a word about nothing is a lie.
    async fn connected(&self, seated: &Seated) -> Result<(), Refused> {
        let (known, agreed) = {
            let room = lock(&seated.room);
            (
                room.connected || seated.side.connected_at.is_some(),
                room.agreed_since(),
            )
        };
        if known {
            return Ok(());
        }
        let Some(offered_at) = agreed else {
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
        lock(&seated.room).connected = true;
        Ok(())
    }

    async fn failed(&self, seated: &Seated) -> Result<(), StoreError> {
        if lock(&seated.room).failed {
            return Ok(());
        }
        let first = self
            .store
            .matches()
            .call_failed(seated.match_id, self.clock.now())
            .await?;
        let mut room = lock(&seated.room);
        room.failed = true;
        if let Some(was_connected) = first {
            let phase = if was_connected {
                "connected"
            } else {
                room.phase()
            };
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

    /// What came from the peer's node, for a device of this one.
    pub fn receive(&self, user: UserId, session: SessionId, role: MatchRole, word: Word) {
        if self.hub.device(user, session).is_none() {
            return;
        }
        let room = self.room(word.match_id());
        let mut room = lock(&room);
        if !room.over {
            self.take(&mut room, user, session, role, word);
        }
    }

    /// A video match has ended, by this node.
    pub fn ended(&self, ended: &EndedMatch) {
        if let Some(call) = ended.call {
            metrics::counter!("tebdil_calls_total", "outcome" => call.as_str()).increment(1);
        }
        self.over(ended.match_id);
    }

    /// A device of this node hears that a match is over.
    pub fn heard_of_the_end(&self, match_id: MatchId) {
        // Of other matches nothing is remembered: most are for text.
        if let Some(room) = self.rooms.get(&match_id) {
            *lock(&room) = Room::over();
        }
    }

    /// A match is over: nothing is signalled in it any more, and what is under way is dropped.
    pub fn over(&self, match_id: MatchId) {
        // Kept in mind, so that what another node sent before it heard of the end begins nothing.
        *lock(&self.room(match_id)) = Room::over();
    }

    /// Word of ended matches may have been lost.
    pub fn doubt(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// The place of a device in a call that goes on.
    async fn seat(&self, origin: &Connection, match_id: MatchId) -> Result<Seated, Refused> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        let known = self
            .rooms
            .get(&match_id)
            .and_then(|room| lock(&room).side_of(origin.user_id, epoch));
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
        {
            let mut room = lock(&room);
            if room.over {
                return Err(over());
            }
            room.seat(origin.user_id, side.clone(), epoch);
        }
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

    /// Takes a signal into the sender's half, and what follows from it to the peer.
    fn forward(&self, seated: &Seated, signal: Signal) -> Result<(), Refused> {
        let Seated {
            match_id,
            room,
            side,
        } = seated;
        // Until everything is queued: what two connections of one device send at the same time must
        // not change places on the way.
        let mut room = lock(room);
        if room.over {
            return Err(over());
        }
        let signals = room.send(side.role, signal, self.clock.now());
        let signals = signals.map_err(|error| {
            refused("out_of_order", ErrorCode::SignalRefused, &error.to_string())
        })?;
        let (user, session, role) = (side.peer_id, side.peer_session_id, room::other(side.role));
        let here = self.hub.device(user, session).is_some();
        for signal in signals {
            let word = Word::new(*match_id, signal);
            self.hub.tell_elsewhere(user, || NodeMessage::Signal {
                user,
                session,
                role,
                word: word.clone(),
            });
            if here {
                self.take(&mut room, user, session, role, word);
            }
        }
        Ok(())
    }

    /// Pushes a signal to the device of this node that it is for, unless it is late or not the
    /// peer's to say.
    fn take(&self, room: &mut Room, user: UserId, session: SessionId, role: MatchRole, word: Word) {
        let match_id = word.match_id();
        match room.receive(role, word.into_signal(), self.clock.now()) {
            Some(signal) => {
                let frame = Word::new(match_id, signal).into_frame();
                self.hub
                    .send_here(user, Audience::Only(session), &Outgoing::new(&frame, None));
            }
            None => {
                metrics::counter!("tebdil_signals_refused_total", "reason" => "late").increment(1);
            }
        }
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    // Nothing that is done under the lock can panic half way.
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

fn malformed(detail: &str) -> Refused {
    refused("malformed", ErrorCode::InvalidField, detail)
}

fn over() -> Refused {
    refused("over", ErrorCode::MatchEnded, ErrorCode::MatchEnded.title())
}

fn refused(reason: &'static str, code: ErrorCode, detail: &str) -> Refused {
    metrics::counter!("tebdil_signals_refused_total", "reason" => reason).increment(1);
    Refused::Answer(code, detail.to_owned())
}
