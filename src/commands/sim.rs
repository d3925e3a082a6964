//! `sinew sim`: the world alone.

use super::{CommandError, episode, open_log, scenario};
use crate::cli::Common;
use crate::exit::Exit;
use crate::session;
use bridge::Canvas;
use sim::camera::ThirdPerson;

pub(crate) fn run(seconds: f64, common: &Common) -> Result<Exit, CommandError> {
    if !(0.0..=3600.0).contains(&seconds) {
        return Err(types::Rejection::new("--seconds", "0 to 3600", seconds.to_string()).into());
    }
    let (scenario, setting) = scenario(common)?;
    let episode = episode(&scenario, &setting, Some("look"))?;
    let mut log = open_log(common, "sim")?;
    let (rig, mut cameras) = session::world(&setting.config, &setting.arm, &episode)?;
    let begun = std::time::Instant::now();
    // Without commands the robot's own watchdog holds it with its brakes.
    let until = rig.now() + core::time::Duration::from_secs_f64(seconds);
    rig.world().step_until(until).map_err(|e| CommandError::Other(e.to_string()))?;
    let wall = begun.elapsed().as_secs_f64();
    log.set_now(rig.now());
    let speed = if wall > 0.0 { seconds / wall } else { 0.0 };
    log.info("sim", "stepped", format!("{seconds:.2} s of the world in {wall:.2} s: {speed:.1} × real time"));
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
