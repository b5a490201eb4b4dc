// SPDX-License-Identifier: Apache-2.0

/// Packets per second of what sweeps meet, from two counts of it. Memory is fixed: what is measured lies in one of two slots by a
/// keyed hash. What was found to be hot is not driven out by what is cold or was not measured yet, so that many flows
/// which were busy once cannot keep the busy ones from being seen.
struct FlowMeter: Sendable {
    static let slots = 16_384
    /// Closer counts are no measure.
    static let shortestInterval: UInt64 = 200_000_000

    private struct Slot: Sendable {
        var fingerprint: UInt64 = 0
        var packets: UInt64 = 0
        /// Nanoseconds; 0: the slot is empty.
        var time: UInt64 = 0
        /// Below zero: not measured yet.
        var rate: Float = -1
    }

    /// Two rows, one behind the other.
    private var slots = [Slot](repeating: Slot(), count: 2 * Self.slots)
    /// From this rate on a slot is kept for what it measures.
    var hot: Double
    /// Slots not looked at since then are free.
    private var stale: UInt64 = 0
    private var began: UInt64 = 0

    init(hot: Double) { self.hot = hot }

    /// A sweep begins. What the last one did not meet is gone, or cold.
    mutating func beginSweep(now: UInt64) {
        stale = began
        began = now
    }

    /// Tells the packets counted until now. Returns the rate since the last time; nil: not known yet.
    mutating func measure(_ fingerprint: UInt64, packets: UInt64, now: UInt64) -> Double? {
        let (a, b) = places(fingerprint)
        if let index = holds(a, fingerprint) ? a : holds(b, fingerprint) ? b : nil {
            return Self.update(&slots[index], packets: packets, now: now)
        }
        guard let index = room(a) ? a : room(b) ? b : nil else { return nil }
        slots[index] = Slot(fingerprint: fingerprint, packets: packets, time: now)
        return nil
    }

    /// As measured last; nil: it was not.
    func rate(_ fingerprint: UInt64) -> Double? {
        let (a, b) = places(fingerprint)
        guard let index = holds(a, fingerprint) ? a : holds(b, fingerprint) ? b : nil, slots[index].rate >= 0,
            slots[index].time >= stale
        else { return nil }
        return Double(slots[index].rate)
    }

    private func places(_ fingerprint: UInt64) -> (Int, Int) {
        (
            Int(truncatingIfNeeded: fingerprint & UInt64(Self.slots - 1)),
            Int(truncatingIfNeeded: fingerprint >> 32 & UInt64(Self.slots - 1)) + Self.slots
        )
    }

    private func holds(_ index: Int, _ fingerprint: UInt64) -> Bool {
        slots[index].fingerprint == fingerprint && slots[index].time != 0
    }

    private static func update(_ slot: inout Slot, packets: UInt64, now: UInt64) -> Double? {
        let elapsed = now &- slot.time
        guard elapsed >= Self.shortestInterval else { return slot.rate < 0 ? nil : Double(slot.rate) }
        // Fewer than before: the entry is another, and began after the last count.
        let more = packets >= slot.packets ? packets - slot.packets : packets
        let rate = Double(more) * 1e9 / Double(elapsed)
        (slot.packets, slot.time, slot.rate) = (packets, now, Float(rate))
        return rate
    }

    private func room(_ index: Int) -> Bool {
        let slot = slots[index]
        if slot.time < stale || slot.time == 0 { return true }
        return slot.rate >= 0 && Double(slot.rate) < hot
    }
}
