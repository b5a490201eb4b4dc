// SPDX-License-Identifier: Apache-2.0
import BPF
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("Grace periods")
struct GracePeriodTests {
    @Test("each of the kernel's ways returns")
    func returns() throws {
        try systemGracePeriod().wait()
        try CheapestGracePeriod().wait()
        try ProcessorVisitGracePeriod().wait()
    }

    @Test("visits are for kernels that run every packet program without preemption")
    func validity() {
        func isValid(_ release: String, _ version: String, _ realtime: String? = nil) -> Bool {
            ProcessorVisitGracePeriod.isValid(release: release, version: version, realtime: realtime)
        }
        #expect(isValid("6.18.44-fc", "#1 SMP PREEMPT_DYNAMIC @0"))
        #expect(isValid("6.3.0", "#1 SMP", "0\n"))
        #expect(isValid("10.0-rc1", "#1 SMP"))
        #expect(!isValid("6.2.16", "#1 SMP"))
        #expect(!isValid("5.15.0-91-generic", "#101-Ubuntu SMP"))
        #expect(!isValid("6.12.9", "#1 SMP PREEMPT_RT Debian 6.12.9-1"))
        #expect(!isValid("6.6.30-rt30", "#1 SMP PREEMPT RT", "1\n"))
        #expect(!isValid("unknown", ""))
    }

    @Test("lists of processors are read as the kernel writes them")
    func lists() {
        #expect(Processors.numbers("0\n") == [0])
        #expect(Processors.numbers("0-3,8,10-11\n") == [0, 1, 2, 3, 8, 10, 11])
        #expect(Processors.numbers("\n").isEmpty)
    }

    /// Runs on a thread of its own, whose processors are nobody else's.
    private func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
        let outcome = Mutex<Result<Void, any Error>?>(nil)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let result = Result { try body() }
            outcome.withLock { $0 = result }
            ended.signal()
        }
        ended.wait()
        try outcome.withLock { $0 }?.get()
    }

    @Test("a thread may run where it might before, and where processors come later if it was not restricted")
    func restored() throws {
        try onThread {
            let only = Processors([try #require(try Processors.online().last)])
            #expect(only.apply() == 0)
            try ProcessorVisitGracePeriod().wait()
            #expect(try Processors.ofThisThread() == only)
        }
        try onThread {
            let before = try Processors.ofThisThread()
            try ProcessorVisitGracePeriod().wait()
            #expect(try Processors.ofThisThread() == before)
        }
        try onThread {
            let only = Processors([try #require(try Processors.online().first)])
            #expect(only.apply() == 0)
            // No time for any visit.
            _ = try ProcessorVisitGracePeriod().visit(within: .zero)
            #expect(try Processors.ofThisThread() == only)
        }
    }

    @Test("visits that take too long give way to the other wait once, visits that are refused for good")
    func choice() throws {
        let answers = Mutex<[Result<Bool, GracePeriodError>]>([
            .success(true), .success(false), .success(true), .failure(.processor(1, errno: EINVAL)), .success(true),
        ])
        let fallback = TestGracePeriod()
        let cheapest = CheapestGracePeriod(
            visits: { _ throws(GracePeriodError) in try answers.withLock { $0.removeFirst() }.get() },
            fallback: fallback)
        var waits: [Int] = []
        for _ in 0..<6 {
            try cheapest.wait()
            waits.append(fallback.waits.load(ordering: .relaxed))
        }
        #expect(waits == [0, 1, 1, 2, 3, 4])
        #expect(answers.withLock { $0.count } == 1)
    }
}

/// `bpf/tests/slow.bpf.c` run on all processors by threads of its own, while the test frees what its runs hold.
private final class SlowRuns: @unchecked Sendable {
    // SAFETY: the map's words are read and written as single words; the rest is constant or atomic.
    struct Shared {
        var current: UInt64 = 0
        var freed: UInt64 = 0
        var runs: UInt64 = 0
        var wrong: UInt64 = 0
        var nanoseconds: UInt64 = 0
    }

    private let object: LoadedObject
    private let memory: MappedArray
    private let stopped = Atomic(false)
    private let group = DispatchGroup()

    var shared: UnsafeMutablePointer<Shared> { memory.baseAddress.assumingMemoryBound(to: Shared.self) }

    init(live: Bool) throws {
        object = try OpenObject(name: "slow", base64: SlowObject.base64).load()
        memory = try MappedArray(object.map("slow_shared"))
        shared.pointee.nanoseconds = 50_000
        for processor in try Processors.online() {
            group.enter()
            Thread.detachNewThread { [self] in
                defer { group.leave() }
                #expect(Processors([processor]).apply() == 0)
                #expect(throws: Never.self) { try run(live) }
            }
        }
        while shared.pointee.runs < 100 { usleep(1000) }
    }

    private func run(_ live: Bool) throws {
        var run = try TestRun(object.program("slow"))
        let frame = [UInt8](repeating: 0, count: 64)
        while !stopped.load(ordering: .relaxed) {
            if live {
                try frame.withUnsafeBytes { try run.runLive($0, count: 256, interfaceIndex: 1, batch: 64) }
            } else {
                _ = try run.run(frame, repeat: 256)
            }
        }
    }

    /// Frees what programs hold, again and again, after what is a grace period or is none. How many programs saw it.
    func wrong(_ rounds: Int, _ wait: any GracePeriod) throws -> UInt64 {
        let before = shared.pointee.wrong
        for _ in 0..<rounds {
            shared.pointee.current += 1
            try wait.wait()
            shared.pointee.freed = shared.pointee.current
            usleep(100)
        }
        // Those that run now are counted when they end.
        try MembarrierGracePeriod().wait()
        return shared.pointee.wrong - before
    }

    func stop() {
        stopped.store(true, ordering: .relaxed)
        group.wait()
    }
}

@Suite("Grace periods and programs", .enabled(if: kernelTestsRun))
struct GracePeriodProgramTests {
    @Test("no program is running afterwards that was running before", arguments: [false, true])
    func ended(live: Bool) throws {
        let runs = try SlowRuns(live: live)
        defer { runs.stop() }
        // What is no grace period is found out: on a busy machine not at once, as programs have to be running.
        var seen: UInt64 = 0
        for _ in 0..<200 where seen == 0 { seen = try runs.wrong(20, NoReaders()) }
        #expect(seen > 0)
        #expect(try runs.wrong(200, ProcessorVisitGracePeriod()) == 0)
        #expect(try runs.wrong(50, CheapestGracePeriod()) == 0)
        #expect(try runs.wrong(50, MembarrierGracePeriod()) == 0)
    }
}
