// SPDX-License-Identifier: Apache-2.0

/// One table of rules in hardware: what the choice of what to offload goes by, and what `status` shows.
public struct OffloadTable: Hashable, Sendable {
    /// `emh`, `collision`, `ema`. `OffloadRecord.place` begins with the name of the table the rule takes room in, and
    /// `OffloadRefusal.full` names the one that has none.
    public var name: String
    /// Rules.
    public var capacity: Int
    public var used: Int
    public var free: Int { max(0, capacity - used) }
    /// Words on the bus to place one rule, or to take it out, at most.
    public var wordsPerRule: Int
    /// Its entries are rules. False: what rules of other tables need beside their place, as actions.
    public var holdsRules: Bool

    public init(name: String, capacity: Int, used: Int, wordsPerRule: Int, holdsRules: Bool = true) {
        (self.name, self.capacity, self.used, self.wordsPerRule) = (name, capacity, used, wordsPerRule)
        self.holdsRules = holdsRules
    }
}
