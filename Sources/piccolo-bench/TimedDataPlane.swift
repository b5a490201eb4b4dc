// SPDX-License-Identifier: Apache-2.0
import Glibc
import Tables

/// Another data plane, and how long each miss it reported took until the write that followed was done.
final class TimedDataPlane: DataPlane {
    private let inner: any DataPlane
    /// Nanoseconds from the packet's miss to the end of the write that took its entry.
    private(set) var times: [UInt64] = []
    private var waiting: [UInt64] = []

    init(_ inner: any DataPlane) {
        self.inner = inner
        times.reserveCapacity(1 << 20)
        waiting.reserveCapacity(4096)
    }

    func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        inner.pollEvents(maximum: maximum) { event in
            if case .flowMiss(let miss) = copy event { waiting.append(miss.time) }
            body(event)
        }
    }

    func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        let results = inner.write(updates)
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let time = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        for missed in waiting { times.append(time &- missed) }
        waiting.removeAll(keepingCapacity: true)
        return results
    }

    var capabilities: DataPlaneCapabilities { inner.capabilities }
    func entries(of table: TableID) -> [TableEntry] { inner.entries(of: table) }
    func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) { inner.sweepFlows(visit) }
    func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) { inner.sweepMACs(visit) }
    func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] { inner.counters(of: table) }
    func verdictCounters() -> [VerdictCounter] { inner.verdictCounters() }
    var generation: PolicyGeneration { inner.generation }
    func advanceGeneration() -> PolicyGeneration { inner.advanceGeneration() }
    func setTime(_ now: CoarseTime) { inner.setTime(now) }
    func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) { try inner.packetOut(packet, port: port) }
    func health() -> DataPlaneHealth { inner.health() }
}
