//! The numbers of messages, over refusals.

use tebdil_client::connection::SendError;
use tebdil_protocol::ErrorCode;

use crate::{chat::couple, relay::Relay};

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
