// SPDX-License-Identifier: Apache-2.0
import Packet

/// What the host's kernel says about its interfaces and neighbours: the part of the node's state that no file holds.
public struct HostFacts: Hashable, Sendable {
    public struct Interface: Hashable, Sendable {
        public var name: String
        public var index: UInt32
        public var mac: MACAddress?
        /// Bytes of the largest IP packet.
        public var mtu: Int
        /// Administratively up, with a carrier.
        public var up: Bool
        public var addresses: [InterfaceAddress]

        public init(
            name: String, index: UInt32, mac: MACAddress?, mtu: Int = 1500, up: Bool = true,
            addresses: [InterfaceAddress] = []
        ) {
            (self.name, self.index, self.mac, self.mtu) = (name, index, mac, mtu)
            (self.up, self.addresses) = (up, addresses)
        }
    }

    /// A neighbour whose Ethernet address the kernel knows.
    public struct Neighbor: Hashable, Sendable {
        /// Name of the interface it is at.
        public var interface: String
        public var address: IPAddress
        public var mac: MACAddress

        public init(interface: String, address: IPAddress, mac: MACAddress) {
            (self.interface, self.address, self.mac) = (interface, address, mac)
        }
    }

    public var interfaces: [String: Interface]
    public var neighbors: [Neighbor]

    public init(interfaces: [Interface] = [], neighbors: [Neighbor] = []) {
        self.interfaces = Dictionary(interfaces.map { ($0.name, $0) }) { first, _ in first }
        self.neighbors = neighbors
    }
}
