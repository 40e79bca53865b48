//! What a session of measurements came to: on the terminal, as JSON, and in `docs/performance.md`.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;

use crate::Result;

/// Between these the page is written by the program; the rest of it is written by hand.
const BEGIN: &str = "<!-- figures: `make bench-full` writes from here -->";
const END: &str = "<!-- to here -->";

/// One thing that was measured once.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub scenario: &'static str,
    pub subject: &'static str,
    pub measure: &'static str,
    pub unit: &'static str,
    pub value: f64,
}

impl Figure {
    pub const fn new(
        scenario: &'static str,
        subject: &'static str,
        measure: &'static str,
        unit: &'static str,
        value: f64,
    ) -> Self {
        Self {
            scenario,
            subject,
            measure,
            unit,
            value,
        }
    }
}

/// Everything of one session, in the order of measuring.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    machine: BTreeMap<&'static str, String>,
    command: String,
    figures: Vec<Figure>,
}

/// The runs of one measure of one subject.
struct Row<'r> {
    figure: &'r Figure,
    sorted: Vec<f64>,
}

impl Row<'_> {
    fn median(&self) -> f64 {
        self.sorted[self.sorted.len() / 2]
    }

    fn text(&self) -> String {
        let [median, least, most] = [
            self.median(),
            self.sorted[0],
            self.sorted[self.sorted.len() - 1],
        ]
        .map(number);
        let unit = self.figure.unit;
        if self.sorted.len() == 1 {
            format!("{median} {unit}").trim_end().to_owned()
        } else {
            format!("{median} {unit} ({least}–{most})").replace("  ", " ")
        }
    }
}

impl Report {
    pub fn new() -> Self {
        Self {
            machine: machine(),
            command: arguments(),
            figures: Vec::new(),
        }
    }

    pub fn add(&mut self, figures: Vec<Figure>) {
        self.figures.extend(figures);
    }

    fn rows(&self, scenario: &str) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        for figure in self.figures.iter().filter(|of| of.scenario == scenario) {
            let same = |row: &&mut Row<'_>| {
                (row.figure.subject, row.figure.measure) == (figure.subject, figure.measure)
            };
            match rows.iter_mut().find(same) {
                Some(row) => row.sorted.push(figure.value),
                None => rows.push(Row {
                    figure,
                    sorted: vec![figure.value],
                }),
            }
        }
        for row in &mut rows {
            row.sorted.sort_by(f64::total_cmp);
        }
        rows
    }

    fn scenarios(&self) -> Vec<&'static str> {
        distinct(self.figures.iter().map(|figure| figure.scenario))
    }

    /// A table for each scenario.
    fn markdown(&self) -> String {
        let tables = self.scenarios().into_iter().map(|name| self.table(name));
        tables.collect::<Vec<_>>().join("\n\n")
    }

    /// Measures down, subjects across; medians, least and most.
    fn table(&self, scenario: &str) -> String {
        let rows = self.rows(scenario);
        let subjects = distinct(rows.iter().map(|row| row.figure.subject));
        let measures = distinct(rows.iter().map(|row| row.figure.measure));
        let runs = rows.iter().map(|row| row.sorted.len()).max().unwrap_or(0);
        let mut lines = vec![
            format!("### {scenario} ({runs} runs in turns)\n"),
            format!("| | {} |", subjects.join(" | ")),
            format!("|---|{}", "---|".repeat(subjects.len())),
        ];
        for measure in measures {
            let cell = |subject: &&str| {
                let mut of = rows.iter();
                of.find(|row| (row.figure.subject, row.figure.measure) == (subject, measure))
                    .map_or_else(|| "–".to_owned(), Row::text)
            };
            let cells: Vec<String> = subjects.iter().map(cell).collect();
            lines.push(format!("| {measure} | {} |", cells.join(" | ")));
        }
        lines.push(format!("\n![{scenario}](performance/{scenario}.svg)"));
        lines.join("\n")
    }

    /// The first measure of a scenario as bars, a line for each subject.
    fn plot(&self, scenario: &str) -> String {
        const LINE: usize = 28;
        const WIDTH: f64 = 420.0;
        let rows = self.rows(scenario);
        let first = rows.first().map_or("", |row| row.figure.measure);
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.figure.measure == first)
            .collect();
        let most = rows
            .iter()
            .map(|row| row.median())
            .fold(f64::MIN_POSITIVE, f64::max);
        let bar = |(line, row): (usize, &&Row<'_>)| {
            let (top, middle) = (line * LINE + 4, line * LINE + 19);
            let width = row.median() / most * WIDTH;
            format!(
                "<text x=\"8\" y=\"{middle}\">{}</text>\n\
                 <rect x=\"210\" y=\"{top}\" width=\"{width:.1}\" height=\"20\" fill=\"#b4532a\"/>\n\
                 <text x=\"{:.1}\" y=\"{middle}\">{} {}</text>\n",
                row.figure.subject,
                216.0 + width,
                number(row.median()),
                row.figure.unit
            )
        };
        let bars: String = (1..).zip(&rows).map(bar).collect();
        let height = (rows.len() + 1) * LINE + 8;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{height}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"8\" y=\"20\" font-weight=\"bold\">{scenario}: {first}</text>\n\
             {bars}</svg>\n"
        )
    }

    /// Prints the tables, and writes `target/bench/report.json`; with `publish` also the page of
    /// the docs and its plots.
    pub fn finish(&self, publish: bool) -> Result<()> {
        println!("{}", self.markdown());
        let target = Path::new("target/bench");
        fs::create_dir_all(target)?;
        fs::write(target.join("report.json"), serde_json::to_vec_pretty(self)?)?;
        if publish {
            let plots = Path::new("docs/performance");
            fs::create_dir_all(plots)?;
            for scenario in self.scenarios() {
                fs::write(plots.join(format!("{scenario}.svg")), self.plot(scenario))?;
            }
            let page = Path::new("docs/performance.md");
            let before = fs::read_to_string(page)?;
            fs::write(page, self.page(&before)?)?;
        }
        Ok(())
    }

    /// The page with these figures in it.
    fn page(&self, before: &str) -> Result<String> {
        let (head, rest) = before
            .split_once(BEGIN)
            .ok_or("the page has no place for figures")?;
        let (_, tail) = rest
            .split_once(END)
            .ok_or("the page has no end of its figures")?;
        let facts = self.machine.iter();
        let facts: Vec<String> = facts
            .map(|(what, value)| format!("- {what}: {value}"))
            .collect();
        let machine = facts.join("\n");
        let command = &self.command;
        Ok(format!(
            "{head}{BEGIN}\n{machine}\n- arguments: `{command}`\n\n{}\n{END}{tail}",
            self.markdown()
        ))
    }
}

/// What the program was called with, without the URLs, which have passwords.
fn arguments() -> String {
    let shown = |argument: String| match argument.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…"),
        None => argument,
    };
    std::env::args()
        .skip(1)
        .map(shown)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Each once, in the order of their first.
fn distinct<'t>(all: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// With three digits that say something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn machine() -> BTreeMap<&'static str, String> {
    let first = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    let says = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program)
            .args(arguments)
            .output()
            .ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let facts = [
        ("processor", first("/proc/cpuinfo", "model name")),
        ("memory", first("/proc/meminfo", "MemTotal")),
        ("system", says("uname", &["-sr"])),
        ("cores of the load", Some(cores.to_string())),
        ("commit", says("git", &["rev-parse", "--short", "HEAD"])),
        ("Rust", says("rustc", &["--version"])),
        ("Node.js", says("node", &["--version"])),
    ];
    facts
        .into_iter()
        .filter_map(|(what, value)| Some((what, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(values: &[f64]) -> Report {
        let mut report = Report::default();
        for value in values {
            report.add(vec![
                Figure::new("chat", "Tebdil", "CPU a message", "µs", *value),
                Figure::new("chat", "limit", "CPU a message", "µs", value / 2.0),
            ]);
        }
        report
    }

    #[test]
    fn a_table_has_the_median_and_both_ends() {
        let table = report(&[40.0, 50.0, 30.0]).markdown();
        assert!(table.contains("### chat (3 runs in turns)"), "{table}");
        assert!(table.contains("| | Tebdil | limit |"), "{table}");
        let line = "| CPU a message | 40.0 µs (30.0–50.0) | 20.0 µs (15.0–25.0) |";
        assert!(table.contains(line), "{table}");
    }

    #[test]
    fn only_the_figures_of_the_page_are_replaced() {
        let before = format!("# Speed\n\n{BEGIN}\nold\n{END}\n\nBy hand.\n");
        let page = report(&[40.0]).page(&before).expect("a page");
        assert!(page.starts_with("# Speed\n") && page.ends_with("\n\nBy hand.\n"));
        assert!(page.contains("40.0 µs") && !page.contains("old"), "{page}");
        let again = report(&[60.0]).page(&page).expect("a page");
        assert!(again.contains("60.0 µs") && !again.contains("40.0 µs"));
        assert!(report(&[1.0]).page("# Speed").is_err(), "no place for them");
    }

    #[test]
    fn a_plot_has_a_bar_for_each_subject() {
        let svg = report(&[40.0, 50.0]).plot("chat");
        assert_eq!(svg.matches("fill=\"#b4532a\"").count(), 2);
        assert!(svg.contains("width=\"420.0\"") && svg.contains("width=\"210.0\""));
    }
}
