// SPDX-License-Identifier: Apache-2.0

/// Numbers of the action table. A rule has one of its own, because frames are counted by it. Number 0 is the default flow's.
///
/// Where the queue is part of the number (bits 9:7), a rule's number decides its queue: numbers of the first queue given are used up
/// first, then those of the second. Where it stands beside the number, all rules use the first queue given.
struct ActionNumbers: Sendable {
    private var byQueue: [FreeNumbers]
    private var taken: [Bool]
    private let queues: [Int]
    private let layout: CardQuirks.ActionIDLayout
    let capacity: Int

    init(_ layout: CardQuirks.ActionIDLayout, queues: [Int]) {
        let known = queues.filter { (0..<8).contains($0) }
        self.queues = known.isEmpty ? [0] : known
        self.layout = layout
        byQueue =
            switch layout {
            case .queueInIndex: self.queues.map { FreeNumbers(max(1, $0 << 7)..<($0 + 1) << 7) }
            case .sixteenActions: [FreeNumbers(1..<16)]
            }
        taken = Array(repeating: false, count: layout.actionCount)
        capacity = byQueue.reduce(0) { $0 + $1.capacity }
    }

    var count: Int { byQueue.reduce(0) { $0 + $1.count } }

    /// The next that `take` may be given.
    var first: Int? {
        for numbers in byQueue {
            if let number = numbers.first { return number }
        }
        return nil
    }

    func queue(of number: Int) -> Int { layout == .queueInIndex ? number >> 7 : queues[0] }

    func isFree(_ number: Int) -> Bool {
        number > 0 && number < taken.count && !taken[number] && index(of: number) != nil
    }

    /// - Precondition: it is free.
    mutating func take(_ number: Int) {
        guard let index = index(of: number) else { preconditionFailure("action \(number) is in no queue of this card") }
        if byQueue[index].first == number {
            _ = byQueue[index].take()
        } else {
            precondition(byQueue[index].claim(number), "action \(number) is taken")
        }
        taken[number] = true
    }

    mutating func give(_ number: Int) {
        guard let index = index(of: number), taken[number] else { return }
        taken[number] = false
        byQueue[index].give(number)
    }

    private func index(of number: Int) -> Int? {
        layout == .queueInIndex ? queues.firstIndex(of: number >> 7) : 0
    }
}
