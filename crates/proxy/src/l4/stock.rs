//! What a connection needs only while bytes are under way: a worker's buffers and pipes.

use std::cell::RefCell;

use super::pipe::Pipe;

/// Bytes of a buffer: with less, large transfers pay more for system calls; with more, nothing is gained.
pub(crate) const BUFFER: usize = 64 << 10;

/// Buffers and pipes that are kept. What is beyond was needed only while many targets or clients were slow.
const KEPT: usize = 32;

/// A worker's spare buffers and pipes. The one that was used last is the next, since it is the one in the processor's cache.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    buffers: RefCell<Vec<Box<[u8]>>>,
    pipes: RefCell<Vec<Pipe>>,
}

impl Stock {
    /// A buffer of [`BUFFER`] bytes with whatever is in it.
    pub(crate) fn buffer(&self) -> Box<[u8]> {
        let spare = self.buffers.borrow_mut().pop();
        spare.unwrap_or_else(|| vec![0; BUFFER].into_boxed_slice())
    }

    pub(crate) fn keep_buffer(&self, buffer: Box<[u8]>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < KEPT && buffer.len() == BUFFER {
            buffers.push(buffer);
        }
    }

    /// An empty pipe; `None` when there can be none.
    pub(crate) fn pipe(&self) -> Option<Pipe> {
        let spare = self.pipes.borrow_mut().pop();
        spare.or_else(Pipe::new)
    }

    /// Keeps a pipe that is empty.
    pub(crate) fn keep_pipe(&self, pipe: Pipe) {
        let mut pipes = self.pipes.borrow_mut();
        if pipes.len() < KEPT {
            pipes.push(pipe);
        }
    }
}

#[cfg(test)]
impl Stock {
    pub(crate) fn has_pipes(&self) -> bool {
        !self.pipes.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_used_again_and_the_rest_is_let_go() {
        let stock = Stock::default();
        let buffers: Vec<_> = (0..KEPT + 3).map(|_| stock.buffer()).collect();
        let last = buffers[KEPT - 1].as_ptr();
        buffers.into_iter().for_each(|buffer| stock.keep_buffer(buffer));
        assert_eq!(stock.buffers.borrow().len(), KEPT);
        let again = stock.buffer();
        assert_eq!(again.as_ptr(), last);
        stock.keep_buffer(vec![0; 3].into());
        assert_eq!(stock.buffers.borrow().len(), KEPT - 1);
    }
}
