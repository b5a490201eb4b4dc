// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("Another program takes the place of the running one", .enabled(if: kernelTestsRun))
struct ReplacementTests {
    typealias W = SmallWorld

    /// The flow that `NumberedTraffic` sends from port `number`.
    static func flow(_ number: Int, _ destination: String = "10.0.2.2") -> FlowKey {
        let isIPv6 = destination.contains(":")
        return FlowKey(
            routerInterface: W.interface(1), source: W.address(isIPv6 ? "fd00:1::2" : "10.0.1.2"),
            destination: W.address(destination), ipProtocol: 17, sourcePort: UInt16(number), destinationPort: 9)
    }

    static func entries(_ node: LiveNode, _ numbers: ClosedRange<Int>, isStatic: Bool = false) -> [TableEntry] {
        numbers.map { number in
            let isIPv6 = number % 2 == 0
            return .flow(
                .init(
                    key: flow(number, isIPv6 ? "fd00:2::2" : "10.0.2.2"), action: .nextHop(W.hop(isIPv6 ? 102 : 2)),
                    origin: isStatic ? .static : .derived(node.xdp.generation), reason: .route))
        }
    }

    static let both = ["10.0.2.2", "fd00:2::2"]

    private func packets(_ plane: XDPDataPlane) -> [FlowKey: UInt64] {
        var all: [FlowKey: UInt64] = [:]
        plane.sweepFlows {
            all[$0.entry.key] = $0.counter.packets
            return .keep
        }
        return all
    }

    private func routePackets(_ plane: XDPDataPlane, _ prefix: String) -> UInt64 {
        for table in [TableID.ipv4, .ipv6] {
            for (entry, counter) in plane.counters(of: table) {
                if case .route(let route) = entry, route.prefix == W.prefix(prefix) { return counter.packets }
            }
        }
        return 0
    }

    /// Flows with entries count what they sent, and nothing else was forwarded by the cache; the others count at their route.
    private func expectExactCounters(
        _ node: LiveNode, _ traffic: NumberedTraffic, cached: ClosedRange<Int>,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let found = packets(node.xdp)
        for number in cached {
            let key = Self.flow(number, Self.both[(number - 1) % 2])
            #expect(found[key] == UInt64(traffic.perFlow[number - 1]), "flow \(number)", sourceLocation: location)
        }
        let sent = (parity: [0, 1], total: traffic.times.count)
        let byCache = cached.reduce(0) { $0 + traffic.perFlow[$1 - 1] }
        #expect(node.count(1, .forward, .flowCache) == UInt64(byCache), sourceLocation: location)
        #expect(node.count(1, .forward, .route) == UInt64(sent.total - byCache), sourceLocation: location)
        for parity in sent.parity {
            let byRoute = traffic.perFlow.indices.filter { $0 % 2 == parity && !cached.contains($0 + 1) }
                .reduce(0) { $0 + traffic.perFlow[$1] }
            #expect(
                routePackets(node.xdp, parity == 0 ? "10.0.2.0/24" : "fd00:2::/64") >= UInt64(byRoute),
                sourceLocation: location)
        }
    }

    @Test("another build, and back: no packet is lost, no flow missed, nothing counted twice or not at all")
    func thereAndBack() throws {
        try LiveNode.run(forwards: false) { node in
            node.apply(Self.entries(node, 1...40).map { .insert($0) })
            let traffic = NumberedTraffic(node, flows: 60, to: Self.both)
            traffic.start()
            traffic.wait(packets: 1000)
            let configuration = XDPConfiguration.forTests
            let before = node.xdp.runningProgram
            #expect(before.isEmbedded && before.digest.count == 64)
            #expect(node.xdp.differs(from: configuration.with(try .upgraded)) && !node.xdp.differs(from: configuration))
            var programs: Set<UInt32> = [before.id]
            for round in 0..<6 {
                let wanted = configuration.with(round % 2 == 0 ? try .upgraded : nil)
                let report = try node.xdp.beginReplacement(wanted)
                #expect(report.moves.isEmpty && report.state == .pending && report.new.tag != report.old.tag)
                #expect(report.new == node.xdp.runningProgram && programs.insert(report.new.id).inserted)
                #expect(try XDPState(interfaceIndex: if_nametoindex("p1")).programs == [.native: report.new.id])
                #expect(try XDPState(interfaceIndex: if_nametoindex("p2")).programs == [.native: report.new.id])
                traffic.wait(packets: 300)
                // Every third one is taken back and put in place again.
                if round % 3 == 1 {
                    let sentence = try node.xdp.revertReplacement()
                    #expect(node.xdp.runningProgram == report.old && sentence.contains(report.old.short))
                    #expect(node.xdp.lastReplacement?.state == .reverted)
                    traffic.wait(packets: 300)
                    try node.xdp.beginReplacement(wanted)
                }
                try node.xdp.confirmReplacement()
                #expect(node.xdp.lastReplacement?.state == .confirmed && node.xdp.pendingReplacement == nil)
            }
            traffic.wait(packets: 300)
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            expectExactCounters(node, traffic, cached: 1...40)
        }
    }

    @Test("tables grow and shrink with their content while packets flow: none is lost, every count is right")
    func sizes() throws {
        try LiveNode.run(forwards: false) { node in
            node.apply(Self.entries(node, 1...40).map { .insert($0) })
            node.apply(Self.entries(node, 101...102, isStatic: true).map { .insert($0) })
            node.apply([
                .insert(.vlan(VLANEntry(vlan: W.vlan(10)))),
                .insert(
                    .mac(.init(vlan: W.vlan(10), mac: W.peer, action: .port(W.port(2)), isStatic: true))),
            ])
            let routes = node.xdp.entries(of: .ipv4).count
            let traffic = NumberedTraffic(node, flows: 60, to: Self.both)
            traffic.start()
            traffic.wait(packets: 1000)
            let configuration = XDPConfiguration.forTests
            for (scale, image) in [
                (configuration.scaled(4), nil), (configuration.scaled(1, 4), try FastPathImage.upgraded),
                (configuration, nil),
            ] {
                let report = try node.xdp.beginReplacement(scale.with(image))
                #expect(report.moves.map(\.table) == ["ipv4_flows", "ipv6_flows", "macs", "routes"])
                #expect(report.moves.map(\.entries) == [21, 21, 1, 8] && report.moves.allSatisfy { $0.left == 0 })
                traffic.wait(packets: 300)
                try node.xdp.confirmReplacement()
                #expect(node.xdp.capabilities[.flowCache]?.capacity == scale.ipv4Flows + scale.ipv6Flows)
                #expect(node.xdp.capabilities[.mac]?.capacity == scale.macs)
                #expect(node.xdp.capabilities[.ipv4]?.capacity == scale.routes)
                traffic.wait(packets: 300)
            }
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            expectExactCounters(node, traffic, cached: 1...40)
            #expect(node.xdp.entries(of: .ipv4).count == routes && node.xdp.macs.count == 1)
            #expect(flows(node.xdp).count == 42)
        }
    }
}
