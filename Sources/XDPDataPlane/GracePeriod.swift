// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// Why a grace period could not be waited for. Memory that programs may still read stays in quarantine.
public enum GracePeriodError: Error, Equatable, CustomStringConvertible {
    /// `membarrier(2)` was refused.
    case membarrier(errno: Int32)
    /// The thread could not be run on a processor on which a program may be running.
    case processor(Int, errno: Int32)

    public var description: String {
        switch self {
        case .membarrier(let code):
            "membarrier(MEMBARRIER_CMD_GLOBAL): \(String(cString: strerror(code))) (errno \(code)); "
                + "EINVAL means nohz_full processors: wait by visiting processors instead"
        case .processor(let number, let code):
            "sched_setaffinity to processor \(number): \(String(cString: strerror(code))) (errno \(code)); "
                + "the process must be allowed to run on every processor that handles packets"
        }
    }
}

/// A wait until every packet program that runs now has ended.
///
/// Memory a program may have found (a table slot, a tree node) is taken out of the readers' reach first, then one
/// grace period is waited for, and only then is it written again.
public protocol GracePeriod: Sendable {
    /// Returns when every program that was running when it was called has ended.
    func wait() throws(GracePeriodError)
}

/// No wait: for memory that no program reads yet, or any more.
struct NoReaders: GracePeriod {
    func wait() {}
}

/// `membarrier(MEMBARRIER_CMD_GLOBAL)`, which is the kernel's `synchronize_rcu()` (kernel/sched/membarrier.c). BPF
/// programs run inside an RCU read-side section.
public struct MembarrierGracePeriod: GracePeriod {
    public init() {}

    public func wait() throws(GracePeriodError) {
        let code = memory_membarrier_global()
        if code != 0 { throw .membarrier(errno: code) }
    }
}

/// Runs the calling thread once on every processor that is online.
///
/// A packet program runs with bottom halves off and is not preempted, so a processor that runs this thread has left
/// every program it ran before. For kernels that refuse `membarrier`; not valid on PREEMPT_RT, where programs may be
/// preempted.
public struct ProcessorVisitGracePeriod: GracePeriod {
    public init() {}

    public func wait() throws(GracePeriodError) {
        let maskBytes = 1024  // 8192 processors, the most a kernel is built for
        var before = [UInt8](repeating: 0, count: maskBytes)
        let code = memory_get_affinity(&before, maskBytes)
        if code != 0 { throw .processor(-1, errno: code) }
        defer { _ = memory_set_affinity(&before, maskBytes) }
        for processor in 0..<min(sysconf(Int32(_SC_NPROCESSORS_CONF)), maskBytes * 8) {
            var one = [UInt8](repeating: 0, count: maskBytes)
            one[processor / 8] = 1 << UInt8(processor % 8)
            // Returns after the thread has been moved there. EINVAL: the processor is offline and runs nothing.
            let code = memory_set_affinity(&one, maskBytes)
            if code != 0 {
                if code == EINVAL && !isOnline(processor) { continue }
                throw .processor(processor, errno: code)
            }
        }
    }

    /// `/sys/devices/system/cpu/cpuN/online`; absent where a processor cannot be taken offline.
    private func isOnline(_ processor: Int) -> Bool {
        let file = open("/sys/devices/system/cpu/cpu\(processor)/online", O_RDONLY | O_CLOEXEC)
        if file < 0 { return errno == ENOENT && access("/sys/devices/system/cpu/cpu\(processor)", F_OK) == 0 }
        defer { close(file) }
        var byte: UInt8 = 0
        return read(file, &byte, 1) == 1 && byte == UInt8(ascii: "1")
    }
}

/// The cheapest wait this kernel offers: `membarrier`, else a visit to every processor.
public func systemGracePeriod() -> any GracePeriod {
    memory_membarrier_global_offered() != 0 ? MembarrierGracePeriod() : ProcessorVisitGracePeriod()
}
