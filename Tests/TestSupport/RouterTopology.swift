// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink

/// A node with ports `p1`, `p2`, … and a host behind each, in network namespaces of their own.
///
///     h1 eth0 ── p1 ┐
///     h2 eth0 ── p2 ├ node
///     h3 eth0 ── p3 ┘
///
/// Port *n* has 10.0.*n*.1/24 and fd00:*n*::1/64, its host 10.0.*n*.2/24 and fd00:*n*::2/64 with default routes over
/// the node. MAC addresses are 02:00:00:00:00:0*n* on the node and 02:00:00:00:01:0*n* on the host. GRO is on and
/// transmit checksum offload off at both ends, so that XDP sees whole packets and redirected frames are delivered.
///
/// The namespaces have no names: they end with this object, and with the sockets and processes inside.
public final class RouterTopology: Sendable {
    /// The namespace in the middle.
    public let node: NetworkNamespace
    /// What is behind each port, in port order.
    public let hosts: [Host]

    /// A host and the port it is behind.
    public final class Host: Sendable {
        /// From 1.
        public let number: Int
        /// The host's namespace; its interface is `eth0`.
        public let namespace: NetworkNamespace

        fileprivate init(number: Int) throws {
            self.number = number
            namespace = try NetworkNamespace.anonymous()
        }

        /// Name of the node's port.
        public var port: String { "p\(number)" }
        /// MAC address of the host.
        public var macAddress: LinkLayerAddress { LinkLayerAddress(value: 0x0200_0000_0100 | UInt64(number)) }
        /// MAC address of the node's port.
        public var portMACAddress: LinkLayerAddress { LinkLayerAddress(value: 0x0200_0000_0000 | UInt64(number)) }
        /// The host's address.
        public func address(_ family: AddressFamily) -> InternetAddress { address(family, 2) }
        /// The address of the node's port.
        public func portAddress(_ family: AddressFamily) -> InternetAddress { address(family, 1) }

        private func address(_ family: AddressFamily, _ last: UInt8) -> InternetAddress {
            switch family {
            case .v4: .v4(0x0a00_0000 | UInt32(number) << 8 | UInt32(last))
            case .v6: .v6(high: 0xfd00_0000_0000_0000 | UInt64(number) << 32, low: UInt64(last))
            }
        }
    }

    /// Builds it. With `forwards` the node's kernel routes between the ports.
    public init(hosts count: Int = 2, forwards: Bool = true, mtu: UInt32 = 1500, queues: UInt32 = 1) throws {
        node = try NetworkNamespace.anonymous()
        hosts = try (1...count).map(Host.init)
        for host in hosts {
            try host.namespace.run {
                try Self.skipDuplicateDetection()
                // A host says nothing of its own accord: tests count every frame.
                try Self.setKernelOption("net/ipv6/conf/default/router_solicitations", "0")
            }
        }
        try node.run {
            try Self.skipDuplicateDetection()
            try Self.setKernelOption("net/ipv4/ip_forward", forwards ? "1" : "0")
            try Self.setKernelOption("net/ipv6/conf/all/forwarding", forwards ? "1" : "0")
        }
        var netlink = try NetlinkSocket(in: node)
        try netlink.setUp(try netlink.link(named: "lo").index)
        for host in hosts {
            try netlink.createVethPair(
                host.port, peer: "eth0", in: host.namespace, options: .init(queues: queues, mtu: mtu))
            var inner = try NetlinkSocket(in: host.namespace)
            // Whether a veth takes redirected frames is settled when it goes up, by whether its peer wants GRO then
            // (`veth_set_xdp_features`); so both ends want it before either is up.
            try netlink.setOffload(.genericReceive, true, of: host.port)
            try inner.setOffload(.genericReceive, true, of: "eth0")
            try Self.configure(&netlink, host.port, host.portMACAddress) { host.portAddress($0) }
            try inner.setUp(try inner.link(named: "lo").index)
            try Self.configure(&inner, "eth0", host.macAddress) { host.address($0) }
            let index = try inner.link(named: "eth0").index
            for family in AddressFamily.allCases {
                let gateway = Route.NextHop(gateway: host.portAddress(family), linkIndex: index)
                try inner.addRoute(Route(to: .everything(family), via: [gateway]))
            }
        }
        for host in hosts {
            var inner = try NetlinkSocket(in: host.namespace)
            try Self.waitUntilUp(&netlink, host.port)
            try Self.waitUntilUp(&inner, "eth0")
        }
    }

    /// The kernel tells of a carrier up to a second late (`net/core/link_watch.c`).
    private static func waitUntilUp(_ netlink: inout NetlinkSocket, _ name: String) throws {
        for _ in 0..<5000 {
            if try netlink.link(named: name).operationalState == .up { return }
            usleep(1000)
        }
        throw CommandFailure(description: "\(name) did not come up")
    }

    private static func configure(
        _ netlink: inout NetlinkSocket, _ name: String, _ address: LinkLayerAddress,
        _ own: (AddressFamily) -> InternetAddress
    ) throws {
        let index = try netlink.link(named: name).index
        try netlink.setAddress(address, of: index)
        try netlink.setOffload(.transmitChecksum, false, of: name)
        for family in AddressFamily.allCases {
            guard let prefix = InternetPrefix(address: own(family), length: family == .v4 ? 24 : 64) else { continue }
            try netlink.addAddress(prefix, to: index, skippingDuplicateDetection: true)
        }
        try netlink.setUp(index)
    }

    /// Until its link-local address has passed duplicate detection, up to two seconds, an interface that forwards cannot
    /// ask for neighbours.
    private static func skipDuplicateDetection() throws {
        for scope in ["all", "default"] { try setKernelOption("net/ipv6/conf/\(scope)/accept_dad", "0") }
    }

    /// Writes below `/proc/sys` of the calling thread's network namespace.
    public static func setKernelOption(_ path: String, _ value: String) throws {
        let file = open("/proc/sys/\(path)", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw CommandFailure(description: "cannot open /proc/sys/\(path): \(ErrorNumber(errno))")
        }
        defer { close(file) }
        guard write(file, value, value.utf8.count) == value.utf8.count else {
            throw CommandFailure(description: "cannot write \(value) to /proc/sys/\(path): \(ErrorNumber(errno))")
        }
    }
}
