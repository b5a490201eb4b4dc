// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What the operator wants of the node: the YAML file, read and checked. `Docs/configuration.md` describes the file.
///
/// Defaults of every setting have their home here.
public struct Configuration: Hashable, Sendable {
    public var node = Node()
    /// A directory on bpffs where programs, links and maps are pinned, so that they outlive the process.
    public var pinPath = "/sys/fs/bpf/piccolo"
    public var limits = Limits()
    public var ageing = Ageing()
    /// What becomes of packets no ACL entry matches: `.permit` or `.drop`.
    public var aclDefault = ACLDefault.permit
    public var ports: [Port] = []
    public var vlans: [VLAN] = []
    public var macs: [StaticMAC] = []
    public var vrfs: [VRF] = []
    public var routes: [Route] = []
    public var neighbors: [Neighbor] = []
    public var acl: [ACLRule] = []
    public var flows: [StaticFlow] = []
    /// nil: there is none.
    public var card: Card?

    public init() {}

    public struct Node: Hashable, Sendable {
        /// Shown by `status` and in logs.
        public var name = "piccolo"
        /// Seeds the tables' hashes; nil: random at each start. Only for tests and measurements that must repeat.
        public var hashSeed: UInt64?
    }

    /// Sizes of tables, in entries, and rates, per second.
    public struct Limits: Hashable, Sendable {
        public var ipv4Flows = 1_000_000
        public var ipv6Flows = 131_072
        public var macs = 65_536
        /// Learned MAC entries a port may have.
        public var macsPerPort = 16_384
        public var routes = 131_072
        public var acl = 512
        /// Flow-cache entries a second that packets of one port may cause.
        public var newFlowsPerSecondPerPort = 200_000
        /// Flow-cache entries a second that packets of one source address may cause.
        public var newFlowsPerSecondPerSource = 20_000
        /// Events a second a port may report to the controller.
        public var eventsPerSecondPerPort = 400_000
        /// Per cent of a flow table; fuller than this, sources that open many flows get no new entries.
        public var flowHighWater = 90
    }

    /// Idle times after which entries made by the node itself are removed.
    public struct Ageing: Hashable, Sendable {
        public var tcp: Duration = .seconds(300)
        public var udp: Duration = .seconds(60)
        public var icmp: Duration = .seconds(10)
        public var other: Duration = .seconds(60)
        /// IEEE 802.1Q 8.8.3 recommends 300 s.
        public var mac: Duration = .seconds(300)
    }

    public enum ACLDefault: String, Hashable, Sendable, CaseIterable { case permit, drop }

    /// How a program is attached to an interface. Tried in the order given.
    public enum AttachMode: String, Hashable, Sendable, CaseIterable { case native, skb }

    public enum PortMode: String, Hashable, Sendable, CaseIterable { case routed, switched }
    public enum Malformed: String, Hashable, Sendable, CaseIterable { case drop, kernel, ignore }
    public enum Flood: String, Hashable, Sendable, CaseIterable { case flood, drop, kernel }

    public struct Port: Hashable, Sendable {
        public var name: String
        /// The network interface behind it; by default the one called as the port.
        public var interface: String
        /// Number of the port, 1...63; chosen by the node, and kept, if nil.
        public var id: PortID?
        public var mode = PortMode.routed
        public var attach: [AttachMode] = [.native, .skb]
        /// The node's own addresses here. Without any the interface's are taken.
        public var addresses: [Located<InterfaceAddress>] = []
        /// Address of the router at this port; the interface's if nil.
        public var mac: MACAddress?
        /// Largest IP packet sent, bytes; the interface's if nil.
        public var mtu: UInt16?
        public var pvid = VLANID(rawValue: 1)
        public var malformed = Malformed.drop
        public var learnFlows = true
        public var learnMACs = true
        public var admit = true
        public var vrf = VRFID.default
        /// Whose port it is: what comes in here counts against its tenant's share of a card. nil: nobody's but its own.
        public var tenant: String?
        public var subinterfaces: [Subinterface] = []
        public var location: SourceLocation
    }

    /// A VLAN of a port as the router sees it.
    public struct Subinterface: Hashable, Sendable {
        public var vlan: VLANID
        /// The kernel's VLAN interface, `eth0.10`; by default the port's interface, a dot and the VLAN.
        public var interface: String
        public var addresses: [Located<InterfaceAddress>] = []
        public var mac: MACAddress?
        public var vrf = VRFID.default
        public var location: SourceLocation
    }

    public struct VLAN: Hashable, Sendable {
        public var id: VLANID
        public var tagged: [Located<String>] = []
        public var untagged: [Located<String>] = []
        public var unknownUnicast = Flood.flood
        public var broadcast = Flood.flood
        public var multicast = Flood.flood
        public var location: SourceLocation
    }

    public struct StaticMAC: Hashable, Sendable {
        public var vlan: VLANID
        public var mac: MACAddress
        public var action: Action
        public var location: SourceLocation

        public enum Action: Hashable, Sendable { case port(String), drop, kernel, cpu }
    }

    public struct VRF: Hashable, Sendable {
        public var name: String
        public var id: VRFID
        public var location: SourceLocation
    }

    /// A router interface by its port and VLAN: `p1`, or `p1.10` for a subinterface.
    public struct RouterPort: Hashable, Sendable {
        public var port: String
        /// nil: the port itself; else its subinterface.
        public var vlan: VLANID?

        public init(port: String, vlan: VLANID? = nil) { (self.port, self.vlan) = (port, vlan) }
    }

    public struct NextHop: Hashable, Sendable {
        public var address: IPAddress
        public var weight: UInt8 = 1
        /// Where the address is; found by its connected network when parsed, so never missing in a checked configuration.
        public var port: RouterPort
        public var location: SourceLocation
    }

    public struct Route: Hashable, Sendable {
        public var prefix: IPPrefix
        public var vrf = VRFID.default
        public var action: Action
        public var location: SourceLocation

        /// `absent`: there is no such route, even where an address or a neighbour would make one.
        public enum Action: Hashable, Sendable { case via([NextHop]), drop, kernel, cpu, absent }
    }

    public struct Neighbor: Hashable, Sendable {
        public var address: IPAddress
        /// nil: it is not used, even if the kernel has resolved it.
        public var mac: MACAddress?
        public var port: RouterPort
        /// Whether it gets a host route through the fast path, where it is in a connected network. Does not keep one away that it
        /// has because the kernel resolved it.
        public var makesRoute = true
        public var location: SourceLocation
    }

    public struct ACLRule: Hashable, Sendable {
        public var id: UInt32
        public var priority: UInt32
        /// Without the ingress port, which is given by name.
        public var match: ACLEntry.Match
        public var ingressPort: String?
        public var action: Action
        public var mirror = false
        public var location: SourceLocation

        public enum Action: Hashable, Sendable { case permit, drop, kernel, cpu, redirect(String) }
    }

    public struct StaticFlow: Hashable, Sendable {
        public var port: RouterPort
        public var source: IPAddress
        public var destination: IPAddress
        public var ipProtocol: UInt8
        /// ICMP: type << 8 | code.
        public var sourcePort: UInt16 = 0
        public var destinationPort: UInt16 = 0
        public var action: Action
        /// Copy to the controller as well.
        public var mirror = false
        /// Removed when no packet came for so long; nil: stays.
        public var idleTimeout: Duration?
        public var location: SourceLocation

        public enum Action: Hashable, Sendable { case via(NextHop), redirect(String), drop, kernel, cpu }
    }
}

/// An address of an interface and the length of its network's prefix: `10.0.1.1/24`.
public struct InterfaceAddress: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    public let length: UInt8
    /// The network: the address with the bits behind the prefix cleared.
    public let prefix: IPPrefix

    /// Nil when `length` is longer than the address.
    public init?(_ address: IPAddress, length: Int) {
        guard let prefix = IPPrefix(address, length: length) else { return nil }
        (self.address, self.length, self.prefix) = (address, prefix.length, prefix)
    }

    public var description: String { "\(address)/\(length)" }
}
