// SPDX-License-Identifier: Apache-2.0
import Packet

/// A value compared under a mask: bits where the mask is 1 must agree.
public struct Ternary<Value: FixedWidthInteger & Sendable>: Hashable, Sendable {
    public var value: Value
    public var mask: Value
    public init(value: Value, mask: Value = ~0) { (self.value, self.mask) = (value, mask) }
    public func matches(_ other: Value) -> Bool { (other ^ value) & mask == 0 }
}

/// `acl_ingress_table`: among the matching entries the one with the highest priority decides, among equals the one
/// with the lower `id`. Without a match the table's default decides (permit, unless the settings say drop).
public struct ACLEntry: Hashable, Sendable {
    /// Which fragments an entry concerns.
    public enum Fragment: Hashable, Sendable { case first, later, any, none }

    /// All fields are optional; an absent one matches anything. A field that the packet does not have never matches,
    /// so a later fragment never matches on ports.
    public struct Match: Hashable, Sendable {
        public var ingressPort: PortID?
        public var vlan: VLANID?
        public var etherType: UInt16?
        public var destinationMAC: Ternary<UInt64>?
        public var sourceMAC: Ternary<UInt64>?
        /// Both prefixes, where given, are of one family, and select it.
        public var source: IPPrefix?
        public var destination: IPPrefix?
        /// The last header's protocol, behind IPv6 extension headers.
        public var ipProtocol: UInt8?
        public var dscp: UInt8?
        /// Ports need `ipProtocol` 6 (TCP) or 17 (UDP).
        public var sourcePorts: ClosedRange<UInt16>?
        public var destinationPorts: ClosedRange<UInt16>?
        /// Needs `ipProtocol` 6.
        public var tcpFlags: Ternary<UInt8>?
        /// Type and code need `ipProtocol` 1 (ICMP) or 58 (ICMPv6).
        public var icmpType: UInt8?
        public var icmpCode: UInt8?
        public var fragment: Fragment?
        /// True: only what is admitted to the router; false: only what is switched.
        public var routed: Bool?

        public init() {}
    }

    public enum Action: Hashable, Sendable {
        /// Go on with the tables.
        case permit
        case drop
        case kernel
        case cpu
        /// Send by this port as it is.
        case redirect(PortID)
    }

    /// Identity of the entry: what modify and delete name, and what its counter belongs to.
    public var id: UInt32
    /// Higher wins; among equals the lower `id`.
    public var priority: UInt32
    public var match: Match
    public var action: Action
    /// Copy the packet to the controller as well.
    public var mirror: Bool = false

    public init(id: UInt32, priority: UInt32, match: Match, action: Action, mirror: Bool = false) {
        (self.id, self.priority, self.match, self.action, self.mirror) = (id, priority, match, action, mirror)
    }
}
