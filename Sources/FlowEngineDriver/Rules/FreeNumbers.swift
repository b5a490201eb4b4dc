// SPDX-License-Identifier: Apache-2.0

/// Numbers that are free, handed out in the order they came back: what was just freed rests longest, so that a frame that is
/// still on its way through the card under an old number does not meet the next user of it.
struct FreeNumbers: Sendable {
    private var ring: [UInt16]
    private var head = 0
    private(set) var count: Int
    let capacity: Int

    /// - Precondition: the range ends below 65,536.
    init(_ numbers: Range<Int>) {
        ring = numbers.map { UInt16($0) }
        (count, capacity) = (ring.count, ring.count)
    }

    var first: Int? { count > 0 ? Int(ring[head]) : nil }

    mutating func take() -> Int? {
        guard count > 0 else { return nil }
        defer {
            head = head + 1 == ring.count ? 0 : head + 1
            count -= 1
        }
        return Int(ring[head])
    }

    mutating func give(_ number: Int) {
        precondition(count < capacity, "number \(number) is free already")
        ring[(head + count) % ring.count] = UInt16(number)
        count += 1
    }

    /// Takes one out of the middle; false if it is not free. For a start, where places are in use already.
    mutating func claim(_ number: Int) -> Bool {
        guard let offset = (0..<count).first(where: { Int(ring[(head + $0) % ring.count]) == number }) else {
            return false
        }
        for place in stride(from: offset, to: 0, by: -1) {
            ring[(head + place) % ring.count] = ring[(head + place - 1) % ring.count]
        }
        _ = take()
        return true
    }
}
