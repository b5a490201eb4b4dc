// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The 48-bit link-layer address of an Ethernet interface.
///
/// Other lengths (tunnels carry 4 or 16 bytes there) are not Ethernet and do not become one of these.
public struct LinkLayerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address in the low 48 bits, first octet on the wire highest.
    public let value: UInt64

    /// Uses the low 48 bits.
    public init(value: UInt64) {
        self.value = value & 0xffff_ffff_ffff
    }

    /// Nil unless there are exactly six octets, in wire order.
    public init?(octets: [UInt8]) {
        guard octets.count == 6 else { return nil }
        value = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Reads `02:00:5e:10:00:01`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var octets: [UInt8] = []
        for part in parts {
            guard part.utf8.count == 2, part.allSatisfy(\.isHexDigit), let octet = UInt8(part, radix: 16) else {
                return nil
            }
            octets.append(octet)
        }
        self.init(octets: octets)
    }

    /// The six octets in wire order.
    public var octets: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: value >> UInt64(40 - 8 * $0)) }
    }

    /// Six octets in lower-case hexadecimal with colons.
    public var description: String {
        let digits = Array("0123456789abcdef")
        return octets.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined(separator: ":")
    }
}

/// An IPv4 or IPv6 address.
public enum InternetAddress: Hashable, Sendable, CustomStringConvertible {
    /// 32 bits, first octet on the wire highest.
    case v4(UInt32)
    /// 128 bits in two halves, first octet on the wire highest.
    case v6(high: UInt64, low: UInt64)

    /// Nil unless there are four or sixteen bytes, in wire order.
    public init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4:
            self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
        default:
            return nil
        }
    }

    /// Reads what `inet_pton(3)` reads; nil for anything else.
    public init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.init(bytes: Array(bytes[..<4]))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.init(bytes: bytes)
        } else {
            return nil
        }
    }

    /// Four or sixteen bytes in wire order.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let value):
            (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
        case .v6(let high, let low):
            [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) } }
        }
    }

    /// The family the address belongs to.
    public var family: AddressFamily {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }

    /// The text form of `inet_ntop(3)`, for IPv6 that of RFC 5952.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let bytes = bytes
        guard inet_ntop(family.number, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The address families the node configures.
public enum AddressFamily: Sendable, Hashable, CaseIterable {
    /// `AF_INET`
    case v4
    /// `AF_INET6`
    case v6

    var number: Int32 { self == .v4 ? AF_INET : AF_INET6 }
    var byte: UInt8 { UInt8(truncatingIfNeeded: number) }
    var bits: UInt8 { self == .v4 ? 32 : 128 }

    init?(byte: UInt8) {
        switch Int32(byte) {
        case AF_INET: self = .v4
        case AF_INET6: self = .v6
        default: return nil
        }
    }
}

/// An address with the length of its network part, as in `10.0.1.1/24`. Bits outside the prefix are kept.
public struct InternetPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The address, host bits included.
    public let address: InternetAddress
    /// Bits of the network part: 0…32 or 0…128.
    public let length: UInt8

    /// Nil if the family has fewer bits than `length`.
    public init?(address: InternetAddress, length: UInt8) {
        guard length <= address.family.bits else { return nil }
        self.address = address
        self.length = length
    }

    /// Reads `10.0.1.1/24`, `fd00:1::/64`, or an address alone, which means all its bits; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = InternetAddress(String(first)) else {
            return nil
        }
        guard parts.count == 2 else {
            self.init(address: address, length: address.family.bits)
            return
        }
        guard let length = UInt8(parts[1]) else { return nil }
        self.init(address: address, length: length)
    }

    /// `0.0.0.0/0` or `::/0`.
    public static func everything(_ family: AddressFamily) -> InternetPrefix {
        InternetPrefix(unchecked: family == .v4 ? .v4(0) : .v6(high: 0, low: 0), length: 0)
    }

    init(unchecked address: InternetAddress, length: UInt8) {
        self.address = address
        self.length = length
    }

    /// Address, slash, length.
    public var description: String { "\(address)/\(length)" }
}
