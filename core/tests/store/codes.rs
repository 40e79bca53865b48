use std::{sync::Arc, time::Duration};

use tebdil_core::{
    crypto::{CodeHash, PhoneIndex},
    ids::IdGenerator,
    store::{
        CODE_LIFETIME, CODE_MEMORY, CODE_TRIES, NewCode, OldRows, ProvenCode, Registration,
        TriedCode,
    },
    testing::TestStore,
};
use tebdil_protocol::{
    Secret,
    domain::CodePurpose,
    id::{CodeId, UserId},
    notice::Notice,
};

use crate::{all_at_once, delete_old, rng};

tebdil_core::store_conformance! {
    a_code_is_tried_five_times_however_many_guess_at_once,
    a_code_ends_after_five_minutes_also_when_the_clock_goes_back,
    purposes_and_phones_are_told_apart,
    newer_codes_push_no_code_out,
    a_fresh_code_has_fresh_tries_and_a_spent_one_says_how_long,
    new_codes_do_not_bring_new_tries_without_end,
    a_phone_is_registered_once_with_its_code,
    a_refused_registration_leaves_the_code,
    a_password_is_reset_once_and_every_session_ends,
    old_codes_are_deleted_in_batches,
}

struct Codes<'t> {
    t: &'t TestStore,
    ids: Arc<IdGenerator>,
}

impl<'t> Codes<'t> {
    fn new(t: &'t TestStore) -> Self {
        Self {
            t,
            ids: Arc::clone(t.store.ids()),
        }
    }

    async fn insert(
        &self,
        purpose: CodePurpose,
        phone: PhoneIndex,
        user: Option<UserId>,
    ) -> ProvenCode {
        let id: CodeId = self.ids.next();
        let sealed = self.t.cipher.seal("test", b"row", b"who", &mut rng(1));
        let new = NewCode {
            id,
            purpose,
            phone,
            user,
            hash: CodeHash([7; 32]),
            registration: user.is_none().then_some(&sealed),
        };
        self.t
            .accounts()
            .insert_code(new, self.t.now())
            .await
            .unwrap();
        ProvenCode { id, purpose, phone }
    }

    async fn tried(&self, code: &ProvenCode) -> Vec<TriedCode> {
        self.t
            .accounts()
            .try_code(code.purpose, &code.phone, self.t.now())
            .await
            .unwrap()
            .codes
    }

    async fn wait(&self, code: &ProvenCode) -> Option<Duration> {
        self.t
            .accounts()
            .try_code(code.purpose, &code.phone, self.t.now())
            .await
            .unwrap()
            .wait
    }
}

fn ids(tried: &[TriedCode]) -> Vec<CodeId> {
    tried.iter().map(|code| code.id).collect()
}

async fn a_code_is_tried_five_times_however_many_guess_at_once(t: TestStore) {
    let codes = Codes::new(&t);
    let code = codes
        .insert(
            CodePurpose::Registration,
            t.index.phone("+905300000001"),
            None,
        )
        .await;
    // Two nodes.
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let guesses = all_at_once((0..100).map(|number| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        async move {
            store
                .accounts()
                .try_code(code.purpose, &code.phone, now)
                .await
                .unwrap()
        }
    }));
    let guesses = guesses.await;
    assert!(
        guesses
            .iter()
            .all(|guess| guess.codes.is_empty() == guess.wait.is_some()),
        "who is not compared is told to wait"
    );
    let compared: Vec<TriedCode> = guesses.into_iter().flat_map(|guess| guess.codes).collect();
    assert_eq!(i64::try_from(compared.len()), Ok(CODE_TRIES));
    assert!(
        compared
            .iter()
            .all(|tried| (tried.id, tried.hash, tried.user) == (code.id, CodeHash([7; 32]), None))
    );
    let sealed = compared[0]
        .registration
        .as_ref()
        .expect("what it registers");
    assert_eq!(
        t.cipher
            .open("test", b"row", &sealed.key_id, &sealed.ciphertext)
            .unwrap()
            .as_slice(),
        b"who"
    );
    assert!(codes.tried(&code).await.is_empty());
    nodes[1].close().await;
}

async fn a_code_ends_after_five_minutes_also_when_the_clock_goes_back(t: TestStore) {
    let codes = Codes::new(&t);
    let code = codes
        .insert(
            CodePurpose::Registration,
            t.index.phone("+905300000001"),
            None,
        )
        .await;
    let (new, start) = (t.new_user(1, "kedi"), t.now());
    for (at, good) in [
        (start + CODE_LIFETIME - Duration::from_millis(1), true),
        (start + CODE_LIFETIME, false),
        (start - Duration::from_secs(30), true),
        (start - Duration::from_mins(2), false),
    ] {
        assert_eq!(
            t.accounts()
                .try_code(code.purpose, &code.phone, at)
                .await
                .unwrap()
                .codes
                .len(),
            usize::from(good),
            "{at}"
        );
        if !good {
            let used = t
                .accounts()
                .insert_verified_user(&code, &new, t.new_session("a"), &mut rng(1), at)
                .await
                .unwrap();
            assert_eq!(used, Registration::CodeUsed, "{at}");
        }
    }
}

async fn purposes_and_phones_are_told_apart(t: TestStore) {
    let codes = Codes::new(&t);
    let (phone, other) = (
        t.index.phone("+905300000001"),
        t.index.phone("+905300000002"),
    );
    let code = codes.insert(CodePurpose::Registration, phone, None).await;
    assert!(
        codes
            .tried(&ProvenCode {
                purpose: CodePurpose::PasswordReset,
                ..code
            })
            .await
            .is_empty()
    );
    assert!(
        codes
            .tried(&ProvenCode {
                phone: other,
                ..code
            })
            .await
            .is_empty()
    );
    assert_eq!(ids(&codes.tried(&code).await), [code.id]);
    let (user, _) = t.register("kedi").await;
    let (at, hash) = (t.now(), Secret::from("new"));
    for wrong in [
        ProvenCode {
            purpose: CodePurpose::PasswordReset,
            ..code
        },
        ProvenCode {
            phone: other,
            ..code
        },
    ] {
        assert_eq!(
            t.accounts()
                .reset_password(&wrong, user.id, &hash, at)
                .await
                .unwrap(),
            None
        );
    }
    assert_eq!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        user.password_hash
    );
}

async fn newer_codes_push_no_code_out(t: TestStore) {
    let codes = Codes::new(&t);
    let phone = t.index.phone("+905300000001");
    let owners = codes.insert(CodePurpose::Registration, phone, None).await;
    for _ in 0..6 {
        t.clock.advance(Duration::from_millis(1));
        codes.insert(CodePurpose::Registration, phone, None).await;
    }
    let tried = ids(&codes.tried(&owners).await);
    assert!(tried.len() == 7 && tried[0] == owners.id, "{tried:?}");
}

async fn a_fresh_code_has_fresh_tries_and_a_spent_one_says_how_long(t: TestStore) {
    let codes = Codes::new(&t);
    let phone = t.index.phone("+905300000001");
    let first = codes.insert(CodePurpose::Registration, phone, None).await;
    assert_eq!(codes.wait(&first).await, None, "it is compared");
    for _ in 1..CODE_TRIES {
        assert_eq!(ids(&codes.tried(&first).await), [first.id]);
    }
    t.clock.advance(Duration::from_mins(1));
    assert_eq!(
        codes.wait(&first).await,
        Some(CODE_LIFETIME.saturating_sub(Duration::from_mins(1))),
        "nobody can say any more whether a guess is right"
    );
    let second = codes.insert(CodePurpose::Registration, phone, None).await;
    assert_eq!(ids(&codes.tried(&second).await), [second.id]);
    t.clock.advance(CODE_LIFETIME);
    let none = t
        .accounts()
        .try_code(CodePurpose::Registration, &phone, t.now())
        .await
        .unwrap();
    assert!(
        none.codes.is_empty() && none.wait.is_none(),
        "there is no code to wait for"
    );
}

async fn new_codes_do_not_bring_new_tries_without_end(t: TestStore) {
    let codes = Codes::new(&t);
    let phone = t.index.phone("+905300000001");
    let start = t.now();
    let (mut compared, mut waits) = (0, Vec::new());
    for _ in 0..20 {
        let code = codes.insert(CodePurpose::PasswordReset, phone, None).await;
        for _ in 0..10 {
            let guess = t
                .accounts()
                .try_code(code.purpose, &phone, t.now())
                .await
                .unwrap();
            compared += guess.codes.len();
            waits.extend(guess.wait.filter(|_| compared >= 60));
        }
        t.clock.advance(Duration::from_mins(2));
    }
    assert_eq!(compared, 60, "in 40 minutes");
    assert!(
        waits.contains(&(start + Duration::from_hours(1)).since(start + Duration::from_mins(38))),
        "{waits:?}"
    );
    t.clock.advance(Duration::from_mins(25));
    let code = codes.insert(CodePurpose::PasswordReset, phone, None).await;
    assert_eq!(
        codes.tried(&code).await.len(),
        1,
        "tries are forgotten with time"
    );
}

async fn a_phone_is_registered_once_with_its_code(t: TestStore) {
    let codes = Codes::new(&t);
    let new = t.new_user(1, "kedi");
    let other = codes
        .insert(CodePurpose::Registration, new.phone_index, None)
        .await;
    let code = codes
        .insert(CodePurpose::Registration, new.phone_index, None)
        .await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let outcomes = all_at_once((0..20).map(|number| {
        let (store, now, session, new) = (
            nodes[number % 2].clone(),
            t.now(),
            t.new_session("a"),
            new.clone(),
        );
        // Either code may win; together they make one account.
        let code = if number % 4 < 2 { code } else { other };
        async move {
            store
                .accounts()
                .insert_verified_user(&code, &new, session, &mut rng(5), now)
                .await
                .unwrap()
        }
    }));
    let outcomes = outcomes.await;
    let made = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Registration::Inserted(..)))
        .count();
    let used = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Registration::CodeUsed))
        .count();
    assert_eq!((made, used), (1, 19));
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_codes")
            .await,
        [0],
        "nothing of it is kept"
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM sessions")
            .await,
        [1]
    );
    nodes[1].close().await;
}

async fn a_refused_registration_leaves_the_code(t: TestStore) {
    let codes = Codes::new(&t);
    let new = t.new_user(1, "kedi");
    let code = codes
        .insert(CodePurpose::Registration, new.phone_index, None)
        .await;
    t.ban(
        &new.phone_index,
        "spam",
        Some(t.now() + Duration::from_mins(1)),
    )
    .await;
    let insert = async || {
        t.accounts()
            .insert_verified_user(&code, &new, t.new_session("a"), &mut rng(1), t.now())
            .await
            .unwrap()
    };
    assert!(matches!(insert().await, Registration::PhoneBanned(_)));
    t.clock.advance(Duration::from_mins(1));
    assert!(matches!(insert().await, Registration::Inserted(..)));
    let again = codes
        .insert(CodePurpose::Registration, new.phone_index, None)
        .await;
    let taken = t
        .accounts()
        .insert_verified_user(&again, &new, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap();
    assert_eq!(taken, Registration::PhoneTaken);
}

async fn a_password_is_reset_once_and_every_session_ends(t: TestStore) {
    let codes = Codes::new(&t);
    let (user, session) = t.register("kedi").await;
    let (stranger, _) = t.register("yabanci").await;
    let code = codes
        .insert(CodePurpose::PasswordReset, user.phone_index, Some(user.id))
        .await;
    let resets = all_at_once((0..20).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .accounts()
                .reset_password(&code, user.id, &Secret::from(format!("hash{number}")), now)
                .await
                .unwrap()
        }
    }));
    let done: Vec<_> = resets.await.into_iter().flatten().collect();
    let [reset] = &done[..] else {
        panic!("{done:?}")
    };
    assert_eq!(reset.ended, [session.id]);
    assert_eq!(
        reset.notified.as_ref().map(|notified| &notified.notice),
        Some(&Notice::PasswordReset {})
    );
    assert!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash
            .expose()
            .starts_with("hash")
    );
    assert!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        t.accounts()
            .user(stranger.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        stranger.password_hash
    );
    let logged = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'password_reset' AND user_id = {}",
        user.id
    );
    assert_eq!(t.numbers(&logged).await, [1]);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM notifications")
            .await,
        [1]
    );

    let gone = codes
        .insert(CodePurpose::PasswordReset, user.phone_index, None)
        .await;
    assert_eq!(
        t.accounts()
            .reset_password(&gone, UserId(1), &Secret::from("x"), t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(ids(&codes.tried(&gone).await), [gone.id], "nothing changed");
}

async fn old_codes_are_deleted_in_batches(t: TestStore) {
    let codes = Codes::new(&t);
    for phone in ["+905300000001", "+905300000002", "+905300000003"] {
        codes
            .insert(CodePurpose::Registration, t.index.phone(phone), None)
            .await;
    }
    t.clock.advance(Duration::from_mins(59));
    let young = codes
        .insert(
            CodePurpose::Registration,
            t.index.phone("+905300000001"),
            None,
        )
        .await;
    let delete = async || delete_old(&t, &OldRows::CODES, t.now() - CODE_MEMORY, 2).await;
    assert_eq!(delete().await, 0);
    t.clock.advance(Duration::from_mins(1));
    assert_eq!([delete().await, delete().await], [2, 1]);
    assert_eq!(
        t.numbers("SELECT id FROM one_time_codes").await,
        [young.id.0]
    );
}
