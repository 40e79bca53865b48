//! Calls between real WebRTC peers. Everything is in `tests/`.
