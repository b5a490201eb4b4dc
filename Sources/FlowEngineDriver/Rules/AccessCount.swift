// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The card counts the accesses it has seen (BM ACCESSES). Tables cannot be read back, but by that count it is known whether every write
/// arrived: one that was lost on the way, or is late, is noticed before the entry it belongs to is made valid.
///
/// That each access counts one is tried out on the card before it is relied upon (`calibrate`). A transport may slip in accesses of its
/// own where it divides a long batch; so it is tried out, too, how long a batch may be to have none, and longer ones are divided here.
/// If others use the bus at the same time the count is higher than expected; that is taken for well.
public struct AccessCount: Sendable {
    /// Reads during which a write may be late; then it is taken for lost.
    static let patience = 64
    /// Writes in one batch at most; and at least, for the count to be of use.
    static let (longest, shortest) = (1024, 8)

    let register: RegisterAddress
    /// Writes whose count can be told exactly.
    let batch: Int

    /// Nil if the card does not count as expected, or not at all.
    ///
    /// - Parameter scratch: a register whose word may be written back as it is.
    static func calibrate(
        _ bus: any RegisterBus, count: RegisterAddress, scratch: RegisterAddress
    ) throws(BusError) -> AccessCount? {
        var batch: [RegisterAccess] = [.read(count), .read(count), .read(scratch), .read(count)]
        try bus.transfer(&batch)
        let word = batch[2].value
        guard batch[1].value &- batch[0].value == 1, batch[3].value &- batch[1].value == 2 else { return nil }

        func isExact(_ writes: Int) throws(BusError) -> Bool {
            batch = [.read(count)]
            batch.append(contentsOf: repeatElement(.write(scratch, word), count: writes))
            batch.append(.read(count))
            try bus.transfer(&batch)
            return batch[writes + 1].value &- batch[0].value == UInt32(writes + 1)
        }
        guard try isExact(shortest) else { return nil }
        var (good, bad) = (shortest, longest + 1)
        if try isExact(longest) { good = longest }
        while good < longest, bad - good > 1 {
            let middle = (good + bad) / 2
            if try isExact(middle) { good = middle } else { bad = middle }
        }
        return AccessCount(register: count, batch: good)
    }

    /// Carries out writes, and those of a batch again, once, if some did not arrive. Writes of whole words can be repeated; these are.
    ///
    /// - Throws: if the bus fails, or writes got lost twice in a row, with how many at the front were carried out.
    func transfer(_ writes: [RegisterAccess], _ bus: any RegisterBus) throws(BusError) {
        var accesses: [RegisterAccess] = []
        accesses.reserveCapacity(min(writes.count, batch) + 2)
        var start = 0
        while start < writes.count {
            let end = min(start + batch, writes.count)
            do throws(BusError) {
                try transfer(writes[start..<end], bus, &accesses)
            } catch {
                var error = error
                error.completed += start
                throw error
            }
            start = end
        }
    }

    private func transfer(
        _ writes: ArraySlice<RegisterAccess>, _ bus: any RegisterBus, _ accesses: inout [RegisterAccess]
    ) throws(BusError) {
        for _ in 0..<2 {
            accesses.removeAll(keepingCapacity: true)
            accesses.append(.read(register))
            accesses.append(contentsOf: writes)
            accesses.append(.read(register))
            do throws(BusError) {
                try bus.transfer(&accesses)
            } catch {
                var error = error
                error.completed = max(0, min(error.completed - 1, writes.count))
                throw error
            }
            let counted = accesses[accesses.count - 1].value &- accesses[0].value
            let expected = UInt32(writes.count + 1)
            if counted > UInt32.max / 2 {
                throw BusError(.peer("the card's count of accesses began anew; it was reset"), bus: bus.name)
            }
            if counted >= expected { return }
            if try late(bus) >= expected - counted { return }
        }
        throw BusError(.peer("some of \(writes.count) writes did not reach the card, twice in a row"), bus: bus.name)
    }

    /// Waits a little; returns how many accesses were counted that were begun before. Only what is counted within one batch can be
    /// compared: between two a transport may have accesses of its own.
    private func late(_ bus: any RegisterBus) throws(BusError) -> UInt32 {
        let reads = min(Self.patience, batch)
        var reading = Array(repeating: RegisterAccess.read(register), count: reads)
        do throws(BusError) {
            try bus.transfer(&reading)
        } catch {
            throw BusError(error.cause, bus: error.bus, access: error.access)
        }
        return reading[reads - 1].value &- reading[0].value &- UInt32(reads - 1)
    }
}
