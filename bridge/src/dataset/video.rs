//! Videos, through a program of others: `ffmpeg`. Pictures go in and come out through pipes, as they are.

use super::DatasetError;
use crate::Canvas;
use crate::files::MAX_SIDE;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// Of what the program complains of so many bytes are kept.
const MOST_WORDS: u64 = 4096;

/// No file of anybody's makes the program open another, or a connection: lists of files, which are films to it too, are
/// none here.
const UNLED: [&str; 8] = [
    "-hide_banner",
    "-nostdin",
    "-v",
    "error",
    "-protocol_whitelist",
    "file,pipe",
    "-format_whitelist",
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,ogg,flv",
];

/// How a video is made.
#[derive(Debug, PartialEq, Eq)]
struct Codec {
    /// What the program calls who makes it.
    encoder: &'static str,
    /// The format's name.
    name: &'static str,
    options: &'static [&'static str],
}

/// By preference. Every second picture stands alone (`-g 2`): whoever learns takes frames at random.
const CODECS: [Codec; 3] = [
    Codec {
        encoder: "libx264",
        name: "h264",
        options: &["-preset", "medium", "-crf", "18", "-g", "2", "-bf", "0"],
    },
    Codec { encoder: "libsvtav1", name: "av1", options: &["-preset", "8", "-crf", "24", "-g", "2"] },
    Codec { encoder: "mpeg4", name: "mpeg4", options: &["-q:v", "2", "-g", "2", "-bf", "0"] },
];

/// The program, if it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ffmpeg {
    program: PathBuf,
    codec: Option<&'static Codec>,
}

impl Ffmpeg {
    /// Looks whether this program can be started, by path or by name; nothing when it cannot.
    #[must_use]
    pub fn find(program: &Path) -> Option<Self> {
        let out = Command::new(program)
            .args(["-hide_banner", "-v", "error", "-encoders"])
            .stdin(Stdio::null())
            .output()
            .ok()
            .filter(|o| o.status.success())?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let has = |name: &str| text.lines().any(|l| l.split_whitespace().nth(1) == Some(name));
        Some(Self { program: program.to_owned(), codec: CODECS.iter().find(|c| has(c.encoder)) })
    }

    /// The format of videos that it makes; nothing if it makes none.
    #[must_use]
    pub fn codec(&self) -> Option<&'static str> {
        self.codec.map(|c| c.name)
    }

    pub(crate) fn error(&self, what: impl Into<String>) -> DatasetError {
        DatasetError::Video { program: self.program.display().to_string(), what: what.into() }
    }

    fn start(&self, command: &mut Command) -> Result<(Child, JoinHandle<String>), DatasetError> {
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(|e| self.error(e.to_string()))?;
        let stderr = child.stderr.take();
        // It must not come to wait for somebody to hear it.
        let words = std::thread::Builder::new().name("sinew-ffmpeg".to_owned()).spawn(move || {
            let mut words = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.by_ref().take(MOST_WORDS).read_to_end(&mut words);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            String::from_utf8_lossy(&words).trim().to_owned()
        });
        match words {
            Ok(words) => Ok((child, words)),
            Err(e) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(self.error(e.to_string()))
            }
        }
    }
}

/// The program while it plays a film into a pipe.
pub(crate) struct Play {
    ffmpeg: Ffmpeg,
    child: Child,
    words: Option<JoinHandle<String>>,
}

impl Ffmpeg {
    /// Begins to decode every picture of a film, as `to` says.
    ///
    /// # Errors
    /// [`DatasetError::Video`] when the program cannot be started, [`DatasetError::Io`] for a file that is not there.
    pub(crate) fn play(&self, path: &Path, to: &[&str]) -> Result<Play, DatasetError> {
        std::fs::metadata(path).map_err(DatasetError::io(path))?;
        let mut command = Command::new(&self.program);
        command.args(UNLED).arg("-i").arg(file_url(path));
        command.args(["-map", "0:v:0", "-an", "-fps_mode", "passthrough"]).args(to);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (child, words) = self.start(&mut command)?;
        Ok(Play { ffmpeg: self.clone(), child, words: Some(words) })
    }
}

impl Play {
    /// What it writes; to be taken once.
    pub(crate) fn out(&mut self) -> Box<dyn Read> {
        self.child.stdout.take().map_or_else(|| Box::new(std::io::empty()) as Box<dyn Read>, |o| Box::new(o))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`DatasetError::Video`] with what it complains of: it ends well, too, after pictures that it could not decode, and
    /// leaves them out or paints them over.
    pub(crate) fn end(&mut self, path: &Path) -> Result<(), DatasetError> {
        let status = self.child.wait().map_err(|e| self.ffmpeg.error(e.to_string()))?;
        let words = self.words.take().and_then(|w| w.join().ok()).unwrap_or_default();
        if status.success() && words.is_empty() {
            return Ok(());
        }
        Err(self.ffmpeg.error(format!("{}: {status}: {words}", path.display())))
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The form of pixels in a video of these sides: colours of half the size need even ones.
pub(super) fn pixels(width: usize, height: usize) -> &'static str {
    if width.is_multiple_of(2) && height.is_multiple_of(2) { "yuv420p" } else { "yuv444p" }
}

/// Makes a video, picture by picture.
pub(super) struct VideoWriter {
    ffmpeg: Ffmpeg,
    path: PathBuf,
    size: (usize, usize),
    child: Child,
    to: Option<BufWriter<ChildStdin>>,
    words: Option<JoinHandle<String>>,
}

impl VideoWriter {
    /// Begins a video of these sides, pixels, and frames per second.
    ///
    /// # Errors
    /// [`DatasetError::Video`] when the program cannot be started or makes no videos.
    pub(super) fn create(
        ffmpeg: &Ffmpeg,
        path: &Path,
        size: (usize, usize),
        fps: u32,
    ) -> Result<Self, DatasetError> {
        let codec = ffmpeg.codec.ok_or_else(|| ffmpeg.error("expected one that makes videos"))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(DatasetError::io(folder))?;
        }
        let mut command = Command::new(&ffmpeg.program);
        command
            .args(["-hide_banner", "-nostdin", "-v", "error", "-n", "-f", "rawvideo", "-pix_fmt", "rgb24"])
            .args(["-video_size", &format!("{}x{}", size.0, size.1), "-framerate", &fps.to_string()])
            .args(["-i", "pipe:0", "-an", "-c:v", codec.encoder])
            .args(codec.options)
            .args(["-pix_fmt", pixels(size.0, size.1)])
            .arg(file_url(path))
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let (mut child, words) = ffmpeg.start(&mut command)?;
        let to = child.stdin.take().map(BufWriter::new);
        Ok(Self { ffmpeg: ffmpeg.clone(), path: path.to_owned(), size, child, to, words: Some(words) })
    }

    /// Adds a picture.
    ///
    /// # Errors
    /// [`DatasetError::Video`] when the program has ended, [`DatasetError::Refused`] for a picture of other sides.
    pub(super) fn push(&mut self, picture: &Canvas) -> Result<(), DatasetError> {
        if (picture.width(), picture.height()) != self.size {
            return Err(unfit(&self.path, self.size, (picture.width(), picture.height())));
        }
        let written = self.to.as_mut().map(|to| to.write_all(picture.rgb()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => {
                Err(self.end().err().unwrap_or_else(|| self.ffmpeg.error("it ended before its pictures did")))
            }
        }
    }

    /// Bytes of the file so far.
    pub(super) fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |m| m.len())
    }

    /// Ends the video.
    ///
    /// # Errors
    /// [`DatasetError::Video`] with what the program says.
    pub(super) fn finish(mut self) -> Result<(), DatasetError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), DatasetError> {
        let flushed = self.to.take().map_or(Ok(()), |mut to| to.flush());
        let status = self.child.wait().map_err(|e| self.ffmpeg.error(e.to_string()))?;
        let words = self.words.take().and_then(|w| w.join().ok()).unwrap_or_default();
        match (status.success(), flushed) {
            (true, Ok(())) => Ok(()),
            (true, Err(e)) => Err(self.ffmpeg.error(e.to_string())),
            (false, _) => Err(self.ffmpeg.error(format!("{}: {status}: {words}", self.path.display()))),
        }
    }
}

impl Drop for VideoWriter {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unfit(path: &Path, expected: (usize, usize), got: (usize, usize)) -> DatasetError {
    let field = format!("a picture for {}", path.display());
    let expected = format!("{} × {} pixels", expected.0, expected.1);
    types::Rejection::new(field, expected, format!("{} × {}", got.0, got.1)).into()
}

/// A path that the program takes for nothing else.
fn file_url(path: &Path) -> std::ffi::OsString {
    let mut url = std::ffi::OsString::from("file:");
    url.push(path);
    url
}

/// Pictures of a video, one after the other.
pub(super) struct VideoReader {
    ffmpeg: Ffmpeg,
    path: PathBuf,
    size: (usize, usize),
    /// Pictures that are to come.
    left: u64,
    child: Child,
    from: Option<BufReader<ChildStdout>>,
    words: Option<JoinHandle<String>>,
}

impl VideoReader {
    /// The `n` pictures from `begin_s` on, seconds, of a video of these sides and frames per second.
    ///
    /// # Errors
    /// [`DatasetError::Video`] when the program cannot be started.
    pub(super) fn open(
        ffmpeg: &Ffmpeg,
        path: &Path,
        size: (usize, usize),
        (begin_s, fps, n): (f64, f64, u64),
    ) -> Result<Self, DatasetError> {
        std::fs::metadata(path).map_err(DatasetError::io(path))?;
        let mut command = Command::new(&ffmpeg.program);
        command.args(UNLED);
        // A quarter of a frame early: times are rounded.
        let early = begin_s - 0.25 / fps;
        if early > 0.0 {
            command.args(["-ss", &format!("{early:.6}")]);
        }
        command
            .arg("-i")
            .arg(file_url(path))
            .args(["-map", "0:v:0", "-an", "-frames:v", &n.to_string(), "-fps_mode", "passthrough"])
            .args(["-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let (mut child, words) = ffmpeg.start(&mut command)?;
        let from = child.stdout.take().map(|out| BufReader::with_capacity(1 << 20, out));
        let (ffmpeg, path) = (ffmpeg.clone(), path.to_owned());
        Ok(Self { ffmpeg, path, size, left: n, child, from, words: Some(words) })
    }

    fn picture(&mut self) -> Result<Canvas, DatasetError> {
        let (width, height) = self.size;
        let read = match &mut self.from {
            Some(from) => netpbm(from),
            None => Ok(None),
        };
        match read {
            Ok(Some(canvas)) if (canvas.width(), canvas.height()) == (width, height) => Ok(canvas),
            Ok(Some(canvas)) => Err(unfit(&self.path, self.size, (canvas.width(), canvas.height()))),
            Ok(None) | Err(_) => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                let words = self.words.take().and_then(|w| w.join().ok()).unwrap_or_default();
                let what = format!(
                    "{}: expected {} more pictures, got none {words}",
                    self.path.display(),
                    self.left
                );
                Err(self.ffmpeg.error(what.trim().to_owned()))
            }
        }
    }
}

impl Iterator for VideoReader {
    type Item = Result<Canvas, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let picture = self.picture();
        self.left = if picture.is_ok() { self.left - 1 } else { 0 };
        Some(picture)
    }
}

impl Drop for VideoReader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One picture in Netpbm's P6; nothing at the end.
pub(crate) fn netpbm(from: &mut impl BufRead) -> std::io::Result<Option<Canvas>> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut words = Vec::new();
    while words.len() < 4 {
        let mut line = Vec::new();
        from.by_ref().take(100).read_until(b'\n', &mut line)?;
        if line.is_empty() && words.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(bad("expected the head of a picture"));
        }
        words.extend(String::from_utf8_lossy(&line).split_whitespace().map(str::to_owned));
    }
    let side = |i: usize| words[i].parse::<u32>().ok().filter(|v| (1..=MAX_SIDE).contains(v));
    let (Some(width), Some(height), true) = (side(1), side(2), words[0] == "P6" && words[3] == "255") else {
        return Err(bad("expected a picture of 8 bits"));
    };
    let (width, height) = (width as usize, height as usize);
    let mut rgb = vec![0; 3 * width * height];
    from.read_exact(&mut rgb)?;
    Ok(Some(Canvas::from_rgb(width, height, rgb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_a_pipe_are_read_one_by_one_and_broken_ones_are_refused() {
        let one = b"P6\n2 1\n255\nabcdef".to_vec();
        let two = [one.clone(), one.clone()].concat();
        let mut from = &two[..];
        for _ in 0..2 {
            let canvas = netpbm(&mut from).expect("one").expect("one");
            assert_eq!((canvas.width(), canvas.height(), canvas.rgb()), (2, 1, &b"abcdef"[..]));
        }
        assert!(netpbm(&mut from).expect("the end").is_none());
        for n in 1..one.len() {
            assert!(netpbm(&mut &one[..n]).is_err(), "{n} bytes");
        }
        for bad in [
            "P5\n2 1\n255\nabcdef",
            "P6\n999999999 999999999\n255\n",
            "P6\n0 1\n255\n",
            "P6\n2 1\n65535\nabcdef",
        ] {
            assert!(netpbm(&mut bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert_eq!(Ffmpeg::find(Path::new("/nowhere/ffmpeg")), None);
        // One that is there and is another program has nothing to say of encoders.
        assert_eq!(Ffmpeg::find(Path::new("false")), None);
    }
}
