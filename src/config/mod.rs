//! Settings: an embedded commented default, then a file, then the environment.
//!
//! To add a setting: a commented line in `default.toml`, and a field in the struct of its section,
//! with a check beside it where a value can be wrong. Sections that are the rules of a domain are
//! defined there: see [`Config`].

mod billing;
mod matches;
mod node;
mod origins;
mod proxies;
mod relay;
mod secrets;
mod sections;
mod service;
mod warnings;

use std::{collections::HashMap, path::Path};

use tebdil_core::settings::SettingProblem;

pub use billing::{Billing, FREE_PLAN};
pub use matches::*;
pub use node::*;
pub use origins::Origins;
pub use proxies::TrustedProxies;
pub use relay::Relay;
pub use secrets::{Secrets, SecretsError};
pub use sections::*;
pub use service::{Legal, Service};

/// The commented defaults, as `tebdil config default` prints them.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or variable could not be read, or names something unknown.
    #[error("{0}")]
    Read(#[from] config::ConfigError),
    /// A variable that ends with `_FILE` names no readable file. Its content is never shown.
    #[error("TEBDIL_{variable} names a file that cannot be read: {source}")]
    File {
        variable: String,
        source: std::io::Error,
    },
    /// Two variables set the same.
    #[error("{setting} is set by two variables: give the value or name a file of it, not both")]
    Twice { setting: String },
    /// Values that are not allowed, by themselves or together.
    #[error("{}", list(.0))]
    Invalid(Vec<SettingProblem>),
}

fn list(problems: &[SettingProblem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

impl Config {
    /// Reads the settings from `file` (if any) and `environment`, and checks them.
    ///
    /// # Errors
    /// [`ConfigError`] names every field that is wrong.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut sources = config::Config::builder().add_source(config::File::from_str(
            DEFAULT_TOML,
            config::FileFormat::Toml,
        ));
        if let Some(path) = file {
            sources = sources.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        let variables = config::Environment::default()
            .separator("__")
            .source(Some(variables(environment)?));
        let settings: Self = sources.add_source(variables).build()?.try_deserialize()?;
        let problems = settings.problems();
        if problems.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }
}

/// Ends the name of a variable that names a file with the value, as containers get credentials.
const OF_FILE: &str = "_FILE";

/// Our variables without their prefix; those that name files have their content.
///
/// `TEBDIL_CONFIG` names the file of settings, and `TEBDIL_TEST_…` belongs to the test suite;
/// neither is a setting.
fn variables(
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<HashMap<String, String>, ConfigError> {
    let mut values = HashMap::new();
    // If a variable occurs twice the later value wins, as usual for processes.
    for (variable, value) in environment.into_iter().collect::<HashMap<_, _>>() {
        let Some(variable) = variable
            .strip_prefix("TEBDIL_")
            .filter(|name| *name != "CONFIG" && !name.starts_with("TEST_"))
        else {
            continue;
        };
        let (name, value) = match variable.strip_suffix(OF_FILE) {
            Some(name) => (name, content(variable, &value)?),
            None => (variable, value),
        };
        let name = if name == "LOG" {
            "log__filter".to_owned()
        } else {
            name.to_ascii_lowercase()
        };
        if values.contains_key(&name) {
            return Err(ConfigError::Twice {
                setting: name.replace("__", "."),
            });
        }
        values.insert(name, value);
    }
    Ok(values)
}

/// The content of the file that `variable` names, without surrounding whitespace.
fn content(variable: &str, file: &str) -> Result<String, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::File {
        variable: variable.to_owned(),
        source,
    })?;
    Ok(text.trim().to_owned())
}

/// Makes a folder that only this user can enter, unless it exists.
pub(crate) fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, environment).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_complete_and_valid() {
        let config = load(&[]).expect("defaults");
        assert_eq!(config.http.listen, "127.0.0.1:8080");
        assert_eq!(config.database_url().expose(), "sqlite:data/tebdil.db");
        let [only] = &config.warnings()[..] else {
            panic!("one warning")
        };
        assert_eq!(
            only,
            "verification.phone = false: phones are not verified, anybody may register somebody else's"
        );
    }

    #[test]
    fn the_operators_guide_names_every_setting() {
        let guide = include_str!("../../docs/operations.md");
        let mut section = String::new();
        for line in DEFAULT_TOML.lines() {
            if let Some(name) = line
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
            {
                section = format!("{name}.");
            } else if let Some((name, _)) = line
                .split_once(" = ")
                .filter(|(name, _)| !name.starts_with([' ', '#']))
            {
                assert!(
                    guide.contains(&format!("`{section}{name}`")),
                    "{section}{name} is not in docs/operations.md"
                );
            }
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("tebdil.toml");
        std::fs::write(&file, "[quota]\nfree_text = 4\nfree_video = 2\n").expect("file");
        let environment = [
            ("TEBDIL_QUOTA__FREE_TEXT".to_owned(), "7".to_owned()),
            ("TEBDIL_LOG".to_owned(), "debug".to_owned()),
            ("TEBDIL_METRICS__LISTEN".to_owned(), String::new()),
            ("TEBDIL_TEST_ANYTHING".to_owned(), "1".to_owned()),
            ("TEBDIL_DATA_DIR".to_owned(), "/srv/tebdil".to_owned()),
        ];
        let config = Config::load(Some(&file), environment).expect("settings");
        assert_eq!((config.quota.free_text, config.quota.free_video), (7, 2));
        assert_eq!(config.log.filter, "debug");
        assert_eq!(config.metrics.listen, "");
        assert_eq!(config.data_dir, Path::new("/srv/tebdil"));
    }

    #[test]
    fn unknown_names_and_wrong_kinds_are_errors_that_name_them() {
        assert!(
            load(&[("TEBDIL_HTTP__LISTN", "x")])
                .expect_err("unknown")
                .contains("listn")
        );
        assert!(
            load(&[("TEBDIL_NOSUCH", "x")])
                .expect_err("unknown")
                .contains("nosuch")
        );
        assert!(
            load(&[("TEBDIL_QUOTA__FREE_TEXT", "many")])
                .expect_err("kind")
                .contains("quota.free_text")
        );
        assert!(
            load(&[("TEBDIL_CLAIMS__WAIT_S", "-1")])
                .expect_err("kind")
                .contains("claims.wait_s")
        );
        assert!(Config::load(Some(Path::new("/nonexistent.toml")), []).is_err());
    }

    #[test]
    fn a_value_can_come_from_a_file_that_a_variable_names() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("value");
        let name = file.display().to_string();
        std::fs::write(&file, "\n  hunter2 with spaces \n").expect("file");
        let config = load(&[("TEBDIL_SECRETS__JWT_KEYS_FILE", &name)]).expect("settings");
        assert_eq!(config.secrets.jwt_keys.expose(), "hunter2 with spaces");
        std::fs::write(&file, "7\n").expect("file");
        assert_eq!(
            load(&[("TEBDIL_QUOTA__FREE_TEXT_FILE", &name)])
                .expect("settings")
                .quota
                .free_text,
            7
        );

        std::fs::write(&file, "hunter2").expect("file");
        let twice = load(&[
            ("TEBDIL_REDIS__PREFIX", "a:"),
            ("TEBDIL_REDIS__PREFIX_FILE", &name),
        ])
        .expect_err("two values");
        assert!(
            twice.starts_with("redis.prefix is set by two variables") && !twice.contains("hunter2"),
            "{twice}"
        );
        assert!(
            load(&[("TEBDIL_NOSUCH_FILE", &name)])
                .expect_err("unknown")
                .contains("nosuch")
        );
        for missing in ["/nonexistent/value", "", &dir.path().display().to_string()] {
            let error =
                load(&[("TEBDIL_SECRETS__JWT_KEYS_FILE", missing)]).expect_err("no such file");
            assert!(
                error.starts_with("TEBDIL_SECRETS__JWT_KEYS_FILE names a file that cannot be read"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_password_of_its_own_becomes_part_of_the_address() {
        let config = load(&[
            ("TEBDIL_DATABASE__URL", "postgres://tebdil@db/tebdil"),
            ("TEBDIL_DATABASE__PASSWORD", "hunter2 @/:%"),
            ("TEBDIL_REDIS__URL", "redis://cache:6380/1"),
            ("TEBDIL_REDIS__PASSWORD", "hunter2+"),
        ])
        .expect("settings");
        assert_eq!(
            config.database_url().expose(),
            "postgres://tebdil:hunter2%20%40%2F%3A%25@db/tebdil"
        );
        assert_eq!(
            config.realtime().redis_url.expose(),
            "redis://:hunter2+@cache:6380/1"
        );
        assert!(!format!("{config:?}").contains("hunter2"));
        for (url, password) in [
            ("TEBDIL_DATABASE__URL", "TEBDIL_DATABASE__PASSWORD"),
            ("TEBDIL_REDIS__URL", "TEBDIL_REDIS__PASSWORD"),
        ] {
            let scheme = if url.contains("REDIS") {
                "redis"
            } else {
                "postgres"
            };
            let (with, without) = (
                format!("{scheme}://user:hunter2@db"),
                format!("{scheme}:///db"),
            );
            for given in [with.as_str(), &without, ""] {
                let error =
                    load(&[(url, given), (password, "hunter2")]).expect_err("no place for it");
                assert!(
                    error.contains(".password: needs") && !error.contains("hunter2"),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn a_header_in_the_wrong_place_is_not_shown() {
        let error = load(&[(
            "TEBDIL_VERIFICATION__GATEWAY__HEADERS",
            "Authorization: Bearer hunter2",
        )])
        .expect_err("no table");
        assert!(
            error.contains("verification.gateway.headers") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let config = load(&[
            ("TEBDIL_DATABASE__URL", "sqlite:/x/hunter2.db"),
            ("TEBDIL_SECRETS__JWT_KEYS", "hunter2"),
            ("TEBDIL_SECRETS__FIELD_KEYS", "hunter2"),
            ("TEBDIL_SECRETS__PHONE_INDEX_KEY", "hunter2"),
        ])
        .expect("settings");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
