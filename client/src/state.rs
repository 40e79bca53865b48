//! The state folder: who is signed in, and the device's keys.
//!
//! The folder is for its owner only (0700, files 0600), belongs to one process at a time, and every
//! file is replaced as a whole: written beside, synced, renamed. A reader finds the old or the new
//! state, never a part.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tebdil_protocol::{MessageSend, Secret, Tokens, id::MatchId};
use zeroize::Zeroizing;

use crate::{call::Fingerprint, evidence::MatchEvidence, mls::Snapshot};

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("another process uses the state folder {0}")]
    Locked(PathBuf),
    #[error("the state file {0} is damaged")]
    Damaged(PathBuf),
    /// The file is not the one this process wrote last; going on would use message keys twice.
    #[error("the state file {0} was changed by someone else")]
    Changed(PathBuf),
    #[error("the state folder {0} cannot be used: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// The signed-in session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredAccount {
    /// The server's HTTP address.
    pub server: String,
    pub handle: String,
    pub tokens: Tokens,
    /// Lets a refresh whose answer was lost be repeated; see [`crate::rest::Account::kept`].
    pub refresh_seed: Secret,
}

/// Where a match stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMatch {
    pub match_id: MatchId,
    /// Every message of the peer up to here was opened.
    pub peer_seq: i64,
    /// Last number given to an own message.
    pub own_seq: i64,
    /// Whether the encryption of the match lives on this device.
    pub here: bool,
    /// Of the call, as told to the peer.
    #[serde(default)]
    pub own_certificate: Option<Fingerprint>,
    /// Of the call, as the peer told it.
    #[serde(default)]
    pub peer_certificate: Option<Fingerprint>,
}

/// Everything about the device that changes together.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredDevice {
    pub snapshot: Snapshot,
    pub matches: Vec<StoredMatch>,
    /// Sealed messages the server has not accepted yet.
    pub outbox: Vec<MessageSend>,
}

/// A state folder that this process holds. The lock is released when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
    _lock: Arc<File>,
}

impl StateDir {
    /// Opens or makes the folder and takes its lock.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let path = path.into();
        let failed = |error| StateError::Io(path.clone(), error);
        make_private(&path).map_err(failed)?;
        let lock = private_options()
            .truncate(false)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path,
                _lock: Arc::new(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked(path)),
            Err(TryLockError::Error(error)) => Err(StateError::Io(path, error)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The session, where someone is signed in here.
    pub fn account(&self) -> Result<Option<StoredAccount>, StateError> {
        let path = self.path.join("account.json");
        match fs::read(&path) {
            Ok(bytes) => parse(&Zeroizing::new(bytes), &path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::Io(path, error)),
        }
    }

    /// Keeps the session.
    pub fn save_account(&self, account: &StoredAccount) -> Result<(), StateError> {
        let bytes =
            Zeroizing::new(serde_json::to_vec(account).expect("tokens and texts serialize"));
        let path = self.path.join("account.json");
        replace(&path, &[&bytes]).map_err(|error| StateError::Io(path, error))
    }

    /// Forgets session and keys, e.g. after signing out.
    pub fn clear(&self) -> Result<(), StateError> {
        for name in ["account.json", "device.json"] {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StateError::Io(path, error));
                }
                _ => {}
            }
        }
        let evidence = self.evidence();
        match fs::remove_dir_all(&evidence) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::Io(evidence, error))
            }
            _ => Ok(()),
        }
    }

    /// The folder with a file for each match that can be reported.
    fn evidence(&self) -> PathBuf {
        self.path.join("evidence")
    }

    pub(crate) fn device_file(&self) -> DeviceFile {
        DeviceFile {
            path: self.path.join("device.json"),
            generation: 0,
            dir: self.clone(),
        }
    }
}

/// The file with the device's keys: a line with its generation, which only grows, then the state.
#[derive(Debug)]
pub(crate) struct DeviceFile {
    path: PathBuf,
    generation: u64,
    /// Keeps the folder's lock.
    dir: StateDir,
}

impl DeviceFile {
    /// What was saved last, where anything was.
    pub fn load(&mut self) -> Result<Option<StoredDevice>, StateError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Io(self.path.clone(), error)),
        };
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(|| StateError::Damaged(self.path.clone()))?;
        let stored = parse(&bytes[end..], &self.path)?;
        self.generation = self.generation_on_disk()?;
        Ok(Some(stored))
    }

    /// Replaces what was saved, durably.
    pub fn save(&mut self, device: &StoredDevice) -> Result<(), StateError> {
        if self.generation_on_disk()? != self.generation {
            return Err(StateError::Changed(self.path.clone()));
        }
        let bytes = Zeroizing::new(serde_json::to_vec(device).expect("keys and numbers serialize"));
        let generation = self.generation + 1;
        replace(&self.path, &[format!("{generation}\n").as_bytes(), &bytes])
            .map_err(|error| StateError::Io(self.path.clone(), error))?;
        self.generation = generation;
        Ok(())
    }

    /// The evidence of every match that can still be reported.
    pub fn load_evidence(&self) -> Result<BTreeMap<MatchId, MatchEvidence>, StateError> {
        let folder = self.dir.evidence();
        let failed = |error| StateError::Io(folder.clone(), error);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut matches = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            // What is half written goes by another name.
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".json"));
            if let Some(match_id) = name.and_then(|name| name.parse().ok()) {
                let bytes = Zeroizing::new(fs::read(&path).map_err(failed)?);
                matches.insert(match_id, parse(&bytes, &path)?);
            }
        }
        Ok(matches)
    }

    /// Replaces the evidence of matches, durably; deletes it where there is none.
    pub fn save_evidence(
        &self,
        changed: &[(MatchId, Option<MatchEvidence>)],
    ) -> Result<(), StateError> {
        let folder = self.dir.evidence();
        for (match_id, evidence) in changed {
            let path = folder.join(format!("{match_id}.json"));
            let saved = match evidence {
                Some(evidence) => {
                    let bytes = Zeroizing::new(
                        serde_json::to_vec(evidence).expect("bytes and numbers serialize"),
                    );
                    make_private(&folder).and_then(|()| replace(&path, &[&bytes]))
                }
                None => match fs::remove_file(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    removed => removed,
                },
            };
            saved.map_err(|error| StateError::Io(path, error))?;
        }
        Ok(())
    }

    fn generation_on_disk(&self) -> Result<u64, StateError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(StateError::Io(self.path.clone(), error)),
        };
        let mut line = String::new();
        BufReader::with_capacity(64, file)
            .read_line(&mut line)
            .map_err(|error| StateError::Io(self.path.clone(), error))?;
        line.trim_end()
            .parse()
            .map_err(|_| StateError::Damaged(self.path.clone()))
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<T, StateError> {
    serde_json::from_slice(bytes).map_err(|_| StateError::Damaged(path.to_owned()))
}

fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private_options().truncate(true).open(&beside)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename itself is durable only when the folder is.
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(unix)]
fn private_options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    options
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    // A folder that was there before may be open to others.
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::Device;
    use tebdil_protocol::time::Clock;

    fn device() -> StoredDevice {
        let snapshot = Device::new(Clock::system(0)).expect("device").snapshot();
        let kept = StoredMatch {
            match_id: MatchId(1),
            peer_seq: 2,
            own_seq: 3,
            here: true,
            own_certificate: None,
            peer_certificate: None,
        };
        StoredDevice {
            snapshot,
            matches: vec![kept],
            outbox: vec![],
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a/b");
        let state = StateDir::open(&path).expect("open");
        assert!(matches!(StateDir::open(&path), Err(StateError::Locked(_))));
        let file = state.device_file();
        drop(state);
        assert!(
            matches!(StateDir::open(&path), Err(StateError::Locked(_))),
            "a file in use keeps the lock"
        );
        drop(file);
        StateDir::open(&path).expect("free again");
    }

    #[test]
    fn evidence_is_private_and_goes_with_its_match() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("state");
        let state = StateDir::open(&path).expect("open");
        let file = state.device_file();
        assert!(file.load_evidence().expect("read").is_empty());
        let mut book = crate::evidence::EvidenceBook::new(Clock::system(0), BTreeMap::new());
        for (match_id, seq) in [(1, 10), (1, 11), (2, 12)] {
            book.keep(crate::evidence::tests::evidence(match_id, seq));
        }
        let kept = book.take_changed();
        file.save_evidence(&kept).expect("save");
        let read = file.load_evidence().expect("read");
        assert_eq!(
            kept,
            read.iter()
                .map(|(id, kept)| (*id, Some(kept.clone())))
                .collect::<Vec<_>>()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&path.join("evidence")), 0o700);
            assert_eq!(mode(&path.join("evidence/1.json")), 0o600);
        }
        file.save_evidence(&[(MatchId(1), None), (MatchId(7), None)])
            .expect("delete");
        assert_eq!(
            file.load_evidence()
                .expect("read")
                .into_keys()
                .collect::<Vec<_>>(),
            [MatchId(2)]
        );
        fs::write(path.join("evidence/2.new"), b"{").expect("half written");
        assert_eq!(file.load_evidence().expect("read").len(), 1);
        fs::write(path.join("evidence/2.json"), b"{").expect("damage");
        assert!(matches!(file.load_evidence(), Err(StateError::Damaged(_))));
        state.clear().expect("clear");
        assert!(!path.join("evidence").exists());
    }

    #[test]
    fn state_is_private_and_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("state");
        let state = StateDir::open(&path).expect("open");
        assert!(state.account().expect("read").is_none());
        let mut file = state.device_file();
        assert!(file.load().expect("read").is_none());
        file.save(&device()).expect("save");
        file.save(&device()).expect("save again");
        let mut later = state.device_file();
        let read = later.load().expect("read").expect("there");
        assert_eq!(read.matches, device().matches);
        later.save(&read).expect("goes on from there");
        assert!(
            matches!(file.save(&device()), Err(StateError::Changed(_))),
            "the older holder must not overwrite"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            for entry in fs::read_dir(&path).expect("list") {
                assert_eq!(mode(&entry.expect("entry").path()), 0o600);
            }
        }
        fs::write(path.join("device.json"), b"7\n{\"snapshot\":").expect("damage");
        assert!(matches!(
            state.device_file().load(),
            Err(StateError::Damaged(_))
        ));
        state.clear().expect("clear");
        assert!(state.device_file().load().expect("read").is_none());
    }
}
