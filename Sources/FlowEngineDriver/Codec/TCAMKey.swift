// SPDX-License-Identifier: Apache-2.0

/// The 64-bit key by which the card preselects masked rules: every field folded to a few bits. Different values may fold to
/// the same key; the rule itself is compared whole. Source: TNflowtable.
public struct TCAMKey: Hashable, Sendable {
    public var data: UInt64
    /// One: the bit is compared. Bit 0: the entry is in use.
    public var mask: UInt64

    public init(data: UInt64, mask: UInt64) { (self.data, self.mask) = (data, mask) }

    private struct Part {
        let field: KeyField
        let source: Int
        let folded: Int
    }

    /// From bit 1 on, behind the bit that says the entry is in use.
    private static let parts: [Part] = [
        Part(field: .ingressPort, source: 5, folded: 5),
        Part(field: .sourceMAC, source: 48, folded: 8),
        Part(field: .destinationMAC, source: 48, folded: 8),
        Part(field: .etherType, source: 16, folded: 4),
        Part(field: .vlan, source: 12, folded: 4),
        Part(field: .vlanPriority, source: 3, folded: 3),
        Part(field: .ipv4Source, source: 32, folded: 8),
        Part(field: .ipv4Destination, source: 32, folded: 8),
        Part(field: .ipProtocol, source: 8, folded: 4),
        Part(field: .dscp, source: 6, folded: 3),
        Part(field: .sourcePort, source: 16, folded: 4),
        Part(field: .destinationPort, source: 16, folded: 4),
    ]

    public init(_ key: KeyValues, _ quirks: CardQuirks) {
        (data, mask) = (0, 1)
        var bit = 1
        for part in Self.parts {
            if key.fields.contains(part.field.set) {
                var value = key[part.field]
                if part.field == .vlanPriority, quirks.vlanPriority == .pcpAndDEI { value >>= 1 }
                data |= Self.fold(value, part) << UInt64(bit)
                mask |= (1 << UInt64(part.folded) - 1) << UInt64(bit)
            }
            bit += part.folded
        }
    }

    private static func fold(_ value: UInt64, _ part: Part) -> UInt64 {
        let mask: UInt64 = 1 << UInt64(part.folded) - 1
        // The sources shift the VLAN id the other way when they fold it: only its low nibble is left.
        if part.field == .vlan { return value & mask }
        var (folded, rest): (UInt64, UInt64) = (0, value & (1 << UInt64(part.source) - 1))
        while rest != 0 {
            folded ^= rest & mask
            rest >>= UInt64(part.folded)
        }
        return folded
    }

    /// As written: data low, data high, mask low, mask high.
    public var words: EntryWords {
        var words = EntryWords(count: 4)
        words.set(lowestBit: 0, width: 64, to: data)
        words.set(lowestBit: 64, width: 64, to: mask)
        return words
    }
}
