//! The server's keys: from the settings, or from a file that the first start makes.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rand::CryptoRng;
use tebdil_core::crypto::{Key, KeyRing};
use tebdil_protocol::Secret;
use tebdil_workers::web_push::VapidKey;

use super::{Config, SecretSettings};

const FILE_NAME: &str = "secrets.toml";

/// The id of a key that nobody has set.
const DERIVED_KEY_ID: &str = "derived";

/// The keys cannot be used. No text here holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A shared database needs keys that every node knows.
    #[error(
        "{0} must be set in the environment: a shared database needs the same keys on every node (see `tebdil config default`)"
    )]
    Missing(String),
    /// The text of a key is wrong.
    #[error("secrets.{field}: {detail}")]
    Invalid {
        field: &'static str,
        detail: &'static str,
    },
    /// A relay can check nobody without the secret it shares with the nodes.
    #[error(
        "secrets.relay_secret must be set (TEBDIL_SECRETS__RELAY_SECRET), to the same as at the nodes, for a relay that runs alone"
    )]
    NoRelaySecret,
    /// The file is open to others.
    #[error("{} can be read by others; run: chmod 600 {}", .0.display(), .0.display())]
    Permissions(PathBuf),
    /// The database is there but its keys are gone; new ones could not read it.
    #[error("{} is missing, but there is a database beside it: restore the file from the backup, or move the database away", .0.display())]
    Lost(PathBuf),
    /// The file is not what this server wrote.
    #[error("{}: not a secrets file", .0.display())]
    Unreadable(PathBuf),
    /// The file could not be read or made.
    #[error("{}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// The keys of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Blind index of phone numbers.
    pub phone_index_key: Key,
    /// Encryption of fields.
    pub field_keys: KeyRing,
    /// Signatures of access tokens.
    pub jwt_keys: KeyRing,
    /// Proofs of messages that users report.
    pub franking_keys: KeyRing,
    /// The secret that relays share with the server.
    pub relay_secret: Secret,
    /// By which push services know the server; without it, nothing is pushed to browsers.
    pub vapid_key: Option<VapidKey>,
}

impl Secrets {
    /// Takes the keys from the settings if all three are there. Otherwise reads the file in
    /// `data_dir`, and makes it at the first start.
    ///
    /// Two processes that start together end up with the same keys.
    ///
    /// # Errors
    /// With a shared database, missing keys. A file that others can read. A database whose file is
    /// gone.
    pub fn load(config: &Config, rng: &mut impl CryptoRng) -> Result<Self, SecretsError> {
        if let Some(secrets) = Self::find(config)? {
            return Ok(secrets);
        }
        let path = config.data_dir.join(FILE_NAME);
        Self::make_file(&config.data_dir, &path, rng).map_err(|source| SecretsError::Io {
            path: path.clone(),
            source,
        })?;
        Self::read_file(&path, &config.secrets)?.ok_or(SecretsError::Unreadable(path))
    }

    /// Like [`Self::load`], but makes nothing: `None` if the first start would.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn find(config: &Config) -> Result<Option<Self>, SecretsError> {
        let given = [
            (
                "TEBDIL_SECRETS__PHONE_INDEX_KEY",
                &config.secrets.phone_index_key,
            ),
            ("TEBDIL_SECRETS__FIELD_KEYS", &config.secrets.field_keys),
            ("TEBDIL_SECRETS__JWT_KEYS", &config.secrets.jwt_keys),
        ];
        let missing: Vec<&str> = given
            .iter()
            .filter(|(_, text)| text.expose().is_empty())
            .map(|(name, _)| *name)
            .collect();
        if missing.is_empty() {
            return Self::parse(&config.secrets).map(Some);
        }
        if config.is_shared() || missing.len() < given.len() {
            return Err(SecretsError::Missing(missing.join(", ")));
        }
        let path = config.data_dir.join(FILE_NAME);
        if let Some(secrets) = Self::read_file(&path, &config.secrets)? {
            return Ok(Some(secrets));
        }
        let url = config.database_url();
        let database = tebdil_core::db::database_file(url.expose());
        if database
            .and_then(|file| fs::metadata(file).ok())
            .is_some_and(|file| file.len() > 0)
        {
            return Err(SecretsError::Lost(path));
        }
        Ok(None)
    }

    /// The secret that relays share with the server, for a process that needs no other key: as set,
    /// or as the server beside it derives it.
    ///
    /// # Errors
    /// [`SecretsError::NoRelaySecret`]; as [`Self::load`] if there is a file.
    pub fn relay(config: &Config) -> Result<Secret, SecretsError> {
        if let Some(given) = Self::given_relay_secret(&config.secrets)? {
            return Ok(given);
        }
        match Self::find(config) {
            Ok(Some(secrets)) => Ok(secrets.relay_secret),
            Ok(None) | Err(SecretsError::Missing(_)) => Err(SecretsError::NoRelaySecret),
            Err(error) => Err(error),
        }
    }

    /// The key by which push services know the server, for a process that needs no other key.
    ///
    /// # Errors
    /// [`SecretsError::Invalid`]
    pub fn given_vapid_key(text: &SecretSettings) -> Result<Option<VapidKey>, SecretsError> {
        if text.vapid_key.expose().is_empty() {
            return Ok(None);
        }
        let invalid = SecretsError::Invalid {
            field: "vapid_key",
            detail: "must be a key as `tebdil vapid-key` makes it",
        };
        VapidKey::parse(&text.vapid_key).map(Some).ok_or(invalid)
    }

    fn given_relay_secret(text: &SecretSettings) -> Result<Option<Secret>, SecretsError> {
        match text.relay_secret.expose() {
            "" => Ok(None),
            given if given.len() >= 16 => Ok(Some(given.into())),
            _ => Err(SecretsError::Invalid {
                field: "relay_secret",
                detail: "must have at least 16 bytes",
            }),
        }
    }

    fn parse(text: &SecretSettings) -> Result<Self, SecretsError> {
        let phone_index_key =
            Key::parse(text.phone_index_key.expose()).ok_or(SecretsError::Invalid {
                field: "phone_index_key",
                detail: "must be 32 bytes in base64",
            })?;
        let derived = phone_index_key.derive(b"tebdil.franking.v1");
        let franking_keys = match text.franking_keys.expose() {
            "" => KeyRing::new(DERIVED_KEY_ID, derived),
            given => {
                let ring = ring("franking_keys", given)?;
                if ring.get(DERIVED_KEY_ID).is_some() {
                    return Err(SecretsError::Invalid {
                        field: "franking_keys",
                        detail: "the key id \"derived\" is taken",
                    });
                }
                // Messages franked with the derived key can still be reported.
                ring.with(DERIVED_KEY_ID, derived)
            }
        };
        let relay_secret = match Self::given_relay_secret(text)? {
            None => STANDARD
                .encode(phone_index_key.derive(b"tebdil.relay.v1").bytes())
                .into(),
            Some(given) => given,
        };
        Ok(Self {
            relay_secret,
            phone_index_key,
            franking_keys,
            field_keys: ring("field_keys", text.field_keys.expose())?,
            jwt_keys: ring("jwt_keys", text.jwt_keys.expose())?,
            vapid_key: Self::given_vapid_key(text)?,
        })
    }

    /// The keys of the file. Relay secret, franking and VAPID keys of the settings replace its own.
    fn read_file(path: &Path, given: &SecretSettings) -> Result<Option<Self>, SecretsError> {
        let io_error = |source| SecretsError::Io {
            path: path.to_owned(),
            source,
        };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(error)),
        };
        if file.metadata().map_err(io_error)?.permissions().mode() & 0o077 != 0 {
            return Err(SecretsError::Permissions(path.to_owned()));
        }
        let text = Secret::from(io::read_to_string(file).map_err(io_error)?);
        // The parser's own message would quote the line, so it is dropped.
        let mut settings: SecretSettings =
            toml::from_str(text.expose()).map_err(|_| SecretsError::Unreadable(path.to_owned()))?;
        for (own, given) in [
            (&mut settings.relay_secret, &given.relay_secret),
            (&mut settings.franking_keys, &given.franking_keys),
            (&mut settings.vapid_key, &given.vapid_key),
        ] {
            if !given.expose().is_empty() {
                *own = given.clone();
            }
        }
        Self::parse(&settings).map(Some)
    }

    /// Writes new keys beside `path` and links them there, so that the file is never seen half
    /// written and never replaced.
    fn make_file(dir: &Path, path: &Path, rng: &mut impl CryptoRng) -> io::Result<()> {
        super::make_private_dir(dir)?;
        let mut key = || {
            let mut bytes = zeroize::Zeroizing::new([0; 32]);
            rng.fill_bytes(bytes.as_mut());
            STANDARD.encode(bytes.as_slice())
        };
        let text = Secret::from(format!(
            "# Made at the first start. Without this file nobody can read the phone numbers in the database, with it anybody can:\n\
             # keep it secret, and keep a copy apart from the copies of the database.\n\
             phone_index_key = \"{}\"\nfield_keys = \"k1:{}\"\njwt_keys = \"k1:{}\"\n\
             vapid_key = \"{}\"\n",
            key(),
            key(),
            key(),
            VapidKey::generate().expose(),
        ));
        let mut suffix = [0; 8];
        rng.fill_bytes(&mut suffix);
        let draft = dir.join(format!(".{FILE_NAME}.{:016x}", u64::from_ne_bytes(suffix)));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let written = file
            .write_all(text.expose().as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::hard_link(&draft, path));
        fs::remove_file(&draft)?;
        match written {
            // Another process was first: its keys count.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::File::open(dir)?.sync_all(),
        }
    }
}

fn ring(field: &'static str, text: &str) -> Result<KeyRing, SecretsError> {
    KeyRing::parse(text).map_err(|detail| SecretsError::Invalid { field, detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(environment: &[(&str, &str)]) -> Config {
        Config::load(
            None,
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
        .expect("settings")
    }

    fn embedded(dir: &Path) -> Config {
        config(&[("TEBDIL_DATA_DIR", dir.to_str().expect("UTF-8"))])
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_the_next_reads_it() {
        let dir = tempfile::tempdir().expect("directory");
        let config = embedded(&dir.path().join("data"));
        let first = Secrets::load(&config, &mut rand::rng()).expect("made");
        let next = Secrets::load(&config, &mut rand::rng()).expect("read");
        assert_eq!(next, first);
        let path = config.data_dir.join(FILE_NAME);
        assert_eq!(
            fs::metadata(&path).expect("file").permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_dir(&config.data_dir).expect("directory").count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn keys_of_the_file_go_with_a_relay_secret_of_the_settings() {
        let dir = tempfile::tempdir().expect("directory");
        let derived = Secrets::load(&embedded(dir.path()), &mut rand::rng()).expect("made");
        let with = |secret| {
            config(&[
                ("TEBDIL_DATA_DIR", dir.path().to_str().expect("UTF-8")),
                ("TEBDIL_SECRETS__RELAY_SECRET", secret),
            ])
        };
        let shared = Secrets::load(&with("coturn's, 16 bytes"), &mut rand::rng()).expect("read");
        assert_eq!(
            shared,
            Secrets {
                relay_secret: "coturn's, 16 bytes".into(),
                ..derived
            }
        );
        assert!(Secrets::load(&with("short"), &mut rand::rng()).is_err());
    }

    #[test]
    fn a_vapid_key_is_made_with_the_others_and_can_be_replaced() {
        let dir = tempfile::tempdir().expect("directory");
        let other = VapidKey::generate();
        let made = Secrets::load(&embedded(dir.path()), &mut rand::rng()).expect("made");
        let with = |key| {
            config(&[
                ("TEBDIL_DATA_DIR", dir.path().to_str().expect("UTF-8")),
                ("TEBDIL_SECRETS__VAPID_KEY", key),
            ])
        };
        let own = Secrets::load(&with(other.expose()), &mut rand::rng()).expect("read");
        let vapid_key = VapidKey::parse(&other);
        assert!(made.vapid_key.is_some() && made.vapid_key != vapid_key);
        assert_eq!(own, Secrets { vapid_key, ..made });
        let wrong = Secrets::load(&with("hunter2"), &mut rand::rng()).expect_err("no key");
        let text = wrong.to_string();
        assert!(text.starts_with("secrets.vapid_key") && !text.contains("hunter2"));
    }

    #[test]
    fn two_first_starts_at_once_agree() {
        let dir = tempfile::tempdir().expect("directory");
        let config = embedded(dir.path());
        let found: Vec<Secrets> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Secrets::load(&config, &mut rand::rng()).expect("keys")))
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().expect("thread"))
                .collect()
        });
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn franking_keys_of_the_settings_count_with_keys_of_the_file() {
        let dir = tempfile::tempdir().expect("directory");
        let made = Secrets::load(&embedded(dir.path()), &mut rand::rng()).expect("made");
        let ring = format!("f1:{}", STANDARD.encode([1; 32]));
        let path = dir.path().to_str().expect("UTF-8");
        let config = config(&[
            ("TEBDIL_DATA_DIR", path),
            ("TEBDIL_SECRETS__FRANKING_KEYS", ring.as_str()),
        ]);
        let keys = Secrets::load(&config, &mut rand::rng())
            .expect("read")
            .franking_keys;
        assert_eq!(
            (keys.current().0, keys.get(DERIVED_KEY_ID)),
            ("f1", made.franking_keys.get(DERIVED_KEY_ID))
        );
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        let config = embedded(dir.path());
        Secrets::load(&config, &mut rand::rng()).expect("made");
        fs::set_permissions(
            dir.path().join(FILE_NAME),
            fs::Permissions::from_mode(0o640),
        )
        .expect("mode");
        assert!(matches!(
            Secrets::load(&config, &mut rand::rng()),
            Err(SecretsError::Permissions(_))
        ));
    }

    #[test]
    fn a_database_without_its_keys_is_not_given_new_ones() {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("tebdil.db"), "data").expect("file");
        assert!(matches!(
            Secrets::load(&embedded(dir.path()), &mut rand::rng()),
            Err(SecretsError::Lost(_))
        ));
    }

    #[test]
    fn a_shared_database_names_what_is_missing() {
        let config = config(&[
            ("TEBDIL_DATABASE__URL", "postgres://h/d"),
            ("TEBDIL_SECRETS__JWT_KEYS", "k1:x"),
        ]);
        let text = Secrets::load(&config, &mut rand::rng())
            .expect_err("missing")
            .to_string();
        assert!(
            text.contains("TEBDIL_SECRETS__PHONE_INDEX_KEY, TEBDIL_SECRETS__FIELD_KEYS")
                && !text.contains("JWT"),
            "{text}"
        );
    }

    #[test]
    fn keys_from_the_environment_rotate_and_never_show() {
        let [old, new] = [[1_u8; 32], [2; 32]].map(|bytes| STANDARD.encode(bytes));
        let ring = format!("new:{new},old:{old}");
        let environment = [
            ("TEBDIL_DATABASE__URL", "postgres://h/d"),
            ("TEBDIL_SECRETS__PHONE_INDEX_KEY", old.as_str()),
            ("TEBDIL_SECRETS__FIELD_KEYS", ring.as_str()),
            ("TEBDIL_SECRETS__JWT_KEYS", ring.as_str()),
        ];
        let secrets = Secrets::load(&config(&environment), &mut rand::rng()).expect("keys");
        assert_eq!(secrets.jwt_keys.current().0, "new");
        assert_eq!(secrets.jwt_keys.get("old").map(Key::bytes), Some(&[1; 32]));
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("1, 1") && !shown.contains(&old), "{shown}");
    }

    #[test]
    fn a_franking_key_is_there_from_the_start_and_can_be_replaced() {
        let key = STANDARD.encode([1; 32]);
        let mut environment = vec![
            ("TEBDIL_SECRETS__PHONE_INDEX_KEY", key.clone()),
            ("TEBDIL_SECRETS__FIELD_KEYS", format!("k:{key}")),
            ("TEBDIL_SECRETS__JWT_KEYS", format!("k:{key}")),
        ];
        let load = |environment: &[(&str, String)]| {
            let pairs: Vec<(&str, &str)> = environment
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            Secrets::load(&config(&pairs), &mut rand::rng())
        };
        let derived = load(&environment).expect("keys").franking_keys;
        assert_eq!(derived.current().0, DERIVED_KEY_ID);
        assert_ne!(derived.current().1, &Key::from([1; 32]));
        environment.push(("TEBDIL_SECRETS__FRANKING_KEYS", format!("f1:{key}")));
        let ring = load(&environment).expect("keys").franking_keys;
        assert_eq!(
            (ring.current().0, ring.get(DERIVED_KEY_ID)),
            ("f1", Some(derived.current().1))
        );
        environment.push(("TEBDIL_SECRETS__FRANKING_KEYS", format!("derived:{key}")));
        assert!(load(&environment).is_err());
    }

    #[test]
    fn wrong_keys_are_refused_without_showing_them() {
        for bad in ["hunter2", "k1:hunter2", ":x", "k1:AAAA"] {
            let text = ring("jwt_keys", bad).expect_err(bad).to_string();
            assert!(
                text.starts_with("secrets.jwt_keys") && !text.contains("hunter2"),
                "{text}"
            );
        }
        let key = STANDARD.encode([0; 32]);
        assert!(ring("jwt_keys", &format!("a:{key},a:{key}")).is_err());
    }
}
