// SPDX-License-Identifier: Apache-2.0
import CBPF
import CLinux
import Glibc

/// The BPF file system: folders and pins that keep programs, maps and links alive without a process.
public enum BPFFileSystem {
    /// A mounted BPF file system.
    public struct Mount: Sendable, Hashable {
        public var path: String
        public var isReadOnly: Bool
    }

    enum Kind: String { case program, map, link }

    /// The BPF file systems this thread's mount namespace has.
    public static func mounts() -> [Mount] {
        guard let text = try? SystemFile.read("/proc/thread-self/mounts") else { return [] }
        var mounts: [Mount] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            // A later mount on the same path covers the earlier one.
            mounts.removeAll { $0.path == fields[1] }
            guard fields[2] == "bpf" else { continue }
            mounts.append(
                Mount(path: String(fields[1]), isReadOnly: fields[3].split(separator: ",").contains("ro")))
        }
        return mounts
    }

    /// Whether `path`, or its nearest existing ancestor, is on a BPF file system.
    public static func contains(_ path: String) -> Bool {
        var candidate = path
        while true {
            let answer = bpf_shim_is_bpffs(candidate)
            if answer >= 0 { return answer == 1 }
            guard let slash = candidate.lastIndex(of: "/"), slash != candidate.startIndex else { return false }
            candidate = String(candidate[..<slash])
        }
    }

    /// Creates a folder and its missing parents. Mode 0700: pins are handles to the fast path.
    public static func createDirectory(_ path: String) throws(BPFError) {
        guard contains(path) else { throw .notOnBPFFileSystem(path: path, mountedAt: mounts().map(\.path)) }
        var built = ""
        for part in path.split(separator: "/") {
            built += "/" + part
            if mkdir(built, 0o700) != 0 {
                let code = KernelErrno.current
                if code == .exists { continue }
                // A parent on another file system that exists but is read-only answers EROFS, not EEXIST.
                if access(built, F_OK) == 0 { continue }
                throw pathFailure("mkdir", built, code)
            }
        }
    }

    /// Removes a pin. One that is not there is no error. The kernel lets go of an object nothing else refers to a
    /// moment later: a link detaches soon after, not before this returns.
    public static func unpin(_ path: String) throws(BPFError) {
        guard unlink(path) != 0 else { return }
        let code = KernelErrno.current
        if code != .noEntry { throw pathFailure("unlink", path, code) }
    }

    /// Removes a folder with everything in it; the kernel drops what nothing else refers to.
    public static func removeDirectory(_ path: String) throws(BPFError) {
        guard access(path, F_OK) == 0 else { return }
        guard contains(path) else { throw .notOnBPFFileSystem(path: path, mountedAt: mounts().map(\.path)) }
        for name in SystemFile.names(in: path) {
            let child = path + "/" + name
            if isDirectory(child) { try removeDirectory(child) } else { try unpin(child) }
        }
        guard rmdir(path) == 0 else { throw pathFailure("rmdir", path, .current) }
    }

    /// Gives a pin or a folder another name in one step, replacing nothing. A name has no dots: the file system keeps those for
    /// itself (kernel/bpf/inode.c) and answers EPERM.
    public static func rename(_ path: String, to new: String) throws(BPFError) {
        guard access(new, F_OK) != 0 else { throw .failure("rename of \(path)", on: new, .exists, needing: []) }
        guard Glibc.rename(path, new) == 0 else { throw pathFailure("rename of \(path)", new, .current) }
    }

    /// Removes a folder if nothing is in it.
    /// - Returns: whether it is gone.
    @discardableResult
    public static func removeIfEmpty(_ path: String) -> Bool { rmdir(path) == 0 || access(path, F_OK) != 0 }

    /// Names in a folder, sorted.
    public static func names(in path: String) -> [String] { SystemFile.names(in: path) }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func pin(_ fd: Int32, _ object: String, at path: String) throws(BPFError) {
        let status = bpf_obj_pin(fd, path)
        if status != 0 { throw pathFailure("bpf(BPF_OBJ_PIN) of \(object)", path, KernelErrno(rawValue: -status)) }
    }

    /// Opens a pin and checks what it is: the info call of a wrong kind would misread the answer.
    static func open(_ path: String, kind: Kind) throws(BPFError) -> FileDescriptor {
        let fd = bpf_obj_get(path)
        guard fd >= 0 else { throw pathFailure("bpf(BPF_OBJ_GET)", path, KernelErrno(rawValue: -fd)) }
        let descriptor = FileDescriptor(owning: fd)
        let found = self.kind(of: descriptor.raw)
        guard found == kind else {
            throw .badArgument(
                subject: "pin \(path)", found: found.map { "a \($0.rawValue)" } ?? "an unknown object",
                expected: "it must be a \(kind.rawValue)")
        }
        return descriptor
    }

    static func kind(of fd: Int32) -> Kind? {
        var target = [CChar](repeating: 0, count: 64)
        let length = readlink("/proc/thread-self/fd/\(fd)", &target, target.count - 1)
        guard length > 0 else { return nil }
        let text = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasSuffix("bpf-prog") { return .program }
        if text.hasSuffix("bpf-map") { return .map }
        if text.hasSuffix("bpf-link") || text.hasSuffix("bpf_link") { return .link }
        return nil
    }

    private static func pathFailure(_ call: String, _ path: String, _ errno: KernelErrno) -> BPFError {
        if errno == .readOnlyFileSystem { return .readOnlyBPFFileSystem(path: path) }
        if !contains(path) { return .notOnBPFFileSystem(path: path, mountedAt: mounts().map(\.path)) }
        return .failure(call, on: path, errno)
    }
}
