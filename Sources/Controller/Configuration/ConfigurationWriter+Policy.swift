// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// The ACL and static flows.
extension ConfigurationWriter {
    func rule(_ rule: Configuration.ACLRule) -> YAMLText {
        var fields = YAMLFields()
        fields.add("id", .number(rule.id))
        fields.add("priority", .number(rule.priority))
        let match = self.match(rule)
        if !match.list.isEmpty { fields.add("match", .mapping(match)) }
        let action =
            switch rule.action {
            case .permit: "permit"
            case .drop: "drop"
            case .kernel: "kernel"
            case .cpu: "cpu"
            case .redirect(let port): "redirect " + port
            }
        fields.add("action", .text(action))
        if rule.mirror { fields.add("mirror", .flag(true)) }
        return .mapping(fields)
    }

    private func match(_ rule: Configuration.ACLRule) -> YAMLFields {
        let match = rule.match
        var fields = YAMLFields()
        fields.add("port", rule.ingressPort.map { .text($0) })
        fields.add("vlan", match.vlan.map { .number($0.rawValue) })
        fields.add("ether_type", match.etherType.map(Self.etherType))
        fields.add("source_mac", match.sourceMAC.map(Self.mac))
        fields.add("destination_mac", match.destinationMAC.map(Self.mac))
        fields.add("source", match.source.map { .text($0.description) })
        fields.add("destination", match.destination.map { .text($0.description) })
        fields.add("protocol", match.ipProtocol.map(Self.ipProtocol))
        fields.add("source_port", match.sourcePorts.map(Self.range))
        fields.add("destination_port", match.destinationPorts.map(Self.range))
        fields.add("tcp_flags", match.tcpFlags.map(Self.tcpFlags))
        fields.add("icmp_type", match.icmpType.map { .number($0) })
        fields.add("icmp_code", match.icmpCode.map { .number($0) })
        fields.add("dscp", match.dscp.map { .number($0) })
        fields.add("fragment", match.fragment.map { .text("\($0)") })
        fields.add("routed", match.routed.map { .flag($0) })
        return fields
    }

    func flow(_ flow: Configuration.StaticFlow) -> YAMLText {
        var fields = place(flow.port)
        fields.add("source", .text(flow.source.description))
        fields.add("destination", .text(flow.destination.description))
        fields.add("protocol", Self.ipProtocol(flow.ipProtocol))
        switch flow.ipProtocol {
        case IPProtocol.tcp, IPProtocol.udp:
            fields.add("source_port", .number(flow.sourcePort))
            fields.add("destination_port", .number(flow.destinationPort))
        case IPProtocol.icmp, IPProtocol.icmpv6:
            fields.add("icmp_type", .number(flow.sourcePort >> 8))
            fields.add("icmp_code", .number(flow.sourcePort & 0xff))
        default: break
        }
        let action: YAMLText
        switch flow.action {
        case .drop: action = .text("drop")
        case .kernel: action = .text("kernel")
        case .cpu: action = .text("cpu")
        case .redirect(let port): action = .text("redirect " + port)
        case .via(let next):
            let hop = hop(next, vrf: vrf(of: flow.port))
            action =
                hop.list.count == 1
                ? .text("via " + next.address.description) : .mapping(YAMLFields("via", .mapping(hop)))
        }
        fields.add("action", action)
        if flow.mirror { fields.add("mirror", .flag(true)) }
        fields.add("idle_timeout", flow.idleTimeout.map(Self.duration))
        return .mapping(fields)
    }

    private static func etherType(_ value: UInt16) -> YAMLText {
        switch value {
        case EtherType.ipv4: .text("ipv4")
        case EtherType.ipv6: .text("ipv6")
        case EtherType.arp: .text("arp")
        default: .scalar("0x" + String(value, radix: 16))
        }
    }

    static func ipProtocol(_ number: UInt8) -> YAMLText {
        switch number {
        case IPProtocol.tcp: .text("tcp")
        case IPProtocol.udp: .text("udp")
        case IPProtocol.icmp: .text("icmp")
        case IPProtocol.icmpv6: .text("icmpv6")
        default: .number(number)
        }
    }

    private static func mac(_ mac: Ternary<UInt64>) -> YAMLText {
        let (value, mask) = (MACAddress(rawValue: mac.value), MACAddress(rawValue: mac.mask))
        return .text(mask == .broadcast ? value.description : "\(value)/\(mask)")
    }

    private static func range(_ range: ClosedRange<UInt16>) -> YAMLText {
        range.count == 1 ? .number(range.lowerBound) : .text("\(range.lowerBound)-\(range.upperBound)")
    }

    /// `syn,!ack`; numbers only where no flag is looked at.
    private static func tcpFlags(_ flags: Ternary<UInt8>) -> YAMLText {
        guard flags.mask != 0 else { return .text("0/0") }
        let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"]
        let words = names.enumerated().compactMap { index, name -> String? in
            guard flags.mask >> UInt8(index) & 1 != 0 else { return nil }
            return flags.value >> UInt8(index) & 1 != 0 ? name : "!" + name
        }
        return .text(words.joined(separator: ","))
    }
}
