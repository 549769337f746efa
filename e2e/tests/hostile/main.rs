//! Peers with a valid certificate and bad intentions, strangers with neither, and Pods that try to pass for the mesh.

mod floods;
mod frames;
mod garbage;
mod impostors;
mod requests;
mod silence;
mod target;
