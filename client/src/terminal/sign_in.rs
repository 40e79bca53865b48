//! Registering and signing in.

use std::{
    io::{self, BufRead as _, Write as _},
    sync::Arc,
};

use rust_i18n::t;
use tebdil_client::{
    chat::{Chat, ChatError, ChatEvents, ChatOptions},
    rest::{Api, ApiError},
};
use tebdil_protocol::{ErrorCode, Meta, RegisterRequest, Secret, domain::AppealStatus};

use super::{
    TerminalError,
    args::{ChatArgs, Language},
    failure,
    screen::printable,
};

/// The session in the state folder, a new account, or an old one signed in.
pub async fn sign_in(
    arguments: &ChatArgs,
    options: &ChatOptions,
    language: Language,
    interactive: bool,
) -> Result<(Chat, ChatEvents), TerminalError> {
    let options = &with_consent(arguments, options, language, interactive);
    match Chat::resume(options).await {
        Ok(Some(resumed)) => return Ok(resumed),
        Ok(None) => {}
        // The login says more of it, and lets the user appeal.
        Err(error) if error.code() == Some(ErrorCode::Banned) => {}
        Err(error) => return Err(error.into()),
    }
    let ask = Questions { interactive };
    let register = match (&arguments.alias, &arguments.phone) {
        (Some(_), _) => true,
        (None, Some(_)) => false,
        (None, None) => !ask.yes("--phone", &t!("ask.has_account"))?,
    };
    let phone = ask.text("--phone", arguments.phone.as_deref(), &t!("ask.phone"))?;
    if !register {
        let password = ask.password(false)?;
        let mut signed_in = Chat::login(options, &phone, password.expose(), None).await;
        let mut question = t!("ask.totp");
        while interactive
            && let Err(error) = &signed_in
            && matches!(
                error.code(),
                Some(ErrorCode::TotpRequired | ErrorCode::TotpInvalid)
            )
        {
            let code = ask.line("code", &question)?;
            signed_in = Chat::login(options, &phone, password.expose(), Some(&code)).await;
            question = t!("ask.totp_again");
        }
        return match signed_in {
            Err(error) if interactive => Err(appeal(options, &ask, error).await?),
            signed_in => Ok(signed_in?),
        };
    }
    let alias = ask.text("--alias", arguments.alias.as_deref(), &t!("ask.alias"))?;
    let birth_date = ask.text(
        "--birth-date",
        arguments.birth_date.as_deref(),
        &t!("ask.birth_date"),
    )?;
    let accept_terms = arguments.accept_terms
        || interactive && {
            let api = Api::new(&options.server).map_err(ChatError::from)?;
            let meta = api.meta().await.map_err(ChatError::from)?;
            let at = terms(&options.server, &meta, language);
            ask.yes("--accept-terms", &t!("ask.terms", at = at))?
        };
    let request = RegisterRequest {
        phone: phone.into(),
        password: ask.password(true)?,
        alias,
        birth_date: birth_date.into(),
        accept_terms,
        locale: Some(language.locale()),
        invite: arguments.invite.clone(),
        device: Some(options.device.clone()),
    };
    match Chat::register(options, &request).await {
        Err(ChatError::Api(ApiError::VerificationRequired)) if interactive => {
            with_code(options, &ask, &request.phone).await
        }
        registered => Ok(registered?),
    }
}

/// The options with which a user is asked whose consent is for older terms.
fn with_consent(
    arguments: &ChatArgs,
    options: &ChatOptions,
    language: Language,
    interactive: bool,
) -> ChatOptions {
    let (accepts, server) = (arguments.accept_terms, options.server.clone());
    let ask = Questions { interactive };
    let ask_consent = move |meta: &Meta| {
        let at = terms(&server, meta, language);
        accepts
            || ask
                .yes("--accept-terms", &t!("ask.consent", at = at))
                .unwrap_or(false)
    };
    ChatOptions {
        ask_consent: Some(Arc::new(ask_consent)),
        ..options.clone()
    }
}

/// Where the terms can be read.
fn terms(server: &str, meta: &Meta, language: Language) -> String {
    let path = meta.texts.terms.of(language.locale());
    printable(&format!("{}{path}", server.trim_end_matches('/')))
}

/// What a login that failed ends with. To a banned user it says what became of the appeal, and
/// takes one where there is none.
async fn appeal(
    options: &ChatOptions,
    ask: &Questions,
    error: ChatError,
) -> Result<TerminalError, TerminalError> {
    let token = match &error {
        ChatError::Api(ApiError::Problem(problem)) => problem.appeal_token.clone(),
        _ => None,
    };
    let Some(token) = token else {
        return Ok(error.into());
    };
    let api = Api::new(&options.server).map_err(ChatError::from)?;
    let why = failure::describe(&error);
    let known = match api
        .appeals(&token)
        .await
        .map_err(ChatError::from)?
        .map(|appeal| appeal.status)
    {
        Some(AppealStatus::Open) => t!("appeal.open"),
        Some(AppealStatus::Upheld) => t!("appeal.upheld"),
        Some(AppealStatus::Lifted) => t!("appeal.lifted"),
        None => {
            writeln!(io::stdout(), "{why}")?;
            if ask.yes("y", &t!("ask.appeal"))? {
                let text = ask.line("text", &t!("ask.appeal_text"))?;
                api.appeal(&token, &text).await.map_err(ChatError::from)?;
                return Ok(TerminalError::Ended(t!("appeal.sent").into()));
            }
            return Ok(error.into());
        }
    };
    Ok(TerminalError::Ended(format!("{why} {known}")))
}

/// Asks for the code that was sent to the phone until it is right, or the server says something
/// else.
async fn with_code(
    options: &ChatOptions,
    ask: &Questions,
    phone: &Secret,
) -> Result<(Chat, ChatEvents), TerminalError> {
    let mut question = t!("ask.code");
    loop {
        let code = ask.line("code", &question)?;
        match Chat::verify_phone(options, phone, &code).await {
            Err(error) if error.code() == Some(ErrorCode::CodeInvalid) => {
                question = t!("ask.code_again");
            }
            verified => return Ok(verified?),
        }
    }
}

/// Asks for what the command line did not say. Nothing else runs yet, so it may block.
struct Questions {
    interactive: bool,
}

impl Questions {
    fn line(&self, option: &'static str, question: &str) -> Result<String, TerminalError> {
        if !self.interactive {
            return Err(TerminalError::Missing(option));
        }
        let mut out = io::stdout();
        write!(out, "{question} ")?;
        out.flush()?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Err(TerminalError::Missing(option));
        }
        Ok(line.trim().to_owned())
    }

    fn text(
        &self,
        option: &'static str,
        given: Option<&str>,
        question: &str,
    ) -> Result<String, TerminalError> {
        given.map_or_else(|| self.line(option, question), |given| Ok(given.to_owned()))
    }

    fn yes(&self, option: &'static str, question: &str) -> Result<bool, TerminalError> {
        let answer = self.line(option, question)?.to_lowercase();
        Ok(["e", "evet", "y", "yes"].contains(&answer.as_str()))
    }

    fn password(&self, new: bool) -> Result<Secret, TerminalError> {
        if let Ok(password) = std::env::var("TEBDIL_PASSWORD") {
            return Ok(password.into());
        }
        if !self.interactive {
            return Err(TerminalError::Missing("TEBDIL_PASSWORD"));
        }
        let question = if new {
            t!("ask.new_password")
        } else {
            t!("ask.password")
        };
        Ok(rpassword::prompt_password(format!("{question} "))?.into())
    }
}
