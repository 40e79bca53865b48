// Made by `npm run types` from api/asyncapi.json. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An ad as a user is shown it. */
        Ad: {
            /** @description `https://…`, or null without a link. */
            click_url?: string | null;
            content: string;
            id: components["schemas"]["AdId"];
            placement: components["schemas"]["Placement"];
            title: string;
        };
        /** Format: id */
        AdId: string;
        /**
         * @description What a client reports about its call.
         * @enum {string}
         */
        CallState: "connected" | "failed" | "ended";
        /**
         * @description Why a search ended without a match.
         * @enum {string}
         */
        CancelReason: "cancelled" | "replaced" | "matched" | "ended";
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
        /**
         * @description The state of a claim.
         * @enum {string}
         */
        ClaimStatus: "pending" | "approved" | "rejected";
        ClientFrame: components["schemas"]["ClientHelloFrame"] | components["schemas"]["ClientMatchCancelFrame"] | components["schemas"]["ClientMatchFindFrame"] | components["schemas"]["ClientMatchLeaveFrame"] | components["schemas"]["ClientMessageAckFrame"] | components["schemas"]["ClientMessageReadFrame"] | components["schemas"]["ClientMessageSendFrame"] | components["schemas"]["ClientMessageSyncFrame"] | components["schemas"]["ClientPingFrame"] | components["schemas"]["ClientRtcCandidateFrame"] | components["schemas"]["ClientRtcDescriptionFrame"] | components["schemas"]["ClientRtcStateFrame"] | components["schemas"]["ClientTokenRefreshFrame"] | components["schemas"]["ClientTypingFrame"];
        ClientHelloFrame: components["schemas"]["Hello"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "hello";
        };
        ClientMatchCancelFrame: {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.cancel";
        };
        ClientMatchFindFrame: components["schemas"]["MatchFind"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.find";
        };
        ClientMatchLeaveFrame: components["schemas"]["MatchRef"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.leave";
        };
        ClientMessageAckFrame: components["schemas"]["MessageAck"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.ack";
        };
        ClientMessageReadFrame: components["schemas"]["MessageAck"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.read";
        };
        ClientMessageSendFrame: components["schemas"]["MessageSend"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.send";
        };
        ClientMessageSyncFrame: components["schemas"]["MessageSync"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.sync";
        };
        ClientPingFrame: {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "ping";
        };
        ClientRtcCandidateFrame: components["schemas"]["RtcCandidate"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.candidate";
        };
        ClientRtcDescriptionFrame: components["schemas"]["RtcDescription"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.description";
        };
        ClientRtcStateFrame: components["schemas"]["RtcState"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.state";
        };
        ClientTokenRefreshFrame: components["schemas"]["TokenRefresh"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "token.refresh";
        };
        ClientTypingFrame: components["schemas"]["Typing"] & {
            id?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "typing";
        };
        /**
         * @description Which half of the exchange a session description is (RFC 3264).
         * @enum {string}
         */
        DescriptionKind: "offer" | "answer";
        /** @description What `message_logs` keeps about the device and its connection. */
        DeviceInfo: {
            /** @description `wifi`, `cellular`, `ethernet` or whatever the platform says; at most 32 characters. */
            connection?: string | null;
            /** @description At most 64 characters. */
            name?: string | null;
            /** @description At most 32 characters. */
            platform?: string | null;
        };
        /**
         * @description Why a match ended.
         * @enum {string}
         */
        EndReason: "left" | "blocked" | "banned" | "expired" | "erased" | "hung_up";
        /**
         * @description What went wrong, in one word a program can act on.
         * @enum {string}
         */
        ErrorCode: "bad_request" | "bad_frame" | "unknown_type" | "unexpected_frame" | "unknown_field" | "invalid_field" | "unauthorized" | "forbidden" | "not_found" | "method_not_allowed" | "payload_too_large" | "unsupported_media_type" | "phone_taken" | "invalid_phone" | "weak_password" | "password_too_long" | "alias_invalid" | "alias_full" | "underage" | "terms_not_accepted" | "code_invalid" | "invalid_credentials" | "totp_required" | "totp_invalid" | "totp_enrolled" | "totp_enrolment_required" | "confirmation_required" | "consent_required" | "banned" | "too_many_attempts" | "rate_limited" | "refresh_invalid" | "refresh_reused" | "idempotency_key_reused" | "request_in_progress" | "not_searching" | "mode_unavailable" | "quota_exhausted" | "keys_required" | "too_many_matches" | "match_ended" | "not_a_video_match" | "wrong_device" | "signal_refused" | "too_many_undelivered" | "message_too_large" | "already_blocked" | "already_invited" | "already_claimed" | "not_eligible" | "already_reported" | "not_reportable" | "evidence_invalid" | "out_of_order" | "franking_tag_mismatch" | "already_banned" | "not_banned" | "already_appealed" | "already_decided" | "taken" | "already_answered" | "ad_not_running" | "job_not_dead" | "unknown_plan" | "already_corrected" | "signature_invalid" | "event_conflict" | "unknown_account" | "draining" | "unavailable" | "internal";
        /** @description A client's own name for a frame; the answer carries it as `re`. */
        FrameId: number | string;
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
        /** @description First frame of a connection. */
        Hello: {
            device?: components["schemas"]["DeviceInfo"] | null;
            /** @description How far the client has come in the matches it knows; the server sends what came after. */
            resume?: components["schemas"]["ResumePoint"][];
            token: components["schemas"]["Secret"];
        };
        /**
         * @description Language of the texts the server writes.
         * @enum {string}
         */
        Locale: "tr" | "en";
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
        /** @description A search is over without a match: no match of it follows. */
        MatchCancelled: {
            reason: components["schemas"]["CancelReason"];
            ticket_id?: components["schemas"]["TicketId"] | null;
        };
        /** @description A match is over and its messages are gone. */
        MatchEnded: {
            by: components["schemas"]["WhoEnded"];
            match_id: components["schemas"]["MatchId"];
            reason: components["schemas"]["EndReason"];
            status: components["schemas"]["MatchStatus"];
        };
        /** @description Asks to be matched. */
        MatchFind: {
            /** @description Whether the search goes on for some minutes after its connection is lost; only with `text`. */
            background?: boolean;
            /** @description At most 10; absent: those of the profile. */
            interests?: string[] | null;
            /** @description At most 5 ISO 639-1 codes; absent: those of the profile. */
            languages?: string[] | null;
            /**
             * Format: int32
             * @description 1 to 20,000; less than 10 counts as 10.
             */
            max_distance_km?: number | null;
            mode: components["schemas"]["Mode"];
        };
        /** @description A match was made. */
        MatchFound: {
            /**
             * Format: int64
             * @description One-time key packages left for the session that searched, on its device only; refill below
             *     20.
             */
            keys_remaining?: number | null;
            match: components["schemas"]["Match"];
            /** @description Base64; only for the offerer's device that searched, which starts the encryption with it. */
            peer_key_package?: string | null;
            quota: components["schemas"]["Quota"];
        };
        /** Format: id */
        MatchId: string;
        /** @description Names a match. */
        MatchRef: {
            match_id: components["schemas"]["MatchId"];
        };
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
        /** @description A message is durable. */
        MessageAccepted: {
            frank?: components["schemas"]["Frank"] | null;
            match_id: components["schemas"]["MatchId"];
            sent_at: components["schemas"]["Timestamp"];
            /** Format: int64 */
            seq: number;
        };
        /**
         * @description Says that every message of the peer up to `seq` has arrived (`message.ack`) or was read
         *     (`message.read`).
         */
        MessageAck: {
            match_id: components["schemas"]["MatchId"];
            /**
             * Format: int64
             * @description 1 to [`MAX_SEQ`].
             */
            seq: number;
        };
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
        /** @description An encrypted message. */
        MessageSend: {
            ciphertext: string;
            /** @description 32 bytes, the same as inside the message; only with content. */
            franking_tag?: string | null;
            kind: components["schemas"]["MessageKind"];
            match_id: components["schemas"]["MatchId"];
            /**
             * Format: int64
             * @description Position among this side's messages in the match: 1, 2, 3 … At most [`MAX_SEQ`].
             */
            seq: number;
        };
        /** @description Asks again for the peer's messages after `peer_seq`. */
        MessageSync: {
            match_id: components["schemas"]["MatchId"];
            /** Format: int64 */
            peer_seq: number;
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
        /** @description Notifications were read, on whichever device of the user. */
        NotificationsRead: {
            /** @description Which; absent for all. */
            ids?: components["schemas"]["NotificationId"][] | null;
            /**
             * Format: int64
             * @description How many are left.
             */
            unread: number;
        };
        /**
         * @description What a notification is about; pushes of each type can be turned off.
         * @enum {string}
         */
        NotificationType: "system" | "match" | "claim" | "ad" | "staff";
        /** @description What one user knows of the other. */
        Peer: {
            alias: string;
            handle: string;
            tag: string;
        };
        /** @description The peer's presence in an active match. */
        PeerPresence: {
            match_id: components["schemas"]["MatchId"];
            online: boolean;
        };
        Placement: string;
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
         * @description What somebody is reported for.
         * @enum {string}
         */
        ReportReason: "harassment" | "sexual_content" | "underage" | "spam" | "threat" | "hate" | "other";
        /** @description The highest `seq` of the peer that the client has in a match; 0 for none. */
        ResumePoint: {
            match_id: components["schemas"]["MatchId"];
            /** Format: int64 */
            peer_seq: number;
        };
        /** @description An ICE candidate for the peer of a video match. */
        RtcCandidate: {
            /**
             * @description At most 512 bytes; empty at the end of the candidates. Only candidates that name a relay of
             *     ours reach the peer.
             */
            candidate: components["schemas"]["Secret"];
            match_id: components["schemas"]["MatchId"];
            /** Format: int32 */
            sdp_m_line_index?: number | null;
            sdp_mid?: string | null;
        };
        /** @description A session description for the peer of a video match. */
        RtcDescription: {
            kind: components["schemas"]["DescriptionKind"];
            match_id: components["schemas"]["MatchId"];
            /**
             * Format: int64
             * @description The `round` of the offer that this answers; absent: the newest. Not with an offer.
             */
            round?: number | null;
            /** @description At most 32 KiB. The peer gets it sanitised. */
            sdp: components["schemas"]["Secret"];
        };
        /** @description What became of the call of a video match, on this side. */
        RtcState: {
            match_id: components["schemas"]["MatchId"];
            state: components["schemas"]["CallState"];
        };
        /** @description A search that goes on. */
        RunningSearch: {
            mode: components["schemas"]["Mode"];
            ticket_id: components["schemas"]["TicketId"];
        };
        /** @description Text that must not be shown: a password or a token. `Debug` prints no part of it. */
        Secret: string;
        ServerAdFrame: {
            ad: components["schemas"]["Ad"];
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "ad";
        };
        ServerDrainingFrame: {
            re?: components["schemas"]["FrameId"];
            /** Format: int64 */
            retry_after_ms: number;
            /** @enum {string} */
            type: "draining";
        };
        ServerErrorFrame: {
            code: components["schemas"]["ErrorCode"];
            /**
             * Format: int64
             * @description With `out_of_order`: the `seq` of the next message in this match.
             */
            expected_seq?: number | null;
            message: string;
            re?: components["schemas"]["FrameId"];
            resets_at?: components["schemas"]["Timestamp"] | null;
            /** Format: int64 */
            retry_after_ms?: number | null;
            /** @enum {string} */
            type: "error";
        };
        ServerFrame: components["schemas"]["ServerAdFrame"] | components["schemas"]["ServerDrainingFrame"] | components["schemas"]["ServerErrorFrame"] | components["schemas"]["ServerMatchCancelledFrame"] | components["schemas"]["ServerMatchEndedFrame"] | components["schemas"]["ServerMatchFoundFrame"] | components["schemas"]["ServerMatchSearchingFrame"] | components["schemas"]["ServerMessageAcceptedFrame"] | components["schemas"]["ServerMessageDeliveredFrame"] | components["schemas"]["ServerMessageNewFrame"] | components["schemas"]["ServerMessageReadFrame"] | components["schemas"]["ServerNotificationFrame"] | components["schemas"]["ServerNotificationReadFrame"] | components["schemas"]["ServerPeerPresenceFrame"] | components["schemas"]["ServerPongFrame"] | components["schemas"]["ServerQuotaFrame"] | components["schemas"]["ServerRtcCandidateFrame"] | components["schemas"]["ServerRtcDescriptionFrame"] | components["schemas"]["ServerRtcStateFrame"] | components["schemas"]["ServerTypingFrame"] | components["schemas"]["ServerWelcomeFrame"];
        ServerMatchCancelledFrame: components["schemas"]["MatchCancelled"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.cancelled";
        };
        ServerMatchEndedFrame: components["schemas"]["MatchEnded"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.ended";
        };
        ServerMatchFoundFrame: components["schemas"]["MatchFound"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "match.found";
        };
        ServerMatchSearchingFrame: {
            re?: components["schemas"]["FrameId"];
            ticket_id: components["schemas"]["TicketId"];
            /** @enum {string} */
            type: "match.searching";
        };
        ServerMessageAcceptedFrame: components["schemas"]["MessageAccepted"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.accepted";
        };
        ServerMessageDeliveredFrame: {
            match_id: components["schemas"]["MatchId"];
            re?: components["schemas"]["FrameId"];
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "message.delivered";
        };
        ServerMessageNewFrame: components["schemas"]["MessageNew"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "message.new";
        };
        ServerMessageReadFrame: {
            match_id: components["schemas"]["MatchId"];
            re?: components["schemas"]["FrameId"];
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "message.read";
        };
        ServerNotificationFrame: {
            notification: components["schemas"]["Notification"];
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "notification";
        };
        ServerNotificationReadFrame: components["schemas"]["NotificationsRead"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "notification.read";
        };
        ServerPeerPresenceFrame: components["schemas"]["PeerPresence"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "peer.presence";
        };
        ServerPongFrame: {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "pong";
        };
        ServerQuotaFrame: {
            quota: components["schemas"]["Quota"];
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "quota";
        };
        ServerRtcCandidateFrame: components["schemas"]["RtcCandidate"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.candidate";
        };
        ServerRtcDescriptionFrame: components["schemas"]["RtcDescription"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.description";
        };
        ServerRtcStateFrame: components["schemas"]["RtcState"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "rtc.state";
        };
        ServerTypingFrame: {
            match_id: components["schemas"]["MatchId"];
            on: boolean;
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "typing";
        };
        ServerWelcomeFrame: components["schemas"]["Welcome"] & {
            re?: components["schemas"]["FrameId"];
            /** @enum {string} */
            type: "welcome";
        };
        /** Format: id */
        SessionId: string;
        /** @description Limits a client should know. */
        SessionLimits: {
            /** Format: int32 */
            frames_per_second: number;
            max_ciphertext_bytes: number;
            max_devices: number;
            max_frame_bytes: number;
        };
        /** Format: id */
        TicketId: string;
        /** Format: date-time */
        Timestamp: string;
        /** @description A fresh access token of the same session. */
        TokenRefresh: {
            token: components["schemas"]["Secret"];
        };
        /** @description The user began or stopped writing. */
        Typing: {
            match_id: components["schemas"]["MatchId"];
            on: boolean;
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
        /** @description First answer on a connection; everything missed follows. */
        Welcome: {
            /**
             * Format: int64
             * @description The server pings twice in this time; a side that hears nothing for this long may treat the
             *     connection as dead.
             */
            heartbeat_s: number;
            /**
             * Format: int64
             * @description One-time key packages left for this session; refill below 20.
             */
            keys_remaining: number;
            limits: components["schemas"]["SessionLimits"];
            /** @description The active matches, newest first. */
            matches: components["schemas"]["Match"][];
            quota: components["schemas"]["Quota"];
            search?: components["schemas"]["RunningSearch"] | null;
            server_time: components["schemas"]["Timestamp"];
            session_id: components["schemas"]["SessionId"];
            /**
             * Format: int64
             * @description Unread notifications; `GET /v1/notifications` lists them.
             */
            unread_notifications?: number;
            user: components["schemas"]["User"];
        };
        /**
         * @description Who ended a match, as the receiver sees it.
         * @enum {string}
         */
        WhoEnded: "self" | "peer" | "system";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Ad = components['schemas']['Ad'];
export type AdId = components['schemas']['AdId'];
export type CallState = components['schemas']['CallState'];
export type CancelReason = components['schemas']['CancelReason'];
export type Claim = components['schemas']['Claim'];
export type ClaimId = components['schemas']['ClaimId'];
export type ClaimRefusal = components['schemas']['ClaimRefusal'];
export type ClaimStatus = components['schemas']['ClaimStatus'];
export type ClientFrame = components['schemas']['ClientFrame'];
export type ClientHelloFrame = components['schemas']['ClientHelloFrame'];
export type ClientMatchCancelFrame = components['schemas']['ClientMatchCancelFrame'];
export type ClientMatchFindFrame = components['schemas']['ClientMatchFindFrame'];
export type ClientMatchLeaveFrame = components['schemas']['ClientMatchLeaveFrame'];
export type ClientMessageAckFrame = components['schemas']['ClientMessageAckFrame'];
export type ClientMessageReadFrame = components['schemas']['ClientMessageReadFrame'];
export type ClientMessageSendFrame = components['schemas']['ClientMessageSendFrame'];
export type ClientMessageSyncFrame = components['schemas']['ClientMessageSyncFrame'];
export type ClientPingFrame = components['schemas']['ClientPingFrame'];
export type ClientRtcCandidateFrame = components['schemas']['ClientRtcCandidateFrame'];
export type ClientRtcDescriptionFrame = components['schemas']['ClientRtcDescriptionFrame'];
export type ClientRtcStateFrame = components['schemas']['ClientRtcStateFrame'];
export type ClientTokenRefreshFrame = components['schemas']['ClientTokenRefreshFrame'];
export type ClientTypingFrame = components['schemas']['ClientTypingFrame'];
export type DescriptionKind = components['schemas']['DescriptionKind'];
export type DeviceInfo = components['schemas']['DeviceInfo'];
export type EndReason = components['schemas']['EndReason'];
export type ErrorCode = components['schemas']['ErrorCode'];
export type FrameId = components['schemas']['FrameId'];
export type Frank = components['schemas']['Frank'];
export type HashText = components['schemas']['HashText'];
export type Hello = components['schemas']['Hello'];
export type Locale = components['schemas']['Locale'];
export type Match = components['schemas']['Match'];
export type MatchCancelled = components['schemas']['MatchCancelled'];
export type MatchEnded = components['schemas']['MatchEnded'];
export type MatchFind = components['schemas']['MatchFind'];
export type MatchFound = components['schemas']['MatchFound'];
export type MatchId = components['schemas']['MatchId'];
export type MatchRef = components['schemas']['MatchRef'];
export type MatchRole = components['schemas']['MatchRole'];
export type MatchStatus = components['schemas']['MatchStatus'];
export type MessageAccepted = components['schemas']['MessageAccepted'];
export type MessageAck = components['schemas']['MessageAck'];
export type MessageKind = components['schemas']['MessageKind'];
export type MessageNew = components['schemas']['MessageNew'];
export type MessageSend = components['schemas']['MessageSend'];
export type MessageSync = components['schemas']['MessageSync'];
export type Mode = components['schemas']['Mode'];
export type Notice = components['schemas']['Notice'];
export type Notification = components['schemas']['Notification'];
export type NotificationId = components['schemas']['NotificationId'];
export type NotificationsRead = components['schemas']['NotificationsRead'];
export type NotificationType = components['schemas']['NotificationType'];
export type Peer = components['schemas']['Peer'];
export type PeerPresence = components['schemas']['PeerPresence'];
export type Placement = components['schemas']['Placement'];
export type Quota = components['schemas']['Quota'];
export type ReportReason = components['schemas']['ReportReason'];
export type ResumePoint = components['schemas']['ResumePoint'];
export type RtcCandidate = components['schemas']['RtcCandidate'];
export type RtcDescription = components['schemas']['RtcDescription'];
export type RtcState = components['schemas']['RtcState'];
export type RunningSearch = components['schemas']['RunningSearch'];
export type Secret = components['schemas']['Secret'];
export type ServerAdFrame = components['schemas']['ServerAdFrame'];
export type ServerDrainingFrame = components['schemas']['ServerDrainingFrame'];
export type ServerErrorFrame = components['schemas']['ServerErrorFrame'];
export type ServerFrame = components['schemas']['ServerFrame'];
export type ServerMatchCancelledFrame = components['schemas']['ServerMatchCancelledFrame'];
export type ServerMatchEndedFrame = components['schemas']['ServerMatchEndedFrame'];
export type ServerMatchFoundFrame = components['schemas']['ServerMatchFoundFrame'];
export type ServerMatchSearchingFrame = components['schemas']['ServerMatchSearchingFrame'];
export type ServerMessageAcceptedFrame = components['schemas']['ServerMessageAcceptedFrame'];
export type ServerMessageDeliveredFrame = components['schemas']['ServerMessageDeliveredFrame'];
export type ServerMessageNewFrame = components['schemas']['ServerMessageNewFrame'];
export type ServerMessageReadFrame = components['schemas']['ServerMessageReadFrame'];
export type ServerNotificationFrame = components['schemas']['ServerNotificationFrame'];
export type ServerNotificationReadFrame = components['schemas']['ServerNotificationReadFrame'];
export type ServerPeerPresenceFrame = components['schemas']['ServerPeerPresenceFrame'];
export type ServerPongFrame = components['schemas']['ServerPongFrame'];
export type ServerQuotaFrame = components['schemas']['ServerQuotaFrame'];
export type ServerRtcCandidateFrame = components['schemas']['ServerRtcCandidateFrame'];
export type ServerRtcDescriptionFrame = components['schemas']['ServerRtcDescriptionFrame'];
export type ServerRtcStateFrame = components['schemas']['ServerRtcStateFrame'];
export type ServerTypingFrame = components['schemas']['ServerTypingFrame'];
export type ServerWelcomeFrame = components['schemas']['ServerWelcomeFrame'];
export type SessionId = components['schemas']['SessionId'];
export type SessionLimits = components['schemas']['SessionLimits'];
export type TicketId = components['schemas']['TicketId'];
export type Timestamp = components['schemas']['Timestamp'];
export type TokenRefresh = components['schemas']['TokenRefresh'];
export type Typing = components['schemas']['Typing'];
export type User = components['schemas']['User'];
export type UserId = components['schemas']['UserId'];
export type UserRole = components['schemas']['UserRole'];
export type Welcome = components['schemas']['Welcome'];
export type WhoEnded = components['schemas']['WhoEnded'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
