//! The chat itself: what the user types and what happens, in turn.

mod blocks;
mod events;
mod redress;

use std::collections::HashMap;

use rust_i18n::t;
use tebdil_client::chat::{Chat, ChatError, ChatEvents, ChatOptions, Conversation};
use tebdil_protocol::{ErrorCode, Quota, id::MatchId};

use super::{
    TerminalError, failure,
    input::Input,
    screen::{Kind, Screen, printable},
};

/// What the session knows of a match beyond what the chat does.
struct Talk {
    handle: String,
    online: Option<bool>,
    typing: bool,
    /// `seq` of the last own text, to tell once that it arrived.
    last_sent: i64,
    delivered: i64,
    read: i64,
}

pub struct ChatSession {
    chat: Chat,
    options: ChatOptions,
    screen: Screen,
    talks: HashMap<MatchId, Talk>,
    current: Option<MatchId>,
    /// The match that ended last, and with whom it was: it can still be claimed and reported, and
    /// its peer be blocked.
    ended: Option<(MatchId, String)>,
    interests: Vec<String>,
    searching: bool,
    greeted: bool,
}

/// Whether to go on.
enum Next {
    Go,
    Quit,
}

impl ChatSession {
    pub fn new(chat: Chat, options: ChatOptions, screen: Screen) -> Self {
        Self {
            chat,
            options,
            screen,
            talks: HashMap::new(),
            current: None,
            ended: None,
            interests: Vec::new(),
            searching: false,
            greeted: false,
        }
    }

    /// Chats until the user leaves or the server ends it.
    pub async fn run(
        mut self,
        mut input: Input,
        mut events: ChatEvents,
    ) -> Result<(), TerminalError> {
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut shown = String::new();
        let result = loop {
            let prompt = self.prompt();
            if prompt != shown {
                input.prompt(&prompt);
                shown = prompt;
            }
            let next = tokio::select! {
                line = input.next() => match line {
                    Ok(Some(line)) => self.take_line(line.trim()).await,
                    Ok(None) => Ok(Next::Quit),
                    Err(error) => Err(error.into()),
                },
                event = events.recv() => match event {
                    Some(event) => self.take_event(event).await,
                    None => Ok(Next::Quit),
                },
                _ = &mut interrupted => Ok(Next::Quit),
            };
            match next {
                Ok(Next::Go) => {}
                Ok(Next::Quit) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if result.is_ok() {
            // What was typed last shall arrive, but a server that is away must not keep the user
            // here.
            let _ =
                tokio::time::timeout(std::time::Duration::from_secs(3), self.chat.flush()).await;
        }
        self.chat.close().await;
        input.close();
        result
    }

    fn prompt(&self) -> String {
        match self.current.and_then(|current| self.talks.get(&current)) {
            Some(talk) => format!("{} > ", talk.handle),
            None if self.searching => "… > ".to_owned(),
            None => "> ".to_owned(),
        }
    }

    fn note(&mut self, text: &str) {
        self.screen.line(Kind::Note, text);
    }

    fn quiet(&mut self, text: &str) {
        self.screen.line(Kind::Quiet, text);
    }

    fn warn(&mut self, text: &str) {
        self.screen.line(Kind::Warning, text);
    }

    fn name(&self, match_id: MatchId) -> String {
        self.talks
            .get(&match_id)
            .map_or_else(|| "?".to_owned(), |talk| talk.handle.clone())
    }

    async fn take_line(&mut self, line: &str) -> Result<Next, TerminalError> {
        if line.is_empty() {
            return Ok(Next::Go);
        }
        let done = match line.strip_prefix('/') {
            // Two strokes begin a text that begins with one.
            Some(text) if text.starts_with('/') => self.say(text).await,
            Some(command) => {
                let mut words = command.split_whitespace();
                let name = words.next().unwrap_or_default().to_owned();
                let rest: Vec<String> = words.map(str::to_owned).collect();
                match self.take_command(&name, rest).await {
                    Ok(Next::Quit) => return Ok(Next::Quit),
                    other => other.map(|_| ()),
                }
            }
            None => self.say(line).await,
        };
        if let Err(error) = done {
            self.warn(&failure::describe(&error));
        }
        Ok(Next::Go)
    }

    async fn take_command(&mut self, name: &str, words: Vec<String>) -> Result<Next, ChatError> {
        match name {
            "find" => self.find(words).await?,
            "background" => self.find_in_background(words).await?,
            "cancel" => self.chat.cancel().await?,
            "next" => {
                if let Some(current) = self.current {
                    self.leave(current).await?;
                }
                let interests = if words.is_empty() {
                    self.interests.clone()
                } else {
                    words
                };
                self.find(interests).await?;
            }
            "leave" => match self.current {
                Some(current) => self.leave(current).await?,
                None => self.warn(&t!("no_match")),
            },
            "block" => self.block().await?,
            "blocks" => self.blocks().await?,
            "unblock" => self.unblock(words.first().map(String::as_str)).await?,
            "claim" => match self.current_or_ended() {
                Some(match_id) => self.claim(match_id).await?,
                None => self.warn(&t!("no_match")),
            },
            "report" => self.report(&words).await?,
            "safety" => self.safety().await?,
            "quota" => {
                let quota = self.chat.account().quota().await?;
                self.show_quota(&quota);
            }
            "who" => self.who().await?,
            "switch" => self.switch(words.first().map(String::as_str)).await?,
            "help" => self.help(),
            "logout" => {
                self.chat.account().logout().await?;
                if let Some(state) = &self.options.state {
                    self.chat.close().await;
                    state.clear()?;
                }
                self.note(&t!("logged_out"));
                return Ok(Next::Quit);
            }
            "quit" | "exit" => return Ok(Next::Quit),
            _ => self.warn(&t!("unknown_command", name = printable(name))),
        }
        Ok(Next::Go)
    }

    /// The chat one is in, else the one that ended last.
    fn current_or_ended(&self) -> Option<MatchId> {
        self.current
            .or(self.ended.as_ref().map(|(ended, _)| *ended))
    }

    fn help(&mut self) {
        for line in t!("help").lines() {
            self.quiet(line);
        }
    }

    async fn find(&mut self, interests: Vec<String>) -> Result<(), ChatError> {
        let wanted: Vec<&str> = interests.iter().map(String::as_str).collect();
        self.chat.find(&wanted).await?;
        self.interests = interests;
        Ok(())
    }

    /// Looks for somebody, also while this program is closed.
    async fn find_in_background(&mut self, interests: Vec<String>) -> Result<(), ChatError> {
        let wanted: Vec<&str> = interests.iter().map(String::as_str).collect();
        self.chat.find_in_background(&wanted).await?;
        self.interests = interests;
        self.quiet(&t!("background"));
        Ok(())
    }

    async fn leave(&mut self, match_id: MatchId) -> Result<(), ChatError> {
        match self.chat.leave(match_id).await {
            // It ended at the same moment from the other side.
            Err(error)
                if matches!(
                    error.code(),
                    Some(ErrorCode::MatchEnded | ErrorCode::NotFound)
                ) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    async fn say(&mut self, text: &str) -> Result<(), ChatError> {
        let Some(current) = self.current else {
            self.warn(&t!("no_match"));
            return Ok(());
        };
        self.chat.send(current, text).await?;
        let now = self.options.clock.now();
        self.screen.said(Kind::Own, now, &t!("me"), text);
        Ok(())
    }

    async fn safety(&mut self) -> Result<(), ChatError> {
        let Some(current) = self.current else {
            self.warn(&t!("no_match"));
            return Ok(());
        };
        match self.chat.safety_number(current).await? {
            Some(number) => {
                self.screen
                    .line(Kind::Strong, &t!("safety.number", number = number));
                self.quiet(&t!("safety.why"));
            }
            None => self.warn(&t!("safety.not_yet")),
        }
        Ok(())
    }

    async fn who(&mut self) -> Result<(), ChatError> {
        let own = self.chat.user().handle.clone();
        self.note(&t!("who.own", handle = own));
        let conversations = self.chat.conversations().await?;
        if conversations.is_empty() {
            self.quiet(&t!("who.nobody"));
        }
        for (number, known) in conversations.iter().enumerate() {
            self.show_conversation(number + 1, known);
        }
        Ok(())
    }

    fn show_conversation(&mut self, number: usize, known: &Conversation) {
        let online = match self.talks.get(&known.info.id).and_then(|talk| talk.online) {
            Some(true) => t!("presence.word_online"),
            Some(false) => t!("presence.word_offline"),
            None => "".into(),
        };
        let mark = if self.current == Some(known.info.id) {
            '*'
        } else {
            ' '
        };
        let until = self.screen.time(known.info.expires_at);
        let elsewhere = if known.this_device {
            "".into()
        } else {
            t!("who.elsewhere")
        };
        let shared = known
            .info
            .shared_interests
            .iter()
            .map(|interest| printable(interest))
            .collect::<Vec<_>>()
            .join(", ");
        let line = t!(
            "who.line",
            mark = mark,
            number = number,
            handle = printable(&known.info.peer.handle),
            online = online,
            until = until,
            shared = shared,
            elsewhere = elsewhere
        );
        self.quiet(line.trim_end());
    }

    async fn switch(&mut self, number: Option<&str>) -> Result<(), ChatError> {
        let conversations = self.chat.conversations().await?;
        let chosen = number
            .and_then(|text| text.parse::<usize>().ok())
            .and_then(|number| conversations.get(number.checked_sub(1)?));
        match chosen {
            Some(known) => {
                self.current = Some(known.info.id);
                let handle = printable(&known.info.peer.handle);
                self.note(&t!("switched", who = handle));
            }
            None => self.warn(&t!("switch_usage")),
        }
        Ok(())
    }

    fn show_quota(&mut self, quota: &Quota) {
        let resets = self.screen.time(quota.resets_at);
        self.note(&t!(
            "quota",
            text = quota.text,
            daily = quota.daily_text,
            bonus = quota.bonus,
            resets = resets
        ));
    }
}
