//! The connection for commands.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo as _,
    ProtocolVersion, RedisError, ScriptInvocation, aio::MultiplexedConnection,
};
use tokio::{sync::Mutex, time::timeout};

use crate::realtime::RealtimeError;
use tebdil_protocol::Secret;

/// How long connecting may take, TLS and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Commands that may wait for the socket.
const PIPELINE: usize = 1024;

/// A client of `url`, over RESP3 so that one connection can both subscribe and publish.
pub(super) fn client(url: &Secret) -> Result<Client, RealtimeError> {
    // The error of the library is not shown: it may quote the URL.
    let invalid = |_| RealtimeError::Refused("the URL cannot be used".to_owned());
    let info = url.expose().into_connection_info().map_err(invalid)?;
    let settings = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp)).map_err(invalid)
}

/// How every connection is made. Answers have no limit here, since every command brings its own.
pub(super) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
}

/// One connection that all commands share, made anew when it fails.
///
/// Not the library's `ConnectionManager`: that one keeps a half-open connection, and a command
/// given to it waits through an outage.
pub(super) struct Connection {
    client: Client,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that a command that failed late does not take away the next one.
    number: u64,
}

impl Connection {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            current: Mutex::default(),
        }
    }

    async fn get(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config())
            .await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    async fn discard(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }

    /// Runs a script and waits at most `limit`, connecting included. A connection that does not
    /// answer is given up.
    pub async fn invoke<T: FromRedisValue>(
        &self,
        limit: Duration,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, RealtimeError> {
        let mut used = None;
        let answer = timeout(limit, async {
            let (mut connection, number) = self.get().await?;
            used = Some(number);
            call.invoke_async(&mut connection).await
        })
        .await;
        let lost = match &answer {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => error.is_unrecoverable_error() || error.is_io_error(),
            Err(_) => true,
        };
        if let (true, Some(number)) = (lost, used) {
            self.discard(number).await;
        }
        answer
            .map_err(|_| RealtimeError::Unavailable)?
            .map_err(|error| refusal(&error))
    }

    /// Like [`Self::invoke`] for what can do without an answer: only on a connection that is there,
    /// which is kept.
    pub async fn invoke_soon<T: FromRedisValue>(
        &self,
        limit: Duration,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, RealtimeError> {
        let answer = timeout(limit, async {
            let connection = self.current.lock().await.connection.clone();
            let mut connection = connection.ok_or(RealtimeError::Unavailable)?;
            call.invoke_async(&mut connection)
                .await
                .map_err(|error| refusal(&error))
        });
        answer.await.map_err(|_| RealtimeError::Unavailable)?
    }

    /// Asks for an answer.
    pub async fn ping(&self, limit: Duration) -> Result<(), RealtimeError> {
        let answer = timeout(limit, async {
            let (mut connection, _) = self.get().await?;
            redis::cmd("PING").query_async::<()>(&mut connection).await
        });
        answer
            .await
            .map_err(|_| RealtimeError::Unavailable)?
            .map_err(|error| refusal(&error))
    }
}

/// What may be told of an error: never the text of the server, which may quote keys.
pub(super) fn refusal(error: &RedisError) -> RealtimeError {
    match error.kind() {
        ErrorKind::Io => RealtimeError::Unavailable,
        ErrorKind::AuthenticationFailed => {
            RealtimeError::Refused("the user name or the password".to_owned())
        }
        kind => RealtimeError::Refused(
            error
                .code()
                .map_or_else(|| format!("{kind:?}"), str::to_owned),
        ),
    }
}
