// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Yams

// The ACL and static flows.
extension ConfigurationParser {
    static let matchKeys = [
        "port", "vlan", "ether_type", "source_mac", "destination_mac", "source", "destination", "protocol", "dscp",
        "source_port", "destination_port", "tcp_flags", "icmp_type", "icmp_code", "fragment", "routed",
    ]

    mutating func readACL(_ file: YAMLMapping) {
        var ids: [UInt32: SourceLocation] = [:]
        for node in file.elements("acl") {
            guard
                let reader = YAMLMapping(
                    node, what: "an ACL entry", keys: ["id", "priority", "match", "action", "mirror"],
                    complaints: complaints)
            else { continue }
            let id = reader.requiredInteger("id", in: 1...Int(UInt32.max) - 1).map { UInt32($0) }
            let priority = reader.requiredInteger("priority", in: 0...Int(UInt32.max)).map { UInt32($0) }
            if let id {
                if let first = ids[id] { duplicate("ACL id \(id)", at: reader.location(of: "id"), first: first) }
                ids[id] = reader.location(of: "id")
            }
            var rule = Configuration.ACLRule(
                id: id ?? 0, priority: priority ?? 0, match: .init(), action: .permit, location: node.location)
            if let match = reader["match"] { readMatch(match, into: &rule) }
            rule.mirror = reader.boolean("mirror") ?? false
            guard let actionNode = reader.required("action"), let action = aclAction(actionNode) else { continue }
            rule.action = action
            result.acl.append(rule)
        }
        if result.acl.count > result.limits.acl {
            complaints.add(
                result.acl[result.limits.acl].location,
                "there are \(result.acl.count) ACL entries; limits allow \(result.limits.acl) (\"acl\" under \"limits\", at most 512)"
            )
        }
    }

    private func readMatch(_ node: Node, into rule: inout Configuration.ACLRule) {
        guard let reader = YAMLMapping(node, what: "match", keys: Self.matchKeys, complaints: complaints) else {
            return
        }
        if let name = reader.text("port"), let port = port(name) { rule.ingressPort = port.name }
        if let vlan = reader.integer("vlan", in: 0...4094) { rule.match.vlan = VLANID(rawValue: UInt16(vlan)) }
        rule.match.etherType = reader["ether_type"].flatMap { node in
            complaints.value(node, what: "ether_type", expected: "ipv4, ipv6, arp, or a number from 0x600 to 0xffff") {
                switch $0 {
                case "ipv4": 0x0800
                case "ipv6": 0x86dd
                case "arp": 0x0806
                default: parseInteger($0).flatMap { (0x600...0xffff).contains($0) ? UInt16($0) : nil }
                }
            }
        }
        rule.match.sourceMAC = reader["source_mac"].flatMap { maskedMAC($0, what: "source_mac") }
        rule.match.destinationMAC = reader["destination_mac"].flatMap { maskedMAC($0, what: "destination_mac") }
        rule.match.source = reader["source"].flatMap { complaints.prefix($0, what: "source") }
        rule.match.destination = reader["destination"].flatMap { complaints.prefix($0, what: "destination") }
        if let a = rule.match.source, let b = rule.match.destination, a.address.isIPv6 != b.address.isIPv6 {
            complaints.add(
                reader.location(of: "destination"), "source \(a) and destination \(b) are of different families")
        }
        rule.match.ipProtocol = ipProtocol(reader)
        rule.match.dscp = reader.integer("dscp", in: 0...63).map { UInt8($0) }
        rule.match.sourcePorts = reader["source_port"].flatMap { portRange($0, what: "source_port") }
        rule.match.destinationPorts = reader["destination_port"].flatMap { portRange($0, what: "destination_port") }
        rule.match.tcpFlags = reader["tcp_flags"].flatMap(tcpFlags)
        rule.match.icmpType = reader.integer("icmp_type", in: 0...255).map { UInt8($0) }
        rule.match.icmpCode = reader.integer("icmp_code", in: 0...255).map { UInt8($0) }
        rule.match.routed = reader.boolean("routed")
        rule.match.fragment = reader["fragment"].flatMap { node in
            complaints.value(node, what: "fragment", expected: "first, later, any or none") {
                switch $0 {
                case "first": .first
                case "later": .later
                case "any": .any
                case "none": ACLEntry.Fragment.none
                default: nil
                }
            }
        }
        requireProtocol(
            reader, rule.match.ipProtocol, keys: ["source_port", "destination_port"], [6, 17], "tcp or udp")
        requireProtocol(reader, rule.match.ipProtocol, keys: ["tcp_flags"], [6], "tcp")
        requireProtocol(reader, rule.match.ipProtocol, keys: ["icmp_type", "icmp_code"], [1, 58], "icmp or icmpv6")
    }

    private func requireProtocol(
        _ reader: YAMLMapping, _ value: UInt8?, keys: [String], _ protocols: Set<UInt8>, _ names: String
    ) {
        for key in keys where reader.has(key) {
            if value.map(protocols.contains) != true {
                complaints.add(reader.location(of: key), "\(key) needs \"protocol: \(names)\"")
            }
        }
    }

    /// `tcp`, `udp`, `icmp`, `icmpv6`, or a number.
    private func ipProtocol(_ reader: YAMLMapping) -> UInt8? {
        reader["protocol"].flatMap { node in
            complaints.value(node, what: "protocol", expected: "tcp, udp, icmp, icmpv6, or a number from 0 to 255") {
                switch $0.lowercased() {
                case "tcp": 6
                case "udp": 17
                case "icmp": 1
                case "icmpv6": 58
                default: parseInteger($0).flatMap { UInt8(exactly: $0) }
                }
            }
        }
    }

    /// `443` or `1024-65535`.
    private func portRange(_ node: Node, what: String) -> ClosedRange<UInt16>? {
        complaints.value(node, what: what, expected: "a port like 443, or a range like 1024-65535") { text in
            let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                .map { UInt16($0.trimmingSpaces) }
            guard let low = ends[0] else { return nil }
            guard ends.count == 2 else { return low...low }
            guard let high = ends[1], low <= high else { return nil }
            return low...high
        }
    }

    /// `02:00:00:00:00:01`, or with a mask `01:00:00:00:00:00/01:00:00:00:00:00`.
    private func maskedMAC(_ node: Node, what: String) -> Ternary<UInt64>? {
        complaints.value(node, what: what, expected: "an address like 02:00:00:00:00:01, or address/mask") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let value = MACAddress(parts[0]) else { return nil }
            guard parts.count == 2 else { return Ternary(value: value.rawValue, mask: MACAddress.broadcast.rawValue) }
            guard let mask = MACAddress(parts[1]) else { return nil }
            return Ternary(value: value.rawValue & mask.rawValue, mask: mask.rawValue)
        }
    }

    /// `syn,!ack`: flags that are set, and with `!` those that are not; or value/mask in numbers.
    private func tcpFlags(_ node: Node) -> Ternary<UInt8>? {
        let bits =
            ["fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128] as [String: UInt8]
        return complaints.value(
            node, what: "tcp_flags",
            expected: "flags like syn,!ack of fin, syn, rst, psh, ack, urg, ece, cwr; or value/mask like 0x02/0x12"
        ) { text in
            if let slash = text.firstIndex(of: "/") {
                guard let value = parseInteger(String(text[..<slash])).flatMap({ UInt8(exactly: $0) }),
                    let mask = parseInteger(String(text[text.index(after: slash)...])).flatMap({ UInt8(exactly: $0) })
                else { return nil }
                return Ternary(value: value & mask, mask: mask)
            }
            var flags = Ternary<UInt8>(value: 0, mask: 0)
            for word in text.split(separator: ",", omittingEmptySubsequences: false) {
                let name = word.trimmingSpaces.lowercased()
                guard let bit = bits[name.hasPrefix("!") ? String(name.dropFirst()) : name], flags.mask & bit == 0
                else {
                    return nil
                }
                flags.mask |= bit
                if !name.hasPrefix("!") { flags.value |= bit }
            }
            return flags
        }
    }

    /// One word of an action, and what it is followed by: `drop`, `redirect p2`, `{via: 10.0.2.1}`.
    private func actionWords(_ node: Node) -> (verb: String, argument: Node?)? {
        if case .mapping(let mapping) = node, mapping.count == 1, let pair = mapping.first,
            let verb = pair.key.scalar?.string
        {
            return (verb, pair.value)
        }
        guard case .scalar(let scalar) = node else { return nil }
        let words = scalar.string.split(separator: " ")
        guard let verb = words.first, words.count <= 2 else { return nil }
        return (String(verb), words.count == 2 ? .scalar(.init(String(words[1]), .implicit, .any, scalar.mark)) : nil)
    }

    private func aclAction(_ node: Node) -> Configuration.ACLRule.Action? {
        switch actionWords(node) {
        case ("permit", nil)?: return .permit
        case ("drop", nil)?: return .drop
        case ("kernel", nil)?: return .kernel
        case ("cpu", nil)?: return .cpu
        case ("redirect", let argument?)?:
            return complaints.text(argument, what: "redirect").flatMap { port($0) }.map { .redirect($0.name) }
        default:
            complaints.add(
                node.location, "action cannot be \(node.kind); expected permit, drop, kernel, cpu, or \"redirect PORT\""
            )
            return nil
        }
    }

    static let flowKeys = [
        "port", "vlan", "source", "destination", "protocol", "source_port", "destination_port", "icmp_type",
        "icmp_code", "action", "mirror", "idle_timeout",
    ]

    mutating func readFlows(_ file: YAMLMapping) {
        var seen: [Configuration.StaticFlow: SourceLocation] = [:]
        for node in file.elements("flows") {
            guard let reader = YAMLMapping(node, what: "a flow", keys: Self.flowKeys, complaints: complaints) else {
                continue
            }
            let place = reader.requiredText("port").flatMap {
                routerPort($0, vlan: reader.integer("vlan", in: 1...4094))
            }
            let source = reader.required("source").flatMap { complaints.address($0, what: "source") }
            let destination = reader.required("destination").flatMap { complaints.address($0, what: "destination") }
            _ = reader.required("protocol")
            let ipProtocol = ipProtocol(reader)
            guard let place, let source, let destination, let ipProtocol else { continue }
            if source.isIPv6 != destination.isIPv6 {
                complaints.add(
                    reader.location(of: "destination"),
                    "source \(source) and destination \(destination) are of different families")
            }
            var flow = Configuration.StaticFlow(
                port: place.port, source: source, destination: destination, ipProtocol: ipProtocol, action: .kernel,
                location: SourceLocation(line: 0, column: 0))
            switch ipProtocol {
            case 6, 17:
                let ports = ["source_port", "destination_port"].map { reader.requiredInteger($0, in: 0...65535) ?? 0 }
                (flow.sourcePort, flow.destinationPort) = (UInt16(ports[0]), UInt16(ports[1]))
            case 1, 58:
                let type = reader.requiredInteger("icmp_type", in: 0...255) ?? 0
                let code = reader.integer("icmp_code", in: 0...255) ?? 0
                flow.sourcePort = UInt16(type << 8 | code)
            default: break
            }
            requireProtocol(reader, ipProtocol, keys: ["source_port", "destination_port"], [6, 17], "tcp or udp")
            requireProtocol(reader, ipProtocol, keys: ["icmp_type", "icmp_code"], [1, 58], "icmp or icmpv6")
            // Equal but for what it does: the same key.
            if let first = seen[flow] {
                duplicate("this flow", at: node.location, first: first)
                continue
            }
            seen[flow] = node.location
            flow.location = node.location
            flow.mirror = reader.boolean("mirror") ?? false
            flow.idleTimeout = reader.duration("idle_timeout")
            guard let actionNode = reader.required("action"),
                let action = flowAction(actionNode, reader, vrf: place.vrf, ipv6: destination.isIPv6)
            else { continue }
            flow.action = action
            result.flows.append(flow)
        }
    }

    private func flowAction(
        _ node: Node, _ reader: YAMLMapping, vrf: VRFID, ipv6: Bool
    ) -> Configuration.StaticFlow.Action? {
        switch actionWords(node) {
        case ("drop", nil)?: return .drop
        case ("kernel", nil)?: return .kernel
        case ("cpu", nil)?: return .cpu
        case ("redirect", let argument?)?:
            return complaints.text(argument, what: "redirect").flatMap { port($0) }.map { .redirect($0.name) }
        case ("via", let argument?)?:
            // "port" of a flow is where it comes in, so the next hop finds its own.
            let hop: Configuration.NextHop?
            if case .mapping = argument {
                hop = nextHop(argument, reader, vrf: vrf)
            } else {
                hop = complaints.address(argument, what: "via").flatMap { address in
                    locate(address, at: argument.location, vrf: vrf).map {
                        .init(address: address, port: $0, location: argument.location)
                    }
                }
            }
            if let hop, hop.address.isIPv6 != ipv6 {
                complaints.add(hop.location, "next hop \(hop.address) is of another family than the flow")
            }
            return hop.map { .via($0) }
        default:
            complaints.add(
                node.location,
                "action cannot be \(node.kind); expected drop, kernel, cpu, \"via ADDRESS\" or \"redirect PORT\"")
            return nil
        }
    }
}
