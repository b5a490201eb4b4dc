// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

/// Takes everything and keeps nothing: what is left is the controller's own cost.
private final class NullDataPlane: DataPlane {
    var events: [FlowMiss] = []
    var next = 0
    var written = 0
    var capabilities: DataPlaneCapabilities {
        .init(
            name: "null",
            tables: TableID.allCases.map {
                .init(table: $0, capacity: 1 << 24, used: 0, matchKinds: [.exact], costPerEntry: 1)
            })
    }
    func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        written += updates.count
        return Array(repeating: .applied, count: updates.count)
    }
    func entries(of table: TableID) -> [TableEntry] { [] }
    func sweepFlows(_ visit: (borrowing FlowRecord) -> SweepDecision) {}
    func sweepMACs(_ visit: (borrowing MACRecord) -> SweepDecision) {}
    func counters(of table: TableID) -> [(entry: TableEntry, counter: Counter)] { [] }
    func verdictCounters() -> [VerdictCounter] { [] }
    var generation: PolicyGeneration { .init(rawValue: 0) }
    func advanceGeneration() -> PolicyGeneration { generation }
    func setTime(_ now: CoarseTime) {}
    func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int {
        let end = min(events.count, next + maximum)
        for index in next..<end { body(.flowMiss(events[index])) }
        defer { next = end }
        return end - next
    }
    func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {}
    func health() -> DataPlaneHealth { .init() }
}

// One after the other: side by side they would measure each other.
@Suite("Measures", .serialized)
struct MeasureTests {
    #if DEBUG
    private let count = 20_000
    #else
    private let count = 1_000_000
    #endif

    @Test("every one of many misses is written; prints the time the controller takes for each", arguments: [0, 20])
    func misses(rules: Int) throws {
        let plane = NullDataPlane()
        let core = Fixture.core(plane)
        var text =
            Fixture.yaml
            + "\nlimits: {new_flows_per_second_per_port: 100000000, new_flows_per_second_per_source: 100000000}\nacl:\n"
        for id in 1...max(1, rules) where rules > 0 {
            text +=
                "  - {id: \(id), priority: \(id), match: {source: 10.99.\(id).0/24, protocol: tcp, destination_port: \(id)}, action: drop}\n"
        }
        _ = try core.apply(Fixture.configuration(text), facts: Fixture.facts, now: 0)
        let interface = core.plan?.interfaceNames.first { $0.value == "p1" }?.key ?? RouterInterfaceID(rawValue: 1)
        var random = SystemRandomNumberGenerator()
        for index in 0..<count {
            let key = FlowKey(
                routerInterface: interface,
                source: .v4(.init(rawValue: 0x0a00_0000 | UInt32.random(in: 0...0xff_ffff, using: &random))),
                destination: .v4(.init(rawValue: 0xc000_0200 | UInt32(index & 255))), ipProtocol: 17,
                sourcePort: UInt16(truncatingIfNeeded: index), destinationPort: UInt16(truncatingIfNeeded: index >> 16))
            plane.events.append(
                .init(key: key, port: .init(rawValue: 1), length: 60, time: 0, disposition: .forward, reason: .route))
        }
        let begun = Engine.now()
        while core.handleEvents(maximum: 1024, now: Engine.now()) > 0 {}
        let time = Engine.now() - begun
        print("rules=\(rules) misses=\(count) ns_per_miss=\(time / UInt64(count))")
        #expect(core.programmer.statistics.flowsInstalled == UInt64(count))
    }
}
