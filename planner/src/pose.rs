//! Bringing the tool to a pose in free space.

use crate::failure::PlanFailure;
use crate::motion::{Motion, Prepared, Run};
use mechanics::ik::Wanted;
use types::{JointState, Scene, Tool, Transform, World};

/// How many goals in joint space are tried: one pose has many, and a way leads not to each.
const N_GOALS: u64 = 16;

impl Motion {
    /// The steps that bring the tool from `state` to `target`, or to that of it which is `wanted`, clear of
    /// everything in `scene`. The joints there are found from the pose alone. The same input gives the
    /// same steps.
    ///
    /// # Errors
    /// [`PlanFailure`], which says how far the pose is out of reach or what is in the way.
    pub fn reach(
        &mut self,
        target: &Transform<World, Tool>,
        wanted: Wanted,
        state: &JointState,
        scene: &Scene,
    ) -> Result<Prepared, PlanFailure> {
        self.check_state(state)?;
        self.space.reseed();
        let run = Run::new(state, None);
        self.surround_free(&run, scene)?;
        let fit = self.free_fit(&run);
        let what = "reach the pose";
        let mut failure = None;
        for attempt in 0..N_GOALS {
            let mut attempted = run.clone();
            let way = self
                .space
                .goal(target, wanted, &run.q, fit, attempt, what)
                .and_then(|goal| self.go(&mut attempted, &goal, scene, 1.0, what));
            match way {
                Ok(()) => return Ok(Prepared { steps: attempted.steps, held: None }),
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        Err(failure.unwrap_or_else(|| PlanFailure::NoPath { what: what.to_owned() }))
    }
}
