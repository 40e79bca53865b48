//! Scenarios against a whole server: a real listener, a real database, a clock that the test moves.
//!
//! Write a scenario as an `async fn name(server: TestServer)` and list it in `scenarios!`: it runs
//! on SQLite, and, where the services are there, on PostgreSQL and on two nodes behind nginx.

#![expect(clippy::large_futures, reason = "each is made once, for one test")]

#[macro_use]
mod harness;
mod http;

mod accounts;
mod activity;
mod admin_command;
mod ads;
mod audit;
mod background;
mod bad_requests;
mod bans;
mod billing;
mod blocks;
mod calls;
mod chaos;
mod chat;
mod claims;
mod claims_kill;
mod clocks;
mod cluster;
mod codes;
mod consent;
mod database_role;
mod database_tls;
mod deployment;
mod documents;
mod erasure;
mod faults;
mod fcm;
mod frames;
mod franking;
mod hang_ups;
mod hardening;
mod id_nodes;
mod idempotency;
mod idle;
mod jobs;
mod kill;
mod legal;
mod lifecycle;
mod limits;
mod live_counts;
mod load;
mod matches;
mod matching;
mod meta;
mod moderation_journey;
mod nginx;
mod notifications;
mod openapi;
mod outages;
mod paging;
mod passwords;
mod ports;
mod privacy;
mod process;
mod proxy;
mod push;
mod referrals;
mod relay;
mod reply;
mod reports;
mod rfc6455;
mod roles;
mod routes;
mod services;
mod sessions;
mod sign_ins;
mod slow;
mod sms;
mod sockets;
mod staff;
mod store_away;
mod tokens;
mod totp;
mod volume;
mod wakeups;
mod web_push;
mod worker;
