//! What a camera saw, as a recording has it: whole pictures and previews.

use super::within;
use crate::replay::ReplayError;
use bridge::Canvas;
use bridge::recording::{Reader, Recorded, TopicInfo};
use bridge::ros::{CompressedImage, Image, Message};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use types::{Rejection, Time};

/// The camera whose pictures are on this topic.
pub(super) fn camera_of(info: &TopicInfo) -> Option<&str> {
    let (camera, what) = info.topic.strip_prefix('/')?.split_once('/')?;
    let is_picture = match what {
        "image" => info.schema == Image::NAME,
        "preview" => info.schema == CompressedImage::NAME,
        _ => false,
    };
    is_picture.then_some(camera)
}

/// The picture of a message.
pub(super) fn picture(m: &Recorded) -> Result<Canvas, Rejection> {
    let field = || format!("{} [{}]", m.info.topic, m.sequence);
    if m.info.schema == CompressedImage::NAME {
        let file = m.read::<CompressedImage>()?;
        let name = field();
        return bridge::files::picture(Path::new(&name), &file.data)
            .map_err(|e| Rejection::new(name.clone(), "a JPEG or PNG picture", e.to_string()));
    }
    let i = m.read::<Image>()?;
    let (width, height) = (i.width as usize, i.height as usize);
    let is_whole = Some(i.step) == i.width.checked_mul(3)
        && Some(i.data.len()) == height.checked_mul(3 * width)
        && !i.data.is_empty();
    if i.encoding != "rgb8" || !is_whole {
        let got = format!("{} of {width} × {height} in {} bytes", i.encoding, i.data.len());
        return Err(Rejection::new(field(), "rgb8, rows without gaps", got));
    }
    Ok(Canvas::from_rgb(width, height, i.data))
}

/// One camera's pictures, in time.
pub(crate) struct View {
    path: PathBuf,
    camera: String,
    reader: Reader,
    next: Option<Recorded>,
    newest: Option<(Time, Rc<Canvas>)>,
    shown: usize,
}

impl View {
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn open(path: &Path, camera: &str) -> Result<Self, bridge::BridgeError> {
        Ok(Self {
            path: path.to_owned(),
            camera: camera.to_owned(),
            reader: Reader::open(path)?,
            next: None,
            newest: None,
            shown: 0,
        })
    }

    /// Its name, and how many different pictures were told of.
    pub(crate) fn shown(&self) -> (&str, usize) {
        (&self.camera, self.shown)
    }

    /// The newest picture at this time, which is no earlier than the last one that was asked for.
    ///
    /// # Errors
    /// [`ReplayError`] for a picture that is none.
    pub(crate) fn at(&mut self, now: Time) -> Result<Option<Rc<Canvas>>, ReplayError> {
        let mut due: Option<Recorded> = None;
        loop {
            if self.next.is_none() {
                self.next = self.reader.by_ref().find(|m| camera_of(&m.info) == Some(&self.camera));
            }
            match self.next.take_if(|m| m.stamp <= now) {
                Some(m) if due.as_ref().is_none_or(|d| d.stamp <= m.stamp) => due = Some(m),
                Some(_) => {}
                None => break,
            }
        }
        if let Some(m) = due.filter(|m| self.newest.as_ref().is_none_or(|(then, _)| *then <= m.stamp)) {
            self.newest = Some((m.stamp, Rc::new(picture(&m).map_err(|e| within(&self.path, e.into()))?)));
            self.shown += 1;
        }
        Ok(self.newest.as_ref().map(|(_, canvas)| Rc::clone(canvas)))
    }
}
