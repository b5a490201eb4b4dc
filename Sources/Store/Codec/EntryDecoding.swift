// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension EntryCodec {
    /// The entry two blobs hold. What it returns, encoded again, is the same blobs.
    package static func entry(key: RawSpan, value: RawSpan) throws(BlobDamage) -> TableEntry {
        var key = BlobReader(key)
        var value = BlobReader(value)
        return try entry(&key, &value)
    }

    private static func entry(_ key: inout BlobReader, _ value: inout BlobReader) throws(BlobDamage) -> TableEntry {
        let entry: TableEntry
        switch try key.enumeration("kind", Kind.self) {
        // First, because there may be a million of them.
        case .flow: entry = .flow(try flow(&key, &value))
        case .mac:
            let vlan = VLANID(rawValue: try key.uint16("vlan"))
            let mac = try key.mac("mac")
            let isStatic = try value.bits(1, "static") == 1
            entry = .mac(MACEntry(vlan: vlan, mac: mac, action: try macAction(&value), isStatic: isStatic))
        case .route:
            let vrf = VRFID(rawValue: try key.uint16("vrf"))
            let prefix = try key.prefix("prefix")
            entry = .route(RouteEntry(vrf: vrf, prefix: prefix, action: try routeAction(&value)))
        case .port: entry = .port(try port(&key, &value))
        case .vlan: entry = .vlan(try vlan(&key, &value))
        case .myStation: entry = .myStation(try myStation(&key, &value))
        case .routerInterface: entry = .routerInterface(try routerInterface(&key, &value))
        case .neighbor:
            let interface = RouterInterfaceID(rawValue: try key.uint16("router_interface"))
            let address = try key.address("address")
            entry = .neighbor(
                NeighborEntry(routerInterface: interface, address: address, mac: try value.mac("mac")))
        case .nextHop:
            let id = NextHopID(rawValue: try key.uint32("id"))
            let interface = RouterInterfaceID(rawValue: try value.uint16("router_interface"))
            entry = .nextHop(
                NextHopEntry(id: id, routerInterface: interface, neighbor: try value.address("neighbor")))
        case .nextHopGroup:
            let id = NextHopGroupID(rawValue: try key.uint32("id"))
            entry = .nextHopGroup(NextHopGroupEntry(id: id, members: try members(&value)))
        case .acl: entry = .acl(try acl(&key, &value))
        }
        try key.finish("the key")
        try value.finish("the value")
        return entry
    }

    /// All members that are left.
    static func members(_ bytes: inout BlobReader) throws(BlobDamage) -> [NextHopGroupEntry.Member] {
        var members: [NextHopGroupEntry.Member] = []
        while !bytes.isAtEnd {
            let hop = NextHopID(rawValue: try bytes.uint32("member"))
            members.append(NextHopGroupEntry.Member(nextHop: hop, weight: try bytes.octet("weight")))
        }
        return members
    }

    private static func port(_ key: inout BlobReader, _ value: inout BlobReader) throws(BlobDamage) -> PortEntry {
        var port = PortEntry(port: PortID(rawValue: try key.uint16("port")))
        let flags = try value.bits(4, "flags")
        port.admit = flags & 1 != 0
        port.up = flags & 2 != 0
        port.learnFlows = flags & 4 != 0
        port.learnMACs = flags & 8 != 0
        port.mode = try value.enumeration("mode")
        port.malformed = try value.enumeration("malformed")
        port.pvid = VLANID(rawValue: try value.uint16("pvid"))
        port.mtu = try value.uint16("mtu")
        return port
    }

    private static func vlan(_ key: inout BlobReader, _ value: inout BlobReader) throws(BlobDamage) -> VLANEntry {
        var vlan = VLANEntry(vlan: VLANID(rawValue: try key.uint16("vlan")))
        vlan.unknownUnicast = try value.enumeration("unknown_unicast")
        vlan.broadcast = try value.enumeration("broadcast")
        vlan.multicast = try value.enumeration("multicast")
        vlan.tagged = try ports(&value, "tagged")
        vlan.untagged = try ports(&value, "untagged")
        return vlan
    }

    private static func ports(
        _ value: inout BlobReader, _ field: StaticString
    ) throws(BlobDamage) -> Set<PortID> {
        var ports: Set<PortID> = []
        var last = -1
        for _ in 0..<(try value.uint16(field)) {
            let port = try value.uint16(field)
            guard Int(port) > last else { throw value.wrong(field, port, size: 2) }
            last = Int(port)
            ports.insert(PortID(rawValue: port))
        }
        return ports
    }

    private static func myStation(
        _ key: inout BlobReader, _ value: inout BlobReader
    ) throws(BlobDamage) -> MyStationEntry {
        let present = try key.bits(2, "fields")
        let port = present & 1 == 0 ? nil : PortID(rawValue: try key.uint16("port"))
        let vlan = present & 2 == 0 ? nil : VLANID(rawValue: try key.uint16("vlan"))
        let mac = try key.mac("mac")
        let mask = try key.mac("mac_mask")
        let priority = try key.uint32("priority")
        var station = MyStationEntry(
            port: port, vlan: vlan, mac: mac, priority: priority,
            routerInterface: RouterInterfaceID(rawValue: try value.uint16("router_interface")))
        station.macMask = mask
        return station
    }

    private static func routerInterface(
        _ key: inout BlobReader, _ value: inout BlobReader
    ) throws(BlobDamage) -> RouterInterfaceEntry {
        let id = RouterInterfaceID(rawValue: try key.uint16("id"))
        let port = PortID(rawValue: try value.uint16("port"))
        let vlan = VLANID(rawValue: try value.uint16("vlan"))
        var interface = RouterInterfaceEntry(id: id, port: port, mac: try value.mac("mac"))
        interface.vlan = vlan
        interface.vrf = VRFID(rawValue: try value.uint16("vrf"))
        return interface
    }

    private static func routeAction(_ value: inout BlobReader) throws(BlobDamage) -> RouteEntry.Action {
        switch try value.enumeration("action", RouteAction.self) {
        case .nextHop: .nextHop(NextHopID(rawValue: try value.uint32("nexthop")))
        case .group: .group(NextHopGroupID(rawValue: try value.uint32("group")))
        case .drop: .drop
        case .kernel: .kernel
        case .cpu: .cpu
        }
    }

    private static func macAction(_ value: inout BlobReader) throws(BlobDamage) -> MACEntry.Action {
        let action = try value.enumeration("action", PacketAction.self)
        switch action {
        case .port: return .port(PortID(rawValue: try value.uint16("port")))
        case .drop: return .drop
        case .kernel: return .kernel
        case .cpu: return .cpu
        case .nextHop, .permit: throw value.wrong("action", action.rawValue, size: 1)
        }
    }

    private static func flow(_ key: inout BlobReader, _ value: inout BlobReader) throws(BlobDamage) -> FlowEntry {
        let isIPv6 = try key.isIPv6("family")
        let interface = RouterInterfaceID(rawValue: try key.uint16("router_interface"))
        let ipProtocol = try key.octet("protocol")
        let sourcePort = try key.uint16("source_port")
        let destinationPort = try key.uint16("destination_port")
        let source = try key.address(v6: isIPv6, "source")
        let destination = try key.address(v6: isIPv6, "destination")
        let flags = try value.bits(3, "flags")
        let origin: FlowEntry.Origin =
            flags & 4 == 0 ? .static : .derived(PolicyGeneration(rawValue: try value.uint16("generation")))
        let reason = try value.enumeration("reason", Reason.self)
        return FlowEntry(
            key: FlowKey(
                routerInterface: interface, source: source, destination: destination, ipProtocol: ipProtocol,
                sourcePort: sourcePort, destinationPort: destinationPort),
            action: try flowAction(&value), origin: origin, aclDone: flags & 1 != 0, mirror: flags & 2 != 0,
            reason: reason)
    }

    private static func flowAction(_ value: inout BlobReader) throws(BlobDamage) -> ForwardingAction {
        let action = try value.enumeration("action", PacketAction.self)
        switch action {
        case .nextHop: return .nextHop(NextHopID(rawValue: try value.uint32("nexthop")))
        case .port: return .port(PortID(rawValue: try value.uint16("port")))
        case .drop: return .drop
        case .kernel: return .kernel
        case .cpu: return .cpu
        case .permit: throw value.wrong("action", action.rawValue, size: 1)
        }
    }

    private static func acl(_ key: inout BlobReader, _ value: inout BlobReader) throws(BlobDamage) -> ACLEntry {
        let id = try key.uint32("id")
        let priority = try value.uint32("priority")
        let mirror = try value.bits(1, "mirror") == 1
        let stored = try value.enumeration("action", PacketAction.self)
        let action: ACLEntry.Action
        switch stored {
        case .permit: action = .permit
        case .drop: action = .drop
        case .kernel: action = .kernel
        case .cpu: action = .cpu
        case .port: action = .redirect(PortID(rawValue: try value.uint16("port")))
        case .nextHop: throw value.wrong("action", stored.rawValue, size: 1)
        }
        return ACLEntry(id: id, priority: priority, match: try match(&value), action: action, mirror: mirror)
    }

    private static func match(_ value: inout BlobReader) throws(BlobDamage) -> ACLEntry.Match {
        var match = ACLEntry.Match()
        let fields = try value.uint16("fields")
        func has(_ field: MatchField) -> Bool { fields & 1 << field.rawValue != 0 }
        if has(.ingressPort) { match.ingressPort = PortID(rawValue: try value.uint16("ingress_port")) }
        if has(.vlan) { match.vlan = VLANID(rawValue: try value.uint16("vlan")) }
        if has(.etherType) { match.etherType = try value.uint16("ether_type") }
        if has(.destinationMAC) {
            match.destinationMAC = Ternary(
                value: try value.uint64("destination_mac"), mask: try value.uint64("destination_mac"))
        }
        if has(.sourceMAC) {
            match.sourceMAC = Ternary(value: try value.uint64("source_mac"), mask: try value.uint64("source_mac"))
        }
        if has(.source) { match.source = try value.prefix("source") }
        if has(.destination) { match.destination = try value.prefix("destination") }
        if has(.ipProtocol) { match.ipProtocol = try value.octet("protocol") }
        if has(.dscp) { match.dscp = try value.octet("dscp") }
        if has(.sourcePorts) { match.sourcePorts = try value.range("source_ports") }
        if has(.destinationPorts) { match.destinationPorts = try value.range("destination_ports") }
        if has(.tcpFlags) {
            match.tcpFlags = Ternary(value: try value.octet("tcp_flags"), mask: try value.octet("tcp_flags"))
        }
        if has(.icmpType) { match.icmpType = try value.octet("icmp_type") }
        if has(.icmpCode) { match.icmpCode = try value.octet("icmp_code") }
        if has(.fragment) { match.fragment = try value.enumeration("fragment", StoredFragment.self).model }
        if has(.routed) { match.routed = try value.bits(1, "routed") == 1 }
        return match
    }
}
