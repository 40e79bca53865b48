//! Starting, draining and ending: what may still run, and what happens when a part fails.
//!
//! Ending has three steps, each a token: [`Tasks::soft`] (no new matches, `/readyz` says no),
//! [`Tasks::closing`] (no new connections, open ones end), [`Tasks::hard`] (nothing waits any
//! longer). A task that ends before its time aborts the process: a server that lacks a part and
//! looks alive is worse than one that restarts.

use std::{
    convert::Infallible,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::task::JoinHandle;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TrackedFuture},
};

/// Requests to end the server. Tests cancel the tokens; `main` ties them to signals.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// End in an orderly way.
    pub soft: CancellationToken,
    /// End at once.
    pub hard: CancellationToken,
}

impl Shutdown {
    /// Follows SIGINT and SIGTERM from now on, as long as the future is polled: the first cancels
    /// `soft`, the second `hard`.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn follow_signals(&self) -> std::io::Result<impl Future<Output = Infallible> + use<>> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        );
        let shutdown = self.clone();
        Ok(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if shutdown.soft.is_cancelled() {
                    shutdown.hard.cancel();
                } else {
                    shutdown.soft.cancel();
                }
            }
        })
    }
}

/// The tasks of the server, and how far its shutdown has come. Clones share state.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    /// Parts that the others need to the very end.
    last: TaskTracker,
    /// The first step of the end: no new work.
    pub soft: CancellationToken,
    /// The second: connections end.
    pub closing: CancellationToken,
    /// The last: everything ends where it stands.
    pub hard: CancellationToken,
    failed: Arc<OnceLock<String>>,
}

impl Tasks {
    /// Tasks of a server that ends as `shutdown` says. `closing` is a step of [`crate::Node::serve`], not
    /// of the caller.
    pub fn new(shutdown: &Shutdown) -> Self {
        Self {
            tracker: TaskTracker::new(),
            last: TaskTracker::new(),
            soft: shutdown.soft.clone(),
            closing: CancellationToken::new(),
            hard: shutdown.hard.clone(),
            failed: Arc::new(OnceLock::new()),
        }
    }

    /// Runs work that ends by itself, such as a connection. The end of the server waits for it
    /// (within the grace).
    pub fn spawn<F: Future<Output: Send> + Send + 'static>(
        &self,
        task: F,
    ) -> JoinHandle<F::Output> {
        self.tracker.spawn(task)
    }

    /// Makes the end of the server wait for a future that something else runs.
    pub fn track_future<F: Future>(&self, task: F) -> TrackedFuture<F> {
        self.tracker.track_future(task)
    }

    /// Runs a part that must live as long as the server. When it ends before draining began, or
    /// panics at any time, the process fails. [`Tasks::hard`] drops it where it is.
    pub fn supervise(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.supervise_boxed(name, Box::pin(task));
    }

    /// Boxed, so that the watching code is compiled once and not for each task.
    fn supervise_boxed(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        let watched = self.watch(name, task);
        let hard = self.hard.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                // First, so that a panic at the last moment is not lost.
                biased;
                () = watched => {}
                // A part that waits for something that never comes must not keep the process alive.
                () = hard.cancelled() => {}
            }
        });
    }

    /// Runs a part that the others need until they have ended: [`Tasks::ended`] does not wait for
    /// it, and [`Tasks::hard`] does not drop it.
    pub fn supervise_to_the_last(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.last.spawn(self.watch(name, Box::pin(task)));
    }

    fn watch(
        &self,
        name: &'static str,
        task: BoxFuture<'static, ()>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let tasks = self.clone();
        async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            if panicked || !tasks.is_draining() {
                tasks.fail(format!(
                    "task {name} {}",
                    if panicked {
                        "panicked"
                    } else {
                        "ended unexpectedly"
                    }
                ));
            }
        }
    }

    /// Ends the process with failure, `why` being the reason it gives. The first reason counts.
    pub fn fail(&self, why: String) {
        tracing::error!(why, "the server cannot go on");
        let _ = self.failed.set(why);
        self.soft.cancel();
        self.closing.cancel();
        self.hard.cancel();
    }

    /// Why the server failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }

    /// Whether the server is about to end: it takes up no new work.
    pub fn is_draining(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Begins the second step.
    pub(crate) fn close(&self) {
        self.closing.cancel();
        self.tracker.close();
        self.last.close();
    }

    /// Begins the last step.
    pub(crate) fn abort(&self) {
        self.hard.cancel();
    }

    /// Waits until every task has ended; only after [`Self::close`].
    pub(crate) async fn ended(&self) {
        self.tracker.wait().await;
    }

    /// Waits until the parts needed to the last have ended; only after [`Self::close`].
    pub(crate) async fn last_ended(&self) {
        self.last.wait().await;
    }

    /// How many tasks run.
    pub fn running(&self) -> usize {
        self.tracker.len() + self.last.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_early_fails_the_process() {
        let tasks = Tasks::new(&Shutdown::default());
        tasks.supervise("clockwork", async {});
        tasks.hard.cancelled().await;
        assert_eq!(tasks.failure(), Some("task clockwork ended unexpectedly"));
    }

    #[tokio::test]
    async fn a_panic_fails_the_process_even_while_draining() {
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(&shutdown);
        shutdown.soft.cancel();
        tasks.supervise("clockwork", async { panic!("spring") });
        tasks.hard.cancelled().await;
        assert_eq!(tasks.failure(), Some("task clockwork panicked"));
    }

    #[tokio::test]
    async fn a_part_that_ends_while_draining_is_fine() {
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(&shutdown);
        let until = tasks.clone();
        tasks.supervise("clockwork", async move { until.soft.cancelled().await });
        shutdown.soft.cancel();
        tasks.close();
        tasks.ended().await;
        assert_eq!(tasks.failure(), None);
    }

    #[tokio::test]
    async fn a_part_that_never_ends_is_dropped_at_the_last_step() {
        let shutdown = Shutdown::default();
        let tasks = Tasks::new(&shutdown);
        tasks.supervise("clockwork", std::future::pending());
        shutdown.soft.cancel();
        tasks.close();
        assert!(
            tasks.ended().now_or_never().is_none(),
            "it is waited for until then"
        );
        tasks.abort();
        tasks.ended().await;
        assert_eq!(tasks.failure(), None);
    }
}
