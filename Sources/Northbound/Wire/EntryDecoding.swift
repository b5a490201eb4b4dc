// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Packet
import PiccoloProto
import Tables

// Messages as the model. What the model's types can hold is checked here; whether the entry fits the tables is the
// data plane's to say.

extension Piccolo_V1_Entry {
    func model() throws(NodeError) -> TableEntry {
        guard let entry else {
            throw Field.missing("entry", "one of port, vlan, my_station, mac, acl, flow, route, next_hop, ...")
        }
        switch entry {
        case .port(let m): return try Field.within("port") { () throws(NodeError) in .port(try m.model()) }
        case .vlan(let m): return try Field.within("vlan") { () throws(NodeError) in .vlan(try m.model()) }
        case .myStation(let m):
            return try Field.within("my_station") { () throws(NodeError) in .myStation(try m.model()) }
        case .mac(let m): return try Field.within("mac") { () throws(NodeError) in .mac(try m.model()) }
        case .acl(let m): return try Field.within("acl") { () throws(NodeError) in .acl(try m.model()) }
        case .flow(let m): return try Field.within("flow") { () throws(NodeError) in .flow(try m.model()) }
        case .route(let m): return try Field.within("route") { () throws(NodeError) in .route(try m.model()) }
        case .nextHop(let m): return try Field.within("next_hop") { () throws(NodeError) in .nextHop(try m.model()) }
        case .nextHopGroup(let m):
            return try Field.within("next_hop_group") { () throws(NodeError) in .nextHopGroup(try m.model()) }
        case .neighbor(let m): return try Field.within("neighbor") { () throws(NodeError) in .neighbor(try m.model()) }
        case .routerInterface(let m):
            return try Field.within("router_interface") { () throws(NodeError) in .routerInterface(try m.model()) }
        }
    }
}

extension Piccolo_V1_Update {
    func model() throws(NodeError) -> TableUpdate {
        let operation = try TableUpdate.Operation(operation)
        let entry = try Field.within("entry") { () throws(NodeError) -> TableEntry in try self.entry.model() }
        return TableUpdate(operation, entry)
    }
}

extension Piccolo_V1_PortEntry {
    func model() throws(NodeError) -> PortEntry {
        var entry = PortEntry(port: try Field.port(port))
        if hasAdmit { entry.admit = admit }
        entry.mode = try PortEntry.Mode(mode)
        if hasPvid { entry.pvid = try Field.vlan(pvid, "pvid") }
        entry.malformed = try PortEntry.Malformed(malformed)
        if hasLearnFlows { entry.learnFlows = learnFlows }
        if hasLearnMacs { entry.learnMACs = learnMacs }
        if hasMtu { entry.mtu = try Field.number(mtu, "mtu", in: 1...UInt16.max) }
        if hasUp { entry.up = up }
        return entry
    }
}

extension Piccolo_V1_VlanEntry {
    func model() throws(NodeError) -> VLANEntry {
        var entry = VLANEntry(vlan: try Field.vlan(vlan))
        for (index, port) in tagged.enumerated() {
            entry.tagged.insert(try Field.port(port, "tagged[\(index)]"))
        }
        for (index, port) in untagged.enumerated() {
            let member = try Field.port(port, "untagged[\(index)]")
            guard !entry.tagged.contains(member) else {
                throw .invalid(field: "untagged[\(index)]", value: "\(port)", expected: "a port that is not in tagged")
            }
            entry.untagged.insert(member)
        }
        entry.unknownUnicast = try FloodPolicy(unknownUnicast, "unknown_unicast")
        entry.broadcast = try FloodPolicy(broadcast, "broadcast")
        entry.multicast = try FloodPolicy(multicast, "multicast")
        return entry
    }
}

extension Piccolo_V1_MyStationEntry {
    func model() throws(NodeError) -> MyStationEntry {
        var entry = MyStationEntry(
            port: hasPort ? try Field.port(port) : nil, vlan: hasVlan ? try Field.vlan(vlan, untagged: true) : nil,
            mac: try Field.mac(mac), routerInterface: try Field.routerInterface(routerInterface))
        if hasMacMask { entry.macMask = try Field.mac(macMask, "mac_mask") }
        if hasPriority { entry.priority = priority }
        return entry
    }
}

extension Piccolo_V1_RouterInterfaceEntry {
    func model() throws(NodeError) -> RouterInterfaceEntry {
        var entry = RouterInterfaceEntry(
            id: try Field.routerInterface(id, "id"), port: try Field.port(port), mac: try Field.mac(mac))
        entry.vlan = try Field.vlan(vlan, untagged: true)
        entry.vrf = try Field.vrf(vrf)
        return entry
    }
}

extension Piccolo_V1_NeighborEntry {
    func model() throws(NodeError) -> NeighborEntry {
        NeighborEntry(
            routerInterface: try Field.routerInterface(routerInterface),
            address: try Field.address(address, "address"), mac: try Field.mac(mac))
    }
}

extension Piccolo_V1_NextHopEntry {
    func model() throws(NodeError) -> NextHopEntry {
        NextHopEntry(
            id: NextHopID(rawValue: id), routerInterface: try Field.routerInterface(routerInterface),
            neighbor: try Field.address(neighbor, "neighbor"))
    }
}

extension Piccolo_V1_NextHopGroupEntry {
    func model() throws(NodeError) -> NextHopGroupEntry {
        var entry = NextHopGroupEntry(id: NextHopGroupID(rawValue: id), members: [])
        for (index, member) in members.enumerated() {
            let weight: UInt8 =
                member.hasWeight ? try Field.number(member.weight, "members[\(index)].weight", in: 1...64) : 1
            entry.members.append(.init(nextHop: NextHopID(rawValue: member.nextHop), weight: weight))
        }
        return entry
    }
}

extension Piccolo_V1_RouteEntry {
    func model() throws(NodeError) -> RouteEntry {
        guard hasPrefix else { throw Field.missing("prefix", "an address and a length") }
        let prefix = try Field.prefix(prefix, "prefix")
        let action: RouteEntry.Action =
            switch action {
            case .nextHop(let id): .nextHop(NextHopID(rawValue: id))
            case .group(let id): .group(NextHopGroupID(rawValue: id))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            case nil: throw Field.missing("action", "one of next_hop, group, drop, kernel, cpu")
            }
        return RouteEntry(vrf: try Field.vrf(vrf), prefix: prefix, action: action)
    }
}

extension Piccolo_V1_MacEntry {
    func model() throws(NodeError) -> MACEntry {
        let action: MACEntry.Action =
            switch action {
            case .port(let id): .port(try Field.port(id))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            case nil: throw Field.missing("action", "one of port, drop, kernel, cpu")
            }
        return MACEntry(vlan: try Field.vlan(vlan), mac: try Field.mac(mac), action: action, isStatic: isStatic)
    }
}

extension Piccolo_V1_FlowEntry {
    func model() throws(NodeError) -> FlowEntry {
        guard hasKey else { throw Field.missing("key", "router interface, addresses, protocol and ports") }
        let key = try Field.within("key") { () throws(NodeError) -> FlowKey in try self.key.model() }
        let action: ForwardingAction =
            switch action {
            case .nextHop(let id): .nextHop(NextHopID(rawValue: id))
            case .port(let id): .port(try Field.port(id))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            case nil: throw Field.missing("action", "one of next_hop, port, drop, kernel, cpu")
            }
        var entry = FlowEntry(key: key, action: action, aclDone: aclDone, mirror: mirror)
        if hasDerivedInGeneration {
            let generation: UInt16 = try Field.number(
                derivedInGeneration, "derived_in_generation", in: 0...UInt16.max)
            entry.origin = .derived(PolicyGeneration(rawValue: generation))
        }
        if !reason.isEmpty { entry.reason = try Field.reason(reason) }
        return entry
    }
}

extension Piccolo_V1_FlowKey {
    func model() throws(NodeError) -> FlowKey {
        let source = try Field.address(source, "source")
        guard destination.count == self.source.count else {
            throw .invalid(
                field: "destination", value: "\(destination.count) bytes long",
                expected: "\(self.source.count) bytes, as source")
        }
        return FlowKey(
            routerInterface: try Field.routerInterface(routerInterface), source: source,
            destination: try Field.address(destination, "destination"),
            ipProtocol: try Field.number(ipProtocol, "ip_protocol", in: 0...255),
            sourcePort: try Field.number(sourcePort, "source_port", in: 0...UInt16.max),
            destinationPort: try Field.number(destinationPort, "destination_port", in: 0...UInt16.max))
    }
}

extension Piccolo_V1_AclEntry {
    func model() throws(NodeError) -> ACLEntry {
        let action: ACLEntry.Action =
            switch action {
            case .permit: .permit
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            case .redirect(let port): .redirect(try Field.port(port, "redirect"))
            case nil: throw Field.missing("action", "one of permit, drop, kernel, cpu, redirect")
            }
        let match = try Field.within("match") { () throws(NodeError) -> ACLEntry.Match in try self.match.model() }
        return ACLEntry(id: id, priority: priority, match: match, action: action, mirror: mirror)
    }
}

extension Piccolo_V1_AclEntry.Match {
    func model() throws(NodeError) -> ACLEntry.Match {
        var match = ACLEntry.Match()
        if hasIngressPort { match.ingressPort = try Field.port(ingressPort, "ingress_port") }
        if hasVlan { match.vlan = try Field.vlan(vlan, untagged: true) }
        if hasEtherType { match.etherType = try Field.number(etherType, "ether_type", in: 0...UInt16.max) }
        if hasDestinationMac { match.destinationMAC = try destinationMac.model("destination_mac") }
        if hasSourceMac { match.sourceMAC = try sourceMac.model("source_mac") }
        if hasSource { match.source = try Field.prefix(source, "source") }
        if hasDestination { match.destination = try Field.prefix(destination, "destination") }
        if hasIpProtocol { match.ipProtocol = try Field.number(ipProtocol, "ip_protocol", in: 0...255) }
        if hasDscp { match.dscp = try Field.number(dscp, "dscp", in: 0...63) }
        if hasSourcePorts { match.sourcePorts = try sourcePorts.model("source_ports") }
        if hasDestinationPorts { match.destinationPorts = try destinationPorts.model("destination_ports") }
        if hasTcpFlags {
            match.tcpFlags = Ternary(
                value: try Field.number(tcpFlags.value, "tcp_flags.value", in: 0...255),
                mask: try Field.number(tcpFlags.mask, "tcp_flags.mask", in: 0...255))
        }
        if hasIcmpType { match.icmpType = try Field.number(icmpType, "icmp_type", in: 0...255) }
        if hasIcmpCode { match.icmpCode = try Field.number(icmpCode, "icmp_code", in: 0...255) }
        match.fragment =
            switch fragment {
            case .unspecified: nil
            case .first: .first
            case .later: .later
            case .any: .any
            case .none: ACLEntry.Fragment.none
            case .UNRECOGNIZED(let value):
                throw Field.unknown("fragment", value, "0...4 (first, later, any, none)")
            }
        if hasRouted { match.routed = routed }
        return match
    }
}

extension Piccolo_V1_TernaryMac {
    func model(_ field: String) throws(NodeError) -> Ternary<UInt64> {
        Ternary(
            value: try Field.mac(value, "\(field).value").rawValue, mask: try Field.mac(mask, "\(field).mask").rawValue)
    }
}

extension Piccolo_V1_PortRange {
    func model(_ field: String) throws(NodeError) -> ClosedRange<UInt16> {
        let first: UInt16 = try Field.number(low, "\(field).low", in: 0...UInt16.max)
        return first...(try Field.number(high, "\(field).high", in: first...UInt16.max))
    }
}
#endif
