//! Numbers, times and configurations out of bytes.

use control::Config;
use types::Time;

/// Numbers that break things (B1 to B6).
pub(crate) const ODD: [f64; 10] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE / 2.0,
    1e308,
    -1e308,
    1e-320,
    -0.0,
    0.0,
    90.0,
];

/// What is left of the input; past its end there are zeros.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Zero to `n`, without it.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    fn eight(&mut self) -> [u8; 8] {
        [(); 8].map(|()| self.byte())
    }

    /// −1 to 1.
    pub(crate) fn part(&mut self) -> f64 {
        f64::from(self.byte() as i8) / 128.0
    }

    /// A part of `scale`, an odd number, or any at all.
    pub(crate) fn number(&mut self, scale: f64) -> f64 {
        match self.byte() {
            k if usize::from(k) < ODD.len() => ODD[usize::from(k)],
            10 => f64::from_le_bytes(self.eight()),
            _ => scale * self.part(),
        }
    }

    /// A time around `now`, or any at all (B22).
    pub(crate) fn time(&mut self, now: Time) -> Time {
        match self.byte() {
            0 => Time::from_nanos(i64::MAX),
            1 => Time::from_nanos(i64::MIN),
            2 => Time::ZERO,
            3 => Time::from_nanos(i64::from_le_bytes(self.eight())),
            k => Time::from_nanos(now.as_nanos() + 5_000_000 * (i64::from(k) - 128)),
        }
    }

    /// The usual configuration, or one number of it changed (B15).
    pub(crate) fn config(&mut self) -> Config {
        let mut config = Config::default();
        match self.byte() {
            1 => config.period_s = self.number(0.01),
            2 => config.kp = vec![self.number(400.0); super::N],
            3 => config.kd = vec![self.number(40.0); super::N],
            4 => config.following_error = self.number(0.2),
            5 => config.lease_s = self.number(0.2),
            6 => config.stream_lease_s = self.number(0.1),
            7 => config.validity_s = self.number(0.1),
            8 => config.skew_s = self.number(0.01),
            9 => config.max_overruns = u32::from(self.byte()),
            10 => config.rest_speed = self.number(0.1),
            11 => config.tool_speed_m_s = self.number(3.0),
            12 => config.trace_hz = self.number(200.0),
            13 => config.frozen_within = self.number(0.01),
            _ => {}
        }
        config
    }
}
