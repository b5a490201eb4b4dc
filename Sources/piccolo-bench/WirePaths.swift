// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import XDPDataPlane

/// A way through the node that frames can take; made before a measurement and taken down after it.
protocol WirePath {
    var name: String { get }
    /// Destination address the frames carry.
    var destination: [UInt8] { get }
    /// The path runs on the measuring CPU by itself and the generator has to make room.
    var needsOwnCPU: Bool { get }
    func setUp(_ topology: WireTopology) throws
    func tearDown(_ topology: WireTopology)
}

extension WirePath {
    var destination: [UInt8] { Workload.station }
    var needsOwnCPU: Bool { false }
}

/// Commands in the node's namespace.
private func inNode(_ command: String) throws {
    try Command.run("ip netns exec \(WireTopology.nodeName) sh -e -c '\(command)'")
}

final class NodePath: WirePath {
    let name = "this node"
    private let node: Node
    init(flows: Int) throws {
        var configuration = XDPConfiguration()
        configuration.ipv4Flows = 1_048_576
        configuration.ipv6Flows = 1_048_576
        node = try Node(configuration)
        for family in Family.allCases { try node.addFlows(flows, family) }
    }

    func setUp(_ topology: WireTopology) throws {
        let (dataPlane, r0, r1) = (node.dataPlane, topology.r0, topology.r1)
        try topology.node.run {
            try dataPlane.attach(Node.ingress, interfaceIndex: r0, policy: .native)
            try dataPlane.attach(Node.egress, interfaceIndex: r1, policy: .native)
        }
    }

    func tearDown(_ topology: WireTopology) {
        node.dataPlane.detach(Node.ingress)
        node.dataPlane.detach(Node.egress)
    }
}

final class PeerPath: WirePath {
    let name = "minimal, HASH, count in value"
    private let peers: Peer
    private var link: LinkBox?
    private let flows: Int

    init(flows: Int) throws {
        self.flows = flows
        peers = try Peer(.hash, entries: flows * 2, counting: .inValue)
    }

    func setUp(_ topology: WireTopology) throws {
        for family in Family.allCases { try peers.addFlows(0..<flows, family, inPort: topology.r0) }
        let (peers, r1) = (peers, topology.r1)
        try topology.node.run { try peers.setEgress(r1) }
        link = try topology.attach(peers.object.program(peers.table.program), to: topology.r0)
    }

    func tearDown(_ topology: WireTopology) { link = nil }
}

final class KernelPath: WirePath {
    let name = "kernel forwarding"

    func setUp(_ topology: WireTopology) throws {
        try inNode(
            """
            sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
            net.ipv4.conf.r0.rp_filter=0
            ip addr replace 10.0.0.1/8 dev r0; ip addr replace 198.51.100.1/24 dev r1
            ip -6 addr replace 2001:db8::1/64 dev r0 nodad; ip -6 addr replace 2001:db8:2::1/64 dev r1 nodad
            ip neigh replace 198.51.100.2 lladdr \(WireTopology.sinkMAC) dev r1 nud permanent
            ip neigh replace 2001:db8:2::2 lladdr \(WireTopology.sinkMAC) dev r1 nud permanent
            ip route replace 192.0.2.0/24 via 198.51.100.2; ip -6 route replace 2001:db8:1::/48 via 2001:db8:2::2
            """)
    }

    func tearDown(_ topology: WireTopology) {
        _ = try? inNode(
            "sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0; ip addr flush dev r0; ip addr flush dev r1;"
                + " ip neigh flush nud permanent; true")
    }
}

final class BridgePath: WirePath {
    let name = "Linux bridge"
    let destination = WireTopology.farMAC

    func setUp(_ topology: WireTopology) throws {
        try inNode(
            """
            ip link add br0 type bridge; ip link set r0 master br0; ip link set r1 master br0; ip link set br0 up
            bridge fdb add \(WireTopology.sinkMAC) dev r1 master static
            sleep 0.1
            """)
    }

    func tearDown(_ topology: WireTopology) { _ = try? inNode("ip link del br0") }
}
