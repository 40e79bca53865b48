//! Passwords, hashed on threads of their own so that a flood of logins slows logins and nothing
//! else.

use std::{io, panic::AssertUnwindSafe, sync::Arc};

use tebdil_protocol::Secret;
use tokio::sync::oneshot;

use super::{
    fair_queue::FairQueue,
    password_text::{self, MAX_CHARS},
};
use crate::address::ClientAddress;

/// Why a password cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("the password is too weak")]
    Weak,
    #[error("the password is longer than {MAX_CHARS} characters")]
    TooLong,
    /// Every thread is busy, and the queue is full, or has no place left for this network.
    #[error("too many passwords are being checked")]
    Busy,
}

#[derive(Debug)]
enum HashJob {
    Hash {
        password: Secret,
        answer: oneshot::Sender<Secret>,
    },
    Verify {
        password: Secret,
        hash: Secret,
        answer: oneshot::Sender<bool>,
    },
}

/// A bounded pool of hashing threads. They end when it is dropped.
#[derive(Debug)]
pub struct PasswordHasher {
    jobs: Arc<FairQueue<HashJob>>,
    /// A hash that no password has, of the same cost as all others.
    nobody: Secret,
}

impl PasswordHasher {
    /// Starts `threads` threads for which at most `queue` passwords wait; `cost` is bcrypt's (4 to
    /// 31).
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(cost: u32, threads: usize, queue: usize) -> io::Result<Self> {
        let jobs = Arc::new(FairQueue::new(queue));
        for number in 0..threads {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || work(&jobs, cost))?;
        }
        let nobody = password_text::of_nobody(cost).map_err(io::Error::other)?;
        Ok(Self { jobs, nobody })
    }

    /// Hashes a password that passed the rules.
    pub async fn hash(
        &self,
        from: ClientAddress,
        password: Secret,
    ) -> Result<Secret, PasswordError> {
        let (answer, done) = oneshot::channel();
        self.queue(from, HashJob::Hash { password, answer });
        done.await.map_err(|_| PasswordError::Busy)
    }

    /// Whether the password matches the hash. Without a hash the answer is no, after the same time.
    pub async fn verify(
        &self,
        from: ClientAddress,
        password: Secret,
        hash: Option<Secret>,
    ) -> Result<bool, PasswordError> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let (answer, done) = oneshot::channel();
        self.queue(
            from,
            HashJob::Verify {
                password,
                hash,
                answer,
            },
        );
        Ok(done.await.map_err(|_| PasswordError::Busy)? && known)
    }

    fn queue(&self, from: ClientAddress, job: HashJob) {
        // Dropping the job that has no place tells whoever waits for it, which need not be this
        // caller.
        if self.jobs.join(from.neighbourhood(), job).is_err() {
            metrics::counter!("tebdil_password_queue_full_total").increment(1);
        }
    }
}

impl Drop for PasswordHasher {
    fn drop(&mut self) {
        self.jobs.close();
    }
}

fn work(jobs: &FairQueue<HashJob>, cost: u32) {
    while let Some(job) = jobs.next() {
        // A job that panics loses its answer; the thread goes on.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| run(job, cost)));
    }
}

fn run(job: HashJob, cost: u32) {
    match job {
        // Nobody waits for it any more.
        HashJob::Hash { ref answer, .. } if answer.is_closed() => {}
        HashJob::Verify { ref answer, .. } if answer.is_closed() => {}
        HashJob::Hash { password, answer } => {
            // When it fails, the dropped sender tells the caller.
            if let Some(hash) = password_text::hash(&password, cost) {
                let _ = answer.send(hash);
            }
        }
        HashJob::Verify {
            password,
            hash,
            answer,
        } => {
            let _ = answer.send(password_text::verify(&password, &hash));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn from() -> ClientAddress {
        std::net::IpAddr::from([192, 0, 2, 1]).into()
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let pool = PasswordHasher::start(4, 1, 4).expect("threads");
        let hash = pool
            .hash(from(), "correct horse".into())
            .await
            .expect("hash");
        assert_eq!(
            pool.verify(from(), "correct horse".into(), Some(hash.clone()))
                .await,
            Ok(true)
        );
        assert_eq!(
            pool.verify(from(), "correct horse ".into(), Some(hash.clone()))
                .await,
            Ok(false)
        );
        assert_eq!(
            pool.verify(from(), "x".repeat(5_000).as_str().into(), Some(hash))
                .await,
            Ok(false)
        );
        assert_eq!(
            pool.verify(from(), Secret::from(""), None).await,
            Ok(false),
            "the stand-in's own password does not count"
        );
        assert_eq!(
            pool.verify(from(), "anything".into(), Some("not a hash".into()))
                .await,
            Ok(false)
        );
    }

    #[tokio::test]
    async fn an_unknown_user_takes_as_long_as_a_known_one() {
        let pool = PasswordHasher::start(8, 1, 4).expect("threads");
        let hash = pool
            .hash(from(), "correct horse".into())
            .await
            .expect("hash");
        let time = async |hash: Option<Secret>| {
            let start = Instant::now();
            pool.verify(from(), "wrong horse".into(), hash)
                .await
                .expect("answer");
            start.elapsed()
        };
        // The fastest run shows the cost; on a busy machine that takes some tries.
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
        let pool = Arc::new(PasswordHasher::start(10, 1, 1).expect("threads"));
        let mut checks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let pool = Arc::clone(&pool);
            checks.spawn(async move { pool.verify(from(), "x".into(), None).await });
        }
        let answers = checks.join_all().await;
        assert!(
            answers.contains(&Err(PasswordError::Busy)) && answers.contains(&Ok(false)),
            "{answers:?}"
        );
    }
}
