//! The command line.

use std::{
    fmt::Display,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use tebdil_protocol::domain::UserRole;
use tebdil_workers::web_push::VapidKey;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    admin,
    app::{self, Listeners},
    config::{Config, DEFAULT_TOML, Secrets},
    error::RunError,
    legal::LegalTexts,
    lifecycle::Shutdown,
    observability, push,
    turn::Turn,
};

/// Exit code for unusable settings; all other failures are 1.
const EXIT_CONFIG: u8 = 2;

/// How long a server may take to say that it is healthy.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// An anonymous text and video matching chat server.
#[derive(Debug, Parser)]
#[command(name = "tebdil", version)]
pub struct Cli {
    /// Settings file (TOML). Single settings can come from the environment, as
    /// `TEBDIL_HTTP__LISTEN`.
    #[arg(long, global = true, env = "TEBDIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM (the default); a second signal ends at once.
    Serve,
    /// Run background jobs and nothing else, until SIGINT or SIGTERM; for a PostgreSQL database
    /// that nodes share.
    Worker,
    /// Relay calls and nothing else, until SIGINT or SIGTERM. Needs `secrets.relay_secret`; with
    /// the database of the nodes, ended calls are cut at once.
    Turn,
    /// Bring the database's schema up to date and exit.
    Migrate,
    /// Look at the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Make a key for `secrets.vapid_key` and print it.
    VapidKey,
    /// Manage accounts, as the operator.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Ask the server running with these settings whether it is healthy; the exit code says so.
    Healthcheck,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Set the role of an account, with effect at once. This is how the first admin is made.
    Grant {
        /// The phone number. Others on this machine can read arguments while the command runs: `-`
        /// reads it from standard input.
        phone: String,
        /// `user`, `moderator` or `admin`.
        #[arg(long, value_parser = role)]
        role: UserRole,
    },
    /// Remove the second factor of an account whose user has lost both app and recovery codes;
    /// recorded.
    TotpReset {
        /// The phone number (`-` reads it from standard input) or the id of the account.
        account: String,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the settings as the server would read them.
    Check,
    /// Print the commented defaults.
    Default,
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        if matches!(
            self.command,
            Some(Command::Config {
                command: ConfigCommand::Default
            })
        ) {
            return say(DEFAULT_TOML.trim_end());
        }
        if matches!(self.command, Some(Command::VapidKey)) {
            return say(VapidKey::generate().expose());
        }
        // A memory dump would contain keys and phone numbers. If the system refuses, nothing can be
        // done.
        let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
        // Variables that are not text are not ours.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let config = match Config::load(self.config.as_deref(), environment) {
            Ok(config) => config,
            Err(error) => return complain(&error, EXIT_CONFIG),
        };
        if let Some(Command::Config {
            command: ConfigCommand::Check,
        }) = self.command
        {
            for warning in config.warnings() {
                let _ = writeln!(io::stderr(), "warning: {warning}");
            }
            let keys = Secrets::find(&config).map(drop).map_err(RunError::from);
            let texts = LegalTexts::load(&config).map(drop).map_err(RunError::from);
            return match keys
                .and(texts)
                .and_then(|()| push::fcm(&config.push, &config.clock()).map(drop))
            {
                Ok(()) => say("the settings are good"),
                Err(error) => complain(&error, EXIT_CONFIG),
            };
        }
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, 1),
        };
        let outcome = runtime.block_on(async {
            match self.command {
                None | Some(Command::Serve) => Box::pin(serve(config)).await,
                Some(Command::Worker) => worker(config).await,
                Some(Command::Turn) => turn(config).await,
                Some(Command::Migrate) => migrate(config).await,
                Some(Command::Admin {
                    command: AdminCommand::Grant { phone, role },
                }) => admin::grant(config, phone.into(), role).await,
                Some(Command::Admin {
                    command: AdminCommand::TotpReset { account },
                }) => admin::totp_reset(config, account.into()).await,
                Some(Command::Healthcheck) => healthcheck(&config).await,
                Some(Command::Config { .. } | Command::VapidKey) => Ok(()),
            }
        });
        // What still runs was told to end but did not.
        runtime.shutdown_timeout(Duration::from_secs(1));
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(
                error @ (RunError::Secrets(_)
                | RunError::Legal(_)
                | RunError::Push(_)
                | RunError::Alone),
            ) => complain(&error, EXIT_CONFIG),
            Err(error) => complain(&error, 1),
        }
    }
}

async fn serve(config: Config) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    // A connection is an open file; the usual soft limit of 1024 is far below what the machine
    // allows.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let listeners = Listeners::bind(&config).await?;
    let io_error = |what: &str| {
        let what = what.to_owned();
        |source| RunError::Io { what, source }
    };
    let address = listeners
        .http
        .local_addr()
        .map_err(io_error("http.listen"))?;
    let shutdown = Shutdown::default();
    // Before anybody can know that the server is running.
    let signals = shutdown
        .follow_signals()
        .map_err(io_error("signal handlers"))?;
    let _ = writeln!(io::stdout(), "Tebdil serves on http://{address}");
    let clock = config.clock();
    tokio::select! {
        ended = app::run(config, listeners, clock, shutdown) => ended,
        never = signals => match never {},
    }
}

async fn worker(config: Config) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    let metrics = Listeners::bind_metrics(&config).await?;
    let shutdown = Shutdown::default();
    let signals = shutdown.follow_signals().map_err(|source| RunError::Io {
        what: "signal handlers".to_owned(),
        source,
    })?;
    let _ = writeln!(io::stdout(), "Tebdil runs background jobs");
    let clock = config.clock();
    tokio::select! {
        ended = crate::worker::run(config, metrics, clock, shutdown) => ended,
        never = signals => match never {},
    }
}

async fn turn(config: Config) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    // Each allocation is a socket, which is an open file.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let metrics = Listeners::bind_metrics(&config).await?;
    let shutdown = Shutdown::default();
    let signals = shutdown.follow_signals().map_err(|source| RunError::Io {
        what: "signal handlers".to_owned(),
        source,
    })?;
    let clock = config.clock();
    let serve = async {
        let turn = Turn::start(&config, metrics, clock, &shutdown).await?;
        if let Some(address) = turn.address() {
            let _ = writeln!(io::stdout(), "Tebdil relays calls on {address}");
        }
        turn.run().await
    };
    tokio::select! {
        ended = serve => ended,
        never = signals => match never {},
    }
}

async fn migrate(config: Config) -> Result<(), RunError> {
    observability::install_logs(&config.log);
    if !config.is_shared() {
        // The keys of an embedded database are made before the database.
        Secrets::load(&config, &mut rand::rng())?;
    }
    app::open_store(&config, config.clock())
        .await?
        .close()
        .await;
    Ok(())
}

async fn healthcheck(config: &Config) -> Result<(), RunError> {
    let ask = async {
        let mut socket = TcpStream::connect(local(&config.http.listen)).await?;
        socket
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut status = [0; 12];
        socket.read_exact(&mut status).await?;
        if status.ends_with(b" 200") {
            Ok(())
        } else {
            Err(io::Error::other("it answers, but not with 200"))
        }
    };
    let healthy = tokio::time::timeout(HEALTH_TIMEOUT, ask)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    healthy.map_err(|source| RunError::Io {
        what: format!("the server on {} is not healthy", config.http.listen),
        source,
    })
}

/// The address under which this machine reaches a listener.
fn local(listen: &str) -> String {
    match listen.parse::<std::net::SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() && address.is_ipv4() => {
            format!("127.0.0.1:{}", address.port())
        }
        Ok(address) if address.ip().is_unspecified() => format!("[::1]:{}", address.port()),
        _ => listen.to_owned(),
    }
}

fn role(text: &str) -> Result<UserRole, String> {
    UserRole::from_text(text).ok_or_else(|| "must be user, moderator or admin".to_owned())
}

fn say(text: &str) -> ExitCode {
    if writeln!(io::stdout(), "{text}").is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn complain(error: &dyn Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "tebdil: {error}");
    ExitCode::from(code)
}
