// SPDX-License-Identifier: Apache-2.0
import Packet

/// A set of frames: those that agree with every field given. Hardware matches such sets, with coarser keys than a flow's
/// 5-tuple. (Open vSwitch calls a cached decision for such a set a megaflow.)
///
/// What a frame's fields are is the hardware's to say, and how it reads odd frames is not always known: `OffloadTraits`.
/// A field the hardware may have read from any place a frame can have it at counts as agreeing.
public struct Megaflow: Hashable, Sendable {
    public var ingressPort: PortID?
    public var sourceMAC: MACAddress?
    public var destinationMAC: MACAddress?
    /// VID of the first tag; `.untagged`: frames without a tag, and with a priority tag.
    public var vlan: VLANID?
    /// PCP of the first tag, 0...7.
    public var vlanPriority: UInt8?
    /// Behind the tags the hardware reads.
    public var etherType: UInt16?
    public var ipv4Source: IPv4Address?
    public var ipv4Destination: IPv4Address?
    public var ipProtocol: UInt8?
    public var dscp: UInt8?
    public var sourcePort: UInt16?
    public var destinationPort: UInt16?

    public init() {}

    public var fields: MegaflowFields {
        var fields: MegaflowFields = []
        if ingressPort != nil { fields.insert(.ingressPort) }
        if sourceMAC != nil { fields.insert(.sourceMAC) }
        if destinationMAC != nil { fields.insert(.destinationMAC) }
        if vlan != nil { fields.insert(.vlan) }
        if vlanPriority != nil { fields.insert(.vlanPriority) }
        if etherType != nil { fields.insert(.etherType) }
        if ipv4Source != nil { fields.insert(.ipv4Source) }
        if ipv4Destination != nil { fields.insert(.ipv4Destination) }
        if ipProtocol != nil { fields.insert(.ipProtocol) }
        if dscp != nil { fields.insert(.dscp) }
        if sourcePort != nil { fields.insert(.sourcePort) }
        if destinationPort != nil { fields.insert(.destinationPort) }
        return fields
    }

    /// The coarser set that is left when only these fields are looked at.
    public func reduced(to fields: MegaflowFields) -> Megaflow {
        var reduced = self
        if !fields.contains(.ingressPort) { reduced.ingressPort = nil }
        if !fields.contains(.sourceMAC) { reduced.sourceMAC = nil }
        if !fields.contains(.destinationMAC) { reduced.destinationMAC = nil }
        if !fields.contains(.vlan) { reduced.vlan = nil }
        if !fields.contains(.vlanPriority) { reduced.vlanPriority = nil }
        if !fields.contains(.etherType) { reduced.etherType = nil }
        if !fields.contains(.ipv4Source) { reduced.ipv4Source = nil }
        if !fields.contains(.ipv4Destination) { reduced.ipv4Destination = nil }
        if !fields.contains(.ipProtocol) { reduced.ipProtocol = nil }
        if !fields.contains(.dscp) { reduced.dscp = nil }
        if !fields.contains(.sourcePort) { reduced.sourcePort = nil }
        if !fields.contains(.destinationPort) { reduced.destinationPort = nil }
        return reduced
    }
}

/// Which fields a megaflow gives, or a hardware key holds.
public struct MegaflowFields: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let ingressPort = Self(rawValue: 1 << 0)
    public static let sourceMAC = Self(rawValue: 1 << 1)
    public static let destinationMAC = Self(rawValue: 1 << 2)
    public static let vlan = Self(rawValue: 1 << 3)
    public static let vlanPriority = Self(rawValue: 1 << 4)
    public static let etherType = Self(rawValue: 1 << 5)
    public static let ipv4Source = Self(rawValue: 1 << 6)
    public static let ipv4Destination = Self(rawValue: 1 << 7)
    public static let ipProtocol = Self(rawValue: 1 << 8)
    public static let dscp = Self(rawValue: 1 << 9)
    public static let sourcePort = Self(rawValue: 1 << 10)
    public static let destinationPort = Self(rawValue: 1 << 11)

    static let names = [
        "ingress_port", "source_mac", "destination_mac", "vlan", "vlan_priority", "ethertype", "ipv4_source",
        "ipv4_destination", "protocol", "dscp", "source_port", "destination_port",
    ]
}

extension MegaflowFields: CustomStringConvertible {
    /// `vlan, destination_mac`
    public var description: String {
        let present = Self.names.indices.filter { rawValue & 1 << UInt16($0) != 0 }.map { Self.names[$0] }
        return present.isEmpty ? "no field" : present.joined(separator: ", ")
    }
}
