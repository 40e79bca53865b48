//! What may be done how often. What wrong passwords bring is in [`super::tries`].

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tebdil_core::{
    crypto::{BlindIndex, PhoneIndex},
    realtime::{Backoff, Denied, Limiter, Realtime},
};
use tebdil_protocol::{
    ErrorCode,
    domain::CodePurpose,
    id::{BanId, UserId},
};

use super::{Api, client_ip, problem::Failure};
use crate::{
    address::{ALLOWANCES, ClientAddress},
    auth::codes::Budget,
    config::{Config, Counted, Limit},
};

/// How often the same account, phone or address gets into `system_logs` for wrong passwords: once
/// in this time.
const LOGGED_EVERY: Duration = Duration::from_hours(24);

/// Requests that no limit per address is for: whoever asks for health must get an answer, and
/// events come all from one address, signed.
pub(super) const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", "/v1/billing/events"];

/// The counters of every limit. Addresses, phones and accounts are counted by a keyed hash: whoever
/// reads Redis learns none of them.
#[derive(Debug)]
pub struct Limiters {
    pub(super) blind: BlindIndex,
    /// In the order of [`Limit::ALL`], each with its [`ALLOWANCES`] for addresses; the first is for
    /// everything else.
    rules: Vec<[Limiter; ALLOWANCES.len()]>,
    pub(super) phones: Backoff,
    /// In the order of [`ALLOWANCES`].
    pub(super) addresses: [Backoff; ALLOWANCES.len()],
    pub(super) accounts: Backoff,
    pub(super) logged: Limiter,
    /// Guesses at codes of a phone and purpose, until the next code is asked for.
    pub(super) guesses: Backoff,
    /// What texts may cost; here only to be tidied up.
    budget: Arc<Budget>,
}

/// Who is counted.
#[derive(Debug, Clone, Copy)]
pub enum Who {
    Account(UserId),
    Address(ClientAddress),
    Phone(PhoneIndex),
    Ban(BanId),
    /// A phone, as far as codes for one purpose are concerned.
    CodesOf(CodePurpose, PhoneIndex),
}

impl From<UserId> for Who {
    fn from(user: UserId) -> Self {
        Self::Account(user)
    }
}

impl From<ClientAddress> for Who {
    fn from(address: ClientAddress) -> Self {
        Self::Address(address)
    }
}

impl From<PhoneIndex> for Who {
    fn from(phone: PhoneIndex) -> Self {
        Self::Phone(phone)
    }
}

impl From<BanId> for Who {
    fn from(ban: BanId) -> Self {
        Self::Ban(ban)
    }
}

impl Who {
    /// What stands for it where tries are counted: one key, of an address as many as it has
    /// networks.
    pub(super) fn keys(self, blind: &BlindIndex) -> Vec<[u8; 32]> {
        match self {
            Self::Account(user) => vec![blind.limited(&user.0.to_be_bytes())],
            Self::Address(address) => address
                .networks()
                .map(|network| blind.limited(&network.bytes()))
                .collect(),
            Self::Phone(phone) => vec![blind.limited(phone.as_bytes())],
            Self::Ban(ban) => vec![blind.limited(&ban.0.to_be_bytes())],
            Self::CodesOf(purpose, phone) => vec![codes_of(blind, purpose, phone)],
        }
    }
}

/// What stands for a phone where codes for one purpose are counted.
pub(super) fn codes_of(blind: &BlindIndex, purpose: CodePurpose, phone: PhoneIndex) -> [u8; 32] {
    blind.limited(&[purpose.as_str().as_bytes(), phone.as_bytes()].concat())
}

impl Limiters {
    /// As the settings say.
    pub fn new(
        config: &Config,
        realtime: &Realtime,
        blind: BlindIndex,
        budget: Arc<Budget>,
    ) -> Self {
        let (limits, login) = (&config.limits, &config.login);
        let limiters = |limit: &Limit| {
            let rule = limits.rules.of(*limit);
            ALLOWANCES.map(|times| {
                if limits.enabled || limit.is_always_on() {
                    realtime.limiter(
                        limit.as_str(),
                        rule.burst.saturating_mul(times),
                        rule.period(),
                    )
                } else {
                    realtime.no_limiter()
                }
            })
        };
        Self {
            blind,
            rules: Limit::ALL.iter().map(limiters).collect(),
            phones: realtime.backoff("password_phone", login.phone, limits.enabled),
            addresses: ALLOWANCES.map(|times| {
                realtime.backoff(
                    "password_address",
                    login.address.times(times),
                    limits.enabled,
                )
            }),
            accounts: realtime.backoff("password_account", login.account, limits.enabled),
            logged: realtime.limiter("password_logged", 1, LOGGED_EVERY),
            guesses: realtime.backoff(
                Limit::GuessPhone.as_str(),
                limits.rules.of(Limit::GuessPhone).evenly(),
                true,
            ),
            budget,
        }
    }

    /// Counts one request, or refuses it.
    ///
    /// # Errors
    /// 429 with the time to wait; 503 when a limit is counted strictly and Redis does not answer.
    pub async fn check(&self, limit: Limit, who: impl Into<Who>) -> Result<(), Failure> {
        self.count(limit, who.into())
            .await
            .map_err(|denied| refusal(limit.code(), denied))
    }

    /// Counts one try of what is not a request.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn count(&self, limit: Limit, who: Who) -> Result<(), Denied> {
        // From narrow to wide: what floods one network does not use up what those around it share.
        for (limiter, key) in self.rules[limit as usize].iter().zip(who.keys(&self.blind)) {
            let outcome = match limit.counted() {
                Counted::Strictly => limiter.check_strictly(&key).await,
                Counted::Together => limiter.check(&key).await.map_err(Denied::Wait),
                Counted::Here => limiter.check_here(&key).map_err(Denied::Wait),
            };
            outcome.inspect_err(|denied| counted(limit.as_str(), *denied))?;
        }
        Ok(())
    }

    /// Counts one try on this node, at once.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn count_here(&self, limit: Limit, user: UserId) -> Result<(), Duration> {
        // Nobody else sees this key: no hash is needed.
        let outcome = self.rules[limit as usize][0].check_here(&user.0.to_be_bytes());
        outcome.inspect_err(|wait| counted(limit.as_str(), Denied::Wait(*wait)))
    }

    /// Forgets who has been quiet long enough.
    pub fn forget_idle(&self) {
        self.rules.iter().flatten().for_each(Limiter::forget_idle);
        self.addresses
            .iter()
            .chain([&self.phones, &self.accounts, &self.guesses])
            .for_each(Backoff::forget_idle);
        self.logged.forget_idle();
        self.budget.forget_idle();
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
pub(super) async fn by_address(
    State(api): State<Arc<Api>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let unlimited = parts
        .extensions
        .get::<MatchedPath>()
        .is_some_and(|path| UNLIMITED.contains(&path.as_str()));
    if !unlimited {
        let address = client_ip::client(&parts, &api.config.http.trusted_proxies);
        if let Err(refused) = api.limiters.check(Limit::RestAddress, address).await {
            return refused.into_response();
        }
    }
    next.run(Request::from_parts(parts, body)).await
}
