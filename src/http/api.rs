//! The state with which requests are handled.

use std::sync::Arc;

use tebdil_core::{
    crypto::{BlindIndex, FieldCipher},
    franking::FrankingKeys,
    ids::IdGenerator,
    realtime::Realtime,
    skew::ClockGuard,
    store::Store,
};
use tebdil_protocol::time::Clock;
use tebdil_workers::{Workers, web_push::WebPush};

use super::{DatabaseCheck, Document, LegalPages};
use crate::{
    ads::Ads,
    auth::{AccountService, TokenIssuer},
    config::Config,
    hub::Hub,
    lifecycle::Tasks,
    limits::Limiters,
    match_ends::MatchEnds,
    matching::Matchmaker,
    notifications::Notifier,
    relay::Relays,
};

/// The state of the handlers.
#[derive(Debug)]
pub struct Api {
    pub config: Arc<Config>,
    pub clock: Clock,
    /// Whether it may be trusted.
    pub guard: ClockGuard,
    pub ids: Arc<IdGenerator>,
    pub store: Store,
    pub realtime: Realtime,
    /// Keyed hashes by which phones and requests are found.
    pub blind: BlindIndex,
    /// Encrypts fields.
    pub cipher: FieldCipher,
    /// Vouches for messages.
    pub franking: Arc<FrankingKeys>,
    pub tokens: TokenIssuer,
    pub accounts: Arc<AccountService>,
    pub hub: Arc<Hub>,
    pub ends: Arc<MatchEnds>,
    pub relays: Arc<Relays>,
    pub ads: Arc<Ads>,
    pub notifier: Notifier,
    pub matchmaker: Arc<Matchmaker>,
    pub workers: Workers,
    /// Pushes to browsers, and knows what they subscribe with; `None` if that is off.
    pub web_push: Option<Arc<WebPush>>,
    pub limiters: Arc<Limiters>,
    /// What `GET /v1/meta` answers.
    pub meta: Document,
    pub legal: LegalPages,
    /// Whether the database answers.
    pub database_check: DatabaseCheck,
    pub tasks: Tasks,
}
