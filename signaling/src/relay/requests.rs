//! Requests of clients: who asks, whether they may, and what the crate is asked on their behalf
//! (RFC 8656 §7 to §12).

use std::{net::SocketAddr, sync::Arc};

use turn::auth::generate_auth_key;

use super::{
    allocation::Allocation,
    conn::RelayConn,
    front::Front,
    meters::{Dropped, RefusalReason},
    question::{Question, QuestionKind, REALM, UDP},
    sides::{LONGEST_CREDENTIAL, Side},
    wire::{
        ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, Class, Message, MessageBuilder, REFRESH,
        attribute,
    },
};
use crate::credentials::RelaySideId;

/// The comprehension-required attributes (RFC 8489 §14) that are understood. EVEN-PORT,
/// RESERVATION-TOKEN and DONT-FRAGMENT are not, since clients choose no ports.
const UNDERSTOOD: [u16; 9] = [
    attribute::USERNAME,
    attribute::REALM,
    attribute::NONCE,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::REQUESTED_TRANSPORT,
    attribute::MESSAGE_INTEGRITY,
];

/// An error for a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorResponse(pub u16, pub &'static str, pub RefusalReason);

const BAD: ErrorResponse = ErrorResponse(400, "Bad Request", RefusalReason::Request);
const NOT_A_PEER: ErrorResponse = ErrorResponse(403, "Forbidden", RefusalReason::Peer);
const CUT: ErrorResponse = ErrorResponse(403, "Forbidden", RefusalReason::Cut);
const NO_ALLOCATION: ErrorResponse =
    ErrorResponse(437, "Allocation Mismatch", RefusalReason::Request);
const STALE: ErrorResponse = ErrorResponse(438, "Stale Nonce", RefusalReason::Auth);
const UNKNOWN_ATTRIBUTE: ErrorResponse =
    ErrorResponse(420, "Unknown Attribute", RefusalReason::Request);
const OTHER_FAMILY: ErrorResponse =
    ErrorResponse(440, "Address Family not Supported", RefusalReason::Request);
const OTHER_CREDENTIALS: ErrorResponse =
    ErrorResponse(441, "Wrong Credentials", RefusalReason::Auth);
const NOT_UDP: ErrorResponse = ErrorResponse(
    442,
    "Unsupported Transport Protocol",
    RefusalReason::Request,
);
const OTHER_PEER_FAMILY: ErrorResponse =
    ErrorResponse(443, "Peer Address Family Mismatch", RefusalReason::Request);
const NO_CHANNEL: ErrorResponse = ErrorResponse(508, "Insufficient Capacity", RefusalReason::Quota);

impl From<RefusalReason> for ErrorResponse {
    fn from(refused: RefusalReason) -> Self {
        match refused {
            RefusalReason::Cut => CUT,
            RefusalReason::Quota => Self(486, "Allocation Quota Reached", refused),
            RefusalReason::Ports => Self(508, "Insufficient Capacity", refused),
            RefusalReason::Peer => NOT_A_PEER,
            RefusalReason::Request => BAD,
            RefusalReason::Auth | RefusalReason::Expired => Self(401, "Unauthorized", refused),
        }
    }
}

/// Who made a request.
struct Asker {
    client: SocketAddr,
    side: RelaySideId,
    key: Vec<u8>,
    /// What that address holds already.
    session: Option<Arc<Allocation>>,
}

impl Asker {
    /// What it holds, for requests about that.
    fn held(&self) -> Result<&Arc<Allocation>, ErrorResponse> {
        let held = self.session.as_ref().ok_or(NO_ALLOCATION)?;
        if held.side.id == self.side {
            Ok(held)
        } else {
            Err(OTHER_CREDENTIALS)
        }
    }
}

impl Front {
    /// Answers a request, has the crate asked for it, or drops it.
    pub fn request(&self, message: &Message<'_>, client: SocketAddr) -> Result<(), Dropped> {
        // Binding requests too: a client that uses only relays has no use for the answer, its own
        // address.
        if !matches!(
            message.method,
            ALLOCATE | REFRESH | CREATE_PERMISSION | CHANNEL_BIND
        ) {
            return Err(Dropped::Malformed);
        }
        let asker = match self.authenticate(message, client) {
            Ok(asker) => asker,
            Err(refusal) => return self.challenge(message, client, refusal),
        };
        let Some(side) = self.shared.sides.get(asker.side) else {
            self.refuse(message, &asker, CUT);
            return Ok(());
        };
        if !side.may_ask(self.shared.ticks()) {
            return Err(Dropped::Rate);
        }
        match self.questions_for(message, &asker, &side) {
            // A client that repeats the request, as every client does (RFC 8489 §6.2.1), is served.
            Ok(whats) if whats.iter().any(QuestionKind::is_on_the_brink) => {
                return Err(Dropped::Rate);
            }
            Ok(whats) => {
                let last = whats.len();
                let question = |(number, what)| Question {
                    what,
                    client,
                    transaction: message.transaction,
                    key: asker.key.clone(),
                    heard: number + 1 == last,
                    again: false,
                };
                self.questions
                    .lock()
                    .extend(whats.into_iter().enumerate().map(question));
            }
            Err(refusal) => self.refuse(message, &asker, refusal),
        }
        Ok(())
    }

    /// Who made the request, if it has a credential of ours (the long-term mechanism, RFC 8489
    /// §9.2.4).
    fn authenticate(
        &self,
        message: &Message<'_>,
        client: SocketAddr,
    ) -> Result<Asker, ErrorResponse> {
        if !message.has_integrity() {
            return Err(RefusalReason::Auth.into());
        }
        let (Some(username), Some(realm), Some(nonce)) = (
            message.text(attribute::USERNAME),
            message.text(attribute::REALM),
            message.get(attribute::NONCE),
        ) else {
            return Err(BAD);
        };
        if !self
            .shared
            .nonces
            .is_fresh(nonce, client, self.shared.ticks().seconds())
        {
            return Err(STALE);
        }
        let (side, expiry) = RelaySideId::and_expiry(username)
            .filter(|_| realm == REALM)
            .ok_or(RefusalReason::Auth)?;
        let key = generate_auth_key(
            username,
            realm,
            self.shared.secret.password(username).expose(),
        );
        let now = self.shared.clock.now().seconds();
        let longest = i64::try_from(LONGEST_CREDENTIAL.as_secs()).unwrap_or(i64::MAX);
        if !message.is_authentic(&key) || expiry > now.saturating_add(longest) {
            return Err(RefusalReason::Auth.into());
        }
        let session = self.listener.session(client);
        // The expiry limits new allocations: a call goes on as long as it lasts.
        let known = session
            .as_ref()
            .is_some_and(|session| session.side.id == side);
        if expiry < now && !known {
            return Err(RefusalReason::Expired.into());
        }
        Ok(Asker {
            client,
            side,
            key,
            session,
        })
    }

    /// What the crate is asked for a request. Nothing if it was already answered.
    fn questions_for(
        &self,
        message: &Message<'_>,
        asker: &Asker,
        side: &Arc<Side>,
    ) -> Result<Vec<QuestionKind>, ErrorResponse> {
        if unknown(message).next().is_some() {
            return Err(UNKNOWN_ATTRIBUTE);
        }
        match message.method {
            ALLOCATE => self.allocate(message, asker, side),
            REFRESH => {
                Self::family(message, asker.held()?.address, OTHER_PEER_FAMILY)?;
                let ends = message
                    .get(attribute::LIFETIME)
                    .is_some_and(|lifetime| lifetime == [0; 4]);
                // Any other lifetime becomes the usual one: what a client forgets is free again
                // after ten minutes.
                Ok(vec![if ends {
                    QuestionKind::End
                } else {
                    QuestionKind::Refresh
                }])
            }
            CREATE_PERMISSION => {
                let held = asker.held()?;
                let mut peers: Vec<SocketAddr> = Vec::new();
                for (_, value) in message
                    .attributes()
                    .filter(|(kind, _)| *kind == attribute::XOR_PEER_ADDRESS)
                {
                    let peer = message.xor_address(value).ok_or(BAD)?;
                    // A permission is for all ports of a host, and some clients name none.
                    let ours = if peer.port() == 0 {
                        self.shared.settings.peers.has_host(peer.ip())
                    } else {
                        self.shared.is_peer(peer)
                    };
                    if !ours {
                        return Err(NOT_A_PEER);
                    }
                    same_family(held, peer)?;
                    if peers.iter().all(|other| other.ip() != peer.ip()) {
                        peers.push(peer);
                    }
                }
                if peers.is_empty() {
                    Err(BAD)
                } else {
                    Ok(peers
                        .into_iter()
                        .map(|peer| QuestionKind::Permit {
                            allocation: Arc::clone(held),
                            peer,
                        })
                        .collect())
                }
            }
            _ => {
                let held = asker.held()?;
                let number = message
                    .get(attribute::CHANNEL_NUMBER)
                    .and_then(|value| value.first_chunk())
                    .map(|value| u16::from_be_bytes(*value));
                let number = number
                    .filter(|number| (0x4000..0x8000).contains(number))
                    .ok_or(BAD)?;
                let peer = message
                    .get(attribute::XOR_PEER_ADDRESS)
                    .and_then(|value| message.xor_address(value))
                    .ok_or(BAD)?;
                if !self.shared.is_peer(peer) {
                    return Err(NOT_A_PEER);
                }
                same_family(held, peer)?;
                if !held.may_bind(number) {
                    return Err(NO_CHANNEL);
                }
                Ok(vec![QuestionKind::Bind {
                    allocation: Arc::clone(held),
                    number,
                    peer,
                }])
            }
        }
    }

    fn allocate(
        &self,
        message: &Message<'_>,
        asker: &Asker,
        side: &Arc<Side>,
    ) -> Result<Vec<QuestionKind>, ErrorResponse> {
        if let Some(session) = &asker.session {
            let answer = session
                .answer_to(message.transaction)
                .filter(|_| session.side.id == asker.side)
                .ok_or(NO_ALLOCATION)?;
            self.send(answer, asker.client);
            return Ok(Vec::new());
        }
        match message.get(attribute::REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some([_, _, _, _]) => return Err(NOT_UDP),
            _ => return Err(BAD),
        }
        Self::family(
            message,
            SocketAddr::new(self.shared.settings.range.ip, 0),
            OTHER_FAMILY,
        )?;
        let (allocation, queue) = self.shared.allocate(side, asker.client, &self.listener)?;
        let conn = RelayConn::new(Arc::clone(&allocation), queue, Arc::clone(&self.shared));
        Ok(vec![QuestionKind::Allocate {
            conn: Some(Arc::new(conn)),
            allocation,
        }])
    }

    /// Refuses a requested address family other than that of `have`. Without a request, the client
    /// takes what there is.
    fn family(
        message: &Message<'_>,
        have: SocketAddr,
        refusal: ErrorResponse,
    ) -> Result<(), ErrorResponse> {
        let family = if have.is_ipv4() { 1 } else { 2 };
        let wish = message.get(attribute::REQUESTED_ADDRESS_FAMILY);
        if wish.is_none_or(|wish| wish.first() == Some(&family)) {
            Ok(())
        } else {
            Err(refusal)
        }
    }

    /// Tells an unauthenticated sender what is missing, unless that address got enough answers.
    fn challenge(
        &self,
        message: &Message<'_>,
        client: SocketAddr,
        refusal: ErrorResponse,
    ) -> Result<(), Dropped> {
        let ErrorResponse(code, reason, refused) = refusal;
        self.shared.meters.refused(refused);
        let ticks = self.shared.ticks();
        if !self.shared.sources.allow(client.ip(), ticks) {
            return Err(Dropped::Source);
        }
        let mut answer = MessageBuilder::new(Class::Error, message.method, message.transaction)
            .with_error(code, reason);
        if code != BAD.0 {
            let nonce = self.shared.nonces.issue(client, ticks.seconds());
            answer = answer
                .with(attribute::NONCE, nonce.as_bytes())
                .with(attribute::REALM, REALM.as_bytes());
        }
        self.send(&answer.finish(), client);
        Ok(())
    }

    /// Tells a holder of a credential what is wrong.
    fn refuse(&self, message: &Message<'_>, asker: &Asker, refusal: ErrorResponse) {
        let ErrorResponse(code, reason, refused) = refusal;
        self.shared.meters.refused(refused);
        let mut answer = MessageBuilder::new(Class::Error, message.method, message.transaction)
            .with_error(code, reason);
        if code == UNKNOWN_ATTRIBUTE.0 {
            let kinds: Vec<u8> = unknown(message).flat_map(u16::to_be_bytes).collect();
            answer = answer.with(attribute::UNKNOWN_ATTRIBUTES, &kinds);
        }
        self.send(&answer.with_integrity(&asker.key).finish(), asker.client);
    }

    /// An answer that does not wait for room: a client that misses it asks again.
    fn send(&self, answer: &[u8], client: SocketAddr) {
        let _ = self.listener.socket.try_send_to(answer, client);
    }
}

fn unknown<'a>(message: &Message<'a>) -> impl Iterator<Item = u16> + use<'a> {
    message
        .attributes()
        .map(|(kind, _)| kind)
        .filter(|kind| *kind < 0x8000 && !UNDERSTOOD.contains(kind))
}

fn same_family(held: &Allocation, peer: SocketAddr) -> Result<(), ErrorResponse> {
    if held.address.is_ipv4() == peer.is_ipv4() {
        Ok(())
    } else {
        Err(OTHER_PEER_FAMILY)
    }
}
