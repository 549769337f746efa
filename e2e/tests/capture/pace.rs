//! How fast the mesh's sockets send.

use anyhow::{Result, ensure};
use karez_capture::sockets::{Family, Kind, Listening};
use socket2::SockRef;

use crate::lab::Lab;

#[test]
fn nothing_paces_what_goes_to_the_application_and_the_network_has_the_pods_own_choice() -> Result<()> {
    let lab = Lab::captured("pace")?;
    let allowed = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_allowed_congestion_control")?;
    // Where there is no other, what the proxy sets is the Pod's own.
    let own = allowed.split_whitespace().find(|name| *name != "reno").unwrap_or("reno");
    lab.pod.namespace().sysctl("net.ipv4.tcp_congestion_control", own)?;
    for family in Family::ALL {
        let outbound = lab.proxy(Listening::Outbound, family)?;
        let _application = lab.dial_from_pod((lab.outside_ip(family), 8080).into())?;
        let hbone = lab.proxy(Listening::Hbone, family)?;
        let _peer = lab.dial_from_outside((lab.pod_ip(family), 15008).into())?;
        let (accepted, tunnel) = (outbound.accept()?, hbone.accept()?);
        let (inward, outward) = (lab.stock(Kind::Application, family)?, lab.stock(Kind::Outbound, family)?);
        let found = [
            SockRef::from(&accepted),
            SockRef::from(&inward),
            SockRef::from(&tunnel),
            SockRef::from(&outward),
        ]
        .map(|socket| socket.tcp_congestion().map(|name| name.escape_ascii().to_string()));
        for (found, expected) in found.into_iter().zip(["reno", "reno", own, own]) {
            let found = found?;
            ensure!(found.trim_end_matches("\\x00") == expected, "{family:?}: {found} is not {expected}");
        }
    }
    Ok(())
}
