//! The tasks of the parts.

use std::{sync::Arc, time::Duration};

use tebdil_core::realtime::BusEvents;
use tokio::sync::mpsc;

use super::{App, router::Router, run_jobs};
use crate::{
    ads::MatchEndAds,
    auth::Courier,
    chat::Writer,
    hub::Connection,
    matching::MatchmakerTask,
    notifications::Waker,
    vitals,
    ws::{self, catch_up, revocations},
};

/// What came along with the parts, and runs as tasks: the other halves of what handlers see of
/// them.
pub(super) struct Halves {
    pub(super) events: BusEvents,
    /// Connections that may have missed something.
    pub(super) behind: mpsc::UnboundedReceiver<Arc<Connection>>,
    pub(super) pairing: MatchmakerTask,
    pub(super) match_end_ads: MatchEndAds,
    pub(super) writer: Writer,
    pub(super) waker: Waker,
    /// Not where no codes are sent.
    pub(super) courier: Option<Courier>,
}

impl Halves {
    /// Starts the tasks of every part.
    pub(super) fn run(self, app: &Arc<App>) {
        vitals::look_after(&app.tasks, &app.store, &app.guard);
        app.tasks
            .supervise_to_the_last("router", Router::new(app, self.events).run());
        app.tasks.supervise(
            "announcer",
            Arc::clone(&app.announcer).run(app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("catch-up", catch_up::run(Arc::clone(app), self.behind));
        app.tasks
            .supervise("revocations", revocations::watch(Arc::clone(app)));
        app.tasks.supervise(
            "matchmaker",
            self.pairing
                .run(app.tasks.soft.clone(), app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("activity", ws::note_activity(Arc::clone(app)));
        app.tasks
            .supervise("ads", self.match_end_ads.run(app.tasks.closing.clone()));
        // It empties its queue when connections close; what comes later is told to repeat.
        app.tasks.supervise(
            "chat writer",
            self.writer
                .run(Arc::clone(&app.franking), app.tasks.closing.clone()),
        );
        app.tasks
            .supervise("waker", self.waker.run(app.tasks.closing.clone()));
        if let Some(courier) = self.courier {
            app.tasks
                .supervise("codes", courier.run(app.tasks.closing.clone()));
        }
        app.relays.look_after(&app.store);
        if app.config.workers.enabled {
            run_jobs(app.workers.clone(), &app.tasks);
        }
        let (tasks, upkeep) = (app.tasks.clone(), Arc::clone(app));
        app.tasks.supervise("upkeep", async move {
            let mut every = tokio::time::interval(Duration::from_secs(10));
            loop {
                tokio::select! {
                    _ = every.tick() => upkeep.upkeep(),
                    () = tasks.closing.cancelled() => return,
                }
            }
        });
    }
}
