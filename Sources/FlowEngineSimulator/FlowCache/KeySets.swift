// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Which rule layouts a build has.
enum KeySets {
    static let types = 1...4

    /// By type. A type without a layout does not exist in the build.
    static func layouts(_ configuration: CardConfiguration) -> [Int: EntryLayout] {
        guard configuration.keySet.isEmpty else { return configuration.keySet }
        var layouts: [Int: EntryLayout] = [:]
        for type in types {
            guard let layout = FlowCacheLayouts.emhRule(hashRevision: configuration.hashRevision, type: type) else {
                continue
            }
            let isKeyPublic = layout.fields.contains { KeyField(layoutName: $0.name) != nil }
            layouts[type] =
                isKeyPublic || configuration.variants.keysOfRevision2 == .unknown
                ? layout
                : inHashOrder(
                    layout,
                    FlowCacheLayouts.hashedFields(
                        hashRevision: configuration.hashRevision, type: type) ?? [])
        }
        return layouts
    }

    /// Widths of fields in hashed keys (facts 2.2).
    private static func width(_ field: KeyField) -> Int {
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

    private static func inHashOrder(_ layout: EntryLayout, _ names: [String]) -> EntryLayout {
        var fields = layout.fields
        var bit = 40
        for name in names {
            guard let field = KeyField(layoutName: name) else { continue }
            fields.append(EntryField(name, bit, width(field)))
            bit += width(field)
        }
        return EntryLayout(layout.name + ", in hash order", words: layout.words, fields)
    }
}
