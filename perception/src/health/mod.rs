//! Whether a camera can be believed: F7 frozen, F8 unplugged, F9 delayed, F10 blind, F11 another one.
//!
//! A [`CameraWatch`] is shown every picture (or failure) of one camera in turn. Its [`Verdict`] says two
//! things: whether this very picture may be used, which is strict from the first doubt on, and whether
//! there is a fault to report, which waits for a few pictures where one could be chance.

mod content;

use content::{Content, Signature};
use core::time::Duration;
use types::seams::CameraError;
use types::{Fault, Image, Intrinsics, Optical, Time, Transform, World};

/// What a watch tolerates.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Config {
    /// No picture for so long after it was asked for: unplugged (F8).
    pub silence: Duration,
    /// A picture older than this is not acted on (F9).
    pub max_age: Duration,
    /// A stamp this far ahead of now is forgiven.
    pub skew: Duration,
    /// Whether the camera stands still: then its pose and what it roughly shows may not change.
    pub fixed: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            silence: Duration::from_millis(100),
            max_age: Duration::from_millis(250),
            skew: Duration::from_millis(5),
            fixed: false,
        }
    }
}

/// A fault with a sentence for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Which row of the fault table.
    pub fault: Fault,
    /// What was seen.
    pub text: String,
}

/// What to think of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether perception may use it.
    pub usable: bool,
    /// A fault that is certain now.
    pub alarm: Option<Alarm>,
    /// What may be wrong with it, where that is not certain yet.
    pub doubt: Option<Alarm>,
}

impl Verdict {
    const GOOD: Self = Self { usable: true, alarm: None, doubt: None };

    fn bad(fault: Fault, text: String) -> Self {
        Self { usable: false, alarm: Some(Alarm { fault, text }), doubt: None }
    }

    /// A picture that is not used; whether that is a fault is certain or not.
    fn doubtful(alarm: Alarm, is_certain: bool) -> Self {
        let (alarm, doubt) = if is_certain { (Some(alarm), None) } else { (None, Some(alarm)) };
        Self { usable: false, alarm, doubt }
    }
}

/// Pictures in a row with equal content that make a frozen camera: sensor noise never repeats itself.
const FROZEN_AFTER: u32 = 3;
/// Blind pictures in a row before that is reported.
const BLIND_AFTER: u32 = 3;
/// A fixed camera that sees less of the table's plane than this does not see the table.
const LEAST_TABLE: f32 = 0.12;
/// A fixed camera's pose may differ by this much between pictures: metres, radians.
const SAME_POSE: (f64, f64) = (0.005, 0.01);

/// What a camera was like when it was first believed.
#[derive(Clone, Debug)]
struct Reference {
    identity: String,
    intrinsics: Intrinsics,
    pose: Transform<World, Optical>,
    signature: Signature,
}

/// Watches one camera.
#[derive(Clone, Debug)]
pub struct CameraWatch {
    name: String,
    config: Config,
    reference: Option<Reference>,
    /// Content hash and stamp of the last picture, and how many pictures in a row had that content.
    last: Option<(u64, Time, u32)>,
    blind: u32,
    silent_since: Option<Time>,
    swapped: Option<String>,
}

impl CameraWatch {
    /// A watch over the camera of this name.
    #[must_use]
    pub fn new(name: &str, config: Config) -> Self {
        Self {
            name: name.to_owned(),
            config,
            reference: None,
            last: None,
            blind: 0,
            silent_since: None,
            swapped: None,
        }
    }

    /// Judges a picture or the lack of one: asked for at `asked`, answered (or given up) at `now`, by a
    /// device of this `identity`.
    pub fn judge(
        &mut self,
        picture: Result<&Image, &CameraError>,
        identity: &str,
        asked: Time,
        now: Time,
    ) -> Verdict {
        let image = match picture {
            Ok(image) => image,
            Err(error) => return self.judge_error(error, asked, now),
        };
        if let Some(text) = self.find_swap(image, identity) {
            return Verdict::bad(Fault::F11CameraSwapped, text);
        }
        let fresh = image.stamp.check_fresh("image.stamp", now, self.config.max_age, self.config.skew);
        if let Err(e) = fresh {
            let text = format!("camera {}: its picture cannot be acted on: {e}", self.name);
            return Verdict::bad(Fault::F9CameraDelayed, text);
        }
        let content = Content::of(image);
        // A black picture also never changes: blindness is the better word for it.
        if let Some(verdict) = self.judge_sight(&content, image) {
            return verdict;
        }
        if let Some(verdict) = self.judge_freeze(&content, image.stamp) {
            return verdict;
        }
        self.blind = 0;
        self.silent_since = None;
        self.remember(&content, image, identity);
        Verdict::GOOD
    }

    /// Whether an answer asked for at `asked` is overdue at `now` (F8); for whoever waits elsewhere.
    #[must_use]
    pub fn overdue(&self, asked: Time, now: Time) -> Option<Alarm> {
        (now.since(asked) > self.config.silence).then(|| Alarm {
            fault: Fault::F8CameraUnplugged,
            text: format!("camera {} has been silent for {:?}", self.name, now.since(asked)),
        })
    }

    /// Believes whatever camera answers next: a person has looked at it.
    pub fn accept(&mut self) {
        *self = Self::new(&self.name, self.config);
    }

    fn judge_error(&mut self, error: &CameraError, asked: Time, now: Time) -> Verdict {
        let since = *self.silent_since.get_or_insert(asked);
        self.last = None;
        match error {
            CameraError::Unplugged(_) => Verdict::bad(Fault::F8CameraUnplugged, error.to_string()),
            CameraError::Timeout(_) => {
                let text = format!("camera {} is silent", self.name);
                let alarm = Alarm { fault: Fault::F8CameraUnplugged, text };
                match self.overdue(since, now) {
                    Some(overdue) => Verdict::doubtful(overdue, true),
                    None => Verdict::doubtful(alarm, false),
                }
            }
            CameraError::Refused(r) => {
                self.blind += 1;
                let text = format!("camera {}: what came is no picture: {r}", self.name);
                self.blind_verdict(text)
            }
        }
    }

    fn blind_verdict(&self, text: String) -> Verdict {
        let alarm = Alarm { fault: Fault::F10CameraBlind, text };
        Verdict::doubtful(alarm, self.blind >= BLIND_AFTER)
    }

    /// F11: identity and lens must stay, and the pose of a camera that stands still.
    fn find_swap(&mut self, image: &Image, identity: &str) -> Option<String> {
        let reference = self.reference.as_ref()?;
        let moved = reference.pose.isometry().inv_mul(image.world_from_optical.isometry());
        let elsewhere = moved.translation.vector.norm() > SAME_POSE.0 || moved.rotation.angle() > SAME_POSE.1;
        let what = if identity != reference.identity {
            Some(format!("it is {identity}, and was {}", reference.identity))
        } else if image.intrinsics != reference.intrinsics {
            Some("its lens is another".to_owned())
        } else if self.config.fixed && elsewhere {
            Some("it stands elsewhere".to_owned())
        } else {
            None
        };
        if let Some(what) = what {
            self.swapped = Some(format!("camera {} is not the one it was: {what}", self.name));
        }
        // Once swapped, it stays so until a person accepts it.
        self.swapped.clone()
    }

    /// F7: the same content under a newer stamp.
    fn judge_freeze(&mut self, content: &Content, stamp: Time) -> Option<Verdict> {
        let (same, advanced, times) = match self.last {
            Some((hash, before, times)) => (hash == content.hash, stamp > before, times),
            None => (false, true, 0),
        };
        let times = if !same { 1 } else { times + u32::from(advanced) };
        self.last = Some((content.hash, stamp, times));
        // The same picture handed out twice, under one stamp, is just that.
        (times > 1).then(|| {
            let text = format!("camera {} has shown the same picture {times} times", self.name);
            let alarm = Alarm { fault: Fault::F7CameraFrozen, text };
            Verdict::doubtful(alarm, times >= FROZEN_AFTER)
        })
    }

    /// F10: black, saturated, noise, upside down; F11 again: a fixed camera that suddenly shows a
    /// picture unlike all before, right after it was away.
    fn judge_sight(&mut self, content: &Content, image: &Image) -> Option<Verdict> {
        let mut what = content.blindness();
        if what.is_none()
            && let Some(reference) = self.reference.as_ref().filter(|_| self.config.fixed)
        {
            if content.signature.is_turned(&reference.signature) {
                what = Some("is upside down");
            } else if self.silent_since.is_some() && content.signature.is_unlike(&reference.signature) {
                let text = format!("camera {} shows another place than before it was away", self.name);
                self.swapped = Some(text.clone());
                return Some(Verdict::bad(Fault::F11CameraSwapped, text));
            }
        }
        // One on the hand may have a bowl before its eye.
        let least = if self.config.fixed { LEAST_TABLE } else { 0.3 * LEAST_TABLE };
        if what.is_none() && content::table_share(image).is_some_and(|share| share < least) {
            what = Some("shows no table where the table is");
        }
        what.map(|what| {
            self.blind += 1;
            self.blind_verdict(format!("camera {}: its picture {what}", self.name))
        })
    }

    /// The reference follows slowly, since objects are moved about.
    fn remember(&mut self, content: &Content, image: &Image, identity: &str) {
        match &mut self.reference {
            Some(r) => r.signature.follow(&content.signature),
            None => {
                self.reference = Some(Reference {
                    identity: identity.to_owned(),
                    intrinsics: image.intrinsics,
                    pose: image.world_from_optical,
                    signature: content.signature.clone(),
                });
            }
        }
    }
}
