// SPDX-License-Identifier: Apache-2.0

/// How a type of a key set is hashed: a XOR fold of its fields to 14 bits, without a seed and without the type.
/// Source: TNflowtable, `flowtableactions.c`.
struct KeyHash: Sendable {
    static let bits: UInt64 = 14
    static let slots = 1 << 14
    private static let mask: UInt64 = 0x3fff

    private struct Term: Sendable {
        let field: KeyField
        /// All of it in chunks of 14 bits; else its lower 14 bits only.
        let isWhole: Bool
    }

    private let terms: [Term]
    private let overlay: CardVariants.HashOverlay?

    /// - Parameter fields: of the type, in any order.
    init(hashRevision: Int, type: Int, fields: [KeyField], variants: CardVariants) {
        let splitsEtherType =
            switch variants.etherTypeFold {
            case .low14: false
            case .twoChunks: true
            case .byRevision:
                switch (hashRevision, type) {
                case (1, _), (2, _), (9, 4), (10, 4), (11, 3), (11, 4): true
                default: false
                }
            }
        terms = fields.map { field in
            switch field {
            case .sourceMAC, .destinationMAC, .ipv4Source, .ipv4Destination: Term(field: field, isWhole: true)
            case .etherType: Term(field: field, isWhole: splitsEtherType)
            default: Term(field: field, isWhole: false)
            }
        }
        overlay = type == 4 && (hashRevision == 2 || hashRevision == 4) ? variants.hashOverlay : nil
    }

    /// Slot of a frame, 0..<16384.
    func slot(of key: FrameKey) -> Int {
        var hash: UInt64 = 0
        for term in terms {
            let value = key[term.field]
            hash ^= value
            if term.isWhole { hash ^= value >> 14 ^ value >> 28 ^ value >> 42 }
        }
        switch overlay {
        case nil: break
        case .constant(let bits): hash ^= UInt64(bits & 7) << 11
        case .vlanPriority: hash ^= (key[.vlanPriority] & 7) << 11
        }
        return Int(hash & Self.mask)
    }

    /// What revision 2 hashes; the layout of its rules is not public.
    static func fieldsOfRevision2(type: Int) -> [KeyField] {
        switch type {
        case 1: [.ipProtocol, .ipv4Source, .ipv4Destination, .destinationMAC, .etherType]
        case 2: [.ipProtocol, .ipv4Destination, .destinationPort, .destinationMAC, .etherType]
        case 3: [.ipv4Source, .ipv4Destination, .destinationMAC]
        case 4: [.destinationMAC]
        default: []
        }
    }
}

/// The 64 bits the TCAM compares: every field XORed in chunks of the width it has there.
/// Source: TNflowtable, `tnlibflowtable.h`.
enum TCAMKey {
    /// Bit 0 is reserved; in a mask it says that the entry is used.
    static let used: UInt64 = 1

    /// Fields follow each other from bit 1 on, in the order of `KeyField`.
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
