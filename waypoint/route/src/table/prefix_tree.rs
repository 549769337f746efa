//! Finds the prefixes of a path.

use std::collections::HashMap;

use super::group::Group;

/// Groups by prefix, a node for each segment.
#[derive(Debug, Default)]
pub(super) struct PrefixTree {
    /// Nodes other than the root. Parents come before their children.
    nodes: Vec<Node>,
    /// Children of the root.
    roots: Children,
}

type Children = HashMap<Box<str>, usize>;

#[derive(Debug)]
struct Node {
    parent: Option<usize>,
    /// Length of the prefix.
    length: usize,
    group: Option<Group>,
    children: Children,
}

impl PrefixTree {
    /// Adds the group of a prefix, which has at least one segment.
    pub(super) fn insert(&mut self, prefix: &str, group: Group) {
        let mut node = None;
        for segment in segments(prefix) {
            node = Some(self.child_or_new(node, segment));
        }
        if let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) {
            node.group = Some(group);
        }
    }

    /// The groups of the path's prefixes, each with the length of the prefix. The longest comes first.
    pub(super) fn longest_first<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a Group, usize)> {
        let deepest = self.deepest(path).and_then(|node| self.nodes.get(node));
        let upwards = std::iter::successors(deepest, |node| self.nodes.get(node.parent?));
        upwards.filter_map(|node| Some((node.group.as_ref()?, node.length)))
    }

    fn deepest(&self, path: &str) -> Option<usize> {
        let mut node = None;
        for segment in segments(path) {
            match self.child(node, segment) {
                Some(child) => node = Some(child),
                None => break,
            }
        }
        node
    }

    fn child(&self, node: Option<usize>, segment: &str) -> Option<usize> {
        let children = match node {
            None => &self.roots,
            Some(node) => &self.nodes.get(node)?.children,
        };
        children.get(segment).copied()
    }

    fn child_or_new(&mut self, parent: Option<usize>, segment: &str) -> usize {
        if let Some(child) = self.child(parent, segment) {
            return child;
        }
        let new = self.nodes.len();
        let node = parent.and_then(|parent| self.nodes.get_mut(parent));
        let parent_length = node.as_ref().map_or(0, |node| node.length);
        let children = node.map_or(&mut self.roots, |node| &mut node.children);
        children.insert(segment.into(), new);
        let length = parent_length + "/".len() + segment.len();
        self.nodes.push(Node { parent, length, group: None, children: Children::new() });
        new
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}
