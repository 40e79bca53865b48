//! What whoever runs the server does to accounts from its command line.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::Arc,
};

use tebdil_core::{crypto::BlindIndex, domain::UserRole, id::IdGenerator, protocol::Secret};

use crate::{
    RunError, app,
    auth::Phones,
    config::{Config, Secrets},
    observability,
};

/// Longest line that is taken for a phone number, bytes.
const MAX_LINE: u64 = 256;

/// Sets the role of an account. `phone` `-` reads it from standard input. Works beside servers that run, which see it with the next request.
///
/// # Errors
/// [`RunError`], also when the number is not one or has no account.
pub(crate) async fn grant(config: Config, phone: Secret, role: UserRole) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    let failed = |why: &str| RunError::Failed(why.to_owned());
    let phone = if phone.expose() == "-" {
        tokio::task::spawn_blocking(read_phone)
            .await
            .unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(|source| RunError::Io { what: "standard input".to_owned(), source })?
    } else {
        phone
    };
    let phone = Phones::new(&config.auth.default_region).e164(phone.expose()).ok_or_else(|| failed("this is not a phone number"))?;
    // Never new keys: with others than the server's no account would be found.
    let secrets = Secrets::find(&config)?.ok_or_else(|| failed("there is no server here yet: start it and register first"))?;
    let index = BlindIndex::new(app::core_key(&secrets.phone_index_key)).phone(phone.expose());

    let clock = config.clock();
    let ids = Arc::new(IdGenerator::new(clock.clone(), &mut rand::rng()));
    let store = app::open_store(&config, ids).await?;
    let before = store.set_role_of_phone(&index, role, clock.now()).await;
    store.close().await;
    match before? {
        Some(before) => {
            let _ = writeln!(io::stdout(), "the account was {before} and is {role}");
            Ok(())
        }
        None => Err(failed("no account has this phone number: register first")),
    }
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
