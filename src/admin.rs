//! Changes to accounts from the server's command line.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use tebdil_core::{
    crypto::BlindIndex,
    store::{Store, TotpOf, TotpRemover},
};
use tebdil_protocol::{Secret, domain::UserRole, time::Clock};

use crate::{
    app,
    auth::Phones,
    config::{Config, Secrets},
    error::RunError,
    observability,
};

/// Longest line that is taken for a phone number, bytes.
const MAX_LINE: u64 = 256;

/// Sets the role of an account. `phone` `-` reads it from standard input. Works beside running
/// servers, which see it with the next request.
///
/// # Errors
/// [`RunError`], also when the number is not one or has no account.
pub(crate) async fn grant(config: Config, phone: Secret, role: UserRole) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    let phone = given(phone).await?;
    let phone = Phones::new(&config.auth.default_region)
        .e164(phone.expose())
        .ok_or_else(|| failed("this is not a phone number"))?;
    let index = blind(&config)?.phone(phone.expose());
    let (store, clock) = open(&config).await?;
    let before = store
        .accounts()
        .set_role_of_phone(&index, role, clock.now())
        .await;
    store.close().await;
    match before? {
        Some(before) => {
            let _ = writeln!(io::stdout(), "the account was {before} and is {role}");
            Ok(())
        }
        None => Err(failed("no account has this phone number: register first")),
    }
}

/// Removes the second factor of an account, by its phone (`-` reads it from standard input) or its
/// id.
///
/// # Errors
/// [`RunError`], also when there is no such account, or it has none.
pub(crate) async fn totp_reset(config: Config, account: Secret) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    let account = given(account).await?;
    let phone = match Phones::new(&config.auth.default_region).e164(account.expose()) {
        Some(phone) => Some(blind(&config)?.phone(phone.expose())),
        None => None,
    };
    let of = match &phone {
        Some(phone) => TotpOf::Phone(phone),
        // No phone number has as many digits.
        None => TotpOf::User(
            account
                .expose()
                .parse()
                .map_err(|_| failed("this is neither a phone number nor the id of an account"))?,
        ),
    };
    let (store, clock) = open(&config).await?;
    let removed = store
        .accounts()
        .remove_totp(of, TotpRemover::Operator, clock.now())
        .await;
    store.close().await;
    if !removed? {
        return Err(failed("there is no such account with a second factor"));
    }
    let _ = writeln!(io::stdout(), "the account has no second factor any more");
    Ok(())
}

fn failed(why: &str) -> RunError {
    RunError::Failed(why.to_owned())
}

/// The argument, or if that is `-` a line of standard input.
async fn given(argument: Secret) -> Result<Secret, RunError> {
    if argument.expose() != "-" {
        return Ok(argument);
    }
    let read = tokio::task::spawn_blocking(read_phone)
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)));
    read.map_err(|source| RunError::Io {
        what: "standard input".to_owned(),
        source,
    })
}

/// Never makes new keys: with keys other than the server's no account would be found.
fn blind(config: &Config) -> Result<BlindIndex, RunError> {
    let secrets = Secrets::find(config)?
        .ok_or_else(|| failed("there is no server here yet: start it and register first"))?;
    Ok(BlindIndex::new(secrets.phone_index_key))
}

async fn open(config: &Config) -> Result<(Store, Clock), RunError> {
    let clock = config.clock();
    Ok((app::open_store(config, clock.clone()).await?, clock))
}

fn read_phone() -> io::Result<Secret> {
    let input = io::stdin().lock();
    if input.is_terminal() {
        let mut prompt = io::stderr();
        write!(prompt, "Phone number: ")?;
        prompt.flush()?;
    }
    let mut line = String::new();
    io::Read::take(input, MAX_LINE).read_line(&mut line)?;
    Ok(Secret::from(line.trim()))
}
