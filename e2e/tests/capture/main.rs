//! Capture of a Pod's traffic with the real kernel: karez-capture's rules, routes and sockets in network namespaces, and a
//! hand-made proxy in the node proxy's place.

mod dns;
mod forgery;
mod lab;
mod older;
mod pace;
mod raw;
mod redirection;
mod removal;
mod routing;
mod source;
mod tunnels;
mod unprivileged;
mod upkeep;
mod ztunnel;
