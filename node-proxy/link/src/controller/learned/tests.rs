use karez_api::settings::MeshSettings;
use karez_mesh::{Change, Mesh};
use tokio::sync::watch;

use super::*;
use crate::authority::Authority;
use crate::bundle::Bundles;
use crate::discovery::Store;

fn bundle(trust_domain: &str, root: &Authority) -> TrustBundle {
    TrustBundle::from_pem(trust_domain, [root.pem().as_str()]).unwrap()
}

#[test]
fn only_the_meshs_own_roots_as_they_are_now() {
    let root = Authority::root("root");
    let (mesh_sender, mesh) = watch::channel(Arc::new(Mesh::default()));
    let (bundles_sender, bundles) = watch::channel(Bundles::default());
    let learned = LearnedRoots::of(&DiscoveryView { mesh, bundles, ..Store::new().1 });
    assert!(LearnedRoots::none().current().is_none());
    let own = || learned.current().map(|bundle| bundle.trust_domain().to_owned());
    assert_eq!(own(), None, "nothing is learned");
    bundles_sender.send_modify(|bundles| *bundles = bundles.with(bundle("elsewhere", &root)));
    assert_eq!(own(), None, "another mesh's roots");
    bundles_sender.send_modify(|bundles| *bundles = bundles.with(bundle("cluster.local", &root)));
    assert_eq!(own().as_deref(), Some("cluster.local"));
    let settings = MeshSettings { trust_domain: "elsewhere".to_owned(), ..MeshSettings::default() };
    mesh_sender.send_modify(|mesh| Arc::make_mut(mesh).apply(Change::Settings(settings)).unwrap());
    assert_eq!(own().as_deref(), Some("elsewhere"));
}
