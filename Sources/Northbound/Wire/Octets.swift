// SPDX-License-Identifier: Apache-2.0
import Packet

extension IPAddress {
    /// In network order: 4 or 16.
    var octets: [UInt8] {
        switch self {
        case .v4(let v4):
            (0..<4).map { UInt8(truncatingIfNeeded: v4.rawValue >> UInt32(24 - 8 * $0)) }
        case .v6(let v6):
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? v6.high : v6.low) >> UInt64(56 - 8 * ($0 % 8))) }
        }
    }

    /// From 4 or 16 octets in network order; nil for any other number.
    init?(octets: some Collection<UInt8>) {
        switch octets.count {
        case 4:
            self = .v4(IPv4Address(rawValue: octets.reduce(0) { $0 << 8 | UInt32($1) }))
        case 16:
            let high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            let low = octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
            self = .v6(IPv6Address(high: high, low: low))
        default:
            return nil
        }
    }

    var isIPv6: Bool { if case .v6 = self { true } else { false } }
}
