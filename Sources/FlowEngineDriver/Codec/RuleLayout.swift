// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

/// How a rule of one kind is laid out: the part every rule begins with, and where the fields of its key are.
public struct RuleLayout: Sendable {
    struct Part: Sendable {
        var field: KeyField
        var place: EntryField
    }

    /// `emh type 3`, `ema`.
    public let name: String
    /// 1...4; 0 of a masked rule, which has a bitmap in its place.
    public let type: Int
    /// The fields its key holds: exactly those of an exact-match rule, at most those of a masked one.
    public internal(set) var fields: MegaflowFields
    public let words: Int
    let parts: [Part]
    let valid: EntryField
    let typeField: EntryField
    let priority: EntryField
    let actionID: EntryField

    /// Nil if the layout lacks one of the fields every rule has.
    public init?(name: String, type: Int, _ layout: EntryLayout) {
        guard let valid = layout["valid"], let typeField = layout["type"], let priority = layout["priority"],
            let actionID = layout["action_id"], layout.words <= EntryWords.maximum
        else { return nil }
        (self.name, self.type, words) = (name, type, layout.words)
        (self.valid, self.typeField, self.priority, self.actionID) = (valid, typeField, priority, actionID)
        parts = KeyField.allCases.compactMap { field in
            layout[field.layoutName].map { Part(field: field, place: $0) }
        }
        fields = parts.reduce(into: []) { $0.insert($1.field.set) }
    }

    /// The rule's words, valid.
    ///
    /// - Parameter quirks: the polarity of a masked rule's TYPE, and what a priority is.
    public func encode(
        _ key: KeyValues, action: ActionID, priority: UInt8, _ quirks: CardQuirks
    ) throws(OffloadRefusal) -> EntryWords {
        var entry = EntryWords(count: words)
        entry.set(valid, to: 1)
        entry.set(typeField, to: type == 0 ? EMAType.bitmap(comparing: key.fields, quirks.emaType) : UInt64(type))
        entry.set(self.priority, to: UInt64(priority))
        entry.set(actionID, to: UInt64(action.rawValue))
        for part in parts where key.fields.contains(part.field.set) {
            let value = key[part.field] >> shift(part, quirks)
            guard part.place.width >= 64 || value >> UInt64(part.place.width) == 0 else {
                throw .value(
                    field: part.field.layoutName, value: "\(value)",
                    expected: "at most \((UInt64(1) << UInt64(part.place.width)) - 1) in \(name)")
            }
            entry.set(part.place, to: value)
        }
        return entry
    }

    /// Where there are three bits for a priority they are the PCP, also on a card whose wider keys have the DEI below it.
    private func shift(_ part: Part, _ quirks: CardQuirks) -> UInt64 {
        part.field == .vlanPriority && part.place.width == 3 && quirks.vlanPriority == .pcpAndDEI ? 1 : 0
    }

    public struct Decoded: Sendable {
        public var key: KeyValues
        public var action: ActionID
        public var priority: UInt8
    }

    /// Nil if the rule is not valid, or of another type.
    public func decode(_ entry: EntryWords, _ quirks: CardQuirks) -> Decoded? {
        guard entry.value(valid) == 1 else { return nil }
        var compared = fields
        if type == 0 {
            compared = EMAType.fields(entry.value(typeField), quirks.emaType)
        } else if entry.value(typeField) != UInt64(type) {
            return nil
        }
        var key = KeyValues()
        for part in parts where compared.contains(part.field.set) {
            key[part.field] = entry.value(part.place) << shift(part, quirks)
        }
        return Decoded(
            key: key, action: ActionID(rawValue: UInt32(entry.value(actionID))),
            priority: UInt8(entry.value(priority)))
    }
}

/// TYPE of a masked rule: a bit for each field, in an order of its own.
enum EMAType {
    static let order: [KeyField] = [
        .ingressPort, .sourceMAC, .destinationMAC, .etherType, .vlan, .vlanPriority, .ipv4Source, .ipv4Destination,
        .ipProtocol, .dscp, .sourcePort, .destinationPort,
    ]

    static func bitmap(comparing fields: MegaflowFields, _ polarity: CardQuirks.TypeBitmap) -> UInt64 {
        var compared: UInt64 = 0
        for (bit, field) in order.enumerated() where fields.contains(field.set) { compared |= 1 << UInt64(bit) }
        return polarity == .setIfCompared ? compared : ~compared & 0xfff
    }

    static func fields(_ bitmap: UInt64, _ polarity: CardQuirks.TypeBitmap) -> MegaflowFields {
        let compared = polarity == .setIfCompared ? bitmap : ~bitmap
        var fields: MegaflowFields = []
        for (bit, field) in order.enumerated() where compared & 1 << UInt64(bit) != 0 { fields.insert(field.set) }
        return fields
    }
}
