//! The cases: what is sent, and how it ends.

use super::{Case, End, case, question};
use crate::rfc6455::wire::{BINARY, CLOSE, LAST, MORE, PING, PONG, TEXT, frame, header, unmasked};

pub const BREACH: End = End::Closed(1002);

pub const NOT_UTF8: End = End::Closed(1007);

pub const TOO_LARGE: End = End::Closed(4013);

/// A text in so many pieces of about the same size.
pub fn pieces(text: &str, count: usize) -> Vec<u8> {
    let size = text.len().div_ceil(count).max(1);
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
    let last = chunks.len() - 1;
    let first = |place: usize| match (place == 0, place == last) {
        (true, true) => TEXT,
        (true, false) => TEXT & MORE,
        (false, true) => LAST,
        (false, false) => 0,
    };
    chunks
        .iter()
        .enumerate()
        .flat_map(|(place, chunk)| frame(first(place), chunk))
        .collect()
}

pub fn reserved_bits_opcodes_and_masks(cases: &mut Vec<Case>) {
    for bits in 1..8_u8 {
        for (opcode, name) in [
            (TEXT, "text"),
            (BINARY, "binary"),
            (PING, "ping"),
            (PONG, "pong"),
            (CLOSE, "close"),
            (LAST, "continuation"),
        ] {
            cases.push(case(
                format!("reserved bits {bits:03b} of a {name}"),
                frame(opcode | bits << 4, b""),
                BREACH,
            ));
        }
    }
    for opcode in (3..8_u8).chain(11..16) {
        cases.push(case(
            format!("opcode {opcode}"),
            frame(0x80 | opcode, b""),
            BREACH,
        ));
        cases.push(case(
            format!("opcode {opcode} with data"),
            frame(0x80 | opcode, b"data"),
            BREACH,
        ));
    }
    for (opcode, name) in [
        (TEXT, "text"),
        (BINARY, "binary"),
        (PING, "ping"),
        (PONG, "pong"),
        (CLOSE, "close"),
        (LAST, "continuation"),
    ] {
        cases.push(case(
            format!("an unmasked {name}"),
            unmasked(opcode, b"{}"),
            BREACH,
        ));
        cases.push(case(
            format!("an empty unmasked {name}"),
            unmasked(opcode, b""),
            BREACH,
        ));
    }
}

/// §5.2: the bits and lengths of a frame.
pub fn headers() -> Vec<Case> {
    let mut cases = Vec::new();
    reserved_bits_opcodes_and_masks(&mut cases);
    for length in [125, 126, 127, 128, 4_095, 4_096, 4_097, 65_535, 65_536] {
        cases.push(case(
            format!("a text of {length} bytes"),
            frame(TEXT, question("length", length).as_bytes()),
            End::Answered,
        ));
    }
    for length in [65_537, 131_072] {
        cases.push(case(
            format!("a text of {length} bytes"),
            frame(TEXT, question("length", length).as_bytes()),
            TOO_LARGE,
        ));
    }
    for length in [
        131_073_u64,
        1 << 31,
        1 << 32,
        1 << 40,
        u64::MAX >> 1,
        1 << 63,
        u64::MAX,
    ] {
        cases.push(case(
            format!("the head of a frame of {length} bytes"),
            [header(TEXT, length, true), vec![0; 4]].concat(),
            TOO_LARGE,
        ));
    }
    let zero = question("zero", 0);
    let unchanged = [
        header(TEXT, zero.len() as u64, true),
        vec![0; 4],
        zero.into_bytes(),
    ]
    .concat();
    cases.push(case("a mask of zeros", unchanged, End::Answered));
    cases.push(case("a binary", frame(BINARY, b"{}"), End::Closed(4000)));
    cases
}

pub fn between_and_at_the_ends(cases: &mut Vec<Case>) {
    let text = question("between", 0);
    let (head, tail) = text.as_bytes().split_at(9);
    let between = |middle: Vec<u8>| [frame(TEXT & MORE, head), middle, frame(LAST, tail)].concat();
    cases.push(case(
        "an empty fragment first",
        [frame(TEXT & MORE, b""), frame(LAST, text.as_bytes())].concat(),
        End::Answered,
    ));
    cases.push(case(
        "an empty fragment last",
        [frame(TEXT & MORE, text.as_bytes()), frame(LAST, b"")].concat(),
        End::Answered,
    ));
    cases.push(case(
        "empty fragments between",
        between([frame(0, b""), frame(0, b"")].concat()),
        End::Answered,
    ));
    cases.push(case(
        "a ping between fragments",
        between(frame(PING, b"between")),
        End::Answered,
    ));
    cases.push(case(
        "pongs between fragments",
        between([frame(PONG, b""), frame(PONG, b"late")].concat()),
        End::Answered,
    ));
    cases.push(case(
        "a breach between fragments",
        between(frame(0x83, b"")),
        BREACH,
    ));
    cases.push(case(
        "fragments that are too large together",
        [
            frame(TEXT & MORE, &vec![b' '; 65_000]),
            frame(LAST, &vec![b' '; 65_000]),
        ]
        .concat(),
        TOO_LARGE,
    ));
    let endless = [
        frame(TEXT & MORE, b"{"),
        [
            frame(0, &vec![b' '; 60_000]),
            frame(0, &vec![b' '; 60_000]),
            frame(0, &vec![b' '; 60_000]),
        ]
        .concat(),
    ]
    .concat();
    cases.push(case("fragments without an end", endless, TOO_LARGE));
}

/// §5.4 and §5.5: fragments, and control frames between them.
pub fn fragments() -> Vec<Case> {
    let mut cases = Vec::new();
    for (opcode, name) in [(PING, "ping"), (PONG, "pong"), (CLOSE, "close")] {
        cases.push(case(
            format!("a {name} in fragments"),
            frame(opcode & MORE, b""),
            BREACH,
        ));
        for length in [126, 127, 65_536] {
            cases.push(case(
                format!("a {name} of {length} bytes"),
                frame(opcode, &vec![0; length]),
                BREACH,
            ));
        }
    }
    cases.push(case("a continuation of nothing", frame(LAST, b"x"), BREACH));
    cases.push(case(
        "a continuation of nothing that goes on",
        frame(0, b"x"),
        BREACH,
    ));
    let after = |first: u8, second: u8| [frame(first & MORE, b"{"), frame(second, b"}")].concat();
    cases.push(case("a text inside of a text", after(TEXT, TEXT), BREACH));
    cases.push(case(
        "a binary inside of a text",
        after(TEXT, BINARY),
        BREACH,
    ));
    cases.push(case(
        "a text inside of a binary",
        after(BINARY, TEXT),
        BREACH,
    ));
    cases.push(case(
        "a fragmented text inside of a text",
        after(TEXT, TEXT & MORE),
        BREACH,
    ));
    let whole = [
        frame(TEXT, question("whole", 0).as_bytes()),
        frame(LAST, b""),
    ]
    .concat();
    cases.push(Case {
        late: true,
        ..case("a continuation of what is whole", whole, BREACH)
    });
    for count in [1, 2, 3, 7, 1_000] {
        cases.push(case(
            format!("a text in {count} fragments"),
            pieces(&question("pieces", 0), count),
            End::Answered,
        ));
    }
    between_and_at_the_ends(&mut cases);
    cases.push(case(
        "a pong nobody asked for",
        frame(PONG, b"unasked"),
        End::Answered,
    ));
    cases.push(case("an empty pong", frame(PONG, b""), End::Answered));
    cases
}

/// §8.1: text is UTF-8.
pub fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let wrong: [(&str, &[u8]); 12] = [
        ("a byte that is none", b"\xff"),
        ("a continuation byte alone", b"\x80"),
        ("a sequence that is cut off", b"\xc5"),
        ("a sequence of three that is cut off", b"\xe2\x82"),
        ("a sequence of four that is cut off", b"\xf0\x9f\x98"),
        ("a sequence that is interrupted", b"\xc5a"),
        ("a slash of two bytes", b"\xc0\xaf"),
        ("a slash of three bytes", b"\xe0\x80\xaf"),
        ("a zero of two bytes", b"\xc0\x80"),
        ("a high surrogate", b"\xed\xa0\x80"),
        ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
    ];
    for (name, bytes) in wrong {
        cases.push(case(name, frame(TEXT, bytes), NOT_UTF8));
        cases.push(case(
            format!("{name}, behind JSON"),
            frame(TEXT, &[question("text", 0).as_bytes(), bytes].concat()),
            NOT_UTF8,
        ));
        cases.push(case(
            format!("{name}, in the second fragment"),
            [frame(TEXT & MORE, b"{}"), frame(LAST, bytes)].concat(),
            NOT_UTF8,
        ));
    }
    // A character in two fragments is whole.
    let mut text = question("ş😀", 0);
    cases.push(case(
        "characters of several bytes",
        frame(TEXT, text.as_bytes()),
        End::Answered,
    ));
    text.push(' ');
    cases.push(case(
        "characters in two fragments",
        pieces(&text, text.len()),
        End::Answered,
    ));
    cases
}

/// §5.5.1 and §7.4: close frames, and what they are answered.
pub fn closes() -> Vec<Case> {
    let mut cases = Vec::new();
    let close =
        |code: u16, reason: &[u8]| frame(CLOSE, &[code.to_be_bytes().as_slice(), reason].concat());
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4321, 4999,
    ] {
        cases.push(case(
            format!("close code {code}"),
            close(code, b""),
            End::Closed(code),
        ));
        cases.push(case(
            format!("close code {code} with a reason"),
            close(code, "güle güle".as_bytes()),
            End::Closed(code),
        ));
    }
    for code in [
        0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 65_535,
    ] {
        cases.push(case(
            format!("close code {code}, which nobody may send"),
            close(code, b""),
            BREACH,
        ));
    }
    cases.push(case(
        "a close code of one byte",
        frame(CLOSE, b"\x03"),
        BREACH,
    ));
    cases.push(case(
        "the longest reason",
        close(1000, &[b'x'; 123]),
        End::Closed(1000),
    ));
    cases.push(case(
        "a reason that is not UTF-8",
        close(1000, b"\xff\xfe"),
        NOT_UTF8,
    ));
    cases.push(case(
        "a reason that is cut off",
        close(1000, b"\xc5"),
        NOT_UTF8,
    ));
    cases.push(case(
        "more after a close",
        [close(1000, b""), frame(TEXT, b"{}"), frame(PING, b"")].concat(),
        End::Closed(1000),
    ));
    cases.push(case(
        "a breach after a close",
        [close(1000, b""), frame(0x83, b"")].concat(),
        End::Closed(1000),
    ));
    cases.push(case(
        "a close between fragments",
        [frame(TEXT & MORE, b"{"), close(1001, b"")].concat(),
        End::Closed(1001),
    ));
    cases
}
