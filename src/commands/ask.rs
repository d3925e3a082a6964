//! `sinew ask`: one question to the model, about a picture file or the current view; nothing moves.

use super::{CommandError, episode, open_log, scenario};
use crate::cli::Common;
use crate::exit::Exit;
use crate::mission::Eyes;
use crate::recording::Tape;
use crate::session;
use bridge::Canvas;
use core::time::Duration;
use perception::tracker::Tracker;
use planner::TablePlanner;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use types::language::{Question, Referent, Task, Utterance};
use types::plan::Outcome;
use types::seams::{Budget, Planner};
use types::{Detection, GripperState, Image, Intrinsics, JointState, JointVector, Scene, Time, Transform};

/// How much larger the answer's picture is drawn.
const ZOOM: usize = 3;

pub(crate) fn run(sentence: &str, images: &[PathBuf], common: &Common) -> Result<Exit, CommandError> {
    let image = match images {
        [] => None,
        [one] => Some(one),
        more => {
            let got = more.len().to_string();
            return Err(types::Rejection::new("--image", "one picture for the built-in model", got).into());
        }
    };
    let (scenario, setting) = scenario(common)?;
    let picture = match image {
        Some(path) => {
            Some(bridge::files::read_picture(path).map_err(|e| CommandError::Other(e.to_string()))?)
        }
        None => None,
    };
    let mut log = open_log(common, "ask")?;
    let mut model = crate::models::of(&setting.config)?;
    let cancel = AtomicBool::new(false);
    let limit = Duration::from_secs_f64(setting.config.perception.answer_limit_s);
    let answer = model
        .answer(None, sentence, Budget { limit, cancel: &cancel })
        .map_err(|e| CommandError::Other(e.to_string()))?;
    log.info(
        "perception",
        "proposal",
        format!("{:?} (confidence {:.2})", answer.utterance, answer.confidence),
    );
    let (view, detections, scene) = match picture {
        Some(canvas) => {
            let view = as_image(&canvas)?;
            let budget = Budget { limit, cancel: &cancel };
            let seen =
                model.answer(Some(&view), "", budget).map_err(|e| CommandError::Other(e.to_string()))?;
            // Without depth there are no places in the room: relations are told in the picture.
            let scene = flat_scene(&view, &seen.detections);
            (view, seen.detections, scene)
        }
        None => {
            let episode = episode(&scenario, &setting, Some(sentence))?;
            let (_rig, mut cameras) = session::world(&setting.config, &setting.arm, &episode)?;
            let mut eyes = Eyes::new(
                model,
                Tracker::new(),
                setting.config.perception.pictures_per_look,
                limit,
                Tape::default(),
            );
            eyes.look("the table", &mut cameras, &|| Time::ZERO, &mut log)
                .map_err(|(fault, said)| CommandError::Other(format!("{}: {said}", fault.id())))?;
            let scene = eyes.scene(Time::ZERO);
            let Some((view, detections)) = eyes.seen.into_iter().next() else {
                return Err(CommandError::Other("no camera gave a picture".into()));
            };
            (view, detections, scene)
        }
    };
    let config = session::planner_config(&setting.config, setting.seed);
    let mut planner = TablePlanner::new(setting.arm.clone(), config.clone())?;
    let state = still(setting.arm.home());
    let outcome = planner.decide(&answer.utterance, &scene, &state);
    let meant = referents(&answer.utterance);
    let ids: Vec<types::ObjectId> = meant
        .iter()
        .flat_map(|r| match planner::resolve(r, &scene, &config) {
            planner::Resolved::One(id) => vec![id],
            planner::Resolved::Many(ids) => ids,
            _ => Vec::new(),
        })
        .collect();
    let chosen: Vec<usize> =
        ids.iter().filter_map(|id| nearest_detection(&scene, *id, &view, &detections)).collect();
    let mut canvas = Canvas::from_image(&view).with_detections(&detections, &chosen, ZOOM);
    for o in ids.iter().filter_map(|id| scene.get(*id)).filter(|_| view.depth.is_some()) {
        let Some([u, v]) = perception::pointing::pixel(o, &view) else { continue };
        canvas.cross((u * ZOOM as f64) as i64, (v * ZOOM as f64) as i64, [255, 40, 200]);
        log.info("perception", "point", format!("the {}: column {u:.0}, row {v:.0}", o.describe()));
    }
    if let Some(folder) = log.folder() {
        let path = folder.picture("answer.png", &canvas)?;
        log.info("perception", "picture", format!("drawn into {}", path.display()));
    }
    let (exit, said) = match outcome {
        Outcome::Answer(said) => (Exit::Done, said),
        Outcome::AlreadyDone(said) => (Exit::Done, said),
        Outcome::Do(plan) => (Exit::Done, format!("I would do this: {plan:?}")),
        Outcome::Clarify { question, .. } => (Exit::Question, question),
        Outcome::Refuse(why) => (Exit::Refused, why),
    };
    log.info("run", exit.word(), &said);
    Ok(exit)
}

/// A picture file as a camera's picture: the lens of the fixed camera is assumed.
pub(super) fn as_image(canvas: &Canvas) -> Result<Image, types::Rejection> {
    let (w, h) = (canvas.width() as u32, canvas.height() as u32);
    let lens = Intrinsics::from_fov(w, h, 0.88)?;
    Image::new("file", 0, Time::ZERO, canvas.rgb().to_vec(), None, lens, Transform::identity())
}

/// Objects on a table that is as large as the picture, one metre wide: right stays right, nearer is lower.
fn flat_scene(view: &Image, detections: &[Detection]) -> Scene {
    let scale = 1.0 / f64::from(view.intrinsics.width.max(1));
    let objects = detections.iter().enumerate().map(|(i, d)| {
        let b = d.box_px.map(|v| f64::from(v) * scale);
        let mut o = types::TrackedObject {
            id: types::ObjectId(i as u32),
            color: d.color,
            shape: d.shape,
            size: d.size,
            position: nalgebra::Point3::origin(),
            yaw: 0.0,
            dimensions: nalgebra::Vector3::zeros(),
            covariance: nalgebra::Matrix3::identity() * 1e-6,
            seen: Time::ZERO,
            n_seen: 5,
        };
        o.dimensions = o.most_likely_shape().dimensions(o.most_likely_size());
        o.position = nalgebra::Point3::new(0.5 * (b[1] + b[3]), 0.5 * (b[0] + b[2]), 0.5 * o.dimensions.z);
        o
    });
    Scene { stamp: Time::ZERO, objects: objects.collect() }
}

fn still(q: JointVector) -> JointState {
    let zeros = JointVector::zeros(q.len());
    JointState { stamp: Time::ZERO, q, dq: zeros, tau: zeros, gripper: GripperState::default() }
}

/// Every phrase of the sentence that names objects.
fn referents(u: &Utterance) -> Vec<Referent> {
    match u {
        Utterance::Instruct(tasks) => tasks
            .iter()
            .flat_map(|t| match t {
                Task::Pick(r) | Task::SortByColor(r) => vec![r.clone()],
                Task::Place { object, target, .. } => vec![object.clone(), target.clone()],
                Task::Stack(all) => all.clone(),
                Task::Push { object, target, .. } => {
                    core::iter::once(object.clone()).chain(target.clone()).collect()
                }
                Task::Swap(a, b) => vec![a.clone(), b.clone()],
                Task::OpenGripper | Task::CloseGripper | Task::Home | Task::Look => Vec::new(),
            })
            .collect(),
        Utterance::Ask(q) => match q {
            Question::Count(r) | Question::Exists(r) | Question::ColorOf(r) | Question::Where(r) => {
                vec![r.clone().with_quantity(types::language::Quantity::All)]
            }
            Question::Holds { object, target, .. } => vec![object.clone(), target.clone()],
            Question::Describe => Vec::new(),
        },
        Utterance::Empty | Utterance::Unclear(_) | Utterance::Refuse(_) => Vec::new(),
    }
}

/// The detection that shows a tracked object.
fn nearest_detection(
    scene: &Scene,
    id: types::ObjectId,
    view: &Image,
    detections: &[Detection],
) -> Option<usize> {
    let object = scene.get(id)?;
    if view.depth.is_none() {
        return Some(id.0 as usize);
    }
    let in_optical = view.world_from_optical.inverse().point(object.position);
    let (u, v) = view.intrinsics.project(in_optical)?;
    let distance = |d: &Detection| {
        let [x, y] = d.point_px.map(f64::from);
        (x - u).hypot(y - v)
    };
    (0..detections.len())
        .map(|i| (distance(&detections[i]), i))
        .filter(|(d, _)| *d < 25.0)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, i)| i)
}
