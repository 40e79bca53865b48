//! What a warned user says to it.

use tebdil_core::{
    crypto::Sealed,
    store::{Answering, NewAnswer, Resolving},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::ReportDecision,
    id::{NotificationId, UserId},
};

use super::{reported, resolve};
use crate::matches::{couple, matched};

tebdil_core::store_conformance! {
    a_warning_is_answered_once_by_whom_it_is_for,
}

async fn answer(t: &TestStore, id: NotificationId, user: UserId, text: &str) -> Answering {
    let text = Sealed {
        ciphertext: text.as_bytes().to_vec(),
        key_id: "k".to_owned(),
    };
    let new = NewAnswer { id, user, text };
    t.safety().answer_warning(&new, t.now()).await.unwrap()
}

async fn a_warning_is_answered_once_by_whom_it_is_for(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let Resolving::Done { notified, .. } = resolve(&t, made.id, ReportDecision::Warn).await else {
        panic!("decided")
    };
    let of = |user: UserId| notified.iter().find(|one| one.user_id == user).unwrap().id;
    let (warning, word) = (of(b.0.id), of(a.0.id));
    assert_eq!(answer(&t, warning, a.0.id, "x").await, Answering::NotFound);
    assert_eq!(answer(&t, word, a.0.id, "x").await, Answering::NotFound);
    assert_eq!(t.safety().warning_answer(made.id).await.unwrap(), None);
    assert_eq!(
        answer(&t, warning, b.0.id, "bir").await,
        Answering::Answered
    );
    assert_eq!(answer(&t, warning, b.0.id, "iki").await, Answering::Already);
    let (id, text, at) = t.safety().warning_answer(made.id).await.unwrap().unwrap();
    assert_eq!(
        (id, &text.ciphertext[..], at),
        (warning, &b"bir"[..], t.now())
    );
}
