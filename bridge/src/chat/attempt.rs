//! One request to a server, made in a thread of its own.

use super::{Endpoint, Form, Miss, Served, stream};
use core::sync::atomic::AtomicBool;
use core::time::Duration;
use std::io::Read;
use std::sync::Arc;
use ureq::Agent;

/// Most bytes of an error that are read.
const MOST_ERROR: u64 = 16 << 10;

/// Tokens of prompt and answer that a try may have cost, and what came.
pub(super) type Made = ([u64; 2], Result<stream::Answer, Miss>);

/// All that a try takes.
pub(super) struct Attempt {
    pub(super) agent: Agent,
    pub(super) endpoint: Endpoint,
    pub(super) form: Form,
    pub(super) body: String,
    /// Tokens of the prompt, where nobody counts them.
    pub(super) estimate: u64,
    /// The longest that it may take.
    pub(super) left: Duration,
    /// Nobody waits for it any more.
    pub(super) unwanted: Arc<AtomicBool>,
}

impl Attempt {
    pub(super) fn make(self) -> Made {
        let url = format!("{}/chat/completions", self.endpoint.url());
        let request = self.agent.post(&url).config().timeout_global(Some(self.left)).build();
        let request =
            request.header("content-type", "application/json").header("accept", "text/event-stream");
        let request = match self.endpoint.key() {
            Some(key) => request.header("authorization", key.header()),
            None => request,
        };
        let response = match request.send(&self.body) {
            Ok(response) => response,
            Err(e) => {
                let is_late = matches!(e, ureq::Error::Timeout(_));
                let is_final = matches!(e, ureq::Error::BadUri(_));
                let miss = Miss { what: self.endpoint.without_key(&e.to_string()), after: None, is_final };
                return ([if is_late { self.estimate } else { 0 }, 0], Err(miss));
            }
        };
        let status = response.status().as_u16();
        let header =
            |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let after = header("retry-after").and_then(|s| s.trim().parse().ok()).map(Duration::from_secs);
        let is_stream = header("content-type").is_some_and(|t| t.contains("event-stream"));
        let reader = response.into_body().into_reader();
        if status == 200 {
            let (read, mut tokens) = stream::read(reader, is_stream, self.form, &self.unwanted);
            if tokens[0] == 0 {
                tokens[0] = self.estimate;
            }
            return (tokens, self.hidden(read, tokens));
        }
        let mut text = String::new();
        let _ = reader.take(MOST_ERROR).read_to_string(&mut text);
        let said = stream::error_of(&self.endpoint.without_key(&text)).unwrap_or_default();
        let what = format!("status {status} {said}").trim().to_owned();
        let is_final = !matches!(status, 408 | 425 | 429 | 500..=599);
        ([0, 0], Err(Miss { what, after: after.filter(|_| !is_final), is_final }))
    }

    /// What is said here is recorded, and shown to others.
    fn hidden(
        &self,
        read: Result<stream::Answer, stream::Broken>,
        tokens: [u64; 2],
    ) -> Result<stream::Answer, Miss> {
        let hidden = |text: String| self.endpoint.answer_without_key(text);
        match read {
            Ok(answer) => {
                let Served { model, fingerprint } = answer.served;
                let served = Served { model: model.map(hidden), fingerprint: fingerprint.map(hidden) };
                Ok(stream::Answer { text: hidden(answer.text), tokens, served })
            }
            Err(stream::Broken { what, is_final }) => {
                Err(Miss { what: self.endpoint.without_key(&what), after: None, is_final })
            }
        }
    }
}
