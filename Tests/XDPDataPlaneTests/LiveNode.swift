// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// A data plane attached to the ports of a `RouterTopology`, with a reference of the same tables beside it to say what is right,
/// and a tap at each host.
final class LiveNode {
    let topology: RouterTopology
    private let configuration: XDPConfiguration
    private var running: XDPDataPlane?
    let reference: ReferenceDataPlane
    let taps: [Tap]

    /// Runs `body` in the node's network namespace, with a BPF file system of its own.
    static func run(
        hosts: Int = 2, mtu: UInt32 = 1500, policy: XDPAttachPolicy = .native, forwards: Bool = true,
        configuration: XDPConfiguration = .forTests, entries: (RouterTopology) -> [TableEntry] = LiveNode.routed,
        _ body: (LiveNode) throws -> Void
    ) throws {
        try inPrivateNetworkNamespace {
            let topology = try RouterTopology(hosts: hosts, forwards: forwards, mtu: mtu)
            try topology.node.run {
                let node = try LiveNode(topology, policy, configuration)
                node.apply(entries(topology).map { .insert($0) })
                try body(node)
                #expect(node.xdp.health().complaints.isEmpty)
            }
        }
    }

    private init(_ topology: RouterTopology, _ policy: XDPAttachPolicy, _ configuration: XDPConfiguration) throws {
        (self.topology, self.configuration) = (topology, configuration)
        let xdp = try XDPDataPlane(configuration)
        running = xdp
        reference = ReferenceDataPlane(ecmpSeed: xdp.fastPath.ecmpSeed)
        while reference.generation != xdp.generation { reference.advanceGeneration() }
        taps = try topology.hosts.map { try Tap($0) }
        for host in topology.hosts {
            try xdp.attach(
                PortID(rawValue: UInt16(host.number)), interfaceIndex: if_nametoindex(host.port), policy: policy)
        }
    }

    var xdp: XDPDataPlane {
        guard let running else { preconditionFailure("nobody has started it again") }
        return running
    }

    /// Ends the data plane as a process that is killed ends, and starts another one.
    func restart() throws {
        try restart(configuration)
    }

    /// Likewise, with another configuration: what is pinned, and attached by it, goes on meanwhile.
    func restart(_ configuration: XDPConfiguration) throws {
        running = nil
        running = try XDPDataPlane(configuration)
    }

    /// The policy has been changed: what is derived from here on holds, over a restart too.
    func advanceGeneration() {
        xdp.advanceGeneration()
        reference.advanceGeneration()
    }

    /// Gives the ports to a data plane that was started anew, as the daemon does: each port can be sent to before any program looks
    /// at its tables.
    func adoptPorts() throws {
        for host in topology.hosts {
            try xdp.bind(PortID(rawValue: UInt16(host.number)), interfaceIndex: if_nametoindex(host.port))
        }
        for host in topology.hosts {
            let port = PortID(rawValue: UInt16(host.number))
            let adopted = try xdp.adopt(port, interfaceIndex: if_nametoindex(host.port))
            #expect(adopted?.mode == .native, "port \(host.number)")
        }
        xdp.removeForeignPins()
    }

    func apply(_ updates: [TableUpdate], _ location: SourceLocation = #_sourceLocation) {
        for plane in [xdp, reference] as [any DataPlane] {
            for (update, result) in zip(updates, plane.write(updates)) where result != .applied {
                Issue.record("\(update): \(result)", sourceLocation: location)
            }
        }
    }

    func tap(_ number: UInt16) -> Tap { taps[Int(number) - 1] }

    /// Sends frames from a host; what the reference makes of them.
    func send(_ frames: [[UInt8]], from number: UInt16) throws -> [PacketVerdict] {
        try frames.map { frame in
            try tap(number).send(frame)
            return try reference.process(frame.span.bytes, port: PortID(rawValue: number))
        }
    }

    /// Packets received at a port with this outcome.
    func count(_ port: UInt16, _ disposition: Disposition, _ reason: Reason) -> UInt64 {
        xdp.verdictCounters().first {
            $0.port.rawValue == port && $0.disposition == disposition && $0.reason == reason
        }?.counter.packets ?? 0
    }

    // MARK: Tables

    static func station(_ number: Int) -> MACAddress { MACAddress(rawValue: 0x02_00_00_00_00_00 | UInt64(number)) }
    static func host(_ number: Int) -> MACAddress { MACAddress(rawValue: 0x02_00_00_00_01_00 | UInt64(number)) }

    /// Routed ports: host n's network by next hop n (100 + n for IPv6), the node's own addresses to the kernel.
    static func routed(_ topology: RouterTopology) -> [TableEntry] {
        typealias W = SmallWorld
        return topology.hosts.flatMap { host -> [TableEntry] in
            let n = host.number
            let rif = RouterInterfaceID(rawValue: UInt16(n))
            var all: [TableEntry] = [
                .port(PortEntry(port: W.port(UInt16(n)))),
                .routerInterface(.init(id: rif, port: W.port(UInt16(n)), mac: station(n))),
                .myStation(
                    .init(port: W.port(UInt16(n)), vlan: .untagged, mac: station(n), routerInterface: rif)),
            ]
            for (base, hostText, own, network) in [
                (0, "10.0.\(n).2", "10.0.\(n).1/32", "10.0.\(n).0/24"),
                (100, "fd00:\(n)::2", "fd00:\(n)::1/128", "fd00:\(n)::/64"),
            ] {
                let hop = W.hop(UInt32(base + n))
                all += [
                    .nextHop(.init(id: hop, routerInterface: rif, neighbor: W.address(hostText))),
                    .neighbor(.init(routerInterface: rif, address: W.address(hostText), mac: Self.host(n))),
                    W.route(network, .nextHop(hop)), W.route(own, .kernel),
                ]
            }
            return all
        }
    }

    /// A UDP packet from host 1 to `destination`.
    static func udp(to destination: String, number: UInt16, payload: Int = 40) -> [UInt8] {
        let isIPv6 = destination.contains(":")
        return SmallWorld.frame(
            isIPv6
                ? .ipv6(SmallWorld.udp6(to: destination, ports: (number, 9), payload: payload))
                : .ipv4(SmallWorld.udp4(to: destination, ports: (number, 9), payload: payload)),
            to: station(1), from: host(1))
    }
}

/// Frames that carry UDP to port 9, tagged or not: what the tests send, and nothing the kernel says on its own.
func isTestTraffic(_ frame: [UInt8]) -> Bool {
    var at = 12
    while at + 4 <= frame.count, frame[at] == 0x81 || frame[at] == 0x88 { at += 4 }
    guard at + 2 <= frame.count else { return false }
    let l4: Int
    switch (frame[at], frame[at + 1]) {
    case (0x08, 0x00) where frame.count > at + 30 && frame[at + 11] == 17: l4 = at + 22
    case (0x86, 0xdd) where frame.count > at + 50 && frame[at + 8] == 17: l4 = at + 42
    default: return false
    }
    return frame[l4 + 2] == 0 && frame[l4 + 3] == 9
}
