//! Calls that need no session, and the way every call goes.

use std::time::Duration;

use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde::{Serialize, de::DeserializeOwned};
use tebdil_protocol::{
    Appeal, AppealRequest, Authenticated, LoginRequest, Meta, Page, PasswordResetConfirmation,
    PasswordResetRequest, Problem, RefreshRequest, Refreshed, RegisterRequest, Secret, Tokens,
    VerifyPhoneRequest,
};

use super::ApiError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A login under load waits in the server's hashing queue.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// A server, by its HTTP address. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    server: String,
}

/// An empty body or answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Nothing {}

impl Api {
    /// The API of `server`, e.g. `http://127.0.0.1:8080`.
    pub fn new(server: &str) -> Result<Self, ApiError> {
        let server = if server.contains("://") {
            server.to_owned()
        } else {
            format!("http://{server}")
        };
        let parsed = reqwest::Url::parse(&server).map_err(|_| ApiError::Address)?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(ApiError::Address);
        }
        let server = server.trim_end_matches('/').to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(ApiError::Transport)?;
        Ok(Self { http, server })
    }

    /// The server's HTTP address without a slash at its end.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `GET /v1/meta`: what the server is called, offers and asks for.
    pub async fn meta(&self) -> Result<Meta, ApiError> {
        self.call(Method::GET, "/v1/meta", None, None::<&Nothing>)
            .await
    }

    /// `POST /v1/auth/register`
    ///
    /// # Errors
    /// [`ApiError::VerificationRequired`] when the server has sent a code to the phone: go on with
    /// [`Api::verify_phone`].
    pub async fn register(&self, request: &RegisterRequest) -> Result<Authenticated, ApiError> {
        let (status, body) = self
            .send(Method::POST, "/v1/auth/register", None, Some(request))
            .await?;
        if status == StatusCode::ACCEPTED {
            return Err(ApiError::VerificationRequired);
        }
        read(status, &body)
    }

    /// `POST /v1/auth/verify-phone`
    pub async fn verify_phone(
        &self,
        request: &VerifyPhoneRequest,
    ) -> Result<Authenticated, ApiError> {
        self.call(Method::POST, "/v1/auth/verify-phone", None, Some(request))
            .await
    }

    /// `POST /v1/auth/password-reset`; whether anybody has this phone is not told.
    pub async fn request_password_reset(&self, phone: &Secret) -> Result<(), ApiError> {
        let body = PasswordResetRequest {
            phone: phone.clone(),
        };
        self.call_empty(Method::POST, "/v1/auth/password-reset", None, Some(&body))
            .await
    }

    /// `POST /v1/auth/password-reset/confirm`
    pub async fn reset_password(
        &self,
        confirmation: &PasswordResetConfirmation,
    ) -> Result<(), ApiError> {
        self.call_empty(
            Method::POST,
            "/v1/auth/password-reset/confirm",
            None,
            Some(confirmation),
        )
        .await
    }

    /// `POST /v1/auth/login`
    pub async fn login(&self, request: &LoginRequest) -> Result<Authenticated, ApiError> {
        self.call(Method::POST, "/v1/auth/login", None, Some(request))
            .await
    }

    /// `POST /v1/appeals`, with the `appeal_token` of the problem that a banned user's login got.
    pub async fn appeal(&self, appeal_token: &Secret, text: &str) -> Result<Appeal, ApiError> {
        let body = AppealRequest {
            text: text.to_owned(),
        };
        self.call(Method::POST, "/v1/appeals", Some(appeal_token), Some(&body))
            .await
    }

    /// `GET /v1/appeals`: the appeal against the ban that the token is for, if there is one.
    pub async fn appeals(&self, appeal_token: &Secret) -> Result<Option<Appeal>, ApiError> {
        let page: Page<Appeal> = self
            .call(
                Method::GET,
                "/v1/appeals",
                Some(appeal_token),
                None::<&Nothing>,
            )
            .await?;
        Ok(page.items.into_iter().next())
    }

    /// `POST /v1/auth/refresh`; the old refresh token is void from then on. A repeat with the same
    /// `Idempotency-Key` gets the same tokens, where without one it would end the session.
    pub async fn refresh(
        &self,
        refresh_token: &Secret,
        idempotency_key: &str,
    ) -> Result<Tokens, ApiError> {
        let body = RefreshRequest {
            refresh_token: refresh_token.clone(),
        };
        let request = self
            .http
            .post(format!("{}/v1/auth/refresh", self.server))
            .header("idempotency-key", idempotency_key)
            .json(&body);
        let (status, body) = exchange(request).await?;
        let answer: Refreshed = read(status, &body)?;
        Ok(answer.tokens)
    }

    /// Any call that answers JSON, `path` beginning with `/v1/`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&Secret>,
        body: Option<&impl Serialize>,
    ) -> Result<T, ApiError> {
        let (status, body) = self.send(method, path, bearer, body).await?;
        read(status, &body)
    }

    /// Any call whose answer has no body, or none that matters.
    pub async fn call_empty(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&Secret>,
        body: Option<&impl Serialize>,
    ) -> Result<(), ApiError> {
        self.send(method, path, bearer, body).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        bearer: Option<&Secret>,
        body: Option<&impl Serialize>,
    ) -> Result<(StatusCode, Vec<u8>), ApiError> {
        let mut request = self.http.request(method, format!("{}{path}", self.server));
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        exchange(request).await
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<(StatusCode, Vec<u8>), ApiError> {
    let response = request.send().await.map_err(ApiError::Transport)?;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    let body = response.bytes().await.map_err(ApiError::Transport)?;
    if status.is_success() {
        return Ok((status, body.to_vec()));
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) if is_problem => Err(ApiError::Problem(Box::new(problem))),
        _ => Err(ApiError::Unexpected(status.as_u16())),
    }
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::Unexpected(status.as_u16()))
}
