//! Boxes and points in a model's text, as PaliGemma tells them: `<loc0128><loc0256><loc0512><loc0768> cube`, with what
//! it is told of a second thing behind a semicolon. A number counts 1024ths of the picture, top and left first; four
//! are a box (top, left, bottom, right), two a point (down, right). The text is data: it becomes places or nothing.

use super::boxes::{MAX_LABEL, MAX_OBJECTS, Spot};
use types::Rejection;

/// Into so many parts each side is divided.
const PARTS: u32 = 1024;

/// What `text` lists, in pixels of a picture of `width` × `height`; none where it names no place. A box without area is
/// passed over, and so are tokens of an outline (`<seg000>`) behind a box.
///
/// # Errors
/// A [`Rejection`] naming the part in which there are other than two or four places, a place beyond the picture, no
/// label or one that is too long, or when there are too many parts.
pub fn located(text: &str, [width, height]: [u32; 2]) -> Result<Option<Vec<Spot>>, Rejection> {
    if !text.match_indices("<loc").any(|(at, _)| numbered(&text[at..], "<loc", 4).is_some()) {
        return Ok(None);
    }
    let parts: Vec<&str> = text.split(';').collect();
    if parts.len() > MAX_OBJECTS {
        let expected = format!("at most {MAX_OBJECTS} objects");
        return Err(Rejection::new("answer", expected, parts.len().to_string()));
    }
    let sides = [width, height].map(|n| n as f32);
    let spots = parts.iter().enumerate().map(|(i, part)| spot(part.trim(), i, sides));
    Ok(Some(spots.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()))
}

fn spot(part: &str, i: usize, [w, h]: [f32; 2]) -> Result<Option<Spot>, Rejection> {
    let refuse = |expected: &'static str| {
        let got: String = part.chars().take(60).collect();
        Rejection::new(format!("answer[{i}]"), expected, got)
    };
    let (mut rest, mut places) = (part, Vec::new());
    while let Some((n, after)) = numbered(rest, "<loc", 4) {
        if n >= PARTS {
            return Err(refuse("places from <loc0000> to <loc1023>"));
        }
        places.push(n as f32 / PARTS as f32);
        rest = after;
    }
    while let Some((_, after)) = numbered(rest, "<seg", 3) {
        rest = after;
    }
    let label = rest.trim();
    if label.is_empty() || label.contains("<loc") || label.len() > MAX_LABEL {
        return Err(refuse("places and then one label of at most 200 bytes"));
    }
    let (box_px, point_px) = match places[..] {
        [top, left, bottom, right] if top < bottom && left < right => {
            let b = [left * w, top * h, right * w, bottom * h];
            (Some(b), [0.5 * (b[0] + b[2]), 0.5 * (b[1] + b[3])])
        }
        [_, _, _, _] => return Ok(None),
        [down, right] => (None, [right * w, down * h]),
        _ => return Err(refuse("four places of a box or two of a point")),
    };
    Ok(Some(Spot { label: label.to_owned(), box_px, point_px }))
}

/// The number of a token `beginNNN>` of so many digits, and what comes after it.
fn numbered<'a>(text: &'a str, begin: &str, digits: usize) -> Option<(u32, &'a str)> {
    let rest = text.trim_start().strip_prefix(begin)?;
    let (number, after) = rest.split_at_checked(digits)?;
    let is_number = number.bytes().all(|b| b.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, after.strip_prefix('>')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_places_become_boxes_and_points_in_pixels() {
        let text = "<loc0256><loc0128><loc0512><loc0384> red cube ; <loc0000><loc0000><loc1023><loc1023> table;\
            <loc0512><loc0256> knob ; <loc0100><loc0100><loc0100><loc0200> nothing ;\
            <loc0001><loc0002><loc0003><loc0004><seg001><seg127> bowl";
        let found = located(text, [640, 480]).expect("places").expect("some");
        let labels: Vec<&str> = found.iter().map(|s| &*s.label).collect();
        assert_eq!(labels, ["red cube", "table", "knob", "bowl"]);
        assert_eq!(found[0].box_px, Some([80.0, 120.0, 240.0, 240.0]));
        assert_eq!(found[0].point_px, [160.0, 180.0]);
        assert_eq!(found[1].box_px, Some([0.0, 0.0, 640.0 * 1023.0 / 1024.0, 480.0 * 1023.0 / 1024.0]));
        assert_eq!((found[2].box_px, found[2].point_px), (None, [160.0, 240.0]));
        for none in ["", "it is on the left", "<lock>", "<loc12>", "<loc1"] {
            assert_eq!(located(none, [640, 480]), Ok(None), "{none}");
        }
    }

    #[test]
    fn places_that_are_malformed_are_refused_by_their_part() {
        let good = "<loc0001><loc0002><loc0003><loc0004> cube";
        for (bad, says) in [
            ("<loc0001> cube", "four places"),
            ("<loc0001><loc0002><loc0003> cube", "four places"),
            ("<loc0001><loc0002><loc0003><loc0004><loc0005> cube", "four places"),
            ("<loc0001><loc0002><loc0003><loc1024> cube", "<loc1023>"),
            ("<loc0001><loc0002><loc0003><loc0004>", "label"),
            ("<loc0001><loc0002><loc0003><loc4>", "label"),
            ("<loc0001><loc0002><loc0003><loc+004> cube", "label"),
            ("<loc0001><loc0002><loc00", "label"),
            ("<loc0001><loc0002><loc000€", "label"),
            ("<loc0001><loc0002> a <loc0003>", "label"),
            ("cube <loc0001>", "label"),
            ("cube", "four places"),
            ("", "label"),
            (&format!("<loc0001><loc0002> {}", "y".repeat(201)), "200 bytes"),
        ] {
            let e = located(&format!("{good} ; {bad}"), [640, 480]).expect_err(bad);
            assert!(e.field == "answer[1]" && e.expected.contains(says), "{bad}: {e}");
        }
        let many = [good; MAX_OBJECTS + 1].join(" ; ");
        assert_eq!(located(&many, [640, 480]).expect_err("many").field, "answer");
    }
}
