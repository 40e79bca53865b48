//! A chat in the terminal: lines in, lines out. With a terminal on both ends it edits lines and
//! uses colours, else it is plain text that scripts can drive.

mod args;
mod failure;
mod input;
mod screen;
mod session;
mod sign_in;

use std::io::IsTerminal as _;

use args::{ChatArgs, Language};
pub use args::{Cli, Command};
use input::Input;
use rust_i18n::t;
use screen::{Screen, Style};
use tebdil_client::{
    chat::{ChatError, ChatOptions},
    state::{StateDir, StateError},
};

/// Why the terminal chat ended badly.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    #[error("{}", failure::describe(.0))]
    Chat(#[from] ChatError),
    #[error(transparent)]
    State(#[from] StateError),
    /// Something has to be given on the command line since nobody can be asked.
    #[error("{}", t!("missing", what = .0))]
    Missing(&'static str),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Ended(String),
}

/// Signs in and chats until the user leaves.
pub async fn run(arguments: ChatArgs) -> Result<(), TerminalError> {
    let language = arguments.lang.unwrap_or_else(Language::of_environment);
    rust_i18n::set_locale(language.code());
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let colours = interactive && std::env::var_os("NO_COLOR").is_none();

    let mut options = ChatOptions::new(&arguments.server);
    if !arguments.ephemeral {
        let folder = match &arguments.state_dir {
            Some(folder) => folder.clone(),
            None => args::default_state_dir().ok_or(TerminalError::Missing("--state-dir"))?,
        };
        options.state = Some(StateDir::open(folder)?);
    }
    options.device.name = "terminal".into();

    let (chat, events) = sign_in::sign_in(&arguments, &options, language, interactive).await?;
    let (input, writer) = Input::open(interactive)?;
    let screen = Screen::new(writer, Style { colours });
    session::ChatSession::new(chat, options, screen)
        .run(input, events)
        .await
}
