// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A field that rules of the card can match. The number is the bit of `MegaflowFields`.
public enum KeyField: UInt8, CaseIterable, Sendable {
    case ingressPort, sourceMAC, destinationMAC, vlan, vlanPriority, etherType, ipv4Source, ipv4Destination, ipProtocol
    case dscp, sourcePort, destinationPort

    public var set: MegaflowFields { MegaflowFields(rawValue: 1 << UInt16(rawValue)) }

    /// As in the layouts of `fpga-regs/`.
    public var layoutName: String {
        switch self {
        case .ingressPort: "in_port"
        case .sourceMAC: "mac_src"
        case .destinationMAC: "mac_dst"
        case .vlan: "vlan_id"
        case .vlanPriority: "vlan_prio"
        case .etherType: "ethertype"
        case .ipv4Source: "ipv4_src"
        case .ipv4Destination: "ipv4_dst"
        case .ipProtocol: "proto"
        case .dscp: "tos"
        case .sourcePort: "port_src"
        case .destinationPort: "port_dst"
        }
    }
}

/// The values of a megaflow's fields as the card has them: numbers, the first octet of an address in the highest place.
public struct KeyValues: Sendable {
    private var values = InlineArray<12, UInt64>(repeating: 0)
    public private(set) var fields: MegaflowFields = []

    public init() {}

    public subscript(field: KeyField) -> UInt64 {
        get { values[Int(field.rawValue)] }
        set {
            values[Int(field.rawValue)] = newValue
            fields.insert(field.set)
        }
    }

    /// Throws if the card has no way to say a value.
    public init(
        _ megaflow: Megaflow, ports: CardPorts, quirks: CardQuirks
    ) throws(OffloadRefusal) {
        if let port = megaflow.ingressPort {
            guard let number = ports.number(of: port) else {
                throw .value(
                    field: "ingress_port", value: "\(port.rawValue)", expected: "one of the card's, \(ports)")
            }
            self[.ingressPort] = UInt64(number)
        }
        if let mac = megaflow.sourceMAC { self[.sourceMAC] = mac.rawValue }
        if let mac = megaflow.destinationMAC { self[.destinationMAC] = mac.rawValue }
        if let vlan = megaflow.vlan {
            if vlan == .untagged {
                guard let untagged = quirks.untaggedVLAN else {
                    throw .value(
                        field: "vlan", value: "untagged",
                        expected: "a VLAN id; how this card reads frames without a tag is not known")
                }
                self[.vlan] = UInt64(untagged)
            } else {
                self[.vlan] = UInt64(vlan.rawValue)
            }
        }
        if let priority = megaflow.vlanPriority {
            self[.vlanPriority] = quirks.vlanPriority == .pcp ? UInt64(priority) : UInt64(priority) << 1
        }
        if let type = megaflow.etherType { self[.etherType] = UInt64(type) }
        if let address = megaflow.ipv4Source { self[.ipv4Source] = UInt64(address.rawValue) }
        if let address = megaflow.ipv4Destination { self[.ipv4Destination] = UInt64(address.rawValue) }
        if let number = megaflow.ipProtocol { self[.ipProtocol] = UInt64(number) }
        if let dscp = megaflow.dscp { self[.dscp] = UInt64(dscp) }
        if let port = megaflow.sourcePort { self[.sourcePort] = UInt64(port) }
        if let port = megaflow.destinationPort { self[.destinationPort] = UInt64(port) }
    }

    /// Back again; nil if a port is none of the node's.
    public func megaflow(ports: CardPorts, quirks: CardQuirks) -> Megaflow? {
        var megaflow = Megaflow()
        if fields.contains(.ingressPort) {
            guard let port = ports.port(of: Int(self[.ingressPort])) else { return nil }
            megaflow.ingressPort = port
        }
        if fields.contains(.sourceMAC) { megaflow.sourceMAC = MACAddress(rawValue: self[.sourceMAC]) }
        if fields.contains(.destinationMAC) { megaflow.destinationMAC = MACAddress(rawValue: self[.destinationMAC]) }
        if fields.contains(.vlan) {
            let number = UInt16(truncatingIfNeeded: self[.vlan])
            megaflow.vlan = number == quirks.untaggedVLAN ? .untagged : VLANID(rawValue: number)
        }
        func small<Number: FixedWidthInteger>(_ field: KeyField) -> Number? {
            fields.contains(field.set) ? Number(truncatingIfNeeded: self[field]) : nil
        }
        megaflow.vlanPriority = small(.vlanPriority).map { quirks.vlanPriority == .pcp ? $0 : $0 >> 1 }
        megaflow.etherType = small(.etherType)
        megaflow.ipv4Source = small(.ipv4Source).map { IPv4Address(rawValue: $0) }
        megaflow.ipv4Destination = small(.ipv4Destination).map { IPv4Address(rawValue: $0) }
        megaflow.ipProtocol = small(.ipProtocol)
        megaflow.dscp = small(.dscp)
        megaflow.sourcePort = small(.sourcePort)
        megaflow.destinationPort = small(.destinationPort)
        return megaflow
    }
}

/// Which port of the node is which of the card's.
public struct CardPorts: Hashable, Sendable {
    private var numbers: [UInt8?]
    private var ports: [PortID?]

    /// Card ports by node port. The card numbers its physical ports from 0; 16 and more are interfaces of the processor.
    public init(_ map: [PortID: Int]) {
        numbers = Array(repeating: nil, count: Int(PortID.maximum) + 1)
        ports = Array(repeating: nil, count: 16)
        for (port, number) in map where (0..<16).contains(number) && port.rawValue <= PortID.maximum {
            numbers[Int(port.rawValue)] = UInt8(number)
            ports[number] = port
        }
    }

    /// Nil: not one of the card's.
    public func number(of port: PortID) -> Int? {
        port.rawValue <= PortID.maximum ? numbers[Int(port.rawValue)].map { Int($0) } : nil
    }

    public func port(of number: Int) -> PortID? { ports.indices.contains(number) ? ports[number] : nil }

    public var all: [PortID] { ports.compactMap { $0 } }
}

extension CardPorts: CustomStringConvertible {
    /// `1, 2`
    public var description: String { all.map { "\($0.rawValue)" }.joined(separator: ", ") }
}
