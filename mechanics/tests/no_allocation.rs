//! After its scratch is made, nothing in kinematics, inverse kinematics, dynamics and the search's question whether
//! the arm is free allocates.
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use mechanics::collision::Checker;
use mechanics::ik::{Options, Solver};
use mechanics::{
    Arm, ArmData, Data, Jacobian, body_poses_in_world, dynamics, inverse_dynamics, tool_jacobian, tool_pose,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use types::JointVector;

struct Counting;
static N_ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn kinematics_there_and_back_and_dynamics_allocate_nothing_once_their_scratch_is_made() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots/panda.xml");
    let arm = Arm::from_model(mechanics::load(&path).expect("a model")).expect("an arm");
    let (n, n_full) = (arm.n_joints(), arm.model().joints.len());
    let (mut data, mut full) = (ArmData::new(&arm), Data::new(arm.model()));
    let mut jacobian = Jacobian::zeros(n);
    let (q, v) = (arm.home(), JointVector::from_fn(n, |i| 0.1 * i as f64));
    let mut tau = JointVector::zeros(n);
    let (full_q, mut full_tau, mut ddq) = (vec![0.1; n_full], vec![0.0; n_full], vec![0.0; n_full]);
    let mut solver = Solver::new(&arm);
    let target = tool_pose(&arm, &mut data, &[0.3; 7]);
    let mut checker = Checker::new(&arm);
    // What stands around the arm is taken over when it is asked first.
    let mut free = checker.is_free(&arm, &mut data, &q, 0.04, 0.001);
    let mut reached = (JointVector::zeros(n), JointVector::zeros(n));
    let before = N_ALLOCATIONS.load(Ordering::SeqCst);
    for _ in 0..10 {
        tool_pose(&arm, &mut data, &q);
        let options = Options::default();
        if let Ok(there) = solver.solve(&arm, &mut data, &target, &q, &options, &mut |_| true) {
            reached.0 = there;
        }
        if let Ok(there) = solver.track(&arm, &mut data, &target, &reached.0, &options) {
            reached.1 = there;
        }
        free &= checker.edge_is_free(
            &arm,
            &mut data,
            &q,
            &[0.1, -0.8, 0.1, -2.2, 0.1, 1.4, 0.7],
            0.04,
            0.001,
            0.01,
        );
        tool_jacobian(&arm, &mut data, &q, &mut jacobian);
        inverse_dynamics(&arm, &mut data, &q, &v, &v, 0.04, &mut tau);
        body_poses_in_world(&arm, &mut data, &q, 0.04);
        dynamics::gravity(arm.model(), &mut full, &full_q, &dynamics::GRAVITY, &mut full_tau);
        dynamics::crba(arm.model(), &mut full, &full_q);
        let g = &dynamics::GRAVITY;
        dynamics::forward(arm.model(), &mut full, &full_q, &full_q, &full_tau, g, &mut ddq);
    }
    assert_eq!(N_ALLOCATIONS.load(Ordering::SeqCst) - before, 0);
    assert!(reached.0 != JointVector::zeros(n) && reached.0.max_abs_diff(&reached.1) < 1e-6);
    assert!(free && tau.is_finite() && ddq.iter().all(|v| v.is_finite()));
}
