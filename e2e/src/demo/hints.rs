//! What to try by hand while the mesh is up.

use crate::demo::render::table;
use crate::demo::world::{HTTP, POLICY_FILE, World};

/// Commands for another terminal, with what each is about.
#[must_use]
pub fn hints(world: &World) -> String {
    let manifests = world.mesh.manifests.folder().display();
    let log = world.mesh.folder().join("n2-node.log");
    let rows = [
        ("exec guest curl -s http://web/prices", "by the front page"),
        ("exec guest curl -sS http://catalog/prices", "refused since scene 4"),
        (
            &format!("exec plain curl -sS http://{}:{HTTP}/prices", world.catalog.v4),
            "so is plaintext, which proves nobody",
        ),
        (&format!("exec n2 rm {manifests}/{POLICY_FILE}"), "the policy goes: ask again"),
        (&format!("exec n2 tail -f {}", log.display()), "the access log of n2 as it grows"),
        ("exec web nft list table inet karez", "the rules that capture a Pod"),
        ("exec n1 karez dump", "what the node proxy of n1 works with"),
        ("exec n1 curl -s http://127.0.0.1:15020/metrics", "what it counts"),
        ("karez status", "certificates are renewed every few seconds"),
    ];
    table(&rows.map(|(command, about)| vec![format!("  e2e/demo {command}"), about.to_owned()]))
}
