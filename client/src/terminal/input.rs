//! Lines from the user.

use std::io::{self, Write};

use rustyline_async::{Readline, ReadlineEvent};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

/// Where lines come from.
pub enum Input {
    /// A line editor.
    Editor(Box<Readline>),
    /// A pipe or file.
    Plain(Lines<BufReader<Stdin>>),
}

impl Input {
    /// The input, and where output goes beside it.
    pub fn open(interactive: bool) -> io::Result<(Self, Box<dyn Write + Send>)> {
        if interactive {
            let (mut editor, writer) = Readline::new("> ".to_owned()).map_err(io::Error::other)?;
            // A sent text is shown by us, with its time.
            editor.should_print_line_on(false, false);
            return Ok((Self::Editor(Box::new(editor)), Box::new(writer)));
        }
        Ok((
            Self::Plain(BufReader::new(tokio::io::stdin()).lines()),
            Box::new(io::stdout()),
        ))
    }

    /// The next line; `None` at the end of the input, Ctrl-C or Ctrl-D. Cancel-safe.
    pub async fn next(&mut self) -> io::Result<Option<String>> {
        match self {
            Self::Editor(editor) => match editor.readline().await.map_err(io::Error::other)? {
                ReadlineEvent::Line(line) => {
                    if line.starts_with('/') {
                        editor.add_history_entry(line.clone());
                    }
                    Ok(Some(line))
                }
                ReadlineEvent::Eof | ReadlineEvent::Interrupted => Ok(None),
            },
            Self::Plain(lines) => lines.next_line().await,
        }
    }

    /// Changes what stands before the input line, where there is a line editor.
    pub fn prompt(&mut self, text: &str) {
        if let Self::Editor(editor) = self {
            // The prompt is an ornament.
            let _ = editor.update_prompt(text);
        }
    }

    /// Shows what was written and gives the terminal back.
    pub fn close(self) {
        if let Self::Editor(mut editor) = self {
            let _ = editor.flush();
        }
    }
}
