//! What processes used, from `/proc`.

use std::{
    fs,
    iter::Sum,
    net::SocketAddr,
    ops::{Add, Sub},
    process::Stdio,
};

use crate::Result;

/// Kernel clock ticks a second; fixed at 100 on Linux.
const TICKS: f64 = 100.0;

/// CPU seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub user: f64,
    pub system: f64,
}

impl Usage {
    /// Of this process so far.
    pub fn alone(pid: u32) -> Result<Self> {
        let stat = Stat::of(pid)?;
        Ok(Self {
            user: stat.seconds(11)?,
            system: stat.seconds(12)?,
        })
    }

    /// The same with its children: those that run, and those that ended.
    pub fn family(pid: u32) -> Result<Self> {
        let parent = Stat::of(pid)?;
        let ended = Self {
            user: parent.seconds(13)?,
            system: parent.seconds(14)?,
        };
        // One of them may have ended meanwhile.
        let running = children(pid)?.into_iter();
        let running = running.filter_map(|child| Self::alone(child).ok());
        Ok(Self::alone(pid)? + ended + running.sum())
    }

    pub fn total(self) -> f64 {
        self.user + self.system
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
        }
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

/// The fields after the name in `/proc/PID/stat`: the state is the first, the parent the second,
/// utime, stime, cutime and cstime the 12th to 15th (see `man 5 proc_pid_stat`).
struct Stat(Vec<String>);

impl Stat {
    fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name, in parentheses, may hold spaces.
        let (_, fields) = stat.rsplit_once(')').ok_or("stat")?;
        Ok(Self(fields.split_whitespace().map(str::to_owned).collect()))
    }

    fn seconds(&self, index: usize) -> Result<f64> {
        let ticks: f64 = self.0.get(index).ok_or("stat")?.parse()?;
        Ok(ticks / TICKS)
    }
}

/// Has this process and its children run on the first core, where the servers are.
pub fn pin_family(pid: u32) -> Result<()> {
    for pid in children(pid)?.into_iter().chain([pid]) {
        // One of them may have ended meanwhile.
        std::process::Command::new("taskset")
            .args(["-apc", "0", &pid.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
    }
    Ok(())
}

fn children(of: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        if let Ok(stat) = Stat::of(pid)
            && stat
                .0
                .get(1)
                .is_some_and(|parent| *parent == of.to_string())
        {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The process that listens on this port of loopback: a database, named by its URL.
pub fn listener(port: u16) -> Result<u32> {
    let inode = listening_inode(port)?;
    let socket = format!("socket:[{inode}]");
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(open) = fs::read_dir(entry.path().join("fd")) else {
            continue;
        };
        let mut links = open
            .flatten()
            .filter_map(|fd| fs::read_link(fd.path()).ok());
        if links.any(|link| link.as_os_str() == socket.as_str()) {
            return Ok(pid);
        }
    }
    Err(format!("nobody here listens on port {port}").into())
}

/// In `/proc/net/tcp` the second field is the address, the fourth the state, the tenth the inode.
fn listening_inode(port: u16) -> Result<String> {
    const LISTEN: &str = "0A";
    let end = format!(":{port:04X}");
    for line in fs::read_to_string("/proc/net/tcp")?.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [_, address, _, LISTEN, .., _, _, _, _, _, _, _, _] = fields[..]
            && address.ends_with(&end)
        {
            return Ok(fields.get(9).ok_or("/proc/net/tcp")?.to_string());
        }
    }
    Err(format!("nobody listens on port {port}").into())
}

/// The port in a database's URL.
pub fn port(url: &str) -> Result<u16> {
    let rest = url.split("://").nth(1).ok_or("no URL")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (_, port) = host.rsplit_once(':').ok_or("the URL names no port")?;
    Ok(port.parse()?)
}

/// The same of an address such as `http://127.0.0.1:80`.
pub fn address(url: &str) -> Result<SocketAddr> {
    Ok(url.trim_start_matches("http://").parse()?)
}
