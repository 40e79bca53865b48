//! How many sessions an account has, how long they live, and who ends them.

use std::time::Duration;

use serde_json::{Value, json};
use tebdil_client::raw::RawSocket;
use tebdil_protocol::{CloseCode, Secret};

use crate::{
    ads::staff,
    harness::{TestServer, TestUser},
};

/// Until the next sign-in: which of two is older is seen by their times.
const MOMENT: Duration = Duration::from_millis(1);

mod counted {
    use super::*;

    scenarios! {
        @with &[("TEBDIL_AUTH__MAX_SESSIONS", "3")];
        one_sign_in_too_many_ends_the_oldest_session,
        sign_ins_at_once_leave_no_session_too_many,
    }

    async fn one_sign_in_too_many_ends_the_oldest_session(server: TestServer) {
        let user = server.register("KediAdam").await;
        let mut first = socket(&server, &user).await;
        let mut others = Vec::new();
        for _ in 0..2 {
            server.clock.advance(MOMENT);
            others.push(server.login(&user.phone).await);
        }
        server.get("/v1/me", &user.access).await.expect(200);
        let mut second = socket(&server, &others[0]).await;
        server.clock.advance(MOMENT);
        let last = server.login(&user.phone).await;
        assert_eq!(
            first.recv_close_code().await.expect("a close"),
            Some(CloseCode::Unauthorized)
        );
        server
            .get("/v1/me", &user.access)
            .await
            .expect_problem(401, "unauthorized");
        server
            .post(
                "/v1/auth/refresh",
                "",
                &json!({"refresh_token": user.refresh}),
            )
            .await
            .expect_problem(401, "refresh_invalid");
        let sessions = server
            .get("/v1/me/sessions", &last.access)
            .await
            .expect(200);
        assert_eq!(sessions["items"].as_array().expect("items").len(), 3);
        // The others go on.
        second
            .send_json(&json!({"type": "nosuch", "id": "1"}))
            .await
            .expect("sent");
        // That somebody signed in is told to it as well.
        while second.recv_json().await.expect("an answer")["type"] != "error" {}
        drop((first, second));
        server.stop().await;
    }

    async fn sign_ins_at_once_leave_no_session_too_many(server: TestServer) {
        let user = server.register("KediAdam").await;
        let devices =
            futures_util::future::join_all((0..12).map(|_| server.login(&user.phone))).await;
        let alive = futures_util::future::join_all(
            devices
                .iter()
                .map(|device| server.get("/v1/me", &device.access)),
        )
        .await;
        assert_eq!(alive.iter().filter(|reply| reply.status == 200).count(), 3);
        assert_eq!(
            server
                .count("SELECT CAST(COUNT(*) AS BIGINT) FROM sessions WHERE revoked_at IS NULL")
                .await,
            3
        );
        server.stop().await;
    }
}

mod timed {
    use super::*;

    scenarios! {
        @with &[("TEBDIL_AUTH__SESSION_LIFETIME_S", "3600"), ("TEBDIL_AUTH__REFRESH_TTL_S", "3000"), ("TEBDIL_WS__HEARTBEAT_S", "1")];
        a_session_ends_after_its_lifetime_with_its_socket,
    }

    async fn a_session_ends_after_its_lifetime_with_its_socket(server: TestServer) {
        let user = server.register("KediAdam").await;
        let mut refresh = user.refresh;
        let mut access = user.access;
        for _ in 0..5 {
            server.clock.advance(Duration::from_mins(11));
            let body = server
                .post("/v1/auth/refresh", "", &json!({"refresh_token": refresh}))
                .await
                .expect(200);
            let text = |name: &str| body["tokens"][name].as_str().expect("text").to_owned();
            (access, refresh) = (text("access_token"), text("refresh_token"));
            assert!(
                text("refresh_expires_at").as_str() <= "2026-11-21T10:00:00.000Z",
                "{body}"
            );
            assert!(
                text("access_expires_at").as_str() <= "2026-11-21T10:00:00.000Z",
                "{body}"
            );
        }
        let (mut socket, _) = RawSocket::hello(&server.base, &Secret::from(access.as_str()))
            .await
            .expect("a socket");
        server.clock.advance(Duration::from_mins(5));
        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Unauthorized)
        );
        server
            .get("/v1/me", &access)
            .await
            .expect_problem(401, "unauthorized");
        server
            .post("/v1/auth/refresh", "", &json!({"refresh_token": refresh}))
            .await
            .expect_problem(401, "refresh_invalid");
        server.login(&user.phone).await;
        drop(socket);
        server.stop().await;
    }
}

scenarios! {
    an_admin_signs_a_user_out_everywhere,
}

async fn an_admin_signs_a_user_out_everywhere(server: TestServer) {
    let (admin, moderator) = (
        staff(&server, "selin", "admin").await,
        staff(&server, "deniz", "moderator").await,
    );
    let (user, bystander) = (
        server.register("KediAdam").await,
        server.register("yabanci").await,
    );
    let devices = [
        server.login(&user.phone).await,
        server.login(&user.phone).await,
    ];
    let mut sockets = vec![
        socket(&server, &user).await,
        socket(&server, &devices[0]).await,
        socket(&server, &devices[1]).await,
    ];
    let path = format!("/v1/admin/users/{}/sessions", user.id);
    server
        .delete(&path, &moderator.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .delete(&path, &bystander.access)
        .await
        .expect_problem(403, "forbidden");
    server
        .delete("/v1/admin/users/1/sessions", &admin.access)
        .await
        .expect_problem(404, "not_found");
    server.get("/v1/me", &user.access).await.expect(200);

    assert_eq!(
        server.delete(&path, &admin.access).await.expect(204),
        Value::Null
    );
    for socket in &mut sockets {
        assert_eq!(
            socket.recv_close_code().await.expect("a close"),
            Some(CloseCode::Unauthorized)
        );
    }
    for device in devices.iter().chain([&user]) {
        server
            .get("/v1/me", &device.access)
            .await
            .expect_problem(401, "unauthorized");
        server
            .post(
                "/v1/auth/refresh",
                "",
                &json!({"refresh_token": device.refresh}),
            )
            .await
            .expect_problem(401, "refresh_invalid");
    }
    server.get("/v1/me", &bystander.access).await.expect(200);
    let logs = server
        .get(
            "/v1/admin/system-logs?action=sessions_ended",
            &moderator.access,
        )
        .await
        .expect(200);
    let [act] = logs["items"].as_array().expect("items").as_slice() else {
        panic!("{logs}")
    };
    assert_eq!(
        (&act["user_id"], &act["actor_id"], &act["details"]["before"]),
        (&json!(user.id), &json!(admin.id), &json!({"sessions": 3}))
    );
    // The account is not closed: whoever knows the password signs in.
    server.login(&user.phone).await;
    drop(sockets);
    server.stop().await;
}

async fn socket(server: &TestServer, user: &TestUser) -> RawSocket {
    RawSocket::hello(&server.base, &Secret::from(user.access.as_str()))
        .await
        .expect("a socket")
        .0
}
