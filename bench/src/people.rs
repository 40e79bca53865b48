//! Accounts and signed-in sockets in numbers.

use std::ops::Range;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tebdil_client::{
    chat::test_phone,
    raw::RawSocket,
    rest::{Account, Api},
};
use tebdil_protocol::{LoginRequest, RegisterRequest, Secret, time::Clock};

use crate::Result;

const PASSWORD: &str = "correct horse battery";

/// Calls under way at once.
const PARALLEL: usize = 16;

/// Registers the users with these numbers and gives each of them `sessions` sessions.
pub async fn register(url: &str, numbers: Range<u32>, sessions: u32) -> Result<Vec<Account>> {
    let api = Api::new(url)?;
    let accounts = stream::iter(numbers)
        .map(|number| sign_in(api.clone(), number, sessions))
        .buffer_unordered(PARALLEL);
    accounts.try_concat().await
}

async fn sign_in(api: Api, number: u32, sessions: u32) -> Result<Vec<Account>> {
    let request = RegisterRequest {
        phone: Secret::from(test_phone(number)),
        password: Secret::from(PASSWORD),
        alias: format!("bench{number}"),
        birth_date: Secret::from("1990-01-01"),
        accept_terms: true,
        locale: None,
        invite: None,
        device: None,
    };
    let mut accounts = vec![Account::register(&api, &request, Clock::system(0)).await?.0];
    for _ in 1..sessions {
        let request = LoginRequest {
            phone: request.phone.clone(),
            password: request.password.clone(),
            device: None,
            totp: None,
        };
        accounts.push(Account::login(&api, &request, Clock::system(0)).await?.0);
    }
    Ok(accounts)
}

/// Gives every session key packages, which the server does not look into.
pub async fn upload_keys(accounts: &[Account]) -> Result<()> {
    let uploads = stream::iter(accounts).map(async |account| {
        account
            .put_keys(&[vec![1; 300], vec![3; 300]], Some(&[2; 300]))
            .await
    });
    uploads
        .buffer_unordered(PARALLEL)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

/// Opens a signed-in socket for every session.
pub async fn connect(url: &str, accounts: &[Account]) -> Result<Vec<RawSocket>> {
    let sockets = stream::iter(accounts).map(async |account| {
        let tokens = account.tokens().ok_or("signed out")?;
        Result::Ok(RawSocket::hello(url, &tokens.access_token).await?.0)
    });
    sockets.buffered(PARALLEL).try_collect().await
}
