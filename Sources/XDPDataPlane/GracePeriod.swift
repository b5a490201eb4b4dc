// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// Why a grace period could not be waited for. Memory that programs may still read stays in quarantine.
public enum GracePeriodError: Error, Equatable, CustomStringConvertible {
    /// `membarrier(2)` was refused.
    case membarrier(errno: Int32)
    /// The thread could not be run on a processor on which a program may be running.
    case processor(Int, errno: Int32)
    /// It is not known which processors there are.
    case processors(errno: Int32)

    public var description: String {
        switch self {
        case .membarrier(let code):
            "membarrier(MEMBARRIER_CMD_GLOBAL): \(String(cString: strerror(code))) (errno \(code)); "
                + "EINVAL means nohz_full processors, where the node needs a kernel of 6.3 or later without PREEMPT_RT"
        case .processor(let number, let code):
            "sched_setaffinity to processor \(number): \(String(cString: strerror(code))) (errno \(code)); "
                + "the process must be allowed to run on every processor that handles packets"
        case .processors(let code):
            "read \(Processors.list): \(String(cString: strerror(code))) (errno \(code)); mount sysfs on /sys"
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
/// programs run inside an RCU read-side section. Some milliseconds, whatever the number of processors.
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
/// every program it ran before. Some tens of microseconds for a processor that is idle; one that others use lets the thread
/// wait for its turn. Where it may be used, ``isValid`` says.
public struct ProcessorVisitGracePeriod: GracePeriod {
    public init() {}

    public func wait() throws(GracePeriodError) { _ = try visit(within: nil) }

    /// Begins no visit once the time is over. Returns whether every processor was visited.
    func visit(within limit: Duration?) throws(GracePeriodError) -> Bool {
        let begin = ContinuousClock.now
        // The processor this thread runs on has left its programs already.
        let here = Int(memory_processor())
        let others = try Processors.online().filter { $0 != here }
        if others.isEmpty { return true }
        let before = try Processors.ofThisThread()
        defer { before.restore(visited: others) }
        for processor in others {
            if let limit, ContinuousClock.now - begin > limit { return false }
            try visit(processor)
        }
        return true
    }

    private func visit(_ processor: Int) throws(GracePeriodError) {
        let only = Processors([processor])
        // The call returns where it sent the thread to, unless somebody else sent it elsewhere at the same moment.
        for _ in 0..<3 {
            let code = only.apply()
            if code == EINVAL, try !Processors.online().contains(processor) { return }  // It runs nothing any more.
            if code != 0 { throw .processor(processor, errno: code) }
            if Int(memory_processor()) == processor { return }
        }
        throw .processor(processor, errno: EAGAIN)
    }
}

extension ProcessorVisitGracePeriod {
    /// Whether this kernel runs packet programs with bottom halves off and those without preemption: not with
    /// PREEMPT_RT, and test runs not before 6.3.
    static let isValid: Bool = {
        var names = utsname()
        guard uname(&names) == 0 else { return false }
        // Who isolates a processor runs something on it that may never let this thread have a turn.
        let isolated = SmallFile.read("/sys/devices/system/cpu/isolated") ?? ""
        guard isolated.allSatisfy(\.isWhitespace) else { return false }
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return isValid(
            release: text(names.release), version: text(names.version), realtime: SmallFile.read("/sys/kernel/realtime")
        )
    }()

    /// - Parameters:
    ///   - release, version: as `uname(2)` gives them.
    ///   - realtime: `/sys/kernel/realtime`, where real-time kernels before 6.12 say it.
    static func isValid(release: String, version: String, realtime: String?) -> Bool {
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) >= (6, 3) else { return false }
        return !version.contains("PREEMPT_RT") && realtime?.first != "1"
    }
}

/// Visits, while they are cheap and allowed; else `membarrier`.
final class CheapestGracePeriod: GracePeriod {
    typealias Visits = @Sendable (_ limit: Duration) throws(GracePeriodError) -> Bool

    /// How long visits may take: about what `membarrier` takes. So a wait costs at most about twice what the cheaper of
    /// the two would have cost, however many processors there are and however busy they are.
    private static let patience = Duration.milliseconds(8)
    private let visits: Visits
    private let fallback: any GracePeriod
    private let mayVisit = Atomic(true)

    init(
        visits: @escaping Visits = { limit throws(GracePeriodError) in
            try ProcessorVisitGracePeriod().visit(within: limit)
        }, fallback: any GracePeriod = MembarrierGracePeriod()
    ) {
        (self.visits, self.fallback) = (visits, fallback)
    }

    func wait() throws(GracePeriodError) {
        if mayVisit.load(ordering: .relaxed) {
            do throws(GracePeriodError) {
                if try visits(Self.patience) { return }
            } catch {
                // A cpuset that leaves out a processor, or a filter of system calls: that does not pass, and asking each
                // time would cost each time.
                mayVisit.store(false, ordering: .relaxed)
            }
        }
        try fallback.wait()
    }
}

/// The cheapest wait that is valid on this kernel. Where none is (PREEMPT_RT with nohz_full), one that says so: what is
/// in quarantine then stays there.
public func systemGracePeriod() -> any GracePeriod {
    guard ProcessorVisitGracePeriod.isValid else { return MembarrierGracePeriod() }
    return memory_membarrier_global_offered() != 0 ? CheapestGracePeriod() : ProcessorVisitGracePeriod()
}
