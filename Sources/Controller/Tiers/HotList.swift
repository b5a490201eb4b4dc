// SPDX-License-Identifier: Apache-2.0

/// The hottest of what a sweep has met, by owner: a fixed number of each, so that one owner's many hide none of another's.
/// Storage is kept; adding allocates nothing once an owner has been here.
struct HotList: Sendable {
    let capacity: Int
    /// Of each owner a heap: the coldest first.
    private var heaps: [[OffloadSample]] = Array(repeating: [], count: OffloadOwner.count)
    private(set) var count = 0

    /// - Parameter capacity: samples of one owner.
    init(capacity: Int) { self.capacity = max(1, capacity) }

    mutating func removeAll() {
        for index in heaps.indices { heaps[index].removeAll(keepingCapacity: true) }
        count = 0
    }

    mutating func add(_ sample: OffloadSample) {
        let owner = Int(sample.owner.rawValue)
        if heaps[owner].count < capacity {
            if heaps[owner].capacity == 0 { heaps[owner].reserveCapacity(capacity) }
            heaps[owner].append(sample)
            count += 1
            Self.rise(&heaps[owner], from: heaps[owner].count - 1)
        } else if let coldest = heaps[owner].first, sample.rate > coldest.rate {
            heaps[owner][0] = sample
            Self.sink(&heaps[owner])
        }
    }

    /// Each owner's hottest, then each one's second, and so on: nobody's wait for all of another's.
    func inTurns() -> [OffloadSample] {
        var sorted = heaps.filter { !$0.isEmpty }.map { $0.sorted { $0.rate > $1.rate } }
        var result: [OffloadSample] = []
        result.reserveCapacity(count)
        var turn = 0
        while !sorted.isEmpty {
            let samples = sorted.map { $0[turn] }.sorted { $0.rate > $1.rate }
            result += samples
            turn += 1
            sorted.removeAll { $0.count <= turn }
        }
        return result
    }

    private static func rise(_ heap: inout [OffloadSample], from start: Int) {
        var index = start
        while index > 0, heap[index].rate < heap[(index - 1) / 2].rate {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private static func sink(_ heap: inout [OffloadSample]) {
        var index = 0
        while true {
            var least = index
            var child = 2 * index + 1
            while child < min(heap.count, 2 * index + 3) {
                if heap[child].rate < heap[least].rate { least = child }
                child += 1
            }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
