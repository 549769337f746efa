//! The first process of every Pod's sandbox: its namespaces live as long as it does, and it does nothing.

fn main() {
    loop {
        std::thread::park();
    }
}
