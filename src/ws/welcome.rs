//! The beginning of a connection: who it is, what it is told, what it missed.

use std::sync::Arc;

use tebdil_core::{
    realtime::Stamp,
    store::{MatchRow, StoreError},
};
use tebdil_protocol::{
    FrameId, Hello, MAX_CIPHERTEXT_BYTES, MAX_FRAME_BYTES, ServerFrame, SessionLimits, Welcome,
    id::{SessionId, UserId},
    time::Timestamp,
};

use super::{Sockets, connection::SocketSession};
use crate::{
    auth::AccountError,
    chat::Missed,
    hub::{Connection, OutboundLimits},
};

/// Longest texts about a device, characters.
const MAX_NAME: usize = 64;
const MAX_PLATFORM: usize = 32;

/// Most matches a client may ask to resume.
const MAX_RESUME: usize = 200;

/// Why a `hello` was not followed by `welcome`.
#[derive(Debug)]
pub(super) enum HelloError {
    Unauthorized,
    Banned,
    /// The current terms were not accepted.
    ConsentRequired,
    /// A field is out of bounds.
    Invalid,
    /// The store failed.
    Unavailable,
}

impl From<StoreError> for HelloError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a hello could not be answered");
        Self::Unavailable
    }
}

impl From<AccountError> for HelloError {
    fn from(error: AccountError) -> Self {
        tracing::error!(%error, "a hello could not be answered");
        Self::Unavailable
    }
}

/// Checks the token and makes the connection, without adding it to the hub.
pub(super) async fn admit(sockets: &Sockets, hello: &Hello) -> Result<SocketSession, HelloError> {
    let now = sockets.clock.now();
    let claims = sockets
        .tokens
        .verify_access(hello.token.expose())
        .map_err(|_| HelloError::Unauthorized)?;
    if may_stay(sockets, claims.session_id, now).await? != claims.user_id {
        return Err(HelloError::Unauthorized);
    }
    let device = hello.device.clone().unwrap_or_default();
    let [name, platform, network] =
        [device.name, device.platform, device.connection].map(Option::unwrap_or_default);
    // PostgreSQL refuses U+0000 in text, and these go into a statement with other people's
    // messages.
    let fits = |text: &str, most: usize| {
        text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    if !fits(&name, MAX_NAME)
        || !fits(&platform, MAX_PLATFORM)
        || !fits(&network, MAX_PLATFORM)
        || hello.resume.len() > MAX_RESUME
    {
        return Err(HelloError::Invalid);
    }
    let limits = OutboundLimits {
        frames: sockets.config.ws.outbound_frames,
        bytes: sockets.config.ws.outbound_bytes,
    };
    let mut connection = Connection::new(
        sockets.hub.next_connection_id(),
        claims.user_id,
        claims.session_id,
        limits,
    );
    connection.device_info = device_info([&platform, &name, &network]).into();
    Ok(SocketSession::new(Arc::new(connection), claims.expires_at))
}

/// Whose session it is, while it lives, its user is not banned and has accepted the terms.
async fn may_stay(
    sockets: &Sockets,
    session: SessionId,
    now: Timestamp,
) -> Result<UserId, HelloError> {
    let alive = sockets.store.accounts().session_alive(session, now);
    let alive = alive.await?.ok_or(HelloError::Unauthorized)?;
    if alive.is_banned {
        return Err(HelloError::Banned);
    }
    if alive.terms_version < sockets.config.legal.terms_version {
        return Err(HelloError::ConsentRequired);
    }
    Ok(alive.user_id)
}

/// The active matches of a connection that is in the hub, if it may be there, and how many key
/// packages it has left. Asked anew: the word that its session was revoked may have been missed.
pub(super) async fn standing(
    sockets: &Sockets,
    connection: &Connection,
    now: Timestamp,
) -> Result<(Vec<MatchRow>, i64), HelloError> {
    may_stay(sockets, connection.session_id, now).await?;
    let matches = sockets.store.matches();
    let matches = matches.active_matches(connection.user_id, now).await?;
    let keys = sockets.store.accounts();
    let keys = keys.key_packages_remaining(connection.session_id, now);
    Ok((matches, keys.await?))
}

/// What a device says about itself, in one line: `android/Pixel 8/wifi`.
fn device_info(words: [&str; 3]) -> String {
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("/")
}

/// Registers the connection with the other nodes. True if the user's only device came back before
/// its old connection was known to be gone, which is so where the node is alone if it is so here.
async fn register(sockets: &Sockets, connection: &Connection, returned: bool) -> bool {
    match sockets.hub.register(connection).await {
        Ok(everywhere) => everywhere.unwrap_or(returned),
        // Welcome all the same: people at this node can be reached. The other nodes learn of it
        // when they can be reached again.
        Err(error) => {
            tracing::warn!(%error, "a connection could not be registered with presence");
            let _ = connection.stamp.set(Stamp::at(sockets.clock.now()));
            returned
        }
    }
}

/// Sends `welcome` and everything missed. The connection is already in the hub, so that nothing is
/// lost in between; `returned` is what [`Hub::join`](crate::hub::Hub::join) said.
pub(super) async fn welcome(
    sockets: &Arc<Sockets>,
    connection: &Arc<Connection>,
    greeting: Box<(Option<FrameId>, Hello)>,
    returned: bool,
) -> Result<(), HelloError> {
    let (re, hello) = *greeting;
    let returned = register(sockets, connection, returned).await;
    let now = sockets.clock.now();
    // What is read from here on is without what has arrived.
    let messages = sockets.store.messages();
    messages.settle_user(connection.user_id).await?;
    let (matches, keys_remaining) = standing(sockets, connection, now).await?;
    let user = sockets
        .accounts
        .user(connection.user_id)
        .await?
        .ok_or(HelloError::Unauthorized)?;
    let unread_notifications = sockets
        .store
        .notices()
        .unread_notifications(connection.user_id)
        .await?;
    // After the matches: a search that became one of them meanwhile is no longer a search.
    let search = sockets.matchmaker.resume(connection).await?;
    let quota = user.quota.clone();
    let welcome = Welcome {
        session_id: connection.session_id,
        quota: quota.clone(),
        user,
        matches: matches
            .iter()
            .map(|row| row.view(connection.session_id, now))
            .collect(),
        keys_remaining,
        unread_notifications,
        search,
        server_time: now,
        heartbeat_s: sockets.config.ws.heartbeat.as_secs(),
        limits: SessionLimits {
            max_frame_bytes: MAX_FRAME_BYTES,
            max_ciphertext_bytes: MAX_CIPHERTEXT_BYTES,
            max_devices: sockets.config.ws.max_devices,
            frames_per_second: sockets.config.limits.frames_per_connection.per_second(),
        },
    };
    connection
        .outbound
        .push_first(ServerFrame::Welcome(Box::new(welcome)).to_json(re.as_ref()));
    let missed = Missed {
        matches: &matches,
        resume: &hello.resume,
        live: false,
        quota,
        keys_remaining,
    };
    let again = sockets
        .chat
        .replay(connection, missed, &sockets.franking)
        .await?;
    sockets
        .presence_notifier
        .announce(connection.user_id, returned)
        .await?;
    sockets.calls.welcomed(connection, &matches).await?;
    if again {
        sockets.hub.fell_behind(connection);
    }
    Ok(())
}
