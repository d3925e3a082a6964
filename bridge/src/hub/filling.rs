//! One file: asked for, added up, asked for again from where it broke off.

use super::line::Miss;
use super::listing::Entry;
use super::part::{self, Part};
use super::{Hub, HubError, Name, Patience, Told};
use crate::address;
use core::time::Duration;
use std::io::Read as _;
use std::path::Path;
use types::Rejection;

/// So many tries that bring nothing new, one after the other, are enough.
const TRIES: u32 = 6;
/// Bytes that count as something new, where the file does not end before.
const SOMETHING: u64 = 64 << 10;
/// How often a wait looks whether anybody still wants the files.
const LOOK: Duration = Duration::from_millis(20);
/// How far a fetching is.
pub(super) struct Course<'a> {
    pub(super) name: &'a Name,
    pub(super) commit: &'a str,
    pub(super) folder: &'a Path,
    /// Bytes of the files that stand.
    pub(super) here: u64,
    pub(super) in_all: u64,
    /// Bytes that came over the line.
    pub(super) n_fetched: u64,
}

/// Tries in a row that brought nothing new.
pub(super) struct Tries {
    n: u32,
    wait: Duration,
}

impl Tries {
    pub(super) fn new(patience: &Patience) -> Self {
        Self { n: 0, wait: patience.first_wait }
    }
}

/// Why a stretch of a file ended early.
enum Stop {
    Missed(Miss),
    Ended(HubError),
}

impl From<HubError> for Stop {
    fn from(e: HubError) -> Self {
        Self::Ended(e)
    }
}

impl Hub {
    /// Fetches what is missing of one file, until it stands.
    pub(super) fn file(
        &self,
        entry: &Entry,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), HubError> {
        if !part::stands(course.folder, entry)? {
            let mut is_second = false;
            loop {
                let mut part = Part::open(course.folder, entry)?;
                self.fill(&mut part, entry, course, tell, goes_on)?;
                match part.finish()? {
                    None => break,
                    Some(got) if is_second => {
                        let (file, expected) = (entry.name.clone(), entry.sum.to_string());
                        return Err(HubError::Spoilt { host: self.host(), file, expected, got });
                    }
                    Some(_) => {
                        let why = "another checksum than is published";
                        tell(Told::Again { about: &entry.name, why, after: Duration::ZERO });
                    }
                }
                is_second = true;
            }
        }
        course.here += entry.size;
        tell(Told::Stands { file: &entry.name, size: entry.size });
        Ok(())
    }

    /// Until all bytes are there, whatever they are.
    fn fill(
        &self,
        part: &mut Part<'_>,
        entry: &Entry,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), HubError> {
        let mut tries = Tries::new(&self.patience);
        // Bytes at which there was something new.
        let mut best = part.length();
        while part.length() < entry.size {
            match self.stretch(part, entry, course, tell, goes_on) {
                Ok(()) => {}
                Err(Stop::Ended(why)) => return Err(why),
                Err(Stop::Missed(miss)) => {
                    if part.length() >= best.saturating_add(SOMETHING) {
                        best = part.length();
                        tries = Tries::new(&self.patience);
                    }
                    self.again(&mut tries, miss, &entry.name, tell, goes_on)?;
                }
            }
        }
        Ok(())
    }

    /// One request, and as much as comes of it.
    fn stretch(
        &self,
        part: &mut Part<'_>,
        entry: &Entry,
        course: &mut Course<'_>,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), Stop> {
        if !goes_on() {
            return Err(Stop::Ended(HubError::Cancelled));
        }
        let (repository, commit) = (course.name.repository(), course.commit);
        let url = format!("{}/{repository}/resolve/{commit}/{}", self.url, entry.name);
        let begin = part.length();
        let mut answer = self.get(&url, begin).map_err(Stop::Missed)?;
        let other_size = |got: String| {
            let expected = format!("{} bytes, as the hub lists it", entry.size);
            Stop::Ended(Rejection::new(format!("{repository} {}", entry.name), expected, got).into())
        };
        match (answer.status, answer.range) {
            (206, Some((from, all))) if from == begin => {
                if let Some(all) = all.filter(|all| *all != entry.size) {
                    return Err(other_size(format!("{all}")));
                }
            }
            (206, _) => {
                part.restart()?;
                return Err(Stop::Missed(Miss::new("another range than was asked for")));
            }
            (416, _) => {
                part.restart()?;
                return Err(Stop::Missed(Miss::new("status 416: no such range")));
            }
            _ => {
                if let Some(length) = answer.length.filter(|l| *l != entry.size) {
                    return Err(other_size(format!("{length}")));
                }
                if begin > 0 {
                    part.restart()?;
                }
            }
        }
        let mut buffer = vec![0; part::AT_ONCE];
        while part.length() < entry.size {
            let n = match answer.body.read(&mut buffer) {
                Ok(0) => {
                    let what = format!("the line ended at byte {} of {}", part.length(), entry.size);
                    return Err(Stop::Missed(Miss::new(what)));
                }
                Ok(n) => n,
                Err(e) => return Err(Stop::Missed(Miss::new(self.said_io(&e)))),
            };
            if n as u64 > entry.size - part.length() {
                return Err(other_size("more".into()));
            }
            part.append(&buffer[..n])?;
            course.n_fetched += n as u64;
            let (done, size) = (part.length(), entry.size);
            let (done_in_all, in_all) = (course.here + done, course.in_all);
            tell(Told::Bytes { file: &entry.name, done, size, done_in_all, in_all });
            if !goes_on() {
                return Err(Stop::Ended(HubError::Cancelled));
            }
        }
        Ok(())
    }

    /// Waits before the next try, or says why there is none.
    pub(super) fn again(
        &self,
        tries: &mut Tries,
        miss: Miss,
        about: &str,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), HubError> {
        if !goes_on() {
            return Err(HubError::Cancelled);
        }
        let fail = |what: String| Err(HubError::Failed { host: self.host(), about: about.to_owned(), what });
        tries.n += 1;
        if miss.is_final {
            return fail(miss.what);
        }
        if tries.n >= TRIES {
            return fail(format!("{TRIES} tries brought nothing new, the last: {}", miss.what));
        }
        if let Some(after) = miss.after.filter(|a| *a > self.patience.longest_after) {
            return fail(format!("{}, to be asked again in {} s", miss.what, after.as_secs()));
        }
        let mut left = miss.after.unwrap_or(tries.wait);
        tries.wait = (2 * tries.wait).min(self.patience.longest_wait);
        tell(Told::Again { about, why: &miss.what, after: left });
        while !left.is_zero() {
            if !goes_on() {
                return Err(HubError::Cancelled);
            }
            std::thread::sleep(LOOK.min(left));
            left = left.saturating_sub(LOOK);
        }
        Ok(())
    }

    fn host(&self) -> String {
        address::host_of(&self.url).to_owned()
    }
}
