// SPDX-License-Identifier: Apache-2.0

/// The 64 bits the TCAM compares: every field XORed in chunks of the width it has there.
/// Source: TNflowtable, `tnlibflowtable.h`.
enum TCAMKey {
    /// Bit 0 is reserved; in a mask it says that the entry is used.
    static let used: UInt64 = 1

    /// Fields follow each other from bit 1 on, in the order of `FrameField`.
    static func fold(_ key: FrameKey, _ reading: CardVariants.VLANPriority) -> UInt64 {
        let mac = byteFold(key.b & 0xffff_ffff_ffff)
        let destination = byteFold(key.a & 0xffff_ffff_ffff)
        var folded = (key[.inPort] & 31) << 1 | mac << 6 | destination << 14
        folded |= nibbleFold(key[.etherType]) << 22
        // Quirk of the fold of the VLAN id: it shifts left, so that only the lowest nibble is left.
        folded |= (key[.vlanID] & 15) << 26
        folded |= (reading == .pcp ? key[.vlanPriority] & 7 : key[.vlanPriority] >> 1 & 7) << 30
        folded |= byteFold(key[.ipv4Source]) << 33 | byteFold(key[.ipv4Destination]) << 41
        let proto = key[.ipProtocol]
        folded |= ((proto ^ proto >> 4) & 15) << 49
        let tos = key[.tos]
        folded |= ((tos ^ tos >> 3) & 7) << 53
        folded |= nibbleFold(key[.sourcePort]) << 56
        return folded | nibbleFold(key[.destinationPort]) << 60
    }

    private static func byteFold(_ value: UInt64) -> UInt64 {
        (value ^ value >> 8 ^ value >> 16 ^ value >> 24 ^ value >> 32 ^ value >> 40) & 0xff
    }

    private static func nibbleFold(_ value: UInt64) -> UInt64 { (value ^ value >> 4 ^ value >> 8 ^ value >> 12) & 15 }
}
