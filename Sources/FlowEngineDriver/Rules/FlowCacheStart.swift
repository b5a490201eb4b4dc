// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

extension FlowCacheTables {
    /// What was found when the driver came to a card.
    public enum Start: Hashable, Sendable {
        /// The card has what the shadow says; so many rules, and so many of them finished or taken out just now.
        case adopted(rules: Int, finished: Int)
        /// Nothing was known of the card, or it was reset while nobody looked: its tables were made empty. Rules that the shadow has are
        /// in the book and not in the card (`CardRule.State.placed`).
        case cleared(parked: Int)
    }

    /// Takes the card over: as the shadow has it if the marker is there, else empty; and sets it up, with traffic last. Once for an object:
    /// if it fails, make a new one.
    public func start(_ settings: CardSettings) throws(CardError) -> Start {
        try driver.stage(settings)
        let shadow = try loadShadow()
        try calibrate()
        let scratch = try readMarker()
        let rules = decode(shadow)
        if shadow.marker != 0, UInt64(scratch) == shadow.marker, let rules {
            let start = try adopt(rules, marker: scratch)
            try driver.apply(settings)
            return start
        }
        // What was right when it was written may not be now: it is judged before it is written again.
        for (rule, _) in rules ?? [] where rule.state != .condemned {
            var parked = rule
            parked.state = .placed
            _ = book.adopt(parked)
        }
        let places = shadow.records.keys.compactMap { Int(exactly: $0).flatMap { RulePlace(ordinal: $0) } }
        try rebuild(alsoClearing: places) { _ in false }
        return .cleared(parked: book.count)
    }

    /// In place of `start`, for a card that nobody is to drive any more: takes out what an earlier process left there, and touches nothing
    /// else.
    ///
    /// - Returns: rules that could not be taken out; nil: the card has none of ours, since it was reset, or is somebody else's by now.
    public func abandon() throws(CardError) -> Int? {
        let shadow = try loadShadow()
        guard shadow.marker != 0, try UInt64(readMarker()) == shadow.marker else {
            var change = CardShadowChange(marker: 0, records: [:])
            for place in shadow.records.keys { change.records[place] = .some(nil) }
            do { try store.record(change) } catch { throw .shadow(error) }
            return nil
        }
        // Which of the card's words are ours is not known of records of another version, or of damaged ones.
        guard let rules = decode(shadow) else { return shadow.records.count }
        try calibrate()
        let going = rules.map { rule, isSettled in
            var rule = rule
            rule.state = .condemned
            return (rule: rule, isSettled: isSettled)
        }
        guard let unfinished = take(going) else { return shadow.records.count }
        marker = UInt32(truncatingIfNeeded: shadow.marker)
        try finish(unfinished)
        do { try flush() } catch { throw .shadow(error) }
        return book.ordinalsInUse.count
    }

    private func loadShadow() throws(CardError) -> CardShadow {
        do {
            let shadow = try store.load()
            recorded = Set(shadow.records.keys.compactMap { Int(exactly: $0) })
            return shadow
        } catch {
            throw .shadow(error)
        }
    }

    /// Finds out how the card counts accesses.
    private func calibrate() throws(CardError) {
        do {
            let (count, scratch) = (driver.map.bm.mmiAccesses.address, driver.map.common.rwTest.address)
            plan.count = try AccessCount.calibrate(driver.bus, count: count, scratch: scratch)
        } catch {
            throw .bus(error)
        }
    }

    private func readMarker() throws(CardError) -> UInt32 {
        do { return try driver.bus.read(driver.map.common.rwTest).value } catch { throw .bus(error) }
    }

    /// Every record as a rule; nil if one of them is none of this card's, so that nothing can be said of its tables.
    private func decode(_ shadow: CardShadow) -> [(rule: CardRule, isSettled: Bool)]? {
        var rules: [(CardRule, Bool)] = []
        for (place, bytes) in shadow.records {
            guard let place = Int(exactly: place).flatMap({ RulePlace(ordinal: $0) }), let record = ShadowRecord(bytes),
                let rule = book.rule(record, at: place)
            else { return nil }
            rules.append((rule, record.state == .settled))
        }
        // In order of place, so that the same shadow is always taken over alike.
        return rules.sorted { $0.0.place.ordinal < $1.0.place.ordinal }
    }

    private func adopt(_ rules: [(rule: CardRule, isSettled: Bool)], marker: UInt32) throws(CardError) -> Start {
        // Nothing is known if they are damaged.
        guard let unfinished = take(rules) else { return try startEmpty(rules) }
        self.marker = marker
        try finish(unfinished)
        return .adopted(rules: book.count, finished: unfinished.count)
    }

    /// Into the book. Returns places of those whose words may not be there; nil if two want the same place, slot or action.
    private func take(_ rules: [(rule: CardRule, isSettled: Bool)]) -> [Int]? {
        plan.begin()
        plan.assume(rules.map(\.rule))
        var unfinished: [Int] = []
        for (rule, isSettled) in rules {
            guard book.adopt(rule) else { return nil }
            if !isSettled {
                plan.forget(rule)
                unfinished.append(rule.place.ordinal)
            }
            if rule.state == .condemned { condemned.insert(rule.place.ordinal) }
        }
        return unfinished
    }

    /// Takes out what is to go, and writes what may not be whole.
    private func finish(_ unfinished: [Int]) throws(CardError) {
        // First what is to go, so that what is written finds nothing half of it.
        let going = Array(condemned)
        let coming = unfinished.filter { !condemned.contains($0) }
        for result in carryOut(going.map { .remove($0) }) + carryOut(coming.map { .write($0) }) where result != nil {
            throw .shadow(CardShadowError(lastError ?? "a rule could not be finished"))
        }
    }

    private func startEmpty(_ rules: [(rule: CardRule, isSettled: Bool)]) throws(CardError) -> Start {
        for ordinal in book.ordinalsInUse { release(ordinal) }
        try rebuild(alsoClearing: rules.map(\.rule.place)) { _ in false }
        return .cleared(parked: 0)
    }

    /// Makes the card's tables what the book says, whatever they hold: empty, then those rules that are `wanted` in it. The marker
    /// is written last. Rules that are condemned are gone with it.
    func rebuild(alsoClearing places: [RulePlace] = [], wanted: (Int) -> Bool) throws(CardError) {
        let new = newMarker()
        marker = 0
        let staying = book.ordinalsInUse.filter { !condemned.contains($0) }
        do {
            // Words of a failed attempt may be there: every record says so.
            var change = CardShadowChange(marker: UInt64(new), records: [:])
            for place in recorded { change.records[UInt64(place)] = .some(nil) }
            for ordinal in staying {
                book.update(ordinal) { $0.state = .placed }
                guard let rule = book[ordinal] else { continue }
                change.records[UInt64(ordinal)] = ShadowRecord(rule, .writing, fingerprint: fingerprint).bytes
            }
            try store.record(change)
        } catch {
            note(.shadow(error))
            throw .shadow(error)
        }
        unsettled = [:]
        recorded = Set(staying)
        do throws(CardError) {
            try driver.stopFlowCache()
            // Not before: until now the card may have decided by them.
            for ordinal in condemned.sorted() { release(ordinal) }
            try driver.restoreSettings()
            try clear(alsoClearing: places)
            try writeAll(staying.filter(wanted))
            try driver.restoreTraffic()
            try driver.bus.writing(driver.map.common.rwTest, CommonRwTest(rawValue: new))
        } catch {
            note(error)
            throw error
        }
        marker = new
    }

    /// If it fails they stay as they are, to be written again.
    private func writeAll(_ ordinals: [Int]) throws(CardError) {
        plan.begin()
        for ordinal in ordinals {
            if let rule = book[ordinal] { plan.insert(rule) }
        }
        do { try plan.run(driver.bus) } catch { throw .bus(error) }
        wordsWritten += UInt64(plan.extent.words)
        for ordinal in ordinals {
            book.update(ordinal) { $0.state = .live }
            guard let rule = book[ordinal] else { continue }
            unsettled[UInt64(ordinal)] = ShadowRecord(rule, .settled, fingerprint: fingerprint).bytes
        }
    }

    private func clear(alsoClearing places: [RulePlace]) throws(CardError) {
        let quirks = book.quirks
        plan.begin()
        plan.clear(
            collisionEntries: quirks.collisionEntries, emaEntries: quirks.emaEntries,
            actions: quirks.actionID.actionCount, hasExact: !book.keys.exact.isEmpty, hasMasked: book.keys.masked != nil
        )
        for place in places { plan.clearRule(place) }
        var extra: [RegisterAccess] = []
        // A bitmap that is not zero sends a flow elsewhere, whatever its action says.
        if let bitmaps = driver.map.trafficManager.replicationBitmap {
            for flow in 0..<bitmaps.count { extra.append(.write(bitmaps[flow].address, 0)) }
        }
        // What was counted before is nobody's.
        for datapath in 0..<min(driver.identity.datapathCount, driver.map.rxStatistics.count) {
            let counters = driver.map.rxStatistics[datapath].goodFlowid
            for action in 1..<quirks.actionID.actionCount { extra.append(.read(counters[action].address)) }
        }
        do {
            try plan.run(driver.bus)
            wordsWritten += UInt64(plan.extent.words)
            try driver.bus.transfer(&extra)
        } catch {
            throw .bus(error)
        }
    }
}

extension RegisterBus {
    func writing<Value, Access: Writable>(_ register: Register<Value, Access>, _ value: Value) throws(CardError) {
        do { try write(register, value) } catch { throw .bus(error) }
    }
}
