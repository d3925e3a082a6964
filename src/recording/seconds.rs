//! How the loop went, once a second, as ROS tools know such things; and the sum of it.

use bridge::ros::{DiagnosticArray, DiagnosticStatus, Header, KeyValue};
use control::LoopSecond;

/// Which part of the robot it is about.
const NAME: &str = "control loop";
const TICKS: &str = "ticks";
const MISSES: &str = "deadlines missed";
const LATE: [&str; 3] = ["lateness p50 us", "lateness p99 us", "lateness most us"];
const TOOK: [&str; 3] = ["compute p50 us", "compute p99 us", "compute most us"];
const FAILED: &str = "failed robot accesses";
const DROPPED: &str = "reports dropped so far";
const LEFT_OUT: &str = "recorded messages left out so far";

/// A second as a message. Wall times only where there are any: in lockstep the same run leaves the same bytes.
pub(super) fn message(s: &LoopSecond, left_out: u64, is_lockstep: bool) -> DiagnosticArray {
    let is_well = s.misses == 0 && s.failed_io == 0 && s.dropped_reports == 0 && left_out == 0;
    let mut values = vec![(TICKS, s.ticks.to_string())];
    if !is_lockstep {
        values.push((MISSES, s.misses.to_string()));
        for (names, q) in [(LATE, &s.lateness), (TOOK, &s.compute)] {
            values.extend(names.into_iter().zip([q.p50_us, q.p99_us, q.max_us].map(|us| format!("{us:.1}"))));
        }
        values.push((FAILED, s.failed_io.to_string()));
        values.push((DROPPED, s.dropped_reports.to_string()));
    }
    values.push((LEFT_OUT, left_out.to_string()));
    let status = DiagnosticStatus {
        level: u8::from(!is_well),
        name: NAME.into(),
        message: if is_well { "in time".into() } else { "late, or something was lost".into() },
        hardware_id: String::new(),
        values: values.into_iter().map(|(key, value)| KeyValue { key: key.into(), value }).collect(),
    };
    DiagnosticArray { header: Header { stamp: s.stamp.into(), ..Header::default() }, status: vec![status] }
}

/// All seconds of a recording together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LoopSum {
    /// Seconds that were told of.
    pub(crate) seconds: u64,
    pub(crate) ticks: u64,
    /// In wall time: deadlines that were missed; of the seconds' lateness the middle one's median, the greatest 99th
    /// percentile and the latest of all, microseconds.
    pub(crate) wall: Option<(u64, [f64; 3])>,
    pub(crate) failed_io: u64,
    pub(crate) dropped_reports: u64,
    pub(crate) left_out: u64,
}

/// How late the loop was in a second: the median, the 99th percentile and the most, microseconds; nothing in virtual
/// time.
pub(crate) fn lateness_us(message: &DiagnosticArray) -> Option<[f64; 3]> {
    let status = message.status.iter().find(|s| s.name == NAME)?;
    let value = |key: &str| status.values.iter().find(|v| v.key == key)?.value.parse::<f64>().ok();
    Some([value(LATE[0])?, value(LATE[1])?, value(LATE[2])?])
}

impl LoopSum {
    /// Of the messages of a recording; `None` where none is about the loop.
    pub(crate) fn of(messages: &[DiagnosticArray]) -> Option<Self> {
        let (mut sum, mut medians) = (Self::default(), Vec::new());
        for status in messages.iter().flat_map(|m| &m.status).filter(|s| s.name == NAME) {
            let value = |key: &str| status.values.iter().find(|v| v.key == key).map(|v| v.value.as_str());
            let count = |key: &str| value(key).and_then(|v| v.parse::<u64>().ok()).unwrap_or(0);
            let number = |key: &str| value(key).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
            sum.seconds += 1;
            sum.ticks = sum.ticks.saturating_add(count(TICKS));
            sum.failed_io = sum.failed_io.saturating_add(count(FAILED));
            sum.dropped_reports = sum.dropped_reports.max(count(DROPPED));
            sum.left_out = sum.left_out.max(count(LEFT_OUT));
            if value(MISSES).is_some() {
                let (misses, late) = sum.wall.get_or_insert_default();
                *misses = misses.saturating_add(count(MISSES));
                medians.push(number(LATE[0]));
                late[1] = late[1].max(number(LATE[1]));
                late[2] = late[2].max(number(LATE[2]));
            }
        }
        medians.sort_by(f64::total_cmp);
        if let Some((_, late)) = &mut sum.wall {
            late[0] = medians[medians.len() / 2];
        }
        (sum.seconds > 0).then_some(sum)
    }

    /// In a line.
    pub(crate) fn words(&self) -> String {
        let wall = self.wall.map_or_else(
            || "in virtual time, never late".to_owned(),
            |(misses, [p50, p99, most])| {
                format!(
                    "{misses} deadlines missed, late by p50 {p50:.0} µs, p99 {p99:.0} µs, most {most:.0} µs"
                )
            },
        );
        let Self { seconds, ticks, failed_io, dropped_reports, left_out, .. } = self;
        format!(
            "the loop in {seconds} s: {ticks} ticks, {wall}; {failed_io} failed robot accesses, {dropped_reports} \
             reports and {left_out} recorded messages dropped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::thread::Quantiles;

    #[test]
    fn seconds_come_to_their_sum_and_in_lockstep_nothing_of_wall_time_is_told() {
        let late = |k: f64| Quantiles { p50_us: k, p99_us: 10.0 * k, max_us: 100.0 * k };
        let second = |k: u64| LoopSecond {
            ticks: 1000 - k,
            misses: k,
            lateness: late(k as f64),
            dropped_reports: k,
            ..LoopSecond::default()
        };
        let all: Vec<_> = [3, 1, 2].map(|k| message(&second(k), k + 4, false)).into();
        let sum = LoopSum::of(&all).expect("three seconds");
        let want = LoopSum {
            seconds: 3,
            ticks: 2994,
            wall: Some((6, [2.0, 30.0, 300.0])),
            failed_io: 0,
            dropped_reports: 3,
            left_out: 7,
        };
        assert_eq!(sum, want);
        assert_eq!(all[0].status[0].level, 1);
        let quiet = message(&second(0), 0, true);
        assert!(quiet.status[0].level == 0 && quiet.status[0].values.len() == 2, "{quiet:?}");
        assert_eq!((lateness_us(&all[0]), lateness_us(&quiet)), (Some([3.0, 30.0, 300.0]), None));
        assert_eq!(LoopSum::of(&[quiet]).and_then(|s| s.wall), None);
        assert_eq!(LoopSum::of(&[DiagnosticArray::default()]), None);
    }
}
