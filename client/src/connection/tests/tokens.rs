//! Tokens that are refused or run out.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;

use super::*;

/// Counts its renewals; tokens are `token-1`, `token-2` …
#[derive(Default)]
struct Counting {
    renewals: AtomicU32,
    expires_in: Option<Duration>,
    signed_out: bool,
}

impl Counting {
    fn current(&self) -> AccessToken {
        let number = self.renewals.load(Ordering::SeqCst) + 1;
        // The first one is about to end, later ones are not.
        let life =
            if number == 1 { self.expires_in } else { None }.unwrap_or(Duration::from_hours(24));
        AccessToken {
            token: Secret::from(format!("token-{number}")),
            expires_at: Clock::system(0).now() + life,
        }
    }
}

impl TokenSource for Counting {
    fn token(&self, margin: Duration) -> BoxFuture<'_, Result<AccessToken, TokenError>> {
        if margin > Duration::from_mins(1) && self.expires_in.is_some() {
            self.renewals.store(1, Ordering::SeqCst);
        }
        Box::pin(async { Ok(self.current()) })
    }
    fn renew<'a>(&'a self, _refused: &'a Secret) -> BoxFuture<'a, Result<AccessToken, TokenError>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            if self.signed_out {
                Err(TokenError::SignedOut)
            } else {
                Ok(self.current())
            }
        })
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_a_lost_session_ends() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting::default());
    let (_handle, mut events) = Connection::open(options);
    let mut peer = server.accept().await;
    assert_eq!(peer.recv().await["token"], "token-1");
    peer.close(4001).await;
    let (peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-2");
    until(&mut events, connected).await;
    peer.close(4001).await;
    let (_peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-3");

    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting {
        signed_out: true,
        ..Counting::default()
    });
    let (_handle, mut events) = Connection::open(options);
    server.accept().await.close(4001).await;
    assert_eq!(
        until(&mut events, |event| matches!(event, Event::Closed(_))
            .then(|| event.clone()))
        .await,
        Event::Closed(Ended::SignedOut)
    );
}

#[tokio::test]
async fn tokens_that_never_please_end_the_connection() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting::default());
    let (_handle, mut events) = Connection::open(options);
    for _ in 0..3 {
        server.accept().await.close(4001).await;
    }
    let wanted = Event::Closed(Ended::Closed(CloseCode::Unauthorized));
    until(&mut events, |event| (*event == wanted).then_some(())).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let server = Server::start().await;
    let mut options = server.options();
    options.tokens = Arc::new(Counting {
        expires_in: Some(Duration::from_mins(1)),
        ..Counting::default()
    });
    let (_handle, _events) = Connection::open(options);
    let (mut peer, hello) = server.welcome().await;
    assert_eq!(hello["token"], "token-1");
    assert_eq!(peer.recv_type("token.refresh").await["token"], "token-2");
}
