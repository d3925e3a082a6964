//! Boxes and points in a model's text: a JSON list of objects with `bbox_2d` (left, top, right, bottom) or `point_2d`
//! (x, y), and a `label`, as Qwen's models point: in thousandths of the picture (Qwen3-VL), or in pixels of the size that
//! the picture is shown in (Qwen2.5-VL). The text is data: it becomes places and detections or nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use types::{Color, Detection, Rejection, Shape, Size};

/// Most objects of one answer.
pub(super) const MAX_OBJECTS: usize = 24;
/// Longest label that is asked for, characters, and that is taken, bytes.
const ASKED_LABEL: usize = 40;
pub(super) const MAX_LABEL: usize = 200;
/// Probability of what a label says outright; the rest is shared by all that it does not say.
const SAID: f32 = 0.95;
/// Such a model says no confidence of its own: what it names counts as seen.
const SCORE: f32 = 0.9;
/// A point is taken for the middle of something so wide, as a part of the picture's sides.
const POINT: f32 = 0.06;

/// What the numbers of places count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Thousandths of the picture's sides.
    #[default]
    Thousandths,
    /// Pixels of the size that the model is shown the picture in.
    Pixels {
        /// That size.
        width: u32,
        /// That size.
        height: u32,
    },
}

impl Measure {
    /// The greatest number along each side.
    fn most(self) -> [u32; 2] {
        match self {
            Self::Thousandths => [1000; 2],
            Self::Pixels { width, height } => [width, height],
        }
    }

    /// As prompts say it.
    pub(super) fn words(self) -> String {
        match self {
            Self::Thousandths => "from 0 to 1000".to_owned(),
            Self::Pixels { width, height } => {
                format!("in pixels of the picture, which is {width} wide and {height} high")
            }
        }
    }
}

/// Something that was pointed at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spot {
    /// What it was called.
    pub label: String,
    /// Left, top, right, bottom, pixels of the picture as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub box_px: Option<[f32; 4]>,
    /// x and y of its middle, pixels of the picture as it came.
    pub point_px: [f32; 2],
}

#[derive(Deserialize)]
struct Found {
    bbox_2d: Option<[f64; 4]>,
    point_2d: Option<[f64; 2]>,
    label: String,
}

/// The JSON that is asked for: a list of boxes, or of points, with labels.
pub(super) fn schema(of: &str, measure: Measure) -> Value {
    let [x, y] = measure.most();
    let numbers = if of == "bbox_2d" { 4 } else { 2 };
    let place = json!({ "type": "integer", "minimum": 0, "maximum": x.max(y) });
    let place = json!({ "type": "array", "items": place, "minItems": numbers, "maxItems": numbers });
    let label = json!({ "type": "string", "minLength": 1, "maxLength": ASKED_LABEL });
    let found = json!({ "type": "object", "properties": { of: place, "label": label },
        "required": [of, "label"], "additionalProperties": false });
    json!({ "type": "array", "items": found, "maxItems": MAX_OBJECTS })
}

/// The objects that `text` lists, as detections in a picture of `width` × `height` pixels. A label is read
/// for a colour, a shape and a size; what it does not say stays open. A point is taken for the middle of something small.
///
/// # Errors
/// A [`Rejection`] as of [`spots`].
pub fn detections(
    text: &str,
    [width, height]: [u32; 2],
    measure: Measure,
) -> Result<Vec<Detection>, Rejection> {
    Ok(spots(text, [width, height], measure)?.iter().map(|s| s.detection([width, height])).collect())
}

/// What `text` lists, in pixels of a picture of `width` × `height`. What stands around the first list, as a fence of back
/// quotes, is passed over, and so is a box without area.
///
/// # Errors
/// A [`Rejection`] when there is no such list, a place lies outside of what the measure counts, a label is too long, or
/// there are too many.
pub fn spots(text: &str, [width, height]: [u32; 2], measure: Measure) -> Result<Vec<Spot>, Rejection> {
    let no_list = |got: String| Rejection::new("answer", "a JSON list of boxes", got);
    let begin = text.find('[').ok_or_else(|| no_list(text.chars().take(60).collect()))?;
    let mut lists = serde_json::Deserializer::from_str(&text[begin..]).into_iter::<Vec<Found>>();
    let found = match lists.next() {
        Some(Ok(found)) => found,
        Some(Err(e)) => return Err(no_list(e.to_string())),
        None => return Err(no_list("none".into())),
    };
    if found.len() > MAX_OBJECTS {
        let expected = format!("at most {MAX_OBJECTS} objects");
        return Err(Rejection::new("answer", expected, found.len().to_string()));
    }
    let seen: Result<Vec<_>, _> =
        found.into_iter().map(|f| f.spot([width, height].map(|n| n as f32), measure)).collect();
    // What has no area is nothing that could be seen.
    Ok(seen?.into_iter().flatten().collect())
}

impl Found {
    fn spot(self, sides: [f32; 2], measure: Measure) -> Result<Option<Spot>, Rejection> {
        let most = measure.most();
        // A grammar has one bound for both sides; what lies beyond the shorter one lies on it.
        let longest = f64::from(most[0].max(most[1]));
        let px = |i: usize, v: f64| {
            let (side, most) = (sides[i % 2], most[i % 2] as f32);
            (v as f32 * (side / most)).min(side)
        };
        let inside = |v: &f64| (0.0..=longest).contains(v);
        if self.label.len() > MAX_LABEL {
            let expected = format!("at most {MAX_LABEL} bytes");
            return Err(Rejection::new("answer.label", expected, self.label.len().to_string()));
        }
        let (box_px, point_px) = match (self.bbox_2d, self.point_2d) {
            (Some(b), None) if b.iter().all(inside) => {
                let b: [f32; 4] = core::array::from_fn(|i| px(i, b[i]));
                if b[0] >= b[2] || b[1] >= b[3] {
                    return Ok(None);
                }
                (Some(b), [0.5 * (b[0] + b[2]), 0.5 * (b[1] + b[3])])
            }
            (None, Some(p)) if p.iter().all(inside) => (None, core::array::from_fn(|i| px(i, p[i]))),
            (b, p) => {
                let expected = format!("bbox_2d or point_2d of numbers from 0 to {longest}");
                return Err(Rejection::new("answer", expected, format!("{b:?}, {p:?}")));
            }
        };
        Ok(Some(Spot { label: self.label, box_px, point_px }))
    }
}

impl Spot {
    fn detection(&self, sides: [u32; 2]) -> Detection {
        let [w, h] = sides.map(|n| n as f32);
        let around =
            |i: usize, side: f32, sign: f32| (self.point_px[i] + sign * 0.5 * POINT * side).clamp(0.0, side);
        let small = || [around(0, w, -1.0), around(1, h, -1.0), around(0, w, 1.0), around(1, h, 1.0)];
        let box_px = self.box_px.unwrap_or_else(small);
        let label = self.label.to_lowercase();
        let words = || label.split(|c: char| !c.is_alphanumeric());
        Detection {
            score: SCORE,
            box_px,
            point_px: [0.5 * (box_px[0] + box_px[2]), 0.5 * (box_px[1] + box_px[3])],
            color: shares(words().find_map(Color::from_word).map(Color::index)),
            shape: shares(words().find_map(Shape::from_word).map(Shape::index)),
            size: shares(words().find_map(Size::from_word).map(Size::index)),
        }
    }
}

/// Probabilities of `N` classes of which one may have been named.
fn shares<const N: usize>(named: Option<usize>) -> [f32; N] {
    match named {
        Some(i) => core::array::from_fn(|j| if i == j { SAID } else { (1.0 - SAID) / (N - 1) as f32 }),
        None => [1.0 / N as f32; N],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fenced_list_becomes_detections_in_pixels() {
        let text = "Here:\n```json\n[{\"bbox_2d\": [100, 200, 300, 400], \"label\": \"Large red cube\"},\
            {\"bbox_2d\": [0, 0, 1000, 1000], \"label\": \"a thing\"},\
            {\"point_2d\": [500, 500], \"label\": \"ball\"}, {\"bbox_2d\": [9, 9, 9, 9], \"label\": \"nothing\"}]\n``` and so on";
        let found = detections(text, [640, 480], Measure::Thousandths).expect("a list");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].box_px, [64.0, 96.0, 192.0, 192.0]);
        assert_eq!(found[0].point_px, [128.0, 144.0]);
        assert_eq!(found[2].point_px, [320.0, 240.0]);
        let likeliest = |p: &[f32]| (0..p.len()).max_by(|a, b| p[*a].total_cmp(&p[*b])).expect("some");
        assert_eq!(likeliest(&found[0].color), Color::Red.index());
        assert_eq!(likeliest(&found[0].shape), Shape::Cube.index());
        assert_eq!(likeliest(&found[0].size), Size::Large.index());
        assert_eq!(found[1].color, [0.125; 8]);
        for p in [&found[0].color[..], &found[0].shape, &found[0].size, &found[1].shape] {
            assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(detections("[]", [640, 480], Measure::Thousandths).expect("nothing seen"), []);
    }

    #[test]
    fn pixels_of_the_size_that_was_shown_become_pixels_of_the_picture() {
        let shown = Measure::Pixels { width: 644, height: 476 };
        let text = "[{\"bbox_2d\": [322, 238, 644, 600], \"label\": \"bowl\"}, {\"point_2d\": [161, 119], \"label\": \"a knob\"}]";
        let found = spots(text, [1288, 952], shown).expect("a list");
        assert_eq!(
            found[0].box_px,
            Some([644.0, 476.0, 1288.0, 952.0]),
            "what lies below the picture ends with it"
        );
        assert_eq!((found[1].box_px, found[1].point_px, &*found[1].label), (None, [322.0, 238.0], "a knob"));
        assert_eq!(detections(text, [1288, 952], shown).expect("a list")[1].point_px, [322.0, 238.0]);
        let e =
            spots("[{\"point_2d\": [645, 1], \"label\": \"x\"}]", [1288, 952], shown).expect_err("outside");
        assert!(e.expected.ends_with("0 to 644"), "{e}");
        assert_eq!(schema("point_2d", shown)["items"]["properties"]["point_2d"]["items"]["maximum"], 644);
    }

    #[test]
    fn what_is_no_list_of_boxes_is_refused() {
        let one = "{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"x\"}";
        let many = format!("[{}]", [one; MAX_OBJECTS + 1].join(","));
        let long = format!("[{{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"{}\"}}]", "y".repeat(300));
        for text in [
            "I see a red cube.",
            "[",
            "[1, 2]",
            "[{\"bbox_2d\": [1, 2, 3], \"label\": \"x\"}]",
            "[{\"bbox_2d\": [1, 2, 3, 4]}]",
            "[{\"label\": \"x\"}]",
            "[{\"bbox_2d\": [1, 2, 3, 1e9], \"label\": \"x\"}]",
            "[{\"bbox_2d\": [-1, 2, 3, 4], \"label\": \"x\"}]",
            &many,
            &long,
        ] {
            let e = detections(text, [640, 480], Measure::Thousandths).expect_err("refused");
            assert!(e.field.starts_with("answer"), "{e}");
        }
    }
}
