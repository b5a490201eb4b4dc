// SPDX-License-Identifier: Apache-2.0

/// A port of the node, 0...63. What interface stands behind it is the data plane's business.
public struct PortID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public static let maximum: UInt16 = 63
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// An IEEE 802.1Q VLAN identifier, 1...4094. 0 stands for "untagged" where a field's documentation says so.
public struct VLANID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public static let untagged = VLANID(rawValue: 0)
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A virtual routing table, 0...255; 0 is the default one.
public struct VRFID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public static let `default` = VRFID(rawValue: 0)
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A router interface (a port, or a VLAN at a port), 1...1023.
public struct RouterInterfaceID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A next hop, chosen by who writes it; any number.
public struct NextHopID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A group of next hops (ECMP, or WCMP with weights), chosen by who writes it; any number.
public struct NextHopGroupID: RawRepresentable, Hashable, Sendable, BitwiseCopyable, Comparable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// The state of policy that derived entries were computed from. A cached decision of another generation is a miss.
public struct PolicyGeneration: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
}
