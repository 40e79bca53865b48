//! Many who are signed in and never registered.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use rand::rngs::StdRng;
use tebdil::{
    app::open_store,
    auth::TokenIssuer,
    config::{Config, Secrets},
};
use tebdil_client::chat::test_phone;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher, hash_token},
    store::{NewSession, NewUser, Registration},
    testing::TestStore,
};
use tebdil_protocol::{Device, Secret, domain::Locale, time::Clock};

use crate::process::KEYS;

/// Access tokens of new users for servers that have [`KEYS`], written into their database: over
/// REST most of the time would go into passwords.
pub async fn tokens_of(count: usize, database: &str) -> Vec<Secret> {
    let environment = KEYS.into_iter().chain([("TEBDIL_DATABASE__URL", database)]);
    let config = Config::load(
        None,
        environment.map(|(name, value)| (name.to_owned(), value.to_owned())),
    )
    .expect("settings");
    let secrets = Secrets::load(&config, &mut rand::rng()).expect("keys");
    let clock = Clock::system(0);
    let tokens = TokenIssuer::new(secrets.jwt_keys, &config.auth, clock.clone());
    let index = BlindIndex::new(secrets.phone_index_key);
    let cipher = FieldCipher::new(secrets.field_keys);
    let store = open_store(&config, clock.clone())
        .await
        .expect("the database");
    let register = async |number: u32| {
        let phone = test_phone(number);
        let phone_index = index.phone(&phone);
        let mut rng: StdRng = rand::make_rng();
        let new = NewUser {
            phone_index,
            phone: cipher.seal(
                "users.phone",
                phone_index.as_bytes(),
                phone.as_bytes(),
                &mut rng,
            ),
            password_hash: Secret::from("none"),
            alias: TestStore::alias(&format!("guest{number}")),
            birth_year: 1990,
            locale: Locale::Tr,
            terms_version: 1,
            invite: None,
        };
        let now = clock.now();
        let session = NewSession {
            device: Device {
                name: String::new(),
                platform: String::new(),
            },
            refresh_hash: hash_token(phone.as_bytes()),
            refresh_expires_at: now + Duration::from_hours(24),
        };
        match store
            .accounts()
            .insert_user(&new, session, &mut rng, now)
            .await
            .expect("inserted")
        {
            Registration::Inserted(user, session) => {
                tokens
                    .issue_access(user.id, session.id, user.role, session.refresh_expires_at)
                    .0
            }
            refused => panic!("{refused:?}"),
        }
    };
    // Far above the numbers of those who register by themselves.
    let numbers = (1_000_000..).take(count);
    let tokens = stream::iter(numbers)
        .map(register)
        .buffer_unordered(8)
        .collect()
        .await;
    store.close().await;
    tokens
}
