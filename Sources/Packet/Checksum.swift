// SPDX-License-Identifier: Apache-2.0

/// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
public enum Checksum {
    /// One's complement sum of the 16-bit words, folded, not complemented. An odd last byte counts as if a zero
    /// followed. `initial`: a sum to go on from.
    public static func sum(_ bytes: RawSpan, initial: UInt32 = 0) -> UInt16 {
        var sum = UInt64(initial)
        var offset = 0
        while offset + 1 < bytes.byteCount {
            sum += UInt64(bytes.uint16(at: offset))
            offset += 2
        }
        if offset < bytes.byteCount { sum += UInt64(bytes.octet(at: offset)) << 8 }
        return fold(sum)
    }

    /// What belongs in a checksum field that was zero when the bytes were summed.
    public static func of(_ bytes: RawSpan, initial: UInt32 = 0) -> UInt16 { ~sum(bytes, initial: initial) }

    /// RFC 1071, 1 (3): whether bytes that include their checksum sum to "minus zero".
    public static func isValid(_ bytes: RawSpan) -> Bool { sum(bytes) == 0xffff }

    /// RFC 1624 equation 3, HC' = ~(~HC + ~m + m'): the checksum after one 16-bit word of what it covers changed
    /// from `old` to `new`.
    public static func updated(_ checksum: UInt16, from old: UInt16, to new: UInt16) -> UInt16 {
        ~fold(UInt64(~checksum) + UInt64(~old) + UInt64(new))
    }

    /// Sum of the pseudo header that TCP, UDP and ICMPv6 cover (RFC 9293, 3.1; RFC 8200, 8.1).
    public static func pseudoHeaderSum(source: IPAddress, destination: IPAddress, ipProtocol: UInt8, length: Int)
        -> UInt32
    {
        var pseudo: [UInt8] = []
        for address in [source, destination] {
            switch address {
            case .v4(let v4): pseudo.append(v4)
            case .v6(let v6): pseudo.append(v6)
            }
        }
        pseudo.append(bigEndian: UInt32(truncatingIfNeeded: length))
        pseudo.append(bigEndian: UInt32(ipProtocol))
        return UInt32(sum(pseudo.span.bytes))
    }

    private static func fold(_ sum: UInt64) -> UInt16 {
        var sum = sum
        while sum >> 16 != 0 { sum = (sum & 0xffff) + sum >> 16 }
        return UInt16(truncatingIfNeeded: sum)
    }
}
