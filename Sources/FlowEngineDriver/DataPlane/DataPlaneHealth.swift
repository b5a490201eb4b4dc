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
        if failedLook == nil, let error = failedCounting {
            health.complaints.append("what the card's ports counted could not be read: \(error)")
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

    /// Ticks of half a second between two readings of its ports' counters, of which there are hundreds; more on a slow bus, which is to be
    /// used for them a small part of the time.
    private static let leastCountInterval = 2.0
    private static let countPart = 50.0

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
            try flush()
            failedLook = nil
        } catch {
            failedLook = error
        }
        collectReleased()
        if failedLook == nil, now.ticks(since: countedAt) >= countInterval { readCounters() }
    }

    private func readCounters() {
        countedAt = now
        let begin = ContinuousClock.now
        do throws(CardError) {
            try tables.driver.pollStatistics()
            failedCounting = nil
        } catch {
            failedCounting = error
        }
        let half = (ContinuousClock.now - begin) / .milliseconds(500)
        countInterval = UInt16(min(max(Self.leastCountInterval, half * Self.countPart), 1200))
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
        let places = tables.book.ordinalsInUse.compactMap { tables.book[$0] }.filter { $0.state == .live }.map(\.place)
        // Few at a time: while they are written their frames go to the data plane behind.
        for start in stride(from: 0, to: places.count, by: 32) {
            try? tables.rewrite(Array(places[start..<min(start + 32, places.count)]))
        }
        try? flush()
    }

    private func flush() throws(CardError) {
        do { try tables.flush() } catch { throw .shadow(error) }
    }
}
