//! Certificates: renewed and rotated under load, and refused when they prove the wrong thing or nothing.

mod clients;
mod copies;
mod renewal;
mod servers;
