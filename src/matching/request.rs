//! From a `match.find` frame to a ticket: what is checked before anything waits.

use std::time::Duration;

use tebdil_core::store::{BackgroundSearch, MatchRow, Store, StoreError, UserRow};
use tebdil_protocol::{
    ErrorCode, MatchFind, ServerFrame,
    domain::{Mode, QuotaBucket},
    id::{SessionId, TicketId},
    time::Timestamp,
};

use super::{
    MatchmakerConfig,
    engine::{Coordinates, Ticket},
};
use crate::{hub::Connection, profile};

/// Partners of this long ago are avoided.
const RECENT: Duration = Duration::from_hours(24);

/// Largest distance that can be asked for, km: half the way around the world.
const MAX_DISTANCE_KM: u32 = 20_000;

/// Smallest distance that counts, km. A user may claim any place and is told at once whom it met:
/// insisting on less would tell where people are.
const NEAREST_KM: u32 = 10;

/// Why a search did not begin.
#[derive(Debug)]
pub enum FindError {
    /// The client is told.
    Refused(Box<ServerFrame>),
    Store(StoreError),
}

impl From<StoreError> for FindError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl FindError {
    fn code(code: ErrorCode, resets_at: Option<Timestamp>) -> Self {
        Self::Refused(Box::new(refusal(code, resets_at)))
    }

    fn field(detail: impl Into<String>) -> Self {
        Self::Refused(Box::new(ServerFrame::error(
            ErrorCode::InvalidField,
            detail,
        )))
    }
}

/// An error frame; what may be repeated says when.
pub(super) fn refusal(code: ErrorCode, resets_at: Option<Timestamp>) -> ServerFrame {
    ServerFrame::Error {
        code,
        message: code.title().to_owned(),
        retry_after_ms: (code == ErrorCode::Unavailable).then_some(1_000),
        resets_at,
        expected_seq: None,
    }
}

/// Checks a wish, puts it into the form in which it is compared, and makes its ticket.
///
/// Quota, keys and the number of matches are checked again in the transaction that makes the match;
/// here they spare a hopeless wait.
pub(super) async fn ticket(
    store: &Store,
    config: &MatchmakerConfig,
    connection: &Connection,
    wish: &mut MatchFind,
    id: TicketId,
    now: Timestamp,
) -> Result<Ticket, FindError> {
    let mode = wish.mode;
    if !config.modes.contains(&mode) {
        let message = format!("mode: {mode} is not offered here");
        let refused = ServerFrame::error(ErrorCode::ModeUnavailable, message);
        return Err(FindError::Refused(Box::new(refused)));
    }
    if wish.background && mode != Mode::Text {
        return Err(FindError::field("background: only with the mode text"));
    }
    let interests = wish.interests.take().map(profile::interests).transpose();
    wish.interests = interests.map_err(FindError::field)?;
    let languages = wish.languages.take().map(profile::languages).transpose();
    wish.languages = languages.map_err(FindError::field)?;
    if wish
        .max_distance_km
        .is_some_and(|km| !(1..=MAX_DISTANCE_KM).contains(&km))
    {
        return Err(FindError::field(format!(
            "max_distance_km: 1 to {MAX_DISTANCE_KM}"
        )));
    }
    let accounts = store.accounts();
    if !accounts.has_key_package(connection.session_id, now).await? {
        return Err(FindError::code(ErrorCode::KeysRequired, None));
    }
    let Some(user) = accounts.user(connection.user_id).await? else {
        return Err(FindError::code(ErrorCode::Unauthorized, None));
    };
    let rules = &config.rules;
    let quota = user.balances.quota(&rules.quota, user.is_premium, now);
    let left = match mode.bucket() {
        QuotaBucket::Video => quota.video,
        _ => quota.text,
    };
    if left + quota.bonus <= 0 {
        let resets_at = Some(quota.resets_at);
        return Err(FindError::code(ErrorCode::QuotaExhausted, resets_at));
    }
    let active = store.matches().active_matches(user.id, now).await?;
    let of_mode = active.iter().filter(|row| row.mode == mode).count();
    if i64::try_from(of_mode).unwrap_or(i64::MAX) >= rules.max_active(mode) {
        return Err(FindError::code(ErrorCode::TooManyMatches, None));
    }
    let ids = (id, connection.session_id);
    Ok(of_wish(store, &user, wish, ids, &active, now).await?)
}

/// The ticket of a wish that was checked, for somebody with these `active` matches who has been
/// searching since `since`.
pub(super) async fn of_wish(
    store: &Store,
    user: &UserRow,
    wish: &MatchFind,
    (id, session): (TicketId, SessionId),
    active: &[MatchRow],
    since: Timestamp,
) -> Result<Ticket, StoreError> {
    let mut blocked = store.safety().blocked_either_way(user.id).await?;
    // Whom one is talking to one does not meet anew.
    blocked.extend(active.iter().map(|row| row.peer_id));
    let or = |wished: &Option<Vec<String>>, own: &[String]| {
        wished.clone().unwrap_or_else(|| own.to_vec())
    };
    Ok(Ticket {
        id,
        user: user.id,
        session,
        background: wish.background,
        away: false,
        mode: wish.mode,
        place: user.location().map(|place| Coordinates {
            lat: place.lat,
            lon: place.lon,
        }),
        interests: or(&wish.interests, &user.interests.0),
        languages: or(&wish.languages, &user.languages.0),
        max_distance_km: wish.max_distance_km.map(|km| km.max(NEAREST_KM)),
        enqueued_at: since,
        blocked,
        recent: store
            .matches()
            .partners_since(user.id, since - RECENT)
            .await?,
    })
}

/// The ticket of a search that was kept; `None` when nobody can have it any more.
pub(super) async fn of_search(
    store: &Store,
    search: &BackgroundSearch,
    now: Timestamp,
) -> Result<Option<Ticket>, StoreError> {
    let user = store.accounts().user(search.user_id).await?;
    let Some((user, wish)) = user.zip(serde_json::from_str(&search.wish).ok()) else {
        return Ok(None);
    };
    let active = store.matches().active_matches(user.id, now).await?;
    let (ids, since) = ((search.ticket_id, search.session_id), search.created_at);
    let ticket = of_wish(store, &user, &wish, ids, &active, since).await?;
    Ok(Some(ticket))
}
