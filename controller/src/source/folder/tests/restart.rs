//! What is kept for the next start.

use super::*;
use crate::source::folder::good_copies::RETRY_EVERY;

#[test]
fn a_broken_edit_changes_nothing_even_across_a_restart() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    let half = pod("a", "one");
    let half = half.get(..half.len() / 2).unwrap();
    for broken in ["{", "kind: Pod\nmetadata: [", half, "\u{0}\u{1}"] {
        scene.write("a.yaml", broken);
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "{broken:?}");
    }
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
}

#[test]
fn what_went_while_nobody_looked_is_gone_for_good() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.yaml", &pod("b", "one"));
    scene.look();
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), None);
    // And does not come back with a broken file of that name.
    scene.write("a.yaml", "{");
    scene.look();
    assert_eq!(scene.node_of("a"), None);
}

#[test]
fn a_file_keeps_its_whole_last_good_version_across_a_restart() {
    let mut scene = Scene::new();
    let both = |a: &str, b: &str| format!("{a}---\n{b}");
    let broken = |name: &str| pod(name, "three").replace("nodeName: three", "nodeName: [three");
    let nodes = |scene: &Scene| ["a", "b"].map(|name| scene.node_of(name));
    let on = |a: &str, b: &str| [Some(a.to_owned()), Some(b.to_owned())];
    for (text, expected) in [
        (both(&pod("a", "one"), &pod("b", "one")), on("one", "one")),
        (both(&pod("a", "two"), &broken("b")), on("one", "one")),
        (both(&pod("a", "two"), "words"), on("one", "one")),
        (pod("a", "two").replace("v1", "v9"), on("one", "one")),
        (both(&pod("a", "three"), &pod("b", "two")), on("three", "two")),
        (both(&broken("a"), &pod("b", "four")), on("three", "two")),
    ] {
        scene.write("a.yaml", &text);
        scene.look();
        assert_eq!(nodes(&scene), expected, "{text}");
        scene = scene.restart();
        scene.look();
        assert_eq!(nodes(&scene), expected, "after a restart: {text}");
    }
    scene.write("a.yaml", &pod("b", "four"));
    scene.look();
    assert_eq!(nodes(&scene), [None, Some("four".to_owned())]);
}

#[test]
fn what_was_never_readable_refuses_across_a_restart() {
    let mut scene = Scene::new();
    // The Pod of a namespace that is in strict mode only because something cannot be read.
    scene.write("pod.yaml", &pod("a", "one"));
    let refuses = |scene: &Scene| {
        let resources = scene.index.resources();
        resources.keys().any(|it| it.type_url == karez_api::names::type_url::AUTHORIZATION)
    };
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop";
    let mesh = "apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {name: default}\n";
    let policy = |name: &str| {
        format!(
            "apiVersion: karez.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: shop}}\n"
        )
    };
    for never in [
        policy("web") + "spec: [\n",
        policy("web") + "spec: {rulez: []}\n",
        policy("W/b"),
        format!("{namespace}\n"),
        format!("{namespace}, annotations: {{karez.dev/mtls: strickt}}}}\n"),
        format!("{mesh}spec: [\n"),
        format!("{mesh}spec: {{mtls: strickt}}\n"),
    ] {
        scene.write("a.yaml", &never);
        scene.look();
        // Nothing tells any more what it was.
        for text in ["words", ""] {
            scene.write("a.yaml", text);
            scene.look();
            assert!(refuses(&scene), "{never}");
            scene = scene.restart();
            scene.look();
            assert!(refuses(&scene), "after a restart: {never}");
        }
        scene.write("a.yaml", "# nothing\n");
        scene.look();
        assert!(!refuses(&scene), "{never}");
    }
}

#[test]
fn a_file_that_is_never_at_rest_keeps_nobody_waiting() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.yaml", &pod("b", "one"));
    scene.look();
    let rewrite = |scene: &mut Scene| {
        // Far beyond what is waited.
        for looks in 0..60 {
            scene.write("a.yaml", &(pod("a", "two") + &"#".repeat(looks)));
            scene.look_once();
        }
    };
    let nodes = |scene: &Scene| ["a", "b"].map(|name| scene.node_of(name));
    let on = |a: &str| [Some(a.to_owned()), Some("one".to_owned())];

    scene = scene.restart();
    rewrite(&mut scene);
    assert_eq!(nodes(&scene), on("one"), "its last good copy counts");
    assert_eq!(scene.unreadable(), ["a.yaml"]);
    scene.look();
    assert_eq!((nodes(&scene), scene.unreadable()), (on("two"), vec![]), "it has come to rest");

    std::fs::remove_dir_all(scene.root.path().join("copies")).unwrap();
    scene = scene.restart();
    rewrite(&mut scene);
    assert_eq!(nodes(&scene), on("two"), "there is no copy");
}

#[test]
fn a_copy_that_says_the_same_is_not_lost_to_a_write_that_fails() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    std::fs::create_dir(scene.root.path().join("copies/.a.yaml.new")).unwrap();
    for broken in ["{", "words", &format!("{}---\n{{", pod("a", "one"))] {
        scene.write("a.yaml", broken);
        scene.look();
        scene = scene.restart();
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "{broken}");
    }
}

#[test]
fn a_copy_that_cannot_be_written_is_owed_and_none_that_is_older_stands_in() {
    let mut scene = Scene::new();
    let copies = scene.root.path().join("copies");
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    // A folder in the place of the file that is written beside the copy: nobody, root included, can write that file.
    let obstacle = copies.join(".a.yaml.new");
    std::fs::create_dir(&obstacle).unwrap();
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.unreadable(), Vec::<String>::new(), "the copy is what it should be");

    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.unreadable(), [copies.display().to_string()]);
    let batches = scene.batches;
    scene.look();
    assert_eq!(scene.batches, batches, "it is told once");
    scene.write("a.yaml", "{");
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));

    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), None, "no older version comes back");

    scene.write("a.yaml", &pod("a", "three"));
    scene.look();
    scene.write("a.yaml", "{");
    scene.look();
    std::fs::remove_dir(&obstacle).unwrap();
    (0..RETRY_EVERY).for_each(|_| scene.look());
    assert_eq!(scene.unreadable(), Vec::<String>::new(), "it was tried again");
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("three".to_owned()));
}
