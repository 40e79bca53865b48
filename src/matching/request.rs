//! From a `match.find` frame to a ticket: what is checked before anything waits.

use std::time::Duration;

use tebdil_core::store::{Store, StoreError};
use tebdil_protocol::{ErrorCode, MatchFind, ServerFrame, id::TicketId, time::Timestamp};

use super::{
    MatchmakerConfig,
    engine::{Place, Ticket},
};
use crate::{hub::Connection, profile};

/// Partners of this long ago are avoided.
const RECENT: Duration = Duration::from_hours(24);

/// Largest distance that can be asked for, km: half the way around the world.
const MAX_DISTANCE_KM: u32 = 20_000;

/// Smallest distance that counts, km. A user may claim any place and is told at once whom it met:
/// insisting on less would tell where people are.
const NEAREST_KM: u32 = 10;

/// Why a search was refused.
#[derive(Debug)]
pub enum Refused {
    /// The client is told.
    Answer(Box<ServerFrame>),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    fn because(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Answer(Box::new(ServerFrame::error(code, message)))
    }
}

/// Checks a wish and makes its ticket.
///
/// Quota, keys and the number of matches are checked again in the transaction that makes the match;
/// here they spare a hopeless wait.
pub(super) async fn ticket(
    store: &Store,
    config: &MatchmakerConfig,
    connection: &Connection,
    wish: MatchFind,
    id: TicketId,
    now: Timestamp,
) -> Result<Ticket, Refused> {
    let (accounts, matches) = (store.accounts(), store.matches());
    let bucket = wish.mode.bucket();
    if !config.modes.contains(&wish.mode) {
        return Err(Refused::because(
            ErrorCode::ModeUnavailable,
            format!("mode: {} is not offered here", wish.mode),
        ));
    }
    let interests = wish
        .interests
        .map(profile::interests)
        .transpose()
        .map_err(|detail| Refused::because(ErrorCode::InvalidField, detail))?;
    let languages = wish
        .languages
        .map(profile::languages)
        .transpose()
        .map_err(|detail| Refused::because(ErrorCode::InvalidField, detail))?;
    if wish
        .max_distance_km
        .is_some_and(|km| km == 0 || km > MAX_DISTANCE_KM)
    {
        return Err(Refused::because(
            ErrorCode::InvalidField,
            format!("max_distance_km: 1 to {MAX_DISTANCE_KM}"),
        ));
    }
    if !accounts.has_key_package(connection.session_id, now).await? {
        return Err(Refused::because(
            ErrorCode::KeysRequired,
            ErrorCode::KeysRequired.title(),
        ));
    }
    let user = accounts
        .user(connection.user_id)
        .await?
        .ok_or_else(|| Refused::because(ErrorCode::Unauthorized, "the account is gone"))?;
    let quota = user
        .balances
        .quota(&config.rules.quota, user.is_premium, now);
    let left = match bucket {
        tebdil_protocol::domain::QuotaBucket::Video => quota.video,
        _ => quota.text,
    };
    if left + quota.bonus <= 0 {
        return Err(Refused::Answer(Box::new(quota_exhausted(quota.resets_at))));
    }
    let active: Vec<_> = matches.active_matches(user.id, now).await?;
    if count(active.iter().filter(|row| row.mode == wish.mode))
        >= config.rules.max_active(wish.mode)
    {
        return Err(Refused::because(
            ErrorCode::TooManyMatches,
            ErrorCode::TooManyMatches.title(),
        ));
    }
    let mut blocked = store.safety().blocked_either_way(user.id).await?;
    // Whom one is talking to one does not meet anew.
    blocked.extend(active.iter().map(|row| row.peer_id));
    Ok(Ticket {
        id,
        user: user.id,
        mode: wish.mode,
        place: user.location().map(|place| Place {
            lat: place.lat,
            lon: place.lon,
        }),
        interests: interests.unwrap_or(user.interests.0),
        languages: languages.unwrap_or(user.languages.0),
        max_distance_km: wish.max_distance_km.map(|km| km.max(NEAREST_KM)),
        enqueued_at: now,
        blocked,
        recent: matches.partners_since(user.id, now - RECENT).await?,
    })
}

fn count(items: impl Iterator) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

/// The error for a user without a right.
pub(super) fn quota_exhausted(resets_at: Timestamp) -> ServerFrame {
    ServerFrame::Error {
        code: ErrorCode::QuotaExhausted,
        message: ErrorCode::QuotaExhausted.title().to_owned(),
        retry_after_ms: None,
        resets_at: Some(resets_at),
        expected_seq: None,
    }
}
