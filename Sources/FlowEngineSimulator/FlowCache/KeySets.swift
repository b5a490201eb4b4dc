// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Which rule layouts a build has.
enum KeySets {
    static let types = 1...4

    /// By type. A type without a layout does not exist in the build, or is not public.
    static func layouts(_ configuration: CardConfiguration) -> [Int: EntryLayout] {
        guard configuration.keySet.isEmpty else { return configuration.keySet }
        var layouts: [Int: EntryLayout] = [:]
        for type in types {
            if let layout = FlowCacheLayouts.emhRule(hashRevision: configuration.hashRevision, type: type) {
                layouts[type] = layout
            } else if configuration.variants.keysOfRevision2 == .inHashOrder,
                let names = FlowCacheLayouts.hashedFields(hashRevision: configuration.hashRevision, type: type)
            {
                layouts[type] = inHashOrder(names)
            }
        }
        return layouts
    }

    /// A layout whose first fields, valid, type, priority and action id, are those of every rule.
    static let anyRule = FlowCacheLayouts.emhRuleUseCase1

    /// Widths of fields in hashed keys.
    private static func width(_ field: FrameField) -> Int {
        switch field {
        case .inPort: 5
        case .sourceMAC, .destinationMAC: 48
        case .vlanID: 12
        case .ipv4Source, .ipv4Destination: 32
        case .ipProtocol: 8
        case .tos: 6
        case .etherType, .vlanPriority, .sourcePort, .destinationPort: 16
        }
    }

    private static func inHashOrder(_ names: [String]) -> EntryLayout {
        var fields = anyRule.fields.filter { FrameField(layoutName: $0.name) == nil }
        var bit = fields.map { $0.lowestBit + $0.width }.max() ?? 0
        for name in names {
            guard let field = FrameField(layoutName: name) else { continue }
            fields.append(EntryField(name, bit, width(field)))
            bit += width(field)
        }
        return EntryLayout("rule, key in the order it is hashed", words: anyRule.words, fields)
    }
}
