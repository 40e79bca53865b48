//! A connection of the test.

use std::sync::Arc;

use serde_json::Value;
use tebdil_core::realtime::NodeId;
use tebdil_protocol::id::TicketId;

use super::net::Device;
use crate::hub::Connection;

/// A connection, and all it heard.
pub(super) struct Line {
    pub(super) device: Device,
    pub(super) node: usize,
    pub(super) node_id: NodeId,
    pub(super) connection: Arc<Connection>,
    pub(super) asked: Vec<i64>,
    pub(super) heard: Vec<Value>,
    pub(super) tickets: Vec<TicketId>,
}

impl Line {
    pub(super) fn is_open(&self) -> bool {
        self.connection.outbound.closing().is_none()
    }

    /// Types and codes of all that was heard.
    pub(super) fn words(&self) -> Vec<&str> {
        self.heard
            .iter()
            .map(|frame| {
                frame["code"]
                    .as_str()
                    .or(frame["type"].as_str())
                    .expect("a word")
            })
            .collect()
    }
}
