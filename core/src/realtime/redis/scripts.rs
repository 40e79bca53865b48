//! The scripts that run in Redis, each in one step. What they take and return stands at their head.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!(concat!("lua/", $file))));)*
    };
}

scripts! {
    ANNOUNCE = "announce.lua",
    BEAT = "beat.lua",
    BYE = "bye.lua",
    DELIVER = "deliver.lua",
    FORGIVE = "forgive.lua",
    GIVE_BACK = "give_back.lua",
    HOLD = "hold.lua",
    JOIN = "join.lua",
    LEAVE = "leave.lua",
    LIMIT = "limit.lua",
    ONLINE = "online.lua",
    REAP = "reap.lua",
    RELEASE = "release.lua",
    TRY = "try.lua",
    UNTRY = "untry.lua",
}
