//! `sinew doctor`: what this machine can do, and what to type.

use super::{CommandError, Setting};
use crate::cli::Common;
use crate::exit::Exit;
use crate::session;
use core::time::Duration;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use types::seams::{Budget, VisionLanguageModel};
use types::{Image, Intrinsics, Time, Transform};

pub(crate) fn run(common: &Common) -> Result<Exit, CommandError> {
    println!("Sinew {}", env!("CARGO_PKG_VERSION"));
    let setting = Setting::read(common, None)?;
    let profile = setting.arm.profile();
    println!("robot       {} ({} joints), configuration is valid", profile.name, setting.arm.n_joints());
    println!("features    default: everything on the CPU; no GPU, no ROS, no network is used");
    machine();
    real_time(&setting);
    model(&setting)?;
    println!(
        "\nA software safety function is no substitute for hardware: on a real arm an emergency stop that\n\
         cuts the power is required.\n\nType:  sinew run \"put the red cube in the blue bowl\""
    );
    Ok(Exit::Done)
}

fn machine() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |p: &str| std::fs::read_to_string(p).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let kernel = read("/proc/sys/kernel/osrelease");
    let preempt = if Path::new("/sys/kernel/realtime").exists() { ", PREEMPT_RT" } else { "" };
    println!("machine     {cores} cores, load {load}, Linux {}{preempt}", kernel.trim());
    let gpu = Path::new("/dev/nvidiactl").exists();
    println!(
        "GPU         {}",
        if gpu { "an NVIDIA device is here; this build does not use it" } else { "none; none is needed" }
    );
}

/// Half a second of an idle loop, to see how late this machine wakes up.
fn real_time(setting: &Setting) {
    let wishes = control::rt::RtWishes {
        fifo_priority: u8::try_from(setting.config.control.priority).ok(),
        lock_memory: false,
        cpu: usize::try_from(setting.config.control.cpu).ok(),
    };
    let probe = std::thread::spawn(move || {
        use types::seams::Clock;
        let rights = control::rt::acquire(wishes);
        let mut clock = control::MonotonicClock::new();
        let mut lateness: Vec<f64> = Vec::with_capacity(500);
        let mut next = clock.now();
        for _ in 0..500 {
            next = next + Duration::from_millis(1);
            clock.sleep_until(next);
            lateness.push(clock.now().secs_since(next) * 1e6);
        }
        lateness.sort_by(f64::total_cmp);
        (rights, lateness)
    });
    let Ok((rights, lateness)) = probe.join() else { return };
    let at = |p: usize| lateness.get(p * lateness.len() / 100).copied().unwrap_or(0.0);
    let most = lateness.last().copied().unwrap_or(0.0);
    println!(
        "real time   woken late at 1 kHz: p50 {:.0} µs, p99 {:.0} µs, most {most:.0} µs",
        at(50),
        at(99)
    );
    if rights.real_time {
        println!("            SCHED_FIFO is permitted");
    }
    for note in &rights.notes {
        println!("            {note}");
    }
    if !rights.real_time {
        println!("            to permit it:  sudo setcap cap_sys_nice,cap_ipc_lock+ep $(command -v sinew)");
        println!(
            "            or:            ulimit -r 98; ulimit -l unlimited   (limits.conf: rtprio, memlock)"
        );
    }
}

fn model(setting: &Setting) -> Result<(), CommandError> {
    let mut model = session::model(&setting.config)?;
    println!("model       {}", model.identity());
    let lens = Intrinsics::from_fov(256, 192, 0.88)?;
    let grey = vec![128; 3 * 256 * 192];
    let image = Image::new("probe", 0, Time::ZERO, grey, None, lens, Transform::identity())?;
    let cancel = AtomicBool::new(false);
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let budget = Budget { limit: Duration::from_secs(30), cancel: &cancel };
        let answered = model.answer(Some(&image), "how many cubes do you see?", budget);
        answered.map_err(|e| CommandError::Other(e.to_string()))?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("            a look (picture and sentence to answer) takes {:.0} ms here", times[2]);
    Ok(())
}
