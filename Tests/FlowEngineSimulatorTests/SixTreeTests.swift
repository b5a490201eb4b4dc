// SPDX-License-Identifier: Apache-2.0
import FlowEngineSimulator
import Packet
import Testing

/// A node with prefix AF12:3400:0:0 on level 5 (nibbles a f 1 2 3 are its own): the next nibble is the downlink port.
@Suite("6Tree")
struct SixTreeTests {
    static let own: UInt64 = 0xaf12_3400_0000_0000

    static func address(_ high: UInt64) -> IPv6Address { IPv6Address(high: high, low: 1) }

    struct Case: Sendable, CustomTestStringConvertible {
        let sentence: String
        let destination: UInt64
        let source: UInt64
        let ingress: Int
        let ports: [Int]
        var reason = ReasonCode.none
        var testDescription: String { sentence }
    }

    static let cases = [
        Case(
            sentence: "down: the nibble behind the own prefix is the port", destination: 0xaf12_3700_0000_0000,
            source: 0xaf55_0000_0000_0000, ingress: 0, ports: [7]),
        Case(
            sentence: "across: from one downlink to another", destination: 0xaf12_3700_0000_0000,
            source: 0xaf12_3400_0000_0000, ingress: 4, ports: [7]),
        Case(
            sentence: "up: another prefix leaves by the uplink", destination: 0xaf99_0000_0000_0000,
            source: 0xaf12_3400_0000_0000, ingress: 4, ports: [0]),
        Case(
            sentence: "up with a source that is not the ingress port's", destination: 0xaf99_0000_0000_0000,
            source: 0xaf12_3500_0000_0000, ingress: 4, ports: [], reason: .sixTreeSource),
        Case(
            sentence: "up with a source of another node", destination: 0xaf99_0000_0000_0000,
            source: 0xaf13_3400_0000_0000, ingress: 4, ports: [], reason: .sixTreeSource),
        Case(
            sentence: "from the uplink with a prefix that is not the node's", destination: 0xaf99_0000_0000_0000,
            source: 0xaf55_0000_0000_0000, ingress: 0, ports: [], reason: .sixTreeDestination),
        Case(
            sentence: "down to a port that is not there", destination: 0xaf12_3e00_0000_0000,
            source: 0xaf55_0000_0000_0000, ingress: 0, ports: [], reason: .sixTreeDestination),
        Case(
            sentence: "down to where it came from", destination: 0xaf12_3400_0000_0000,
            source: 0xaf12_3400_0000_0000, ingress: 4, ports: [], reason: .portLoopback),
        Case(
            sentence: "multicast is not its business", destination: 0xff02_0000_0000_0000,
            source: 0xaf12_3400_0000_0000, ingress: 4, ports: [104], reason: .processorDefault),
    ]

    func bench(mapRevision: Int = 7, _ change: (inout CardVariants) -> Void = { _ in }) throws -> CardTrial {
        let bench = try CardTrial.trustNode(mapRevision: mapRevision) { change(&$0.variants) }
        let net = bench.map.net
        try bench.bus.writeWord(net.sixTreeAddrH.address, UInt32(Self.own >> 32 & 0xff_ffff))
        try bench.bus.writeWord(net.sixTreeAddrL.address, UInt32(Self.own & 0xffff_ffff))
        try bench.bus.writeWord(net.sixTreeSrcPtr.address, 5)
        try bench.bus.writeWord(net.sixTreeDstPtr.address, 5)
        if let features = bench.map.common.features6Tree {
            #expect(try bench.bus.readWord(features.address) == 1 | 1 << 16)
            try bench.bus.writeWord(features.address, 3 | 1 << 16)
        }
        return bench
    }

    @Test("a packet goes as the model says", arguments: cases, [7, 16, 17])
    func goes(_ wanted: Case, _ mapRevision: Int) throws {
        let bench = try bench(mapRevision: mapRevision)
        let frame = TestFrame.ipv6(to: Self.address(wanted.destination), from: Self.address(wanted.source))
        #expect(bench.send(frame, port: wanted.ingress) == wanted.ports)
        #expect(bench.card.lastVerdict.reason == wanted.reason)
    }

    @Test("without the check of sources every packet up leaves by the uplink")
    func prefixOnly() throws {
        let bench = try bench { $0.sixTreeRule = .prefixOnly }
        let frame = TestFrame.ipv6(to: Self.address(0xaf99 << 48), from: Self.address(0x2001 << 48))
        #expect(bench.send(frame, port: 4) == [0])
    }

    @Test("pointers may count from the configured nibbles")
    func pointer() throws {
        let bench = try bench { $0.sixTreePointer = .configured }
        try bench.bus.writeWord(bench.map.net.sixTreeDstPtr.address, 3)
        #expect(bench.send(TestFrame.ipv6(to: Self.address(0xaf12_3700 << 32)), port: 0) == [7])
    }

    @Test("the hop limit may be counted down")
    func hops() throws {
        let bench = try bench { $0.sixTreeCountsHops = true }
        var frame = TestFrame.ipv6(to: Self.address(0xaf12_3700 << 32))
        var expected = frame
        expected[21] -= 1
        #expect(bench.card.receive(frame, port: 0) == [.port(7, expected)])
        frame[21] = 1
        #expect(bench.send(frame, port: 0).isEmpty)
    }

    @Test("a rule of the flow cache overrides it; it does not decide for IPv4, unconfigured, not enabled or not there")
    func overridden() throws {
        let bench = try bench()
        let frame = TestFrame.ipv6(to: Self.address(0xaf12_3700 << 32))
        #expect(bench.send(TestFrame.udp()) == [100])
        try bench.action(1, toPort: 9)
        try bench.collision(0, type: 2, action: 1, ["mac_dst": 0x0200_0000_0002])
        #expect(bench.send(frame) == [9])
        let features = try #require(bench.map.common.features6Tree)
        try bench.bus.writeWord(bench.map.flowCache.enable.address, 0)
        #expect(bench.send(frame) == [7])
        try bench.bus.writeWord(features.address, 0)
        #expect(bench.send(frame) == [100])
        let unconfigured = try CardTrial.trustNode(mapRevision: 17)
        #expect(unconfigured.send(frame) == [100])
        let lacking = try CardTrial.trustNode(mapRevision: 17) { $0.features.remove(.sixTree) }
        try lacking.bus.writeWord(lacking.map.net.sixTreeAddrH.address, 0x12_3400)
        #expect(lacking.send(frame) == [100])
    }
}
