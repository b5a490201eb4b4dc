// SPDX-License-Identifier: Apache-2.0

/// Why something with a BPF object, program, map, link, ring or socket did not work.
public enum BPFError: Error, Sendable, CustomStringConvertible {
    /// A system call failed. `detail` is what libbpf or the kernel said beside the number, empty if nothing.
    case system(call: String, object: String, errno: KernelErrno, detail: String)
    /// The verifier refused a program. `log` is the whole log; `library` is what libbpf added.
    case verifierRejected(program: String, object: String, errno: KernelErrno, log: String, library: String)
    /// The kernel answered EPERM and the process lacks a capability the call needs.
    case missingCapability(call: String, object: String, missing: [Capability])
    /// A map's keys or values are not laid out as this program believes.
    case layoutMismatch(map: String, subject: String, expected: String, found: String)
    /// Another program holds the interface's XDP hook.
    case interfaceBusy(interfaceIndex: UInt32, holder: XDPHolder)
    /// No mode of the policy could be attached.
    case attachRefused(interfaceIndex: UInt32, program: String, refusals: [XDPRefusal])
    /// A path that must be on a BPF file system is not.
    case notOnBPFFileSystem(path: String, mountedAt: [String])
    /// The BPF file system is mounted read-only.
    case readOnlyBPFFileSystem(path: String)
    /// A name that the object does not have.
    case notFound(kind: String, name: String, object: String, available: [String])
    /// Bytes that are not a BPF object.
    case badImage(object: String, reason: String)
    /// A setting that cannot be.
    case badArgument(subject: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .system(let call, let object, let errno, let detail):
            let more = detail.isEmpty ? "" : "\n\(detail)"
            return "\(call) on \(object): \(errno)\(more)"
        case .verifierRejected(let program, let object, let errno, let log, let library):
            let more = library.isEmpty ? "" : "\nlibbpf: \(library)"
            return "the kernel's verifier refused program \(program) of \(object): \(errno)\n\(log)\(more)"
        case .missingCapability(let call, let object, let missing):
            let names = missing.map(\.description).joined(separator: ", ")
            return "\(call) on \(object): not permitted; this process lacks \(names); "
                + "run as root or grant the capability (setcap, AmbientCapabilities=)"
        case .layoutMismatch(let map, let subject, let expected, let found):
            return "map \(map): \(subject) is \(found) in the kernel, this program expects \(expected); "
                + "the map belongs to another version or another program"
        case .interfaceBusy(let interface, let holder):
            return "interface \(interface) already has an XDP program: \(holder)"
        case .attachRefused(let interface, let program, let refusals):
            let reasons = refusals.map(\.description).joined(separator: "; ")
            return "cannot attach XDP program \(program) to interface \(interface): \(reasons)"
        case .notOnBPFFileSystem(let path, let mounted):
            let hint =
                mounted.isEmpty
                ? "no BPF file system is mounted here: mount -t bpf bpf /sys/fs/bpf "
                    + "(ip netns exec hides it; use nsenter --net=)"
                : "the BPF file system is mounted at \(mounted.joined(separator: ", "))"
            return "\(path) is not on a BPF file system; \(hint)"
        case .readOnlyBPFFileSystem(let path):
            return "\(path) is on a read-only BPF file system: mount -o remount,rw on its mount point"
        case .notFound(let kind, let name, let object, let available):
            let list = available.isEmpty ? "none" : available.joined(separator: ", ")
            return "\(object) has no \(kind) \(name); it has: \(list)"
        case .badImage(let object, let reason):
            return "\(object) is not a BPF object: \(reason)"
        case .badArgument(let subject, let found, let expected):
            return "\(subject) cannot be \(found): \(expected)"
        }
    }

    /// The kernel's error number, where one caused this.
    public var errno: KernelErrno? {
        switch self {
        case .system(_, _, let errno, _), .verifierRejected(_, _, let errno, _, _): errno
        case .missingCapability: .notPermitted
        case .interfaceBusy: .busy
        case .attachRefused(_, _, let refusals): refusals.last?.errno
        case .readOnlyBPFFileSystem: .readOnlyFileSystem
        default: nil
        }
    }

    /// The error for a failed call: EPERM names the missing capability if one is missing.
    static func failure(
        _ call: String, on object: String, _ errno: KernelErrno = .current,
        needing capabilities: [Capability] = [.bpf], detail: String = ""
    ) -> BPFError {
        if errno == .notPermitted {
            let missing = Capability.missing(of: capabilities)
            if !missing.isEmpty { return .missingCapability(call: call, object: object, missing: missing) }
        }
        return .system(call: call, object: object, errno: errno, detail: detail)
    }
}
