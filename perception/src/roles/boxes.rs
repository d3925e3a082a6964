//! Boxes and points in a model's text: a JSON list of objects with `bbox_2d` (left, top, right, bottom) or `point_2d`
//! (x, y) in thousandths of the picture, and a `label`, as Qwen's models point. The text is data: it becomes
//! detections or nothing.

use serde::Deserialize;
use serde_json::{Value, json};
use types::{Color, Detection, Rejection, Shape, Size};

/// Most objects of one answer.
const MAX_OBJECTS: usize = 24;
/// Longest label that is asked for, characters, and that is taken, bytes.
const ASKED_LABEL: usize = 40;
const MAX_LABEL: usize = 200;
/// Probability of what a label says outright; the rest is shared by all that it does not say.
const SAID: f32 = 0.95;
/// Such a model says no confidence of its own: what it names counts as seen.
const SCORE: f32 = 0.9;
/// A point is taken for the middle of something so wide, thousandths of the picture.
const POINT: f64 = 60.0;

#[derive(Deserialize)]
struct Found {
    bbox_2d: Option<[f64; 4]>,
    point_2d: Option<[f64; 2]>,
    label: String,
}

/// The JSON that is asked for: a list of boxes with labels.
pub(super) fn schema() -> Value {
    let place = json!({ "type": "integer", "minimum": 0, "maximum": 1000 });
    let corners = json!({ "type": "array", "items": place, "minItems": 4, "maxItems": 4 });
    let label = json!({ "type": "string", "minLength": 1, "maxLength": ASKED_LABEL });
    let found = json!({ "type": "object", "properties": { "bbox_2d": corners, "label": label },
        "required": ["bbox_2d", "label"], "additionalProperties": false });
    json!({ "type": "array", "items": found, "maxItems": MAX_OBJECTS })
}

/// The objects that `text` lists, as detections in a picture of `width` × `height` pixels. A label is read
/// for a colour, a shape and a size; what it does not say stays open. What stands around the first list, as a
/// fence of back quotes, is passed over.
///
/// # Errors
/// A [`Rejection`] when there is no such list, a box lies outside 0 to 1000, or there are too many.
pub fn detections(text: &str, width: u32, height: u32) -> Result<Vec<Detection>, Rejection> {
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
    let scale = [width, height, width, height].map(|n| n as f32 / 1000.0);
    let seen: Result<Vec<_>, _> = found.iter().map(|f| f.detection(scale)).collect();
    // What has no area is nothing that could be seen.
    Ok(seen?.into_iter().flatten().collect())
}

impl Found {
    fn detection(&self, scale: [f32; 4]) -> Result<Option<Detection>, Rejection> {
        let around = |[x, y]: [f64; 2]| {
            let edge = |v: f64| v.clamp(0.0, 1000.0);
            [edge(x - POINT / 2.0), edge(y - POINT / 2.0), edge(x + POINT / 2.0), edge(y + POINT / 2.0)]
        };
        let inside = |v: &f64| (0.0..=1000.0).contains(v);
        let b = match (self.bbox_2d, self.point_2d) {
            (Some(b), None) if b.iter().all(inside) => b,
            (None, Some(p)) if p.iter().all(inside) => around(p),
            (b, p) => {
                let expected = "bbox_2d or point_2d of numbers from 0 to 1000";
                return Err(Rejection::new("answer", expected, format!("{b:?}, {p:?}")));
            }
        };
        if self.label.len() > MAX_LABEL {
            let expected = format!("at most {MAX_LABEL} bytes");
            return Err(Rejection::new("answer.label", expected, self.label.len().to_string()));
        }
        if b[0] >= b[2] || b[1] >= b[3] {
            return Ok(None);
        }
        let box_px: [f32; 4] = core::array::from_fn(|i| b[i] as f32 * scale[i]);
        let label = self.label.to_lowercase();
        let words = || label.split(|c: char| !c.is_alphanumeric());
        Ok(Some(Detection {
            score: SCORE,
            box_px,
            point_px: [0.5 * (box_px[0] + box_px[2]), 0.5 * (box_px[1] + box_px[3])],
            color: shares(words().find_map(Color::from_word).map(Color::index)),
            shape: shares(words().find_map(Shape::from_word).map(Shape::index)),
            size: shares(words().find_map(Size::from_word).map(Size::index)),
        }))
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
        let found = detections(text, 640, 480).expect("a list");
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
        assert_eq!(detections("[]", 640, 480).expect("nothing seen"), []);
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
            let e = detections(text, 640, 480).expect_err("refused");
            assert!(e.field.starts_with("answer"), "{e}");
        }
    }
}
