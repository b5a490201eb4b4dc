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
}
