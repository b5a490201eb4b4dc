// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// An entry as named fields, in the order they are printed: the columns of `entry list`, the keys of its JSON, and what
/// `entry add` reads. Fields that match anything are left out.
public enum EntryFields {
    public static func fields(of entry: TableEntry, names: Directory) -> [JSONMember] {
        switch entry {
        case .port(let entry): port(entry, names)
        case .vlan(let entry): vlan(entry, names)
        case .myStation(let entry): myStation(entry, names)
        case .mac(let entry): mac(entry, names)
        case .acl(let entry): acl(entry, names)
        case .flow(let entry): flow(entry, names)
        case .route(let entry): route(entry)
        case .nextHop(let entry): nextHop(entry)
        case .nextHopGroup(let entry): group(entry)
        case .neighbor(let entry): neighbor(entry)
        case .routerInterface(let entry): routerInterface(entry, names)
        }
    }

    /// A field's value as it stands in a table and after `=`.
    public static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .bool(let value): value ? "yes" : "no"
        case .array(let values): values.map(text).joined(separator: ",")
        default: value.line
        }
    }

    static func protocolName(_ number: UInt8) -> String {
        switch number {
        case 1: "icmp"
        case 6: "tcp"
        case 17: "udp"
        case 58: "icmpv6"
        default: "\(number)"
        }
    }

    private static func number(_ value: some BinaryInteger) -> JSONValue { .integer(Int64(value)) }

    private static func ternary(_ mac: Ternary<UInt64>) -> JSONValue {
        let value = MACAddress(rawValue: mac.value).description
        let mask = MACAddress(rawValue: mac.mask)
        return .string(mask == .broadcast ? value : value + "/" + mask.description)
    }

    private static func range(_ range: ClosedRange<UInt16>) -> JSONValue {
        .string(range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)")
    }

    private static func malformed(_ malformed: PortEntry.Malformed) -> String {
        switch malformed {
        case .drop: "drop"
        case .kernel: "kernel"
        case .ignore: "ignore"
        }
    }

    private static func port(_ entry: PortEntry, _ names: Directory) -> [JSONMember] {
        [
            JSONMember("port", .string(names.name(of: entry.port))),
            JSONMember("admit", .bool(entry.admit)),
            JSONMember("mode", .string(entry.mode == .routed ? "routed" : "switched")),
            JSONMember("pvid", number(entry.pvid.rawValue)),
            JSONMember("malformed", .string(malformed(entry.malformed))),
            JSONMember("learn_flows", .bool(entry.learnFlows)),
            JSONMember("learn_macs", .bool(entry.learnMACs)),
            JSONMember("mtu", number(entry.mtu)),
            JSONMember("up", .bool(entry.up)),
        ]
    }

    private static func vlan(_ entry: VLANEntry, _ names: Directory) -> [JSONMember] {
        func members(_ ports: Set<PortID>) -> JSONValue {
            .array(ports.sorted().map { .string(names.name(of: $0)) })
        }
        return [
            JSONMember("vlan", number(entry.vlan.rawValue)),
            JSONMember("tagged", members(entry.tagged)),
            JSONMember("untagged", members(entry.untagged)),
            JSONMember("unknown_unicast", .string("\(entry.unknownUnicast)")),
            JSONMember("broadcast", .string("\(entry.broadcast)")),
            JSONMember("multicast", .string("\(entry.multicast)")),
        ]
    }

    private static func myStation(_ entry: MyStationEntry, _ names: Directory) -> [JSONMember] {
        var fields: [JSONMember] = []
        if let port = entry.port { fields.append(JSONMember("port", .string(names.name(of: port)))) }
        if let vlan = entry.vlan {
            fields.append(JSONMember("vlan", vlan == .untagged ? "untagged" : number(vlan.rawValue)))
        }
        fields.append(JSONMember("mac", ternary(Ternary(value: entry.mac.rawValue, mask: entry.macMask.rawValue))))
        fields.append(JSONMember("priority", number(entry.priority)))
        fields.append(JSONMember("router_interface", number(entry.routerInterface.rawValue)))
        return fields
    }

    private static func mac(_ entry: MACEntry, _ names: Directory) -> [JSONMember] {
        let action =
            switch entry.action {
            case .port(let port): JSONMember("port", .string(names.name(of: port)))
            case .drop: JSONMember("action", "drop")
            case .kernel: JSONMember("action", "kernel")
            case .cpu: JSONMember("action", "cpu")
            }
        return [
            JSONMember("vlan", number(entry.vlan.rawValue)),
            JSONMember("mac", .string(entry.mac.description)),
            action,
            JSONMember("static", .bool(entry.isStatic)),
        ]
    }

    private static func acl(_ entry: ACLEntry, _ names: Directory) -> [JSONMember] {
        var fields = [JSONMember("id", number(entry.id)), JSONMember("priority", number(entry.priority))]
        func add(_ name: String, _ value: JSONValue?) {
            if let value { fields.append(JSONMember(name, value)) }
        }
        let match = entry.match
        add("port", match.ingressPort.map { .string(names.name(of: $0)) })
        add("vlan", match.vlan.map { $0 == .untagged ? "untagged" : number($0.rawValue) })
        add("ether_type", match.etherType.map { .string("0x" + String($0, radix: 16)) })
        add("destination_mac", match.destinationMAC.map(ternary))
        add("source_mac", match.sourceMAC.map(ternary))
        add("source", match.source.map { .string($0.description) })
        add("destination", match.destination.map { .string($0.description) })
        add("protocol", match.ipProtocol.map { .string(protocolName($0)) })
        add("dscp", match.dscp.map(number))
        add("source_port", match.sourcePorts.map(range))
        add("destination_port", match.destinationPorts.map(range))
        add(
            "tcp_flags",
            match.tcpFlags.map { .string("0x\(hex2($0.value))/0x\(hex2($0.mask))") })
        add("icmp_type", match.icmpType.map(number))
        add("icmp_code", match.icmpCode.map(number))
        add("fragment", match.fragment.map { .string("\($0)") })
        add("routed", match.routed.map { .bool($0) })
        switch entry.action {
        case .permit: add("action", "permit")
        case .drop: add("action", "drop")
        case .kernel: add("action", "kernel")
        case .cpu: add("action", "cpu")
        case .redirect(let port): add("redirect", .string(names.name(of: port)))
        }
        if entry.mirror { add("mirror", true) }
        return fields
    }

    private static func flow(_ entry: FlowEntry, _ names: Directory) -> [JSONMember] {
        let key = entry.key
        var fields: [JSONMember] = []
        if let interface = names.routerInterfaces[key.routerInterface] {
            fields.append(JSONMember("port", .string(names.name(of: interface.port))))
        }
        fields += [
            JSONMember("router_interface", number(key.routerInterface.rawValue)),
            JSONMember("source", .string(key.sourceAddress.description)),
            JSONMember("destination", .string(key.destinationAddress.description)),
            JSONMember("protocol", .string(protocolName(key.ipProtocol))),
        ]
        switch key.ipProtocol {
        case 1 where !key.isIPv6, 58 where key.isIPv6:
            fields.append(JSONMember("icmp_type", number(key.sourcePort >> 8)))
            fields.append(JSONMember("icmp_code", number(key.sourcePort & 0xff)))
        case 6, 17:
            fields.append(JSONMember("source_port", number(key.sourcePort)))
            fields.append(JSONMember("destination_port", number(key.destinationPort)))
        default: break
        }
        switch entry.action {
        case .nextHop(let id): fields.append(JSONMember("next_hop", number(id.rawValue)))
        case .port(let port): fields.append(JSONMember("out", .string(names.name(of: port))))
        case .drop: fields.append(JSONMember("action", "drop"))
        case .kernel: fields.append(JSONMember("action", "kernel"))
        case .cpu: fields.append(JSONMember("action", "cpu"))
        }
        if entry.mirror { fields.append(JSONMember("mirror", true)) }
        switch entry.origin {
        case .static: fields.append(JSONMember("origin", "static"))
        case .derived(let generation):
            fields.append(JSONMember("origin", "derived"))
            fields.append(JSONMember("generation", number(generation.rawValue)))
        }
        fields.append(JSONMember("acl_done", .bool(entry.aclDone)))
        fields.append(JSONMember("reason", .string(entry.reason.name)))
        return fields
    }

    private static func route(_ entry: RouteEntry) -> [JSONMember] {
        let action =
            switch entry.action {
            case .nextHop(let id): JSONMember("next_hop", number(id.rawValue))
            case .group(let id): JSONMember("group", number(id.rawValue))
            case .drop: JSONMember("action", "drop")
            case .kernel: JSONMember("action", "kernel")
            case .cpu: JSONMember("action", "cpu")
            }
        return [
            JSONMember("vrf", number(entry.vrf.rawValue)),
            JSONMember("prefix", .string(entry.prefix.description)),
            action,
        ]
    }

    private static func nextHop(_ entry: NextHopEntry) -> [JSONMember] {
        [
            JSONMember("id", number(entry.id.rawValue)),
            JSONMember("router_interface", number(entry.routerInterface.rawValue)),
            JSONMember("neighbor", .string(entry.neighbor.description)),
        ]
    }

    private static func group(_ entry: NextHopGroupEntry) -> [JSONMember] {
        let members = entry.members.map { member in
            JSONValue.string(
                member.weight == 1 ? "\(member.nextHop.rawValue)" : "\(member.nextHop.rawValue)*\(member.weight)")
        }
        return [JSONMember("id", number(entry.id.rawValue)), JSONMember("members", .array(members))]
    }

    private static func neighbor(_ entry: NeighborEntry) -> [JSONMember] {
        [
            JSONMember("router_interface", number(entry.routerInterface.rawValue)),
            JSONMember("address", .string(entry.address.description)),
            JSONMember("mac", .string(entry.mac.description)),
        ]
    }

    private static func routerInterface(_ entry: RouterInterfaceEntry, _ names: Directory) -> [JSONMember] {
        [
            JSONMember("id", number(entry.id.rawValue)),
            JSONMember("port", .string(names.name(of: entry.port))),
            JSONMember("vlan", entry.vlan == .untagged ? "untagged" : number(entry.vlan.rawValue)),
            JSONMember("mac", .string(entry.mac.description)),
            JSONMember("vrf", number(entry.vrf.rawValue)),
        ]
    }
}
