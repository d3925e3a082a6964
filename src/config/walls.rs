//! What the arm keeps out of, and what it may not leave.

use super::Safety;
use types::Rejection;

/// The most boxes that are to be kept out of.
pub(crate) const MOST_BOXES: usize = 64;
/// The sides of the box that is not to be left.
pub(crate) const SIDES: usize = 6;
/// How thick they are, metres: more than the way of any arm.
const SIDE_M: f64 = 10.0;
/// No side is farther away, metres.
const FARTHEST_M: f64 = 40.0;

impl Safety {
    /// Boxes that no part of the arm may enter: those that are named, and the six sides of the one not to be left.
    pub(crate) fn walls_m(&self) -> Vec<[f64; 6]> {
        let mut walls = self.keep_out_m.clone();
        if let [x0, x1, y0, y1, z0, z1] = self.keep_in_m[..] {
            let (min, max) = ([x0, y0, z0].map(|from| from - SIDE_M), [x1, y1, z1].map(|to| to + SIDE_M));
            let all = [min[0], max[0], min[1], max[1], min[2], max[2]];
            for (side, inner) in [x0, x1, y0, y1, z0, z1].into_iter().enumerate() {
                let mut wall = all;
                // What lies below a lower side ends there; what lies above an upper one begins there.
                wall[side ^ 1] = inner;
                walls.push(wall);
            }
        }
        walls
    }

    /// Refuses boxes that are none, by their key.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let inside = &self.keep_in_m;
        if !inside.is_empty()
            && (inside.len() != SIDES
                || inside.iter().any(|v| v.abs() > FARTHEST_M)
                || !inside.chunks(2).all(|pair| pair[0] < pair[1]))
        {
            let expected = "nothing, or x from, to, y from, to, z from, to, each pair rising, within 40 m";
            return Err(Rejection::new("safety.keep_in_m", expected, format!("{inside:?}")));
        }
        if self.keep_out_m.len() > MOST_BOXES {
            let got = self.keep_out_m.len().to_string();
            return Err(Rejection::new("safety.keep_out_m", format!("at most {MOST_BOXES} boxes"), got));
        }
        for b in &self.keep_out_m {
            if b.chunks(2).any(|pair| !(pair[0] < pair[1] && pair[1] - pair[0] < 100.0)) {
                let expected = "boxes of x from, to, y from, to, z from, to, each pair rising, metres";
                return Err(Rejection::new("safety.keep_out_m", expected, format!("{b:?}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_box_that_is_not_to_be_left_is_six_walls_around_it_and_what_is_no_box_is_refused() {
        let with = |keep_in: &str| {
            Config::parse(
                &format!("[safety]\nkeep_out_m = [[0.0, 0.1, 0.0, 0.1, 0.0, 0.1]]\nkeep_in_m = {keep_in}\n"),
                "my.toml",
            )
        };
        assert_eq!(with("[]").expect("none").safety.walls_m().len(), 1);
        let walls = with("[-1.0, 1.0, -2.0, 2.0, -0.5, 3.0]").expect("a box").safety.walls_m();
        let holds =
            |p: [f64; 3]| walls[1..].iter().any(|w| (0..3).all(|k| w[2 * k] <= p[k] && p[k] <= w[2 * k + 1]));
        assert_eq!(walls.len(), 7);
        for k in 0..3 {
            let half = [1.0, 2.0, 3.0][k];
            for sign in [-1.0, 1.0] {
                let at = |d: f64| core::array::from_fn(|i| if i == k { sign * d } else { 0.0 });
                let edge = if k == 2 && sign < 0.0 { 0.5 } else { half };
                assert!(holds(at(edge + 0.01)) && !holds(at(edge - 0.01)), "{k} {sign}");
            }
        }
        for bad in [
            "[1.0]",
            "[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]",
            "[nan, 1.0, 0.0, 1.0, 0.0, 1.0]",
            "[-1e17, 1e17, 0.0, 1.0, 0.0, 1.0]",
        ] {
            let why = with(bad).expect_err(bad).to_string();
            assert!(why.contains("my.toml:3") && why.contains("safety.keep_in_m"), "B18: {why}");
        }
    }
}
