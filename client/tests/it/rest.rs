use tebdil_client::rest::{Account, Api, ApiError, new_refresh_seed};
use tebdil_protocol::{ErrorCode, LoginRequest, RegisterRequest, Secret, time::Clock};

use crate::relay::Relay;

fn request(alias: &str) -> RegisterRequest {
    RegisterRequest {
        phone: "+905301234567".into(),
        password: "correct horse".into(),
        alias: alias.into(),
        birth_date: "1990-01-01".into(),
        accept_terms: true,
        locale: None,
        invite: None,
        device: None,
    }
}

#[tokio::test]
async fn problems_and_answers_are_told_apart() {
    let relay = Relay::start().await;
    let api = Api::new(&relay.address).expect("address");
    let error = api.register(&request("taken")).await.expect_err("refused");
    assert_eq!(error.code(), Some(ErrorCode::PhoneTaken));
    let (account, user) = Account::register(&api, &request("ada"), Clock::system(0))
        .await
        .expect("registered");
    assert_eq!(user.handle, "ada#0001");
    assert_eq!(account.me().await.expect("me").alias, "ada");
    let error = account
        .quota()
        .await
        .expect_err("the stand-in has no such path");
    assert!(matches!(error, ApiError::Unexpected(404)), "{error:?}");
    let bad = LoginRequest {
        phone: "+905301234567".into(),
        password: "no".into(),
        device: None,
        totp: None,
    };
    assert_eq!(
        api.login(&bad).await.expect_err("refused").code(),
        Some(ErrorCode::InvalidCredentials)
    );
    assert!(matches!(Api::new("http://"), Err(ApiError::Address)));
    let nobody = Api::new("http://127.0.0.1:1").expect("address");
    assert!(
        nobody
            .login(&bad)
            .await
            .expect_err("nobody there")
            .is_transient()
    );
}

#[tokio::test]
async fn many_calls_with_an_old_token_renew_it_once() {
    let relay = Relay::start().await;
    let api = Api::new(&relay.address).expect("address");
    let (account, _) = Account::register(&api, &request("ada"), Clock::system(0))
        .await
        .expect("registered");
    // The server forgets the access token but not the session: as if it had expired.
    let mut stale = account.tokens().expect("signed in");
    stale.access_token = "access-0-9".into();
    let account_stale = Account::new(api.clone(), stale, Clock::system(0));
    for answer in futures_util::future::join_all((0..20).map(|_| account_stale.me())).await {
        answer.expect("renewed");
    }
    assert_eq!(relay.change(|world| world.refreshes), 1);
    let shown = format!("{account_stale:?} {:?}", account_stale.tokens());
    assert!(
        !shown.contains("access-") && !shown.contains("refresh-"),
        "{shown}"
    );

    // The first account object still has the refresh token that was used up: its session is over.
    assert!(matches!(account.me().await, Err(ApiError::SignedOut)));
    assert!(account.tokens().is_none());
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_it_is_used() {
    let relay = Relay::start().await;
    let api = Api::new(&relay.address).expect("address");
    let (account, _) = Account::register(&api, &request("ada"), Clock::system(0))
        .await
        .expect("registered");
    let clock = Clock::system(0);
    let mut tokens = account.tokens().expect("signed in");
    tokens.access_expires_at = clock.now() + std::time::Duration::from_secs(5);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let watcher = {
        let seen = seen.clone();
        move |tokens: &tebdil_protocol::Tokens| {
            seen.lock()
                .expect("lock")
                .push(tokens.access_token.expose().to_owned());
        }
    };
    let account = Account::kept(api, tokens, clock, new_refresh_seed(), Box::new(watcher));
    account.me().await.expect("me");
    assert_eq!(*seen.lock().expect("lock"), ["access-0-1"]);
}

#[tokio::test]
async fn a_refresh_is_repeated_and_a_stolen_token_is_not() {
    let relay = Relay::start().await;
    let api = Api::new(&relay.address).expect("address");
    let (account, _) = Account::register(&api, &request("ada"), Clock::system(0))
        .await
        .expect("registered");
    let clock = Clock::system(0);
    let mut tokens = account.tokens().expect("signed in");
    tokens.access_expires_at = clock.now();
    let seed = new_refresh_seed();
    let session = |seed: &Secret| {
        Account::kept(
            api.clone(),
            tokens.clone(),
            clock.clone(),
            seed.clone(),
            Box::new(|_| {}),
        )
    };
    relay.change(|world| world.lose_refreshes = 1);
    let first = session(&seed);
    assert!(matches!(first.me().await, Err(ApiError::Unexpected(502))));
    first.me().await.expect("the same process asks again");
    session(&seed)
        .me()
        .await
        .expect("the next process asks again");
    assert!(
        matches!(
            session(&new_refresh_seed()).me().await,
            Err(ApiError::SignedOut)
        ),
        "who has the used token only"
    );
}
