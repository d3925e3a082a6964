//! Whoever said the sentence, when the mission asks back.

use core::time::Duration;
use std::sync::mpsc::{RecvTimeoutError, channel};

/// Between two looks whether the question is still wanted.
const LOOKS: Duration = Duration::from_millis(20);

/// The person gave the sentence up instead.
pub(crate) struct GivenUp;

/// Somebody who can be asked.
pub(crate) trait Person: Send {
    /// What they answer to the question that they were just told; `None` where they do not. `ready` is called when an
    /// answer would be heard.
    ///
    /// # Errors
    /// [`GivenUp`].
    fn answer(&mut self, ready: &mut dyn FnMut()) -> Result<Option<String>, GivenUp>;
}

/// At the terminal. Ctrl-C works meanwhile.
pub(crate) struct Terminal;

impl Person for Terminal {
    fn answer(&mut self, ready: &mut dyn FnMut()) -> Result<Option<String>, GivenUp> {
        ready();
        eprint!("> ");
        line(&mut || crate::interrupt::count() > 0)
    }
}

/// A line of standard input without the blanks around it; `None` for an empty one, and at its end.
///
/// # Errors
/// [`GivenUp`] as soon as `gives_up` says so.
pub(crate) fn line(gives_up: &mut dyn FnMut() -> bool) -> Result<Option<String>, GivenUp> {
    let (sender, receiver) = channel();
    // Reading a line cannot be broken off: it is left to a thread that nobody waits for.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _ = sender.send(read.map(|_| line));
    });
    loop {
        match receiver.recv_timeout(LOOKS) {
            Ok(Ok(line)) => return Ok(Some(line.trim().to_owned()).filter(|l| !l.is_empty())),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) if gives_up() => return Err(GivenUp),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
