// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A network namespace, held by a descriptor: it lives at least as long as its owner.
///
/// Named namespaces are those of `ip netns`: a file in `/run/netns` on which the namespace is mounted.
public struct NetworkNamespace: ~Copyable, Sendable {
    /// The open namespace file; what `setns(2)` and `IFLA_NET_NS_FD` take.
    public let fileDescriptor: Int32

    /// Where `ip netns` keeps names.
    public static let directory = "/run/netns"

    private init(owning fileDescriptor: Int32) {
        self.fileDescriptor = fileDescriptor
    }

    deinit {
        close(fileDescriptor)
    }

    /// The namespace of the calling thread.
    public static func current() throws(NetlinkError) -> NetworkNamespace {
        try open(path: "/proc/thread-self/ns/net")
    }

    /// A namespace without a name, gone with its last descriptor, process and socket.
    ///
    /// Needs `CAP_SYS_ADMIN`. It starts with a loopback interface that is down.
    public static func anonymous() throws(NetlinkError) -> NetworkNamespace {
        let result = clinux_network_namespace_new()
        guard result >= 0 else {
            throw .systemCall(
                call: "unshare(CLONE_NEWNET)", object: "a new network namespace", error: ErrorNumber(result))
        }
        return NetworkNamespace(owning: result)
    }

    /// Opens a namespace by name.
    public static func open(named name: String) throws(NetlinkError) -> NetworkNamespace {
        try open(path: try path(of: name))
    }

    /// Opens a namespace by its file, such as `/proc/1234/ns/net`.
    public static func open(path: String) throws(NetlinkError) -> NetworkNamespace {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .systemCall(call: "open", object: path, error: ErrorNumber(errno))
        }
        return NetworkNamespace(owning: descriptor)
    }

    /// Makes a namespace that stays until `delete(named:)`, as `ip netns add` does.
    ///
    /// Fails with `EEXIST` if the name is taken; whatever fails, nothing is left behind.
    public static func create(named name: String) throws(NetlinkError) -> NetworkNamespace {
        let target = try path(of: name)
        try prepareDirectory()
        let namespace = try anonymous()
        let file = Glibc.open(target, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)
        guard file >= 0 else {
            throw .systemCall(call: "open", object: target, error: ErrorNumber(errno))
        }
        close(file)
        let result = clinux_mount_bind("/proc/self/fd/\(namespace.fileDescriptor)", target)
        guard result >= 0 else {
            unlink(target)
            throw .systemCall(call: "mount", object: target, error: ErrorNumber(result))
        }
        return namespace
    }

    /// Takes a name away; the namespace itself ends with its last user. Fails with `ENOENT` if there is no such name.
    public static func delete(named name: String) throws(NetlinkError) {
        let target = try path(of: name)
        // EINVAL: the file is there but nothing is mounted on it, as after a half-failed creation.
        let result = clinux_mount_detach(target)
        guard result >= 0 || result == -EINVAL else {
            throw .systemCall(call: "umount", object: target, error: ErrorNumber(result))
        }
        guard unlink(target) == 0 else {
            throw .systemCall(call: "unlink", object: target, error: ErrorNumber(errno))
        }
    }

    /// The names in use, sorted.
    public static func names() throws(NetlinkError) -> [String] {
        guard let stream = opendir(directory) else {
            if errno == ENOENT { return [] }
            throw .systemCall(call: "opendir", object: directory, error: ErrorNumber(errno))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What tells namespaces apart: two owners are of the same namespace if their identities are equal.
    public var identity: Identity {
        get throws(NetlinkError) {
            var status = stat()
            guard fstat(fileDescriptor, &status) == 0 else {
                throw .systemCall(call: "fstat", object: "network namespace", error: ErrorNumber(errno))
            }
            return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        }
    }

    /// Runs `body` with the calling thread in this namespace, then returns the thread to where it was.
    ///
    /// Sockets opened and processes started inside stay in this namespace. `body` must not wait for other tasks:
    /// the namespace belongs to the thread.
    ///
    /// - Throws: What `body` throws; `NetlinkError` if the thread cannot change its namespace. If it cannot change
    ///   back, the process ends: a thread in the wrong namespace would silently configure the wrong machine.
    public func run<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
        let home = try switchThread()
        defer { Self.switchBack(home) }
        return try body()
    }

    /// `run` for what throws only this module's errors.
    func enter<Result: ~Copyable>(_ body: () throws(NetlinkError) -> Result) throws(NetlinkError) -> Result {
        let home = try switchThread()
        defer { Self.switchBack(home) }
        return try body()
    }

    /// Moves the calling thread into this namespace and returns the one it was in.
    private func switchThread() throws(NetlinkError) -> NetworkNamespace {
        let home = try NetworkNamespace.current()
        let result = clinux_network_namespace_enter(fileDescriptor)
        guard result >= 0 else {
            throw .systemCall(call: "setns", object: "network namespace", error: ErrorNumber(result))
        }
        return home
    }

    private static func switchBack(_ home: borrowing NetworkNamespace) {
        let result = clinux_network_namespace_enter(home.fileDescriptor)
        precondition(result >= 0, "setns failed on the way back")
    }

    /// Device and inode of the namespace file (`namespaces(7)`).
    public struct Identity: Hashable, Sendable, CustomStringConvertible {
        /// Device of the kernel's namespace file system.
        public let device: UInt64
        /// Number of the namespace, unique while it lives.
        public let inode: UInt64

        /// As the links in `/proc/PID/ns` read: `net:[4026531840]`.
        public var description: String { "net:[\(inode)]" }
    }

    private static func path(of name: String) throws(NetlinkError) -> String {
        let isPlain = !name.isEmpty && name.utf8.count < 256 && !name.contains("/") && name != "." && name != ".."
        guard isPlain else {
            throw .invalid(object: "namespace name \"\(name)\"", reason: "it must be a plain file name")
        }
        return "\(directory)/\(name)"
    }

    /// `ip netns` makes the directory a shared mount point, so that names vanish in every mount namespace at once.
    private static func prepareDirectory() throws(NetlinkError) {
        guard mkdir(directory, 0o755) == 0 || errno == EEXIST else {
            throw .systemCall(call: "mkdir", object: directory, error: ErrorNumber(errno))
        }
        var result = clinux_mount_make_shared(directory)
        if result == -EINVAL {
            result = clinux_mount_bind(directory, directory)
            if result >= 0 { result = clinux_mount_make_shared(directory) }
        }
        guard result >= 0 else {
            throw .systemCall(call: "mount", object: directory, error: ErrorNumber(result))
        }
    }
}
