//! What was commanded and measured, for the plot of the joints.

use bridge::{Canvas, Panel, Plot, Series};
use control::TraceSample;
use types::JointLimits;

/// Samples of commands and measurements over a run.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    samples: Vec<TraceSample>,
}

impl Trace {
    pub(crate) fn push(&mut self, sample: TraceSample) {
        self.samples.push(sample);
    }

    pub(crate) fn samples(&self) -> &[TraceSample] {
        &self.samples
    }

    /// Position, velocity, acceleration and torque of every joint as a fraction of its limit.
    pub(crate) fn plot(&self, limits: &[JointLimits], title: &str) -> Canvas {
        let panel = |title: &str, value: &dyn Fn(&TraceSample, usize) -> f64| Panel {
            title: title.to_owned(),
            range: Some((-1.1, 1.1)),
            limits: vec![-1.0, 1.0],
            series: (0..limits.len())
                .map(|j| Series {
                    name: format!("joint {}", j + 1),
                    points: self.samples.iter().map(|s| (s.stamp.as_secs_f64(), value(s, j))).collect(),
                })
                .collect(),
        };
        let centred = |q: f64, l: &JointLimits| (q - 0.5 * (l.lower + l.upper)) / (0.5 * (l.upper - l.lower));
        let at = |v: &types::JointVector, j: usize| v.get(j).copied().unwrap_or(0.0);
        Plot {
            title: title.to_owned(),
            x_label: "seconds".into(),
            panels: vec![
                panel("position in its range (measured)", &|s, j| centred(at(&s.measured_q, j), &limits[j])),
                panel("velocity / limit (command)", &|s, j| at(&s.dq, j) / limits[j].velocity),
                panel("acceleration / limit (command)", &|s, j| at(&s.ddq, j) / limits[j].acceleration),
                panel("torque / limit (command)", &|s, j| at(&s.tau, j) / limits[j].torque),
            ],
        }
        .draw(1000)
    }
}
