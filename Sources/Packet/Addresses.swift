// SPDX-License-Identifier: Apache-2.0

/// An Ethernet address: 48 bits, the first octet on the wire in the most significant place.
public struct MACAddress: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue & 0xffff_ffff_ffff
    }

    public static let broadcast = MACAddress(rawValue: 0xffff_ffff_ffff)

    /// Group bit: multicast or broadcast (IEEE 802-2014, 8.2).
    public var isMulticast: Bool { rawValue & 0x0100_0000_0000 != 0 }

    /// 01:80:c2:00:00:00 ... :0f, which never cross a bridge (IEEE 802.1Q-2018, 8.6.3).
    public var isReservedMulticast: Bool { rawValue & ~0xf == 0x0180_c200_0000 }
}

/// An IPv4 address, host order.
public struct IPv4Address: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// An IPv6 address as two halves, host order.
public struct IPv6Address: Hashable, Sendable, BitwiseCopyable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

public enum IPAddress: Hashable, Sendable, BitwiseCopyable {
    case v4(IPv4Address)
    case v6(IPv6Address)
}

/// An address and the number of its leading bits that count. Bits behind the prefix are zero.
public struct IPPrefix: Hashable, Sendable, BitwiseCopyable {
    public let address: IPAddress
    /// 0...32 or 0...128.
    public let length: UInt8

    /// Returns nil when `length` is longer than the address; clears the bits behind the prefix.
    public init?(_ address: IPAddress, length: Int) {
        switch address {
        case .v4(let v4):
            guard (0...32).contains(length) else { return nil }
            let mask: UInt32 = length == 0 ? 0 : ~0 << (32 - UInt32(length))
            self.address = .v4(IPv4Address(rawValue: v4.rawValue & mask))
        case .v6(let v6):
            guard (0...128).contains(length) else { return nil }
            let high: UInt64 = length == 0 ? 0 : length >= 64 ? ~0 : ~0 << (64 - UInt64(length))
            let low: UInt64 = length <= 64 ? 0 : ~0 << (128 - UInt64(length))
            self.address = .v6(IPv6Address(high: v6.high & high, low: v6.low & low))
        }
        self.length = UInt8(length)
    }

    /// The prefix of an address that is the address alone.
    public init(host address: IPAddress) {
        self.address = address
        switch address {
        case .v4: length = 32
        case .v6: length = 128
        }
    }

    /// Whether the address begins with this prefix. An address of the other family never does.
    public func contains(_ other: IPAddress) -> Bool {
        switch (address, other) {
        case (.v4(let a), .v4(let b)):
            return length == 0 || (a.rawValue ^ b.rawValue) >> (32 - UInt32(length)) == 0
        case (.v6(let a), .v6(let b)):
            let bits = UInt64(length)
            if bits == 0 { return true }
            if bits <= 64 { return (a.high ^ b.high) >> (64 - bits) == 0 }
            return a.high == b.high && (a.low ^ b.low) >> (128 - bits) == 0
        default:
            return false
        }
    }

    /// Whether all addresses of the other prefix are in this one.
    public func contains(_ other: IPPrefix) -> Bool { length <= other.length && contains(other.address) }
}

extension MACAddress: Comparable {
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IPv4Address: Comparable {
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IPv6Address: Comparable {
    public static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
}

extension IPAddress: Comparable {
    /// IPv4 before IPv6.
    public static func < (a: Self, b: Self) -> Bool {
        switch (a, b) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let a), .v6(let b)): a < b
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}

extension IPPrefix: Comparable {
    /// By address, then the shorter first.
    public static func < (a: Self, b: Self) -> Bool { (a.address, a.length) < (b.address, b.length) }
}
