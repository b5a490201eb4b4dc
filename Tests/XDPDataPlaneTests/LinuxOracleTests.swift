// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Linux as the second oracle: a Linux router and the fast path with the same routes.
@Suite("What leaves equals what leaves a Linux router", .enabled(if: kernelTestsRun))
struct LinuxOracleTests {
    typealias W = SmallWorld

    private struct RandomRoute {
        var prefix: IPPrefix
        var egress: Int
    }

    /// Nested and disjoint prefixes, no prefix twice; a few bits only, so that many packets find several.
    private func routes(_ random: inout SplitMix64) -> [RandomRoute] {
        var byPrefix: [IPPrefix: Int] = [:]
        for isIPv6 in [false, true] {
            var made = 0
            while made < 60 {
                let bits = random.next() & random.next()
                let prefix =
                    isIPv6
                    ? IPPrefix(
                        .v6(IPv6Address(high: 0x2001_0db8_0000_0000 | bits & 0xf_ffff, low: bits >> 32)),
                        length: Int.random(in: 33...128, using: &random))
                    : IPPrefix(
                        .v4(IPv4Address(rawValue: 0x1400_0000 | UInt32(truncatingIfNeeded: bits) & 0xf_ffff)),
                        length: Int.random(in: 9...32, using: &random))
                guard let prefix, byPrefix[prefix] == nil else { continue }
                byPrefix[prefix] = Int.random(in: 2...4, using: &random)
                made += 1
            }
        }
        return byPrefix.sorted { $0.key < $1.key }.map { RandomRoute(prefix: $0.key, egress: $0.value) }
    }

    private func packet(in prefix: IPPrefix, _ random: inout SplitMix64) -> [UInt8] {
        let payload = (0..<Int.random(in: 0...1400, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next())
        }
        let ports = (UInt16.random(in: 1 ... .max, using: &random), UInt16.random(in: 1 ... .max, using: &random))
        let transport: Transport =
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                .tcp(
                    source: ports.0, destination: ports.1, flags: UInt8.random(in: 0...255, using: &random),
                    payload: payload)
            case 1: .icmp(type: 77, code: UInt8.random(in: 0...255, using: &random), rest: [0, 0, 0, 0] + payload)
            case 2: .raw(ipProtocol: 132, bytes: payload)
            default: .udp(source: ports.0, destination: ports.1, payload: payload)
            }
        let ttl = UInt8.random(in: 2...255, using: &random)
        let dscp = UInt8.random(in: 0...63, using: &random)
        let noise = random.next() & random.next()
        switch prefix.address {
        case .v4(let network):
            let host = prefix.length == 32 ? 0 : UInt32(truncatingIfNeeded: noise) & (~0 >> UInt32(prefix.length))
            var packet = IPv4Packet(
                source: W.v4("10.0.1.2"), destination: IPv4Address(rawValue: network.rawValue | host),
                transport: transport)
            (packet.timeToLive, packet.dscp) = (ttl, dscp)
            packet.identification = UInt16.random(in: 0 ... .max, using: &random)
            packet.dontFragment = Bool.random(using: &random)
            return W.frame(.ipv4(packet), to: LiveNode.station(1), from: LiveNode.host(1))
        case .v6(let network):
            let low: UInt64 =
                prefix.length <= 64 ? noise : prefix.length == 128 ? 0 : noise & (~0 >> UInt64(prefix.length - 64))
            let high: UInt64 = prefix.length >= 64 ? 0 : noise.byteSwapped & 0xf & (~0 >> UInt64(prefix.length))
            var packet = IPv6Packet(
                source: W.v6("fd00:1::2"),
                destination: IPv6Address(high: network.high | high, low: network.low | low), transport: transport)
            (packet.hopLimit, packet.dscp) = (ttl, dscp)
            packet.flowLabel = UInt32.random(in: 0...0xfffff, using: &random)
            return W.frame(.ipv6(packet), to: LiveNode.station(1), from: LiveNode.host(1))
        }
    }

    /// To 20/8 or 2001:db8::/32.
    private func isOracleTraffic(_ frame: [UInt8]) -> Bool {
        guard frame.count >= 34 else { return false }
        if frame[12] == 0x08 { return frame[13] == 0 && frame[30] == 20 }
        return frame[12] == 0x86 && frame.count >= 54 && Array(frame[38..<42]) == [0x20, 0x01, 0x0d, 0xb8]
    }

    /// Sends in small portions, waiting until each has come out, so that no queue overflows; what came out by host.
    private func run(_ frames: [[UInt8]], _ taps: [Tap], _ location: SourceLocation = #_sourceLocation) throws
        -> [[[UInt8]]]
    {
        var sent = 0
        func arrived() -> Int { taps.dropFirst().reduce(0) { $0 + $1.arrived(where: isOracleTraffic).count } }
        while sent < frames.count {
            let portion = frames[sent..<min(sent + 50, frames.count)]
            for frame in portion { try taps[0].send(frame) }
            sent += portion.count
            for _ in 0..<10_000 where arrived() < sent { usleep(1000) }
            guard arrived() == sent else {
                Issue.record("\(arrived()) of \(sent) frames came out", sourceLocation: location)
                break
            }
        }
        return taps.map { $0.arrived(where: isOracleTraffic) }
    }

    @Test("IPv4 and IPv6 packets over random routes", arguments: [1, 2] as [UInt64])
    func agree(seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let routes = routes(&random)
        var frames: [[UInt8]] = []
        for number in 0..<600 {
            // Each family in turn, 300 of each.
            let family = routes.filter { "\($0.prefix)".contains(":") == (number % 2 == 1) }
            frames.append(packet(in: family[Int.random(in: 0..<family.count, using: &random)].prefix, &random))
        }
        let linux = try inPrivateNetworkNamespace { () throws -> [[[UInt8]]] in
            let topology = try RouterTopology(hosts: 4)
            var netlink = try NetlinkSocket(in: topology.node)
            for host in topology.hosts {
                let index = try netlink.link(named: host.port).index
                for family in AddressFamily.allCases {
                    try netlink.setNeighbor(
                        Neighbor(
                            linkIndex: index, address: host.address(family), linkLayerAddress: host.macAddress,
                            state: .permanent))
                }
                try host.namespace.run { try RouterTopology.setKernelOption("net/ipv4/ip_forward", "0") }
            }
            for route in routes {
                let host = topology.hosts[route.egress - 1]
                let isIPv6 = "\(route.prefix)".contains(":")
                guard let destination = InternetPrefix("\(route.prefix)") else { continue }
                let hop = Route.NextHop(
                    gateway: host.address(isIPv6 ? .v6 : .v4), linkIndex: try netlink.link(named: host.port).index)
                try netlink.addRoute(Route(to: destination, via: [hop]))
            }
            return try run(frames, topology.hosts.map { try Tap($0) })
        }
        var ours: [[[UInt8]]] = []
        try LiveNode.run(hosts: 4, forwards: false) { node in
            for host in node.topology.hosts {
                try host.namespace.run { try RouterTopology.setKernelOption("net/ipv4/ip_forward", "0") }
            }
            node.apply(
                routes.map { route in
                    let isIPv6 = "\(route.prefix)".contains(":")
                    return .insert(
                        .route(
                            .init(
                                prefix: route.prefix, action: .nextHop(W.hop(UInt32(route.egress + (isIPv6 ? 100 : 0))))
                            )))
                })
            ours = try run(frames, node.taps)
            #expect(node.count(1, .forward, .route) == 600)
            // The same flows once more, by entries derived from the routes.
            let generation = node.xdp.generation
            node.apply(
                frames.compactMap { try? PacketFields(parsing: $0.span.bytes).flowKey(at: W.interface(1)) }
                    .reduce(into: Set<FlowKey>()) { $0.insert($1) }
                    .compactMap {
                        Classifier.evaluate(key: $0, state: node.reference.state, generation: generation).entry
                    }
                    .map { .insert(.flow($0)) })
            for tap in node.taps { tap.forget() }
            let cached = try run(frames, node.taps)
            #expect(cached.map { Set($0) } == ours.map { Set($0) })
            #expect(node.count(1, .forward, .flowCache) == 600)
        }
        for host in 1...3 {
            #expect(ours[host].count > 50)
            #expect(
                ours[host].map(hex).sorted() == linux[host].map(hex).sorted(),
                "host \(host + 1): \(ours[host].count) and \(linux[host].count)")
        }
        #expect(ours[0].isEmpty && linux[0].isEmpty)
    }
}
