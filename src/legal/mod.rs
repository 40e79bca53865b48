//! Terms, privacy, community rules and how to delete an account, in both languages: Markdown that
//! comes with the server, each of which the operator can replace by a file. Read once, at the start.
//!
//! To add a text: a variant of [`Text`], its files in `legal/`, its place in `GET /v1/meta`.

mod markdown;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tebdil_protocol::{REPORTABLE, domain::Locale};

pub use self::markdown::Rendered;
use self::markdown::{Value, Values};
use crate::config::Config;

/// Longest text, bytes.
const MAX_TEXT: u64 = 256 * 1024;

/// The texts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LegalError {
    #[error("legal.dir: {}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("legal.dir: {}: {why}", .path.display())]
    Wrong { path: PathBuf, why: String },
}

/// What a text is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Text {
    Terms,
    Privacy,
    Community,
    DeleteAccount,
}

impl Text {
    pub const ALL: [Self; 4] = [
        Self::Terms,
        Self::Privacy,
        Self::Community,
        Self::DeleteAccount,
    ];

    /// Its name in addresses and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Privacy => "privacy",
            Self::Community => "community",
            Self::DeleteAccount => "delete-account",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|text| text.name() == name)
    }

    /// Where everybody may read it.
    pub fn path(self, language: Locale) -> String {
        format!("/legal/{language}/{}", self.name())
    }

    /// The one that comes with the server.
    const fn own(self, language: Locale) -> &'static str {
        match (self, language) {
            (Self::Terms, Locale::Tr) => include_str!("../../legal/tr/terms.md"),
            (Self::Terms, Locale::En) => include_str!("../../legal/en/terms.md"),
            (Self::Privacy, Locale::Tr) => include_str!("../../legal/tr/privacy.md"),
            (Self::Privacy, Locale::En) => include_str!("../../legal/en/privacy.md"),
            (Self::Community, Locale::Tr) => include_str!("../../legal/tr/community.md"),
            (Self::Community, Locale::En) => include_str!("../../legal/en/community.md"),
            (Self::DeleteAccount, Locale::Tr) => include_str!("../../legal/tr/delete-account.md"),
            (Self::DeleteAccount, Locale::En) => include_str!("../../legal/en/delete-account.md"),
        }
    }
}

/// All texts, rendered.
#[derive(Debug)]
pub struct LegalTexts {
    /// What the service calls itself.
    pub name: String,
    texts: Vec<(Text, Locale, Rendered)>,
}

impl LegalTexts {
    /// Reads the operator's texts, and takes those that come with the server for the others.
    ///
    /// # Errors
    /// [`LegalError`] when the folder or a file cannot be read, has another name than a text has, or
    /// is not what can be shown.
    pub fn load(config: &Config) -> Result<Self, LegalError> {
        let dir = &config.legal.dir;
        if !dir.as_os_str().is_empty() {
            names_are_known(dir)?;
        }
        let mut texts = Vec::new();
        for language in Locale::ALL.iter().copied() {
            let values = values(config, language);
            for text in Text::ALL {
                let path = dir
                    .join(language.as_str())
                    .join(text.name())
                    .with_extension("md");
                let given = if dir.as_os_str().is_empty() {
                    None
                } else {
                    read(&path)?
                };
                let source = given.as_deref().unwrap_or(text.own(language));
                let rendered = markdown::render(source, &values)
                    .map_err(|why| LegalError::Wrong { path, why })?;
                texts.push((text, language, rendered));
            }
        }
        Ok(Self {
            name: config.service.name.clone(),
            texts,
        })
    }

    /// Every text in every language.
    pub fn iter(&self) -> impl Iterator<Item = &(Text, Locale, Rendered)> {
        self.texts.iter()
    }

    /// What a text is called in this language.
    pub fn title(&self, text: Text, language: Locale) -> &str {
        self.iter()
            .find(|(of, written_in, _)| (*of, *written_in) == (text, language))
            .map_or("", |(_, _, rendered)| &rendered.title)
    }
}

/// A file with a name that no text has would be left unread without a word. Hidden ones are those of
/// tools and mounts.
fn names_are_known(dir: &Path) -> Result<(), LegalError> {
    for (path, name) in entries(dir)? {
        if !Locale::ALL.iter().any(|language| language.as_str() == name) {
            let why = "there are only the folders tr and en".to_owned();
            return Err(LegalError::Wrong { path, why });
        }
        for (path, name) in entries(&path)? {
            let known = name.strip_suffix(".md").and_then(Text::from_name);
            if known.is_none() {
                let names: Vec<String> = Text::ALL
                    .iter()
                    .map(|text| format!("{}.md", text.name()))
                    .collect();
                let why = format!("no text has this name; there are {}", names.join(", "));
                return Err(LegalError::Wrong { path, why });
            }
        }
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<(PathBuf, String)>, LegalError> {
    let unreadable = |source| LegalError::Unreadable {
        path: dir.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((entry.path(), name));
        }
    }
    Ok(found)
}

/// The operator's text; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>, LegalError> {
    let unreadable = |source| LegalError::Unreadable {
        path: path.to_owned(),
        source,
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(file) if file.len() > MAX_TEXT => {
            let (path, why) = (path.to_owned(), "is longer than 256 KiB".to_owned());
            return Err(LegalError::Wrong { path, why });
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(unreadable)
}

/// What stands for `{…}` in the texts.
fn values(config: &Config, language: Locale) -> Values {
    let days = |period: Duration| (period.as_secs() / 86_400).to_string();
    let minutes = |period: Duration| period.as_secs().div_ceil(60).to_string();
    let hours = |period: Duration| period.as_secs().div_ceil(3600).to_string();
    let (service, kept) = (&config.service, &config.retention);
    let contact = match (service.support_contact.as_str(), language) {
        ("", Locale::Tr) => Value::Text("henüz bir iletişim adresi verilmedi".to_owned()),
        ("", Locale::En) => Value::Text("no address has been given yet".to_owned()),
        (address, _) => Value::Address(address.to_owned()),
    };
    let mut values = Values::from([("support_contact", contact)]);
    let texts = [
        ("name", service.name.clone()),
        ("minimum_age", config.auth.min_age.to_string()),
        ("terms_version", config.legal.terms_version.to_string()),
        ("match_hours", hours(config.matching.match_ttl)),
        ("search_minutes", minutes(config.matching.background)),
        ("report_days", days(REPORTABLE)),
        (
            "ban_reporters",
            config.reports.auto_ban_reporters.to_string(),
        ),
        ("logs_days", days(kept.message_logs)),
        ("sessions_days", days(kept.sessions)),
        ("invitations_days", days(kept.invitations)),
        ("notifications_days", days(kept.notifications)),
        ("reports_days", days(kept.reports)),
        ("bans_days", days(kept.bans)),
        ("payments_days", days(kept.billing_events)),
        ("acts_days", days(kept.system_logs)),
        ("erased_phone_days", days(kept.tombstones)),
    ];
    values.extend(texts.map(|(name, text)| (name, Value::Text(text))));
    values
}
