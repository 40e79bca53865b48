//! `tebdil turn`: a relay in a process of its own.
