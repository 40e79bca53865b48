//! The whole API on one page.

use std::sync::Arc;

use axum::{
    Json, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodFilter, MethodRouter, get, on},
};
use tebdil_protocol::{ErrorCode, Problem};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{
    Api, account, admin, ads, appeals, asyncapi, billing, blocks, claims, client_ip,
    endpoint::Endpoint,
    headers, health, host, idempotency, keys, legal, matches, me, meta, notifications, observe,
    openapi::{self, Roles},
    privacy,
    problem::Failure,
    push, referrals, reports, rtc, totp, unread_body, verification, web,
};

/// Routes each URL to its handler, and describes the API with what `#[utoipa::path]` says of the
/// handlers.
macro_rules! routes {
    ($($verb:ident $url:literal $guard:ident $($handler:ident)::+;)*) => {
        #[derive(OpenApi)]
        #[openapi(
            info(title = "Tebdil", description = "Anonymous matching chat. The WebSocket at /v1/ws is described in docs/protocol.md."),
            paths($($($handler)::+),*),
            components(schemas(Problem)),
            modifiers(&Bearer),
            security(("bearer" = []))
        )]
        struct Description;

        fn table() -> Router<Arc<Api>> {
            Router::new()
                $(.route($url, on(MethodFilter::$verb, Endpoint::new($($handler)::+))))*
        }

        /// What the table says of each route, and what its handler says of itself.
        #[cfg(test)]
        fn rows() -> Vec<([&'static str; 3], utoipa::openapi::OpenApi)> {
            vec![$({
                #[derive(OpenApi)]
                #[openapi(paths($($handler)::+))]
                struct Row;
                ([stringify!($verb), $url, stringify!($guard)], Row::openapi())
            }),*]
        }
    };
}

// Guards: `open` asks for no token (billing events are signed instead), `user` for a session,
// `appeal` for the token that a banned user gets, `moderator` and `admin` for a role, `confirmed`
// for an admin who has lately shown password and second factor. Extractors among the handler's
// arguments enforce them; a test holds the words here against what `#[utoipa::path]` says, and
// `tests/it/roles.rs` that against the server.
routes! {
    // People.
    GET    "/healthz"                                     open      health::healthz;
    GET    "/readyz"                                      open      health::readyz;
    GET    "/v1/meta"                                     open      meta::meta;
    POST   "/v1/auth/register"                            open      account::register;
    POST   "/v1/auth/verify-phone"                        open      verification::verify_phone;
    POST   "/v1/auth/password-reset"                      open      verification::password_reset;
    POST   "/v1/auth/password-reset/confirm"              open      verification::confirm_password_reset;
    POST   "/v1/auth/login"                               open      account::login;
    POST   "/v1/auth/refresh"                             open      account::refresh;
    POST   "/v1/auth/logout"                              user      account::logout;
    GET    "/v1/me"                                       user      me::profile;
    PATCH  "/v1/me"                                       user      me::update;
    DELETE "/v1/me"                                       user      privacy::erase;
    GET    "/v1/me/export"                                user      privacy::export;
    POST   "/v1/me/password"                              user      me::password;
    POST   "/v1/me/totp"                                  user      totp::begin_totp;
    DELETE "/v1/me/totp"                                  user      totp::remove_totp;
    POST   "/v1/me/totp/confirm"                          user      totp::confirm_totp;
    POST   "/v1/me/consent"                               user      me::consent;
    GET    "/v1/me/sessions"                              user      me::sessions;
    DELETE "/v1/me/sessions/{id}"                         user      me::end_session;
    GET    "/v1/me/quota"                                 user      me::quota;
    PUT    "/v1/me/push"                                  user      push::put_target;
    DELETE "/v1/me/push"                                  user      push::delete_target;
    GET    "/v1/me/notification-preferences"              user      push::preferences;
    PATCH  "/v1/me/notification-preferences"              user      push::set_preferences;
    GET    "/v1/keys"                                     user      keys::get;
    PUT    "/v1/keys"                                     user      keys::put;
    GET    "/v1/matches"                                  user      matches::list;
    GET    "/v1/matches/{id}"                             user      matches::get;
    GET    "/v1/matches/{id}/messages"                    user      matches::messages;
    POST   "/v1/matches/{id}/leave"                       user      matches::leave;
    GET    "/v1/blocks"                                   user      blocks::list;
    POST   "/v1/blocks"                                   user      blocks::create;
    DELETE "/v1/blocks/{id}"                              user      blocks::delete;
    GET    "/v1/reports"                                  user      reports::list;
    POST   "/v1/reports"                                  user      reports::create;
    POST   "/v1/rtc/ice-servers"                          user      rtc::ice_servers;
    GET    "/v1/referrals"                                user      referrals::list;
    POST   "/v1/referrals"                                user      referrals::create;
    GET    "/v1/appeals"                                  appeal    appeals::list;
    POST   "/v1/appeals"                                  appeal    appeals::create;
    GET    "/v1/claims"                                   user      claims::list;
    POST   "/v1/claims"                                   user      claims::create;
    GET    "/v1/ads"                                      user      ads::next;
    POST   "/v1/ads/{id}/events"                          user      ads::event;
    GET    "/v1/notifications"                            user      notifications::list;
    POST   "/v1/notifications/read"                       user      notifications::read;
    POST   "/v1/notifications/{id}/answer"                user      reports::answer;
    GET    "/v1/subscription"                             user      billing::status;
    POST   "/v1/billing/events"                           open      billing::event;
    // Staff.
    GET    "/v1/admin/reports"                            moderator admin::reports::list;
    GET    "/v1/admin/reports/queue"                      moderator admin::reports::queue;
    GET    "/v1/admin/reports/{id}"                       moderator admin::reports::get;
    POST   "/v1/admin/reports/{id}/take"                  moderator admin::reports::take;
    DELETE "/v1/admin/reports/{id}/take"                  moderator admin::reports::release;
    POST   "/v1/admin/reports/{id}/resolve"               moderator admin::reports::resolve;
    POST   "/v1/admin/users/{id}/reliability"             moderator admin::reports::reliability;
    GET    "/v1/admin/overview"                           moderator admin::overview::overview;
    GET    "/v1/admin/claims"                             moderator admin::claims::list;
    POST   "/v1/admin/users/{id}/ban"                     moderator admin::bans::ban;
    POST   "/v1/admin/users/{id}/unban"                   moderator admin::bans::unban;
    GET    "/v1/admin/bans"                               moderator admin::bans::list;
    POST   "/v1/admin/bans/{id}/confirm"                  moderator admin::bans::confirm;
    GET    "/v1/admin/appeals"                            moderator admin::appeals::list;
    POST   "/v1/admin/appeals/{id}/decide"                moderator admin::appeals::decide;
    GET    "/v1/admin/ads"                                admin     admin::ads::list;
    POST   "/v1/admin/ads"                                admin     admin::ads::create;
    GET    "/v1/admin/ads/{id}"                           admin     admin::ads::get;
    PATCH  "/v1/admin/ads/{id}"                           admin     admin::ads::change;
    DELETE "/v1/admin/ads/{id}"                           confirmed admin::ads::delete;
    GET    "/v1/admin/ads/{id}/days"                      admin     admin::ads::days;
    POST   "/v1/admin/ads/{id}/notify"                    confirmed admin::ads::notify;
    GET    "/v1/admin/jobs"                               moderator admin::jobs::list;
    GET    "/v1/admin/jobs/queues"                        moderator admin::jobs::queues;
    POST   "/v1/admin/jobs/{id}/retry"                    admin     admin::jobs::retry;
    DELETE "/v1/admin/jobs/{id}"                          confirmed admin::jobs::delete;
    GET    "/v1/admin/announcements"                      admin     admin::announcements::list;
    POST   "/v1/admin/announcements"                      confirmed admin::announcements::create;
    POST   "/v1/admin/users/{id}/subscription"            admin     admin::subscriptions::grant;
    DELETE "/v1/admin/users/{id}/subscription"            admin     admin::subscriptions::end;
    POST   "/v1/admin/users/{id}/quota"                   admin     admin::subscriptions::quota;
    GET    "/v1/admin/users"                              moderator admin::users::list;
    POST   "/v1/admin/users/find"                         admin     admin::users::find;
    GET    "/v1/admin/users/{id}"                         moderator admin::users::get;
    POST   "/v1/admin/users/{id}/role"                    confirmed admin::users::role;
    DELETE "/v1/admin/users/{id}/sessions"                confirmed admin::users::end_sessions;
    GET    "/v1/admin/matches"                            moderator admin::matches::list;
    GET    "/v1/admin/system-logs"                        moderator admin::system_logs::list;
    POST   "/v1/admin/users/{id}/erase"                   confirmed admin::erasure::erase;
    POST   "/v1/admin/confirm"                            moderator admin::confirm::confirm;
}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let roles = "The scope of an operation is the role it needs, `moderator` or `admin`; an admin may do what a moderator may. With `confirmed`, the session must have signed in or called `POST /v1/admin/confirm` in the last minutes.";
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

/// The OpenAPI document that `GET /openapi.json` answers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = Description::openapi();
    openapi::complete(&mut openapi);
    openapi
}

/// The API, the WebSocket by its route `socket`, and the health checks.
pub fn router(api: Arc<Api>, socket: MethodRouter<Arc<Api>>) -> Router {
    let openapi = openapi();
    let roles = Arc::new(Roles::new(&openapi));
    let openapi = Arc::new(openapi);
    let asyncapi = Arc::new(asyncapi::document());
    table()
        .route("/v1/ws", socket)
        .merge(legal::routes())
        .route(
            "/openapi.json",
            get(move || std::future::ready(Json(Arc::clone(&openapi)))),
        )
        .route(
            "/asyncapi.json",
            get(move || std::future::ready(Json(Arc::clone(&asyncapi)))),
        )
        .fallback(web::serve)
        .method_not_allowed_fallback(|| {
            std::future::ready(Failure::from(ErrorCode::MethodNotAllowed))
        })
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(
            (Arc::clone(&api), roles),
            idempotency::replay,
        ))
        .layer(from_fn_with_state(Arc::clone(&api), client_ip::limit))
        .layer(from_fn(host::once))
        .layer(from_fn(unread_body::drop_rest))
        .layer(from_fn(observe::observe))
        .layer(from_fn(headers::protect))
        .with_state(api)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_handlers_say() {
        for (row, document) in rows() {
            let document = serde_json::to_value(document).expect("JSON");
            let (url, item) = only(&document["paths"]);
            let (verb, operation) = only(item);
            let guard = match operation
                .get("security")
                .map(ToString::to_string)
                .as_deref()
            {
                None => "user",
                Some("[{}]") => "open",
                Some(r#"[{"appeal":[]}]"#) => "appeal",
                Some(r#"[{"bearer":["moderator"]}]"#) => "moderator",
                Some(r#"[{"bearer":["admin"]}]"#) => "admin",
                Some(r#"[{"bearer":["admin","confirmed"]}]"#) => "confirmed",
                Some(other) => panic!("{url}: {other}"),
            };
            assert_eq!(row, [verb.to_uppercase().as_str(), url, guard]);
        }
    }

    fn only(object: &serde_json::Value) -> (&String, &serde_json::Value) {
        let object = object.as_object().expect("an object");
        assert_eq!(object.len(), 1);
        object.iter().next().expect("one")
    }
}
