// SPDX-License-Identifier: Apache-2.0
import Controller
import Packet
import Tables

/// Entries as rows hold them: what identifies an entry in one blob, the rest in another. Numbers are in network order.
///
/// An entry has one form only, so equal keys are equal blobs. The form is part of the schema: changing it takes a new
/// schema version.
package enum EntryCodec {
    /// The first octet of a key. These numbers are on disk: they are never changed or used again.
    enum Kind: UInt8, CaseIterable {
        case port = 1
        case vlan = 2
        case myStation = 3
        case routerInterface = 4
        case neighbor = 5
        case nextHop = 6
        case nextHopGroup = 7
        case route = 8
        case acl = 9
        case mac = 10
        case flow = 11
    }

    package static func appendKey(of entry: TableEntry, to bytes: inout [UInt8]) {
        switch entry {
        case .port(let port):
            bytes.append(Kind.port.rawValue)
            bytes.append(bigEndian: port.port.rawValue)
        case .vlan(let vlan):
            bytes.append(Kind.vlan.rawValue)
            bytes.append(bigEndian: vlan.vlan.rawValue)
        case .myStation(let station):
            bytes.append(Kind.myStation.rawValue)
            bytes.append((station.port == nil ? 0 : 1) | (station.vlan == nil ? 0 : 2))
            if let port = station.port { bytes.append(bigEndian: port.rawValue) }
            if let vlan = station.vlan { bytes.append(bigEndian: vlan.rawValue) }
            bytes.append(station.mac)
            bytes.append(station.macMask)
            bytes.append(bigEndian: station.priority)
        case .routerInterface(let interface):
            bytes.append(Kind.routerInterface.rawValue)
            bytes.append(bigEndian: interface.id.rawValue)
        case .neighbor(let neighbor):
            bytes.append(Kind.neighbor.rawValue)
            bytes.append(bigEndian: neighbor.routerInterface.rawValue)
            bytes.append(tagged: neighbor.address)
        case .nextHop(let hop):
            bytes.append(Kind.nextHop.rawValue)
            bytes.append(bigEndian: hop.id.rawValue)
        case .nextHopGroup(let group):
            bytes.append(Kind.nextHopGroup.rawValue)
            bytes.append(bigEndian: group.id.rawValue)
        case .route(let route):
            bytes.append(Kind.route.rawValue)
            bytes.append(bigEndian: route.vrf.rawValue)
            bytes.append(route.prefix)
        case .acl(let rule):
            bytes.append(Kind.acl.rawValue)
            bytes.append(bigEndian: rule.id)
        case .mac(let mac):
            bytes.append(Kind.mac.rawValue)
            bytes.append(bigEndian: mac.vlan.rawValue)
            bytes.append(mac.mac)
        case .flow(let flow): append(flow.key, to: &bytes)
        }
    }

    package static func appendValue(of entry: TableEntry, to bytes: inout [UInt8]) {
        switch entry {
        case .port(let port): append(port, to: &bytes)
        case .vlan(let vlan):
            bytes.append(vlan.unknownUnicast.rawValue)
            bytes.append(vlan.broadcast.rawValue)
            bytes.append(vlan.multicast.rawValue)
            for ports in [vlan.tagged, vlan.untagged] {
                bytes.append(bigEndian: UInt16(truncatingIfNeeded: ports.count))
                for port in ports.sorted() { bytes.append(bigEndian: port.rawValue) }
            }
        case .myStation(let station): bytes.append(bigEndian: station.routerInterface.rawValue)
        case .routerInterface(let interface):
            bytes.append(bigEndian: interface.port.rawValue)
            bytes.append(bigEndian: interface.vlan.rawValue)
            bytes.append(interface.mac)
            bytes.append(bigEndian: interface.vrf.rawValue)
        case .neighbor(let neighbor): bytes.append(neighbor.mac)
        case .nextHop(let hop):
            bytes.append(bigEndian: hop.routerInterface.rawValue)
            bytes.append(tagged: hop.neighbor)
        case .nextHopGroup(let group): append(group.members, to: &bytes)
        case .route(let route): append(route.action, to: &bytes)
        case .acl(let rule): append(rule, to: &bytes)
        case .mac(let mac): append(mac, to: &bytes)
        case .flow(let flow): appendValue(flow, to: &bytes)
        }
    }

    static func append(_ members: [NextHopGroupEntry.Member], to bytes: inout [UInt8]) {
        for member in members {
            bytes.append(bigEndian: member.nextHop.rawValue)
            bytes.append(member.weight)
        }
    }

    private static func append(_ port: PortEntry, to bytes: inout [UInt8]) {
        bytes.append(
            (port.admit ? 1 : 0) | (port.up ? 2 : 0) | (port.learnFlows ? 4 : 0) | (port.learnMACs ? 8 : 0))
        bytes.append(port.mode.rawValue)
        bytes.append(port.malformed.rawValue)
        bytes.append(bigEndian: port.pvid.rawValue)
        bytes.append(bigEndian: port.mtu)
    }

    private static func append(_ action: RouteEntry.Action, to bytes: inout [UInt8]) {
        switch action {
        case .nextHop(let hop):
            bytes.append(RouteAction.nextHop.rawValue)
            bytes.append(bigEndian: hop.rawValue)
        case .group(let group):
            bytes.append(RouteAction.group.rawValue)
            bytes.append(bigEndian: group.rawValue)
        case .drop: bytes.append(RouteAction.drop.rawValue)
        case .kernel: bytes.append(RouteAction.kernel.rawValue)
        case .cpu: bytes.append(RouteAction.cpu.rawValue)
        }
    }

    private static func append(_ mac: MACEntry, to bytes: inout [UInt8]) {
        bytes.append(mac.isStatic ? 1 : 0)
        switch mac.action {
        case .port(let port):
            bytes.append(PacketAction.port.rawValue)
            bytes.append(bigEndian: port.rawValue)
        case .drop: bytes.append(PacketAction.drop.rawValue)
        case .kernel: bytes.append(PacketAction.kernel.rawValue)
        case .cpu: bytes.append(PacketAction.cpu.rawValue)
        }
    }

    private static func append(_ key: FlowKey, to bytes: inout [UInt8]) {
        bytes.append(Kind.flow.rawValue)
        bytes.append(key.isIPv6 ? 6 : 4)
        bytes.append(bigEndian: key.routerInterface.rawValue)
        bytes.append(key.ipProtocol)
        bytes.append(bigEndian: key.sourcePort)
        bytes.append(bigEndian: key.destinationPort)
        bytes.append(key.sourceAddress)
        bytes.append(key.destinationAddress)
    }

    private static func appendValue(_ flow: FlowEntry, to bytes: inout [UInt8]) {
        var flags: UInt8 = (flow.aclDone ? 1 : 0) | (flow.mirror ? 2 : 0)
        if case .derived = flow.origin { flags |= 4 }
        bytes.append(flags)
        if case .derived(let generation) = flow.origin { bytes.append(bigEndian: generation.rawValue) }
        bytes.append(flow.reason.rawValue)
        switch flow.action {
        case .nextHop(let hop):
            bytes.append(PacketAction.nextHop.rawValue)
            bytes.append(bigEndian: hop.rawValue)
        case .port(let port):
            bytes.append(PacketAction.port.rawValue)
            bytes.append(bigEndian: port.rawValue)
        case .drop: bytes.append(PacketAction.drop.rawValue)
        case .kernel: bytes.append(PacketAction.kernel.rawValue)
        case .cpu: bytes.append(PacketAction.cpu.rawValue)
        }
    }

    private static func append(_ rule: ACLEntry, to bytes: inout [UInt8]) {
        let match = rule.match
        bytes.append(bigEndian: rule.priority)
        bytes.append(rule.mirror ? 1 : 0)
        switch rule.action {
        case .permit: bytes.append(PacketAction.permit.rawValue)
        case .drop: bytes.append(PacketAction.drop.rawValue)
        case .kernel: bytes.append(PacketAction.kernel.rawValue)
        case .cpu: bytes.append(PacketAction.cpu.rawValue)
        case .redirect(let port):
            bytes.append(PacketAction.port.rawValue)
            bytes.append(bigEndian: port.rawValue)
        }
        let present = bytes.count
        var fields: UInt16 = 0
        bytes.append(bigEndian: fields)
        func field<Value>(_ field: MatchField, _ value: Value?, _ append: (inout [UInt8], Value) -> Void) {
            guard let value else { return }
            fields |= 1 << field.rawValue
            append(&bytes, value)
        }
        field(.ingressPort, match.ingressPort) { $0.append(bigEndian: $1.rawValue) }
        field(.vlan, match.vlan) { $0.append(bigEndian: $1.rawValue) }
        field(.etherType, match.etherType) { $0.append(bigEndian: $1) }
        field(.destinationMAC, match.destinationMAC) { $0.append($1) }
        field(.sourceMAC, match.sourceMAC) { $0.append($1) }
        field(.source, match.source) { $0.append($1) }
        field(.destination, match.destination) { $0.append($1) }
        field(.ipProtocol, match.ipProtocol) { $0.append($1) }
        field(.dscp, match.dscp) { $0.append($1) }
        field(.sourcePorts, match.sourcePorts) { $0.append($1) }
        field(.destinationPorts, match.destinationPorts) { $0.append($1) }
        field(.tcpFlags, match.tcpFlags) { $0.append($1) }
        field(.icmpType, match.icmpType) { $0.append($1) }
        field(.icmpCode, match.icmpCode) { $0.append($1) }
        field(.fragment, match.fragment) { $0.append(StoredFragment($1).rawValue) }
        field(.routed, match.routed) { $0.append($1 ? 1 : 0) }
        bytes.store(bigEndian: fields, at: present)
    }
}

// Numbers on disk, as those of `EntryCodec.Kind`.

enum RouteAction: UInt8 { case nextHop = 1, group, drop, kernel, cpu }

enum PacketAction: UInt8 { case nextHop = 1, port, drop, kernel, cpu, permit }

/// Bits of the word that says which fields of a match follow, in this order.
enum MatchField: UInt16 {
    case ingressPort, vlan, etherType, destinationMAC, sourceMAC, source, destination, ipProtocol, dscp, sourcePorts
    case destinationPorts, tcpFlags, icmpType, icmpCode, fragment, routed
}

enum StoredFragment: UInt8 {
    case first = 1
    case later, any, none

    init(_ fragment: ACLEntry.Fragment) {
        switch fragment {
        case .first: self = .first
        case .later: self = .later
        case .any: self = .any
        case .none: self = .none
        }
    }

    var model: ACLEntry.Fragment {
        switch self {
        case .first: .first
        case .later: .later
        case .any: .any
        case .none: .none
        }
    }
}

extension [UInt8] {
    mutating func append(_ address: IPAddress) {
        switch address {
        case .v4(let v4): append(v4)
        case .v6(let v6): append(v6)
        }
    }

    /// The family, 4 or 6, and the address.
    mutating func append(tagged address: IPAddress) {
        switch address {
        case .v4: append(4)
        case .v6: append(6)
        }
        append(address)
    }

    mutating func append(_ prefix: IPPrefix) {
        append(tagged: prefix.address)
        append(prefix.length)
    }

    mutating func append<Value>(_ ternary: Ternary<Value>) {
        append(bigEndian: ternary.value)
        append(bigEndian: ternary.mask)
    }

    mutating func append(_ range: ClosedRange<UInt16>) {
        append(bigEndian: range.lowerBound)
        append(bigEndian: range.upperBound)
    }
}
