// SPDX-License-Identifier: Apache-2.0
import Packet

// What the fields of an entry can hold, by itself, whatever else is in the tables.

extension TableState {
    func invalidValue(in entry: TableEntry) -> TableError? {
        var check = ValueCheck(table: entry.table)
        switch entry {
        case .port(let port): check.port(port)
        case .vlan(let vlan): check.vlan(vlan)
        case .myStation(let station): check.myStation(station)
        case .routerInterface(let interface): check.routerInterface(interface)
        case .neighbor(let neighbor): check.unicast(neighbor.mac, "mac")
        case .nextHop: break
        case .nextHopGroup(let group): check.nextHopGroup(group)
        case .route(let route): check.range(route.vrf.rawValue, 0...255, "vrf")
        case .acl(let rule): check.acl(rule)
        case .flow(let flow): check.flow(flow)
        case .mac(let mac): check.mac(mac)
        }
        return check.error
    }
}

/// Collects the first complaint.
private struct ValueCheck {
    let table: TableID
    var error: TableError?

    init(table: TableID) { self.table = table }

    mutating func require(_ condition: Bool, _ field: String, _ value: @autoclosure () -> String, _ expected: String) {
        guard !condition, error == nil else { return }
        error = .invalidValue(table: table, field: field, value: value(), expected: expected)
    }

    mutating func range<Value: FixedWidthInteger>(_ value: Value, _ range: ClosedRange<Value>, _ field: String) {
        require(range.contains(value), field, "\(value)", "\(range.lowerBound) to \(range.upperBound)")
    }

    mutating func unicast(_ mac: MACAddress, _ field: String) {
        require(!mac.isMulticast && mac.rawValue != 0, field, "\(mac)", "a unicast address that is not zero")
    }

    mutating func portID(_ port: PortID, _ field: String) { range(port.rawValue, 0...PortID.maximum, field) }

    mutating func port(_ port: PortEntry) {
        portID(port.port, "port")
        range(port.pvid.rawValue, 1...4094, "pvid")
        // RFC 791 wants 68; above 65521 the frame's length would not fit 16 bits.
        range(port.mtu, 68...65521, "mtu")
    }

    mutating func vlan(_ vlan: VLANEntry) {
        range(vlan.vlan.rawValue, 1...4094, "vlan")
        let both = vlan.tagged.intersection(vlan.untagged).sorted()
        require(
            both.isEmpty, "tagged and untagged", "both port \(both.first?.rawValue ?? 0)", "each port in one of them")
    }

    mutating func myStation(_ station: MyStationEntry) {
        if let port = station.port { portID(port, "port") }
        if let vlan = station.vlan { range(vlan.rawValue, 0...4094, "vlan") }
        require(station.macMask.rawValue != 0, "mac_mask", "\(station.macMask)", "a mask with at least one bit")
        require(
            station.mac.rawValue & ~station.macMask.rawValue == 0, "mac", "\(station.mac)",
            "no bits outside the mask \(station.macMask)")
    }

    mutating func routerInterface(_ interface: RouterInterfaceEntry) {
        range(interface.id.rawValue, 1...1023, "id")
        range(interface.vlan.rawValue, 0...4094, "vlan")
        range(interface.vrf.rawValue, 0...255, "vrf")
        unicast(interface.mac, "mac")
    }

    mutating func nextHopGroup(_ group: NextHopGroupEntry) {
        require(!group.members.isEmpty, "members", "empty", "at least one next hop")
        for member in group.members { range(member.weight, 1...64, "weight") }
        let total = group.members.reduce(0) { $0 + Int($1.weight) }
        require(total <= 64, "weights", "\(total) together", "64 together at most")
    }

    mutating func acl(_ rule: ACLEntry) {
        let match = rule.match
        if let port = match.ingressPort { portID(port, "ingress_port") }
        if let vlan = match.vlan { range(vlan.rawValue, 0...4094, "vlan") }
        for (mac, field) in [(match.destinationMAC, "destination_mac"), (match.sourceMAC, "source_mac")] {
            guard let mac else { continue }
            require(
                mac.value >> 48 == 0, field, String(mac.value, radix: 16), "an address of 48 bits")
            require(
                mac.value & ~mac.mask == 0, field, "\(MACAddress(rawValue: mac.value))",
                "no bits outside the mask \(MACAddress(rawValue: mac.mask))")
        }
        if let source = match.source, let destination = match.destination {
            require(
                source.address.isIPv6 == destination.address.isIPv6, "destination", "\(destination)",
                "a prefix of the family of the source, \(source)")
        }
        if let dscp = match.dscp { range(dscp, 0...63, "dscp") }
        let isTCPOrUDP = match.ipProtocol == IPProtocol.tcp || match.ipProtocol == IPProtocol.udp
        let given = match.ipProtocol.map { "with protocol \($0)" } ?? "without a protocol"
        if match.sourcePorts != nil { require(isTCPOrUDP, "source_ports", given, "protocol 6 (TCP) or 17 (UDP)") }
        if match.destinationPorts != nil {
            require(isTCPOrUDP, "destination_ports", given, "protocol 6 (TCP) or 17 (UDP)")
        }
        if let flags = match.tcpFlags {
            require(match.ipProtocol == IPProtocol.tcp, "tcp_flags", given, "protocol 6 (TCP)")
            require(
                flags.value & ~flags.mask == 0, "tcp_flags", String(flags.value, radix: 16),
                "no bits outside the mask \(String(flags.mask, radix: 16))")
        }
        let isICMP = match.ipProtocol == IPProtocol.icmp || match.ipProtocol == IPProtocol.icmpv6
        if match.icmpType != nil { require(isICMP, "icmp_type", given, "protocol 1 (ICMP) or 58 (ICMPv6)") }
        if match.icmpCode != nil { require(isICMP, "icmp_code", given, "protocol 1 (ICMP) or 58 (ICMPv6)") }
        if case .redirect(let port) = rule.action { portID(port, "redirect") }
    }

    mutating func flow(_ flow: FlowEntry) {
        let key = flow.key
        range(key.routerInterface.rawValue, 1...1023, "router_interface")
        if !key.isIPv6 {
            require(
                key.source.high == 0 && key.source.low >> 32 == 0 && key.destination.high == 0
                    && key.destination.low >> 32 == 0, "source and destination", "\(key.source), \(key.destination)",
                "IPv4 addresses in the lower 32 bits")
        }
        switch key.ipProtocol {
        case IPProtocol.tcp, IPProtocol.udp: break
        case key.isIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp:
            require(key.destinationPort == 0, "destination_port", "\(key.destinationPort)", "0 for ICMP")
        default:
            require(key.sourcePort == 0, "source_port", "\(key.sourcePort)", "0 for protocol \(key.ipProtocol)")
            require(
                key.destinationPort == 0, "destination_port", "\(key.destinationPort)",
                "0 for protocol \(key.ipProtocol)")
        }
        if case .port(let port) = flow.action { portID(port, "port") }
        if flow.origin == .static {
            require(!flow.aclDone, "acl_done", "true", "false for a static flow: the ACL comes before it")
        }
    }

    mutating func mac(_ mac: MACEntry) {
        range(mac.vlan.rawValue, 1...4094, "vlan")
        unicast(mac.mac, "mac")
        if case .port(let port) = mac.action {
            portID(port, "port")
        } else {
            require(mac.isStatic, "action", "\(mac.action)", "a port, for a learned entry")
        }
    }
}
