// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Testing

/// The vendor's own words (RT_HAT_python, `example/UC1`), written exactly as they stand there.
@Suite("Vendor vectors of use case 1")
struct VendorVectorTests {
    let bench: CardTrial

    init() throws {
        bench = try CardTrial.hat {
            $0.hashRevision = 12
            $0.keySet = [4: FlowCacheLayouts.emhRuleUseCase1]
        }
        try bench.write(bench.map.action, 1, [0x0000_0011])
        try bench.write(bench.map.action, 2, [0x0000_0001])
        try bench.write(bench.map.collision, 0, [0x0001_ff09, 0x0000_0100, 0, 0, 0, 0, 0, 0, 0])
        try bench.write(bench.map.collision, 1, [0x0031_ff09, 0x0030_0100, 0, 0, 0, 0, 0, 0, 0])
        try bench.write(bench.map.collision, 3, [0x0072_ff09, 0x0070_0100, 0, 0, 0, 0, 0, 0, 0])
    }

    struct Vector: Sendable, CustomTestStringConvertible {
        let sentence: String
        let frame: [UInt8]
        let ingress: Int
        let port: Int
        let flow: Int
        let queue: Int
        let entry: Int
        var testDescription: String { sentence }
    }

    static let vectors = [
        Vector(
            sentence: "VLAN 1, priority 0 goes to RT2, queue 0", frame: TestFrame.udp(vlan: 1, priority: 0), ingress: 0,
            port: 2, flow: 1, queue: 0, entry: 0),
        Vector(
            sentence: "VLAN 1, priority 3 goes to RT2, queue 3", frame: TestFrame.udp(vlan: 1, priority: 3), ingress: 0,
            port: 2, flow: 1, queue: 3, entry: 1),
        Vector(
            sentence: "VLAN 1, priority 7 goes to RT0, queue 7", frame: TestFrame.udp(vlan: 1, priority: 7), ingress: 2,
            port: 0, flow: 2, queue: 7, entry: 3),
    ]

    @Test("each frame goes where its entry says", arguments: vectors)
    func goes(_ vector: Vector) throws {
        #expect(bench.card.receive(vector.frame, port: vector.ingress) == [.port(vector.port, vector.frame)])
        let verdict = bench.card.lastVerdict
        #expect(verdict.match?.table == .collision(entry: vector.entry))
        #expect(verdict.match?.priority == 255)
        #expect((verdict.flowID, verdict.queue) == (vector.flow, vector.queue))
    }

    @Test("another VLAN or priority goes to the host")
    func others() {
        #expect(bench.send(TestFrame.udp(vlan: 2, priority: 3)) == [100])
        #expect(bench.send(TestFrame.udp(vlan: 1, priority: 4)) == [100])
    }

    @Test("the back door tells what the words mean")
    func contents() throws {
        let contents = bench.card.contents
        #expect(contents.collisions.map(\.index) == [0, 1, 3])
        let second = try #require(contents.collisions.dropFirst().first)
        #expect(second.isValid && second.type == 4 && second.priority == 255 && second.actionID == 0x31)
        #expect(second.fields == [.vlanID: 1, .vlanPriority: 3])
        #expect(contents.actions[1]?.port == 2)
        #expect(contents.actions[2]?.port == 0)
    }
}
