//! The only real-time code: the loop, motion stage, limiter, stops.
