// SPDX-License-Identifier: Apache-2.0
import Packet

/// The tables of the pipeline, named as in `Docs/pipeline.md`.
public enum TableID: String, Sendable, CaseIterable, Hashable {
    case port = "port_table"
    case vlan = "vlan_table"
    case myStation = "my_station_table"
    case mac = "mac_table"
    case acl = "acl_ingress_table"
    case flowCache = "flow_cache_table"
    case ipv4 = "ipv4_table"
    case ipv6 = "ipv6_table"
    case nextHop = "nexthop_table"
    case nextHopGroup = "nexthop_group_table"
    case neighbor = "neighbor_table"
    case routerInterface = "router_interface_table"
}

/// `port_table`: how a port treats what it receives.
public struct PortEntry: Hashable, Sendable {
    public enum Mode: UInt8, Sendable { case routed, switched }
    /// What is done with malformed frames. Raw values are on disk.
    public enum Malformed: UInt8, Sendable {
        case drop
        case kernel
        /// Headers above Ethernet and its tags are not judged: a frame that is malformed there is not IP. One that ends before its
        /// EtherType is dropped.
        case ignore
    }

    public var port: PortID
    /// False drops all that arrives (reason `port`).
    public var admit: Bool = true
    public var mode: Mode = .routed
    /// VLAN of untagged frames at a switched port.
    public var pvid: VLANID = VLANID(rawValue: 1)
    public var malformed: Malformed = .drop
    public var learnFlows: Bool = true
    public var learnMACs: Bool = true
    /// Largest IP packet the port sends, bytes.
    public var mtu: UInt16 = 1500
    /// False while the link is down: nothing is sent to it.
    public var up: Bool = true

    public init(port: PortID) { self.port = port }
}

/// What is done with frames that have no single known destination.
public enum FloodPolicy: UInt8, Sendable, Hashable { case flood, drop, kernel }

/// `vlan_table`: members and flooding of a VLAN. Switched ports only.
public struct VLANEntry: Hashable, Sendable {
    public var vlan: VLANID
    public var tagged: Set<PortID> = []
    public var untagged: Set<PortID> = []
    public var unknownUnicast: FloodPolicy = .flood
    public var broadcast: FloodPolicy = .flood
    public var multicast: FloodPolicy = .flood

    public init(vlan: VLANID) { self.vlan = vlan }
}

/// `my_station_table`: destination addresses that admit a frame to the router. The entry with the highest priority wins.
public struct MyStationEntry: Hashable, Sendable {
    /// nil: any port.
    public var port: PortID?
    /// nil: any; `.untagged`: frames without a tag at a routed port. At a switched port: the VLAN the frame belongs to.
    public var vlan: VLANID?
    public var mac: MACAddress
    public var macMask: MACAddress = .broadcast
    public var priority: UInt32
    public var routerInterface: RouterInterfaceID

    public init(
        port: PortID?, vlan: VLANID?, mac: MACAddress, priority: UInt32 = 1, routerInterface: RouterInterfaceID
    ) {
        (self.port, self.vlan, self.mac, self.priority) = (port, vlan, mac, priority)
        self.routerInterface = routerInterface
    }
}

/// `router_interface_table`: a port, or a VLAN at a port, as the router sees it.
public struct RouterInterfaceEntry: Hashable, Sendable {
    public var id: RouterInterfaceID
    public var port: PortID
    /// Tag of what leaves by it; `.untagged` for none.
    public var vlan: VLANID = .untagged
    /// Source address of what leaves by it.
    public var mac: MACAddress
    public var vrf: VRFID = .default

    public init(id: RouterInterfaceID, port: PortID, mac: MACAddress) {
        (self.id, self.port, self.mac) = (id, port, mac)
    }
}

/// `neighbor_table`: the Ethernet address of a station next to a router interface.
public struct NeighborEntry: Hashable, Sendable {
    public var routerInterface: RouterInterfaceID
    public var address: IPAddress
    public var mac: MACAddress

    public init(routerInterface: RouterInterfaceID, address: IPAddress, mac: MACAddress) {
        (self.routerInterface, self.address, self.mac) = (routerInterface, address, mac)
    }
}

/// `nexthop_table`. A next hop whose neighbour is not in `neighbor_table` is unresolved: its packets go to the kernel.
public struct NextHopEntry: Hashable, Sendable {
    public var id: NextHopID
    public var routerInterface: RouterInterfaceID
    public var neighbor: IPAddress

    public init(id: NextHopID, routerInterface: RouterInterfaceID, neighbor: IPAddress) {
        (self.id, self.routerInterface, self.neighbor) = (id, routerInterface, neighbor)
    }
}

/// `nexthop_group_table`: flows are spread over the members by hash, in proportion to the weights, in 64 buckets.
public struct NextHopGroupEntry: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var nextHop: NextHopID
        /// 1...64; the weights of a group add up to 64 at most.
        public var weight: UInt8 = 1
        public init(nextHop: NextHopID, weight: UInt8 = 1) { (self.nextHop, self.weight) = (nextHop, weight) }
    }

    public var id: NextHopGroupID
    public var members: [Member]

    public init(id: NextHopGroupID, members: [Member]) { (self.id, self.members) = (id, members) }

    /// The member each of the 64 buckets names: bucket b goes to the member whose share of the weights holds
    /// b × total ÷ 64. Every back end spreads with this one function.
    public var buckets: [NextHopID] {
        let total = members.reduce(0) { $0 + Int($1.weight) }
        guard total > 0 else { return [] }
        var expanded: [NextHopID] = []
        for member in members { expanded += repeatElement(member.nextHop, count: Int(member.weight)) }
        return (0..<64).map { expanded[$0 * total / 64] }
    }
}

/// `ipv4_table`, `ipv6_table`: longest prefix wins.
public struct RouteEntry: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case nextHop(NextHopID)
        case group(NextHopGroupID)
        /// Discard (reason `route`).
        case drop
        /// For this node: the kernel's stack takes it (reason `local`).
        case kernel
        /// To the controller (reason `route`).
        case cpu
    }

    public var vrf: VRFID = .default
    public var prefix: IPPrefix
    public var action: Action

    public init(vrf: VRFID = .default, prefix: IPPrefix, action: Action) {
        (self.vrf, self.prefix, self.action) = (vrf, prefix, action)
    }
}

/// `mac_table`: where a station of a VLAN is.
public struct MACEntry: Hashable, Sendable, BitwiseCopyable {
    public enum Action: Hashable, Sendable, BitwiseCopyable { case port(PortID), drop, kernel, cpu }

    public var vlan: VLANID
    public var mac: MACAddress
    public var action: Action
    /// Learned entries age and move; static ones do neither.
    public var isStatic: Bool

    public init(vlan: VLANID, mac: MACAddress, action: Action, isStatic: Bool) {
        (self.vlan, self.mac, self.action, self.isStatic) = (vlan, mac, action, isStatic)
    }
}
