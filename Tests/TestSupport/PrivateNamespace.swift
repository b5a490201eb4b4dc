// SPDX-License-Identifier: Apache-2.0
import BPF
import CLinux
import Glibc

/// Whether tests that need the kernel run: as root, or always with PICCOLO_REQUIRE_KERNEL=1, where they fail rather
/// than skip. Use as `@Suite(.enabled(if: kernelTestsRun))`.
public let kernelTestsRun: Bool = geteuid() == 0 || getenv("PICCOLO_REQUIRE_KERNEL").map { $0[0] == 0x31 } ?? false

/// Runs `body` on a thread of its own in fresh network and mount namespaces, with an empty BPF file system at
/// `/sys/fs/bpf`. Processes it starts inherit both; both vanish when the body and what it started are done.
///
/// The body must not `await`: its namespaces belong to the thread.
public func inPrivateNetworkNamespace<Result>(_ body: () throws -> Result) throws -> Result {
    try withoutActuallyEscaping(body) { body in
        var outcome: Swift.Result<Result, any Error>?
        try onFreshThread {
            outcome = Swift.Result {
                try enterPrivateNamespaces()
                return try body()
            }
        }
        guard let outcome else { throw NamespaceFailure(call: "the thread", errno: KernelErrno(rawValue: ESRCH)) }
        return try outcome.get()
    }
}

/// A namespace that could not be had.
public struct NamespaceFailure: Error, CustomStringConvertible {
    var call: String
    var errno: KernelErrno
    public var description: String { "\(call): \(errno); kernel tests need root" }
}

private func enterPrivateNamespaces() throws {
    func check(_ call: String, _ status: Int32) throws {
        if status != 0 { throw NamespaceFailure(call: call, errno: KernelErrno(rawValue: Glibc.errno)) }
    }
    try check("unshare(CLONE_NEWNET | CLONE_NEWNS)", bpf_shim_unshare(BPF_SHIM_NEWNET | BPF_SHIM_NEWNS))
    // Otherwise the mounts below would show up outside.
    try check("mount / private", mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
    try check("mount bpffs", mount("bpf", "/sys/fs/bpf", "bpf", 0, nil))
}

private final class ThreadBody {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

private func onFreshThread(_ run: @escaping () -> Void) throws {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(ThreadBody(run))
    let status = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run()
            return nil
        }, context.toOpaque())
    guard status == 0 else {
        context.release()
        throw NamespaceFailure(call: "pthread_create", errno: KernelErrno(rawValue: status))
    }
    pthread_join(thread, nil)
}
