//! Calls of a signed-in session.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tebdil_protocol::{
    Authenticated, Block, BlockRequest, Claim, ClaimRequest, ConsentRequest, ErrorCode, IceServers,
    IceServersRequest, KeyUpload, KeysRemaining, LoginRequest, Match, MessageNew, Page,
    PasswordChangeRequest, ProfilePatch, Quota, RegisterRequest, Report, ReportRequest, Secret,
    Session, Tokens, User,
    domain::{MatchStatus, Mode},
    id::{BlockId, MatchId, SessionId},
    time::Clock,
};
use uuid::Uuid;

use super::{Api, ApiError, api::Nothing};

/// A token that lives for less than this is renewed before it is used.
const MARGIN: Duration = Duration::from_secs(30);

/// Which matches [`Account::matches`] lists.
#[derive(Debug, Clone, Default)]
pub struct MatchFilter {
    pub status: Option<MatchStatus>,
    pub mode: Option<Mode>,
    /// 1 to 100; absent: 50.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

type Watcher = dyn Fn(&Tokens) + Send + Sync;

struct Shared {
    api: Api,
    clock: Clock,
    tokens: std::sync::Mutex<Option<Tokens>>,
    /// Held while a refresh is under way, so that callers that come meanwhile use its result: a
    /// refresh token works once.
    refreshing: tokio::sync::Mutex<()>,
    refresh_seed: Secret,
    watcher: Option<Box<Watcher>>,
}

/// A signed-in session. Cheap to clone; clones share the tokens.
///
/// The access token is renewed by itself: before it expires, and once when the server refuses it.
/// Many calls at once cause one renewal.
#[derive(Clone)]
pub struct Account(Arc<Shared>);

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("server", &self.0.api.server())
            .finish_non_exhaustive()
    }
}

impl Account {
    /// A session whose tokens are known and end with the process.
    pub fn new(api: Api, tokens: Tokens, clock: Clock) -> Self {
        Self::build(api, tokens, clock, new_refresh_seed(), None)
    }

    /// A session that outlives the process: `watcher` is called with every new pair of tokens
    /// before it is used, so that it can be stored.
    ///
    /// `refresh_seed` is stored beside the tokens, from [`new_refresh_seed`] when the session
    /// begins. It lets a refresh whose answer was lost, with the line or with the process, be
    /// repeated. Whoever steals a used refresh token does not have it, so for them the token stays
    /// used.
    pub fn kept(
        api: Api,
        tokens: Tokens,
        clock: Clock,
        refresh_seed: Secret,
        watcher: Box<Watcher>,
    ) -> Self {
        Self::build(api, tokens, clock, refresh_seed, Some(watcher))
    }

    fn build(
        api: Api,
        tokens: Tokens,
        clock: Clock,
        refresh_seed: Secret,
        watcher: Option<Box<Watcher>>,
    ) -> Self {
        let tokens = std::sync::Mutex::new(Some(tokens));
        Self(Arc::new(Shared {
            api,
            clock,
            tokens,
            refreshing: tokio::sync::Mutex::new(()),
            refresh_seed,
            watcher,
        }))
    }

    /// Registers and signs in.
    pub async fn register(
        api: &Api,
        request: &RegisterRequest,
        clock: Clock,
    ) -> Result<(Self, User), ApiError> {
        let Authenticated { user, tokens } = api.register(request).await?;
        Ok((Self::new(api.clone(), tokens, clock), user))
    }

    /// Signs in.
    pub async fn login(
        api: &Api,
        request: &LoginRequest,
        clock: Clock,
    ) -> Result<(Self, User), ApiError> {
        let Authenticated { user, tokens } = api.login(request).await?;
        Ok((Self::new(api.clone(), tokens, clock), user))
    }

    /// The server this session is at.
    pub fn api(&self) -> &Api {
        &self.0.api
    }

    /// The tokens as they are now; `None` when the session is over.
    pub fn tokens(&self) -> Option<Tokens> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Tokens>> {
        self.0
            .tokens
            .lock()
            .expect("nothing panics while it holds the tokens")
    }

    /// Tokens whose access token lives for at least `margin`, renewed where it would not.
    pub async fn fresh_tokens(&self, margin: Duration) -> Result<Tokens, ApiError> {
        let tokens = self.tokens().ok_or(ApiError::SignedOut)?;
        if tokens.access_expires_at > self.0.clock.now() + margin {
            Ok(tokens)
        } else {
            self.renew(&tokens.access_token).await
        }
    }

    /// New tokens instead of `refused`; those that another caller got meanwhile, if there are.
    ///
    /// # Errors
    /// [`ApiError::SignedOut`] when the server does not renew this session any more.
    pub async fn renew(&self, refused: &Secret) -> Result<Tokens, ApiError> {
        let _one_at_a_time = self.0.refreshing.lock().await;
        let current = self.tokens().ok_or(ApiError::SignedOut)?;
        if current.access_token != *refused {
            return Ok(current);
        }
        let digest = Sha256::new()
            .chain_update(self.0.refresh_seed.expose())
            .chain_update(current.refresh_token.expose())
            .finalize();
        match self
            .0
            .api
            .refresh(&current.refresh_token, &STANDARD.encode(digest))
            .await
        {
            Ok(tokens) => {
                if let Some(watcher) = &self.0.watcher {
                    watcher(&tokens);
                }
                *self.lock() = Some(tokens.clone());
                Ok(tokens)
            }
            Err(error) => match error.code() {
                Some(
                    ErrorCode::RefreshInvalid | ErrorCode::RefreshReused | ErrorCode::Unauthorized,
                ) => {
                    *self.lock() = None;
                    Err(ApiError::SignedOut)
                }
                _ => Err(error),
            },
        }
    }

    /// Any call with this session's token, `path` beginning with `/v1/`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ApiError> {
        let tokens = self.fresh_tokens(MARGIN).await?;
        match self
            .0
            .api
            .call(method.clone(), path, Some(&tokens.access_token), body)
            .await
        {
            Err(error) if error.code() == Some(ErrorCode::Unauthorized) => {
                let tokens = self.renew(&tokens.access_token).await?;
                self.0
                    .api
                    .call(method, path, Some(&tokens.access_token), body)
                    .await
            }
            answer => answer,
        }
    }

    /// The same for a call whose answer has no body.
    pub async fn call_empty(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(), ApiError> {
        let tokens = self.fresh_tokens(MARGIN).await?;
        match self
            .0
            .api
            .call_empty(method.clone(), path, Some(&tokens.access_token), body)
            .await
        {
            Err(error) if error.code() == Some(ErrorCode::Unauthorized) => {
                let tokens = self.renew(&tokens.access_token).await?;
                self.0
                    .api
                    .call_empty(method, path, Some(&tokens.access_token), body)
                    .await
            }
            answer => answer,
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, None::<&Nothing>).await
    }

    async fn delete(&self, path: &str) -> Result<(), ApiError> {
        self.call_empty(Method::DELETE, path, None::<&Nothing>)
            .await
    }

    /// `POST /v1/auth/logout`; the session is over, here too.
    pub async fn logout(&self) -> Result<(), ApiError> {
        self.call_empty(Method::POST, "/v1/auth/logout", None::<&Nothing>)
            .await?;
        self.sign_out();
        Ok(())
    }

    /// Forgets the tokens: the session is over.
    pub(super) fn sign_out(&self) {
        *self.lock() = None;
    }

    /// `GET /v1/me`
    pub async fn me(&self) -> Result<User, ApiError> {
        self.get("/v1/me").await
    }

    /// `POST /v1/me/consent`: the user accepts this version of the terms, the current one.
    pub async fn accept_terms(&self, terms_version: i64) -> Result<(), ApiError> {
        let body = ConsentRequest { terms_version };
        self.call_empty(Method::POST, "/v1/me/consent", Some(&body))
            .await
    }

    /// `PATCH /v1/me`
    pub async fn patch(&self, patch: &ProfilePatch) -> Result<User, ApiError> {
        self.call(Method::PATCH, "/v1/me", Some(patch)).await
    }

    /// `POST /v1/me/password`; the account's other sessions are over.
    pub async fn change_password(&self, current: &Secret, new: &Secret) -> Result<(), ApiError> {
        let body = PasswordChangeRequest {
            current_password: current.clone(),
            new_password: new.clone(),
        };
        self.call_empty(Method::POST, "/v1/me/password", Some(&body))
            .await
    }

    /// `GET /v1/me/sessions`, first page.
    pub async fn sessions(&self) -> Result<Page<Session>, ApiError> {
        self.get("/v1/me/sessions").await
    }

    /// `DELETE /v1/me/sessions/{id}`
    pub async fn delete_session(&self, id: SessionId) -> Result<(), ApiError> {
        self.delete(&format!("/v1/me/sessions/{id}")).await
    }

    /// `GET /v1/me/quota`
    pub async fn quota(&self) -> Result<Quota, ApiError> {
        self.get("/v1/me/quota").await
    }

    /// `PUT /v1/keys`; at most 100 packages.
    pub async fn put_keys(
        &self,
        packages: &[Vec<u8>],
        last_resort: Option<&[u8]>,
    ) -> Result<KeysRemaining, ApiError> {
        let packages = packages
            .iter()
            .map(|package| STANDARD.encode(package))
            .collect();
        let body = KeyUpload {
            packages,
            last_resort: last_resort.map(|package| STANDARD.encode(package)),
        };
        self.call(Method::PUT, "/v1/keys", Some(&body)).await
    }

    /// `GET /v1/keys`
    pub async fn keys(&self) -> Result<KeysRemaining, ApiError> {
        self.get("/v1/keys").await
    }

    /// `GET /v1/matches`
    pub async fn matches(&self, filter: &MatchFilter) -> Result<Page<Match>, ApiError> {
        let mut query = Query::default();
        query.push("status", filter.status);
        query.push("mode", filter.mode);
        query.push("limit", filter.limit);
        query.push("cursor", filter.cursor.as_deref());
        self.get(&query.onto("/v1/matches")).await
    }

    /// `GET /v1/matches/{id}`
    pub async fn match_by_id(&self, id: MatchId) -> Result<Match, ApiError> {
        self.get(&format!("/v1/matches/{id}")).await
    }

    /// `GET /v1/matches/{id}/messages?after=`: what the peer sent and this device has not
    /// acknowledged, behind `after` or all of it.
    pub async fn messages(
        &self,
        id: MatchId,
        after: Option<i64>,
    ) -> Result<Page<MessageNew>, ApiError> {
        let mut query = Query::default();
        query.push("after", after);
        self.get(&query.onto(&format!("/v1/matches/{id}/messages")))
            .await
    }

    /// `POST /v1/matches/{id}/leave`
    pub async fn leave(&self, id: MatchId) -> Result<(), ApiError> {
        self.call_empty(
            Method::POST,
            &format!("/v1/matches/{id}/leave"),
            None::<&Nothing>,
        )
        .await
    }

    /// `POST /v1/rtc/ice-servers`: relays for the call of a video match.
    pub async fn ice_servers(&self, match_id: MatchId) -> Result<IceServers, ApiError> {
        self.call(
            Method::POST,
            "/v1/rtc/ice-servers",
            Some(&IceServersRequest { match_id }),
        )
        .await
    }

    /// `POST /v1/blocks`: ends the match and lasts.
    pub async fn block(&self, match_id: MatchId) -> Result<Block, ApiError> {
        self.call(Method::POST, "/v1/blocks", Some(&BlockRequest { match_id }))
            .await
    }

    /// `GET /v1/blocks`, first page.
    pub async fn blocks(&self) -> Result<Page<Block>, ApiError> {
        self.get("/v1/blocks").await
    }

    /// `DELETE /v1/blocks/{id}`
    pub async fn unblock(&self, id: BlockId) -> Result<(), ApiError> {
        self.delete(&format!("/v1/blocks/{id}")).await
    }

    /// `POST /v1/claims`
    pub async fn claim(&self, match_id: MatchId) -> Result<Claim, ApiError> {
        self.call(Method::POST, "/v1/claims", Some(&ClaimRequest { match_id }))
            .await
    }

    /// `POST /v1/reports`, up to seven days after the match.
    pub async fn report(&self, report: &ReportRequest) -> Result<Report, ApiError> {
        self.call(Method::POST, "/v1/reports", Some(report)).await
    }

    /// `GET /v1/claims`, first page.
    pub async fn claims(&self) -> Result<Page<Claim>, ApiError> {
        self.get("/v1/claims").await
    }
}

/// A random value for [`Account::kept`].
pub fn new_refresh_seed() -> Secret {
    Secret::from(Uuid::new_v4().to_string())
}

/// A query string.
#[derive(Default)]
struct Query(String);

impl Query {
    fn push(&mut self, name: &str, value: Option<impl fmt::Display>) {
        use fmt::Write as _;
        let Some(value) = value else { return };
        self.0.push(if self.0.is_empty() { '?' } else { '&' });
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.to_string().bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    self.0.push(char::from(byte));
                }
                _ => write!(self.0, "%{byte:02X}").expect("writing to a String cannot fail"),
            }
        }
    }

    fn onto(&self, path: &str) -> String {
        format!("{path}{}", self.0)
    }
}
