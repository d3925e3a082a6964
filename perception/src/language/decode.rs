//! From labelled words to an utterance, by rules alone: what the labels do not say is not done, and
//! labels that contradict each other are a question.

use super::lexicon;
use super::phrase::{Attached, Phrase, set};
use super::tags::{Ask, Layer, Mark, Meaning, Role, Tagged, Verb};
use types::language::{Quantity, Question, Referent, Relation, Task, Utterance};

/// One task or question before it is checked.
#[derive(Clone, Debug, Default)]
struct Segment {
    verbs: Vec<Verb>,
    ask: Option<Ask>,
    objects: Vec<Phrase>,
    target: Option<Attached>,
    /// A verb of placing that can also mean a push: "move it to the left".
    moves: bool,
    /// A verb of lifting that can also mean a placing: "take it to the bowl".
    takes: bool,
}

impl Segment {
    fn add(&mut self, w: &Tagged, index: usize) -> Result<(), String> {
        match w.role {
            Role::None => Ok(()),
            Role::Verb => match w.meaning {
                Meaning::Verb(v) => {
                    let may =
                        |v| lexicon::entry(&w.word).is_some_and(|e| e.meanings.contains(&Meaning::Verb(v)));
                    self.moves |= matches!(w.word.as_str(), "move" | "moving");
                    self.takes |= may(Verb::Pick) && may(Verb::Place);
                    self.verbs.push(v);
                    Ok(())
                }
                Meaning::Ask(a) => set(&mut self.ask, a, &w.word),
                _ => Err(format!("I do not understand '{}' here. What shall I do?", w.word)),
            },
            Role::Object => {
                if self.objects.is_empty() || w.mark == Mark::Object {
                    self.objects.push(Phrase { first: index, ..Phrase::default() });
                }
                match self.objects.last_mut() {
                    Some(p) => p.add(w),
                    None => Ok(()),
                }
            }
            Role::ObjectClause => match self.objects.last_mut() {
                Some(p) => p.clause.get_or_insert_default().add(w, index),
                None => Err("I do not understand which object you mean. Can you name it?".to_owned()),
            },
            Role::Target => self.target.get_or_insert_default().add(w, index),
            Role::TargetClause => match &mut self.target {
                Some(t) => t.phrase.clause.get_or_insert_default().add(w, index),
                None => Err("I do not understand where that is. Can you say it differently?".to_owned()),
            },
        }
    }

    /// "the red and the blue cube": what has no noun of its own shares the next one.
    fn share_nouns(&mut self) {
        for i in (1..self.objects.len()).rev() {
            let (noun, plural) = (self.objects[i].noun, self.objects[i].plural);
            let p = &mut self.objects[i - 1];
            if p.noun.is_none() && !p.it && p.color.is_some() && p.clause.is_none() {
                (p.noun, p.plural) = (noun, plural);
            }
        }
    }

    fn verb(&self) -> Result<Option<Verb>, String> {
        if self.verbs.contains(&Verb::Sort)
            && self.verbs.iter().all(|v| matches!(v, Verb::Sort | Verb::Place))
        {
            return Ok(Some(Verb::Sort));
        }
        // "put them on top of each other" builds a stack.
        if self.verbs.contains(&Verb::Stack)
            && self.verbs.iter().all(|v| matches!(v, Verb::Stack | Verb::Place))
        {
            return Ok(Some(Verb::Stack));
        }
        match self.verbs.first() {
            Some(v) if self.verbs.iter().all(|o| o == v) => Ok(Some(*v)),
            None => Ok(None),
            _ => Err("Those are several things at once. Can you say them one after the other?".to_owned()),
        }
    }
}

/// Builds the utterance that the labels spell.
///
/// # Errors
/// A question to the person when the labels leave something open or contradict each other.
pub fn decode(words: &[Tagged]) -> Result<Utterance, String> {
    let mut segments: Vec<Segment> = Vec::new();
    for (i, w) in words.iter().enumerate() {
        check_begin(words, i)?;
        if w.mark == Mark::Task || (segments.is_empty() && w.role != Role::None) {
            segments.push(Segment::default());
        }
        if let Some(s) = segments.last_mut() {
            s.add(w, i)?;
        }
    }
    segments.iter_mut().for_each(Segment::share_nouns);
    if let [only] = segments.as_slice()
        && only.ask.is_some()
    {
        check_strays(words, only.ask == Some(Ask::Describe), false)?;
        let asked = question(only).map(Utterance::Ask)?;
        super::consistency::check(words, &asked)?;
        return Ok(asked);
    }
    if segments.iter().any(|s| s.ask.is_some()) {
        return Err("I can answer one question at a time, and do nothing else with it. Which one?".to_owned());
    }
    let sorts = segments.iter().any(|s| s.verbs.contains(&Verb::Sort));
    check_strays(words, false, sorts)?;
    let mut tasks: Vec<Task> = Vec::new();
    let mut before: Option<Verb> = None;
    for s in &segments {
        let verb = match s.verb()? {
            Some(v) => v,
            None if s.target.is_some() && matches!(before, Some(Verb::Place | Verb::Stack)) => {
                before.unwrap_or(Verb::Place)
            }
            None => return Err("What shall I do with it?".to_owned()),
        };
        let verb = s.meant(verb);
        super::attachment::check(words, s.attachments(verb))?;
        append(&mut tasks, s, verb)?;
        before = Some(verb);
    }
    if tasks.is_empty() {
        return Err("I do not understand what to do. Can you say it differently?".to_owned());
    }
    let all = Utterance::Instruct(tasks);
    super::consistency::check(words, &all)?;
    Ok(all)
}

impl Segment {
    /// Some verbs say no more than what stands around them.
    fn meant(&self, verb: Verb) -> Verb {
        let target = self.target.as_ref();
        match verb {
            Verb::Place if self.moves && target.is_some_and(|t| !t.said) => Verb::Push,
            Verb::Place if self.takes && target.is_none() => Verb::Pick,
            Verb::Pick if self.takes && target.is_some() => Verb::Place,
            v => v,
        }
    }

    fn attachments(&self, verb: Verb) -> super::attachment::Attachments {
        let place = |a: &Attached| a.relation.map(|r| (r, a.at));
        let one = self.objects.first();
        super::attachment::Attachments {
            verb,
            object: one.map_or(0, |p| p.first),
            object_clause: self.objects.iter().find_map(|p| p.clause.as_deref().and_then(place)),
            target: self.target.as_ref().filter(|t| t.said).and_then(place),
            target_clause: self.target.as_ref().and_then(|t| t.phrase.clause.as_deref()).and_then(place),
        }
    }
}

/// A phrase begins with an article, or after a word like "and": it never splits "the furthest ball".
fn check_begin(words: &[Tagged], i: usize) -> Result<(), String> {
    let w = &words[i];
    let opens = !matches!(
        w.meaning,
        Meaning::Color(_) | Meaning::Size(_) | Meaning::Shape(_) | Meaning::Thing | Meaning::Superlative(_)
    );
    let parted = i == 0 || words[i - 1].role == Role::None;
    if w.mark == Mark::None || opens || parted {
        return Ok(());
    }
    Err(format!("I cannot tell which object '{}' belongs to. Can you say it in shorter sentences?", w.word))
}

/// Every word that can only stand for an attribute must have found its phrase.
fn check_strays(words: &[Tagged], describes: bool, sorts: bool) -> Result<(), String> {
    for w in words.iter().filter(|w| w.role == Role::None) {
        let stray = match w.meaning {
            Meaning::Shape(_) => !sorts,
            Meaning::Thing => !describes && !sorts,
            Meaning::Relation(r) => !(sorts || describes && r == Relation::InFrontOf),
            Meaning::None => false,
            _ => true,
        };
        if stray {
            return Err(format!("I do not understand '{}' here. Can you say it differently?", w.word));
        }
    }
    Ok(())
}

/// The object that a task acts on: what "it" means after it.
pub(crate) fn acted_on(task: &Task) -> Option<&Referent> {
    match task {
        Task::Pick(r)
        | Task::Place { object: r, .. }
        | Task::Push { object: r, .. }
        | Task::SortByColor(r) => Some(r),
        _ => None,
    }
}

fn append(tasks: &mut Vec<Task>, s: &Segment, verb: Verb) -> Result<(), String> {
    let it = s.objects.len() == 1 && s.objects[0].it && s.objects[0].is_empty();
    let mut objects = Vec::new();
    if it {
        let meant = tasks.last().and_then(acted_on).cloned().ok_or("What do you mean by 'it'?")?;
        if verb == Verb::Place && matches!(tasks.last(), Some(Task::Pick(_))) {
            tasks.pop();
        }
        objects.push(meant);
    } else {
        let alone = s.objects.len() == 1 || !matches!(verb, Verb::Stack | Verb::Swap);
        for p in &s.objects {
            objects.push(p.referent(alone)?);
        }
    }
    if verb == Verb::Sort && objects.is_empty() {
        objects.push(Referent::the().with_quantity(Quantity::All));
    }
    let simple = matches!(verb, Verb::Open | Verb::Close | Verb::Home | Verb::Look);
    if simple != objects.is_empty() {
        return Err(if simple {
            "I do not understand what to do with that object. Can you say it differently?"
        } else {
            "Which object do you mean?"
        }
        .to_owned());
    }
    let target = match &s.target {
        Some(t) if t.said => Some(t.phrase.referent(true)?),
        _ => None,
    };
    let relation = s.target.as_ref().and_then(|t| t.relation);
    if let Some(t) = &target
        && t.quantity == Quantity::All
    {
        return Err(format!("You name several places: {t}. Which one do you mean?"));
    }
    if s.target.is_some() && !matches!(verb, Verb::Place | Verb::Push | Verb::Stack) {
        return Err("I do not understand what shall be where. Can you say it differently?".to_owned());
    }
    match verb {
        Verb::Pick => tasks.extend(objects.into_iter().map(Task::Pick)),
        Verb::Sort => tasks.extend(objects.into_iter().map(Task::SortByColor)),
        Verb::Open => tasks.push(Task::OpenGripper),
        Verb::Close => tasks.push(Task::CloseGripper),
        Verb::Home => tasks.push(Task::Home),
        Verb::Look => tasks.push(Task::Look),
        Verb::Place => {
            let mut relation = relation.ok_or("Where shall I put it?")?;
            if relation == Relation::NextTo && s.target.as_ref().is_some_and(|t| t.to) {
                relation = Relation::In;
            }
            let target =
                target.ok_or_else(|| format!("'{}' what? Can you name the object?", relation.words()))?;
            for object in objects {
                tasks.push(Task::Place {
                    object: differ(object, &target)?,
                    relation,
                    target: target.clone(),
                });
            }
        }
        Verb::Push => {
            let mut relation = relation.ok_or("In which direction shall I push it?")?;
            if relation == Relation::In && s.target.as_ref().is_some_and(|t| t.to) {
                relation = Relation::NextTo;
            }
            if matches!(relation, Relation::In | Relation::On) {
                return Err(
                    "I can push things beside others, not in or on them. Shall I put it there instead?"
                        .to_owned(),
                );
            }
            if target.is_none() && relation.direction().is_none() {
                return Err("Next to what shall I push it?".to_owned());
            }
            for object in objects {
                let object = match &target {
                    Some(t) => differ(object, t)?,
                    None => object,
                };
                tasks.push(Task::Push { object, relation, target: target.clone() });
            }
        }
        Verb::Swap => {
            let two: [Referent; 2] =
                objects.try_into().map_err(|_| "Which two objects shall change places?".to_owned())?;
            let [one, two] = two;
            let one = differ(one, &two)?;
            tasks.push(Task::Swap(one, two));
        }
        Verb::Stack => tasks.push(stack(s, objects, relation, target)?),
    }
    Ok(())
}

/// B26: nothing is put on itself.
fn differ(object: Referent, target: &Referent) -> Result<Referent, String> {
    if object.clone().with_quantity(target.quantity) == *target && target.quantity != Quantity::Any {
        return Err(format!("That would be {object} and itself. Which two objects do you mean?"));
    }
    Ok(object)
}

fn stack(
    s: &Segment,
    objects: Vec<Referent>,
    relation: Option<Relation>,
    target: Option<Referent>,
) -> Result<Task, String> {
    let mut all: Vec<(Layer, Referent)> =
        objects.into_iter().zip(&s.objects).map(|(r, p)| (p.layer.unwrap_or(Layer::Middle), r)).collect();
    if let Some(t) = target {
        if relation != Some(Relation::On) || all.len() != 1 {
            return Err("Which object shall stand on which?".to_owned());
        }
        all.insert(0, (Layer::Middle, t));
    } else if relation.is_some() {
        return Err("On top of what?".to_owned());
    }
    all.sort_by_key(|(layer, _)| *layer);
    let of = |l: Layer| all.iter().filter(|(x, _)| *x == l).count();
    let named = s.objects.iter().any(|p| p.layer.is_some());
    if named && (of(Layer::Bottom) > 1 || of(Layer::Top) > 1 || of(Layer::Middle) > 1) {
        return Err("In which order, from the bottom to the top?".to_owned());
    }
    let all: Vec<Referent> = all.into_iter().map(|(_, r)| r).collect();
    let collective = all.iter().any(|r| r.quantity == Quantity::All);
    if (all.len() == 1) != collective {
        return Err("Which objects, from the bottom to the top?".to_owned());
    }
    for (i, r) in all.iter().enumerate() {
        if all[..i].contains(r) && r.quantity == Quantity::The {
            return Err(format!("You name {r} twice. Which objects do you mean?"));
        }
    }
    Ok(Task::Stack(all))
}

fn question(s: &Segment) -> Result<Question, String> {
    if !s.verbs.is_empty() || s.objects.len() > 1 {
        return Err("I can answer a simple question about one object. Can you ask it so?".to_owned());
    }
    let object = s.objects.first().map(|p| p.referent(true)).transpose()?;
    let ask = s.ask.ok_or("What do you want to know?")?;
    if s.target.is_some() != (ask == Ask::Holds) {
        return Err("I do not understand the question. Can you ask it differently?".to_owned());
    }
    if ask == Ask::Describe {
        return match object {
            None => Ok(Question::Describe),
            Some(_) => Err("I can describe the whole table only. Shall I?".to_owned()),
        };
    }
    let object = object.ok_or("Which object do you ask about?")?;
    Ok(match ask {
        Ask::Count => Question::Count(object.with_quantity(Quantity::All)),
        Ask::Exists => Question::Exists(object.with_quantity(Quantity::Any)),
        Ask::Color => Question::ColorOf(object),
        Ask::Where => Question::Where(object),
        Ask::Holds | Ask::Describe => {
            let t = s.target.as_ref().ok_or("Where shall it be?")?;
            let relation = t.relation.ok_or("How shall the two stand to each other?")?;
            Question::Holds { object, relation, target: t.phrase.referent(true)? }
        }
    })
}
