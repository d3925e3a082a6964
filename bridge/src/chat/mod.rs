//! A language model elsewhere, behind the chat completions that OpenAI has made the custom (vLLM, Ollama, llama.cpp and
//! Alibaba Cloud Model Studio offer them too): a prompt with pictures out, JSON of a schema back, in a stream.
//!
//! Nothing is sent but by [`Chat::ask`]. The key goes into one header and nowhere else. What takes too long, breaks off
//! or is busy is asked again a bounded number of times, at growing distances; after several failures in a row nothing
//! is asked for a while. Tokens and money are counted, and nothing is asked beyond the budget.

mod attempt;
mod endpoint;
mod prices;
mod request;
mod stream;

pub use crate::address::Key;
pub use endpoint::{Endpoint, Form, Terms};
pub use prices::{Price, PriceList};

use attempt::Attempt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Instant;
use ureq::Agent;

/// So many asks that fail one after the other are enough for a while.
const FAILURES: u32 = 3;
/// How long nothing is asked then.
const REST: Duration = Duration::from_secs(30);
/// The first distance between two tries; every further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How often a wait looks whether anybody still wants the answer.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChatError {
    /// The limit of time is over.
    #[error("{host} did not answer within {limit:?}; {tries} tries, the last: {last}")]
    Timeout {
        /// Who was asked.
        host: String,
        /// The limit.
        limit: Duration,
        /// How often.
        tries: u32,
        /// What came of the last try.
        last: String,
    },
    /// Whoever asked does not want the answer any more.
    #[error("the call was cancelled")]
    Cancelled,
    /// It failed in a way that would not change, or too often.
    #[error("{host}: {what}")]
    Failed {
        /// Who was asked.
        host: String,
        /// What came.
        what: String,
    },
    /// Too many asks have failed; it is not asked for a while.
    #[error("{host} has failed {FAILURES} times in a row and is left alone for {} s", left.as_secs())]
    Resting {
        /// Who would have been asked.
        host: String,
        /// For how long yet.
        left: Duration,
    },
    /// The budget is used up.
    #[error("the budget is used up: {0}")]
    Budget(String),
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Pictures as PNG files' bytes, in order, before the prompt.
    pub pictures: &'a [Vec<u8>],
    /// The prompt.
    pub prompt: &'a str,
    /// JSON schema of the answer.
    pub schema: &'a Value,
    /// Most tokens of the answer.
    pub max_tokens: usize,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The answer, JSON that was unpacked from what the server wraps it in; whether it is of the schema is for the
    /// caller to see.
    pub text: String,
    /// Tokens of prompt and answer, as the server counted them; zero where it does not say.
    pub tokens: [u64; 2],
    /// What it cost, in the currency of the price.
    pub cost: f64,
    /// How often it was asked.
    pub tries: u32,
    /// Which model answered and with which fingerprint, as far as the server says.
    pub served: Served,
}

/// Who answered, by a server's own account: bounded, without control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The model's name; it may say more than the one that was asked for.
    pub model: Option<String>,
    /// `system_fingerprint`: what changes with weights and program.
    pub fingerprint: Option<String>,
}

/// Why a try gave no answer.
struct Miss {
    what: String,
    /// The server asks not to be asked again before.
    after: Option<Duration>,
    /// It would be the same another time.
    is_final: bool,
}

/// One model elsewhere.
#[derive(Debug)]
pub struct Chat {
    endpoint: Endpoint,
    terms: Terms,
    agent: Agent,
    failures: u32,
    rests_until: Option<Instant>,
    tokens: u64,
    cost: f64,
    /// What was not waited for, with the tokens that were counted for it already.
    left_behind: Vec<(Receiver<attempt::Made>, u64)>,
}

impl Chat {
    /// Sends nothing yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, terms: Terms) -> Self {
        // A redirect could carry key and pictures to somebody else.
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        Self {
            agent: Agent::new_with_config(config.build()),
            endpoint,
            terms,
            failures: 0,
            rests_until: None,
            tokens: 0,
            cost: 0.0,
            left_behind: Vec::new(),
        }
    }

    /// Whom it asks.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// In what form it is asked for JSON.
    #[must_use]
    pub fn form(&self) -> Form {
        self.terms.form
    }

    /// What it asks a server for about the choice of tokens: a seed, and settings under the names that servers have.
    #[must_use]
    pub fn sampling(&self, max_tokens: usize) -> (Option<i64>, BTreeMap<String, f64>) {
        request::sampling(&self.terms, max_tokens)
    }

    /// Tokens and money so far.
    #[must_use]
    pub fn spent(&self) -> (u64, f64) {
        (self.tokens, self.cost)
    }

    /// Asks, for at most `limit`; `cancel` is looked at while it waits and between two pieces of the answer.
    ///
    /// # Errors
    /// [`ChatError`].
    pub fn ask(
        &mut self,
        question: &Question<'_>,
        limit: Duration,
        cancel: &AtomicBool,
    ) -> Result<Reply, ChatError> {
        let begun = Instant::now();
        let host = self.endpoint.host().to_owned();
        self.check_budget()?;
        if let Some(left) = self.rests_until.map(|until| until.saturating_duration_since(begun))
            && !left.is_zero()
        {
            return Err(ChatError::Resting { host, left });
        }
        let body = request::body(self.endpoint.model(), &self.terms, question).to_string();
        let limit = limit.min(self.terms.limit);
        let left = || limit.saturating_sub(begun.elapsed());
        let (mut wait, mut last) = (FIRST_WAIT, "nothing came".to_owned());
        let (mut tries, cost_before) = (0, self.cost);
        // About four letters a token, and a picture like a page of text: for servers that do not say.
        let estimate = question.prompt.len() as u64 / 4 + 1000 * question.pictures.len() as u64;
        let outcome = loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(ChatError::Cancelled);
            }
            if left().is_zero() {
                break Err(ChatError::Timeout { host, limit, tries, last });
            }
            tries += 1;
            match self.once(&body, estimate, left(), cancel) {
                Ok(answer) => break Ok(answer),
                Err(miss) if miss.is_final => break Err(ChatError::Failed { host, what: miss.what }),
                Err(miss) if left().is_zero() => {
                    break Err(ChatError::Timeout { host, limit, tries, last: miss.what });
                }
                Err(miss) if tries > self.terms.retries || miss.after.is_some_and(|after| after > left()) => {
                    break Err(ChatError::Failed {
                        host,
                        what: format!("{}, after {tries} tries", miss.what),
                    });
                }
                Err(miss) => {
                    last = miss.what;
                    let until = Instant::now() + miss.after.unwrap_or(wait).min(left());
                    wait = (2 * wait).min(LONGEST_WAIT);
                    while Instant::now() < until && !cancel.load(Ordering::Relaxed) {
                        std::thread::sleep(LOOK.min(until.saturating_duration_since(Instant::now())));
                    }
                }
            }
        };
        if cancel.load(Ordering::Relaxed) {
            return Err(ChatError::Cancelled);
        }
        match outcome {
            Ok(answer) => {
                (self.failures, self.rests_until) = (0, None);
                let cost = self.cost - cost_before;
                Ok(Reply { text: answer.text, tokens: answer.tokens, cost, tries, served: answer.served })
            }
            Err(why) => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    self.rests_until = Some(Instant::now() + REST);
                }
                Err(why)
            }
        }
    }

    /// Counts what came of questions that nobody waited for.
    fn count_left_behind(&mut self) {
        for (made, counted) in core::mem::take(&mut self.left_behind) {
            match made.try_recv() {
                Ok(([prompt, answer], _)) => self.count([prompt.saturating_sub(counted), answer]),
                Err(TryRecvError::Empty) => self.left_behind.push((made, counted)),
                Err(TryRecvError::Disconnected) => {}
            }
        }
    }

    fn check_budget(&mut self) -> Result<(), ChatError> {
        self.count_left_behind();
        let e = &self.terms;
        if self.tokens >= e.most_tokens {
            return Err(ChatError::Budget(format!("{} of {} tokens", self.tokens, e.most_tokens)));
        }
        if !e.price.currency.is_empty() && self.cost >= e.most_cost {
            return Err(ChatError::Budget(format!("{:.4} of {:.4}", self.cost, e.most_cost)));
        }
        Ok(())
    }

    fn count(&mut self, tokens: [u64; 2]) {
        self.tokens += tokens.iter().sum::<u64>();
        self.cost += self.terms.price.of(tokens);
    }

    /// One try, waited for as long as the answer is wanted. Whatever it may have cost is counted, answer or not (of one that
    /// is not waited for its answer later); `estimate` is for prompts that nobody counted.
    fn once(
        &mut self,
        body: &str,
        estimate: u64,
        left: Duration,
        cancel: &AtomicBool,
    ) -> Result<stream::Answer, Miss> {
        let (told, heard) = std::sync::mpsc::channel();
        let unwanted = Arc::new(AtomicBool::new(false));
        let attempt = Attempt {
            agent: self.agent.clone(),
            endpoint: self.endpoint.clone(),
            form: self.terms.form,
            body: body.to_owned(),
            estimate,
            left,
            unwanted: Arc::clone(&unwanted),
        };
        // A read that waits cannot be woken: whoever gives up leaves it behind, to end by its limit.
        let thread =
            std::thread::Builder::new().name("asking".into()).spawn(move || told.send(attempt.make()));
        if let Err(e) = thread {
            return Err(Miss { what: format!("no thread: {e}"), after: None, is_final: false });
        }
        let (tokens, outcome) = loop {
            match heard.recv_timeout(LOOK) {
                Ok(made) => break made,
                Err(RecvTimeoutError::Timeout) if !cancel.load(Ordering::Relaxed) => {}
                Err(why) => {
                    unwanted.store(true, Ordering::Relaxed);
                    self.left_behind.push((heard, estimate));
                    let what = match why {
                        RecvTimeoutError::Timeout => "the answer was not waited for",
                        RecvTimeoutError::Disconnected => "the thread that asked has ended",
                    };
                    break ([estimate, 0], Err(Miss { what: what.to_owned(), after: None, is_final: false }));
                }
            }
        };
        self.count(tokens);
        outcome
    }
}
