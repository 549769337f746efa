//! What is shown: each scene does something real, prints it, and fails when it does not show what it says.

mod cost;
mod identity;
mod mesh;
mod policy;
mod rotation;
mod wire;

use anyhow::{Context as _, Result};
use karez_lab::Pod;

use crate::demo::render::Colour;
use crate::demo::world::World;

/// A scene.
type Scene = fn(&Stage<'_>) -> Result<()>;

/// In the order in which they are shown.
const SCENES: [(&str, Scene); 6] = [
    ("The mesh", mesh::show),
    ("Who talked to whom, and as whom", identity::show),
    ("The wire between the nodes", wire::show),
    ("A request refused by policy, and why", policy::show),
    ("Certificates and their root replaced under load", rotation::show),
    ("What it costs", cost::show),
];

/// Where scenes are shown.
#[derive(Debug)]
pub struct Stage<'a> {
    world: &'a World,
    colour: Colour,
}

impl<'a> Stage<'a> {
    /// A stage for this world.
    #[must_use]
    pub fn new(world: &'a World, colour: Colour) -> Self {
        Self { world, colour }
    }

    /// Shows all scenes.
    ///
    /// # Errors
    /// When one does not show what it says.
    pub fn show_all(&self) -> Result<()> {
        for (number, (title, show)) in (1..).zip(SCENES) {
            say(&format!("\n{}", self.colour.heading(number, title)));
            show(self).with_context(|| format!("scene {number}, {title:?}, does not show what it says"))?;
        }
        Ok(())
    }

    /// Runs a command in a Pod as a person would, and shows both it and what it prints.
    fn run(&self, pod: &Pod, line: &str) -> Result<String> {
        self.command(&pod.reference(), line);
        let words: Vec<_> = line.split(' ').collect();
        let (program, arguments) = words.split_first().context("an empty command")?;
        let output = pod.namespace().output(program, arguments)?;
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        if output.status.success() {
            show(&text);
        } else {
            show(&self.colour.alarm(text.trim_end()));
        }
        Ok(text)
    }

    /// The operator's command, shown in the same way.
    fn karez(&self, line: &str) -> Result<()> {
        self.command("operator", &format!("karez {line}"));
        show(&self.world.mesh.karez(&line.split(' ').collect::<Vec<_>>())?);
        Ok(())
    }

    fn command(&self, place: &str, line: &str) {
        show(&self.colour.command(place, line));
    }
}

/// Says something about what is shown.
fn remark(text: &str) {
    say(&format!("\n{text}\n"));
}

/// The last remark of a scene.
fn conclude(text: &str) {
    say(&format!("\n{text}"));
}

/// What programs print, set apart from the story.
fn show(text: &str) {
    for line in text.trim_end().lines() {
        say(format!("  {line}").trim_end());
    }
}

#[allow(clippy::print_stdout, reason = "the demo's output is its result")]
fn say(text: &str) {
    println!("{text}");
}
