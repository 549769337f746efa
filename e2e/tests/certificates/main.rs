//! Certificates: renewed and rotated under load, and refused when they prove the wrong thing or nothing.

mod clients;
mod renewal;
mod servers;
