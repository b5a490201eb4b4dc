// SPDX-License-Identifier: Apache-2.0

/// ETH_SW: learns source addresses and ages them. The entry's layout is not public, so the table is the model's own, one for
/// all datapaths; its size, ageing and counters are the card's. Without VLANs: nothing public says the MAC table knows them.
struct LearningSwitch: Sendable {
    struct Entry {
        var port: Int
        var seen: UInt64
    }

    private(set) var entries: [UInt64: Entry] = [:]
    private var nextSweep: UInt64 = 0
    let capacity: Int
    /// Register AGEING: seconds / 2 − 1.
    var ageing: UInt32 = 149

    // Counters of the block.
    var frames: UInt32 = 0
    private(set) var agedOut: UInt32 = 0
    private(set) var floodsUnknown: UInt32 = 0
    private(set) var floodsFull: UInt32 = 0

    init(capacity: Int) { self.capacity = capacity }

    var lifetime: UInt64 { (UInt64(ageing) + 1) * 2_000_000_000 }

    mutating func learn(_ address: UInt64, port: Int, at time: UInt64) {
        if entries.count >= capacity, entries[address] == nil {
            expire(at: time, force: true)
            guard entries.count < capacity else {
                floodsFull &+= 1
                return
            }
        }
        entries[address] = Entry(port: port, seen: time)
    }

    /// Port of an address that has not aged out.
    mutating func port(of address: UInt64, at time: UInt64) -> Int? {
        expire(at: time, force: false)
        if let entry = entries[address], time - entry.seen < lifetime { return entry.port }
        floodsUnknown &+= 1
        return nil
    }

    mutating func expire(at time: UInt64, force: Bool) {
        guard force || time >= nextSweep else { return }
        // The steps of the AGEING register are two seconds; looking more often finds nothing new.
        nextSweep = time + 2_000_000_000
        let lifetime = lifetime
        let before = entries.count
        entries = entries.filter { time - $0.value.seen < lifetime }
        agedOut &+= UInt32(before - entries.count)
    }

    mutating func clear() {
        entries = [:]
        (frames, agedOut, floodsUnknown, floodsFull, nextSweep) = (0, 0, 0, 0, 0)
    }
}
