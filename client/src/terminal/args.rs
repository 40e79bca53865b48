//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tebdil_protocol::domain::Locale;

/// Tebdil in the terminal.
#[derive(Debug, Parser)]
#[command(name = "tebdil-client", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Talk to strangers, end-to-end encrypted.
    Chat(ChatArgs),
}

#[derive(Debug, Args)]
pub struct ChatArgs {
    /// HTTP address of the server.
    #[arg(long, env = "TEBDIL_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// Folder for session and keys, for one process at a time.
    #[arg(
        long,
        env = "TEBDIL_STATE_DIR",
        long_help = "Folder for session and keys [default: $XDG_STATE_HOME/tebdil or ~/.local/state/tebdil]"
    )]
    pub state_dir: Option<PathBuf>,
    /// Keep nothing on disk; session and keys end with the process.
    #[arg(long, conflicts_with = "state_dir")]
    pub ephemeral: bool,
    /// Language of the texts [default: that of the environment].
    #[arg(long, value_enum)]
    pub lang: Option<Language>,
    /// Phone number, e.g. +905321234567. The password is asked for, or taken from
    /// `TEBDIL_PASSWORD`.
    #[arg(long)]
    pub phone: Option<String>,
    /// Register a new account under this alias instead of signing in.
    #[arg(long)]
    pub alias: Option<String>,
    /// For registering: date of birth, YYYY-MM-DD.
    #[arg(long)]
    pub birth_date: Option<String>,
    /// Accept the terms of use, when registering or when they have changed.
    #[arg(long)]
    pub accept_terms: bool,
    /// For registering: the code of whoever invited you.
    #[arg(long)]
    pub invite: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Tr,
    En,
}

impl Language {
    /// Turkish where the environment speaks Turkish, else English.
    pub fn of_environment() -> Self {
        let setting = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
        Self::of_locale(&setting.unwrap_or_default())
    }

    fn of_locale(name: &str) -> Self {
        if name == "tr" || name.starts_with("tr_") || name.starts_with("tr.") {
            Self::Tr
        } else {
            Self::En
        }
    }

    pub const fn code(self) -> &'static str {
        match self {
            Self::Tr => "tr",
            Self::En => "en",
        }
    }

    pub const fn locale(self) -> Locale {
        match self {
            Self::Tr => Locale::Tr,
            Self::En => Locale::En,
        }
    }
}

/// `$XDG_STATE_HOME/tebdil`, else `~/.local/state/tebdil`.
pub fn default_state_dir() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("tebdil"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn the_environment_chooses_the_language() {
        for (name, language) in [
            ("tr_TR.UTF-8", Language::Tr),
            ("tr", Language::Tr),
            ("C", Language::En),
            ("trv_TW", Language::En),
        ] {
            assert_eq!(Language::of_locale(name), language, "{name}");
        }
    }
}
