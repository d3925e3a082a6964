//! A robot, a world, a rasteriser and cameras that are not there; faults on demand.
