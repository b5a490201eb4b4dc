// SPDX-License-Identifier: Apache-2.0

/// How a type of a key set is hashed: a XOR fold of its fields to 14 bits, without a seed and without the type.
/// Source: TNflowtable, `flowtableactions.c`.
struct KeyHash: Sendable {
    static let bits: UInt64 = 14
    static let slots = 1 << 14
    private static let mask: UInt64 = 0x3fff

    private struct Term: Sendable {
        let field: FrameField
        /// All of it in chunks of 14 bits; else its lower 14 bits only.
        let isWhole: Bool
    }

    private let terms: [Term]
    private let overlay: CardVariants.HashOverlay?

    /// - Parameter fields: of the type, in any order.
    init(hashRevision: Int, type: Int, fields: [FrameField], variants: CardVariants) {
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
}
