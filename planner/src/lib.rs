//! A goal and a scene to a checked plan and a trajectory.
