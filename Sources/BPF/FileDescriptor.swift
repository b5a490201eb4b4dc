// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Owns a file descriptor; closing is `deinit`.
struct FileDescriptor: ~Copyable, Sendable {
    let raw: Int32

    init(owning raw: Int32) { self.raw = raw }

    /// A second descriptor of the same kernel object.
    init(duplicating raw: Int32, of object: String) throws(BPFError) {
        let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw .failure("fcntl(F_DUPFD_CLOEXEC)", on: object, needing: []) }
        self.raw = copy
    }

    deinit { close(raw) }
}
