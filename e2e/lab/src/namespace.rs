//! One network namespace, and commands that run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace held by a bind mount; it goes when this value does.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    path: PathBuf,
}

impl Namespace {
    /// Makes an empty namespace, loopback up, mounted at `folder/name`.
    ///
    /// # Errors
    /// When the kernel refuses, which it does outside private mount namespaces and without CAP_SYS_ADMIN.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(name);
        fs::File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        let target = path.clone();
        // A thread of its own: unshare moves the calling thread alone.
        std::thread::spawn(move || -> Result<()> {
            unshare(CloneFlags::CLONE_NEWNET).context("unshare(CLONE_NEWNET)")?;
            mount(Some("/proc/thread-self/ns/net"), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
                .context("mounting the network namespace")
        })
        .join()
        .map_err(|_| anyhow::anyhow!("the namespace thread panicked"))??;
        let namespace = Self { name: name.to_owned(), path };
        namespace.run("ip", &["link", "set", "lo", "up"])?;
        // Duplicate address detection would hold back the first packets of every link for a second.
        namespace.sysctl("net.ipv6.conf.default.accept_dad", "0")?;
        Ok(namespace)
    }

    /// Its name in the lab.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is mounted: what `karez pod add --netns` takes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A command that will run in this namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path.display())).arg("--").arg(program);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a program to its end and gives what it printed, success or not.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        self.command(program)
            .args(arguments)
            .output()
            .with_context(|| format!("starting {program} in {}", self.name))
    }

    /// Runs a program to its end and gives its standard output.
    ///
    /// # Errors
    /// When it cannot be started or fails; with what it wrote to standard error.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self.output(program, arguments)?;
        if !output.status.success() {
            bail!(
                "{program} {} in {}: {}: {}{}",
                arguments.join(" "),
                self.name,
                output.status,
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&output.stdout)
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Does something inside this namespace: sockets opened there stay there.
    ///
    /// # Errors
    /// When the namespace cannot be entered.
    pub fn inside<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R> {
        let namespace = fs::File::open(&self.path).with_context(|| self.path.display().to_string())?;
        // A thread of its own: setns moves the calling thread alone.
        let entered = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(namespace, CloneFlags::CLONE_NEWNET).context("setns")?;
                Ok(work())
            });
            thread.join()
        });
        entered.map_err(|_| anyhow::anyhow!("what was done inside {} panicked", self.name))?
    }

    /// Runs lines of `ip` commands as one batch.
    ///
    /// # Errors
    /// When any line fails.
    pub fn ip(&self, lines: &[String]) -> Result<()> {
        self.feed("ip", &["-batch", "-"], &lines.join("\n"))
    }

    /// Runs a program with `input` on its standard input.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn feed(&self, program: &str, arguments: &[&str], input: &str) -> Result<()> {
        use std::io::Write as _;
        let mut child = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {program} in {}", self.name))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{program} in {}: {}\n{input}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Writes one of the namespace's own settings under `/proc/sys/net`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn sysctl(&self, key: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        self.run("sh", &["-c", &format!("echo {value} > {path}")]).map(|_| ())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nothing to do about a failure: the mount namespace around the lab ends soon.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&self.path);
    }
}
