//! How the robot does, on `/diagnostics`, once a second.

use super::{Ros, RosError};
use crate::ros::{Care, DiagnosticArray, DiagnosticStatus, Header, KeyValue};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use types::seams::Clock;

const PERIOD: Duration = Duration::from_secs(1);

/// How it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// 0 well, 1 a warning, 2 an error, 3 nothing was heard of it.
    pub level: u8,
    /// A sentence.
    pub message: String,
    /// What, with its unit, and how much.
    pub values: Vec<(String, String)>,
}

impl Health {
    fn array(self, header: Header, name: &str, hardware_id: &str) -> DiagnosticArray {
        let values = self.values.into_iter().map(|(key, value)| KeyValue { key, value }).collect();
        let (name, hardware_id) = (name.to_owned(), hardware_id.to_owned());
        let status = DiagnosticStatus { level: self.level, name, message: self.message, hardware_id, values };
        DiagnosticArray { header, status: vec![status] }
    }
}

/// As long as it is there, it is said.
pub struct Diagnostics {
    // The thread ends when this is gone.
    ends: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.ends = None;
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

impl Ros {
    /// Says once a second how a part of the robot does, by a thread of its own. One that panics is an error, and asked
    /// again.
    ///
    /// # Errors
    /// As [`Self::publisher`].
    pub fn diagnostics(
        &self,
        name: &str,
        hardware_id: &str,
        clock: impl Clock + 'static,
        tell: impl FnMut() -> Health + Send + 'static,
    ) -> Result<Diagnostics, RosError> {
        let said = self.publisher::<DiagnosticArray>("/diagnostics", Care::Reliable)?;
        let (name, hardware_id) = (name.to_owned(), hardware_id.to_owned());
        every(PERIOD, tell, move |health| {
            let header = Header { stamp: clock.now().into(), frame_id: String::new() };
            // What cannot be said now is said a second later.
            _ = said.put(&health.array(header, &name, &hardware_id));
        })
    }
}

fn every(
    period: Duration,
    mut tell: impl FnMut() -> Health + Send + 'static,
    say: impl Fn(Health) + Send + 'static,
) -> Result<Diagnostics, RosError> {
    let (ends, is_over) = channel::<()>();
    let run = move || {
        loop {
            let told = catch_unwind(AssertUnwindSafe(&mut tell));
            say(told.unwrap_or_else(|_| Health {
                level: 2,
                message: "what tells how it does has panicked".to_owned(),
                values: Vec::new(),
            }));
            if is_over.recv_timeout(period) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("sinew-health".into()).spawn(run);
    let thread = thread.map_err(|e| RosError::Rcl(e.to_string()))?;
    Ok(Diagnostics { ends: Some(ends), thread: Some(thread) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_again_and_again_and_one_that_panics_is_an_error() {
        let (said, hears) = channel();
        let mut k = 0;
        let tell = move || {
            k += 1;
            assert!(k != 2, "the second time");
            Health { level: 0, message: k.to_string(), values: vec![("k".into(), k.to_string())] }
        };
        let saying = every(Duration::from_millis(5), tell, move |health| _ = said.send(health));
        let saying = saying.expect("a thread");
        let next = || hears.recv_timeout(Duration::from_secs(10)).expect("said");
        assert_eq!((next().message.as_str(), next().level, next().message.as_str()), ("1", 2, "3"));
        drop(saying);
        while hears.recv_timeout(Duration::from_secs(10)).is_ok() {}
    }

    #[test]
    fn values_stand_in_order_below_the_name_of_the_part() {
        let values = vec![("loop, Hz".to_owned(), "1000".to_owned()), ("late".to_owned(), "0".to_owned())];
        let health = Health { level: 1, message: "late".to_owned(), values };
        let array = health.array(Header::default(), "sinew: loop", "panda");
        let [status] = &array.status[..] else { panic!("one") };
        assert_eq!(
            (status.name.as_str(), status.hardware_id.as_str(), status.level),
            ("sinew: loop", "panda", 1)
        );
        let keys: Vec<&str> = status.values.iter().map(|v| v.key.as_str()).collect();
        assert_eq!(keys, ["loop, Hz", "late"]);
    }
}
