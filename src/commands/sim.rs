//! `sinew sim`: the world alone.

use super::{CommandError, episode, open_log, scenario};
use crate::cli::Common;
use crate::exit::Exit;
use crate::session;
use bridge::Canvas;
use sim::camera::ThirdPerson;

pub(crate) fn run(seconds: f64, ros2: bool, common: &Common) -> Result<Exit, CommandError> {
    if !(0.0..=3600.0).contains(&seconds) {
        return Err(types::Rejection::new("--seconds", "0 to 3600", seconds.to_string()).into());
    }
    let (scenario, setting) = scenario(common)?;
    let episode = episode(&scenario, &setting, Some("look"))?;
    let mut log = open_log(common, "sim")?;
    let (rig, mut cameras) = session::world(&setting.config, &setting.arm, &episode)?;
    if ros2 {
        crate::interrupt::install();
        log.info("sim", "ros2", "an arm of ROS 2's is there");
        // Those that are looked through in ROS 2 stay there.
        stand_in(&setting, &rig, cameras)?;
        cameras = session::cameras(&rig, episode.seed)?;
    } else {
        let begun = std::time::Instant::now();
        // Without commands the robot's own watchdog holds it with its brakes.
        let until = rig.now() + core::time::Duration::from_secs_f64(seconds);
        rig.world().step_until(until).map_err(|e| CommandError::Other(e.to_string()))?;
        let wall = begun.elapsed().as_secs_f64();
        let speed = if wall > 0.0 { seconds / wall } else { 0.0 };
        let text = format!("{seconds:.2} s of the world in {wall:.2} s: {speed:.1} × real time");
        log.info("sim", "stepped", text);
    }
    log.set_now(rig.now());
    for o in &rig.truth().objects {
        let c = o.center();
        let what = o.spec.describe();
        log.info(
            "sim",
            "object",
            format!("{} ({what}) at ({:.3}, {:.3}, {:.3}) m", o.spec.name, c.x, c.y, c.z),
        );
    }
    let Some(folder) = log.folder() else { return Ok(Exit::Done) };
    folder.text("scene.xml", rig.world().mjcf())?;
    let mut drawn = Vec::new();
    for camera in &mut cameras {
        let image = camera.take().map_err(|e| CommandError::Other(e.to_string()))?;
        drawn.push(folder.picture(&format!("{}.png", image.camera), &Canvas::from_image(&image))?);
    }
    let mut view = ThirdPerson::beside((800, 600))?;
    drawn.push(folder.picture("room.png", &crate::film::room(&mut view, &rig))?);
    for path in drawn {
        log.info("bridge", "picture", path.display().to_string());
    }
    Ok(Exit::Done)
}

#[cfg(feature = "dds")]
fn stand_in(
    setting: &super::Setting,
    rig: &sim::Rig,
    cameras: Vec<Box<dyn types::seams::Camera>>,
) -> Result<(), CommandError> {
    Ok(crate::ros2::stand_in::run(&setting.config, &setting.arm, rig, cameras)?)
}

#[cfg(not(feature = "dds"))]
fn stand_in(
    _: &super::Setting,
    _: &sim::Rig,
    _: Vec<Box<dyn types::seams::Camera>>,
) -> Result<(), CommandError> {
    Err(types::Rejection::new("sim --ros2", "a build with the feature dds", "one without").into())
}
