//! Rows about what comes into the arm's way.

use super::trial::Trial;
use control::{LimitKind, Report};
use types::{Fault, StopCategory};

pub(super) fn f42(t: &mut Trial) -> Result<(), String> {
    t.person_comes()?;
    t.is_slower_in_time()?;
    t.stands_while_somebody_is_near()
}

pub(super) fn f43(t: &mut Trial) -> Result<(), String> {
    // What is asked to stop in the same tick stops as it was verified before.
    let mut other = t.twin()?;
    other.ends_there();
    other.handle().stop(StopCategory::Two);
    other.run_s(1.0)?;
    t.ends_there();
    t.ball_ahead()?;
    t.run_s(1.0)?;
    t.told(Fault::F43ObstacleTooNear, 0.0)?;
    if t.count(|r| matches!(r, Report::Intervention { limit: LimitKind::Separation, .. })) == 0 {
        return Err("what was in the way was not told".into());
    }
    t.moves_as(&other)?;
    t.stands()
}
