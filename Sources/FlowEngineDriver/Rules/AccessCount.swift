// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The card counts the accesses it has seen (BM ACCESSES). Tables cannot be read back, but by that count it is known whether every write
/// arrived: one that was lost on the way, or is late, is noticed before the entry it belongs to is made valid.
///
/// That each access counts one is tried out on the card before it is relied upon (`calibrate`). If others use the bus too the
/// count is higher than expected; that is taken for well.
public struct AccessCount: Sendable {
    /// Reads while a write may be late; then it is taken for lost.
    static let patience = 64

    let register: RegisterAddress

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
        batch = [.read(count), .write(scratch, word), .write(scratch, word), .write(scratch, word), .read(count)]
        try bus.transfer(&batch)
        return batch[4].value &- batch[0].value == 4 ? AccessCount(register: count) : nil
    }

    /// Carries out writes, and again once if some did not arrive. Writes of whole words can be repeated; these are.
    ///
    /// - Throws: if the bus fails, with how many at the front were carried out; or, with none of them, if some got lost twice.
    func transfer(_ writes: [RegisterAccess], _ bus: any RegisterBus) throws(BusError) {
        var batch: [RegisterAccess] = []
        batch.reserveCapacity(writes.count + 2)
        for _ in 0..<2 {
            batch.removeAll(keepingCapacity: true)
            batch.append(.read(register))
            batch.append(contentsOf: writes)
            batch.append(.read(register))
            do {
                try bus.transfer(&batch)
            } catch {
                var error = error
                error.completed = max(0, min(error.completed - 1, writes.count))
                throw error
            }
            let first = batch[0].value
            var last = batch[batch.count - 1].value
            var expected = UInt32(writes.count + 1)
            if isComplete(first, last, expected) { return }
            for _ in 0..<Self.patience {
                var reading = [RegisterAccess.read(register)]
                do { try bus.transfer(&reading) } catch {
                    throw BusError(error.cause, bus: error.bus, access: error.access)
                }
                expected &+= 1
                last = reading[0].value
                if isComplete(first, last, expected) { return }
            }
        }
        throw BusError(.peer("some of \(writes.count) writes did not reach the card, twice in a row"), bus: bus.name)
    }

    /// As many as expected, or more; less, or a count that began anew, is not.
    private func isComplete(_ first: UInt32, _ last: UInt32, _ expected: UInt32) -> Bool {
        let counted = last &- first
        return counted >= expected && counted < expected &+ 1 << 20
    }
}
