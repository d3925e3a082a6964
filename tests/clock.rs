//! F27 with a real process: the wall clock is stepped by an hour, to and fro, under a running loop.

use std::fs;
use std::process::Command;

/// Put before the C library: every look at the wall clock is an hour off, the one after it the other way; what
/// was asked of it is counted, and told at the end. Other clocks are as they are.
const STEPPED: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long asked;
static long off(void) { return __sync_fetch_and_add(&asked, 1) % 2 ? 3600 : -3600; }
int clock_gettime(clockid_t id, struct timespec *t) {
    int done = syscall(SYS_clock_gettime, id, t);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) t->tv_sec += off();
    return done;
}
int gettimeofday(struct timeval *t, void *zone) {
    int done = syscall(SYS_gettimeofday, t, zone);
    t->tv_sec += off();
    return done;
}
time_t time(time_t *t) {
    time_t now = syscall(SYS_time, 0) + off();
    if (t) *t = now;
    return now;
}
__attribute__((destructor)) static void tell(void) { fprintf(stderr, "wall clock asked %ld times\n", asked); }
"#;

#[test]
fn f27_a_wall_clock_that_is_stepped_by_an_hour_to_and_fro_changes_nothing() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, shim) = (dir.join("stepped.c"), dir.join("stepped.so"));
    fs::write(&source, STEPPED).expect("a place to write");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(&source).status();
    assert!(built.expect("the C compiler that links Rust programs").success());
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
        command.args(["alone", "--seconds", "6", "--patience-ms", "3000"]);
        command
    };
    // A busy machine may be late by milliseconds, which the patience bears; a stepped clock is so by an hour.
    for _ in 0..3 {
        let out = run().env("LD_PRELOAD", &shim).output().expect("started");
        let (text, told) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(told.contains("wall clock asked"), "the clock was not stepped: {told}");
        assert!(out.status.success(), "{text}{told}");
        let outcome: serde_json::Value = serde_json::from_str(text.trim()).expect("JSON");
        let is_well = outcome["was_well"] == true && outcome["faults"] == serde_json::json!([]);
        if is_well && outcome["motions"].as_u64() >= Some(2) {
            return;
        }
        println!("{text}");
    }
    panic!("the arm was stopped, or did not move, three times out of three");
}
