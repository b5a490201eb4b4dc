// SPDX-License-Identifier: Apache-2.0
import Packet

/// Fields an ACL entry can match on, as a set.
public struct FieldSet: OptionSet, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let ingressPort = FieldSet(rawValue: 1 << 0)
    public static let vlan = FieldSet(rawValue: 1 << 1)
    public static let etherType = FieldSet(rawValue: 1 << 2)
    public static let destinationMAC = FieldSet(rawValue: 1 << 3)
    public static let sourceMAC = FieldSet(rawValue: 1 << 4)
    public static let source = FieldSet(rawValue: 1 << 5)
    public static let destination = FieldSet(rawValue: 1 << 6)
    public static let ipProtocol = FieldSet(rawValue: 1 << 7)
    public static let dscp = FieldSet(rawValue: 1 << 8)
    public static let sourcePort = FieldSet(rawValue: 1 << 9)
    public static let destinationPort = FieldSet(rawValue: 1 << 10)
    public static let tcpFlags = FieldSet(rawValue: 1 << 11)
    public static let icmpType = FieldSet(rawValue: 1 << 12)
    public static let icmpCode = FieldSet(rawValue: 1 << 13)
    public static let fragment = FieldSet(rawValue: 1 << 14)
    public static let routed = FieldSet(rawValue: 1 << 15)

    /// What a flow key says of every packet of its flow, whatever its router interface; of ingress port and VLAN it
    /// depends on the interface's stations (`TableState.ingress`).
    public static let flowKey: FieldSet = [
        .etherType, .source, .destination, .ipProtocol, .sourcePort, .destinationPort, .icmpType, .icmpCode, .fragment,
        .routed,
    ]
}

/// What is known of a field: of a packet, its value or that it has none; of a flow, also that its packets may differ.
enum Known<Value> {
    case value(Value)
    case absent
    case unknown
}

/// Section 7 of the contract: the fields an ACL entry is compared with.
struct ACLFields {
    var ingressPort: Known<PortID>
    var vlan: Known<VLANID>
    var etherType: Known<UInt16>
    var destinationMAC: Known<UInt64>
    var sourceMAC: Known<UInt64>
    var source: Known<IPAddress> = .absent
    var destination: Known<IPAddress> = .absent
    var ipProtocol: Known<UInt8> = .absent
    var dscp: Known<UInt8> = .absent
    var sourcePort: Known<UInt16> = .absent
    var destinationPort: Known<UInt16> = .absent
    var tcpFlags: Known<UInt8> = .absent
    var icmpType: Known<UInt8> = .absent
    var icmpCode: Known<UInt8> = .absent
    var fragment: Known<PacketFields.Fragment> = .absent
    var routed: Known<Bool>

    /// Of a packet.
    init(_ packet: PacketFields, port: PortID, vlan: VLANID, routed: Bool) {
        ingressPort = .value(port)
        self.vlan = .value(vlan)
        etherType = .value(packet.etherType)
        destinationMAC = .value(packet.destinationMAC.rawValue)
        sourceMAC = .value(packet.sourceMAC.rawValue)
        self.routed = .value(routed)
        guard let ip = packet.ip else { return }
        source = .value(ip.source)
        destination = .value(ip.destination)
        ipProtocol = .value(ip.ipProtocol)
        dscp = .value(ip.dscp)
        fragment = .value(ip.fragment)
        switch ip.l4 {
        case .tcp(let source, let destination, let flags):
            (sourcePort, destinationPort, tcpFlags) = (.value(source), .value(destination), .value(flags))
        case .udp(let source, let destination):
            (sourcePort, destinationPort) = (.value(source), .value(destination))
        case .icmp(let type, let code):
            (icmpType, icmpCode) = (.value(type), .value(code))
        case .none: break
        }
    }

    /// Of all packets of a flow: what differs between them is unknown.
    init(_ key: FlowKey, ingress: (port: PortID?, vlan: VLANID?)) {
        ingressPort = ingress.port.map { .value($0) } ?? .unknown
        vlan = ingress.vlan.map { .value($0) } ?? .unknown
        etherType = .value(key.isIPv6 ? EtherType.ipv6 : EtherType.ipv4)
        (destinationMAC, sourceMAC) = (.unknown, .unknown)
        routed = .value(true)
        source = .value(key.sourceAddress)
        destination = .value(key.destinationAddress)
        ipProtocol = .value(key.ipProtocol)
        dscp = .unknown
        fragment = .value(.none)
        switch key.ipProtocol {
        case IPProtocol.tcp, IPProtocol.udp:
            (sourcePort, destinationPort) = (.value(key.sourcePort), .value(key.destinationPort))
            if key.ipProtocol == IPProtocol.tcp { tcpFlags = .unknown }
        case key.isIPv6 ? IPProtocol.icmpv6 : IPProtocol.icmp:
            icmpType = .value(UInt8(truncatingIfNeeded: key.sourcePort >> 8))
            icmpCode = .value(UInt8(truncatingIfNeeded: key.sourcePort))
        default: break
        }
    }
}

/// How an ACL entry compares with a packet or a flow, and what the comparison read.
struct ACLComparison {
    enum Outcome { case match, mismatch, undecided }

    private(set) var outcome = Outcome.match
    /// Of a mismatch, the one field that excluded the entry; else all the entry's fields.
    private(set) var read: FieldSet = []

    init(_ match: ACLEntry.Match, _ fields: ACLFields) {
        // Fields of the flow key come first: an entry they exclude reads nothing else.
        compare(match.routed, fields.routed, .routed, ==)
        compare(match.etherType, fields.etherType, .etherType, ==)
        compare(match.source, fields.source, .source) { $0.contains($1) }
        compare(match.destination, fields.destination, .destination) { $0.contains($1) }
        compare(match.ipProtocol, fields.ipProtocol, .ipProtocol, ==)
        compare(match.sourcePorts, fields.sourcePort, .sourcePort) { $0.contains($1) }
        compare(match.destinationPorts, fields.destinationPort, .destinationPort) { $0.contains($1) }
        compare(match.icmpType, fields.icmpType, .icmpType, ==)
        compare(match.icmpCode, fields.icmpCode, .icmpCode, ==)
        compare(match.fragment, fields.fragment, .fragment) { $0.matches($1) }
        compare(match.ingressPort, fields.ingressPort, .ingressPort, ==)
        compare(match.vlan, fields.vlan, .vlan, ==)
        compare(match.destinationMAC, fields.destinationMAC, .destinationMAC) { $0.matches($1) }
        compare(match.sourceMAC, fields.sourceMAC, .sourceMAC) { $0.matches($1) }
        compare(match.dscp, fields.dscp, .dscp, ==)
        compare(match.tcpFlags, fields.tcpFlags, .tcpFlags) { $0.matches($1) }
    }

    @inline(__always)
    private mutating func compare<Pattern, Value>(
        _ pattern: Pattern?, _ known: Known<Value>, _ field: FieldSet, _ matches: (Pattern, Value) -> Bool
    ) {
        guard let pattern, outcome != .mismatch else { return }
        switch known {
        case .value(let value) where matches(pattern, value):
            read.insert(field)
        case .value, .absent:
            (outcome, read) = (.mismatch, field)
        case .unknown:
            read.insert(field)
            outcome = .undecided
        }
    }
}

extension ACLEntry.Fragment {
    func matches(_ fragment: PacketFields.Fragment) -> Bool {
        switch self {
        case .first: fragment == .first
        case .later: fragment == .later
        case .any: fragment != .none
        case .none: fragment == .none
        }
    }
}
