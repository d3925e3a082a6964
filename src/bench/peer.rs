//! A peer in a process of its own, spoken to by lines and raw doubles.

use super::table::Table;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// See `scripts/peer`.
pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a peer.
    ///
    /// # Errors
    /// When the program is not there or does not start.
    fn start(program: &Path) -> std::io::Result<Self> {
        Self::run(Command::new(program))
    }

    /// Starts a peer as the command says.
    ///
    /// # Errors
    /// When the program is not there or does not start.
    pub(crate) fn run(mut command: Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::Error::other("no pipes"));
        };
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    /// Starts the peer of a line of the table; without it, the table says so.
    pub(crate) fn for_line(table: &mut Table, what: &str, program: &Path) -> Option<Self> {
        Self::start(program).map_err(|e| table.missing(what, &format!("{}: {e}", program.display()))).ok()
    }

    /// Sends a line and returns the words of the answer.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn ask(&mut self, line: &str) -> std::io::Result<Vec<String>> {
        self.send(line)?;
        self.answer()
    }

    /// Sends a line.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn send(&mut self, line: &str) -> std::io::Result<()> {
        writeln!(self.to, "{line}")?;
        self.to.flush()
    }

    /// The words of the next line.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn answer(&mut self) -> std::io::Result<Vec<String>> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other("the peer ended"));
        }
        Ok(line.split_whitespace().map(str::to_owned).collect())
    }

    /// Sends numbers.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn give(&mut self, numbers: &[f64]) -> std::io::Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_ne_bytes()).collect();
        self.to.write_all(&bytes)?;
        self.to.flush()
    }

    /// Takes `n` numbers.
    ///
    /// # Errors
    /// When the peer has gone.
    pub(crate) fn take(&mut self, n: usize) -> std::io::Result<Vec<f64>> {
        let mut bytes = vec![0u8; 8 * n];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b)).collect())
    }

    /// Runs a block; CPU nanoseconds of one call.
    ///
    /// # Errors
    /// When the peer has gone or answers nonsense.
    pub(crate) fn block(&mut self, kind: &str, ms: u64) -> std::io::Result<f64> {
        let words = self.ask(&format!("block {kind} {ms}"))?;
        let number = |i: usize| words.get(i).and_then(|w| w.parse::<f64>().ok()).filter(|v| *v > 0.0);
        match (number(0), number(1)) {
            (Some(n), Some(ns)) => Ok(ns / n),
            _ => Err(std::io::Error::other(format!("the peer answered {words:?}"))),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input; this only makes sure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
