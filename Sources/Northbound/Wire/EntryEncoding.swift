// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Packet
import PiccoloProto
import Tables

// The model as messages. Every field is set, whatever its default.

extension Piccolo_V1_Entry {
    init(_ entry: TableEntry) {
        self.init()
        self.entry =
            switch entry {
            case .flow(let flow): .flow(Piccolo_V1_FlowEntry(flow))
            case .mac(let mac): .mac(Piccolo_V1_MacEntry(mac))
            case .port(let port): .port(Piccolo_V1_PortEntry(port))
            case .vlan(let vlan): .vlan(Piccolo_V1_VlanEntry(vlan))
            case .myStation(let station): .myStation(Piccolo_V1_MyStationEntry(station))
            case .routerInterface(let interface): .routerInterface(Piccolo_V1_RouterInterfaceEntry(interface))
            case .neighbor(let neighbor): .neighbor(Piccolo_V1_NeighborEntry(neighbor))
            case .nextHop(let nextHop): .nextHop(Piccolo_V1_NextHopEntry(nextHop))
            case .nextHopGroup(let group): .nextHopGroup(Piccolo_V1_NextHopGroupEntry(group))
            case .route(let route): .route(Piccolo_V1_RouteEntry(route))
            case .acl(let acl): .acl(Piccolo_V1_AclEntry(acl))
            }
    }
}

extension Piccolo_V1_Update {
    init(_ update: TableUpdate) {
        self.init()
        (operation, entry) = (update.operation.wire, Piccolo_V1_Entry(update.entry))
    }
}

extension Piccolo_V1_PortEntry {
    init(_ entry: PortEntry) {
        self.init()
        port = UInt32(entry.port.rawValue)
        (admit, up) = (entry.admit, entry.up)
        (mode, malformed) = (entry.mode.wire, entry.malformed.wire)
        (pvid, mtu) = (UInt32(entry.pvid.rawValue), UInt32(entry.mtu))
        (learnFlows, learnMacs) = (entry.learnFlows, entry.learnMACs)
    }
}

extension Piccolo_V1_VlanEntry {
    init(_ entry: VLANEntry) {
        self.init()
        vlan = UInt32(entry.vlan.rawValue)
        tagged = entry.tagged.map { UInt32($0.rawValue) }.sorted()
        untagged = entry.untagged.map { UInt32($0.rawValue) }.sorted()
        (unknownUnicast, broadcast) = (entry.unknownUnicast.wire, entry.broadcast.wire)
        multicast = entry.multicast.wire
    }
}

extension Piccolo_V1_MyStationEntry {
    init(_ entry: MyStationEntry) {
        self.init()
        if let given = entry.port { port = UInt32(given.rawValue) }
        if let given = entry.vlan { vlan = UInt32(given.rawValue) }
        (mac, macMask, priority) = (entry.mac.wire, entry.macMask.wire, entry.priority)
        routerInterface = UInt32(entry.routerInterface.rawValue)
    }
}

extension Piccolo_V1_RouterInterfaceEntry {
    init(_ entry: RouterInterfaceEntry) {
        self.init()
        (id, port) = (UInt32(entry.id.rawValue), UInt32(entry.port.rawValue))
        (vlan, vrf) = (UInt32(entry.vlan.rawValue), UInt32(entry.vrf.rawValue))
        mac = entry.mac.wire
    }
}

extension Piccolo_V1_NeighborEntry {
    init(_ entry: NeighborEntry) {
        self.init()
        routerInterface = UInt32(entry.routerInterface.rawValue)
        (address, mac) = (entry.address.wire, entry.mac.wire)
    }
}

extension Piccolo_V1_NextHopEntry {
    init(_ entry: NextHopEntry) {
        self.init()
        (id, routerInterface) = (entry.id.rawValue, UInt32(entry.routerInterface.rawValue))
        neighbor = entry.neighbor.wire
    }
}

extension Piccolo_V1_NextHopGroupEntry {
    init(_ entry: NextHopGroupEntry) {
        self.init()
        id = entry.id.rawValue
        members = entry.members.map { member in
            .with { ($0.nextHop, $0.weight) = (member.nextHop.rawValue, UInt32(member.weight)) }
        }
    }
}

extension Piccolo_V1_RouteEntry {
    init(_ entry: RouteEntry) {
        self.init()
        (vrf, prefix) = (UInt32(entry.vrf.rawValue), entry.prefix.wire)
        action =
            switch entry.action {
            case .nextHop(let id): .nextHop(id.rawValue)
            case .group(let id): .group(id.rawValue)
            case .drop: .drop(Piccolo_V1_Empty())
            case .kernel: .kernel(Piccolo_V1_Empty())
            case .cpu: .cpu(Piccolo_V1_Empty())
            }
    }
}

extension Piccolo_V1_MacEntry {
    init(_ entry: MACEntry) {
        self.init()
        (vlan, mac, isStatic) = (UInt32(entry.vlan.rawValue), entry.mac.wire, entry.isStatic)
        action =
            switch entry.action {
            case .port(let id): .port(UInt32(id.rawValue))
            case .drop: .drop(Piccolo_V1_Empty())
            case .kernel: .kernel(Piccolo_V1_Empty())
            case .cpu: .cpu(Piccolo_V1_Empty())
            }
    }
}

extension Piccolo_V1_FlowEntry {
    init(_ entry: FlowEntry) {
        self.init()
        let flow = entry.key
        key = .with {
            $0.routerInterface = UInt32(flow.routerInterface.rawValue)
            ($0.source, $0.destination) = (flow.sourceAddress.wire, flow.destinationAddress.wire)
            $0.ipProtocol = UInt32(flow.ipProtocol)
            ($0.sourcePort, $0.destinationPort) = (UInt32(flow.sourcePort), UInt32(flow.destinationPort))
        }
        action =
            switch entry.action {
            case .nextHop(let id): .nextHop(id.rawValue)
            case .port(let id): .port(UInt32(id.rawValue))
            case .drop: .drop(Piccolo_V1_Empty())
            case .kernel: .kernel(Piccolo_V1_Empty())
            case .cpu: .cpu(Piccolo_V1_Empty())
            }
        if case .derived(let generation) = entry.origin { derivedInGeneration = UInt32(generation.rawValue) }
        (aclDone, mirror, reason) = (entry.aclDone, entry.mirror, entry.reason.name)
    }
}

extension Piccolo_V1_AclEntry {
    init(_ entry: ACLEntry) {
        self.init()
        (id, priority, mirror) = (entry.id, entry.priority, entry.mirror)
        match = Piccolo_V1_AclEntry.Match(entry.match)
        action =
            switch entry.action {
            case .permit: .permit(Piccolo_V1_Empty())
            case .drop: .drop(Piccolo_V1_Empty())
            case .kernel: .kernel(Piccolo_V1_Empty())
            case .cpu: .cpu(Piccolo_V1_Empty())
            case .redirect(let port): .redirect(UInt32(port.rawValue))
            }
    }
}

extension Piccolo_V1_AclEntry.Match {
    init(_ match: ACLEntry.Match) {
        self.init()
        if let given = match.ingressPort { ingressPort = UInt32(given.rawValue) }
        if let given = match.vlan { vlan = UInt32(given.rawValue) }
        if let given = match.etherType { etherType = UInt32(given) }
        if let given = match.destinationMAC { destinationMac = Piccolo_V1_TernaryMac(given) }
        if let given = match.sourceMAC { sourceMac = Piccolo_V1_TernaryMac(given) }
        if let given = match.source { source = given.wire }
        if let given = match.destination { destination = given.wire }
        if let given = match.ipProtocol { ipProtocol = UInt32(given) }
        if let given = match.dscp { dscp = UInt32(given) }
        if let given = match.sourcePorts { sourcePorts = Piccolo_V1_PortRange(given) }
        if let given = match.destinationPorts { destinationPorts = Piccolo_V1_PortRange(given) }
        if let given = match.tcpFlags {
            tcpFlags = .with { ($0.value, $0.mask) = (UInt32(given.value), UInt32(given.mask)) }
        }
        if let given = match.icmpType { icmpType = UInt32(given) }
        if let given = match.icmpCode { icmpCode = UInt32(given) }
        if let given = match.fragment { fragment = given.wire }
        if let given = match.routed { routed = given }
    }
}

extension Piccolo_V1_TernaryMac {
    init(_ ternary: Ternary<UInt64>) {
        self.init()
        value = MACAddress(rawValue: ternary.value).wire
        mask = MACAddress(rawValue: ternary.mask).wire
    }
}

extension Piccolo_V1_PortRange {
    init(_ range: ClosedRange<UInt16>) {
        self.init()
        (low, high) = (UInt32(range.lowerBound), UInt32(range.upperBound))
    }
}
#endif
