//! What the documents name is there: files, and tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const DOCUMENTS: [&str; 4] = [
    "SECURITY.md",
    "docs/architecture.md",
    "docs/invariants.md",
    "docs/moderation.md",
];

/// Folders of the repository in which a document may name a file.
const FOLDERS: [&str; 11] = [
    "src",
    "core",
    "workers",
    "client",
    "tests",
    "docs",
    "nginx",
    "migrations",
    "coturn",
    "scripts",
    "bench",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A name of so many words is a test's.
fn is_test(quoted: &str) -> bool {
    quoted.split('_').count() >= 4
        && quoted.split('_').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn is_file(quoted: &str) -> bool {
    let plain = quoted
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let in_folder = quoted
        .split_once('/')
        .is_some_and(|(folder, _)| FOLDERS.contains(&folder));
    let at_top = !quoted.contains('/')
        && Path::new(quoted)
            .extension()
            .is_some_and(|extension| extension == "md");
    plain && (in_folder || at_top)
}

/// The names of all functions of the workspace.
fn functions() -> BTreeSet<String> {
    fn collect(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let name = |rest: &str| {
                    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                };
                found.extend(text.split("fn ").skip(1).map(name));
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["src", "core", "workers", "signaling", "client", "tests"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

#[test]
fn what_the_documents_name_is_there() {
    let functions = functions();
    let (mut files, mut tests) = (0, 0);
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = fs::read_to_string(&path).expect(document);
        for name in quoted(&text) {
            if is_test(name) {
                assert!(functions.contains(name), "{document}: no test {name}");
                tests += 1;
            } else if is_file(name) {
                let beside: PathBuf = path.with_file_name(name);
                assert!(
                    root().join(name).exists() || beside.exists(),
                    "{document}: no file {name}"
                );
                files += 1;
            }
        }
    }
    assert!(files > 20 && tests > 60, "{files} files, {tests} tests");
}

/// The contract names defaults of settings; they are those of the file.
#[test]
fn the_contract_gives_the_defaults_of_the_settings() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect(path);
    let defaults: toml::Table = read("src/config/default.toml").parse().expect("TOML");
    // However its lines are broken.
    let contract = read("docs/protocol.md")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let number = |path: &[&str]| {
        let (first, rest) = path.split_first().expect("a section");
        rest.iter()
            .fold(&defaults[*first], |table, key| &table[*key])
            .as_integer()
            .expect("a number")
    };
    let minutes = number(&["limits", "passwords", "phone", "most_s"]) / 60;
    for told in [
        format!(
            "after {} with this phone",
            number(&["limits", "passwords", "phone", "free"])
        ),
        format!(
            "{} from this address, {} s",
            number(&["limits", "passwords", "address", "free"]),
            number(&["limits", "passwords", "address", "first_s"])
        ),
        format!("up to {minutes} minutes (settings)"),
        format!(
            "One side of a call holds {} allocations at most (setting)",
            number(&["relay", "allocations"])
        ),
    ] {
        assert!(contract.contains(&told), "docs/protocol.md lacks: {told}");
    }
}
