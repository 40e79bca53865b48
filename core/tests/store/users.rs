use std::{collections::HashSet, time::Duration};

use tebdil_core::{
    domain::{Locale, UserRole},
    id::UserId,
    protocol::{Location, Secret},
    quota::Balances,
    store::{Alias, ProfileChange, ProfileUpdate, Registration, Store},
    testing::TestStore,
};

use crate::{all_at_once, rng};

tebdil_core::store_conformance! {
    a_new_account_reads_as_it_was_written,
    one_phone_registers_once_however_many_try,
    users_of_one_alias_get_different_tags,
    the_last_tag_is_given_and_then_the_alias_is_full,
    a_banned_phone_is_refused,
    a_profile_changes_in_parts,
    a_new_alias_keeps_a_free_tag_and_leaves_a_taken_one,
    renaming_to_one_alias_at_once_gives_different_tags,
    a_new_password_ends_the_other_sessions,
    aliases_that_look_the_same_never_share_a_tag,
    a_password_is_stored_anew_unless_it_was_changed,
}

fn looks_like(text: &str, skeleton: &str) -> Alias {
    Alias {
        skeleton: skeleton.to_owned(),
        ..TestStore::alias(text)
    }
}

/// Every tag is wanted at once, on two nodes.
async fn want_every_tag_at_once(t: &TestStore, nodes: &[Store; 2]) -> Vec<Registration> {
    let made = all_at_once((0..16).map(|number: usize| {
        let (store, now, session) = (nodes[number % 2].clone(), t.now(), t.new_session("a"));
        let mut new = t.new_user(100 + i64::try_from(number).unwrap(), "kedi");
        new.alias = looks_like(
            if number.is_multiple_of(2) {
                "kedi0"
            } else {
                "kedio"
            },
            "kedio",
        );
        async move {
            store
                .insert_user(&new, session, &mut rng(7), now)
                .await
                .unwrap()
        }
    }));
    made.await
}

async fn aliases_that_look_the_same_never_share_a_tag(t: TestStore) {
    let (kedi, _) = t.register("kedi0").await;
    t.execute(&format!(
        "UPDATE users SET alias_skeleton = 'kedio' WHERE id = {}",
        kedi.id
    ))
    .await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let made = want_every_tag_at_once(&t, &nodes).await;
    let tags: HashSet<String> = made
        .into_iter()
        .map(|made| match made {
            Registration::Inserted(user, _) => user.tag,
            refused => panic!("{refused:?}"),
        })
        .chain([kedi.tag.clone()])
        .collect();
    assert_eq!(tags.len(), 17);
    // Who takes such an alias later gets another tag as well; respelling the own one keeps it.
    let (other, _) = t.register("kopek").await;
    t.execute(&format!(
        "UPDATE users SET tag = '{}' WHERE id = {}",
        kedi.tag, other.id
    ))
    .await;
    let update = |alias| ProfileUpdate {
        alias: Some(alias),
        ..ProfileUpdate::default()
    };
    let renamed = t
        .update_profile(other.id, &update(looks_like("kedio", "kedio")), &mut rng(1))
        .await
        .unwrap();
    let ProfileChange::Updated(renamed) = renamed else {
        panic!("refused")
    };
    assert!(renamed.alias == "kedio" && renamed.tag != kedi.tag);
    // Made when the tables of Unicode were others: the same letters had another skeleton.
    t.execute(&format!(
        "UPDATE users SET alias_skeleton = 'once' WHERE id = {}",
        renamed.id
    ))
    .await;
    let (late, _) = t.register("kurt").await;
    t.execute(&format!(
        "UPDATE users SET tag = '{}' WHERE id = {}",
        renamed.tag, late.id
    ))
    .await;
    let late = t
        .update_profile(late.id, &update(looks_like("kedio", "today")), &mut rng(1))
        .await
        .unwrap();
    let ProfileChange::Updated(late) = late else {
        panic!("refused")
    };
    assert_ne!(late.tag, renamed.tag);
    let respelled = t
        .update_profile(kedi.id, &update(looks_like("KediO", "kedio")), &mut rng(1))
        .await
        .unwrap();
    let ProfileChange::Updated(respelled) = respelled else {
        panic!("refused")
    };
    assert_eq!(respelled.tag, kedi.tag);
    nodes[1].close().await;
}

async fn a_password_is_stored_anew_unless_it_was_changed(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (old, new, other) = (
        Secret::from("hash"),
        Secret::from("new scheme"),
        Secret::from("other"),
    );
    t.replace_password_hash(user.id, &old, &new).await.unwrap();
    assert_eq!(t.user(user.id).await.unwrap().unwrap().password_hash, new);
    t.replace_password_hash(user.id, &old, &other)
        .await
        .unwrap();
    assert_eq!(
        t.user(user.id).await.unwrap().unwrap().password_hash,
        new,
        "it was no longer the old one"
    );
    assert!(
        t.session_alive(session.id, t.now())
            .await
            .unwrap()
            .is_some()
    );
}

async fn a_new_account_reads_as_it_was_written(t: TestStore) {
    let new = t.new_user(7, "Kedi");
    let Registration::Inserted(user, session) = t
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
        (user.role, user.is_banned, user.is_premium, user.location),
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
    assert_eq!(t.user(user.id).await.unwrap().as_ref(), Some(&*user));
    assert_eq!(
        t.user_by_phone(&new.phone_index).await.unwrap().as_ref(),
        Some(&*user)
    );
    assert_eq!(
        t.sessions_of(user.id, None, 9, t.now()).await.unwrap(),
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

    assert_eq!(t.user(UserId(1)).await.unwrap(), None);
    assert_eq!(
        t.user_by_phone(&t.index.phone("+905309999999"))
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

async fn users_of_one_alias_get_different_tags(t: TestStore) {
    // One seed for all: they draw the same tags and must move on.
    let outcomes = all_at_once((0..20).map(|phone| {
        let (store, now, session, new) = (
            t.store.clone(),
            t.now(),
            t.new_session("a"),
            t.new_user(phone, "kedi"),
        );
        async move {
            store
                .insert_user(&new, session, &mut rng(5), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let tags: HashSet<String> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Registration::Inserted(user, _) => user.tag,
            refused => panic!("{refused:?}"),
        })
        .collect();
    assert_eq!(tags.len(), 20);
}

async fn the_last_tag_is_given_and_then_the_alias_is_full(t: TestStore) {
    let (first, _) = t.register("kedi").await;
    let free = if first.tag == "0042" { "0043" } else { "0042" };
    // Every tag but one, as accounts of their own.
    t.execute(&format!(
        "INSERT INTO users (id, phone_index, phone_ciphertext, phone_key_id, password_hash, alias, alias_key, alias_skeleton, tag, birth_year, locale, \
         terms_version, terms_accepted_at, invite_code, created_at, last_active) \
         WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 9999), \
         tags(n, tag) AS (SELECT n, substr('0000' || CAST(n AS TEXT), length('0000' || CAST(n AS TEXT)) - 3) FROM n) \
         SELECT 1 + tags.n, {bytes}, u.phone_ciphertext, u.phone_key_id, '', 'kedi', 'kedi', 'kedi', tags.tag, 1990, 'tr', \
         '1', u.created_at, tags.tag, u.created_at, u.created_at FROM users u CROSS JOIN tags WHERE tags.tag <> '{free}' AND tags.tag <> u.tag",
        bytes = if t.database.url().starts_with("sqlite") { "CAST(tags.tag AS BLOB)" } else { "CAST(tags.tag AS BYTEA)" },
    ))
    .await;
    let (last, _) = t.register("kedi").await;
    assert_eq!(last.tag, free);
    let refused = t
        .insert_user(
            &t.new_user(900, "kedi"),
            t.new_session("a"),
            &mut rng(2),
            t.now(),
        )
        .await
        .unwrap();
    assert_eq!(refused, Registration::AliasFull);
    assert_eq!(
        t.user_by_phone(&t.new_user(900, "kedi").phone_index)
            .await
            .unwrap(),
        None
    );

    let (other, _) = t.register("kopek").await;
    let update = ProfileUpdate {
        alias: Some(TestStore::alias("Kedi")),
        ..ProfileUpdate::default()
    };
    assert_eq!(
        t.update_profile(other.id, &update, &mut rng(3))
            .await
            .unwrap(),
        ProfileChange::AliasFull
    );
    let ProfileChange::Updated(respelled) = t
        .update_profile(first.id, &update, &mut rng(3))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (respelled.alias.as_str(), &respelled.tag),
        ("Kedi", &first.tag),
        "its own tag is not in its way"
    );
}

async fn a_banned_phone_is_refused(t: TestStore) {
    let new = t.new_user(1, "kedi");
    let until = t.now() + Duration::from_mins(1);
    t.ban(&new.phone_index, "short", Some(until)).await;
    let Registration::PhoneBanned(ban) = t
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
        t.active_ban(&new.phone_index, t.now()).await.unwrap(),
        Some(ban)
    );

    t.ban(
        &new.phone_index,
        "long",
        Some(until + Duration::from_mins(1)),
    )
    .await;
    assert_eq!(
        t.active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("long".to_owned())
    );
    t.ban(&new.phone_index, "for good", None).await;
    assert_eq!(
        t.active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("for good".to_owned())
    );
    t.execute("UPDATE bans SET lifted_at = created_at WHERE until IS NULL")
        .await;
    assert_eq!(
        t.active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .map(|ban| ban.reason),
        Some("long".to_owned())
    );
    t.clock.advance(Duration::from_mins(2));
    assert_eq!(
        t.active_ban(&new.phone_index, t.now()).await.unwrap(),
        None,
        "a ban ends at its time, not after it"
    );
    assert!(matches!(
        t.insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
            .await
            .unwrap(),
        Registration::Inserted(..)
    ));
    assert_eq!(
        t.active_ban(&t.new_user(2, "x").phone_index, t.now())
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
        (Some(&after.interests), after.location),
        (
            full.interests.as_ref(),
            Some(Location {
                lat: 41.01,
                lon: -28.97
            })
        )
    );
    assert_eq!(t.user(before.id).await.unwrap().as_ref(), Some(&*after));

    assert_eq!(
        t.update_profile(before.id, &ProfileUpdate::default(), &mut rng(1))
            .await
            .unwrap(),
        ProfileChange::Updated(after.clone())
    );
    let erase = ProfileUpdate {
        location: Some(None),
        ..ProfileUpdate::default()
    };
    let ProfileChange::Updated(after_erasing) = t
        .update_profile(before.id, &erase, &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (after_erasing.location, &after_erasing.languages),
        (None, &after.languages)
    );
    assert_eq!(t.user(before.id).await.unwrap().unwrap().location, None);
    assert_eq!(
        t.update_profile(UserId(1), &full, &mut rng(1))
            .await
            .unwrap(),
        ProfileChange::NotFound
    );
}

async fn a_new_alias_keeps_a_free_tag_and_leaves_a_taken_one(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let (b, _) = t.register("kopek").await;
    t.execute(&format!(
        "UPDATE users SET tag = '{}' WHERE id = {}",
        a.tag, b.id
    ))
    .await;
    let rename = |alias: &str| ProfileUpdate {
        alias: Some(TestStore::alias(alias)),
        ..ProfileUpdate::default()
    };
    let ProfileChange::Updated(moved) = t
        .update_profile(b.id, &rename("kus"), &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!((moved.alias.as_str(), &moved.tag), ("kus", &a.tag));
    let ProfileChange::Updated(moved) = t
        .update_profile(b.id, &rename("kedi"), &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(moved.alias, "kedi");
    assert_ne!(moved.tag, a.tag);
}

async fn renaming_to_one_alias_at_once_gives_different_tags(t: TestStore) {
    let mut users = Vec::new();
    for number in 0..6 {
        users.push(t.register(&format!("alias{number}")).await.0.id);
    }
    t.execute("UPDATE users SET tag = '0001'").await;
    let outcomes = all_at_once(users.into_iter().map(|user| {
        let store = t.store.clone();
        async move {
            let update = ProfileUpdate {
                alias: Some(TestStore::alias("kedi")),
                ..ProfileUpdate::default()
            };
            store
                .update_profile(user, &update, &mut rng(5))
                .await
                .unwrap()
        }
    }))
    .await;
    let tags: HashSet<String> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            ProfileChange::Updated(user) => user.tag,
            refused => panic!("{refused:?}"),
        })
        .collect();
    assert_eq!(tags.len(), 6);
    assert!(tags.contains("0001"));
}

async fn a_new_password_ends_the_other_sessions(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    let old = Secret::from("hash");
    let second = t
        .create_session(user.id, &old, t.new_session("b"), 20, t.now())
        .await
        .unwrap()
        .expect("signed in")
        .session;
    let third = t
        .create_session(user.id, &old, t.new_session("c"), 20, t.now())
        .await
        .unwrap()
        .expect("signed in")
        .session;
    let (other, _) = t.register("kopek").await;
    t.put_key_packages(user.id, first.id, &[vec![1]], None, t.now())
        .await
        .unwrap();
    t.put_key_packages(user.id, second.id, &[vec![2]], None, t.now())
        .await
        .unwrap();

    let new = Secret::from("new hash");
    let mut ended = t
        .set_password(user.id, Some(&old), &new, Some(second.id), t.now())
        .await
        .unwrap()
        .expect("changed");
    ended.sort();
    assert_eq!(ended, [first.id, third.id]);
    assert_eq!(t.user(user.id).await.unwrap().unwrap().password_hash, new);
    assert_eq!(t.user(other.id).await.unwrap().unwrap().password_hash, old);
    assert!(t.session_alive(second.id, t.now()).await.unwrap().is_some());
    assert!(t.session_alive(first.id, t.now()).await.unwrap().is_none());
    assert_eq!(
        (
            t.key_packages_remaining(first.id, t.now()).await.unwrap(),
            t.key_packages_remaining(second.id, t.now()).await.unwrap()
        ),
        (0, 1)
    );

    assert_eq!(
        t.set_password(user.id, Some(&old), &new, None, t.now())
            .await
            .unwrap(),
        None,
        "verified against the old one"
    );
    assert_eq!(
        t.set_password(UserId(1), None, &new, None, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.set_password(user.id, None, &old, None, t.now())
            .await
            .unwrap(),
        Some(vec![second.id])
    );
    assert_eq!(
        t.create_session(user.id, &new, t.new_session("d"), 20, t.now())
            .await
            .unwrap(),
        None,
        "a sign-in that began before the change"
    );
}
