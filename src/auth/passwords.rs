//! Passwords, hashed on threads of their own so that a flood of logins slows logins and nothing else.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use tebdil_core::protocol::Secret;
use tokio::sync::oneshot;

/// bcrypt reads 72 bytes, of which one ends the text.
const MAX_BYTES: usize = 71;
const MIN_CHARS: usize = 8;

/// Passwords that guessers try first; only those that the other rules let through.
const COMMON: &[&str] = &[
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "password",
    "password1",
    "passw0rd",
    "qwertyui",
    "qwerty123",
    "qwertyuiop",
    "1q2w3e4r",
    "abcd1234",
    "abc12345",
    "iloveyou",
    "sifre123",
    "şifre123",
    "parola123",
    "galatasaray",
    "fenerbahce",
    "fenerbahçe",
    "besiktas",
    "beşiktaş",
    "trabzonspor",
    "istanbul",
    "seniseviyorum",
    "12341234",
    "11223344",
    "asdfghjk",
    "asdasdasd",
    "123123123",
    "tebdil123",
];

/// Why a password cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is too weak")]
    Weak,
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// Every thread is busy and the queue is full.
    #[error("too many passwords are being checked")]
    Busy,
}

/// Checks a new password; `about` is what others know of the user, such as alias and phone number.
pub(super) fn check(password: &Secret, about: &[&str]) -> Result<(), PasswordError> {
    let text = password.expose();
    if text.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let lower = text.to_lowercase();
    let first = lower.chars().next();
    let known = about.iter().map(|known| known.trim_start_matches('+').to_lowercase());
    let weak = lower.chars().count() < MIN_CHARS
        || lower.chars().all(|c| Some(c) == first)
        || COMMON.contains(&lower.as_str())
        || known.into_iter().any(|known| lower.trim_start_matches(['+', '0']) == known.trim_start_matches('0'))
        // bcrypt would end the password there.
        || text.contains('\0');
    if weak { Err(PasswordError::Weak) } else { Ok(()) }
}

enum Job {
    Hash { password: Secret, answer: oneshot::Sender<Secret> },
    Verify { password: Secret, hash: Secret, answer: oneshot::Sender<bool> },
}

/// A bounded pool of hashing threads. They end when it is dropped.
#[derive(Debug)]
pub struct Passwords {
    jobs: SyncSender<Job>,
    /// A hash that no password has, of the same cost as all others.
    nobody: Secret,
}

impl Passwords {
    /// Starts `threads` threads for which at most `queue` passwords wait; `cost` is bcrypt's (4 to 31).
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(cost: u32, threads: usize, queue: usize) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(queue);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads {
            let waiting = Arc::clone(&waiting);
            std::thread::Builder::new().name(format!("password-{number}")).spawn(move || work(&waiting, cost))?;
        }
        // Hashed cheaply and then declared expensive: checking costs what the text says, and the bytes match nothing.
        let cheap = bcrypt::hash_with_salt("", 4, [0x5a; 16]).map_err(io::Error::other)?.to_string();
        let nobody = Secret::from(format!("{}{cost:02}{}", &cheap[..4], &cheap[6..]));
        Ok(Self { jobs, nobody })
    }

    /// The hash of a password that passed the rules.
    pub async fn hash(&self, password: Secret) -> Result<Secret, PasswordError> {
        let (answer, done) = oneshot::channel();
        self.queue(Job::Hash { password, answer })?;
        done.await.map_err(|_| PasswordError::Busy)
    }

    /// Whether the password belongs to the hash. Without a hash the answer is no, after the same time.
    pub async fn verify(&self, password: Secret, hash: Option<Secret>) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let (answer, done) = oneshot::channel();
        self.queue(Job::Verify { password, hash, answer })?;
        Ok(done.await.map_err(|_| PasswordError::Busy)? && known)
    }

    fn queue(&self, job: Job) -> Result<(), PasswordError> {
        self.jobs.try_send(job).map_err(|error| {
            if matches!(error, TrySendError::Full(_)) {
                metrics::counter!("tebdil_password_queue_full_total").increment(1);
            }
            PasswordError::Busy
        })
    }
}

fn work(waiting: &Mutex<Receiver<Job>>, cost: u32) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics loses its answer; the thread goes on.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| run(job, cost)));
    }
}

fn run(job: Job, cost: u32) {
    match job {
        // Nobody waits for it any longer.
        Job::Hash { ref answer, .. } if answer.is_closed() => {}
        Job::Verify { ref answer, .. } if answer.is_closed() => {}
        Job::Hash { password, answer } => {
            // It fails only over 71 bytes; the dropped sender tells the caller.
            if let Ok(hash) = bcrypt::non_truncating_hash(password.expose(), cost) {
                let _ = answer.send(Secret::from(hash));
            }
        }
        Job::Verify { password, hash, answer } => {
            // Too long for bcrypt is the password of nobody, but must take its time all the same.
            let cut: &[u8] = password.expose().as_bytes();
            let fits = cut.len() <= MAX_BYTES;
            let cut = if fits { cut } else { &cut[..MAX_BYTES] };
            let same = bcrypt::non_truncating_verify(cut, hash.expose()).unwrap_or(false);
            let _ = answer.send(same && fits);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn weak_and_overlong_passwords_are_refused() {
        let about = ["kediadam", "+905301234567"];
        let weak = ["", "short", "aaaaaaaaaa", "12345678", "PASSWORD", "KediAdam", "+905301234567", "905301234567", "abc\0defghi"];
        for password in weak {
            assert_eq!(check(&password.into(), &about), Err(PasswordError::Weak), "{password}");
        }
        assert_eq!(check(&"ş".repeat(36).as_str().into(), &about), Err(PasswordError::TooLong), "72 bytes");
        assert_eq!(check(&format!("{}a", "ş1".repeat(23)).as_str().into(), &about), Ok(()), "70 bytes");
        assert_eq!(check(&"yağmur yağıyor".into(), &about), Ok(()));
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let pool = Passwords::start(4, 1, 4).expect("threads");
        let hash = pool.hash("correct horse".into()).await.expect("hash");
        assert_eq!(pool.verify("correct horse".into(), Some(hash.clone())).await, Ok(true));
        assert_eq!(pool.verify("correct horse ".into(), Some(hash.clone())).await, Ok(false));
        assert_eq!(pool.verify("x".repeat(5_000).as_str().into(), Some(hash)).await, Ok(false));
        assert_eq!(pool.verify(Secret::from(""), None).await, Ok(false), "the stand-in's own password does not count");
        assert_eq!(pool.verify("anything".into(), Some("not a hash".into())).await, Ok(false));
    }

    #[tokio::test]
    async fn an_unknown_user_takes_as_long_as_a_known_one() {
        let pool = Passwords::start(8, 1, 4).expect("threads");
        let hash = pool.hash("correct horse".into()).await.expect("hash");
        let time = async |hash: Option<Secret>| {
            let start = Instant::now();
            pool.verify("wrong horse".into(), hash).await.expect("answer");
            start.elapsed()
        };
        // The fastest of each is what it costs; on a busy machine that takes some tries to be seen.
        let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
        for _ in 0..100 {
            known = known.min(time(Some(hash.clone())).await);
            unknown = unknown.min(time(None).await);
            if unknown > known / 2 && known > unknown / 2 {
                return;
            }
        }
        panic!("{known:?} {unknown:?}");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = Arc::new(Passwords::start(10, 1, 1).expect("threads"));
        let mut checks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let pool = Arc::clone(&pool);
            checks.spawn(async move { pool.verify("x".into(), None).await });
        }
        let answers = checks.join_all().await;
        assert!(answers.contains(&Err(PasswordError::Busy)) && answers.contains(&Ok(false)), "{answers:?}");
    }
}
