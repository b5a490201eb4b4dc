// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The hash of the card's exact-match table: 14 bits, an XOR of the fields of a rule's type, without a seed and without the
/// type. Source: TNflowtable, `flowtableactions.c`. Whoever can choose fields can aim flows at one slot; what that
/// costs is bounded by the collision table.
public struct FlowEngineHash: Sendable {
    public static let slots = 1 << 14
    private static let mask: UInt64 = 0x3fff

    /// How a field is mixed in.
    enum Fold: Sendable {
        /// In chunks of 14 bits, all of it.
        case chunks
        /// Its lower 14 bits only.
        case low
    }

    struct Term: Sendable {
        var field: KeyField
        var fold: Fold
    }

    let terms: [Term]
    let overlay: CardQuirks.HashOverlay

    /// The hash for a type of a key version; nil if there is no such type, or it needs the overlay and that is not known.
    public init?(hashRevision: Int, type: Int, _ quirks: CardQuirks) {
        guard let fields = Self.fields(hashRevision: hashRevision, type: type) else { return nil }
        let splitsEtherType =
            switch (quirks.etherTypeFold, hashRevision, type) {
            case (.low14, _, _): false
            case (.twoChunks, _, _): true
            case (_, 1, _), (_, 2, _), (_, 9, 4), (_, 10, 4), (_, 11, 3), (_, 11, 4): true
            default: false
            }
        terms = fields.map { field in
            switch field {
            case .sourceMAC, .destinationMAC, .ipv4Source, .ipv4Destination: Term(field: field, fold: .chunks)
            case .etherType where splitsEtherType: Term(field: field, fold: .chunks)
            default: Term(field: field, fold: .low)
            }
        }
        switch (hashRevision, type) {
        case (2, 4), (4, 4):
            guard let known = quirks.hashOverlay else { return nil }
            overlay = known
        default: overlay = .constant(0)
        }
    }

    /// Which fields each type hashes, by key version; nil if that is not public.
    static func fields(hashRevision: Int, type: Int) -> [KeyField]? {
        guard let names = FlowCacheLayouts.hashedFields(hashRevision: hashRevision, type: type) else { return nil }
        let fields = names.compactMap { name in KeyField.allCases.first { $0.layoutName == name } }
        return fields.count == names.count ? fields : nil
    }

    /// The slot of a key, 0..<16384.
    public func slot(_ key: KeyValues) -> Int {
        var hash: UInt64 =
            switch overlay {
            case .constant(let bits): UInt64(bits & 7) << 11
            case .vlanPriority: (key[.vlanPriority] & 7) << 11
            }
        for term in terms {
            let field = key[term.field]
            switch term.fold {
            case .low: hash ^= field
            case .chunks: hash ^= field ^ field >> 14 ^ field >> 28 ^ field >> 42
            }
        }
        return Int(hash & Self.mask)
    }
}
