//! Markdown as pages that need no trust: without HTML, images and scripts, with links that are
//! checked.

use std::collections::HashMap;

use pulldown_cmark::{
    CowStr, Event, HeadingLevel, LinkType, Parser, Tag, TagEnd, TextMergeWithOffset, html,
};

/// What a name in braces stands for.
#[derive(Debug, Clone)]
pub enum Value {
    Text(String),
    /// An e-mail address or `https://…`, shown as a link.
    Address(String),
}

/// Values by their names.
pub type Values = HashMap<&'static str, Value>;

/// A text as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text of its first heading.
    pub title: String,
    pub body: String,
}

/// Renders `source`, which begins with its title. An error says what is wrong, and in which line.
pub fn render(source: &str, values: &Values) -> Result<Rendered, String> {
    let mut writer = Writer {
        values,
        title: None,
        in_title: false,
        events: Vec::new(),
    };
    for (event, place) in TextMergeWithOffset::new(Parser::new(source).into_offset_iter()) {
        writer.take(event).map_err(|why| {
            let line = source[..place.start].matches('\n').count() + 1;
            format!("line {line}: {why}")
        })?;
    }
    let title = writer.title.filter(|title| !title.trim().is_empty());
    let title = title.ok_or("it must begin with its title, as `# Title`")?;
    let mut body = String::new();
    html::push_html(&mut body, writer.events.into_iter());
    Ok(Rendered { title, body })
}

struct Writer<'a> {
    values: &'a Values,
    title: Option<String>,
    in_title: bool,
    events: Vec<Event<'a>>,
}

impl<'a> Writer<'a> {
    fn take(&mut self, event: Event<'a>) -> Result<(), String> {
        let is_first = self.events.is_empty();
        match &event {
            Event::Start(Tag::Heading { level, .. })
                if (*level == HeadingLevel::H1) != is_first =>
            {
                return Err("the title is the only `# Heading`, and comes first".to_owned());
            }
            Event::Start(Tag::Heading { .. }) if is_first => {
                self.in_title = true;
                self.title = Some(String::new());
            }
            Event::End(TagEnd::Heading(HeadingLevel::H1)) => self.in_title = false,
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::HtmlBlock) => {
                return Err("HTML is not shown; write Markdown".to_owned());
            }
            Event::Start(Tag::Image { .. }) => return Err("images are not shown".to_owned()),
            Event::Start(Tag::Link { dest_url, .. }) if !is_safe(dest_url) => {
                return Err("a link goes to https://…, mailto:… or /… of this server".to_owned());
            }
            Event::Text(text) => return self.fill(text.clone()),
            _ if is_first => return Err("it must begin with its title, as `# Title`".to_owned()),
            _ => {}
        }
        self.events.push(event);
        Ok(())
    }

    /// Writes a text with the values that it names.
    fn fill(&mut self, text: CowStr<'a>) -> Result<(), String> {
        let mut rest: &str = &text;
        while let Some((before, name, after)) = named(rest) {
            let value = self
                .values
                .get(name)
                .ok_or_else(|| format!("there is no {{{name}}}; there are {}", self.names()))?;
            self.write(before);
            match value {
                Value::Text(value) => self.write(value),
                Value::Address(address) => self.link(address),
            }
            rest = after;
        }
        if rest.len() == text.len() {
            self.title_gets(&text);
            self.events.push(Event::Text(text));
        } else {
            self.write(rest);
        }
        Ok(())
    }

    fn names(&self) -> String {
        let mut names: Vec<String> = self
            .values
            .keys()
            .map(|name| format!("{{{name}}}"))
            .collect();
        names.sort_unstable();
        names.join(", ")
    }

    fn write(&mut self, text: &str) {
        self.title_gets(text);
        self.events.push(Event::Text(text.to_owned().into()));
    }

    fn title_gets(&mut self, text: &str) {
        if let Some(title) = self.title.as_mut().filter(|_| self.in_title) {
            title.push_str(text);
        }
    }

    fn link(&mut self, address: &str) {
        let link_type = if address.contains("://") {
            LinkType::Autolink
        } else {
            LinkType::Email
        };
        self.events.push(Event::Start(Tag::Link {
            link_type,
            dest_url: address.to_owned().into(),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        }));
        self.write(address);
        self.events.push(Event::End(TagEnd::Link));
    }
}

/// Where a text first names a value: what is before it, the name, and what is after it.
fn named(text: &str) -> Option<(&str, &str, &str)> {
    for (start, _) in text.match_indices('{') {
        let inside = &text[start + 1..];
        let length = inside.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
        if length > 0 && inside[length..].starts_with('}') {
            return Some((&text[..start], &inside[..length], &inside[length + 1..]));
        }
    }
    None
}

/// Whether a link can do no more than lead somewhere.
fn is_safe(address: &str) -> bool {
    let is_own = address.starts_with('/') && !address.starts_with("//");
    is_own
        || address.starts_with("https://")
        || address.starts_with("mailto:")
        // As in <name@example.org>.
        || (address.contains('@') && !address.contains([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> Result<Rendered, String> {
        let values = Values::from([
            ("name", Value::Text("<Gül> & *Co*".to_owned())),
            ("mail", Value::Address("a@example.org".to_owned())),
            ("page", Value::Address("https://example.org/?".to_owned())),
        ]);
        render(source, &values)
    }

    #[test]
    fn names_in_braces_stand_for_values() {
        let page =
            rendered("# Of {name}\n\nAsk {mail}, {page}. {Name} {} { name } {").expect("good");
        assert_eq!(page.title, "Of <Gül> & *Co*");
        assert_eq!(
            page.body,
            "<h1>Of &lt;Gül&gt; &amp; *Co*</h1>\n<p>Ask <a href=\"mailto:a@example.org\">a@example.org</a>, \
             <a href=\"https://example.org/?\">https://example.org/?</a>. {Name} {} { name } {</p>\n"
        );
        let unknown = rendered("# A\n\nb {nmae}").expect_err("unknown");
        assert_eq!(
            unknown,
            "line 3: there is no {nmae}; there are {mail}, {name}, {page}"
        );
    }

    #[test]
    fn what_could_do_more_than_be_read_is_refused() {
        for wrong in [
            "",
            "text",
            "## A\n",
            "#\n\ntext",
            "text\n\n# A",
            "# A\n\n# B",
            "# A\n\n<b>x</b>",
            "# A\n\n<script>alert(1)</script>",
            "# A\n\n<!-- x -->",
            "# A\n\n![x](https://example.org/x.png)",
            "# A\n\n[x](javascript:alert(1))",
            "# A\n\n[x](data:text/html,x)",
            "# A\n\n[x](http://example.org)",
            "# A\n\n[x](//example.org)",
            "# A\n\n[x][y]\n\n[y]: vbscript:x",
        ] {
            let why = rendered(wrong).expect_err(wrong);
            assert!(!why.contains("alert"), "{why}");
        }
        let good = "# A\n\n[x](/legal/tr/terms) <https://example.org> <a@example.org> 1 < 2\n\n- *b* `c`\n";
        rendered(good).expect("good");
    }
}
