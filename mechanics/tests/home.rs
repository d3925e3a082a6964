//! An arm whose files state no home gets one: zeros if it can be, the same every time, or a reason.

use mechanics::collision::{Checker, Obstacle};
use mechanics::{Arm, ArmData, GeomShape, HomeChoice, gravity_load, urdf};
use nalgebra::{Isometry3, Vector3};

/// Two links that at zeros lie along x, the shoulder `height` above the table.
fn lying(height: f64, effort: f64) -> Arm {
    let link = |name: &str| {
        format!(
            r#"<link name="{name}"><inertial><origin xyz="0.15 0 0"/><mass value="1"/>
  <inertia ixx="1e-3" iyy="8e-3" izz="8e-3" ixy="0" ixz="0" iyz="0"/></inertial>
  <collision><origin xyz="0.15 0 0"/><geometry><box size="0.24 0.06 0.06"/></geometry></collision></link>"#
        )
    };
    let joint = |name: &str, parent: &str, child: &str, xyz: &str| {
        format!(
            r#"<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>
  <origin xyz="{xyz}"/><axis xyz="0 1 0"/><limit lower="-2.5" upper="2.5" effort="{effort}" velocity="1"/></joint>"#
        )
    };
    let xml = format!(
        r#"<robot name="two"><link name="base"/>{}{}{}{}</robot>"#,
        link("upper"),
        link("fore"),
        joint("shoulder", "base", "upper", &format!("0 0 {height}")),
        joint("elbow", "upper", "fore", "0.3 0 0"),
    );
    Arm::from_model(urdf::parse(&xml, "two.urdf", None, true).expect("valid")).expect("an arm")
}

fn solid(name: &str, half: [f64; 3], z: f64) -> Obstacle {
    Obstacle {
        name: name.to_owned(),
        shape: GeomShape::Cuboid { half: Vector3::from(half) },
        world_from_obstacle: Isometry3::translation(0.0, 0.0, z),
    }
}

fn table() -> Vec<Obstacle> {
    vec![solid("the table", [1.5, 1.5, 0.1], -0.1)]
}

#[test]
fn zeros_are_home_where_the_arm_is_clear_there() {
    let (arm, choice) = lying(0.2, 50.0).with_chosen_home(&table()).expect("a home");
    assert_eq!(choice, HomeChoice::Zeros);
    assert_eq!((&arm.home()[..], &arm.park()[..]), (&[0.0, 0.0][..], &[0.0, 0.0][..]));
}

#[test]
fn else_home_is_a_clear_pose_near_the_middle_and_the_same_every_time() {
    let (arm, choice) = lying(0.02, 50.0).with_chosen_home(&table()).expect("a home");
    let HomeChoice::Drawn { why } = choice else { panic!("zeros lie in the table") };
    assert!(why.contains("the table"), "{why}");
    let mut checker = Checker::new(&arm);
    checker.set_obstacles(table()).expect("obstacles");
    let (home, mut data) = (arm.home(), ArmData::new(&arm));
    assert!(checker.is_free(&arm, &mut data, &home, 0.0, 0.01), "{home:?}");
    assert!(gravity_load(&arm, &mut data, &home, 0.0) < 0.8);
    // The upper link's near edge, 30 mm out and down from the shoulder, is 12 mm above the table from a
    // lift of 0.595 rad on; a straight elbow is the middle.
    assert!((-0.65..-0.59).contains(&home[0]) && home[1].abs() < 0.06, "{home:?}");
    assert_eq!((arm.home(), arm.park()), (home, home));
    let (again, _) = lying(0.02, 50.0).with_chosen_home(&table()).expect("a home");
    assert_eq!(again.home(), home);
}

#[test]
fn a_home_that_the_motors_cannot_hold_is_none() {
    // Stretched out the arm needs about 8.8 N·m at the shoulder.
    let (arm, choice) = lying(0.4, 7.0).with_chosen_home(&table()).expect("a home");
    assert!(matches!(choice, HomeChoice::Drawn { ref why } if why.contains("torque")), "{choice:?}");
    assert!(gravity_load(&arm, &mut ArmData::new(&arm), &arm.home(), 0.0) <= 0.8);
}

#[test]
fn an_arm_that_is_clear_nowhere_is_refused_with_what_is_in_the_way() {
    let e = lying(0.2, 50.0).with_chosen_home(&[solid("the crate", [1.0, 1.0, 1.0], 0.0)]);
    let e = e.expect_err("it stands in a crate");
    assert!(e.field == "robot.home" && e.to_string().contains("the crate"), "{e}");
}

#[test]
fn a_stated_home_is_checked_against_the_limits() {
    let arm = lying(0.2, 50.0);
    assert_eq!(arm.clone().with_home(&[0.0]).expect_err("one joint is missing").field, "robot.home");
    assert_eq!(arm.clone().with_home(&[0.0, 3.0]).expect_err("beyond").field, "robot.home[1]");
    assert_eq!(&arm.with_home(&[0.5, -0.5]).expect("within").home()[..], &[0.5, -0.5]);
}
