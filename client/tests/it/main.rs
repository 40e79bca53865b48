//! The client against a small stand-in for the server: enough of the contract for two people to
//! meet and write. What the real server does is tested with this client in the workspace's own
//! scenarios.

mod background;
mod calls;
mod chat;
mod devices;
mod numbers;
mod relay;
mod rest;
mod terminal;
