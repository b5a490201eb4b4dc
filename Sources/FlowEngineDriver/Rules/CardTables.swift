// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The tables of the flow cache: where their entries are.
public struct CardTables: Sendable {
    public enum Name: UInt8, Hashable, Sendable, CaseIterable {
        case hash, exactRules, collision, maskedRules, tcam, actions
    }

    public var hash: EntryTable
    public var exactRules: EntryTable
    public var collision: EntryTable
    public var maskedRules: EntryTable
    public var tcam: EntryTable
    public var actions: EntryTable

    public init(
        hash: EntryTable, exactRules: EntryTable, collision: EntryTable, maskedRules: EntryTable, tcam: EntryTable,
        actions: EntryTable
    ) {
        (self.hash, self.exactRules, self.collision) = (hash, exactRules, collision)
        (self.maskedRules, self.tcam, self.actions) = (maskedRules, tcam, actions)
    }

    func rules(at place: RulePlace) -> (table: EntryTable, entry: Int) {
        switch place {
        case .exact(let number): (exactRules, number)
        case .collision(let entry): (collision, entry)
        case .masked(let number): (maskedRules, number)
        }
    }
}

extension CardTables {
    public init(_ map: FlowEngineMap) {
        self.init(
            hash: map.emhHash, exactRules: map.emhRule, collision: map.collision, maskedRules: map.emaRule,
            tcam: map.emaTCAM, actions: map.action)
    }
}
