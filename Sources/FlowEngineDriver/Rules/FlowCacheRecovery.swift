// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

extension FlowCacheTables {
    public enum Check: Hashable, Sendable {
        /// The marker is there: the card has what it was given.
        case same
        /// It was reset, or somebody else took it: its tables are not ours.
        case reset
    }

    /// Looks for the marker. Cheap: two words.
    public func check() throws(CardError) -> Check {
        var batch = [RegisterAccess.read(driver.map.common.rwTest.address), .read(driver.map.net.enable.address)]
        do { try driver.bus.transfer(&batch) } catch {
            note(.bus(error))
            throw .bus(error)
        }
        // After a reset no port is enabled, whatever becomes of the scratch register.
        let enabled = driver.enabledPortsWord ?? 0
        let isSame = batch[0].value == marker && (enabled == 0 || batch[1].value != 0)
        return isSame ? .same : .reset
    }

    /// Brings the card to what the book says, after errors or a reset: asks whether it is still the card it was; if it is, takes the
    /// condemned rules out; if not, writes everything again.
    ///
    /// - Parameter wanted: rules that may be written; others stay in the book.
    /// - Returns: whether the card had been reset.
    @discardableResult
    func recover(_ wanted: (Int) -> Bool) throws(CardError) -> Bool {
        if isReady, try check() == .same {
            try clearCondemned()
            return false
        }
        if isReady { isResetUntold = true }
        do throws(CardError) { try driver.verify() } catch {
            note(error)
            throw error
        }
        try rebuild(wanted: wanted)
        if isResetUntold { resets += 1 }
        isResetUntold = false
        return true
    }

    /// Writes every word of rules again, whatever is known of them: after an audit has found them wrong.
    public func rewrite(_ places: [RulePlace]) throws(CardError) {
        var steps: [Step] = []
        for place in places {
            guard let rule = book[place.ordinal], rule.state == .live else { continue }
            plan.forget(rule)
            steps.append(.write(place.ordinal))
        }
        for result in carryOut(steps) {
            if case .hardware(let why)? = result { throw .shadow(CardShadowError(why)) }
        }
    }

    /// Takes out what is to go; throws if the card cannot be written.
    func clearCondemned() throws(CardError) {
        if condemned.isEmpty { return }
        for result in carryOut(condemned.sorted().map { .remove($0) }) {
            if case .hardware(let why)? = result { throw .shadow(CardShadowError(why)) }
        }
        if let first = condemned.first {
            throw .shadow(
                CardShadowError("the count of \(RulePlace(ordinal: first)?.description ?? "a rule") could not be read"))
        }
    }
}
