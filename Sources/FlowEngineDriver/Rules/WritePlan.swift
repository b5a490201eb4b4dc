// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Register writes in an order that never shows a frame half an entry, and no word that the card has already.
///
/// After any number of them, from none to all, the card decides every frame as before or as after: a rule's action is there before
/// the rule, its words before the one that makes it valid, and all of it before anything points at it; taking out goes the other way.
/// Source of the order: TNflowtable.
///
/// A plan has two stages, each a batch: in the first nothing new becomes visible (actions, words of rules that are not valid yet, and
/// whatever takes rules out), in the second rules become valid and are pointed at. If the card counts accesses, the second
/// is begun only when all of the first has arrived. While a plan is built the mirror shows the card as it will be.
public struct WritePlan: Sendable {
    let tables: CardTables
    private(set) var mirror = TableMirror()
    public private(set) var preparing: [RegisterAccess] = []
    public private(set) var publishing: [RegisterAccess] = []
    /// Which word of the mirror each access writes.
    private var preparingWords: [Int32] = []
    private var publishingWords: [Int32] = []
    /// In which stage the next word goes.
    private var publishes = false
    /// How it is known that words arrived; nil: it is not.
    public var count: AccessCount?

    /// All of them in order.
    public var accesses: [RegisterAccess] { preparing + publishing }

    /// Nothing is known of the card's tables.
    public init(tables: CardTables) { self.tables = tables }

    // MARK: Steps

    /// Places a rule. What the place holds may be known or not; the rule that was there before is gone, or is the same.
    public mutating func insert(_ rule: CardRule) {
        writeAction(rule)
        let first = TableMirror.rule(rule.place, word: 0)
        if case .masked(let number) = rule.place { closeTCAM(number) }
        // Whatever stands there must not match while the other words change; word 0 ends with the valid bit.
        if !mirror.holds(rule.words[0], at: first) || !holdsRest(of: rule) {
            if mirror[first].map({ $0 & 1 != 0 }) ?? true { writeRule(rule.place, 0, 0) }
            for word in 1..<rule.words.count { writeRule(rule.place, word, rule.words[word]) }
        }
        publishes = true
        defer { publishes = false }
        writeRule(rule.place, 0, rule.words[0])
        switch rule.place {
        case .exact(let number):
            put(tables.hash, rule.slot, 0, TableMirror.hash(rule.slot), HashWord.pointing(to: number))
        case .collision: break
        case .masked(let number):
            // The word with the bit that says the entry is in use comes last.
            for word in [0, 1, 3, 2] {
                put(tables.tcam, number, word, TableMirror.tcam(number, word: word), rule.tcam[word])
            }
        }
    }

    /// Gives a rule that the card has another action: one word.
    public mutating func modify(_ rule: CardRule) { writeAction(rule) }

    /// Takes a rule out. Its other words and its action stay where they are; nothing looks at them.
    public mutating func remove(_ rule: CardRule) {
        switch rule.place {
        case .exact: put(tables.hash, rule.slot, 0, TableMirror.hash(rule.slot), HashWord.empty)
        case .collision: break
        case .masked(let number): closeTCAM(number)
        }
        writeRule(rule.place, 0, 0)
    }

    private mutating func closeTCAM(_ number: Int) {
        let index = TableMirror.tcam(number, word: 2)
        if mirror[index].map({ $0 & 1 != 0 }) ?? true { put(tables.tcam, number, 2, index, 0) }
    }

    private func holdsRest(of rule: CardRule) -> Bool {
        for word in 1..<rule.words.count
        where !mirror.holds(rule.words[word], at: TableMirror.rule(rule.place, word: word)) { return false }
        return true
    }

    private mutating func writeAction(_ rule: CardRule) {
        put(tables.actions, rule.action, 0, TableMirror.action(rule.action), rule.actionWord)
    }

    private mutating func writeRule(_ place: RulePlace, _ word: Int, _ value: UInt32) {
        let (table, entry) = tables.rules(at: place)
        put(table, entry, word, TableMirror.rule(place, word: word), value)
    }

    private mutating func put(_ table: EntryTable, _ entry: Int, _ word: Int, _ index: Int, _ value: UInt32) {
        if mirror.holds(value, at: index) { return }
        if publishes {
            publishing.append(.write(table.address(entry, word: word), value))
            publishingWords.append(Int32(index))
        } else {
            preparing.append(.write(table.address(entry, word: word), value))
            preparingWords.append(Int32(index))
        }
        mirror.set(index, value)
    }

    // MARK: All of it

    /// Makes every table empty, whatever it holds: pointers first, then the rules they pointed at, then what selects masked rules, then
    /// actions. About 20,000 words for a whole card; once, when nothing is known of it.
    public mutating func clear(collisionEntries: Int, emaEntries: Int, actions: Int, hasExact: Bool, hasMasked: Bool) {
        mirror.forgetAll()
        if hasExact {
            for slot in 0..<FlowEngineHash.slots { put(tables.hash, slot, 0, TableMirror.hash(slot), HashWord.empty) }
            for number in 0..<RulePlace.exactRules { clearRule(.exact(number)) }
            for entry in 0..<collisionEntries { clearRule(.collision(entry)) }
        }
        if hasMasked {
            for number in 0..<emaEntries {
                // First the one that says whether the entry is in use.
                for word in [2, 3, 0, 1] { put(tables.tcam, number, word, TableMirror.tcam(number, word: word), 0) }
                clearRule(.masked(number))
            }
        }
        for number in 1..<actions { put(tables.actions, number, 0, TableMirror.action(number), 0) }
    }

    mutating func clearRule(_ place: RulePlace) {
        for word in 0..<EntryWords.maximum { writeRule(place, word, 0) }
    }

    /// The card is known to have all of these and nothing else: every hash slot, valid bit and TCAM entry is known; other words
    /// of free places are not.
    mutating func assume(_ rules: some Sequence<CardRule>) {
        mirror.assumeEmpty()
        for rule in rules {
            mirror.set(TableMirror.action(rule.action), rule.actionWord)
            for word in 0..<rule.words.count { mirror.set(TableMirror.rule(rule.place, word: word), rule.words[word]) }
            switch rule.place {
            case .exact(let number): mirror.set(TableMirror.hash(rule.slot), HashWord.pointing(to: number))
            case .collision: break
            case .masked(let number):
                for word in 0..<4 { mirror.set(TableMirror.tcam(number, word: word), rule.tcam[word]) }
            }
        }
    }

    /// Nothing is known any more of the words of a rule, its action and what points at it.
    mutating func forget(_ rule: CardRule) {
        mirror.forget(TableMirror.action(rule.action))
        for word in 0..<rule.words.count { mirror.forget(TableMirror.rule(rule.place, word: word)) }
        switch rule.place {
        case .exact: mirror.forget(TableMirror.hash(rule.slot))
        case .collision: break
        case .masked(let number):
            for word in 0..<4 { mirror.forget(TableMirror.tcam(number, word: word)) }
        }
    }

    // MARK: Carrying it out

    /// How much of a plan there is, or was carried out.
    struct Extent: Sendable {
        var preparing = 0
        var publishing = 0
        var words: Int { preparing + publishing }

        func covers(_ other: Extent) -> Bool { other.preparing <= preparing && other.publishing <= publishing }
    }

    var extent: Extent { Extent(preparing: preparing.count, publishing: publishing.count) }

    /// Begins another plan; what the mirror knows stays.
    public mutating func begin() {
        preparing.removeAll(keepingCapacity: true)
        publishing.removeAll(keepingCapacity: true)
        preparingWords.removeAll(keepingCapacity: true)
        publishingWords.removeAll(keepingCapacity: true)
    }

    /// Carries the plan out. If that fails, `done` is how far it came for certain; the words behind are not known any more.
    mutating func run(_ bus: any RegisterBus, done: inout Extent) throws(BusError) {
        done = Extent()
        do throws(BusError) {
            if let count {
                if !preparing.isEmpty { try count.transfer(preparing, bus) }
                done.preparing = preparing.count
                if !publishing.isEmpty { try count.transfer(publishing, bus) }
            } else {
                var all = preparing
                all.append(contentsOf: publishing)
                if !all.isEmpty { try bus.transfer(&all) }
            }
            done = extent
        } catch {
            let completed = error.completed
            if count != nil, done.preparing == preparing.count {
                done.publishing = min(completed, publishing.count)
            } else {
                done.preparing = min(completed, preparing.count)
                done.publishing = max(0, min(completed - preparing.count, publishing.count))
            }
            for index in preparingWords.dropFirst(done.preparing) { mirror.forget(Int(index)) }
            for index in publishingWords.dropFirst(done.publishing) { mirror.forget(Int(index)) }
            throw error
        }
    }

    /// Carries the plan out.
    public mutating func run(_ bus: any RegisterBus) throws(BusError) {
        var done = Extent()
        try run(bus, done: &done)
    }
}
