//! Pushing: where an object shall slide to, and over which free straight legs.

use crate::draft::{Draft, Stop};
use crate::footprint::{Footprint, centre};
use crate::relations::{support, upon};
use crate::spots::{beside_many, clearance, moved};
use crate::words::the;
use nalgebra::{Point2, Rotation2, Vector2};
use types::language::{Quantity, Referent, Relation};
use types::plan::{Fact, Skill};
use types::{ObjectId, Scene, TrackedObject};

/// Free width on both sides of an object that slides: the fingers go along, metres.
const LANE_M: f64 = 0.009;
/// Free length behind the start and beyond the end of a push: a finger is there, metres.
const END_M: f64 = 0.038;
/// Free length beyond the end at the least: then both fingers push from behind, metres.
pub(crate) const LEAST_AHEAD_M: f64 = 0.012;
/// How far from the direction asked for a push may go where that is blocked: still more along it than
/// across it, radians.
const SLANTS: [f64; 5] = [0.0, 0.35, -0.35, 0.6, -0.6];
/// Pushes shorter than this are not worth lowering the hand for, metres.
const SHORTEST_M: f64 = 0.02;

/// Distance of the corners that a push may turn at, metres.
const GRID_M: f64 = 0.04;
/// What one more push is worth in way, metres.
const LEG_COST_M: f64 = 0.15;

/// Whether `object` can slide straight from `from` to `to` with the fingers around it, `ahead_m` of free
/// length beyond it, and `least_m` more room than all that.
pub(crate) fn lane_is_free(
    object: &TrackedObject,
    from: Point2<f64>,
    to: Point2<f64>,
    scene: &Scene,
    ignored: &[ObjectId],
    ahead_m: f64,
    least_m: f64,
) -> bool {
    let along = to - from;
    let length = along.norm();
    let Some(direction) = along.try_normalize(1e-9) else { return true };
    let outline = Footprint::at(object, from, object.yaw);
    let across = Vector2::new(-direction.y, direction.x);
    let reach = |way: Vector2<f64>| outline.extent(from, way);
    let (behind, ahead) = (reach(-direction) + END_M, reach(direction) + ahead_m);
    let lane = Footprint::rectangle(
        from + direction * (0.5 * (length + ahead - behind)),
        libm::atan2(direction.y, direction.x),
        0.5 * (length + ahead + behind),
        reach(across).max(reach(-across)) + LANE_M,
    );
    clearance(&lane, scene, ignored) >= least_m
}

impl Draft<'_> {
    pub(crate) fn push_task(
        &mut self,
        object: &Referent,
        relation: Relation,
        target: Option<&Referent>,
    ) -> Result<(), Stop> {
        let Some(target) = target else {
            let objects = self.objects(object, &[])?;
            if object.quantity == Quantity::All {
                for id in objects {
                    self.push_along(id, relation)?;
                }
                return Ok(());
            }
            return self.first_that_works(&objects, |draft, id| draft.push_along(id, relation));
        };
        let targets = self.objects(target, &[])?;
        let target = targets[0];
        let objects = match self.objects(object, &[target]) {
            Ok(objects) => objects,
            Err(stop) => self.objects(object, &[]).map_err(|_| stop)?,
        };
        if object.quantity == Quantity::All {
            for id in objects {
                self.push_beside(id, relation, target)?;
            }
            return Ok(());
        }
        self.first_that_works(&objects, |draft, id| draft.push_beside(id, relation, target))
    }

    fn check_pushable(&self, id: ObjectId) -> Result<(), Stop> {
        self.check_hand(None)?;
        self.check_seen(id)?;
        self.check_reach(id)?;
        let o = self.get(id)?;
        if let Some((_, below)) = support(&self.scene, id) {
            let below = self.get(below)?;
            return Err(Stop::Refuse(format!(
                "I cannot push {}: it is not on the table but in or on {}.",
                the(o),
                the(below)
            )));
        }
        if !o.most_likely_shape().is_container() {
            self.check_clear(id)?;
        }
        Ok(())
    }

    pub(crate) fn push_along(&mut self, id: ObjectId, relation: Relation) -> Result<(), Stop> {
        self.check_pushable(id)?;
        let o = self.get(id)?.clone();
        let Some(direction) = relation.direction() else {
            return Err(Stop::Ask {
                question: format!("Which way shall I push {}?", the(&o)),
                candidates: vec![id],
            });
        };
        let from = centre(&o);
        // A little further than asked is as good as a little less far, when the way is short; and what is
        // pushed past a thing has gone that way too.
        let whole = self.config.push_m;
        for (slant, ahead_m) in SLANTS.iter().flat_map(|s| [(*s, END_M), (*s, LEAST_AHEAD_M)]) {
            let along = Rotation2::new(slant) * Vector2::from(direction);
            for share in [1.0, 0.9, 0.8, 1.1, 0.7, 0.6] {
                let to = from + along * (whole * share / libm::cos(slant));
                if self.abilities.area.contains(to) && self.can_slide(&o, from, to, ahead_m) {
                    self.slide(id, to)?;
                    // Pushed is what went at least half as far as asked.
                    let to_spare = (to - from).dot(&Vector2::from(direction)) - 0.5 * whole;
                    let tolerance_m = to_spare.clamp(0.01, self.config.at_tolerance_m);
                    self.goal.push(Fact::At { object: id, point: to.coords.into(), tolerance_m });
                    return Ok(());
                }
            }
        }
        let to = from + Vector2::from(direction) * whole;
        let why = if self.abilities.area.contains(to) {
            "something is in the way"
        } else {
            "that would be out of my reach"
        };
        Err(Stop::Refuse(format!("I cannot push {} that way: {why}.", the(&o))))
    }

    pub(crate) fn push_beside(
        &mut self,
        id: ObjectId,
        relation: Relation,
        target: ObjectId,
    ) -> Result<(), Stop> {
        let (o, t) = (self.get(id)?.clone(), self.get(target)?.clone());
        if id == target {
            return Err(Stop::Refuse(format!("I cannot push {} beside itself.", the(&o))));
        }
        if matches!(relation, Relation::In | Relation::On) {
            return Err(Stop::Refuse(format!(
                "I cannot push {} {} {}: pushing only slides it along the table.",
                the(&o),
                relation.words(),
                the(&t)
            )));
        }
        let fact = Fact::Stands { object: id, relation, target };
        if self.is_so(id, relation, target) {
            self.done.push(format!("{} is already {} {}", the(&o), relation.words(), the(&t)));
            self.goal.push(fact);
            return Ok(());
        }
        self.check_pushable(id)?;
        self.check_seen(target)?;
        let spots = beside_many(&o, relation, &t, &self.scene, self.abilities.area, self.config)
            .map_err(|why| Stop::Refuse(format!("I cannot push {} there: {why}.", the(&o))))?;
        let from = centre(&o);
        let ends: Vec<Point2<f64>> = spots.iter().map(|s| s.centre).collect();
        let legs = self.legs(&o, from, &ends).ok_or_else(|| {
            let place = format!("{} {}", relation.words(), the(&t));
            Stop::Refuse(format!("I cannot push {} {place}: something is in the way.", the(&o)))
        })?;
        for to in legs {
            self.slide(id, to)?;
        }
        self.goal.push(fact);
        Ok(())
    }

    /// Adds the pushes that bring `id` to a point of the table.
    pub(crate) fn push_to(&mut self, id: ObjectId, point: Point2<f64>, tolerance_m: f64) -> Result<(), Stop> {
        self.check_pushable(id)?;
        let o = self.get(id)?.clone();
        let legs = self
            .legs(&o, centre(&o), &[point])
            .ok_or_else(|| Stop::Refuse(format!("I cannot push {} on: something is in the way.", the(&o))))?;
        for to in legs {
            self.slide(id, to)?;
        }
        self.goal.push(Fact::At { object: id, point: point.coords.into(), tolerance_m });
        Ok(())
    }

    /// Adds one push, and moves the object and what lies in it in the predicted scene.
    fn slide(&mut self, id: ObjectId, to: Point2<f64>) -> Result<(), Stop> {
        self.forget(id);
        self.skills.push(Skill::Push { object: id, to: to.coords.into() });
        let by = to - centre(self.get(id)?);
        let contents: Vec<TrackedObject> = upon(&self.scene, id).into_iter().cloned().collect();
        for o in contents.into_iter().chain([self.get(id)?.clone()]) {
            let there = moved(&o, centre(&o) + by, crate::footprint::bottom(&o));
            self.carry(there);
        }
        Ok(())
    }

    fn can_slide(&self, o: &TrackedObject, from: Point2<f64>, to: Point2<f64>, ahead_m: f64) -> bool {
        let mut ignored = vec![o.id];
        ignored.extend(upon(&self.scene, o.id).iter().map(|c| c.id));
        (to - from).norm() >= SHORTEST_M && lane_is_free(o, from, to, &self.scene, &ignored, ahead_m, 0.0)
    }

    /// The straight pushes that bring `o` to one of `ends`: one if it can be, else the shortest way
    /// over corners of a grid (E. Dijkstra, 1959), where every further push costs as much as
    /// [`LEG_COST_M`] of way.
    fn legs(&self, o: &TrackedObject, from: Point2<f64>, ends: &[Point2<f64>]) -> Option<Vec<Point2<f64>>> {
        if let Some(end) = ends.iter().find(|end| self.can_slide(o, from, **end, END_M)) {
            return Some(vec![*end]);
        }
        let area = self.abilities.area;
        let [x0, x1, y0, y1] = area.rectangle;
        let n = |from: f64, to: f64| ((to - from) / GRID_M).clamp(0.0, 40.0) as usize;
        let mut points = vec![from];
        for i in 0..=n(x0, x1) {
            points
                .extend((0..=n(y0, y1)).map(|j| Point2::new(x0 + GRID_M * i as f64, y0 + GRID_M * j as f64)));
        }
        let first_end = points.len();
        points.extend_from_slice(ends);
        // Cost so far, where from, whether that is final.
        let mut best: Vec<(f64, usize, bool)> = vec![(f64::INFINITY, 0, false); points.len()];
        best[0].0 = 0.0;
        loop {
            let open = best.iter().enumerate().filter(|(_, b)| !b.2 && b.0.is_finite());
            let (at, _) = open.min_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
            if at >= first_end {
                let mut legs = vec![points[at]];
                let mut back = best[at].1;
                while back != 0 {
                    legs.push(points[back]);
                    back = best[back].1;
                }
                legs.reverse();
                return Some(legs);
            }
            best[at].2 = true;
            for next in 1..points.len() {
                let cost = best[at].0 + (points[next] - points[at]).norm() + LEG_COST_M;
                if cost < best[next].0 && self.can_slide(o, points[at], points[next], END_M) {
                    (best[next].0, best[next].1) = (cost, at);
                }
            }
        }
    }
}
