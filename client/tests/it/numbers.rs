//! The numbers of messages, over refusals.

use tebdil_client::{chat::ChatEvent, connection::SendError};
use tebdil_protocol::ErrorCode;

use crate::{
    chat::{Person, couple, options, stored},
    relay::Relay,
};

#[tokio::test]
async fn refusals_leave_no_gap_in_the_numbers() {
    let relay = Relay::start().await;
    let (ada, mut bora, id) = couple(&relay).await;
    let mut accepted = vec![];
    for round in 0..10 {
        relay.change(|world| {
            world.refuse = [
                None,
                Some("unavailable"),
                Some("too_many_undelivered"),
                None,
                Some("franking_tag_mismatch"),
            ]
            .into();
        });
        let mut sent = vec![];
        for n in 0..8 {
            let text = format!("{round}.{n}");
            let sending = ada.chat.send(id, text.clone()).await.expect("sealed");
            sent.push((text, sending));
        }
        for (text, sending) in sent {
            match sending.await {
                Ok(_) => accepted.push(text),
                Err(error) => assert!(
                    matches!(
                        error,
                        SendError::Refused(ErrorCode::FrankingTagMismatch | ErrorCode::OutOfOrder)
                    ),
                    "{error}"
                ),
            }
        }
        let last = format!("{round}");
        // Those sealed before it was known that the one before them is refused are refused too.
        ada.chat.flush().await;
        if ada.chat.send_and_wait(id, last.clone()).await.is_ok() {
            accepted.push(last);
        }
        relay.change(|world| world.refuse.clear());
    }
    let mut got = vec![];
    while got.len() < accepted.len() {
        got.push(bora.text().await);
    }
    assert_eq!(got, accepted);
    assert!(got.len() >= 30, "{got:?}");
}

#[tokio::test]
async fn messages_that_never_come_are_told_once() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let mut ada = Person::register(&stored(&relay, folder.path()), "ada").await;
    let mut bora = Person::register(&options(&relay), "bora").await;
    ada.chat.find(&[]).await.expect("searching");
    bora.chat.find(&[]).await.expect("searching");
    let (id, _) = ada.secured().await;
    bora.secured().await;
    bora.chat.send_and_wait(id, "bir").await.expect("accepted");
    assert_eq!(ada.text().await, "bir");
    ada.chat.close().await;
    drop(ada);

    for text in ["iki", "üç", "dört"] {
        bora.chat.send_and_wait(id, text).await.expect("accepted");
    }
    // The server held the first two for as long as it holds anything.
    relay.change(|world| {
        for (_, lost) in world.matches[0].messages.iter_mut().rev().skip(1).take(2) {
            lost["seq"] = 0.into();
        }
    });
    let mut ada = Person::resume(&relay, folder.path()).await;
    let missing = ada
        .until(|event| match event {
            ChatEvent::Missing { match_id, seqs } => Some((*match_id, seqs.clone())),
            ChatEvent::Text { .. } => panic!("before it was told what lacks: {event:?}"),
            _ => None,
        })
        .await;
    assert_eq!(missing, (id, 2..=3));
    assert_eq!(ada.text().await, "dört");
    bora.chat.send_and_wait(id, "beş").await.expect("accepted");
    let next = ada
        .until(|event| match event {
            ChatEvent::Text { text, .. } => Some(text.clone()),
            ChatEvent::Missing { .. } | ChatEvent::Unreadable { .. } => panic!("{event:?}"),
            _ => None,
        })
        .await;
    assert_eq!(next, "beş");
}
