//! What the network says of each word, and what the grammar knows of each word it writes.
//!
//! A sentence is read by labelling: every word gets a [`Meaning`] (which closed value it stands for),
//! a [`Role`] (in which phrase of the task it stands) and a [`Mark`] (whether a task or a further
//! object begins here). [`super::decode`] then builds the utterance without any guessing.

use types::language::{Quantity, Relation, Superlative};
use types::scene::{Color, Shape, Size};

/// What a verb asks for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Lift and hold.
    Pick,
    /// Put in, on or beside.
    Place,
    /// Build a stack.
    Stack,
    /// Push along the table.
    Push,
    /// Sort by colour.
    Sort,
    /// Exchange two places.
    Swap,
    /// Open the gripper.
    Open,
    /// Close the gripper.
    Close,
    /// Go home.
    Home,
    /// Look again.
    Look,
}

impl Verb {
    /// Every verb, in the order of its index.
    pub const ALL: [Self; 10] = [
        Self::Pick,
        Self::Place,
        Self::Stack,
        Self::Push,
        Self::Sort,
        Self::Swap,
        Self::Open,
        Self::Close,
        Self::Home,
        Self::Look,
    ];
}

/// What a question asks for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// How many.
    Count,
    /// Is there one.
    Exists,
    /// Does a relation hold.
    Holds,
    /// Which colour.
    Color,
    /// Where.
    Where,
    /// What is there.
    Describe,
}

impl Ask {
    /// Every kind of question, in the order of its index.
    pub const ALL: [Self; 6] =
        [Self::Count, Self::Exists, Self::Holds, Self::Color, Self::Where, Self::Describe];
}

/// Position of an object in a tower, where the sentence names it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// "at the bottom".
    Bottom,
    /// "in the middle".
    Middle,
    /// "on top".
    Top,
}

/// The closed value that one word stands for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing by itself: a filler, an article inside a longer expression, politeness.
    None,
    /// A colour.
    Color(Color),
    /// A shape.
    Shape(Shape),
    /// "object", "thing", "one": an object of whatever shape.
    Thing,
    /// "it", "them": the object spoken of before.
    It,
    /// A size.
    Size(Size),
    /// A superlative.
    Superlative(Superlative),
    /// A determiner.
    Quantity(Quantity),
    /// The head word of a relation.
    Relation(Relation),
    /// The word that says what to do.
    Verb(Verb),
    /// The word that says what is asked.
    Ask(Ask),
    /// A place in a tower.
    Layer(Layer),
}

const SUPERLATIVES: [Superlative; 6] = [
    Superlative::Largest,
    Superlative::Smallest,
    Superlative::Leftmost,
    Superlative::Rightmost,
    Superlative::Nearest,
    Superlative::Furthest,
];
const QUANTITIES: [Quantity; 3] = [Quantity::The, Quantity::Any, Quantity::All];
const LAYERS: [Layer; 3] = [Layer::Bottom, Layer::Middle, Layer::Top];

impl Meaning {
    /// How many meanings there are: the width of the network's first head.
    pub const COUNT: usize = 54;

    /// Every meaning, in the order of its index.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::None];
        all.extend(Color::ALL.iter().map(|&c| Self::Color(c)));
        all.extend(Shape::ALL.iter().map(|&s| Self::Shape(s)));
        all.extend([Self::Thing, Self::It]);
        all.extend(Size::ALL.iter().map(|&s| Self::Size(s)));
        all.extend(SUPERLATIVES.map(Self::Superlative));
        all.extend(QUANTITIES.map(Self::Quantity));
        all.extend(Relation::ALL.iter().map(|&r| Self::Relation(r)));
        all.extend(Verb::ALL.map(Self::Verb));
        all.extend(Ask::ALL.map(Self::Ask));
        all.extend(LAYERS.map(Self::Layer));
        all
    }
}

/// The phrase of its task in which a word stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// No phrase.
    None,
    /// The verb, or the word of asking.
    Verb,
    /// An object that is acted on or asked about.
    Object,
    /// "left of the tray" in "the ball left of the tray": relation and reference of an object.
    ObjectClause,
    /// Where it shall go: relation and target.
    Target,
    /// Relation and reference of the target.
    TargetClause,
}

impl Role {
    /// Every role, in the order of its index.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Verb, Self::Object, Self::ObjectClause, Self::Target, Self::TargetClause];
}

/// Whether something begins at a word.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing does.
    None,
    /// A further object of the same task.
    Object,
    /// A task or a question.
    Task,
}

impl Mark {
    /// Every mark, in the order of its index.
    pub const ALL: [Self; 3] = [Self::None, Self::Object, Self::Task];
}

/// A word with its three labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The word, normalised as by [`super::text::tokens`].
    pub word: String,
    /// What it stands for.
    pub meaning: Meaning,
    /// Where it stands.
    pub role: Role,
    /// What begins at it.
    pub mark: Mark,
}

impl Tagged {
    /// A word that stands for nothing by itself.
    #[must_use]
    pub fn filler(word: &str) -> Self {
        Self { word: word.to_owned(), meaning: Meaning::None, role: Role::None, mark: Mark::None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_meanings_has_the_width_of_the_head() {
        assert_eq!(Meaning::all().len(), Meaning::COUNT);
    }
}
