//! Files and folders that hold nothing any more.

use super::*;

/// That the folder is reported as one that holds nothing, and what serves meanwhile.
fn assert_emptied(scene: &Scene, effect: Effect) {
    let [report] = scene.told.as_slice() else { panic!("{:?}", scene.told) };
    assert_eq!(report.source, scene.root.path().join("manifests").display().to_string());
    assert!(report.problem.message.contains("holds no manifest"), "{report:?}");
    assert!(report.problem.message.contains("nothing but a comment"), "{report:?}");
    assert_eq!(report.effect, effect);
}

#[test]
fn a_folder_that_vanishes_keeps_what_it_had_and_is_reported() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    let folder = scene.root.path().join("manifests");
    std::fs::remove_dir_all(&folder).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    assert_eq!(scene.unreadable(), [folder.display().to_string()]);
    // As where a mount is gone.
    std::fs::create_dir(&folder).unwrap();
    scene.look();
    assert_eq!(scene.node_of("a"), Some("one".to_owned()));
    assert_emptied(&scene, Effect::LastGoodVersion);
    scene.write("a.yaml", &pod("a", "two"));
    scene.look();
    assert_eq!(scene.node_of("a"), Some("two".to_owned()));
    assert!(scene.unreadable().is_empty());
}

#[test]
fn an_emptied_folder_keeps_what_it_held_until_it_says_that_there_is_nothing() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("b.yaml", &pod("b", "one"));
    scene.look();
    for name in ["a.yaml", "b.yaml"] {
        std::fs::remove_file(scene.path(name)).unwrap();
    }
    scene.look();
    assert!(scene.node_of("a").is_some() && scene.node_of("b").is_some());
    assert_emptied(&scene, Effect::LastGoodVersion);
    // What is mounted again is broken, and has its last good versions still.
    scene.write("a.yaml", "{");
    scene.write("b.yaml", &pod("b", "one"));
    scene = scene.restart();
    scene.look();
    assert!(scene.node_of("a").is_some());
    for name in ["a.yaml", "b.yaml"] {
        std::fs::remove_file(scene.path(name)).unwrap();
    }
    scene.write("none.yaml", "# there are none\n");
    scene.look();
    assert!(scene.node_of("a").is_none() && scene.node_of("b").is_none());
    assert!(scene.unreadable().is_empty());
}

#[test]
fn an_emptied_file_keeps_what_it_held_until_it_says_that_there_is_nothing() {
    let mut scene = Scene::new();
    scene.write("a.yaml", &pod("a", "one"));
    scene.write("new.yaml", "");
    scene.look();
    for blank in ["", "\n", " \n\t\n"] {
        scene.write("a.yaml", blank);
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "{blank:?}");
        let expected = [("a.yaml".to_owned(), Effect::LastGoodVersion)];
        assert_eq!(scene.effects(), expected, "a file that never held anything is none");
        scene = scene.restart();
        scene.look();
        assert_eq!(scene.node_of("a"), Some("one".to_owned()), "after a restart: {blank:?}");
    }
    scene.write("a.yaml", "# nothing\n");
    scene.look();
    assert_eq!(scene.node_of("a"), None);
    scene = scene.restart();
    scene.look();
    assert_eq!(scene.node_of("a"), None);
}

#[test]
fn nothing_is_published_from_an_empty_folder_where_there_were_manifests_before_the_start() {
    let mut scene = Scene::new();
    scene.look();
    assert!(scene.complete, "there never were any");
    scene.write("a.yaml", &pod("a", "one"));
    scene.look();
    std::fs::remove_file(scene.path("a.yaml")).unwrap();
    scene = scene.restart();
    scene.look();
    assert!(!scene.complete);
    assert_emptied(&scene, Effect::Nothing);
    scene.write("none.yaml", "# there are none\n");
    scene.look();
    assert!(scene.complete);
    assert_eq!(scene.node_of("a"), None);
    assert!(scene.unreadable().is_empty());
    scene = scene.restart();
    scene.look();
    assert!(scene.complete);
}
