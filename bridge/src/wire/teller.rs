//! Says messages from a thread of its own: whoever has something to tell never waits for whoever hears it.

use super::{Publisher, WireError};
use crate::ros::Message;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Messages that may wait to be said.
const WAITING: usize = 1024;

/// See the head of this file.
pub struct Teller<M> {
    line: Option<SyncSender<M>>,
    thread: Option<JoinHandle<()>>,
    lost: AtomicU64,
}

impl<M: Message + Send + 'static> Teller<M> {
    /// Says what it is told through this publisher.
    ///
    /// # Errors
    /// [`WireError::Zenoh`] when there is no thread to be had.
    pub fn new(publisher: Publisher<M>) -> Result<Self, WireError> {
        let (sender, receiver) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().name("telling".into()).spawn(move || {
            while let Ok(message) = receiver.recv() {
                if let Err(e) = publisher.put(&message) {
                    // Who reads no warnings does not silence it.
                    let _ = writeln!(std::io::stderr(), "warning: {e}");
                }
            }
        });
        let thread = thread.map_err(|e| WireError::Zenoh(e.to_string()))?;
        Ok(Self { line: Some(sender), thread: Some(thread), lost: AtomicU64::new(0) })
    }

    /// Has it said, if there is room; else it is counted.
    pub fn tell(&self, message: M) {
        let told = self.line.as_ref().is_some_and(|line| line.try_send(message).is_ok());
        self.lost.fetch_add(u64::from(!told), Ordering::Relaxed);
    }

    /// How many found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl<M> Drop for Teller<M> {
    fn drop(&mut self) {
        drop(self.line.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
