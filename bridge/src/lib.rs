//! Whatever leaves the process: pictures, plots, recordings, run folders.
