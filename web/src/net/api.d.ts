// Made by `npm run types` from api/openapi.json. Do not edit.

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers. */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a load balancer should send work here. */
        get: operations["get_readiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/ads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Ads, newest first. */
        get: operations["list_ads"];
        put?: never;
        /** Make an ad. */
        post: operations["create_ad"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/ads/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One ad. */
        get: operations["get_ad"];
        put?: never;
        post?: never;
        /** Delete an ad with its counts. */
        delete: operations["delete_ad"];
        options?: never;
        head?: never;
        /**
         * Change parts of an ad: all of them or, if one is refused, none. Other nodes show the change
         *     within 5 seconds.
         */
        patch: operations["update_ad"];
        trace?: never;
    };
    "/v1/admin/ads/{id}/days": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How often an ad was shown, viewed and clicked on each of the last 90 days, newest first; days on
         *     which it was not shown are left out. A view or click counts for the day on which the ad was
         *     shown. Up to a minute old.
         */
        get: operations["list_ad_days"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/ads/{id}/notify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an ad as a notification to its target group: in the background, once to each user who has
         *     not turned ads off.
         */
        post: operations["notify_ad"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/announcements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Announcements, newest first. */
        get: operations["list_announcements"];
        put?: never;
        /** Tell users something. It goes out in the background; the list shows how far it has come. */
        post: operations["create_announcement"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/appeals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Appeals, newest first. */
        get: operations["list_admin_appeals"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/appeals/{id}/decide": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decide an appeal. `lift` ends the ban, `uphold` leaves it, and confirms one that is provisional. */
        post: operations["decide_appeal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/bans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Bans, newest first. `provisional=true&active=true` lists those that wait for a moderator.
         *     With `user`, those of the user's phone, also from an account that was erased before.
         */
        get: operations["list_bans"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/bans/{id}/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a provisional ban a decided one. */
        post: operations["confirm_ban"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/claims": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everybody's claims, newest first. */
        get: operations["list_admin_claims"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Show password and second factor again. For the next minutes (`auth.confirm_for_s`) this session
         *     may do what answers `confirmation_required` without it. A sign-in counts as one.
         */
        post: operations["confirm_identity"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs, newest first. What they work on is not shown. */
        get: operations["list_jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Delete a dead job. */
        delete: operations["delete_job"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/jobs/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Run a dead job again, at once and with five more attempts. */
        post: operations["retry_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/jobs/queues": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How full every queue is. */
        get: operations["list_job_queues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/matches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Everybody's matches, newest first, without what was said. */
        get: operations["list_admin_matches"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the nodes see now, current totals, and what happened in the last 30 days. */
        get: operations["get_overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reports, newest first. Those about the moderator who asks are left out. */
        get: operations["list_admin_reports"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/reports/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A report with its evidence. Reading it is recorded. */
        get: operations["get_admin_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/reports/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decide a report, once. Others about the same user stay open. */
        post: operations["resolve_report"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/reports/{id}/take": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Work on an open report: for five minutes nobody else can take or decide it. A repeat begins them
         *     anew.
         */
        post: operations["take_report"];
        /** Leave a report to the others that was taken; no matter if it was not. */
        delete: operations["release_report"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/reports/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The open reports that come next: the severest first, then the oldest. */
        get: operations["get_report_queue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/system-logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Recorded acts, newest first; those since `from` (inclusive) and before `until`. All staff see
         *     all of them, except those on reports about themselves: whoever can act is seen acting.
         */
        get: operations["list_system_logs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Accounts, newest first. `query` is an id, a handle, or the beginning of an alias; never a phone
         *     number.
         */
        get: operations["list_users"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One account, with counts about it. Looking at it is recorded. */
        get: operations["get_user"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/ban": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ban a user, by the phone. Sockets close and matches end at once. A provisional ban in force is
         *     confirmed with this reason and end.
         */
        post: operations["ban_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Erase a user's account permanently. A ban of its phone stays. Only its user can erase an admin's
         *     account.
         */
        post: operations["erase_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/quota": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give a user rights, or take some; once per reference. */
        post: operations["correct_quota"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/reliability": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say whether a user's reports are unreliable, and count towards no automatic ban. */
        post: operations["set_user_reliability"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/role": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give somebody else another role. It takes effect with the next request. */
        post: operations["set_user_role"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Sign a user out everywhere, for example if a device or a password may be in the wrong hands. */
        delete: operations["end_sessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/subscription": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give a user a subscription, from now on. */
        post: operations["grant_subscription"];
        /** End a user's subscriptions now. What a billing provider says about them later counts again. */
        delete: operations["end_subscription"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/{id}/unban": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Lift the ban of a user. */
        post: operations["unban_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/users/find": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Whose phone it is or was. The number is in the body, because URLs are kept in logs. */
        post: operations["find_users"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The next ad for the user at a placement (default `match_end`): none or one. Getting one counts
         *     as being shown it.
         */
        get: operations["get_next_ad"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/ads/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report that the user viewed or clicked an ad. It counts once for every time the ad was shown to
         *     the user in the last 24 hours; the answer is always the same.
         */
        post: operations["record_ad_event"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/appeals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The appeal against the ban, and its outcome; empty if there is none. */
        get: operations["list_appeals"];
        put?: never;
        /**
         * Appeal against the ban, once. A moderator other than the one who banned decides; `GET` tells
         *     how.
         */
        post: operations["create_appeal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign a device in. */
        post: operations["login_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End this session. */
        post: operations["logout_session"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/password-reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for a code to set a new password. The answer is the same whether or not anybody has the
         *     phone.
         */
        post: operations["request_password_reset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/password-reset/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Set a new password with the code that was sent to the phone; every session ends. */
        post: operations["confirm_password_reset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Exchange a refresh token for new tokens. Each is good once. */
        post: operations["refresh_tokens"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make an account and sign in; where phones are verified, `verify-phone` completes it. */
        post: operations["register_user"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/verify-phone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Complete a registration with the code that was sent to its phone. */
        post: operations["verify_phone"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/billing/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * An event from the billing provider. Signed: `Tebdil-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256
         *     over `SECONDS.BODY`.
         */
        post: operations["record_billing_event"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/blocks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's blocks, newest first. */
        get: operations["list_blocks"];
        put?: never;
        /** Block the peer of a match, which ends it. */
        post: operations["create_block"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/blocks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove a block. */
        delete: operations["delete_block"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/claims": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's claims, newest first. */
        get: operations["list_claims"];
        put?: never;
        /**
         * Claim back the right that a match cost. It is decided within a minute; a `notification` tells
         *     how. An open video match ends with it.
         */
        post: operations["create_claim"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many one-time packages the session has. */
        get: operations["get_keys"];
        /** Add one-time packages; a last-resort package replaces the one before. */
        put: operations["put_keys"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/matches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's matches, newest first. */
        get: operations["list_matches"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/matches/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One match. */
        get: operations["get_match"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/matches/{id}/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a match. The second to do so gets the match as it ended. */
        post: operations["leave_match"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/matches/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Messages of the peer that this device has not acknowledged, oldest first: those after the number
         *     `after`, or the next page of `cursor`. Only for the device that the match belongs to.
         */
        get: operations["list_messages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The profile. */
        get: operations["get_me"];
        put?: never;
        post?: never;
        /**
         * Erase the account permanently: nothing personal stays except what a ban or report needs for its
         *     period.
         */
        delete: operations["erase_me"];
        options?: never;
        head?: never;
        /** Change parts of the profile: all of them or, if one is refused, none. */
        patch: operations["update_me"];
        trace?: never;
    };
    "/v1/me/consent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Accept the current terms. A repeat changes nothing. */
        post: operations["accept_terms"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Everything stored about the user, as one JSON document: an object with `exported_at`, `account`,
         *     and an array for each kind of record.
         */
        get: operations["export_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/notification-preferences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Which notifications wake a device that is away. */
        get: operations["get_notification_preferences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change some of them. */
        patch: operations["update_notification_preferences"];
        trace?: never;
    };
    "/v1/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Change the password; every other session ends. */
        post: operations["change_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/push": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Make this the push target of this session, replacing the one it had. If another session had it,
         *     that one loses it.
         */
        put: operations["put_push_target"];
        post?: never;
        /** Delete the push target of this session, if it has one. */
        delete: operations["delete_push_target"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/quota": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The remaining allowance. */
        get: operations["get_quota"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The signed-in devices, newest first. */
        get: operations["list_sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Sign a device out. */
        delete: operations["end_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/totp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Begin to set up a second factor, as a member of staff. It is not asked for until its first code
         *     is confirmed; an earlier unconfirmed one is discarded.
         */
        post: operations["begin_totp"];
        /**
         * Remove the second factor, with the password and a code. An unconfirmed one needs no code; any
         *     text will do.
         */
        delete: operations["remove_totp"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/me/totp/confirm": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Confirm a second factor with the first code of the app. From now on every login needs one, and
         *     every other session ends. The recovery codes are shown only this once.
         */
        post: operations["confirm_totp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the server is called, offers and asks for; the same for everybody. */
        get: operations["get_meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's notifications, newest first, in the language of the account. */
        get: operations["list_notifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notifications/{id}/answer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say something to a warning, once. Moderators see it beside the report. The id is that of the
         *     notification.
         */
        post: operations["answer_warning"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notifications/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Mark notifications as read: these, or all. The user's other devices hear of it. */
        post: operations["read_notifications"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/referrals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's invite code and invitations, newest first. */
        get: operations["list_referrals"];
        put?: never;
        /**
         * Invite a phone number. The answer is the same whether or not it has an account; only a number
         *     that never had one earns a reward.
         */
        post: operations["create_referral"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/reports": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's reports, newest first. */
        get: operations["list_reports"];
        put?: never;
        /**
         * Report the peer of a match that is open or ended at most 7 days ago, even if the peer left, was
         *     blocked or banned, or erased its account.
         */
        post: operations["create_report"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rtc/ice-servers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get the relays for the call of an open video match, on the device that searched. A credential is
         *     good for the first allocation within `ttl_s`; what was allocated goes on until the match ends.
         *     Each request gives a new credential, even with the same `Idempotency-Key`.
         */
        post: operations["create_ice_servers"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/subscription": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The user's subscription, and the token that goes with a purchase. */
        get: operations["get_subscription"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description `POST /v1/admin/users/{id}/erase` */
        AccountErasureRequest: {
            /**
             * @description Who asked for it, such as a ticket's number; never personal data. 1 to 500 characters
             *     without control characters.
             */
            note: components["schemas"]["Line500"];
        };
        /** @description An ad as a user is shown it. */
        Ad: {
            /** @description `https://…`, or null without a link. */
            click_url?: string | null;
            content: string;
            id: components["schemas"]["AdId"];
            placement: components["schemas"]["Placement"];
            title: string;
        };
        /**
         * @description What became of an ad that was shown on a day: a view or click counts for the day on which the
         *     ad was shown.
         */
        AdDay: {
            /** Format: int64 */
            clicks: number;
            /** @description Local day, `YYYY-MM-DD`. */
            day: string;
            /** Format: int64 */
            served: number;
            /** Format: int64 */
            views: number;
        };
        /**
         * @description `GET /v1/admin/ads/{id}/days`: the last 90 days, newest first; those on which it was not shown
         *     are left out.
         */
        AdDays: {
            items: components["schemas"]["AdDay"][];
        };
        /** @description `POST /v1/ads/{id}/events` */
        AdEvent: {
            kind: components["schemas"]["AdEventKind"];
        };
        /**
         * @description What a user did with an ad.
         * @enum {string}
         */
        AdEventKind: "view" | "click";
        /** Format: id */
        AdId: string;
        /** @description An ad as an admin sees it. The counts are up to a minute old. */
        AdminAd: components["schemas"]["AdSettings"] & {
            /** Format: int64 */
            clicks: number;
            created_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["AdId"];
            /**
             * Format: int64
             * @description Times it was shown to somebody.
             */
            served: number;
            updated_at: components["schemas"]["Timestamp"];
            /** Format: int64 */
            views: number;
        };
        /** @description An appeal as moderators see it. */
        AdminAppeal: components["schemas"]["Appeal"] & {
            ban: components["schemas"]["AppealedBan"];
            decided_by?: components["schemas"]["UserId"] | null;
            /** @description Absent for an erased account. */
            handle?: string | null;
            note?: string | null;
            text: string;
            user_id: components["schemas"]["UserId"];
        };
        /** @description A ban as moderators see it. */
        AdminBan: {
            /** @description In force. */
            active: boolean;
            appeal?: components["schemas"]["AppealStatus"] | null;
            /** @description Made by the job that counts reports. */
            automatic: boolean;
            confirm_note?: string | null;
            confirmed_at?: components["schemas"]["Timestamp"] | null;
            confirmed_by?: components["schemas"]["UserId"] | null;
            created_at: components["schemas"]["Timestamp"];
            created_by?: components["schemas"]["UserId"] | null;
            handle?: string | null;
            id: components["schemas"]["BanId"];
            lift_note?: string | null;
            lifted_at?: components["schemas"]["Timestamp"] | null;
            lifted_by?: components["schemas"]["UserId"] | null;
            /** @description Waits for a moderator. */
            provisional: boolean;
            /** @description What the user is told: a moderator's words, or the reason of the reports that led to it. */
            reason: string;
            until?: components["schemas"]["Timestamp"] | null;
            user_id?: components["schemas"]["UserId"] | null;
        };
        /** @description A claim as moderators see it. */
        AdminClaim: components["schemas"]["Claim"] & {
            user_id: components["schemas"]["UserId"];
        };
        /** @description A background job, without what it works on. */
        AdminJob: {
            /**
             * Format: int64
             * @description How often it was started.
             */
            attempts: number;
            created_at: components["schemas"]["Timestamp"];
            /** @description Why the last attempt failed, in English. */
            error?: string | null;
            finished_at?: components["schemas"]["Timestamp"] | null;
            id: components["schemas"]["JobId"];
            lease_until?: components["schemas"]["Timestamp"] | null;
            /** Format: int64 */
            max_attempts: number;
            queue: string;
            /** @description It does not start before. */
            run_at: components["schemas"]["Timestamp"];
            state: components["schemas"]["JobState"];
        };
        /** @description A match as staff see it: who, when and how much, never what. */
        AdminMatch: {
            call_failed_at?: components["schemas"]["Timestamp"] | null;
            connected_at?: components["schemas"]["Timestamp"] | null;
            created_at: components["schemas"]["Timestamp"];
            ended_at?: components["schemas"]["Timestamp"] | null;
            ended_by?: components["schemas"]["UserId"] | null;
            ended_reason?: components["schemas"]["EndReason"] | null;
            expires_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["MatchId"];
            mode: components["schemas"]["Mode"];
            /** @description The offerer, then the answerer. */
            sides: components["schemas"]["AdminMatchSide"][];
            status: components["schemas"]["MatchStatus"];
        };
        /** @description One user of a match. */
        AdminMatchSide: {
            /** @description Null when the account is erased. */
            handle?: string | null;
            /**
             * Format: int64
             * @description Messages with content that the user sent, as far as they are still logged.
             */
            messages: number;
            role: components["schemas"]["MatchRole"];
            user_id: components["schemas"]["UserId"];
        };
        /** @description A report as moderators see it. */
        AdminReport: components["schemas"]["Report"] & {
            /**
             * Format: int64
             * @description How many messages were attached, even if they are erased.
             */
            evidence_count: number;
            /** @description What the reporter wrote; null if that was nothing, or is erased. */
            note?: string | null;
            provisional_ban?: components["schemas"]["BanId"] | null;
            reported: components["schemas"]["ReportedUser"];
            reporter: components["schemas"]["ReportingUser"];
            /**
             * Format: int64
             * @description How many different users have reported this one within the window of the settings, not
             *     counting dismissed reports.
             */
            reporters: number;
            resolution?: components["schemas"]["Resolution"] | null;
            taken?: components["schemas"]["Taken"] | null;
        };
        /** @description An account as staff see it. */
        AdminUser: {
            created_at: components["schemas"]["Timestamp"];
            erased_at?: components["schemas"]["Timestamp"] | null;
            /** @description `kediadam#9021`; null when the account is erased. */
            handle?: string | null;
            id: components["schemas"]["UserId"];
            is_banned: boolean;
            is_premium: boolean;
            last_active: components["schemas"]["Timestamp"];
            /** @description Country code and last two digits; null when the account is erased. */
            phone_masked?: string | null;
            role: components["schemas"]["UserRole"];
        };
        /** @description Counts about an account. */
        AdminUserCounts: {
            /**
             * Format: int64
             * @description Bans of the phone, including past ones.
             */
            bans: number;
            /** Format: int64 */
            claims: number;
            /** Format: int64 */
            matches: number;
            /**
             * Format: int64
             * @description How many different users reported this one in the last 30 days.
             */
            reporters_30d: number;
            /**
             * Format: int64
             * @description Reports about the user that were decided.
             */
            reports_decided: number;
            /**
             * Format: int64
             * @description Reports that the user made.
             */
            reports_made: number;
            /**
             * Format: int64
             * @description Those of them that were dismissed.
             */
            reports_made_dismissed: number;
            /**
             * Format: int64
             * @description Reports about the user that wait for a moderator.
             */
            reports_open: number;
            /**
             * Format: int64
             * @description Devices that are signed in.
             */
            sessions: number;
        };
        /** @description `GET /v1/admin/users/{id}` */
        AdminUserDetail: components["schemas"]["AdminUser"] & {
            counts: components["schemas"]["AdminUserCounts"];
            quota?: components["schemas"]["Quota"] | null;
            /** @description A moderator has said so: the user's reports count towards no automatic ban. */
            unreliable: boolean;
        };
        /** @description `PATCH /v1/admin/ads/{id}`: absent fields stay; null removes a link, a bound or a time. */
        AdPatch: {
            active?: boolean | null;
            click_url?: components["schemas"]["LinkText"] | null;
            content?: components["schemas"]["Text500"] | null;
            /** Format: int64 */
            daily_cap?: number | null;
            ends_at?: components["schemas"]["Timestamp"] | null;
            placement?: components["schemas"]["Placement"] | null;
            starts_at?: components["schemas"]["Timestamp"] | null;
            target_group?: components["schemas"]["TargetGroup"] | null;
            title?: components["schemas"]["Line80"] | null;
            /** Format: int64 */
            total_cap?: number | null;
            /** Format: int64 */
            weight?: number | null;
        };
        /** @description The settings of an ad; the body of `POST /v1/admin/ads`. */
        AdSettings: {
            active?: boolean;
            click_url?: components["schemas"]["LinkText"] | null;
            /** @description 1 to 500 characters. */
            content: components["schemas"]["Text500"];
            /**
             * Format: int64
             * @description 1 to 100: how often a user is shown it in one day; 3 when absent.
             */
            daily_cap?: number;
            ends_at?: components["schemas"]["Timestamp"] | null;
            /**
             * @description 1 to 32 of `a`–`z`, `0`–`9` and `_`; `match_end` when absent, which is the one that the
             *     server sends by itself.
             */
            placement?: components["schemas"]["Placement"];
            starts_at?: components["schemas"]["Timestamp"] | null;
            /**
             * @description `all` (when absent), `free` or `premium`, `locale:tr` or `locale:en`, or one of each
             *     separated by a comma. Premium users see only ads that name `premium`, where the server
             *     allows these.
             */
            target_group?: components["schemas"]["TargetGroup"];
            /** @description 1 to 80 characters. */
            title: components["schemas"]["Line80"];
            /**
             * Format: int64
             * @description 1 to 1,000,000,000: how often it is shown in all; without a bound when null or absent. It
             *     may be passed by what is shown within a minute.
             */
            total_cap?: number | null;
            /**
             * Format: int64
             * @description 1 (when absent) to 1000: how often it is shown compared with others.
             */
            weight?: number;
        };
        /** @description The settings of an ad; the body of `POST /v1/admin/ads`. */
        AdSettingsBody: {
            active?: boolean;
            click_url?: components["schemas"]["LinkText"] | null;
            /** @description 1 to 500 characters. */
            content: components["schemas"]["Text500"];
            /**
             * Format: int64
             * @description 1 to 100: how often a user is shown it in one day; 3 when absent.
             */
            daily_cap?: number;
            ends_at?: components["schemas"]["Timestamp"] | null;
            /**
             * @description 1 to 32 of `a`–`z`, `0`–`9` and `_`; `match_end` when absent, which is the one that the
             *     server sends by itself.
             */
            placement?: components["schemas"]["Placement"];
            starts_at?: components["schemas"]["Timestamp"] | null;
            /**
             * @description `all` (when absent), `free` or `premium`, `locale:tr` or `locale:en`, or one of each
             *     separated by a comma. Premium users see only ads that name `premium`, where the server
             *     allows these.
             */
            target_group?: components["schemas"]["TargetGroup"];
            /** @description 1 to 80 characters. */
            title: components["schemas"]["Line80"];
            /**
             * Format: int64
             * @description 1 to 1,000,000,000: how often it is shown in all; without a bound when null or absent. It
             *     may be passed by what is shown within a minute.
             */
            total_cap?: number | null;
            /**
             * Format: int64
             * @description 1 (when absent) to 1000: how often it is shown compared with others.
             */
            weight?: number;
        };
        /** @description What the operator tells many users. */
        Announcement: {
            ad?: components["schemas"]["Ad"] | null;
            created_at: components["schemas"]["Timestamp"];
            /** @description Empty for an ad. */
            en: string;
            finished_at?: components["schemas"]["Timestamp"] | null;
            id: components["schemas"]["AnnouncementId"];
            target: components["schemas"]["TargetGroup"];
            /**
             * Format: int64
             * @description How many users were told so far.
             */
            told: number;
            /** @description Empty for an ad. */
            tr: string;
        };
        /** Format: id */
        AnnouncementId: string;
        /** @description `POST /v1/admin/announcements` */
        AnnouncementRequest: {
            /** @description What users with English texts read: 1 to 500 characters. */
            en: components["schemas"]["Text500"];
            target?: components["schemas"]["TargetGroup"] | null;
            /** @description What users with Turkish texts read: 1 to 500 characters. */
            tr: components["schemas"]["Text500"];
        };
        /** @description `POST /v1/notifications/{id}/answer` */
        AnswerRequest: {
            /** @description 1 to 1000 characters; of the control characters only line breaks. */
            text: components["schemas"]["Text1000"];
        };
        /** @description An appeal as its user sees it. */
        Appeal: {
            created_at: components["schemas"]["Timestamp"];
            decided_at?: components["schemas"]["Timestamp"] | null;
            id: components["schemas"]["AppealId"];
            status: components["schemas"]["AppealStatus"];
        };
        /**
         * @description A moderator's decision about an appeal.
         * @enum {string}
         */
        AppealDecision: "uphold" | "lift";
        /** @description `POST /v1/admin/appeals/{id}/decide` */
        AppealDecisionRequest: {
            decision: components["schemas"]["AppealDecision"];
            /** @description For moderators: 1 to 500 characters. */
            note: components["schemas"]["Text500"];
        };
        /** @description The ban that an appeal is against. */
        AppealedBan: {
            automatic: boolean;
            /** @description Whether whoever asks has made or confirmed it, and so may not decide. */
            banned_by_me: boolean;
            created_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["BanId"];
            provisional: boolean;
            reason: string;
            until?: components["schemas"]["Timestamp"] | null;
        };
        /** Format: id */
        AppealId: string;
        /** @description `POST /v1/appeals` */
        AppealRequest: {
            /** @description Why the ban is wrong: 1 to 4000 characters. */
            text: components["schemas"]["Text4000"];
        };
        /**
         * @description The state of an appeal.
         * @enum {string}
         */
        AppealStatus: "open" | "upheld" | "lifted";
        /** @description Answer to register and login. */
        Authenticated: {
            tokens: components["schemas"]["Tokens"];
            user: components["schemas"]["User"];
        };
        /** @description `POST /v1/admin/bans/{id}/confirm` */
        BanConfirmation: {
            /** @description For moderators: 1 to 500 characters. */
            note: components["schemas"]["Text500"];
            until?: components["schemas"]["Timestamp"] | null;
        };
        /** Format: id */
        BanId: string;
        /** @description What a banned user is told. */
        BanNotice: {
            /**
             * @description Whether the appeal token that came along can be used to appeal: nobody has appealed against
             *     this ban yet.
             */
            appealable: boolean;
            /**
             * @description What the moderator wrote for the user; for a ban after reports, their reason, one of those
             *     of a report.
             */
            reason: string;
            until?: components["schemas"]["Timestamp"] | null;
        };
        /** @description `POST /v1/admin/users/{id}/ban` */
        BanRequest: {
            /** @description What the user is told: 1 to 500 characters. */
            reason: components["schemas"]["Text500"];
            until?: components["schemas"]["Timestamp"] | null;
        };
        /** @description A subscription as the billing provider knows it after an event. */
        BilledSubscription: {
            /** @description That of `GET /v1/subscription`. */
            account_token: components["schemas"]["Secret"];
            /** @description The end of what is paid; not before `starts_at`. */
            ends_at: components["schemas"]["Timestamp"];
            /** @description 1 to 128 bytes. */
            id: string;
            /** @description The name of a plan or one of its products; 1 to 128 bytes. */
            plan: string;
            starts_at: components["schemas"]["Timestamp"];
        };
        /** @description `POST /v1/billing/events`: what happened, and the subscription after it. */
        BillingEvent: {
            /** @description 1 to 128 bytes; the same for every delivery of the event. */
            id: string;
            occurred_at: components["schemas"]["Timestamp"];
            subscription: components["schemas"]["BilledSubscription"];
            type: components["schemas"]["BillingEventType"];
        };
        /**
         * @description What happened to a subscription at the billing provider. Of two at the same moment, the later one in this list counts.
         * @enum {string}
         */
        BillingEventType: "purchased" | "renewed" | "cancelled" | "expired" | "refunded";
        /**
         * @description What became of a billing event.
         * @enum {string}
         */
        BillingOutcome: "applied" | "stale" | "unknown_plan" | "unknown_account";
        /** @description Answer to a billing event. */
        BillingReceipt: {
            outcome: components["schemas"]["BillingOutcome"];
            /** @description Whether the event had been handled before; then nothing changed. */
            repeated: boolean;
        };
        /** @description A block the signed-in user has made. */
        Block: {
            created_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["BlockId"];
            /** @description The handle the user had when it was blocked. */
            peer: components["schemas"]["Peer"];
        };
        /** Format: id */
        BlockId: string;
        /** @description `POST /v1/blocks` */
        BlockRequest: {
            match_id: components["schemas"]["MatchId"];
        };
        /** @description A request to get back the right that a match cost. */
        Claim: {
            created_at: components["schemas"]["Timestamp"];
            decided_at?: components["schemas"]["Timestamp"] | null;
            id: components["schemas"]["ClaimId"];
            match_id: components["schemas"]["MatchId"];
            reason?: components["schemas"]["ClaimRefusal"] | null;
            status: components["schemas"]["ClaimStatus"];
        };
        /** Format: id */
        ClaimId: string;
        /**
         * @description Why a match cannot be claimed, or a claim was rejected.
         * @enum {string}
         */
        ClaimRefusal: "too_early" | "answered" | "connected" | "left_early" | "too_late" | "daily_cap" | "not_paid";
        /** @description `POST /v1/claims` */
        ClaimRequest: {
            match_id: components["schemas"]["MatchId"];
        };
        /**
         * @description The state of a claim.
         * @enum {string}
         */
        ClaimStatus: "pending" | "approved" | "rejected";
        /** @description `POST /v1/admin/confirm` */
        ConfirmRequest: {
            password: components["schemas"]["Secret"];
            totp?: components["schemas"]["Secret"] | null;
        };
        /** @description `POST /v1/me/consent` */
        ConsentRequest: {
            /**
             * Format: int64
             * @description The version that the user has read and accepts: the `terms_version` of `GET /v1/meta`.
             */
            terms_version: number;
        };
        /**
         * Format: base64
         * @description Standard base64 of 1 byte to 16 KiB.
         */
        ContentText: string;
        CorrectionAmount: number;
        /** @description What happened on one day. */
        DayStatistics: {
            /**
             * Format: int64
             * @description People who used the service on the day, as of the last count before its end, which is up to
             *     an hour before it; 0 if nobody counted while the day lasted.
             */
            active_users: number;
            /**
             * Format: int64
             * @description Bans that began on the day, those by the system too.
             */
            bans: number;
            /**
             * Format: int64
             * @description Claims that were made on the day.
             */
            claims: number;
            /**
             * Format: int64
             * @description Claims that were approved on the day.
             */
            claims_approved: number;
            /** @description Whether the day was over when it was counted. */
            complete: boolean;
            /** @description `YYYY-MM-DD` in the time zone of the quota. */
            day: string;
            /**
             * Format: int64
             * @description Messages with content; handshakes do not count.
             */
            messages: number;
            /** Format: int64 */
            registrations: number;
            /** Format: int64 */
            reports: number;
            /** Format: int64 */
            text_matches: number;
            /** Format: int64 */
            video_matches: number;
        };
        /**
         * Format: date
         * @description `YYYY-MM-DD`
         */
        DayText: string;
        /** @description What a client says about the device that signs in. */
        Device: {
            /** @description At most 64 characters. */
            name: string;
            /** @description At most 32 characters, e.g. `android`, `web`, `terminal`. */
            platform: string;
        };
        /**
         * @description Why a match ended.
         * @enum {string}
         */
        EndReason: "left" | "blocked" | "banned" | "expired" | "erased" | "hung_up";
        /** @description `DELETE /v1/me` */
        ErasureRequest: {
            password: components["schemas"]["Secret"];
        };
        /**
         * @description What went wrong, in one word a program can act on.
         * @enum {string}
         */
        ErrorCode: "bad_request" | "bad_frame" | "unknown_type" | "unexpected_frame" | "unknown_field" | "invalid_field" | "unauthorized" | "forbidden" | "not_found" | "method_not_allowed" | "payload_too_large" | "unsupported_media_type" | "phone_taken" | "invalid_phone" | "weak_password" | "password_too_long" | "alias_invalid" | "alias_full" | "underage" | "terms_not_accepted" | "code_invalid" | "invalid_credentials" | "totp_required" | "totp_invalid" | "totp_enrolled" | "totp_enrolment_required" | "confirmation_required" | "consent_required" | "banned" | "too_many_attempts" | "rate_limited" | "refresh_invalid" | "refresh_reused" | "idempotency_key_reused" | "request_in_progress" | "not_searching" | "mode_unavailable" | "quota_exhausted" | "keys_required" | "too_many_matches" | "match_ended" | "not_a_video_match" | "wrong_device" | "signal_refused" | "too_many_undelivered" | "message_too_large" | "already_blocked" | "already_invited" | "already_claimed" | "not_eligible" | "already_reported" | "not_reportable" | "evidence_invalid" | "out_of_order" | "franking_tag_mismatch" | "already_banned" | "not_banned" | "already_appealed" | "already_decided" | "taken" | "already_answered" | "ad_not_running" | "job_not_dead" | "unknown_plan" | "already_corrected" | "signature_invalid" | "event_conflict" | "unknown_account" | "draining" | "unavailable" | "internal";
        /** @description One message as its receiver shows it to a moderator. */
        Evidence: {
            /** @description 32 bytes: the SHA-256 of the ciphertext. */
            ciphertext_sha256: components["schemas"]["HashText"];
            /** @description The exact bytes of the content inside the message. */
            content: components["schemas"]["ContentText"];
            frank: components["schemas"]["Frank"];
            /** @description 32 bytes. */
            franking_tag: components["schemas"]["HashText"];
            match_id: components["schemas"]["MatchId"];
            /** @description The 32 bytes inside the message that its franking tag was made with. */
            salt: components["schemas"]["HashText"];
            /**
             * @description The sender's handle inside the message, which the tag covers; absent if it is the peer's
             *     current handle.
             */
            sender_handle?: string | null;
            sent_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Position among the sender's messages in the match.
             */
            seq: number;
        };
        /** @description A field that was refused. */
        FieldProblem: {
            code: components["schemas"]["ErrorCode"];
            detail: string;
            field: string;
        };
        /** @description `POST /v1/admin/users/find` */
        FindUsersRequest: {
            /** @description E.164, or a national number of the default region. */
            phone: components["schemas"]["PhoneText"];
        };
        /** @description The accounts that have or had the phone. */
        FoundUsers: {
            /**
             * @description Newest first: the account that has the phone, and erased ones that had it while reports and
             *     bans can still concern them.
             */
            items: components["schemas"]["AdminUser"][];
        };
        /**
         * @description The server's proof that a message with this franking tag passed through it, from one user to
         *     another, at a certain time. Only the server can check it.
         */
        Frank: {
            /** @description Which of the server's keys made it. */
            kid: string;
            /** @description 32 bytes. */
            mac: components["schemas"]["HashText"];
        };
        /** @description Standard base64 of 32 bytes. */
        HashText: string;
        /** @description A relay, in the form of `RTCIceServer`. */
        IceServer: {
            credential: components["schemas"]["Secret"];
            urls: string[];
            username: string;
        };
        /** @description Relays for a call. */
        IceServers: {
            ice_servers: components["schemas"]["IceServer"][];
            /** @description Always `relay`: any other policy reveals the user's address to the peer's browser. */
            transport_policy: string;
            /**
             * Format: int64
             * @description Seconds within which the first allocation must be made.
             */
            ttl_s: number;
        };
        /** @description Asks for relays for the call of a video match. */
        IceServersRequest: {
            match_id: components["schemas"]["MatchId"];
        };
        /**
         * Format: line
         * @description 1 to 32 characters in one line, not blank.
         */
        InterestText: string;
        /** @description What invitations bring. */
        InvitationRules: {
            /**
             * Format: int32
             * @description Extra matches for who joins.
             */
            invited_reward: number;
            /**
             * Format: int32
             * @description Extra matches for who invited.
             */
            inviter_reward: number;
            /**
             * Format: int32
             * @description Phone numbers one user may invite per day.
             */
            per_day: number;
        };
        /** Format: id */
        JobId: string;
        /** @description How full a queue is. */
        JobQueue: {
            /** Format: int64 */
            dead: number;
            /** Format: int64 */
            leased: number;
            /**
             * Format: int64
             * @description How long the oldest due job has been waiting; 0 when none is due.
             */
            oldest_due_s: number;
            queue: string;
            /**
             * Format: int64
             * @description Due, or resting until their time.
             */
            waiting: number;
        };
        /** @description Every queue there is, by name. */
        JobQueues: {
            items: components["schemas"]["JobQueue"][];
        };
        /**
         * @description The state of a background job.
         * @enum {string}
         */
        JobState: "waiting" | "leased" | "done" | "dead";
        /** @description One-time key packages the session still has at the server. */
        KeysRemaining: {
            /** Format: int64 */
            remaining: number;
        };
        /** @description `PUT /v1/keys` */
        KeyUpload: {
            last_resort?: components["schemas"]["PackageText"] | null;
            /** @description At most 100, each base64 of at most 4 KiB. */
            packages: components["schemas"]["PackageText"][];
        };
        /** @description An ISO 639-1 code. */
        LanguageCode: string;
        /**
         * Format: line
         * @description 1 to 80 characters in one line, not blank.
         */
        Line80: string;
        /**
         * Format: line
         * @description 1 to 500 characters in one line, not blank.
         */
        Line500: string;
        /** @description `https://` and a host name, at most 500 bytes of visible ASCII. */
        LinkText: string;
        /** @description What the nodes see: counted every 5 seconds, or 15 while nothing changes. */
        Live: {
            /** @description When this was counted. */
            at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description People with a connection. Somebody who is connected to two nodes counts twice.
             */
            online: number;
            text: components["schemas"]["LiveQueue"];
            video: components["schemas"]["LiveQueue"];
        };
        /** @description People who search in a mode. */
        LiveQueue: {
            /**
             * Format: int64
             * @description Seconds that the one who came first has waited; null if nobody searches.
             */
            oldest_wait_s?: number | null;
            /** Format: int64 */
            searching: number;
        };
        /**
         * @description Language of the texts the server writes.
         * @enum {string}
         */
        Locale: "tr" | "en";
        /** @description A place in degrees; snapped to about 1 km before it is stored. */
        Location: {
            /**
             * Format: double
             * @description -90 to 90.
             */
            lat: number;
            /**
             * Format: double
             * @description -180 to 180.
             */
            lon: number;
        };
        /** @description `POST /v1/auth/login` */
        LoginRequest: {
            device?: components["schemas"]["Device"] | null;
            password: components["schemas"]["Secret"];
            phone: components["schemas"]["Secret"];
            totp?: components["schemas"]["Secret"] | null;
        };
        /** @description A match as one of its sides sees it. */
        Match: {
            claim?: components["schemas"]["Claim"] | null;
            created_at: components["schemas"]["Timestamp"];
            ended_at?: components["schemas"]["Timestamp"] | null;
            ended_reason?: components["schemas"]["EndReason"] | null;
            expires_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["MatchId"];
            mode: components["schemas"]["Mode"];
            peer: components["schemas"]["Peer"];
            role: components["schemas"]["MatchRole"];
            shared_interests: string[];
            status: components["schemas"]["MatchStatus"];
            /**
             * @description Whether this device searched: only there are the encryption, the messages and the call of
             *     the match.
             */
            this_device: boolean;
            /**
             * Format: int64
             * @description Messages of the peer with `content` that this side has not marked read; counted up to 1,000.
             *     Handshakes do not count.
             */
            unread: number;
        };
        /** Format: id */
        MatchId: string;
        /**
         * @description The part of a side in setting up encryption and calls.
         * @enum {string}
         */
        MatchRole: "offerer" | "answerer";
        /**
         * @description The state of a match. Only `active` can change.
         * @enum {string}
         */
        MatchStatus: "active" | "expired" | "cancelled" | "completed";
        /**
         * @description What a message carries. Only `content` counts as an answer.
         * @enum {string}
         */
        MessageKind: "content" | "handshake";
        /** @description A message of the peer. */
        MessageNew: {
            ciphertext: string;
            frank?: components["schemas"]["Frank"] | null;
            franking_tag?: string | null;
            kind: components["schemas"]["MessageKind"];
            match_id: components["schemas"]["MatchId"];
            sent_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Position among the peer's messages in the match: 1, 2, 3 … without a gap.
             */
            seq: number;
        };
        /** @description `GET /v1/meta`: the same for everybody, and as long as the server runs. */
        Meta: {
            invitations: components["schemas"]["InvitationRules"];
            limits: components["schemas"]["MetaLimits"];
            /**
             * Format: int32
             * @description In years.
             */
            minimum_age: number;
            /** @description Clients of an older version should ask to be updated; null: any may be used. */
            minimum_client_version: string | null;
            /** @description What can be searched for. */
            modes: components["schemas"]["Mode"][];
            /** @description What the service calls itself. */
            name: string;
            /** @description Whether a forgotten password can be set anew by a code. */
            password_reset: boolean;
            /** @description Only mobile numbers of these regions may register; null: any number. */
            phone_countries: string[] | null;
            /** @description The region of phone numbers without a country code, such as `TR`. */
            phone_region: string;
            /** @description Whether a new account needs a code that is sent to its phone. */
            phone_verification: boolean;
            /** @description First `free`, then what can be subscribed to, by the names that `GET /v1/subscription` uses. */
            plans: components["schemas"]["MetaPlan"][];
            /** @description An e-mail address or `https://` address; null: none was given. */
            support_contact: string | null;
            /**
             * Format: int64
             * @description The version of the terms that users have to accept.
             */
            terms_version: number;
            texts: components["schemas"]["MetaTexts"];
            /**
             * @description The zone at whose midnight daily allowances and limits begin anew, such as
             *     `Europe/Istanbul`.
             */
            time_zone: string;
            /** @description The key with which browsers subscribe to pushes, base64url; null: there is no Web Push. */
            vapid_public_key: string | null;
        };
        /** @description What is bounded, where the bound is a setting of the server. Times are seconds. */
        MetaLimits: {
            /**
             * Format: int32
             * @description Text matches that one user may have at once.
             */
            active_text_matches: number;
            /**
             * Format: int64
             * @description How long a search in the background goes on after its connection is lost.
             */
            background_search_s: number;
            /**
             * Format: int64
             * @description How long a device in a call may be without a connection before the match ends.
             */
            call_absence_s: number;
            /**
             * Format: int64
             * @description When a text match without an answer can be claimed, after its beginning.
             */
            claim_after_s: number;
            /**
             * Format: int64
             * @description When a call that does not connect can be claimed, after its beginning.
             */
            claim_video_after_s: number;
            /**
             * Format: int64
             * @description How long after its end a match can be claimed.
             */
            claim_window_s: number;
            /** Format: int32 */
            claims_per_day: number;
            /**
             * Format: int64
             * @description How long a code that was sent to a phone is good.
             */
            code_s: number;
            /** @description Devices that may be connected at once; with one more the oldest connection is closed. */
            devices: number;
            /**
             * Format: int64
             * @description How long a match lasts, and its messages at most.
             */
            match_ttl_s: number;
            /** @description Messages that can be shown with a report. */
            report_messages: number;
            /**
             * Format: int64
             * @description How long after its end a match can be reported.
             */
            report_window_s: number;
            /** Format: int32 */
            reports_per_day: number;
        };
        /** @description What a user may do per day on a plan. */
        MetaPlan: {
            /**
             * Format: int32
             * @description Text matches a day.
             */
            daily_text: number;
            /**
             * Format: int32
             * @description Video matches a day.
             */
            daily_video: number;
            /**
             * Format: int32
             * @description How long it lasts; null: `free` has no end.
             */
            days: number | null;
            name: string;
        };
        /** @description Where the texts are that everybody may read, as paths of this server. */
        MetaTexts: {
            community: components["schemas"]["Translations"];
            delete_account: components["schemas"]["Translations"];
            privacy: components["schemas"]["Translations"];
            terms: components["schemas"]["Translations"];
        };
        /**
         * @description What a match is for.
         * @enum {string}
         */
        Mode: "text" | "video";
        /**
         * @description Something to tell a user. Stored as JSON and sent as `data` of a notification: it names no
         *     person.
         */
        Notice: {
            /** @enum {string} */
            code: "claim_approved";
            match_id: components["schemas"]["MatchId"];
        } | {
            /** @enum {string} */
            code: "claim_rejected";
            match_id: components["schemas"]["MatchId"];
            reason: string;
        } | {
            /** @enum {string} */
            code: "referral_rewarded";
            /** Format: int64 */
            rights: number;
        } | {
            /** @enum {string} */
            code: "welcome_bonus";
            /** Format: int64 */
            rights: number;
        } | {
            /** @enum {string} */
            code: "premium_started";
            plan: string;
            until: components["schemas"]["Timestamp"];
        } | {
            /** @enum {string} */
            code: "premium_ended";
            plan: string;
        } | {
            /** @enum {string} */
            code: "match_found";
            match_id: components["schemas"]["MatchId"];
        } | {
            /** @enum {string} */
            code: "password_reset";
        } | {
            /** @enum {string} */
            code: "new_device";
            name: string;
            platform: string;
        } | {
            /** @enum {string} */
            code: "staff_sign_in";
            name: string;
            platform: string;
        } | {
            /** @enum {string} */
            code: "warned";
            reason: components["schemas"]["ReportReason"];
        } | {
            /** @enum {string} */
            code: "renamed";
        } | {
            /** @enum {string} */
            code: "banned";
            until?: components["schemas"]["Timestamp"] | null;
        } | {
            /** @enum {string} */
            code: "ban_lifted";
        } | {
            /** @enum {string} */
            code: "appeal_upheld";
        } | {
            /** @description Whether something was done. */
            acted: boolean;
            /** @enum {string} */
            code: "report_resolved";
        } | {
            /** @enum {string} */
            code: "report_waits";
            reason: components["schemas"]["ReportReason"];
        } | {
            /** @enum {string} */
            code: "queue_old";
            /** Format: int64 */
            hours: number;
        } | {
            /** @enum {string} */
            code: "announcement";
            en: string;
            tr: string;
        } | {
            ad_id: components["schemas"]["AdId"];
            /** @description `https://…`, or null without a link. */
            click_url?: string | null;
            /** @enum {string} */
            code: "ad";
            content: string;
            title: string;
        };
        /** @description A stored notification. */
        Notification: {
            created_at: components["schemas"]["Timestamp"];
            /** @description What it is about, for programs; `code` names the rest. */
            data: components["schemas"]["Notice"];
            id: components["schemas"]["NotificationId"];
            /** @description In the language of the account. */
            message: string;
            read: boolean;
            type: components["schemas"]["NotificationType"];
        };
        /** Format: id */
        NotificationId: string;
        /**
         * @description Which notifications wake a device that is away. They are stored, and sent to open sockets, in
         *     any case.
         */
        NotificationPreferences: {
            ad: boolean;
            claim: boolean;
            /** @description New matches, and messages in matches. */
            match: boolean;
            /** @description What moderators are told of reports. */
            staff: boolean;
            system: boolean;
        };
        /** @description `PATCH /v1/me/notification-preferences`: absent fields stay. */
        NotificationPreferencesPatch: {
            ad?: boolean | null;
            claim?: boolean | null;
            match?: boolean | null;
            staff?: boolean | null;
            system?: boolean | null;
        };
        /**
         * @description What a notification is about; pushes of each type can be turned off.
         * @enum {string}
         */
        NotificationType: "system" | "match" | "claim" | "ad" | "staff";
        /** @description How the service is doing. */
        Overview: {
            /**
             * @description The last 30 local days that were counted, newest first. The counts of today are up to an
             *     hour old.
             */
            days: components["schemas"]["DayStatistics"][];
            live: components["schemas"]["Live"];
            totals: components["schemas"]["OverviewTotals"];
        };
        /** @description Current totals. */
        OverviewTotals: {
            /** Format: int64 */
            active_matches: number;
            /**
             * Format: int64
             * @description Background jobs that were given up.
             */
            dead_jobs: number;
            /**
             * Format: int64
             * @description Appeals that wait for a moderator.
             */
            open_appeals: number;
            /**
             * Format: int64
             * @description Reports that wait for a moderator.
             */
            open_reports: number;
            /** Format: int64 */
            pending_claims: number;
            /**
             * Format: int64
             * @description Users with premium.
             */
            premium_users: number;
            /**
             * Format: int64
             * @description Bans in force that wait for a moderator to confirm or lift them.
             */
            provisional_bans: number;
            /** Format: int64 */
            users: number;
        };
        /**
         * Format: base64
         * @description Standard base64 of 1 to 4096 bytes.
         */
        PackageText: string;
        /** @description One page of a list, newest first. */
        Page_Ad: {
            items: components["schemas"]["Ad"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminAd: {
            items: components["schemas"]["AdminAd"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminAppeal: {
            items: components["schemas"]["AdminAppeal"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminBan: {
            items: components["schemas"]["AdminBan"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminClaim: {
            items: components["schemas"]["AdminClaim"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminJob: {
            items: components["schemas"]["AdminJob"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminMatch: {
            items: components["schemas"]["AdminMatch"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminReport: {
            items: components["schemas"]["AdminReport"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_AdminUser: {
            items: components["schemas"]["AdminUser"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Announcement: {
            items: components["schemas"]["Announcement"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Appeal: {
            items: components["schemas"]["Appeal"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Block: {
            items: components["schemas"]["Block"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Claim: {
            items: components["schemas"]["Claim"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Match: {
            items: components["schemas"]["Match"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_MessageNew: {
            items: components["schemas"]["MessageNew"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Notification: {
            items: components["schemas"]["Notification"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Report: {
            items: components["schemas"]["Report"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_Session: {
            items: components["schemas"]["Session"][];
            next_cursor?: string | null;
        };
        /** @description One page of a list, newest first. */
        Page_SystemLogEntry: {
            items: components["schemas"]["SystemLogEntry"][];
            next_cursor?: string | null;
        };
        /** @description `POST /v1/me/password` */
        PasswordChangeRequest: {
            current_password: components["schemas"]["Secret"];
            /** Format: password */
            new_password: string;
        };
        /** @description `POST /v1/auth/password-reset/confirm` */
        PasswordResetConfirmation: {
            /** @description Six digits, as they were sent to the phone. */
            code: components["schemas"]["Secret"];
            /**
             * Format: password
             * @description 8 to 128 characters, counted in NFKC.
             */
            new_password: string;
            phone: components["schemas"]["Secret"];
        };
        /** @description `POST /v1/auth/password-reset` */
        PasswordResetRequest: {
            phone: components["schemas"]["Secret"];
        };
        /** @description What one user knows of the other. */
        Peer: {
            alias: string;
            handle: string;
            tag: string;
        };
        /**
         * Format: phone
         * @description E.164, or a national number of the server's region.
         */
        PhoneText: string;
        Placement: string;
        /** @description RFC 9457 problem details, with our extensions. */
        Problem: {
            appeal_token?: components["schemas"]["Secret"] | null;
            ban?: components["schemas"]["BanNotice"] | null;
            code: components["schemas"]["ErrorCode"];
            detail: string;
            eligible_at?: components["schemas"]["Timestamp"] | null;
            errors?: components["schemas"]["FieldProblem"][];
            reason?: components["schemas"]["ClaimRefusal"] | null;
            resets_at?: components["schemas"]["Timestamp"] | null;
            /** Format: int64 */
            retry_after_ms?: number | null;
            /** Format: int32 */
            status: number;
            title: string;
            /** @description Always `about:blank`: the code is what identifies the problem. */
            type: string;
        };
        /** @description `PATCH /v1/me`: absent fields stay; `location: null` removes the place. */
        ProfilePatch: {
            /** Format: alias */
            alias?: string | null;
            /** @description At most 10, each at most 32 characters. */
            interests?: components["schemas"]["InterestText"][] | null;
            /** @description At most 5 ISO 639-1 codes. */
            languages?: components["schemas"]["LanguageCode"][] | null;
            locale?: components["schemas"]["Locale"] | null;
            location?: components["schemas"]["Location"] | null;
        };
        /** @description The keys of a browser's subscription (RFC 8291), in base64url without padding. */
        PushKeys: {
            /** @description 16 bytes. */
            auth: string;
            /** @description An uncompressed point on P-256. */
            p256dh: string;
        };
        /**
         * @description The platform of a device that gets pushes.
         * @enum {string}
         */
        PushPlatform: "android" | "ios" | "web";
        /** @description `PUT /v1/me/push`: `android` and `ios` with `token`, `web` with `endpoint` and `keys`. */
        PushRequest: {
            /**
             * Format: uri
             * @description The endpoint of the browser's subscription: https, at a push service that the server knows.
             */
            endpoint?: string | null;
            keys?: components["schemas"]["PushKeys"] | null;
            platform: components["schemas"]["PushPlatform"];
            /** @description The token of Firebase Cloud Messaging: 1 to 2,048 visible ASCII characters. */
            token?: string | null;
        };
        /** @description Rights that remain, and the daily allowance. */
        Quota: {
            /**
             * Format: int64
             * @description Rights for either mode that survive the reset.
             */
            bonus: number;
            /**
             * Format: int64
             * @description Text matches given every day.
             */
            daily_text: number;
            /**
             * Format: int64
             * @description Video matches given every day.
             */
            daily_video: number;
            resets_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Text matches left today.
             */
            text: number;
            /**
             * Format: int64
             * @description Video matches left today.
             */
            video: number;
        };
        /**
         * @description A part of a user's allowance. `bonus` survives the daily reset and is used after the daily part.
         * @enum {string}
         */
        QuotaBucket: "text" | "video" | "bonus";
        /** @description `POST /v1/admin/users/{id}/quota` */
        QuotaCorrectionRequest: {
            /**
             * @description Rights to give, or to take if negative; not 0, and at most 1000000 either way. A balance
             *     stops at 0.
             */
            amount: components["schemas"]["CorrectionAmount"];
            bucket: components["schemas"]["QuotaBucket"];
            /**
             * @description What it is for, e.g. the number of a ticket: 1 to 64 visible ASCII characters. Counts once
             *     per user and bucket.
             */
            reference: components["schemas"]["ReferenceText"];
        };
        /** @description Whether this node should get work, and which part says no. */
        Readiness: {
            /** @description The clock of this machine and that of the database agree; else no jobs run here. */
            clock: boolean;
            /** @description The database answers. */
            database: boolean;
            /** @description The node is about to end. */
            draining: boolean;
            ready: boolean;
            /**
             * @description The other nodes can be reached: Redis answers and delivers messages. Always true for a node
             *     that is alone.
             */
            redis: boolean;
        };
        /** @description Marks these, or all: exactly one of the two. */
        ReadRequest: {
            ids: string[];
        } | {
            /** @enum {boolean} */
            all: true;
        };
        /** @description How many reports there are for a reason. */
        ReasonCount: {
            /** Format: int64 */
            count: number;
            reason: components["schemas"]["ReportReason"];
        };
        /** @description Codes to sign in without the app, each good once. They are shown once. */
        RecoveryCodes: {
            /** @description Ten of them. */
            recovery_codes: components["schemas"]["Secret"][];
        };
        /** @description 1 to 64 visible ASCII characters. */
        ReferenceText: string;
        /**
         * @description An invitation as its inviter sees it. The invited number is not kept in a form that could be
         *     shown.
         */
        Referral: {
            created_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["ReferralId"];
            rewarded_at?: components["schemas"]["Timestamp"] | null;
            status: components["schemas"]["ReferralStatus"];
            via: components["schemas"]["ReferralVia"];
        };
        /** Format: id */
        ReferralId: string;
        /** @description `POST /v1/referrals` */
        ReferralRequest: {
            /** @description E.164, or a national number of the default region. */
            phone: components["schemas"]["PhoneText"];
        };
        /** @description `GET /v1/referrals`: one page, newest first. */
        Referrals: {
            /** @description To be given as `invite` at registration. */
            invite_code: string;
            items: components["schemas"]["Referral"][];
            next_cursor?: string | null;
        };
        /**
         * @description What became of an invitation.
         * @enum {string}
         */
        ReferralStatus: "pending" | "joined" | "rewarded";
        /**
         * @description How somebody was invited.
         * @enum {string}
         */
        ReferralVia: "phone" | "code";
        /** @description Answer to refresh. */
        Refreshed: {
            tokens: components["schemas"]["Tokens"];
        };
        /** @description `POST /v1/auth/refresh` */
        RefreshRequest: {
            refresh_token: components["schemas"]["Secret"];
        };
        /** @description `POST /v1/auth/register` */
        RegisterRequest: {
            accept_terms: boolean;
            /**
             * Format: alias
             * @description 3 to 20 letters, digits, `_` or `.`.
             */
            alias: string;
            /** @description `YYYY-MM-DD`; checked, and only the year is kept. */
            birth_date: components["schemas"]["DayText"];
            device?: components["schemas"]["Device"] | null;
            /** @description Invite code of the user who invited. */
            invite?: string | null;
            locale?: components["schemas"]["Locale"] | null;
            /**
             * Format: password
             * @description 8 to 128 characters, counted in NFKC.
             */
            password: string;
            /** @description E.164, or a national number of the default region. */
            phone: components["schemas"]["PhoneText"];
        };
        /** @description `POST /v1/admin/users/{id}/reliability` */
        ReliabilityRequest: {
            /** @description If true, reports by this user count towards no automatic ban. */
            unreliable: boolean;
        };
        /** @description A report that the signed-in user has made. */
        Report: {
            created_at: components["schemas"]["Timestamp"];
            id: components["schemas"]["ReportId"];
            match_id: components["schemas"]["MatchId"];
            reason: components["schemas"]["ReportReason"];
            status: components["schemas"]["ReportStatus"];
        };
        /**
         * @description A moderator's decision about a report.
         * @enum {string}
         */
        ReportDecision: "dismiss" | "warn" | "ban" | "rename";
        /** @description A report with its evidence. */
        ReportDetails: components["schemas"]["AdminReport"] & {
            answer?: components["schemas"]["WarningAnswer"] | null;
            evidence: components["schemas"]["VerifiedMessage"][];
        };
        /** @description Who is reported. */
        ReportedUser: {
            /** @description The handle now. */
            handle: string;
            is_banned: boolean;
            user_id: components["schemas"]["UserId"];
        };
        /** Format: id */
        ReportId: string;
        /** @description Who reports. */
        ReportingUser: {
            /**
             * @description Whether reports by this user count towards automatic bans now: neither unreliable nor
             *     banned.
             */
            counts: boolean;
            /**
             * Format: int64
             * @description Reports by this user that were decided.
             */
            decided: number;
            /**
             * Format: int64
             * @description Those that were dismissed.
             */
            dismissed: number;
            /** @description The handle now. */
            handle: string;
            /** @description Marked by a moderator. */
            unreliable: boolean;
            user_id: components["schemas"]["UserId"];
        };
        /** @description The head of the queue of open reports. */
        ReportQueue: {
            /**
             * @description At most 50: the severest first (`threat` and `underage`), then the oldest. Reports by or about
             *     the reader are left out, here and below.
             */
            items: components["schemas"]["AdminReport"][];
            oldest_at?: components["schemas"]["Timestamp"] | null;
            /** @description How many are open, by reason; those without any are left out. */
            open: components["schemas"]["ReasonCount"][];
        };
        /**
         * @description What somebody is reported for.
         * @enum {string}
         */
        ReportReason: "harassment" | "sexual_content" | "underage" | "spam" | "threat" | "hate" | "other";
        /** @description `POST /v1/reports` */
        ReportRequest: {
            /** @description At most 20 messages of this match that the peer has sent. */
            evidence?: components["schemas"]["Evidence"][];
            match_id: components["schemas"]["MatchId"];
            note?: components["schemas"]["Text1000"] | null;
            reason: components["schemas"]["ReportReason"];
        };
        /**
         * @description The state of a report.
         * @enum {string}
         */
        ReportStatus: "open" | "dismissed" | "warned" | "banned" | "renamed";
        /** @description How a report was decided. */
        Resolution: {
            at: components["schemas"]["Timestamp"];
            by: components["schemas"]["UserId"];
            /** @description Null if it is erased. */
            note?: string | null;
        };
        /** @description `POST /v1/admin/reports/{id}/resolve` */
        ResolveRequest: {
            decision: components["schemas"]["ReportDecision"];
            /** @description For other moderators: 1 to 1000 characters; of the control characters only line breaks. */
            note: components["schemas"]["Text1000"];
            until?: components["schemas"]["Timestamp"] | null;
        };
        /** @description `POST /v1/admin/users/{id}/role` */
        RoleRequest: {
            role: components["schemas"]["UserRole"];
        };
        /** @description Text that must not be shown: a password or a token. `Debug` prints no part of it. */
        Secret: string;
        /** @description A signed-in device. */
        Session: {
            created_at: components["schemas"]["Timestamp"];
            /** @description Whether it is the session that asks. */
            current: boolean;
            device: components["schemas"]["Device"];
            id: components["schemas"]["SessionId"];
            last_active: components["schemas"]["Timestamp"];
        };
        /** Format: id */
        SessionId: string;
        /** @description A subscription that an admin granted. */
        SubscriptionGrant: {
            end: components["schemas"]["Timestamp"];
            id: components["schemas"]["SubscriptionId"];
            plan: string;
            start: components["schemas"]["Timestamp"];
        };
        /** @description `POST /v1/admin/users/{id}/subscription` */
        SubscriptionGrantRequest: {
            /**
             * Format: int32
             * @description 1 to 3650; the plan's own when absent.
             */
            days?: number | null;
            /** @description The name of a plan. */
            plan: string;
        };
        /** Format: id */
        SubscriptionId: string;
        /** @description `GET /v1/subscription` */
        SubscriptionStatus: {
            /**
             * @description Goes with a purchase, so that the billing provider's events name this account. A UUID that
             *     means nothing to anybody else.
             */
            account_token: components["schemas"]["Secret"];
            active: boolean;
            end?: components["schemas"]["Timestamp"] | null;
            /**
             * @description Its end has passed, and the provider has not said yet whether it goes on; meanwhile it is
             *     active.
             */
            in_grace: boolean;
            is_premium: boolean;
            /** @description Null when there never was a subscription. */
            plan?: string | null;
            /** @description Whether the provider renews it unless told otherwise. */
            renews: boolean;
            start?: components["schemas"]["Timestamp"] | null;
        };
        /** @description An act of staff or of the system. */
        SystemLogEntry: {
            /** @description What was done, e.g. `role_changed`. */
            action: string;
            /** @description Null for the system, or if the account is erased. */
            actor_handle?: string | null;
            actor_id?: components["schemas"]["UserId"] | null;
            created_at: components["schemas"]["Timestamp"];
            /** @description Details of the act; for a change `before` and `after`. */
            details: Record<string, never>;
            id: components["schemas"]["SystemLogId"];
            /** @description Null if it is about nobody, or the account is erased. */
            user_handle?: string | null;
            user_id?: components["schemas"]["UserId"] | null;
        };
        /** Format: id */
        SystemLogId: string;
        /** @description A report that a moderator works on. Nobody else can decide it meanwhile. */
        Taken: {
            /** @description The moderator's handle now. */
            by: string;
            /** @description Whether it is the one who asks. */
            mine: boolean;
            until: components["schemas"]["Timestamp"];
        };
        TargetGroup: string;
        /**
         * Format: lines
         * @description 1 to 500 characters, not blank, no control characters except line breaks.
         */
        Text500: string;
        /**
         * Format: lines
         * @description 1 to 1000 characters, not blank, no control characters except line breaks.
         */
        Text1000: string;
        /**
         * Format: lines
         * @description 1 to 4000 characters, not blank, no control characters except line breaks.
         */
        Text4000: string;
        /** Format: date-time */
        Timestamp: string;
        /** @description A session's tokens. */
        Tokens: {
            access_expires_at: components["schemas"]["Timestamp"];
            access_token: components["schemas"]["Secret"];
            refresh_expires_at: components["schemas"]["Timestamp"];
            refresh_token: components["schemas"]["Secret"];
            /** @description Always `Bearer`. */
            token_type: string;
        };
        /** @description `POST /v1/me/totp/confirm` */
        TotpConfirmation: {
            /** @description The six digits that the app shows. */
            code: components["schemas"]["Secret"];
        };
        /** @description `DELETE /v1/me/totp` */
        TotpRemoval: {
            /** @description The six digits that the app shows, or a recovery code. */
            code: components["schemas"]["Secret"];
            password: components["schemas"]["Secret"];
        };
        /** @description `POST /v1/me/totp` */
        TotpRequest: {
            password: components["schemas"]["Secret"];
        };
        /** @description A second factor before its first code. It is shown once. */
        TotpSetup: {
            /** @description 160 bits in base32, to be typed into an app. */
            secret: components["schemas"]["Secret"];
            /** @description `otpauth://totp/…`, to be shown as a QR code: SHA-1, six digits, 30 seconds. */
            uri: components["schemas"]["Secret"];
        };
        /** @description Where a text is in each language. */
        Translations: {
            en: string;
            tr: string;
        };
        /** @description `POST /v1/admin/users/{id}/unban` */
        UnbanRequest: {
            /** @description For moderators: 1 to 500 characters. */
            note: components["schemas"]["Text500"];
        };
        /** @description How many notifications are unread. */
        Unread: {
            /** Format: int64 */
            unread: number;
        };
        /** @description The signed-in user's own account. */
        User: {
            alias: string;
            created_at: components["schemas"]["Timestamp"];
            /** @description `alias#tag` */
            handle: string;
            id: components["schemas"]["UserId"];
            interests: string[];
            is_premium: boolean;
            languages: string[];
            locale: components["schemas"]["Locale"];
            /** @description The country code and the last two digits. */
            phone_masked: string;
            quota: components["schemas"]["Quota"];
            role: components["schemas"]["UserRole"];
            tag: string;
        };
        /** Format: id */
        UserId: string;
        /**
         * @description What an account may do.
         * @enum {string}
         */
        UserRole: "user" | "moderator" | "admin";
        /** @description Answer to register if the phone has to be verified first. */
        VerificationRequired: {
            /** @description Always true. */
            verification_required: boolean;
        };
        /** @description A message of the reported user to the reporter, as it was said. */
        VerifiedMessage: {
            /** @description The franking key that vouches for it. */
            kid: string;
            sent_at: components["schemas"]["Timestamp"];
            /**
             * Format: int64
             * @description Position among the reported user's messages in the match.
             */
            seq: number;
            /** @description The text of a text message; anything else as JSON. */
            text: string;
            /** @description Always true: what is not verified is not stored. */
            verified: boolean;
        };
        /** @description `POST /v1/auth/verify-phone` */
        VerifyPhoneRequest: {
            /** @description Six digits, as they were sent to it. */
            code: components["schemas"]["Secret"];
            /** @description The phone that registers. */
            phone: components["schemas"]["Secret"];
        };
        /** @description What a warned user says to it. */
        WarningAnswer: {
            at: components["schemas"]["Timestamp"];
            text: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type AccountErasureRequest = components['schemas']['AccountErasureRequest'];
export type Ad = components['schemas']['Ad'];
export type AdDay = components['schemas']['AdDay'];
export type AdDays = components['schemas']['AdDays'];
export type AdEvent = components['schemas']['AdEvent'];
export type AdEventKind = components['schemas']['AdEventKind'];
export type AdId = components['schemas']['AdId'];
export type AdminAd = components['schemas']['AdminAd'];
export type AdminAppeal = components['schemas']['AdminAppeal'];
export type AdminBan = components['schemas']['AdminBan'];
export type AdminClaim = components['schemas']['AdminClaim'];
export type AdminJob = components['schemas']['AdminJob'];
export type AdminMatch = components['schemas']['AdminMatch'];
export type AdminMatchSide = components['schemas']['AdminMatchSide'];
export type AdminReport = components['schemas']['AdminReport'];
export type AdminUser = components['schemas']['AdminUser'];
export type AdminUserCounts = components['schemas']['AdminUserCounts'];
export type AdminUserDetail = components['schemas']['AdminUserDetail'];
export type AdPatch = components['schemas']['AdPatch'];
export type AdSettings = components['schemas']['AdSettings'];
export type AdSettingsBody = components['schemas']['AdSettingsBody'];
export type Announcement = components['schemas']['Announcement'];
export type AnnouncementId = components['schemas']['AnnouncementId'];
export type AnnouncementRequest = components['schemas']['AnnouncementRequest'];
export type AnswerRequest = components['schemas']['AnswerRequest'];
export type Appeal = components['schemas']['Appeal'];
export type AppealDecision = components['schemas']['AppealDecision'];
export type AppealDecisionRequest = components['schemas']['AppealDecisionRequest'];
export type AppealedBan = components['schemas']['AppealedBan'];
export type AppealId = components['schemas']['AppealId'];
export type AppealRequest = components['schemas']['AppealRequest'];
export type AppealStatus = components['schemas']['AppealStatus'];
export type Authenticated = components['schemas']['Authenticated'];
export type BanConfirmation = components['schemas']['BanConfirmation'];
export type BanId = components['schemas']['BanId'];
export type BanNotice = components['schemas']['BanNotice'];
export type BanRequest = components['schemas']['BanRequest'];
export type BilledSubscription = components['schemas']['BilledSubscription'];
export type BillingEvent = components['schemas']['BillingEvent'];
export type BillingEventType = components['schemas']['BillingEventType'];
export type BillingOutcome = components['schemas']['BillingOutcome'];
export type BillingReceipt = components['schemas']['BillingReceipt'];
export type Block = components['schemas']['Block'];
export type BlockId = components['schemas']['BlockId'];
export type BlockRequest = components['schemas']['BlockRequest'];
export type Claim = components['schemas']['Claim'];
export type ClaimId = components['schemas']['ClaimId'];
export type ClaimRefusal = components['schemas']['ClaimRefusal'];
export type ClaimRequest = components['schemas']['ClaimRequest'];
export type ClaimStatus = components['schemas']['ClaimStatus'];
export type ConfirmRequest = components['schemas']['ConfirmRequest'];
export type ConsentRequest = components['schemas']['ConsentRequest'];
export type ContentText = components['schemas']['ContentText'];
export type CorrectionAmount = components['schemas']['CorrectionAmount'];
export type DayStatistics = components['schemas']['DayStatistics'];
export type DayText = components['schemas']['DayText'];
export type Device = components['schemas']['Device'];
export type EndReason = components['schemas']['EndReason'];
export type ErasureRequest = components['schemas']['ErasureRequest'];
export type ErrorCode = components['schemas']['ErrorCode'];
export type Evidence = components['schemas']['Evidence'];
export type FieldProblem = components['schemas']['FieldProblem'];
export type FindUsersRequest = components['schemas']['FindUsersRequest'];
export type FoundUsers = components['schemas']['FoundUsers'];
export type Frank = components['schemas']['Frank'];
export type HashText = components['schemas']['HashText'];
export type IceServer = components['schemas']['IceServer'];
export type IceServers = components['schemas']['IceServers'];
export type IceServersRequest = components['schemas']['IceServersRequest'];
export type InterestText = components['schemas']['InterestText'];
export type InvitationRules = components['schemas']['InvitationRules'];
export type JobId = components['schemas']['JobId'];
export type JobQueue = components['schemas']['JobQueue'];
export type JobQueues = components['schemas']['JobQueues'];
export type JobState = components['schemas']['JobState'];
export type KeysRemaining = components['schemas']['KeysRemaining'];
export type KeyUpload = components['schemas']['KeyUpload'];
export type LanguageCode = components['schemas']['LanguageCode'];
export type Line80 = components['schemas']['Line80'];
export type Line500 = components['schemas']['Line500'];
export type LinkText = components['schemas']['LinkText'];
export type Live = components['schemas']['Live'];
export type LiveQueue = components['schemas']['LiveQueue'];
export type Locale = components['schemas']['Locale'];
export type Location = components['schemas']['Location'];
export type LoginRequest = components['schemas']['LoginRequest'];
export type Match = components['schemas']['Match'];
export type MatchId = components['schemas']['MatchId'];
export type MatchRole = components['schemas']['MatchRole'];
export type MatchStatus = components['schemas']['MatchStatus'];
export type MessageKind = components['schemas']['MessageKind'];
export type MessageNew = components['schemas']['MessageNew'];
export type Meta = components['schemas']['Meta'];
export type MetaLimits = components['schemas']['MetaLimits'];
export type MetaPlan = components['schemas']['MetaPlan'];
export type MetaTexts = components['schemas']['MetaTexts'];
export type Mode = components['schemas']['Mode'];
export type Notice = components['schemas']['Notice'];
export type Notification = components['schemas']['Notification'];
export type NotificationId = components['schemas']['NotificationId'];
export type NotificationPreferences = components['schemas']['NotificationPreferences'];
export type NotificationPreferencesPatch = components['schemas']['NotificationPreferencesPatch'];
export type NotificationType = components['schemas']['NotificationType'];
export type Overview = components['schemas']['Overview'];
export type OverviewTotals = components['schemas']['OverviewTotals'];
export type PackageText = components['schemas']['PackageText'];
export type PageAd = components['schemas']['Page_Ad'];
export type PageAdminAd = components['schemas']['Page_AdminAd'];
export type PageAdminAppeal = components['schemas']['Page_AdminAppeal'];
export type PageAdminBan = components['schemas']['Page_AdminBan'];
export type PageAdminClaim = components['schemas']['Page_AdminClaim'];
export type PageAdminJob = components['schemas']['Page_AdminJob'];
export type PageAdminMatch = components['schemas']['Page_AdminMatch'];
export type PageAdminReport = components['schemas']['Page_AdminReport'];
export type PageAdminUser = components['schemas']['Page_AdminUser'];
export type PageAnnouncement = components['schemas']['Page_Announcement'];
export type PageAppeal = components['schemas']['Page_Appeal'];
export type PageBlock = components['schemas']['Page_Block'];
export type PageClaim = components['schemas']['Page_Claim'];
export type PageMatch = components['schemas']['Page_Match'];
export type PageMessageNew = components['schemas']['Page_MessageNew'];
export type PageNotification = components['schemas']['Page_Notification'];
export type PageReport = components['schemas']['Page_Report'];
export type PageSession = components['schemas']['Page_Session'];
export type PageSystemLogEntry = components['schemas']['Page_SystemLogEntry'];
export type PasswordChangeRequest = components['schemas']['PasswordChangeRequest'];
export type PasswordResetConfirmation = components['schemas']['PasswordResetConfirmation'];
export type PasswordResetRequest = components['schemas']['PasswordResetRequest'];
export type Peer = components['schemas']['Peer'];
export type PhoneText = components['schemas']['PhoneText'];
export type Placement = components['schemas']['Placement'];
export type Problem = components['schemas']['Problem'];
export type ProfilePatch = components['schemas']['ProfilePatch'];
export type PushKeys = components['schemas']['PushKeys'];
export type PushPlatform = components['schemas']['PushPlatform'];
export type PushRequest = components['schemas']['PushRequest'];
export type Quota = components['schemas']['Quota'];
export type QuotaBucket = components['schemas']['QuotaBucket'];
export type QuotaCorrectionRequest = components['schemas']['QuotaCorrectionRequest'];
export type Readiness = components['schemas']['Readiness'];
export type ReadRequest = components['schemas']['ReadRequest'];
export type ReasonCount = components['schemas']['ReasonCount'];
export type RecoveryCodes = components['schemas']['RecoveryCodes'];
export type ReferenceText = components['schemas']['ReferenceText'];
export type Referral = components['schemas']['Referral'];
export type ReferralId = components['schemas']['ReferralId'];
export type ReferralRequest = components['schemas']['ReferralRequest'];
export type Referrals = components['schemas']['Referrals'];
export type ReferralStatus = components['schemas']['ReferralStatus'];
export type ReferralVia = components['schemas']['ReferralVia'];
export type Refreshed = components['schemas']['Refreshed'];
export type RefreshRequest = components['schemas']['RefreshRequest'];
export type RegisterRequest = components['schemas']['RegisterRequest'];
export type ReliabilityRequest = components['schemas']['ReliabilityRequest'];
export type Report = components['schemas']['Report'];
export type ReportDecision = components['schemas']['ReportDecision'];
export type ReportDetails = components['schemas']['ReportDetails'];
export type ReportedUser = components['schemas']['ReportedUser'];
export type ReportId = components['schemas']['ReportId'];
export type ReportingUser = components['schemas']['ReportingUser'];
export type ReportQueue = components['schemas']['ReportQueue'];
export type ReportReason = components['schemas']['ReportReason'];
export type ReportRequest = components['schemas']['ReportRequest'];
export type ReportStatus = components['schemas']['ReportStatus'];
export type Resolution = components['schemas']['Resolution'];
export type ResolveRequest = components['schemas']['ResolveRequest'];
export type RoleRequest = components['schemas']['RoleRequest'];
export type Secret = components['schemas']['Secret'];
export type Session = components['schemas']['Session'];
export type SessionId = components['schemas']['SessionId'];
export type SubscriptionGrant = components['schemas']['SubscriptionGrant'];
export type SubscriptionGrantRequest = components['schemas']['SubscriptionGrantRequest'];
export type SubscriptionId = components['schemas']['SubscriptionId'];
export type SubscriptionStatus = components['schemas']['SubscriptionStatus'];
export type SystemLogEntry = components['schemas']['SystemLogEntry'];
export type SystemLogId = components['schemas']['SystemLogId'];
export type Taken = components['schemas']['Taken'];
export type TargetGroup = components['schemas']['TargetGroup'];
export type Text500 = components['schemas']['Text500'];
export type Text1000 = components['schemas']['Text1000'];
export type Text4000 = components['schemas']['Text4000'];
export type Timestamp = components['schemas']['Timestamp'];
export type Tokens = components['schemas']['Tokens'];
export type TotpConfirmation = components['schemas']['TotpConfirmation'];
export type TotpRemoval = components['schemas']['TotpRemoval'];
export type TotpRequest = components['schemas']['TotpRequest'];
export type TotpSetup = components['schemas']['TotpSetup'];
export type Translations = components['schemas']['Translations'];
export type UnbanRequest = components['schemas']['UnbanRequest'];
export type Unread = components['schemas']['Unread'];
export type User = components['schemas']['User'];
export type UserId = components['schemas']['UserId'];
export type UserRole = components['schemas']['UserRole'];
export type VerificationRequired = components['schemas']['VerificationRequired'];
export type VerifiedMessage = components['schemas']['VerifiedMessage'];
export type VerifyPhoneRequest = components['schemas']['VerifyPhoneRequest'];
export type WarningAnswer = components['schemas']['WarningAnswer'];
export type $defs = Record<string, never>;
export interface operations {
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    get_readiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    list_ads: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminAd"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_ad: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdSettingsBody"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminAd"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_ad: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminAd"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_ad: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    update_ad: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminAd"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_ad_days: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdDays"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    notify_ad: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Announcement"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ad_not_running`: The ad is turned off, not in its time, was shown as often as it may be, or is for nobody who may be shown it; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_announcements: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Announcement"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_announcement: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnnouncementRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Announcement"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_admin_appeals: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                status?: components["schemas"]["AppealStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminAppeal"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    decide_appeal: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AppealDecisionRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the own ban, one that was made or confirmed by oneself, that of somebody one has reported, or for moderators that of one of the staff; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_decided`: Somebody has decided already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_bans: {
        parameters: {
            query?: {
                active?: boolean;
                automatic?: boolean;
                cursor?: string;
                limit?: number;
                provisional?: boolean;
                user?: components["schemas"]["UserId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminBan"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirm_ban: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BanConfirmation"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminBan"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself, somebody one has reported, or for moderators one of the staff; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_decided`: Somebody has decided already; `not_banned`: it is over; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_admin_claims: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                status?: components["schemas"]["ClaimStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminClaim"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirm_identity: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConfirmRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: the password is wrong; `totp_required`: A code of the second factor is needed; `totp_invalid`: The code of the second factor is not valid, or was used before; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_jobs: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                queue?: string;
                state?: components["schemas"]["JobState"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminJob"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_job: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `job_not_dead`: Only a dead job can be retried or deleted; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retry_job: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `job_not_dead`: Only a dead job can be retried or deleted; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_job_queues: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["JobQueues"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_admin_matches: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                mode?: components["schemas"]["Mode"];
                status?: components["schemas"]["MatchStatus"];
                user?: components["schemas"]["UserId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminMatch"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Overview"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_admin_reports: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                reason?: components["schemas"]["ReportReason"];
                reported?: components["schemas"]["UserId"];
                reporter?: components["schemas"]["UserId"];
                status?: components["schemas"]["ReportStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminReport"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_admin_report: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportDetails"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: also for the one it is about; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resolve_report: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResolveRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminReport"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the own report, one about oneself, a ban of somebody one has reported, or of staff beyond the own role; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `taken`: another moderator works on it; `already_decided`: Somebody has decided already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `alias_full`: with `rename`, try again; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    take_report: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminReport"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: the own report, or one about oneself; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `taken`: another moderator works on it; `already_decided`: Somebody has decided already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    release_report: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_report_queue: {
        parameters: {
            query?: {
                reason?: components["schemas"]["ReportReason"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReportQueue"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_system_logs: {
        parameters: {
            query?: {
                action?: string;
                actor?: components["schemas"]["UserId"];
                cursor?: string;
                from?: components["schemas"]["Timestamp"];
                limit?: number;
                until?: components["schemas"]["Timestamp"];
                user?: components["schemas"]["UserId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_SystemLogEntry"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_users: {
        parameters: {
            query?: {
                banned?: boolean;
                cursor?: string;
                limit?: number;
                premium?: boolean;
                query?: string;
                role?: components["schemas"]["UserRole"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_AdminUser"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminUserDetail"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ban_user: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BanRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminBan"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself, an admin, somebody one has reported, or for moderators a moderator; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_banned`: The user is banned already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    erase_user: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AccountErasureRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    correct_quota: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuotaCorrectionRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quota"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_corrected`: The reference was used for this user before; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_user_reliability: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReliabilityRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself, or for moderators one of the staff; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    set_user_role: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RoleRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AdminUser"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: also for one's own role; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    end_sessions: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    grant_subscription: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SubscriptionGrantRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubscriptionGrant"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_plan`: There is no plan of this name; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    end_subscription: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    unban_user: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UnbanRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: oneself, or for moderators one of the staff; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_banned`: The user is not banned; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    find_users: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["FindUsersRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FoundUsers"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first; `forbidden`: This account may not do that */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_phone`: The phone number is not valid; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_next_ad: {
        parameters: {
            query?: {
                placement?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Ad"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    record_ad_event: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdEvent"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_appeals: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Appeal"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_appeal: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AppealRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Appeal"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_appealed`: The ban was appealed already; `not_banned`: the ban is over; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login_user: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authenticated"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: Phone number or password is wrong; `totp_required`: after a right password; `totp_invalid`: after a right password */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout_session: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    request_password_reset: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordResetRequest"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: this server sends no codes */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirm_password_reset: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordResetConfirmation"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `code_invalid`: The code is not valid, or not any more; `weak_password`: The password is too weak; `password_too_long`: The password is longer than 128 characters; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    refresh_tokens: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefreshRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Refreshed"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `refresh_invalid`: The refresh token is not valid; `refresh_reused`: The refresh token was used before; the session is revoked */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    register_user: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authenticated"];
                };
            };
            /** @description A code was sent to the phone. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VerificationRequired"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `phone_taken`: The phone number has an account already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_phone`: The phone number is not valid; `weak_password`: The password is too weak; `password_too_long`: The password is longer than 128 characters; `alias_invalid`: The alias is not allowed; `alias_full`: Every tag of this alias is taken; `underage`: The service is for adults only; `terms_not_accepted`: The terms must be accepted; `invalid_field`: `birth_date`, an unknown `invite`; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verify_phone: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VerifyPhoneRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Authenticated"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `phone_taken`: The phone number has an account already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `code_invalid`: The code is not valid, or not any more; `alias_full`: Every tag of this alias is taken; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    record_billing_event: {
        parameters: {
            query?: never;
            header: {
                /** @description `t=SECONDS,v1=HEX` */
                "Tebdil-Signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BillingEvent"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BillingReceipt"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `signature_invalid`: The signature is not valid, or too old */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: this server takes no events */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `event_conflict`: The event's id was used by another event */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown_plan`: There is no plan of this name; `unknown_account`: The account token belongs to nobody, or the subscription to somebody else; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_blocks: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Block"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_block: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BlockRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Block"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_blocked`: The user is blocked already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_block: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_claims: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Claim"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_claim: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ClaimRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Claim"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_claimed`: The match was claimed before; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_eligible`: with `reason` and, where waiting helps, `eligible_at`; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeysRemaining"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_keys: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyUpload"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeysRemaining"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_matches: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
                mode?: components["schemas"]["Mode"];
                status?: components["schemas"]["MatchStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Match"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_match: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Match"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    leave_match: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Match"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_messages: {
        parameters: {
            query?: {
                after?: number;
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_MessageNew"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    erase_me: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ErasureRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: the password is wrong; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    update_me: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProfilePatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `alias_invalid`: The alias is not allowed; `alias_full`: Every tag of this alias is taken; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    accept_terms: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConsentRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: `terms_version` is not the current one; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    export_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To be saved: `Content-Disposition: attachment`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_notification_preferences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationPreferences"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    update_notification_preferences: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NotificationPreferencesPatch"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NotificationPreferences"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    change_password: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChangeRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: the current password is wrong; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `weak_password`: The password is too weak; `password_too_long`: The password is longer than 128 characters; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    put_push_target: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PushRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    delete_push_target: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_quota: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Quota"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_sessions: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Session"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    end_session: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    begin_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TotpRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TotpSetup"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_credentials`: the password is wrong; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `forbidden`: for staff only; `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `totp_enrolled`: take it away first */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    remove_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TotpRemoval"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `totp_invalid`: The code of the second factor is not valid, or was used before; `invalid_credentials`: the password is wrong; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: there is none */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    confirm_totp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TotpConfirmation"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecoveryCodes"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `totp_invalid`: The code of the second factor is not valid, or was used before; `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: none waits to be confirmed */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `totp_enrolled`: The account has a second factor already */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `too_many_attempts`: Too many attempts; try again later; `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Meta"];
                };
            };
            /** @description `If-None-Match` names the current `ETag`. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_notifications: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Notification"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    answer_warning: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerRequest"];
            };
        };
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: the user was not warned by it, or the report is gone */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_answered`: The warning was answered already; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    read_notifications: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReadRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Unread"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_referrals: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Referrals"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_referral: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReferralRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Referral"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_invited`: by this user; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_phone`: The phone number is not valid; `invalid_field`: the user's own; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: no more today */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    list_reports: {
        parameters: {
            query?: {
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page_Report"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid_field`: A field has a value that is not allowed */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_report: {
        parameters: {
            query?: never;
            header?: {
                /** @description A repeat with the same key gets the first answer, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReportRequest"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Report"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `already_reported`: this user, within the last 30 days; `request_in_progress`: The first request with this idempotency key is still running */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_reportable`: The match cannot be reported any more; `evidence_invalid`: `errors` names the item and why. Nothing is stored; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist; `idempotency_key_reused`: The idempotency key was used with another request */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: no more today */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    create_ice_servers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["IceServersRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IceServers"];
                };
            };
            /** @description `bad_request`: The request is not well-formed */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_found`: There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `not_a_video_match`: The match is not for video; `match_ended`: The match has ended; `wrong_device`: This match lives on another device */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `payload_too_large`: The request is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported_media_type`: The body must be application/json */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `mode_unavailable`: the server has no relay; `invalid_field`: A field has a value that is not allowed; `unknown_field`: The request has a field that does not exist */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_subscription: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubscriptionStatus"];
                };
            };
            /** @description `unauthorized`: A valid access token is needed */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `banned`: The account is banned; `consent_required`: The current terms must be accepted first */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `rate_limited`: Too many requests; slow down */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Something went wrong on our side */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unavailable`: The service cannot do that right now; try again */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
