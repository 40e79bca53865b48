use std::time::Duration;

use tebdil_core::{
    quota::Balances,
    store::{ProfileChange, ProfileUpdate, Registration},
    testing::TestStore,
};
use tebdil_protocol::{
    Location, Secret,
    domain::{Locale, UserRole},
    id::UserId,
};

use crate::{all_at_once, rng};

mod aliases;

tebdil_core::store_conformance! {
    a_new_account_reads_as_it_was_written,
    one_phone_registers_once_however_many_try,
    a_banned_phone_is_refused,
    a_profile_changes_in_parts,
    a_new_password_ends_the_other_sessions,
    a_password_is_stored_anew_unless_it_was_changed,
    accepted_terms_never_become_older,
}

async fn accepted_terms_never_become_older(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let registered = t.now();
    t.clock.advance(Duration::from_hours(1));
    for (version, kept, at) in [(3, 3, t.now()), (2, 3, t.now()), (3, 3, t.now())] {
        let accounts = t.accounts();
        accounts
            .accept_terms(user.id, version, t.now())
            .await
            .unwrap();
        let row = accounts.user(user.id).await.unwrap().unwrap();
        assert_eq!((row.terms_version, row.terms_accepted_at), (kept, at));
        let alive = accounts.session_alive(session.id, t.now()).await.unwrap();
        assert_eq!(alive.unwrap().terms_version, kept);
    }
    assert_eq!(
        (user.terms_version, user.terms_accepted_at),
        (1, registered)
    );
    let recorded = t
        .numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'terms_accepted'")
        .await;
    assert_eq!(recorded, [1]);
    t.accounts()
        .accept_terms(UserId(1), 9, t.now())
        .await
        .unwrap();
}

async fn a_password_is_stored_anew_unless_it_was_changed(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (old, new, other) = (
        Secret::from("hash"),
        Secret::from("new scheme"),
        Secret::from("other"),
    );
    t.accounts()
        .replace_password_hash(user.id, &old, &new)
        .await
        .unwrap();
    assert_eq!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        new
    );
    t.accounts()
        .replace_password_hash(user.id, &old, &other)
        .await
        .unwrap();
    assert_eq!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .unwrap()
            .password_hash,
        new,
        "it was no longer the old one"
    );
    assert!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap()
            .is_some()
    );
}

async fn a_new_account_reads_as_it_was_written(t: TestStore) {
    let new = t.new_user(7, "Kedi");
    let Registration::Inserted(user, session) = t
        .accounts()
        .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (
            user.alias.as_str(),
            user.alias_key.as_str(),
            user.birth_year,
            user.locale
        ),
        ("Kedi", "kedi", 1990, Locale::Tr)
    );
    assert!(user.tag.len() == 4 && user.tag.bytes().all(|digit| digit.is_ascii_digit()));
    assert_eq!(
        (user.role, user.is_banned, user.is_premium, user.location()),
        (UserRole::User, false, false, None)
    );
    assert_eq!(
        (user.phone_index, &user.phone, &user.password_hash),
        (new.phone_index, &new.phone, &new.password_hash)
    );
    assert_eq!(
        (user.balances.clone(), user.invite_code.len()),
        (Balances::default(), 10)
    );
    assert_eq!(
        (user.created_at, user.last_active, user.terms_accepted_at),
        (t.now(), t.now(), t.now())
    );
    assert_eq!(
        t.accounts().user(user.id).await.unwrap().as_ref(),
        Some(&*user)
    );
    assert_eq!(
        t.accounts()
            .user_by_phone(&new.phone_index)
            .await
            .unwrap()
            .as_ref(),
        Some(&*user)
    );
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, None, 9, t.now())
            .await
            .unwrap(),
        [session]
    );
    let plain = t
        .cipher
        .open(
            "users.phone",
            user.phone_index.as_bytes(),
            &user.phone.key_id,
            &user.phone.ciphertext,
        )
        .unwrap();
    assert_eq!(plain.as_slice(), b"+905300000007");
    assert_eq!(
        format!("{user:?}"),
        format!("UserRow {{ id: {:?}, .. }}", user.id),
        "nothing personal is printed"
    );

    assert_eq!(t.accounts().user(UserId(1)).await.unwrap(), None);
    assert_eq!(
        t.accounts()
            .user_by_phone(&t.index.phone("+905309999999"))
            .await
            .unwrap(),
        None
    );
}

async fn one_phone_registers_once_however_many_try(t: TestStore) {
    let outcomes = all_at_once((0..50).map(|number| {
        let (store, now, session) = (t.store.clone(), t.now(), t.new_session("a"));
        let new = t.new_user(1, &format!("alias{number}"));
        async move {
            store
                .accounts()
                .insert_user(&new, session, &mut rng(number), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let inserted = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Registration::Inserted(..)))
        .count();
    let taken = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Registration::PhoneTaken))
        .count();
    assert_eq!((inserted, taken), (1, 49));
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM sessions")
            .await,
        [1],
        "nobody else was signed in"
    );
}

async fn a_banned_phone_is_refused(t: TestStore) {
    let new = t.new_user(1, "kedi");
    let until = t.now() + Duration::from_mins(1);
    t.ban(&new.phone_index, "short", Some(until)).await;
    let Registration::PhoneBanned(ban) = t
        .accounts()
        .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap()
    else {
        panic!("not refused")
    };
    assert_eq!(
        (ban.reason.as_str(), ban.until, ban.provisional),
        ("short", Some(until), false)
    );
    assert_eq!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap(),
        Some(ban)
    );

    t.ban(
        &new.phone_index,
        "long",
        Some(until + Duration::from_mins(1)),
    )
    .await;
    assert_eq!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("long".to_owned())
    );
    t.ban(&new.phone_index, "for good", None).await;
    assert_eq!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("for good".to_owned())
    );
    t.execute("UPDATE bans SET lifted_at = created_at WHERE until IS NULL")
        .await;
    assert_eq!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("long".to_owned())
    );
    t.clock.advance(Duration::from_mins(2));
    assert_eq!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap(),
        None,
        "a ban ends at its time, not after it"
    );
    assert!(matches!(
        t.accounts()
            .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
            .await
            .unwrap(),
        Registration::Inserted(..)
    ));
    assert_eq!(
        t.safety()
            .active_ban(&t.new_user(2, "x").phone_index, t.now())
            .await
            .unwrap(),
        None
    );
}

async fn a_profile_changes_in_parts(t: TestStore) {
    let (before, _) = t.register("kedi").await;
    let full = ProfileUpdate {
        alias: None,
        locale: Some(Locale::En),
        interests: Some(vec!["müzik".to_owned(), "\"quoted\"".to_owned()]),
        languages: Some(vec!["tr".to_owned()]),
        location: Some(Some(Location {
            lat: 41.01,
            lon: -28.97,
        })),
    };
    let ProfileChange::Updated(after) = t
        .accounts()
        .update_profile(before.id, &full, &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (after.alias.as_str(), &after.tag, after.locale),
        ("kedi", &before.tag, Locale::En)
    );
    assert_eq!(
        (Some(&after.interests.0), after.location()),
        (
            full.interests.as_ref(),
            Some(Location {
                lat: 41.01,
                lon: -28.97
            })
        )
    );
    assert_eq!(
        t.accounts().user(before.id).await.unwrap().as_ref(),
        Some(&*after)
    );

    assert_eq!(
        t.accounts()
            .update_profile(before.id, &ProfileUpdate::default(), &mut rng(1))
            .await
            .unwrap(),
        ProfileChange::Updated(after.clone())
    );
    let erase = ProfileUpdate {
        location: Some(None),
        ..ProfileUpdate::default()
    };
    let ProfileChange::Updated(after_erasing) = t
        .accounts()
        .update_profile(before.id, &erase, &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (after_erasing.location(), &after_erasing.languages),
        (None, &after.languages)
    );
    assert_eq!(
        t.accounts()
            .user(before.id)
            .await
            .unwrap()
            .unwrap()
            .location(),
        None
    );
    assert_eq!(
        t.accounts()
            .update_profile(UserId(1), &full, &mut rng(1))
            .await
            .unwrap(),
        ProfileChange::NotFound
    );
}

async fn a_new_password_ends_the_other_sessions(t: TestStore) {
    let accounts = t.accounts();
    let (user, first) = t.register("kedi").await;
    let old = Secret::from("hash");
    let sign_in = async |verified: &Secret, device| {
        accounts
            .create_session(user.id, verified, t.new_session(device), 20, t.now())
            .await
            .unwrap()
    };
    let second = sign_in(&old, "b").await.expect("signed in").session;
    let third = sign_in(&old, "c").await.expect("signed in").session;
    let (other, _) = t.register("kopek").await;
    for session in [first.id, second.id] {
        accounts
            .put_key_packages(user.id, session, &[vec![1]], None, t.now())
            .await
            .unwrap();
    }

    let new = Secret::from("new hash");
    let mut ended = accounts
        .set_password(user.id, Some(&old), &new, Some(second.id), t.now())
        .await
        .unwrap()
        .expect("changed");
    ended.sort();
    assert_eq!(ended, [first.id, third.id]);
    let password = async |id| accounts.user(id).await.unwrap().unwrap().password_hash;
    assert_eq!(password(user.id).await, new);
    assert_eq!(password(other.id).await, old);
    let left = async |session| {
        let alive = accounts.session_alive(session, t.now()).await.unwrap();
        let keys = accounts.key_packages_remaining(session, t.now()).await;
        (alive.is_some(), keys.unwrap())
    };
    assert_eq!(left(first.id).await, (false, 0));
    assert_eq!(left(second.id).await, (true, 1));

    assert_eq!(
        accounts
            .set_password(user.id, Some(&old), &new, None, t.now())
            .await
            .unwrap(),
        None,
        "verified against the old one"
    );
    assert_eq!(
        accounts
            .set_password(UserId(1), None, &new, None, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        accounts
            .set_password(user.id, None, &old, None, t.now())
            .await
            .unwrap(),
        Some(vec![second.id])
    );
    assert_eq!(
        sign_in(&new, "d").await,
        None,
        "a sign-in that began before the change"
    );
}
