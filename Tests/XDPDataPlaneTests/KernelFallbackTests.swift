// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// What the fast path leaves alone the kernel answers, as Linux does.
@Suite("The kernel answers what the fast path does not", .enabled(if: kernelTestsRun))
struct KernelFallbackTests {
    typealias W = SmallWorld

    /// Type and code of an ICMP or ICMPv6 message in an untagged frame, with the bytes from the type on.
    private func icmp(_ frame: [UInt8]) -> (type: UInt8, code: UInt8, message: [UInt8])? {
        guard frame.count > 14 + 8 else { return nil }
        if frame[12] == 0x08, frame[13] == 0, frame.count >= 42, frame[23] == 1 {
            return (frame[34], frame[35], Array(frame[34...]))
        }
        if frame[12] == 0x86, frame[13] == 0xdd, frame.count >= 62, frame[20] == 58 {
            return (frame[54], frame[55], Array(frame[54...]))
        }
        return nil
    }

    private func expectAnswer(
        _ node: LiveNode, _ frame: [UInt8], _ type: UInt8, _ code: UInt8, _ reason: Reason,
        _ location: SourceLocation = #_sourceLocation
    ) throws -> [UInt8] {
        node.tap(1).forget()
        let verdicts = try node.send([frame], from: 1)
        #expect(verdicts.map(\.reason) == [reason], sourceLocation: location)
        let answers = node.tap(1).frames(1) { frame in
            icmp(frame).map { $0.type == type && $0.code == code } ?? false
        }
        #expect(answers.count == 1, "\(type)/\(code)", sourceLocation: location)
        guard let answer = answers.first else { return [] }
        #expect(Array(answer[..<12]) == [2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 0, 1], sourceLocation: location)
        #expect(node.count(1, .kernel, reason) >= 1, sourceLocation: location)
        return icmp(answer)?.message ?? []
    }

    @Test("time exceeded, unreachable, and packets for the node itself")
    func answers() throws {
        try LiveNode.run { node in
            var dying = W.udp4(to: "10.0.2.2", ports: (1, 9))
            dying.timeToLive = 1
            _ = try expectAnswer(
                node, W.frame(.ipv4(dying), to: LiveNode.station(1), from: LiveNode.host(1)), 11, 0, .ttlExpired)
            var dying6 = W.udp6(to: "fd00:2::2", ports: (1, 9))
            dying6.hopLimit = 1
            _ = try expectAnswer(
                node, W.frame(.ipv6(dying6), to: LiveNode.station(1), from: LiveNode.host(1)), 3, 0, .ttlExpired)
            _ = try expectAnswer(node, LiveNode.udp(to: "10.99.0.1", number: 1), 3, 0, .noRoute)
            _ = try expectAnswer(node, LiveNode.udp(to: "fd00:99::1", number: 1), 1, 0, .noRoute)
            let echo = IPv4Packet(
                source: W.v4("10.0.1.2"), destination: W.v4("10.0.1.1"),
                transport: .icmp(type: 8, code: 0, rest: [0, 7, 0, 1, 0xab]))
            let reply = try expectAnswer(
                node, W.frame(.ipv4(echo), to: LiveNode.station(1), from: LiveNode.host(1)), 0, 0, .local)
            #expect(reply.suffix(5) == [0, 7, 0, 1, 0xab])
            let echo6 = IPv6Packet(
                source: W.v6("fd00:1::2"), destination: W.v6("fd00:1::1"),
                transport: .icmp(type: 128, code: 0, rest: [0, 7, 0, 1, 0xab]))
            let reply6 = try expectAnswer(
                node, W.frame(.ipv6(echo6), to: LiveNode.station(1), from: LiveNode.host(1)), 129, 0, .local)
            #expect(reply6.suffix(5) == [0, 7, 0, 1, 0xab])
        }
    }

    @Test("packets too big for the egress: fragmentation needed, packet too big, fragments where they are allowed")
    func tooBig() throws {
        try LiveNode.run { node in
            var netlink = try NetlinkSocket()
            try netlink.setMTU(1280, of: netlink.link(named: "p2").index)
            var port = PortEntry(port: W.port(2))
            port.mtu = 1280
            node.apply([.modify(.port(port))])
            var packet = W.udp4(to: "10.0.2.2", ports: (1, 9), payload: 1400)
            packet.dontFragment = true
            let needed = try expectAnswer(
                node, W.frame(.ipv4(packet), to: LiveNode.station(1), from: LiveNode.host(1)), 3, 4, .mtuExceeded)
            #expect(Array(needed[6..<8]) == [0x05, 0x00])
            let tooBig = try expectAnswer(
                node, LiveNode.udp(to: "fd00:2::2", number: 1, payload: 1400), 2, 0, .mtuExceeded)
            #expect(Array(tooBig[4..<8]) == [0, 0, 0x05, 0x00])
            packet.dontFragment = false
            packet.identification = 0x7777
            _ = try node.send([W.frame(.ipv4(packet), to: LiveNode.station(1), from: LiveNode.host(1))], from: 1)
            let fragments = node.tap(2).frames(2) { $0.count > 34 && $0[12] == 8 && $0[18] == 0x77 && $0[19] == 0x77 }
            #expect(fragments.count == 2)
            #expect(fragments.reduce(0) { $0 + $1.count - 34 } == 1408)
            // What just fits is the fast path's.
            let before = node.count(1, .forward, .route)
            _ = try node.send([LiveNode.udp(to: "10.0.2.2", number: 44, payload: 1280 - 28)], from: 1)
            for _ in 0..<5000 where node.count(1, .forward, .route) == before { usleep(1000) }
            #expect(node.count(1, .forward, .route) == before + 1)
        }
    }

    @Test(
        "a neighbour that is not known yet is resolved by the kernel, which forwards; known, the fast path forwards alike",
        arguments: ["10.0.2.2", "fd00:2::2"])
    func resolution(destination: String) throws {
        try LiveNode.run { node in
            let neighbor = TableEntry.neighbor(
                .init(routerInterface: W.interface(2), address: W.address(destination), mac: LiveNode.host(2)))
            node.apply([.delete(neighbor)])
            let frame = LiveNode.udp(to: destination, number: 1)
            #expect(try node.send([frame], from: 1).map(\.reason) == [.neighborUnresolved])
            let byKernel = node.tap(2).frames(1, where: isTestTraffic)
            #expect(byKernel.count == 1)
            // The kernel knows it now, and the controller would learn it from there.
            var netlink = try NetlinkSocket()
            let known = try netlink.neighbors(of: netlink.link(named: "p2").index).first {
                $0.address.description == destination
            }
            #expect(known?.linkLayerAddress?.value == LiveNode.host(2).rawValue)
            node.apply([.insert(neighbor)])
            let verdicts = try node.send([frame], from: 1)
            let both = node.tap(2).frames(2, where: isTestTraffic)
            #expect(both == byKernel + verdicts.map(\.output) && both.first == both.last)
            #expect(node.count(1, .forward, .route) == 1)
        }
    }
}
