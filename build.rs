//! The web client becomes part of the binary, so a new one makes a new binary.

use std::path::Path;

fn main() {
    // What is missing counts as changed each time; the folder around it changes when it appears.
    let built = Path::new("web/dist").exists();
    let watched = if built { "web/dist" } else { "web" };
    println!("cargo:rerun-if-changed={watched}");
    println!("cargo:rerun-if-changed=build.rs");
}
