// SPDX-License-Identifier: Apache-2.0

/// Numbers of records in a mapped array. One that is given back waits for a grace period before it is handed out again,
/// because a program may still hold it.
struct RecordPool {
    private var next: UInt32
    private let end: UInt32
    private var free: [UInt32] = []
    private var waiting: [UInt32] = []

    /// Numbers from `first` up to, without, `end`.
    init(from first: UInt32, to end: UInt32) { (next, self.end) = (first, end) }

    /// As the other, with those taken that `isUsed` says are in use.
    init(from first: UInt32, to end: UInt32, isUsed: (UInt32) -> Bool) {
        let last = (first..<end).last(where: isUsed)
        (next, self.end) = (last.map { $0 + 1 } ?? first, end)
        free = (first..<next).reversed().filter { !isUsed($0) }
    }

    /// A number; nil when there is none, or none before a grace period (`isWaiting`).
    mutating func take() -> UInt32? {
        if let last = free.popLast() { return last }
        guard next < end else { return nil }
        defer { next += 1 }
        return next
    }

    mutating func giveBack(_ number: UInt32) { waiting.append(number) }

    var isWaiting: Bool { !waiting.isEmpty }

    /// A grace period has passed since everything that waits was given back: `freed` is called with each of these numbers.
    mutating func graceHasPassed(_ freed: (UInt32) -> Void = { _ in }) {
        for number in waiting { freed(number) }
        free += waiting
        waiting.removeAll(keepingCapacity: true)
    }
}
