//! Under an independent watchdog, in one thread: no power before it is heard of, and none after it is not (F33).

use crate::common::{Rig, arm, reach};
use control::{Cause, Config, Mode, RefusedWhy, Report, Request, Watchdog};
use types::Fault;

#[test]
fn f33_an_arm_has_power_only_while_its_watchdog_is_heard_of() {
    let watchdog = Watchdog::private(0.02).expect("a page");
    let rig = Rig::with(arm(), Config::default());
    let mut rig = Rig { core: rig.core.with_watchdog(watchdog.pulse()), ..rig };
    let guard = watchdog.guard();
    rig.ticks(20);
    rig.handle.activate(rig.now).expect("sent");
    rig.tick();
    let refused = |rig: &Rig, request: Request| {
        rig.has(
            |r| matches!(r, Report::Refused { request: q, why: RefusedWhy::NoWatchdog, .. } if *q == request),
        )
    };
    assert!(refused(&rig, Request::Activate), "nobody was heard of yet: {:?}", rig.reports);
    assert!(rig.commands.iter().all(|c| !c.enabled));
    guard.look(rig.now);
    rig.tick();
    rig.handle.activate(rig.now).expect("sent");
    for _ in 0..4000 {
        guard.look(rig.now);
        rig.tick();
    }
    assert_eq!(rig.mode(), Mode::Hold, "{:?}", rig.reports);
    let home = rig.hold_q();
    rig.follow(reach(&rig.arm.clone(), &home, 0.3, 1.0));
    for _ in 0..300 {
        guard.look(rig.now);
        rig.tick();
    }
    assert_eq!(rig.mode(), Mode::Follow);
    // It dies.
    rig.ticks(4);
    assert_eq!(rig.mode(), Mode::Follow, "a short silence is none");
    rig.ticks(8);
    assert_eq!(rig.mode(), Mode::Fault { powered: false });
    let cause = Cause::Fault(Fault::F33WatchdogDied);
    assert!(rig.has(|r| matches!(r, Report::Stopped { cause: c, .. } if *c == cause)), "{:?}", rig.reports);
    rig.ticks(1000);
    rig.handle.reset(rig.now).expect("sent");
    rig.tick();
    assert!(refused(&rig, Request::Reset), "{:?}", rig.reports);
}
