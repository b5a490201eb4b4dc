// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Hosts behind a card's ports, the card's CPU link, and a node at its end:
///
///     h1 eth0 ── p1 ┐                          ┌ rt0  10.0.1.1/24
///                   card  cpu ══════════ cpu0  node
///     h2 eth0 ── p2 ┘                          └ rt2  10.0.2.1/24
///
/// The hosts and their networks are `RouterTopology`'s, whose node is the card here; the node is the namespace of the thread.
final class CardBench {
    let topology: RouterTopology
    let card: EmulatedCard
    let configuration: CardPortConfiguration
    static let directory = "/sys/fs/bpf/card"

    /// - Parameter transmits: whether the CPU port's driver transmits XDP frames, as few do and a veth does only if its peer wants.
    static func run(
        _ version: CardTagVersion = .four, transmits: Bool = true, behavior: (any CardBehavior)? = nil,
        _ body: (CardBench) throws -> Void
    ) throws {
        try inPrivateNetworkNamespace {
            let bench = try CardBench(version, transmits, behavior)
            bench.card.start()
            defer { bench.card.end() }
            try body(bench)
        }
    }

    private init(_ version: CardTagVersion, _ transmits: Bool, _ behavior: (any CardBehavior)?) throws {
        topology = try RouterTopology(hosts: 2, forwards: false)
        for scope in ["all", "default"] {
            try RouterTopology.setKernelOption("net/ipv6/conf/\(scope)/accept_dad", "0")
            try RouterTopology.setKernelOption("net/ipv6/conf/\(scope)/forwarding", "1")
        }
        try RouterTopology.setKernelOption("net/ipv4/ip_forward", "1")
        var netlink = try NetlinkSocket()
        try netlink.createVethPair("cpu0", peer: "cpu", in: topology.node, options: .init(mtu: 1524))
        // The card is no host: its ports have no addresses and merge no frames.
        try topology.node.run {
            for scope in ["all", "default"] {
                try RouterTopology.setKernelOption("net/ipv6/conf/\(scope)/disable_ipv6", "1")
            }
        }
        var inner = try NetlinkSocket(in: topology.node)
        for host in topology.hosts {
            let index = try inner.link(named: host.port).index
            let prefix = try #require(InternetPrefix(address: host.portAddress(.v4), length: 24))
            try inner.removeAddress(prefix, from: index)
            try inner.setOffload(.genericReceive, false, of: host.port)
        }
        if transmits { try inner.setOffload(.genericReceive, true, of: "cpu") }
        try inner.setUp(inner.link(named: "cpu").index)
        card = try topology.node.run {
            try EmulatedCard(
                version, cpu: "cpu",
                ports: [
                    .init(interface: "p1", ingress: 0, egress: 0), .init(interface: "p2", ingress: 2, egress: 1),
                ], behavior: behavior)
        }
        var configuration = CardPortConfiguration(
            interface: "cpu0", version: version,
            ports: [
                .init(name: "rt0", egress: 0, ingress: [0], address: topology.hosts[0].portMACAddress),
                .init(name: "rt2", egress: 1, ingress: [2], address: topology.hosts[1].portMACAddress),
            ])
        configuration.pinDirectory = Self.directory
        if !transmits { configuration.receives = .skb }
        if version.bytes == 16 { for place in 0..<2 { configuration.ports[place].mtu = 1500 } }
        self.configuration = configuration
    }

    static let ports = ["rt0", "rt2"]

    /// Gives the outer ends the addresses that the hosts expect there.
    func address() throws {
        var netlink = try NetlinkSocket()
        for (host, name) in zip(topology.hosts, Self.ports) {
            let index = try netlink.link(named: name).index
            for family in AddressFamily.allCases {
                let prefix = InternetPrefix(address: host.portAddress(family), length: family == .v4 ? 24 : 64)
                try netlink.addAddress(try #require(prefix), to: index, skippingDuplicateDetection: true)
            }
        }
        try waitUntilUp()
    }

    /// The kernel tells of a carrier up to a second late.
    func waitUntilUp(_ state: OperationalState = .up, _ names: [String] = ports) throws {
        var netlink = try NetlinkSocket()
        let reached = try holdsEventually {
            try names.allSatisfy { try netlink.link(named: $0).operationalState == state }
        }
        #expect(reached, "\(names) \(state)")
    }

    /// A fast path with the tables of `LiveNode.routed`, not attached.
    func fastPath() throws -> XDPDataPlane {
        var configuration = XDPConfiguration.forTests
        configuration.pinDirectory = "/sys/fs/bpf/node"
        return try XDPDataPlane(configuration)
    }

    func attach(_ xdp: XDPDataPlane) throws {
        for result in xdp.write(LiveNode.routed(topology).map { .insert($0) }) { #expect(result == .applied) }
        for (place, name) in Self.ports.enumerated() {
            let attachment = try xdp.attach(
                PortID(rawValue: UInt16(place + 1)), interfaceIndex: if_nametoindex(name), policy: .native)
            #expect(attachment.mode == .native)
        }
    }

    /// Pings from host 1; the report, and how many answers were missing.
    func ping(_ address: String, count: Int = 200, size: Int = 56) throws -> (lost: Int, report: String) {
        let report = try topology.hosts[0].namespace.run {
            try Command.run(["ping", "-q", "-c", "\(count)", "-i", "0.002", "-W", "5", "-s", "\(size)", address])
        }
        return (count - Self.received(report.output), report.description)
    }

    /// `200 packets transmitted, 200 received, …`
    static func received(_ output: String) -> Int {
        for line in output.split(separator: "\n") where line.contains(" received") {
            for part in line.split(separator: ",") where part.hasSuffix(" received") {
                return part.split(separator: " ").first.flatMap { Int($0) } ?? 0
            }
        }
        return 0
    }
}
