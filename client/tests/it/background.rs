//! Searches that outlive their connection.

use serde_json::json;
use tebdil_client::chat::ChatEvent;
use tebdil_protocol::domain::CancelReason;

use crate::{
    chat::{Person, options, stored},
    relay::{Out, Relay},
};

impl Person {
    async fn search_over(&mut self) -> CancelReason {
        self.until(|event| match event {
            ChatEvent::SearchCancelled(why) => Some(*why),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_background_search_goes_on_without_its_socket() {
    let relay = Relay::start().await;
    let mut ada = Person::register(&options(&relay), "ada").await;
    let bora = Person::register(&options(&relay), "bora").await;
    ada.chat
        .find_in_background(&["satranç"])
        .await
        .expect("searching");
    ada.searching().await;
    relay.tell(0, Out::Cut);
    ada.connected().await;
    ada.searching().await;
    assert_eq!(relay.change(|world| world.finds), 1, "begun once");
    bora.chat.find(&[]).await.expect("searching");
    ada.secured().await;
}

#[tokio::test]
async fn a_background_search_outlives_the_process() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let folder = folder.path().join("ada");
    let ada = Person::register(&stored(&relay, &folder), "ada").await;
    let mut bora = Person::register(&options(&relay), "bora").await;
    ada.chat.find_in_background(&[]).await.expect("searching");
    ada.chat.close().await;
    drop(ada);

    let mut ada = Person::resume(&relay, &folder).await;
    ada.searching().await;
    ada.chat.close().await;
    drop(ada);
    bora.chat.find(&[]).await.expect("searching");
    bora.until(|event| matches!(event, ChatEvent::Matched { .. }).then_some(()))
        .await;

    let mut ada = Person::resume(&relay, &folder).await;
    assert!(ada.matched_here().await);
    let (id, number) = ada.secured().await;
    assert_eq!(bora.secured().await, (id, number));
    let sent = ada.chat.send_and_wait(id, "geldim").await;
    sent.expect("accepted");
    assert_eq!(bora.text().await, "geldim");
    assert_eq!(relay.change(|world| world.finds), 2, "one each");
}

#[tokio::test]
async fn a_background_search_that_ended_is_not_begun_anew() {
    let relay = Relay::start().await;
    let mut ada = Person::register(&options(&relay), "ada").await;
    ada.chat.find_in_background(&[]).await.expect("searching");
    relay.change(|world| world.waiting = None);
    relay.tell(0, Out::Cut);
    assert_eq!(ada.search_over().await, CancelReason::Ended);
    assert_eq!(relay.change(|world| world.finds), 1);
}

#[tokio::test]
async fn a_search_that_another_replaced_is_not_begun_anew() {
    let relay = Relay::start().await;
    let mut ada = Person::register(&options(&relay), "ada").await;
    ada.chat.find(&[]).await.expect("searching");
    let replaced = |ticket: &str| {
        let told = json!({"type":"match.cancelled","ticket_id":ticket,"reason":"replaced"});
        relay.tell(0, Out::Frame(told));
    };
    replaced("7");
    relay.tell(0, Out::Cut);
    ada.connected().await;
    ada.connected().await;
    ada.searching().await;
    assert_eq!(relay.change(|world| world.finds), 2, "it was not this one");

    replaced("1");
    assert_eq!(ada.search_over().await, CancelReason::Replaced);
    relay.tell(0, Out::Cut);
    ada.connected().await;
    ada.chat.cancel().await.expect("nothing to cancel");
    assert_eq!(ada.search_over().await, CancelReason::Cancelled);
    assert_eq!(relay.change(|world| world.finds), 2);
}
