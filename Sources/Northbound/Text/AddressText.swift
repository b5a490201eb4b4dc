// SPDX-License-Identifier: Apache-2.0
import Glibc
import Packet

/// Addresses as people write them: RFC 5952 for IPv6, six hexadecimal octets with colons for Ethernet.
enum AddressText {
    static func text(_ mac: MACAddress) -> String {
        (0..<6).map { octet in hex2(UInt8(truncatingIfNeeded: mac.rawValue >> UInt64(40 - 8 * octet))) }
            .joined(separator: ":")
    }

    static func mac(_ text: some StringProtocol) -> MACAddress? {
        let octets = text.split(separator: ":", omittingEmptySubsequences: false)
        guard octets.count == 6 else { return nil }
        var value: UInt64 = 0
        for octet in octets {
            guard (1...2).contains(octet.count), octet.first != "+", let byte = UInt8(octet, radix: 16) else { return nil }
            value = value << 8 | UInt64(byte)
        }
        return MACAddress(rawValue: value)
    }

    static func text(_ address: IPAddress) -> String {
        let bytes = octets(address)
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let base = buffer.baseAddress,
                inet_ntop(family, bytes, base, socklen_t(buffer.count)) != nil
            else { return "?" }
            return String(cString: base)
        }
    }

    static func text(_ prefix: IPPrefix) -> String { "\(text(prefix.address))/\(prefix.length)" }

    static func ip(_ text: some StringProtocol) -> IPAddress? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let string = String(text)
        if inet_pton(AF_INET, string, &bytes) == 1 { return address(bytes.prefix(4)) }
        if inet_pton(AF_INET6, string, &bytes) == 1 { return address(bytes) }
        return nil
    }

    /// A prefix whose address has nothing behind it: `10.1.2.3/16` is refused, for it is usually a mistake.
    static func prefix(_ text: some StringProtocol) -> IPPrefix? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let address = ip(parts[0]), parts[1].allSatisfy(\.isNumber),
            let length = Int(parts[1]), let prefix = IPPrefix(address, length: length), prefix.address == address
        else { return nil }
        return prefix
    }

    /// In network order: 4 or 16.
    static func octets(_ address: IPAddress) -> [UInt8] {
        switch address {
        case .v4(let v4):
            (0..<4).map { UInt8(truncatingIfNeeded: v4.rawValue >> UInt32(24 - 8 * $0)) }
        case .v6(let v6):
            (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? v6.high : v6.low) >> UInt64(56 - 8 * ($0 % 8))) }
        }
    }

    /// From 4 or 16 octets in network order; nil for any other number.
    static func address(_ octets: some Collection<UInt8>) -> IPAddress? {
        switch octets.count {
        case 4:
            return .v4(IPv4Address(rawValue: octets.reduce(0) { $0 << 8 | UInt32($1) }))
        case 16:
            let high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            let low = octets.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
            return .v6(IPv6Address(high: high, low: low))
        default:
            return nil
        }
    }

    static func hex2(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
    }
}
