//! The gripper holds by friction alone: every graspable shape and size, lifted, carried, held.

mod common;

use common::{Driver, arm, down, object, scene};
use mechanics::{Arm, GeomShape, tool_pose};
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

#[test]
fn a_one_sided_jaw_holds_every_small_object_too() {
    let a = arm("so101");
    for shape in GRASPABLE {
        let spec = object("o", shape, Size::Small, [0.5, 0.0]);
        let z = spec.center_z().max(spec.dimensions().z - 0.03);
        // The tool's y points along the world's −y; the fixed pad comes to rest beside the object.
        let y = 0.5 * spec.dimensions().y + 0.003;
        let mut world = World::new(&a, &scene(vec![spec]), 0).expect("world");
        let mut d = Driver::new(a.clone());
        d.reach(&mut world, &down(0.5, y, 0.12, 0.0), 2000);
        d.reach(&mut world, &down(0.5, y, z, 0.0), 1000);
        d.gripper = GripperCommand { width_m: 0.0, force_n: 10.0 };
        d.hold(&mut world, 1000);
        let s = world.sense();
        d.reach(&mut world, &down(0.5, y, 0.11, 0.0), 1000);
        let before = in_tool(&mut world, &mut d, 0);
        d.hold(&mut world, 5000);
        let slip = (in_tool(&mut world, &mut d, 0) - before).norm();
        println!("{shape}: {:?} slip {:.3} mm", s.gripper, slip * 1e3);
        assert!(world.truth().held("o").expect("o"), "{shape}: dropped");
        assert!(slip < 2e-3, "{shape}: slipped {slip} m");
    }
}

#[test]
fn fingers_made_of_mesh_hulls_hold_as_boxes_do() {
    let boxes = arm("panda");
    let mut model = boxes.model().clone();
    let mut n_hulls = 0;
    for g in model.bodies.iter_mut().filter(|b| b.name.contains("finger")).flat_map(|b| &mut b.geoms) {
        let GeomShape::Cuboid { half } = g.shape else { continue };
        let sign = |i: usize, bit: usize| if i >> bit & 1 == 0 { -1.0 } else { 1.0 };
        let corner = |i| Point3::new(sign(i, 0) * half.x, sign(i, 1) * half.y, sign(i, 2) * half.z);
        let faces: [[u32; 4]; 6] =
            [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = faces.iter().flat_map(|f| [[f[0], f[1], f[2]], [f[0], f[2], f[3]]]).collect();
        g.shape = GeomShape::Hull { points: (0..8).map(corner).collect(), triangles };
        n_hulls += 1;
    }
    assert!(n_hulls >= 4);
    let hulls = Arm::new(model, boxes.profile().clone()).expect("the same arm");
    let spec = object("o", Shape::Cube, Size::Small, [0.5, 0.003]);
    let mut world = World::new(&hulls, &scene(vec![spec]), 0).expect("world");
    assert!(world.mjcf().contains("<mesh name=\"hull0\""));
    let mut d = Driver::new(hulls);
    grasp(&mut d, &mut world, [0.5, 0.0, 0.017], 20.0);
    d.reach(&mut world, &down(0.5, 0.0, 0.2, 0.0), 1000);
    let before = in_tool(&mut world, &mut d, 0);
    d.hold(&mut world, 2000);
    assert!(world.truth().held("o").expect("o"));
    assert!((in_tool(&mut world, &mut d, 0) - before).norm() < 1e-3);
}
