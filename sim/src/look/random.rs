//! Looks drawn at random, so that what is learnt from pictures does not hang on one room.

use super::color::from_hsv;
use super::{Appearance, Distractor, DistractorKind, Light, Pattern, SensorNoise, TableTop};
use rand::Rng;

/// Uniform in a range.
fn within(rng: &mut impl Rng, lo: f32, hi: f32) -> f32 {
    lo + (hi - lo) * rng.random::<f32>()
}

/// `plain` moved towards `far` by `strength`.
fn mix(plain: f32, far: f32, strength: f32) -> f32 {
    plain + (far - plain) * strength
}

fn mix3(plain: [f32; 3], far: [f32; 3], strength: f32) -> [f32; 3] {
    core::array::from_fn(|i| mix(plain[i], far[i], strength))
}

impl Appearance {
    /// A look between the plain one (`strength` 0) and anything a room may be (`strength` 1). Takes
    /// the same count of random numbers from `rng` in the same order whatever `strength` is, but for
    /// the number of distractors.
    #[must_use]
    pub fn random(rng: &mut impl Rng, strength: f32) -> Self {
        let s = strength.clamp(0.0, 1.0);
        let plain = Self::default();
        let light = Light {
            towards: mix3(plain.light.towards, [within(rng, -0.9, 0.9), within(rng, -0.9, 0.9), 1.0], s),
            strength: mix(plain.light.strength, within(rng, 0.35, 0.85), s),
            ambient: mix(plain.light.ambient, within(rng, 0.28, 0.60), s),
            shadow: mix(plain.light.shadow, within(rng, 0.3, 1.0), s),
        };
        let table = TableTop {
            rgb: mix3(plain.table.rgb, surface(rng, 0.25, 0.85), s),
            pattern: pattern(rng, s),
            contrast: mix(plain.table.contrast, within(rng, 0.0, 0.30), s),
            scale_m: mix(plain.table.scale_m, within(rng, 0.01, 0.09), s),
        };
        let noise = SensorNoise {
            read: mix(plain.noise.read, within(rng, 0.3, 4.0), s),
            shot: mix(plain.noise.shot, within(rng, 0.3, 5.0), s),
            depth_m: mix(plain.noise.depth_m, within(rng, 0.0005, 0.002), s),
            depth_per_m: mix(plain.noise.depth_per_m, within(rng, 0.0005, 0.003), s),
            ..plain.noise
        };
        let tint = [within(rng, 0.93, 1.07), within(rng, 0.96, 1.04), within(rng, 0.92, 1.08)];
        let mut look = Self {
            light,
            table,
            floor_rgb: mix3(plain.floor_rgb, surface(rng, 0.15, 0.8), s),
            wall_rgb: mix3(plain.wall_rgb, surface(rng, 0.2, 0.95), s),
            exposure: mix(1.0, within(rng, 0.72, 1.22), s),
            tint: mix3([1.0; 3], tint, s),
            gloss: mix(plain.gloss, within(rng, 0.0, 0.5), s),
            noise,
            camera_shift_m: core::array::from_fn(|_| f64::from(s * within(rng, -0.03, 0.03))),
            camera_turn_rad: core::array::from_fn(|_| f64::from(s * within(rng, -0.03, 0.03))),
            tone_spread: s,
            tone_seed: rng.random(),
            distractors: Vec::new(),
        };
        let most = libm::roundf(5.0 * s) as usize;
        let n = rng.random_range(0..=most);
        look.distractors = (0..n).map(|_| distractor(rng)).collect();
        look
    }
}

/// A colour of furniture: weakly saturated, rarely stronger, never one of the eight colours in full.
fn surface(rng: &mut impl Rng, darkest: f32, lightest: f32) -> [f32; 3] {
    let (hue, saturation) = match rng.random_range(0..10) {
        0..=4 => (within(rng, 22.0, 42.0), within(rng, 0.08, 0.42)),
        5..=7 => (within(rng, 0.0, 360.0), within(rng, 0.0, 0.08)),
        _ => (within(rng, 0.0, 360.0), within(rng, 0.08, 0.30)),
    };
    from_hsv(hue, saturation, within(rng, darkest, lightest))
}

fn pattern(rng: &mut impl Rng, strength: f32) -> Pattern {
    let any = [Pattern::Plain, Pattern::Grain, Pattern::Speckle, Pattern::Checker, Pattern::Mottled];
    let drawn = any[rng.random_range(0..any.len())];
    if rng.random::<f32>() < strength { drawn } else { TableTop::default().pattern }
}

/// Sheets lie anywhere; what stands up lies beside the place where objects are.
fn distractor(rng: &mut impl Rng) -> Distractor {
    use DistractorKind::{Pebble, Pen, Pyramid, Sheet, Wedge};
    let kind = [Sheet, Sheet, Pen, Wedge, Pyramid, Pebble][rng.random_range(0..6)];
    let mut uniform = |lo: f64, hi: f64| lo + (hi - lo) * rng.random::<f64>();
    let position_m = if kind == Sheet {
        [uniform(0.25, 0.80), uniform(-0.45, 0.45)]
    } else {
        match uniform(0.0, 3.0) as u32 {
            0 => [uniform(0.75, 0.85), uniform(-0.35, 0.35)],
            1 => [uniform(0.10, 0.85), uniform(0.38, 0.50)],
            _ => [uniform(0.10, 0.85), uniform(-0.50, -0.38)],
        }
    };
    let yaw_rad = uniform(-core::f64::consts::PI, core::f64::consts::PI);
    let length_m = match kind {
        Sheet => uniform(0.06, 0.22),
        Pen => uniform(0.10, 0.16),
        _ => uniform(0.04, 0.09),
    };
    // Grey, brown, beige, pink, turquoise: names that are none of the eight.
    let rgb = match rng.random_range(0..6) {
        0 | 1 => [within(rng, 0.32, 0.68); 3],
        2 => from_hsv(within(rng, 20.0, 32.0), within(rng, 0.35, 0.60), within(rng, 0.30, 0.50)),
        3 => from_hsv(within(rng, 30.0, 42.0), within(rng, 0.15, 0.35), within(rng, 0.60, 0.85)),
        4 => from_hsv(within(rng, 335.0, 350.0), within(rng, 0.25, 0.45), within(rng, 0.80, 0.95)),
        _ => from_hsv(within(rng, 172.0, 186.0), within(rng, 0.40, 0.70), within(rng, 0.45, 0.70)),
    };
    Distractor { kind, position_m, yaw_rad, length_m, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn random_looks_are_valid_repeat_and_at_no_strength_are_the_plain_look() {
        for seed in 0..300 {
            let look = |s| Appearance::random(&mut ChaCha8Rng::seed_from_u64(seed), s);
            assert_eq!(look(1.0), look(1.0));
            look(1.0).check().expect("valid");
            look(0.5).check().expect("valid");
            let still = Appearance { tone_seed: 0, ..look(0.0) };
            assert_eq!(still, Appearance::default());
        }
    }

    #[test]
    fn a_look_with_an_absurd_number_is_refused_by_field() {
        let plain = Appearance::default();
        let light = Light { towards: [0.0, 0.0, -1.0], ..plain.light };
        let err = Appearance { light, ..plain.clone() }.check().expect_err("from below");
        assert_eq!(err.field, "look.light.towards[2]");
        let err = Appearance { exposure: f32::NAN, ..plain }.check().expect_err("B1");
        assert_eq!(err.field, "look.exposure");
    }
}
