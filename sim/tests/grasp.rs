//! The gripper holds by friction alone: every graspable shape and size, lifted, carried, held.

mod common;

use common::{Driver, arm, down, object, scene};
use mechanics::tool_pose;
use nalgebra::Point3;
use sim::World;
use types::{GripperCommand, Shape, Size};

const GRASPABLE: [Shape; 4] = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box];

/// Where the object's centre is in the tool frame, by the engine's own poses.
fn in_tool(world: &mut World, d: &mut Driver, i: usize) -> Point3<f64> {
    let q = world.sense().q;
    let tool = *tool_pose(&d.arm, &mut d.data, &q).isometry();
    tool.inverse_transform_point(&world.truth().objects[i].center())
}

fn grasp(d: &mut Driver, world: &mut World, at: [f64; 3], force_n: f64) {
    d.reach(world, &down(at[0], at[1], 0.16, 0.0), 1500);
    d.reach(world, &down(at[0], at[1], at[2], 0.0), 800);
    d.gripper = GripperCommand { width_m: 0.0, force_n };
    d.hold(world, 900);
}

#[test]
fn every_graspable_object_is_lifted_carried_and_held_for_five_seconds_without_slipping() {
    let a = arm("panda");
    for shape in GRASPABLE {
        for &size in Size::ALL {
            for off in [0.0, 0.006] {
                // The gripper closes off the object's middle, as a camera would have it.
                let spec = object("o", shape, size, [0.5, off]);
                // At its middle, but a tall one not so deep that the palm touches its top.
                let z = spec.center_z().max(spec.dimensions().z - 0.03);
                let mut world = World::new(&a, &scene(vec![spec]), 0).expect("world");
                let mut d = Driver::new(a.clone());
                grasp(&mut d, &mut world, [0.5, 0.0, z], 20.0);
                let s = world.sense();
                let narrow = shape.dimensions(size).y;
                let what = format!("{size} {shape}, {off} m off");
                assert!((s.gripper.width_m - narrow).abs() < 2e-3, "{what}: width {}", s.gripper.width_m);
                assert!((s.gripper.force_n - 20.0).abs() < 1.0, "{what}: force {}", s.gripper.force_n);
                d.reach(&mut world, &down(0.5, 0.0, 0.25, 0.0), 1000);
                assert!(world.truth().held("o").expect("o"), "{what}: not held after lifting");
                let before = in_tool(&mut world, &mut d, 0);
                d.reach(&mut world, &down(0.45, 0.2, 0.2, 0.5), 1000);
                d.hold(&mut world, 4000);
                let slip = (in_tool(&mut world, &mut d, 0) - before).norm();
                println!("{what}: slip {:.3} mm, in tool {before:?}", slip * 1e3);
                assert!(world.truth().held("o").expect("o"), "{what}: dropped");
                assert!(slip < 2e-3, "{what}: slipped {slip} m");
            }
        }
    }
}
