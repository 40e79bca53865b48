//! The whole API on one page.

use std::sync::Arc;

use axum::{
    Json, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use tebdil_protocol::{ErrorCode, Problem};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    account, admin, ads, appeals, asyncapi, billing, blocks, claims,
    describe::{self, Roles},
    headers, health, host, idempotency, keys, leftover, matches, me, notifications, observe,
    privacy,
    problem::Failure,
    push, rate_limit, referrals, reports, rtc, totp, verification,
};
use crate::{app::App, ws};

#[derive(OpenApi)]
#[openapi(
    info(title = "Tebdil", description = "Anonymous matching chat. The WebSocket at /v1/ws is described in docs/protocol.md."),
    components(schemas(Problem)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let roles = "The scope of an operation is the role it needs, `moderator` or `admin`; an admin may do what a moderator may.";
        let appeal = "The `appeal_token` of a login that was answered `banned`.";
        let components = openapi.components.get_or_insert_default();
        for (name, description) in [("bearer", roles), ("appeal", appeal)] {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some(description))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(account::register))
        .routes(routes!(verification::verify_phone))
        .routes(routes!(verification::password_reset))
        .routes(routes!(verification::confirm_password_reset))
        .routes(routes!(account::login))
        .routes(routes!(account::refresh))
        .routes(routes!(account::logout))
        .routes(routes!(me::profile, me::update, privacy::erase))
        .routes(routes!(privacy::export))
        .routes(routes!(me::password))
        .routes(routes!(totp::begin_totp, totp::remove_totp))
        .routes(routes!(totp::confirm_totp))
        .routes(routes!(me::sessions))
        .routes(routes!(me::end_session))
        .routes(routes!(me::quota))
        .routes(routes!(push::put_token, push::delete_token))
        .routes(routes!(push::preferences, push::set_preferences))
        .routes(routes!(keys::get, keys::put))
        .routes(routes!(matches::list))
        .routes(routes!(matches::get))
        .routes(routes!(matches::messages))
        .routes(routes!(matches::leave))
        .routes(routes!(blocks::list, blocks::create))
        .routes(routes!(blocks::delete))
        .routes(routes!(reports::list, reports::create))
        .routes(routes!(admin::reports::list))
        .routes(routes!(admin::reports::get))
        .routes(routes!(admin::reports::resolve))
        .routes(routes!(admin::reports::reliability))
        .routes(routes!(rtc::ice_servers))
        .routes(routes!(referrals::list, referrals::create))
        .routes(routes!(admin::overview::overview))
        .routes(routes!(appeals::list, appeals::create))
        .routes(routes!(claims::list, claims::create))
        .routes(routes!(admin::claims::list))
        .routes(routes!(admin::bans::ban))
        .routes(routes!(admin::bans::unban))
        .routes(routes!(admin::bans::list))
        .routes(routes!(admin::bans::confirm))
        .routes(routes!(admin::appeals::list))
        .routes(routes!(admin::appeals::decide))
        .routes(routes!(ads::next))
        .routes(routes!(ads::event))
        .routes(routes!(admin::ads::list, admin::ads::create))
        .routes(routes!(
            admin::ads::get,
            admin::ads::change,
            admin::ads::delete
        ))
        .routes(routes!(admin::ads::notify))
        .routes(routes!(admin::jobs::list))
        .routes(routes!(admin::jobs::queues))
        .routes(routes!(admin::jobs::retry))
        .routes(routes!(admin::jobs::delete))
        .routes(routes!(notifications::list))
        .routes(routes!(notifications::read))
        .routes(routes!(
            admin::announcements::list,
            admin::announcements::create
        ))
        .routes(routes!(billing::status))
        .routes(routes!(billing::event))
        .routes(routes!(
            admin::subscriptions::grant,
            admin::subscriptions::end
        ))
        .routes(routes!(admin::subscriptions::quota))
        .routes(routes!(admin::users::list))
        .routes(routes!(admin::users::find))
        .routes(routes!(admin::users::get))
        .routes(routes!(admin::users::role))
        .routes(routes!(admin::users::end_sessions))
        .routes(routes!(admin::matches::list))
        .routes(routes!(admin::system_logs::list))
        .routes(routes!(admin::erasure::erase))
}

/// The OpenAPI document that `GET /openapi.json` answers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = api().into_openapi();
    describe::complete(&mut openapi);
    openapi
}

/// The API, the WebSocket and the health checks.
pub fn router(app: Arc<App>) -> Router {
    let (routes, mut openapi) = api().split_for_parts();
    describe::complete(&mut openapi);
    let roles = Arc::new(Roles::new(&openapi));
    let openapi = Arc::new(openapi);
    let asyncapi = Arc::new(asyncapi::document());
    routes
        .route("/v1/ws", get(ws::upgrade))
        .route(
            "/openapi.json",
            get(move || std::future::ready(Json(Arc::clone(&openapi)))),
        )
        .route(
            "/asyncapi.json",
            get(move || std::future::ready(Json(Arc::clone(&asyncapi)))),
        )
        .fallback(|| std::future::ready(Failure::not_found()))
        .method_not_allowed_fallback(|| {
            std::future::ready(Failure::from(ErrorCode::MethodNotAllowed))
        })
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(
            (Arc::clone(&app), roles),
            idempotency::replay,
        ))
        .layer(from_fn_with_state(Arc::clone(&app), rate_limit::by_address))
        .layer(from_fn(host::once))
        .layer(from_fn(leftover::drop_rest))
        .layer(from_fn(observe::observe))
        .layer(from_fn(headers::protect))
        .with_state(app)
}
