//! What may be done how often. What wrong passwords bring is in [`super::tries`].

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tebdil_core::{
    crypto::{BlindIndex, PhoneIndex},
    id::{BanId, UserId},
    protocol::ErrorCode,
    realtime::{Backoff, Denied, Limiter, Realtime},
};

use super::{client_ip::ClientAddress, problem::Failure};
use crate::{
    app::App,
    config::{Config, Counted, Limit},
};

/// How often the same account, phone or address gets into `system_logs` for wrong passwords: once in this time.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// Requests that no limit per address is for: whoever asks for health must get an answer, and events come all from one address, signed.
pub(super) const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", "/v1/billing/events"];

/// The counters of every limit. Addresses, phones and accounts are counted by a keyed hash: whoever reads Redis learns none of them.
#[derive(Debug)]
pub struct Limiters {
    pub(super) blind: BlindIndex,
    /// In the order of [`Limit::ALL`].
    rules: Vec<Limiter>,
    pub(super) phones: Backoff,
    pub(super) addresses: Backoff,
    pub(super) accounts: Backoff,
    pub(super) logged: Limiter,
}

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub enum Who<'a> {
    Account(UserId),
    Address(ClientAddress),
    Phone(PhoneIndex),
    Ban(BanId),
    /// Those whose numbers begin with the same digits.
    Prefix(&'a [u8]),
    Everybody,
}

impl From<UserId> for Who<'_> {
    fn from(user: UserId) -> Self {
        Self::Account(user)
    }
}

impl From<ClientAddress> for Who<'_> {
    fn from(address: ClientAddress) -> Self {
        Self::Address(address)
    }
}

impl From<PhoneIndex> for Who<'_> {
    fn from(phone: PhoneIndex) -> Self {
        Self::Phone(phone)
    }
}

impl From<BanId> for Who<'_> {
    fn from(ban: BanId) -> Self {
        Self::Ban(ban)
    }
}

impl Who<'_> {
    /// What stands for it where tries are counted.
    pub(super) fn key(self, blind: &BlindIndex) -> [u8; 32] {
        match self {
            Self::Account(user) => blind.limited(&user.0.to_be_bytes()),
            Self::Address(address) => blind.limited(&address.bytes()),
            Self::Phone(phone) => blind.limited(phone.as_bytes()),
            Self::Ban(ban) => blind.limited(&ban.0.to_be_bytes()),
            Self::Prefix(prefix) => blind.limited(prefix),
            Self::Everybody => blind.limited(b"everybody"),
        }
    }
}

impl Limiters {
    /// As the settings say.
    pub fn new(config: &Config, realtime: &Realtime, blind: BlindIndex) -> Self {
        let (limits, login) = (&config.limits, &config.login);
        let limiter = |limit: &Limit| {
            let rule = limits.rules.of(*limit);
            if limits.enabled || limit.is_always_on() {
                realtime.limiter(limit.as_str(), rule.burst, rule.period())
            } else {
                realtime.no_limiter()
            }
        };
        Self {
            blind,
            rules: Limit::ALL.iter().map(limiter).collect(),
            phones: realtime.backoff("password_phone", login.phone.rule(), limits.enabled),
            addresses: realtime.backoff("password_address", login.address.rule(), limits.enabled),
            accounts: realtime.backoff("password_account", login.account.rule(), limits.enabled),
            logged: realtime.limiter("password_logged", 1, LOGGED_EVERY),
        }
    }

    /// Counts one request, or refuses it.
    ///
    /// # Errors
    /// 429 with the time to wait; 503 when a limit is counted strictly and Redis does not answer.
    pub async fn check(&self, limit: Limit, who: impl Into<Who<'_>>) -> Result<(), Failure> {
        self.count(limit, who.into()).await.map_err(|denied| refusal(limit.code(), denied))
    }

    /// Counts one try of what is not a request.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn count(&self, limit: Limit, who: Who<'_>) -> Result<(), Denied> {
        let limiter = &self.rules[limit as usize];
        let key = who.key(&self.blind);
        let outcome = match limit.counted() {
            Counted::Strictly => limiter.check_strictly(&key).await,
            Counted::Together => limiter.check(&key).await.map_err(Denied::Wait),
            Counted::Here => limiter.check_here(&key).map_err(Denied::Wait),
        };
        outcome.inspect_err(|denied| counted(limit.as_str(), *denied))
    }

    /// Counts one try on this node, at once.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn count_here(&self, limit: Limit, user: UserId) -> Result<(), Duration> {
        // Nobody else sees this key: no hash is needed.
        let outcome = self.rules[limit as usize].check_here(&user.0.to_be_bytes());
        outcome.inspect_err(|wait| counted(limit.as_str(), Denied::Wait(*wait)))
    }

    /// Forgets who has been quiet long enough.
    pub fn forget_idle(&self) {
        self.rules.iter().for_each(Limiter::forget_idle);
        [&self.phones, &self.addresses, &self.accounts].into_iter().for_each(Backoff::forget_idle);
        self.logged.forget_idle();
    }
}

/// Shows a refusal in the numbers.
pub(super) fn counted(limit: &'static str, denied: Denied) {
    if let Denied::Wait(_) = denied {
        metrics::counter!("tebdil_limited_total", "limit" => limit).increment(1);
    }
}

/// What who is refused is told.
pub(super) fn refusal(code: ErrorCode, denied: Denied) -> Failure {
    match denied {
        Denied::Wait(wait) => Failure::retry_after(code, wait),
        Denied::Unknown => Failure::from(ErrorCode::Unavailable),
    }
}

/// Middleware: so many requests of an address, whatever they ask for.
pub(super) async fn by_address(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let unlimited = parts.extensions.get::<MatchedPath>().is_some_and(|path| UNLIMITED.contains(&path.as_str()));
    if !unlimited {
        let address = ClientAddress::of(&parts, &app.config.http.trusted_proxies);
        if let Err(refused) = app.limiters.check(Limit::RestAddress, address).await {
            return refused.into_response();
        }
    }
    next.run(Request::from_parts(parts, body)).await
}
