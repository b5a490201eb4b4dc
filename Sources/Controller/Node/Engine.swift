// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// One thread that runs an actor's jobs, waits for descriptors and keeps time: events of the data plane, timers and calls of
/// services follow each other without locks around what they share.
///
/// The loop: jobs that wait, then a turn (which says when it wants to be called again), then sleep until a descriptor is
/// readable, a job arrives, or that time has come.
final class Engine: SerialExecutor, Sendable {
    /// Called on the thread; returns the time, CLOCK_MONOTONIC in nanoseconds, of the next call at the latest.
    typealias Turn = @Sendable () -> UInt64

    /// What the thread and the executor share; the thread keeps it alive to its end.
    private final class Core: Sendable {
        struct Shared {
            var jobs: [UnownedJob] = []
            var turn: Turn?
            var isStopping = false
            /// A byte is in the pipe, or will be.
            var isSignalled = false
        }

        let shared = Mutex(Shared())
        let thread = Mutex<pthread_t?>(nil)
        /// A pipe whose readable end wakes the thread.
        let wakeRead: Int32
        let wakeWrite: Int32
        let descriptors: [Int32]

        init(wakeRead: Int32, wakeWrite: Int32, descriptors: [Int32]) {
            (self.wakeRead, self.wakeWrite, self.descriptors) = (wakeRead, wakeWrite, descriptors)
        }

        deinit {
            close(wakeRead)
            close(wakeWrite)
        }

        /// Changes what is shared, and wakes the thread.
        func change(_ body: (inout sending Shared) -> Void) {
            let mustSignal = shared.withLock { shared in
                body(&shared)
                defer { shared.isSignalled = true }
                return !shared.isSignalled
            }
            guard mustSignal else { return }
            var byte: UInt8 = 1
            _ = write(wakeWrite, &byte, 1)
        }

        func run(as executor: UnownedSerialExecutor) {
            var waiting = ([wakeRead] + descriptors).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            var running: [UnownedJob] = []
            var isAwake = false
            while true {
                // Swapped, so that jobs which enqueue jobs do not hold the lock, and no array is made anew.
                let (turn, isStopping) = shared.withLock { shared in
                    // Only here, under the lock that takes the jobs: what was enqueued without a byte is among them.
                    if isAwake { shared.isSignalled = false }
                    swap(&running, &shared.jobs)
                    return (shared.turn, shared.isStopping)
                }
                let hadJobs = !running.isEmpty
                for job in running { job.runSynchronously(on: executor) }
                running.removeAll(keepingCapacity: true)
                if isStopping, !hadJobs { return }
                var timeout: Int32 = isStopping ? 0 : -1
                if !isStopping, let turn {
                    let next = turn()
                    let now = Engine.now()
                    // Rounded up: waking early would only mean another round.
                    timeout = next <= now ? 0 : Int32(clamping: (next - now + 999_999) / 1_000_000)
                }
                isAwake = false
                guard poll(&waiting, nfds_t(waiting.count), timeout) > 0 else { continue }
                // A descriptor closed too early would be reported for ever.
                for index in waiting.indices where waiting[index].revents & Int16(POLLNVAL) != 0 {
                    waiting[index].fd = -1
                }
                guard waiting[0].revents != 0 else { continue }
                var bytes: UInt64 = 0
                _ = read(wakeRead, &bytes, 8)
                isAwake = true
            }
        }
    }

    private let core: Core

    /// - Parameter descriptors: those whose readability means a turn is due. They stay the caller's to close, after the engine is gone.
    init(descriptors: [Int32]) throws(EngineError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw EngineError(call: "pipe", number: errno) }
        core = Core(wakeRead: ends[0], wakeWrite: ends[1], descriptors: descriptors)
        for end in ends {
            guard fcntl(end, F_SETFD, FD_CLOEXEC) == 0, fcntl(end, F_SETFL, O_NONBLOCK) == 0 else {
                throw EngineError(call: "fcntl", number: errno)
            }
        }
    }

    deinit { stop() }

    /// Begins to run jobs. To be called once, before the first use of the actor.
    func start() throws(EngineError) {
        let executor = asUnownedSerialExecutor()
        let core = core
        let box = Unmanaged.passRetained(Start { core.run(as: executor) })
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            throw EngineError(call: "pthread_create", number: result)
        }
        pthread_detach(thread)
        core.thread.withLock { $0 = thread }
    }

    /// Called in every round from now on.
    func setTurn(_ turn: Turn?) {
        core.change { $0.turn = turn }
    }

    /// Runs what waits and ends the thread.
    private func stop() {
        core.change { $0.isStopping = true }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        core.change { $0.jobs.append(job) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets `assumeIsolated` hold on the thread outside of jobs, in turns.
    func checkIsolated() {
        precondition(isOnThread, "not on the engine's thread")
    }

    var isOnThread: Bool {
        core.thread.withLock { thread in thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    /// CLOCK_MONOTONIC, nanoseconds.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private final class Start {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
}

/// A system call the engine needs failed.
public struct EngineError: Error, Hashable, Sendable, CustomStringConvertible {
    public var call: String
    /// errno.
    public var number: Int32

    public var description: String {
        "\(call) failed: \(String(cString: strerror(number))) (errno \(number)); the process may be out of descriptors (ulimit -n) or threads"
    }
}
