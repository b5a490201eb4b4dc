// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What the tables of a card hold, as the card itself decodes them. Entries that are empty are left out.
public struct CardContents: Hashable, Sendable {
    public struct Rule: Hashable, Sendable {
        public var index: Int
        public var isValid: Bool
        public var type: Int
        public var priority: Int
        public var actionID: UInt32
        /// Fields the rule compares; empty if its type is none of this build.
        public var fields: [FrameField: UInt64]
        /// As written.
        public var words: [UInt32]
    }

    public struct TCAMEntry: Hashable, Sendable {
        public var index: Int
        public var isUsed: Bool
        public var data: UInt64
        public var mask: UInt64
    }

    public struct Overwrite: Hashable, Sendable {
        public var datapath: Int
        public var index: Int
        public var words: [UInt32]
    }

    /// Rule number by slot of the hash table; slots with pointer 0 are left out.
    public var slots: [Int: Int] = [:]
    /// EMH rules that have any bit set.
    public var rules: [Rule] = []
    public var collisions: [Rule] = []
    public var maskedRules: [Rule] = []
    public var tcam: [TCAMEntry] = []
    /// By index; words that are not zero.
    public var actions: [Int: DecodedAction] = [:]
    public var overwrites: [Overwrite] = []
    /// Port by address.
    public var learned: [UInt64: Int] = [:]

    public init() {}
}

extension CardCore {
    var contents: CardContents {
        var contents = CardContents()
        for (slot, word) in flowCache.slots.enumerated() where word != 0 && flowCache.pointer(slot) != 0 {
            contents.slots[slot] = flowCache.pointer(slot)
        }
        contents.rules = rules(flowCache.exact.rules, flowCache.exact.store)
        contents.collisions = rules(flowCache.collision.rules, flowCache.collision.store)
        contents.maskedRules = rules(flowCache.masked.rules, flowCache.masked.ruleStore)
        for index in 0..<flowCache.masked.rules.count {
            let (data, mask) = flowCache.masked.tcam(index)
            guard data != 0 || mask != 0 else { continue }
            contents.tcam.append(
                .init(index: index, isUsed: flowCache.masked.isUsed(index), data: data, mask: mask))
        }
        for (index, action) in flowCache.actions.enumerated() where action.word != 0 {
            contents.actions[index] = action
        }
        for (datapath, table) in overwrites.enumerated() {
            for index in 0..<OverwriteTable.entryCount {
                guard !table.store.isEmpty(index) else { continue }
                contents.overwrites.append(.init(datapath: datapath, index: index, words: table.store.entry(index)))
            }
        }
        contents.learned = ethernetSwitch.entries.mapValues(\.port)
        return contents
    }

    private func rules(_ decoded: [DecodedRule], _ store: EntryStore) -> [CardContents.Rule] {
        var rules: [CardContents.Rule] = []
        for (index, rule) in decoded.enumerated() {
            guard !store.isEmpty(index) else { continue }
            var fields: [FrameField: UInt64] = [:]
            if rule.isComparable {
                for field in FrameField.allCases where rule.mask.has(field) { fields[field] = rule.value[field] }
            }
            rules.append(
                .init(
                    index: index, isValid: rule.isValid, type: Int(rule.type), priority: Int(rule.priority),
                    actionID: rule.actionID, fields: fields, words: store.entry(index)))
        }
        return rules
    }
}

extension SimulatedCard {
    /// The tables of the flow cache.
    public enum Table: UInt8, Hashable, Sendable, CaseIterable {
        case hash, exactRules, collision, maskedRules, tcam, actions
    }

    /// The back door to a table that can only be written: its words as they are, `width` of them an entry.
    public func words(of table: Table) -> (width: Int, words: [UInt32]) {
        withCore { core in
            let flowCache = core.flowCache
            func all(_ store: EntryStore) -> (width: Int, words: [UInt32]) { (store.wordsPerEntry, store.words) }
            return switch table {
            case .hash: (1, flowCache.slots)
            case .exactRules: all(flowCache.exact.store)
            case .collision: all(flowCache.collision.store)
            case .maskedRules: all(flowCache.masked.ruleStore)
            case .tcam: all(flowCache.masked.tcamStore)
            case .actions: (1, flowCache.actions.map(\.word))
            }
        }
    }
}
