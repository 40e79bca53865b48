//! Passwords: of any script to their end, none that everybody tries, and stored by today's scheme;
//! and names that pass for others.

use serde_json::{Value, json};

use crate::harness::{PASSWORD, Reply, TestServer};

scenarios! {
    a_password_of_64_characters_of_any_script_counts_to_its_end,
    common_passwords_are_refused,
    what_was_stored_by_the_old_scheme_goes_on_and_is_replaced,
    nobody_passes_for_the_service_or_for_somebody_else,
}

async fn login(server: &TestServer, phone: &str, password: &str) -> Reply {
    server
        .post(
            "/v1/auth/login",
            "",
            &json!({"phone": phone, "password": password}),
        )
        .await
}

async fn register(server: &TestServer, phone: &str, password: &str) -> Reply {
    let mut body = TestServer::registration(phone, "KediAdam");
    body["password"] = json!(password);
    server.post("/v1/auth/register", "", &body).await
}

async fn a_password_of_64_characters_of_any_script_counts_to_its_end(server: TestServer) {
    for alphabet in ["şğüöçıİ", "пароль", "密码安全很重要", "🔑🐈🌧"] {
        let phone = server.phone();
        let long: String = alphabet.chars().cycle().take(64).collect();
        let made = register(&server, &phone, &long).await.expect(201);
        login(&server, &phone, &long).await.expect(200);
        let other = format!("{}x", long.chars().take(63).collect::<String>());
        login(&server, &phone, &other)
            .await
            .expect_problem(401, "invalid_credentials");
        let change = json!({"current_password": long, "new_password": other});
        let token = made["tokens"]["access_token"].as_str().expect("a token");
        server
            .post("/v1/me/password", token, &change)
            .await
            .expect(204);
        login(&server, &phone, &other).await.expect(200);
        login(&server, &phone, &long)
            .await
            .expect_problem(401, "invalid_credentials");
    }
    // One keyboard sends a letter and its mark apart.
    let phone = server.phone();
    register(&server, &phone, "yağmur ve şarkı")
        .await
        .expect(201);
    login(&server, &phone, "yag\u{306}mur ve s\u{327}arkı")
        .await
        .expect(200);
    register(&server, &server.phone(), &"ş".repeat(129))
        .await
        .expect_problem(422, "password_too_long");
    server.stop().await;
}

async fn common_passwords_are_refused(server: TestServer) {
    let phone = server.phone();
    for common in [
        "trustno1",
        "Password123",
        "SUNSHINE",
        "ｑｗｅｒｔｙｕｉｏｐ",
        "ducati99",
        "galatasaray",
        "1q2w3e4r",
    ] {
        let problem = register(&server, &phone, common)
            .await
            .expect_problem(422, "weak_password");
        assert_eq!(problem["errors"][0]["field"], "password");
    }
    let made = register(&server, &phone, PASSWORD).await.expect(201);
    let token = made["tokens"]["access_token"].as_str().expect("a token");
    let change = json!({"current_password": PASSWORD, "new_password": "Trustno1"});
    server
        .post("/v1/me/password", token, &change)
        .await
        .expect_problem(422, "weak_password");
    server.stop().await;
}

async fn what_was_stored_by_the_old_scheme_goes_on_and_is_replaced(server: TestServer) {
    let user = server.register("KediAdam").await;
    let id = user.id.parse().expect("an id");
    let store = &server.app.store;
    let stored = async || {
        store
            .accounts()
            .user(id)
            .await
            .expect("the store")
            .expect("there")
            .password_hash
    };
    let today = stored().await;
    let old = bcrypt::hash(PASSWORD, 4).expect("a hash");
    store
        .accounts()
        .replace_password_hash(id, &today, &old.as_str().into())
        .await
        .expect("replaced");

    login(&server, &user.phone, "yanlis parola")
        .await
        .expect_problem(401, "invalid_credentials");
    assert_eq!(
        stored().await.expose(),
        old,
        "a wrong password replaces nothing"
    );
    // Many at once: whoever comes while it is replaced gets in as well.
    let replies =
        futures_util::future::join_all((0..8).map(|_| login(&server, &user.phone, PASSWORD))).await;
    for reply in replies {
        reply.expect(200);
    }
    assert!(
        stored().await.expose().starts_with("hmac-sha384:$2"),
        "it was replaced"
    );
    login(&server, &user.phone, PASSWORD).await.expect(200);
    login(&server, &user.phone, "yanlis parola")
        .await
        .expect_problem(401, "invalid_credentials");
    // Nobody was signed out by it.
    server.get("/v1/me", &user.access).await.expect(200);
    server.stop().await;
}

async fn nobody_passes_for_the_service_or_for_somebody_else(server: TestServer) {
    let register = async |alias: &str| {
        server
            .post(
                "/v1/auth/register",
                "",
                &TestServer::registration(&server.phone(), alias),
            )
            .await
    };
    for bad in [
        "аdmin",
        "ad\u{ad}min",
        "admin\u{3164}",
        "adm1n",
        "rnoderator",
        "tеbdil",
        "kеdi",
        "κedi",
        "tebdll",
    ] {
        let problem = register(bad).await.expect_problem(422, "alias_invalid");
        assert_eq!(problem["errors"][0]["field"], "alias");
    }
    let user = server.register("mavikedi0").await;
    let patch = async |alias: &str| {
        server
            .call(
                reqwest::Method::PATCH,
                "/v1/me",
                &user.access,
                &json!({"alias": alias}),
            )
            .await
    };
    patch("аdmin").await.expect_problem(422, "alias_invalid");
    // Who looks the same has another tag, by whatever way the tag is come by.
    let mut tags = vec![server.get("/v1/me", &user.access).await.expect(200)["tag"].clone()];
    for alias in ["rnavikedi0", "mavlkedio", "MAVIKEDI0"] {
        let made = register(alias).await.expect(201);
        assert_eq!(made["user"]["alias"], alias);
        tags.push(made["user"]["tag"].clone());
    }
    tags.sort_by_key(Value::to_string);
    tags.dedup();
    assert_eq!(tags.len(), 4);
    for good in ["Çiğdem", "ışık", "Иванов"] {
        register(good).await.expect(201);
    }
    server.stop().await;
}
