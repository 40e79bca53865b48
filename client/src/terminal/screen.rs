//! Lines to the user.

use std::io::Write;

use tebdil_protocol::time::Timestamp;

/// What a line is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The user's own words.
    Own,
    /// The peer's words.
    Peer,
    /// Something happened.
    Note,
    /// Something that matters less.
    Quiet,
    /// Something to look at: the safety number.
    Strong,
    Warning,
}

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub colours: bool,
}

impl Style {
    fn paint(self, kind: Kind, text: &str) -> String {
        let code = match kind {
            Kind::Own => "36",
            Kind::Peer => "1",
            Kind::Note => "32",
            Kind::Quiet => "2",
            Kind::Strong => "1;33",
            Kind::Warning => "31",
        };
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Where lines go.
pub struct Screen {
    out: Box<dyn Write + Send>,
    style: Style,
    zone: jiff::tz::TimeZone,
}

impl Screen {
    pub fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out,
            style,
            zone: jiff::tz::TimeZone::system(),
        }
    }

    /// Prints a line. Text of others must have gone through [`printable`].
    pub fn line(&mut self, kind: Kind, text: &str) {
        let line = format!("{}\n", self.style.paint(kind, text));
        // Nobody reads any more: the input ends too, and with it the program.
        let _ = self
            .out
            .write_all(line.as_bytes())
            .and_then(|()| self.out.flush());
    }

    /// Prints what someone said, with its time.
    pub fn said(&mut self, kind: Kind, at: Timestamp, who: &str, text: &str) {
        let time = self.time(at);
        self.line(kind, &format!("[{time}] {who}: {}", printable(text)));
    }

    /// Hours and minutes where the user is.
    pub fn time(&self, at: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(at.millis()).map_or_else(
            |_| "--:--".to_owned(),
            |time| {
                let local = time.to_zoned(self.zone.clone());
                format!("{:02}:{:02}", local.hour(), local.minute())
            },
        )
    }
}

/// Day and time where the user is.
pub fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(
        |_| at.to_string(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

/// `text` without what could command the terminal or turn the reading direction of what follows.
/// Line breaks become a sign of their own.
pub fn printable(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' => '⏎',
        '\t' => ' ',
        '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        other if other.is_control() => '\u{fffd}',
        other => other,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_writes_commands_nothing() {
        assert_eq!(
            printable("a\x1b[2Jb\r\x07c\u{202e}d\nçağ 👩‍👧"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d⏎çağ 👩‍👧"
        );
        assert_eq!(
            printable("\u{9b}31m"),
            "\u{fffd}31m",
            "the one-character form of an escape sequence"
        );
    }

    #[test]
    fn colours_are_there_only_when_wanted() {
        assert_eq!(Style { colours: false }.paint(Kind::Note, "x"), "x");
        assert!(
            Style { colours: true }
                .paint(Kind::Note, "x")
                .starts_with('\x1b')
        );
    }
}
