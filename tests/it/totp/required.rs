//! Where staff has to have a second factor.

use reqwest::Method;
use serde_json::json;

use super::App;
use crate::{
    ads::staff,
    harness::{PASSWORD, TestServer},
};

scenarios! {
    @with &[("TEBDIL_AUTH__STAFF_TOTP", "required")];
    staff_without_a_second_factor_sets_one_up_first,
}

async fn staff_without_a_second_factor_sets_one_up_first(server: TestServer) {
    let (admin, user) = (
        staff(&server, "selin", "admin").await,
        server.register("kedi").await,
    );
    let moderator = staff(&server, "deniz", "moderator").await;
    for path in [
        "/v1/admin/overview",
        "/v1/admin/ads",
        "/v1/admin/system-logs",
    ] {
        server
            .get(path, &admin.access)
            .await
            .expect_problem(403, "totp_enrolment_required");
        server
            .get(path, &user.access)
            .await
            .expect_problem(403, "forbidden");
    }
    server
        .get("/v1/admin/ads", &moderator.access)
        .await
        .expect_problem(403, "forbidden");
    server.get("/v1/me", &admin.access).await.expect(200);
    // One that waits for its first code is none.
    server
        .post(
            "/v1/me/totp",
            &admin.access,
            &json!({ "password": PASSWORD }),
        )
        .await
        .expect(200);
    server
        .get("/v1/admin/overview", &admin.access)
        .await
        .expect_problem(403, "totp_enrolment_required");
    let app = App::enrol(&server, &admin).await;
    server
        .get("/v1/admin/overview", &admin.access)
        .await
        .expect(200);
    let body = json!({ "password": PASSWORD, "code": app.code(&server) });
    server
        .call(Method::DELETE, "/v1/me/totp", &admin.access, &body)
        .await
        .expect(204);
    server
        .get("/v1/admin/overview", &admin.access)
        .await
        .expect_problem(403, "totp_enrolment_required");
    server.stop().await;
}
