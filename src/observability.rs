//! Logs and metrics. Neither ever holds a phone number, an address, a place, a token or a message.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{Log, LogFormat},
    lifecycle::Tasks,
};

/// Libraries that log the addresses of users at every level: those of the relay.
const NEVER: [&str; 3] = ["turn", "stun", "webrtc_util"];

/// Sends logs to standard error. A second call changes nothing.
pub fn install_logs(settings: &Log) {
    let _ = subscriber(settings, std::io::stderr).try_init();
}

fn subscriber<W>(settings: &Log, writer: W) -> impl Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The check of the settings has refused unreadable directives.
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let ours = filter_fn(|event| may_be_logged(event.target(), *event.level()));
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match settings.format {
        LogFormat::Text => lines
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(ours))
        .with(filter)
}

/// Libraries print whole frames, headers and bodies below INFO. Only our own parts, which never log
/// a secret, may be that verbose, whatever the filter says.
fn may_be_logged(target: &str, level: Level) -> bool {
    let library = target.split("::").next().unwrap_or_default();
    !NEVER.contains(&library) && (level <= Level::INFO || target.starts_with("tebdil"))
}

/// The recorder of metrics. The `metrics` crate has one per process, so servers in one process
/// (tests) share it.
pub fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            const SECONDS: &[f64] = &[
                0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ];
            const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
            let builder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), COUNTS)
                })
                .expect("the buckets are not empty");
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            // Then another recorder in this process gets the metrics; ours stays empty.
            let _ = metrics::set_global_recorder(recorder);
            handle
        })
        .clone()
}

/// Bounds the memory of the metrics.
pub fn keep_metrics(handle: PrometheusHandle, tasks: &Tasks) {
    let closing = tasks.closing.clone();
    tasks.supervise("upkeep", async move {
        let mut every = tokio::time::interval(Duration::from_secs(10));
        loop {
            tokio::select! {
                _ = every.tick() => handle.run_upkeep(),
                () = closing.cancelled() => return,
            }
        }
    });
}

/// Updates the gauges of the process's resources; called at every scrape.
pub fn record_process() {
    /// Bytes of a page on every platform with `/proc` that this runs on.
    const PAGE: f64 = 4096.0;
    let resident = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok());
    if let Some(pages) = resident {
        metrics::gauge!("process_resident_memory_bytes").set(pages * PAGE);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds")
            .set(f64::from(u32::try_from(open.count()).unwrap_or(u32::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_name_users_are_never_written() {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = Log {
            filter: "trace,turn=trace".to_owned(),
            format: LogFormat::Json,
        };
        // For the whole process, as at a start: what comes through the crate `log` takes no other
        // way.
        subscriber(&settings, move || writer.clone())
            .try_init()
            .expect("nobody else logs in this test's process");
        log::error!(target: "turn::server", "error when handling datagram from 192.0.2.7");
        log::info!(target: "turn::allocation", "no permission for 192.0.2.7");
        log::warn!(target: "stun", "192.0.2.7");
        log::error!(target: "webrtc_util::conn", "192.0.2.7");
        tracing::error!(target: "turn", "192.0.2.7");
        log::debug!(target: "hyper::proto", "192.0.2.7");
        log::warn!(target: "turnstile", "somebody else's warning");
        tracing::trace!("a line of ours");
        let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
        assert!(!text.contains("192.0.2.7"), "{text}");
        assert!(
            text.contains("somebody else's warning") && text.contains("a line of ours"),
            "{text}"
        );
    }
}
