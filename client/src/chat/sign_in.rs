//! Ways into a chat: a new account, a password, a stored session.

use tebdil_protocol::{
    LoginRequest, RegisterRequest, Secret, Tokens, User, VerifyPhoneRequest, time::Clock,
};

use super::{Chat, ChatError, ChatEvents, ChatOptions};
use crate::{
    rest::{Account, Api, ApiError, new_refresh_seed},
    state::{StateDir, StoredAccount},
};

impl Chat {
    /// Registers a new account and connects.
    ///
    /// # Errors
    /// [`ApiError::VerificationRequired`] when the server has sent a code to the phone: go on with
    /// [`Chat::verify_phone`].
    pub async fn register(
        options: &ChatOptions,
        request: &RegisterRequest,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let api = Api::new(&options.server)?;
        let answer = api.register(request).await?;
        Self::signed_in(options, &api, answer.tokens, answer.user).await
    }

    /// Completes a registration with the code that was sent to its phone, and connects.
    pub async fn verify_phone(
        options: &ChatOptions,
        phone: &Secret,
        code: &str,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let api = Api::new(&options.server)?;
        let answer = api
            .verify_phone(&VerifyPhoneRequest {
                phone: phone.clone(),
                code: code.into(),
            })
            .await?;
        Self::signed_in(options, &api, answer.tokens, answer.user).await
    }

    /// Registers an adult with nothing but the necessary.
    pub async fn register_simple(
        options: &ChatOptions,
        phone: &str,
        password: &str,
        alias: &str,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let request = RegisterRequest {
            phone: phone.into(),
            password: password.into(),
            alias: alias.into(),
            birth_date: "1990-01-01".into(),
            accept_terms: true,
            locale: None,
            invite: None,
            device: Some(options.device.clone()),
        };
        Self::register(options, &request).await
    }

    /// Signs in and connects. `totp` is a code of the second factor, for who has one.
    pub async fn login(
        options: &ChatOptions,
        phone: &str,
        password: &str,
        totp: Option<&str>,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let api = Api::new(&options.server)?;
        let request = LoginRequest {
            phone: phone.into(),
            password: Secret::from(password),
            device: Some(options.device.clone()),
            totp: totp.map(Secret::from),
        };
        let answer = api.login(&request).await?;
        Self::signed_in(options, &api, answer.tokens, answer.user).await
    }

    /// Goes on with the session in the state folder; `None` when there is none for this server, or
    /// it is over.
    pub async fn resume(options: &ChatOptions) -> Result<Option<(Self, ChatEvents)>, ChatError> {
        let Some(state) = &options.state else {
            return Ok(None);
        };
        let api = Api::new(&options.server)?;
        let Some(stored) = state
            .account()?
            .filter(|stored| stored.server == api.server())
        else {
            return Ok(None);
        };
        let account = account(state, options.clock.clone(), &api, stored);
        // Without its keys the session would be handed messages nobody can open.
        let Some(device) = state.device_file().load()? else {
            return Ok(None);
        };
        drop(device);
        match account.me().await {
            Ok(user) => Self::open(options, account, user).await.map(Some),
            Err(ApiError::SignedOut) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn signed_in(
        options: &ChatOptions,
        api: &Api,
        tokens: Tokens,
        user: User,
    ) -> Result<(Self, ChatEvents), ChatError> {
        let account = match &options.state {
            Some(state) => {
                // Keys belong to the session that put them; those of an earlier one are of no use.
                state.clear()?;
                let (server, handle) = (api.server().to_owned(), user.handle.clone());
                let stored = StoredAccount {
                    server,
                    handle,
                    tokens,
                    refresh_seed: new_refresh_seed(),
                };
                state.save_account(&stored)?;
                account(state, options.clock.clone(), api, stored)
            }
            None => Account::new(api.clone(), tokens, options.clock.clone()),
        };
        Self::open(options, account, user).await
    }
}

/// A session that is stored again whenever it is renewed.
fn account(state: &StateDir, clock: Clock, api: &Api, stored: StoredAccount) -> Account {
    let (state, tokens, refresh_seed) = (
        state.clone(),
        stored.tokens.clone(),
        stored.refresh_seed.clone(),
    );
    let watcher = move |tokens: &Tokens| {
        if let Err(error) = state.save_account(&StoredAccount {
            tokens: tokens.clone(),
            ..stored.clone()
        }) {
            tracing::warn!(%error, "the renewed session could not be stored; the next start needs the password");
        }
    };
    Account::kept(api.clone(), tokens, clock, refresh_seed, Box::new(watcher))
}
