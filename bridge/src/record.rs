//! The folder that each run leaves: everything needed to say afterwards why it moved.

use crate::{BridgeError, Canvas, files};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use types::events::Event;

/// A folder with `events.jsonl` and whatever else a run leaves. Wall times stand apart, in
/// `wall.jsonl`, so that in lockstep the same seed gives the same bytes of events.
pub struct RunFolder {
    path: PathBuf,
    events: BufWriter<File>,
    dropped: u64,
}

impl RunFolder {
    /// Creates the folder, and its parents.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when it cannot be created.
    pub fn create(path: &Path) -> Result<Self, BridgeError> {
        fs::create_dir_all(path).map_err(BridgeError::io(path))?;
        let file = path.join("events.jsonl");
        let events = BufWriter::new(File::create(&file).map_err(BridgeError::io(&file))?);
        Ok(Self { path: path.to_owned(), events, dropped: 0 })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one event; one that cannot be written is counted, and the run goes on (F30).
    pub fn event(&mut self, event: &Event) {
        let written = serde_json::to_writer(&mut self.events, event)
            .map_err(std::io::Error::other)
            .and_then(|()| self.events.write_all(b"\n"))
            .and_then(|()| self.events.flush());
        if written.is_err() {
            self.dropped += 1;
        }
    }

    /// How many events could not be written.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Writes a text file.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when it cannot be written.
    pub fn text(&self, name: &str, text: &str) -> Result<(), BridgeError> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(BridgeError::io(&path))
    }

    /// Writes a picture as PNG.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when it cannot be written.
    pub fn picture(&self, name: &str, canvas: &Canvas) -> Result<PathBuf, BridgeError> {
        let path = self.path.join(name);
        files::write_png(&path, canvas)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Time;
    use types::events::Level;

    #[test]
    fn events_are_written_one_a_line_and_can_be_read_back() {
        let dir = std::env::temp_dir().join(format!("sinew-record-{}", std::process::id()));
        let mut folder = RunFolder::create(&dir).expect("created");
        let event = Event {
            stamp: Time::from_nanos(5),
            level: Level::Warn,
            stage: "run".into(),
            kind: "fault".into(),
            fault: Some("F8".into()),
            text: "line\nbreak".into(),
        };
        folder.event(&event);
        folder.event(&event);
        let text = fs::read_to_string(dir.join("events.jsonl")).expect("read");
        let back: Vec<Event> = text.lines().map(|l| serde_json::from_str(l).expect("json")).collect();
        assert_eq!(back, vec![event.clone(), event]);
        fs::remove_dir_all(&dir).expect("removed");
    }
}
