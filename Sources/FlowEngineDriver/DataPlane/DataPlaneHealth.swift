// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

extension FlowEngineDataPlane {
    public func health() -> DataPlaneHealth {
        var health = DataPlaneHealth()
        let name = tables.driver.bus.name
        if !tables.isReady {
            health.complaints.append(
                "\(name): the card's tables are not what they should be: \(tables.lastError ?? "it was never written")")
        } else if !tables.condemned.isEmpty {
            health.complaints.append(
                "\(name): \(tables.condemned.count) rules of the card could not be changed or taken out: "
                    + "\(tables.lastError ?? "an access failed"); it is tried again")
        }
        if tables.isReady, let error = failedLook {
            health.complaints.append("the card could not be looked after: \(error); it is tried again")
        }
        if tables.resets > 0 {
            health.complaints.append(
                "\(name): the card was reset \(tables.resets) times behind this program's back; its tables were written again"
            )
        }
        if tables.lostCounts > 0 {
            health.complaints.append(
                "\(name): counts of rules could not be read \(tables.lostCounts) times and are too low")
        }
        if isAdopted {
            health.complaints.append("\(name): rules of an earlier run are not checked against the tables yet")
        }
        health.complaints += tables.driver.alarms.complaints.map { "\(name): \($0)" }
        return health
    }

    /// Forgets what `health` complains of and is over: alarms, resets, lost counts.
    public func acknowledge() {
        tables.driver.alarms.acknowledge()
        (tables.resets, tables.lostCounts) = (0, 0)
    }

    /// Ticks between two readings of its ports' counters, of which there are hundreds.
    private static let countInterval: UInt16 = 2

    /// What its ports counted since the start.
    public var statistics: CardStatistics { tables.driver.statistics }

    /// Looks after the card: whether it is still the one that was written, what it complains of, what is left to do. A few times a
    /// second.
    public func maintain() {
        do throws(CardError) {
            var isToRecover = !tables.isReady || !tables.condemned.isEmpty
            if !isToRecover { isToRecover = try tables.check() == .reset }
            if isToRecover { try recover() }
            try tables.driver.pollAlarms()
            if now.ticks(since: countedAt) >= Self.countInterval {
                try tables.driver.pollStatistics()
                countedAt = now
            }
            try flush()
            failedLook = nil
        } catch {
            failedLook = error
        }
        collectReleased()
    }

    /// Brings the card to what it should be, after errors or a reset. `maintain` does it by itself.
    ///
    /// - Returns: whether the card had been reset and was written again.
    @discardableResult
    public func recover() throws(CardError) -> Bool {
        defer { collectReleased() }
        return try tables.recover { infos[$0]?.isProven == true }
    }

    /// Writes every word of every rule again, whatever is known of them: the card's tables cannot be compared with what is wanted. What
    /// cannot be written is condemned, and `health` says so.
    public func rewrite() {
        let rules = tables.book.ordinalsInUse.compactMap { tables.book[$0] }
        try? tables.rewrite(rules.filter { $0.state == .live }.map(\.place))
        try? flush()
    }

    private func flush() throws(CardError) {
        do { try tables.flush() } catch { throw .shadow(error) }
    }
}
