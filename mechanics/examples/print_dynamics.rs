//! Prints what the readers and the dynamics make of a robot file, for comparison with others.
use mechanics::{Data, dynamics, kinematics, load};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: dump FILE")?;
    let model = load(Path::new(&path))?;
    let mut data = Data::new(&model);
    let n = model.joints.len();
    println!("joints {}", model.joints.iter().map(|j| j.name.as_str()).collect::<Vec<_>>().join(" "));
    println!("bodies {}", model.bodies.iter().map(|b| b.name.as_str()).collect::<Vec<_>>().join(" "));
    for w in &model.warnings {
        eprintln!("warning {w}");
    }
    for k in 0..5 {
        let s = |i: usize, a: f64| libm::sin(a * (i as f64 + 1.0) + k as f64);
        let q: Vec<f64> = (0..n)
            .map(|i| {
                let l = model.joints[i].limits;
                0.5 * (l.lower + l.upper) + 0.4 * (l.upper - l.lower) * s(i, 1.7)
            })
            .collect();
        let dq: Vec<f64> = (0..n).map(|i| s(i, 2.3)).collect();
        let ddq: Vec<f64> = (0..n).map(|i| s(i, 3.1)).collect();
        let mut tau = vec![0.0; n];
        dynamics::rnea(&model, &mut data, &q, &dq, &ddq, &dynamics::GRAVITY, &mut tau);
        let show = |name: &str, v: &[f64]| {
            println!("{name} {}", v.iter().map(|x| format!("{x:.17e}")).collect::<Vec<_>>().join(" "))
        };
        show("q", &q);
        show("dq", &dq);
        show("ddq", &ddq);
        show("tau", &tau);
        kinematics::forward(&model, &mut data, &q);
        for i in 0..model.bodies.len() {
            let p = data.body_pose(i);
            let r = p.rotation.to_rotation_matrix();
            let mut v = p.translation.vector.as_slice().to_vec();
            v.extend(r.matrix().transpose().as_slice());
            show(&format!("pose {}", model.bodies[i].name), &v);
        }
        dynamics::crba(&model, &mut data, &q);
        show("mass", data.mass_matrix().as_slice());
    }
    Ok(())
}
