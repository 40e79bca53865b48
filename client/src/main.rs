//! The terminal chat.

use std::process::ExitCode;

use clap::Parser;

mod terminal;

rust_i18n::i18n!("locales", fallback = "en");

#[tokio::main]
async fn main() -> ExitCode {
    let terminal::Cli {
        command: terminal::Command::Chat(arguments),
    } = terminal::Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("TEBDIL_LOG")
                .unwrap_or_else(|_| "error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let code = match terminal::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    };
    // Standard input is read by a thread that cannot be interrupted; waiting for it would wait for
    // one more line.
    std::process::exit(i32::from(code != ExitCode::SUCCESS))
}
