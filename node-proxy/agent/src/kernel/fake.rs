//! A kernel without privileges, for tests: it keeps a diary and fails when told to.

use std::sync::Mutex;

use super::*;

/// The host's namespace.
pub(crate) const HOST: u64 = 1;

#[derive(Debug, Default)]
pub(crate) struct Fake {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    paths: BTreeMap<PathBuf, u64>,
    pods: BTreeMap<String, Vec<PathBuf>>,
    addresses: BTreeMap<u64, IpAddr>,
    installed: BTreeMap<u64, CaptureOptions>,
    tampered: BTreeSet<u64>,
    failing: BTreeSet<&'static str>,
    diary: Vec<String>,
    looks: usize,
}

#[derive(Debug)]
pub(crate) struct FakeSandbox {
    inode: u64,
}

impl Fake {
    /// A namespace of that inode at that path.
    pub(crate) fn add(&self, path: &str, inode: u64) {
        self.state.lock().unwrap().paths.insert(path.into(), inode);
    }

    /// Processes of a Pod run in the namespaces at these paths.
    pub(crate) fn run(&self, uid: &str, paths: &[&str]) {
        let paths = paths.iter().map(Into::into).collect();
        self.state.lock().unwrap().pods.insert(uid.to_owned(), paths);
    }

    pub(crate) fn set_address(&self, inode: u64, address: &str) {
        self.state.lock().unwrap().addresses.insert(inode, address.parse().unwrap());
    }

    pub(crate) fn delete(&self, path: &str) {
        self.state.lock().unwrap().paths.remove(Path::new(path));
    }

    /// Somebody in the Pod changes the rules.
    pub(crate) fn tamper(&self, inode: u64) {
        self.state.lock().unwrap().tampered.insert(inode);
    }

    pub(crate) fn fail(&self, what: &'static str) {
        self.state.lock().unwrap().failing.insert(what);
    }

    pub(crate) fn succeed(&self, what: &'static str) {
        self.state.lock().unwrap().failing.remove(what);
    }

    pub(crate) fn options(&self, inode: u64) -> Option<CaptureOptions> {
        self.state.lock().unwrap().installed.get(&inode).copied()
    }

    /// What was done since it was last asked.
    pub(crate) fn diary(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().diary)
    }

    /// How often Pods were looked for.
    pub(crate) fn looks(&self) -> usize {
        self.state.lock().unwrap().looks
    }

    fn doing(&self, what: &'static str, sandbox: &FakeSandbox) -> Result<(), KernelError> {
        let mut state = self.state.lock().unwrap();
        if state.failing.contains(what) {
            return Err(KernelError::Descriptors(io::Error::other(format!("{what} fails"))));
        }
        state.diary.push(format!("{what} {}", sandbox.inode));
        Ok(())
    }
}

impl Kernel for Fake {
    type Sandbox = FakeSandbox;
    type Installed = CaptureOptions;

    fn open(&self, netns: &Path) -> Result<FakeSandbox, KernelError> {
        let path = netns.to_path_buf();
        let state = self.state.lock().unwrap();
        if state.failing.contains("open") {
            return Err(io::Error::other("open fails").into());
        }
        match state.paths.get(netns) {
            Some(&HOST) => Err(NamespaceError::Own { path }.into()),
            Some(&inode) => Ok(FakeSandbox { inode }),
            None => Err(NamespaceError::NotANamespace { path }.into()),
        }
    }

    fn id(&self, sandbox: &FakeSandbox) -> NamespaceId {
        NamespaceId { device: 4, inode: sandbox.inode }
    }

    fn id_at(&self, netns: &Path) -> Result<Option<NamespaceId>, KernelError> {
        let state = self.state.lock().unwrap();
        if state.failing.contains("look") {
            return Err(io::Error::other("look fails").into());
        }
        Ok(state.paths.get(netns).map(|inode| NamespaceId { device: 4, inode: *inode }))
    }

    fn find(&self, uids: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<FoundNamespace>>, KernelError> {
        let mut state = self.state.lock().unwrap();
        state.looks += 1;
        let state = &*state;
        let found = |path: &PathBuf| {
            let id = NamespaceId { device: 4, inode: *state.paths.get(path)? };
            Some(FoundNamespace { path: path.clone(), id })
        };
        let wanted = state.pods.iter().filter(|(uid, _)| uids.contains(*uid));
        Ok(wanted.map(|(uid, paths)| (uid.clone(), paths.iter().filter_map(found).collect())).collect())
    }

    fn listen_at(
        &self,
        sandbox: &FakeSandbox,
        address: &Address,
    ) -> Result<seqpacket::Listener, KernelError> {
        self.doing("listen for the node proxy", sandbox)?;
        // Each namespace has addresses of its own.
        let own: Address = format!("{address}.{}", sandbox.inode).parse().unwrap();
        Ok(seqpacket::Listener::bind(&own)?)
    }

    fn addresses(&self, sandbox: &FakeSandbox) -> Result<Vec<IpAddr>, KernelError> {
        let state = self.state.lock().unwrap();
        let address = state.addresses.get(&sandbox.inode).copied();
        let address = address.unwrap_or_else(|| "10.0.0.9".parse().unwrap());
        Ok(if state.failing.contains("address") { Vec::new() } else { vec![address] })
    }

    fn has_ipv6(&self) -> bool {
        false
    }

    fn duplicate(&self, sandbox: &FakeSandbox) -> Result<OwnedFd, KernelError> {
        self.doing("duplicate", sandbox)?;
        Ok(io::pipe()?.0.into())
    }

    fn listen(&self, sandbox: &FakeSandbox, roles: &[Role]) -> Result<Listeners, KernelError> {
        self.doing("listen", sandbox)?;
        let open = |role: &Role| Ok(Listener { role: *role, descriptor: Arc::new(io::pipe()?.0.into()) });
        let listeners: Result<Vec<_>, io::Error> = roles.iter().map(open).collect();
        Ok(listeners?.into())
    }

    fn inspect(_listener: &Listener, _namespace: NamespaceId) -> Result<(), NotTheListener> {
        Ok(())
    }

    fn stock(
        &self,
        sandbox: &FakeSandbox,
        _kind: Kind,
        _family: Family,
        count: usize,
        _mark: PodMark,
    ) -> Result<Vec<OwnedFd>, KernelError> {
        self.doing("stock", sandbox)?;
        Ok((0..count).map(|_| io::pipe().map(|(reader, _)| reader.into())).collect::<Result<_, _>>()?)
    }

    fn install(
        &self,
        sandbox: &FakeSandbox,
        options: CaptureOptions,
        _earlier: Option<&CaptureOptions>,
    ) -> Result<CaptureOptions, KernelError> {
        self.doing("install", sandbox)?;
        let mut state = self.state.lock().unwrap();
        state.tampered.remove(&sandbox.inode);
        state.installed.insert(sandbox.inode, options);
        Ok(options)
    }

    fn verify(&self, sandbox: &FakeSandbox, installed: &CaptureOptions) -> Result<Integrity, KernelError> {
        let state = self.state.lock().unwrap();
        let is_intact = state.installed.get(&sandbox.inode) == Some(installed)
            && !state.tampered.contains(&sandbox.inode);
        Ok(if is_intact { Integrity::Intact } else { Integrity::Changed(capture::Part::Rules) })
    }

    fn leave(&self, sandbox: &FakeSandbox, _options: CaptureOptions) -> Result<(), KernelError> {
        self.doing("leave", sandbox)
    }

    fn remove(&self, sandbox: &FakeSandbox) -> Result<usize, KernelError> {
        self.doing("remove", sandbox)?;
        self.state.lock().unwrap().installed.remove(&sandbox.inode);
        Ok(0)
    }
}
