//! The form of the messages: nodes of neighbouring versions must understand each other.

use std::{collections::HashSet, sync::Arc};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::{
    ErrorCode,
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

use crate::{
    hub::NodeMessage,
    matching::{
        Envelope, MatchmakingMessage, TicketEnd, ToLeader, ToNode,
        engine::{Coordinates, Ticket},
    },
};

fn node() -> NodeId {
    "00000000000000ab".parse().expect("16 digits")
}

fn said<P>(parts: Vec<P>) -> Envelope<P> {
    Envelope {
        by: node(),
        term: 7,
        number: 3,
        parts,
    }
}

fn text(message: &MatchmakingMessage) -> String {
    let text = serde_json::to_string(message).expect("JSON");
    let bytes = NodeMessage::matchmaking(message).encode();
    let Ok(NodeMessage::Matchmaking { body }) = NodeMessage::decode(bytes) else {
        panic!("another message")
    };
    let read: MatchmakingMessage = body.read().expect("readable");
    assert_eq!(
        serde_json::to_string(&read).expect("JSON"),
        text,
        "it comes back as it was"
    );
    text
}

fn ticket() -> Arc<Ticket> {
    Arc::new(Ticket {
        id: TicketId(1),
        user: UserId(2),
        session: SessionId(4),
        background: true,
        away: false,
        mode: Mode::Text,
        interests: vec!["kedi".to_owned()],
        languages: vec!["tr".to_owned()],
        place: Some(Coordinates {
            lat: 41.0,
            lon: 29.0,
        }),
        max_distance_km: Some(50),
        enqueued_at: Timestamp::from_millis(1_800_000_000_000),
        blocked: HashSet::from([UserId(3)]),
        recent: HashSet::new(),
    })
}

#[test]
fn messages_keep_their_form() {
    insta::assert_snapshot!(text(&MatchmakingMessage::Blocked { a: UserId(1), b: UserId(2) }), @r#"{"blocked":{"a":"1","b":"2"}}"#);
    let parts = vec![
        ToLeader::Upsert {
            id: TicketId(1),
            user: UserId(2),
            ticket: Some(ticket()),
            again: false,
        },
        ToLeader::Upsert {
            id: TicketId(5),
            user: UserId(2),
            ticket: None,
            again: true,
        },
        ToLeader::Withdraw {
            id: TicketId(1),
            park: true,
        },
        ToLeader::Have(vec![TicketId(1)]),
    ];
    insta::assert_snapshot!(text(&MatchmakingMessage::ToLeader(said(parts))), @r#"{"to_leader":{"by":"00000000000000ab","term":7,"number":3,"parts":[{"upsert":{"id":"1","user":"2","ticket":{"id":"1","user":"2","session":"4","background":true,"mode":"text","interests":["kedi"],"languages":["tr"],"place":{"lat":41.0,"lon":29.0},"max_distance_km":50,"enqueued_at":"2027-01-15T08:00:00.000Z","blocked":["3"],"recent":[]},"again":false}},{"upsert":{"id":"5","user":"2","ticket":null,"again":true}},{"withdraw":{"id":"1","park":true}},{"have":["1"]}]}}"#);
    let parts = vec![
        ToNode::Want(vec![TicketId(1)]),
        ToNode::Ended {
            id: TicketId(1),
            why: TicketEnd::Replaced,
        },
        ToNode::Ended {
            id: TicketId(1),
            why: TicketEnd::Refused {
                code: ErrorCode::QuotaExhausted,
                resets_at: Some(Timestamp::from_millis(1_800_000_000_000)),
            },
        },
    ];
    insta::assert_snapshot!(text(&MatchmakingMessage::ToNode(said(parts))), @r#"{"to_node":{"by":"00000000000000ab","term":7,"number":3,"parts":[{"want":["1"]},{"ended":{"id":"1","why":"replaced"}},{"ended":{"id":"1","why":{"refused":{"code":"quota_exhausted","resets_at":"2027-01-15T08:00:00.000Z"}}}}]}}"#);
}

#[test]
fn a_place_is_not_logged() {
    let upsert = ToLeader::Upsert {
        id: TicketId(1),
        user: UserId(2),
        ticket: Some(ticket()),
        again: false,
    };
    let shown = format!("{upsert:?}");
    assert!(!shown.contains("41") && !shown.contains("29"), "{shown}");
}
