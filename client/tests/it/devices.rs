//! Matches that cannot be read on this device.

use tebdil_client::chat::{Chat, ChatError, ChatEvent};

use crate::{
    chat::{Person, couple, options},
    relay::{Out, Relay},
};

impl Person {
    /// Whether the match that is told of next is here.
    pub async fn matched_here(&mut self) -> bool {
        self.until(|event| match event {
            ChatEvent::Matched { this_device, .. } => Some(*this_device),
            _ => None,
        })
        .await
    }

    /// The only match is shown, and takes no text.
    async fn is_shut_out(&self) {
        let known = self.chat.conversations().await.expect("open");
        assert_eq!((known.len(), known[0].this_device), (1, false));
        let refused = self.chat.send(known[0].info.id, "merhaba").await;
        assert!(
            matches!(refused, Err(ChatError::OtherDevice)),
            "{refused:?}"
        );
    }

    pub async fn searching(&mut self) {
        self.until(|event| matches!(event, ChatEvent::Searching { .. }).then_some(()))
            .await;
    }
}

#[tokio::test]
async fn a_match_of_another_device_is_shown_and_ends_no_search() {
    let relay = Relay::start().await;
    relay.change(|world| world.elsewhere = Some(0));
    let (mut ada, _bora) = (
        Person::register(&options(&relay), "ada").await,
        Person::register(&options(&relay), "bora").await,
    );
    ada.chat.find(&[]).await.expect("searching");
    ada.searching().await;
    relay.change(|world| {
        world.lose_socket(0);
        world.pair(0, 1);
    });
    assert!(!ada.matched_here().await);
    ada.is_shut_out().await;
    ada.searching().await;
}

#[tokio::test]
async fn a_match_whose_keys_are_gone_is_not_here() {
    let relay = Relay::start().await;
    let (ada, bora, id) = couple(&relay).await;
    ada.chat.send_and_wait(id, "bir").await.expect("accepted");
    for (user, person) in [ada, bora].into_iter().enumerate() {
        person.chat.close().await;
        // The session goes on with new keys.
        let (account, known) = (person.chat.account().clone(), person.chat.user().clone());
        let (chat, events) = Chat::open(&options(&relay), account, known)
            .await
            .expect("opens");
        let mut person = Person { chat, events };
        assert!(!person.matched_here().await);
        person.is_shut_out().await;
        relay.tell(user, Out::Cut);
        person.connected().await;
        person.is_shut_out().await;
    }
}
