//! The form of the messages: nodes of neighbouring versions must understand each other.

use std::{collections::HashSet, sync::Arc};

use tebdil_core::realtime::NodeId;
use tebdil_protocol::{
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

use crate::{
    hub::NodeMessage,
    matching::{
        MatchmakingMessage, Term, ToDesk, ToLeader, Why,
        engine::{Place, Ticket},
    },
};

fn node() -> NodeId {
    "00000000000000ab".parse().expect("16 digits")
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
        mode: Mode::Text,
        interests: vec!["kedi".to_owned()],
        languages: vec!["tr".to_owned()],
        place: Some(Place {
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
    let term = Term {
        node: node(),
        fence: 7,
    };
    insta::assert_snapshot!(text(&MatchmakingMessage::Leads(term)), @r#"{"leads":{"node":"00000000000000ab","fence":7}}"#);
    insta::assert_snapshot!(text(&MatchmakingMessage::Blocked { a: UserId(1), b: UserId(2) }), @r#"{"blocked":{"a":"1","b":"2"}}"#);
    let parts = vec![
        ToLeader::Submit {
            ticket: ticket(),
            session: SessionId(4),
            again: false,
        },
        ToLeader::Cancel {
            user: UserId(2),
            request: 5,
        },
        ToLeader::Withdraw {
            ticket: TicketId(1),
            park: true,
        },
        ToLeader::Roster {
            first: TicketId(1),
            last: TicketId(9),
            tickets: vec![TicketId(1)],
        },
    ];
    insta::assert_snapshot!(text(&MatchmakingMessage::ToLeader { node: node(), fence: 7, parts }), @r#"{"to_leader":{"node":"00000000000000ab","fence":7,"parts":[{"submit":{"ticket":{"id":"1","user":"2","mode":"text","interests":["kedi"],"languages":["tr"],"place":{"lat":41.0,"lon":29.0},"max_distance_km":50,"enqueued_at":"2027-01-15T08:00:00.000Z","blocked":["3"],"recent":[]},"session":"4","again":false}},{"cancel":{"user":"2","request":5}},{"withdraw":{"ticket":"1","park":true}},{"roster":{"first":"1","last":"9","tickets":["1"]}}]}}"#);
    let parts = vec![
        ToDesk::Accepted(TicketId(1)),
        ToDesk::Cancelled {
            request: 5,
            ticket: None,
        },
        ToDesk::Refused {
            ticket: TicketId(1),
            why: Why::QuotaExhausted {
                resets_at: Timestamp::from_millis(1_800_000_000_000),
            },
        },
        ToDesk::Unknown(vec![TicketId(1)]),
    ];
    insta::assert_snapshot!(text(&MatchmakingMessage::ToDesk { term, parts }), @r#"{"to_desk":{"term":{"node":"00000000000000ab","fence":7},"parts":[{"accepted":"1"},{"cancelled":{"request":5,"ticket":null}},{"refused":{"ticket":"1","why":{"quota_exhausted":{"resets_at":"2027-01-15T08:00:00.000Z"}}}},{"unknown":["1"]}]}}"#);
}

#[test]
fn a_place_is_not_logged() {
    let submit = ToLeader::Submit {
        ticket: ticket(),
        session: SessionId(4),
        again: false,
    };
    let shown = format!("{submit:?}");
    assert!(!shown.contains("41") && !shown.contains("29"), "{shown}");
}
