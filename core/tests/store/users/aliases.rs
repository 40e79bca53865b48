//! Aliases and their tags.

use std::collections::HashSet;

use tebdil_core::{
    store::{Alias, ProfileChange, ProfileUpdate, Registration, Store},
    testing::TestStore,
};

use crate::{all_at_once, rng};

tebdil_core::store_conformance! {
    users_of_one_alias_get_different_tags,
    the_last_tag_is_given_and_then_the_alias_is_full,
    a_new_alias_keeps_a_free_tag_and_leaves_a_taken_one,
    renaming_to_one_alias_at_once_gives_different_tags,
    aliases_that_look_the_same_never_share_a_tag,
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
                .accounts()
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
        .accounts()
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
        .accounts()
        .update_profile(late.id, &update(looks_like("kedio", "today")), &mut rng(1))
        .await
        .unwrap();
    let ProfileChange::Updated(late) = late else {
        panic!("refused")
    };
    assert_ne!(late.tag, renamed.tag);
    let respelled = t
        .accounts()
        .update_profile(kedi.id, &update(looks_like("KediO", "kedio")), &mut rng(1))
        .await
        .unwrap();
    let ProfileChange::Updated(respelled) = respelled else {
        panic!("refused")
    };
    assert_eq!(respelled.tag, kedi.tag);
    nodes[1].close().await;
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
                .accounts()
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
         1, u.created_at, tags.tag, u.created_at, u.created_at FROM users u CROSS JOIN tags WHERE tags.tag <> '{free}' AND tags.tag <> u.tag",
        bytes = if t.database.url().starts_with("sqlite") { "CAST(tags.tag AS BLOB)" } else { "CAST(tags.tag AS BYTEA)" },
    ))
    .await;
    let (last, _) = t.register("kedi").await;
    assert_eq!(last.tag, free);
    let refused = t
        .accounts()
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
        t.accounts()
            .user_by_phone(&t.new_user(900, "kedi").phone_index)
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
        t.accounts()
            .update_profile(other.id, &update, &mut rng(3))
            .await
            .unwrap(),
        ProfileChange::AliasFull
    );
    let ProfileChange::Updated(respelled) = t
        .accounts()
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
        .accounts()
        .update_profile(b.id, &rename("kus"), &mut rng(1))
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!((moved.alias.as_str(), &moved.tag), ("kus", &a.tag));
    let ProfileChange::Updated(moved) = t
        .accounts()
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
                .accounts()
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
