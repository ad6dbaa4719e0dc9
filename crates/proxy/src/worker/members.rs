//! A worker's living things, to be found by whoever walks over all of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ahash::AHashMap;

/// A set whose members are taken out by the key that they got when they were put in.
#[derive(Debug)]
pub(crate) struct Members<T> {
    next: Cell<u64>,
    all: RefCell<AHashMap<u64, Rc<T>>>,
}

impl<T> Members<T> {
    pub(crate) fn new() -> Self {
        Self { next: Cell::new(0), all: RefCell::default() }
    }

    pub(crate) fn join(&self, make: impl FnOnce(u64) -> T) -> Rc<T> {
        let key = self.next.replace(self.next.get() + 1);
        let member = Rc::new(make(key));
        self.all.borrow_mut().insert(key, Rc::clone(&member));
        member
    }

    pub(crate) fn leave(&self, key: u64) {
        // Bound to a name, so that what the member's own drop does finds the set free again.
        let gone = self.all.borrow_mut().remove(&key);
        drop(gone);
    }

    /// Calls `visit` for each. Nobody may join or leave meanwhile: `visit` marks and wakes, others act.
    pub(crate) fn each(&self, mut visit: impl FnMut(&T)) {
        self.all.borrow().values().for_each(|member| visit(member));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }
}
