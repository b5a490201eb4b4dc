// SPDX-License-Identifier: Apache-2.0
import CFastPath
import TestSupport
import Testing

@testable import XDPDataPlane

/// Longest-prefix match by trying every length, longest first.
struct NaiveRoutes {
    var routes: [RoutePrefix: UInt32] = [:]

    mutating func apply(_ change: PrefixChange) {
        switch change {
        case .set(let prefix, let route): routes[prefix] = route
        case .remove(let prefix): routes[prefix] = nil
        }
    }

    func lookup4(_ address: UInt32, vrf: UInt16 = 0) -> UInt32 {
        for length in stride(from: UInt8(32), through: 0, by: -1) {
            if let route = routes[.masked(ipv4: address, length, vrf: vrf)] { return route }
        }
        return 0
    }

    func lookup6(_ high: UInt64, _ low: UInt64, vrf: UInt16 = 0) -> UInt32 {
        for length in stride(from: UInt8(128), through: 0, by: -1) {
            if let route = routes[.masked(ipv6: high, low, length, vrf: vrf)] { return route }
        }
        return 0
    }
}

extension RoutePrefix {
    static func masked(ipv4 address: UInt32, _ length: UInt8, vrf: UInt16 = 0) -> RoutePrefix {
        RoutePrefix(vrf: vrf, ipv4: length == 0 ? 0 : address & ~0 << (32 - UInt32(length)), length: length)
    }

    static func masked(ipv6 high: UInt64, _ low: UInt64, _ length: UInt8, vrf: UInt16 = 0) -> RoutePrefix {
        RoutePrefix(
            vrf: vrf, ipv6: length == 0 ? 0 : length >= 64 ? high : high & ~0 << (64 - UInt64(length)),
            length <= 64 ? 0 : length == 128 ? low : low & ~0 << (128 - UInt64(length)), length: length)
    }
}

extension TableTestMemory {
    var nodeCount: UInt32 { UInt32(region.count / 64) }

    func route4(_ address: UInt32, vrf: Int = 0) -> UInt32 {
        pt_lookup4(region.baseAddress, nodeCount, pt_root4(region.baseAddress, UInt32(vrf)).pointee, address)
    }

    func route6(_ high: UInt64, _ low: UInt64, vrf: Int = 0) -> UInt32 {
        pt_lookup6(region.baseAddress, nodeCount, pt_root6(region.baseAddress, UInt32(vrf)).pointee, high, low)
    }
}

@Suite("The prefix tree")
struct PrefixTreeTests {
    let memory = TableTestMemory(bytes: 1 << 22)
    let grace = TestGracePeriod()

    func makeTree() throws -> PrefixTree {
        try PrefixTree(memory: memory.region, gracePeriod: grace)
    }

    @Test("finds an IPv4 prefix of every length at its first and last address and not beside it")
    func everyLength4() throws {
        for length in UInt8(0)...32 {
            let tree = try makeTree()
            let prefix = RoutePrefix.masked(ipv4: 0xc633_6465, length)
            let first = UInt32(prefix.high >> 32)
            let last = length == 32 ? first : first | (UInt32.max >> UInt32(length))
            try tree.apply([.set(prefix, route: 7)])
            #expect(memory.route4(first) == 7)
            #expect(memory.route4(last) == 7)
            if first > 0 { #expect(memory.route4(first - 1) == 0) }
            if last < .max { #expect(memory.route4(last + 1) == 0) }
            try tree.apply([.remove(prefix)])
            #expect(memory.route4(first) == 0)
            #expect(memory.route4(last) == 0)
        }
    }

    @Test(
        "finds an IPv6 prefix of every length at its first and last address and not beside it",
        arguments: [
            (0x2001_0db8_1234_5678, 0x9abc_def0_1234_5679), (UInt64.max, UInt64.max), (0x7fff_ffff_ffff_ffff, 0),
        ] as [(UInt64, UInt64)])
    func everyLength6(high: UInt64, low: UInt64) throws {
        for length in UInt8(0)...128 {
            let tree = try makeTree()
            let prefix = RoutePrefix.masked(ipv6: high, low, length)
            let lastHigh = length >= 64 ? prefix.high : prefix.high | UInt64.max >> UInt64(length)
            let lastLow =
                length == 128 ? prefix.low : length <= 64 ? .max : prefix.low | UInt64.max >> UInt64(length - 64)
            try tree.apply([.set(prefix, route: 9)])
            #expect(memory.route6(prefix.high, prefix.low) == 9)
            #expect(memory.route6(lastHigh, lastLow) == 9)
            if prefix.low > 0 {
                #expect(memory.route6(prefix.high, prefix.low - 1) == 0)
            } else if prefix.high > 0 {
                #expect(memory.route6(prefix.high - 1, .max) == 0)
            }
            if lastLow < .max {
                #expect(memory.route6(lastHigh, lastLow + 1) == 0)
            } else if lastHigh < .max {
                #expect(memory.route6(lastHigh + 1, 0) == 0)
            }
            try tree.apply([.remove(prefix)])
            #expect(memory.route6(prefix.high, prefix.low) == 0)
            #expect(tree.count == 0)
        }
    }

    @Test("gives nested prefixes to the longest, and back to the parent when it goes")
    func nested() throws {
        let tree = try makeTree()
        let lengths: [UInt8] = [0, 16, 32, 48, 63, 64, 65, 96, 127, 128]
        let high: UInt64 = 0x2001_0db8_0001_0003
        for length in lengths {
            try tree.apply([.set(.masked(ipv6: high, 1, length), route: UInt32(length) + 1)])
            #expect(memory.route6(high, 1) == UInt32(length) + 1)
        }
        for (index, length) in lengths.enumerated().reversed() {
            #expect(memory.route6(high, 1) == UInt32(length) + 1)
            try tree.apply([.remove(.masked(ipv6: high, 1, length))])
            #expect(memory.route6(high, 1) == (index > 0 ? UInt32(lengths[index - 1]) + 1 : 0))
        }
        #expect(memory.route6(high, 1) == 0)
    }

    @Test("passes a changed /48 on to the lower trees inside it")
    func inheritance() throws {
        let tree = try makeTree()
        let high: UInt64 = 0x2001_0db8_0001_0003
        try tree.apply([.set(.masked(ipv6: high, 5, 128), route: 1)])
        #expect(memory.route6(high, 6) == 0)
        try tree.apply([.set(.masked(ipv6: high, 0, 48), route: 2)])
        #expect(memory.route6(high, 6) == 2)
        #expect(memory.route6(high, 5) == 1)
        try tree.apply([.set(.masked(ipv6: high, 0, 64), route: 3)])
        #expect(memory.route6(high, 6) == 3)
        try tree.apply([.remove(.masked(ipv6: high, 0, 64)), .remove(.masked(ipv6: high, 0, 48))])
        #expect(memory.route6(high, 6) == 0)
        #expect(memory.route6(high, 5) == 1)
        try tree.apply([.remove(.masked(ipv6: high, 5, 128))])
        #expect(memory.route6(high, 5) == 0)
    }

    @Test("keeps VRFs and families apart")
    func vrfs() throws {
        let tree = try makeTree()
        try tree.apply([
            .set(.masked(ipv4: 0x0a00_0000, 8, vrf: 1), route: 1),
            .set(.masked(ipv4: 0x0a00_0000, 8, vrf: 255), route: 2),
            .set(.masked(ipv6: 0x0a00_0000_0000_0000, 0, 8, vrf: 1), route: 3),
        ])
        #expect(memory.route4(0x0a00_0001) == 0)
        #expect(memory.route4(0x0a00_0001, vrf: 1) == 1)
        #expect(memory.route4(0x0a00_0001, vrf: 255) == 2)
        #expect(memory.route6(0x0a00_0000_0000_0001, 0, vrf: 1) == 3)
        #expect(tree.count == 3)
    }

    @Test("agrees with a naive match over 100 000 random changes", arguments: [UInt64(1), 2])
    func random(seed: UInt64) throws {
        let tree = try makeTree()
        var random = SeededGenerator(seed: seed)
        var naive = NaiveRoutes()
        var present: [RoutePrefix] = []
        // Few distinct bits, so that prefixes nest and collide.
        func address() -> (UInt64, UInt64) {
            let high = random.next() & 0x8000_0000_0f03_0107
            return (high | 0x2000_0000_0000_0000, random.next() & 0xc000_0000_0100_0003)
        }
        var changes = 0
        while changes < 50_000 {
            var batch: [PrefixChange] = []
            for _ in 0..<(random.next() & 7 == 0 ? Int.random(in: 2...40, using: &random) : 1) {
                if present.count > 1200 || (random.next() % 100 < 45 && !present.isEmpty) {
                    let index = Int.random(in: present.indices, using: &random)
                    let prefix = present[index]
                    present.swapAt(index, present.count - 1)
                    present.removeLast()
                    batch.append(.remove(prefix))
                } else {
                    let (high, low) = address()
                    let prefix: RoutePrefix =
                        random.next() & 3 == 0
                        ? .masked(
                            ipv4: UInt32(truncatingIfNeeded: high >> 32 ^ low), .random(in: 0...32, using: &random))
                        : .masked(ipv6: high, low, .random(in: 0...128, using: &random))
                    if naive.routes[prefix] == nil { present.append(prefix) }
                    batch.append(.set(prefix, route: .random(in: 1...20, using: &random)))
                }
                naive.apply(batch[batch.count - 1])
            }
            // A prefix removed and set again within one batch stands twice in `present`.
            present = present.filter { naive.routes[$0] != nil }
            try tree.apply(batch)
            changes += batch.count
            do {
                let (high, low) = address()
                try #require(memory.route6(high, low) == naive.lookup6(high, low), "after \(changes) changes")
                let address = UInt32(truncatingIfNeeded: high >> 32 ^ low)
                try #require(memory.route4(address) == naive.lookup4(address), "after \(changes) changes")
            }
            if let prefix = batch.last?.prefix, prefix.family == .ipv6 {
                try #require(memory.route6(prefix.high, prefix.low) == naive.lookup6(prefix.high, prefix.low))
                if prefix.low > 0 {
                    try #require(
                        memory.route6(prefix.high, prefix.low - 1) == naive.lookup6(prefix.high, prefix.low - 1))
                }
            }
        }
        #expect(tree.count == naive.routes.count)
        for prefix in naive.routes.keys { try tree.apply([.remove(prefix)]) }
        #expect(memory.route6(0x2000_0000_0000_0000, 0) == 0)
        try tree.reclaim()
        #expect(tree.nodesInUse <= 2, "only the empty roots remain")
    }

    @Test("loads many prefixes at once and changes them one by one")
    func load() throws {
        let memory = TableTestMemory(bytes: 1 << 25)
        let tree = try PrefixTree(memory: memory.region, gracePeriod: grace)
        var random = SeededGenerator(seed: 3)
        var naive = NaiveRoutes()
        for index in 0..<20_000 {
            let high = 0x2001_0000_0000_0000 | random.next() >> 16
            naive.routes[.masked(ipv6: high, 0, .random(in: 20...64, using: &random))] = UInt32(index % 1000) + 1
        }
        try tree.load(naive.routes.map { ($0.key, route: $0.value) })
        func check() throws {
            for _ in 0..<5_000 {
                let high = 0x2001_0000_0000_0000 | random.next() >> 16
                try #require(memory.route6(high, 1) == naive.lookup6(high, 1))
            }
        }
        try check()
        for _ in 0..<2_000 {
            let change = PrefixChange.set(
                .masked(ipv6: 0x2001_0000_0000_0000 | random.next() >> 16, 0, .random(in: 20...64, using: &random)),
                route: 5)
            naive.apply(change)
            try tree.apply([change])
        }
        try check()
        let other = RoutePrefix.masked(ipv4: 0x0a00_0000, 8, vrf: 3)
        try tree.load([(other, route: 4)])
        #expect(memory.route6(0x2001_0000_0000_0000, 1) == 0)
        #expect(memory.route4(0x0a01_0203, vrf: 3) == 4)
        try tree.reclaim()
        #expect(tree.nodesInUse == 2, "a root and a node")
    }

    @Test("refuses a change it has no nodes for and leaves every route as it was")
    func full() throws {
        let memory = TableTestMemory(bytes: 96 * 64)
        let tree = try PrefixTree(memory: memory.region, gracePeriod: grace)
        var naive = NaiveRoutes()
        var random = SeededGenerator(seed: 4)
        var refused = 0
        for _ in 0..<400 {
            let batch = (0..<5).map { _ in
                PrefixChange.set(
                    .masked(ipv6: random.next(), random.next(), .random(in: 30...128, using: &random)),
                    route: .random(in: 1...99, using: &random))
            }
            let used = tree.count
            do {
                try tree.apply(batch)
                for change in batch { naive.apply(change) }
            } catch PrefixTreeError.full {
                refused += 1
                #expect(tree.count == used)
            }
            for prefix in naive.routes.keys {
                try #require(memory.route6(prefix.high, prefix.low) == naive.lookup6(prefix.high, prefix.low))
            }
            for change in batch {
                let prefix = change.prefix
                try #require(memory.route6(prefix.high, prefix.low) == naive.lookup6(prefix.high, prefix.low))
            }
        }
        #expect(refused > 0)
        for prefix in naive.routes.keys { try tree.apply([.remove(prefix)]) }
        #expect(tree.count == 0)
    }

    @Test("names what is wrong with a change and applies nothing of its batch")
    func errors() throws {
        let tree = try makeTree()
        let good = PrefixChange.set(.masked(ipv4: 0x0a00_0000, 8), route: 1)
        let absent = RoutePrefix.masked(ipv4: 0x0b00_0000, 8)
        #expect(throws: PrefixTreeError.absent(absent)) { try tree.apply([good, .remove(absent)]) }
        let bits = RoutePrefix(ipv4: 0x0a00_0001, length: 8)
        #expect(throws: PrefixTreeError.invalid(bits)) { try tree.apply([good, .set(bits, route: 1)]) }
        let long = RoutePrefix(ipv4: 0, length: 33)
        #expect(throws: PrefixTreeError.invalid(long)) { try tree.apply([good, .set(long, route: 1)]) }
        #expect(throws: PrefixTreeError.route(0)) { try tree.apply([good, .set(good.prefix, route: 0)]) }
        #expect(tree.count == 0)
        #expect(memory.route4(0x0a00_0001) == 0)
    }

    @Test("adopts the trees of an earlier process and replaces them when it loads")
    func adoption() throws {
        var random = SeededGenerator(seed: 5)
        let first = try makeTree()
        for _ in 0..<300 {
            try first.apply([
                .set(.masked(ipv6: random.next(), random.next(), .random(in: 1...128, using: &random)), route: 8)
            ])
        }
        try first.apply([.set(.masked(ipv4: 0x0a00_0000, 8), route: 3)])
        let second = try PrefixTree(
            memory: memory.region, gracePeriod: grace, adopting: true)
        #expect(second.nodesInUse == first.nodesInUse)
        #expect(memory.route4(0x0a00_0001) == 3)
        try second.load([(.masked(ipv4: 0x0a00_0000, 8), route: 4)])
        #expect(memory.route4(0x0a00_0001) == 4)
        try second.reclaim()
        #expect(second.nodesInUse == 2, "a root and a node")
    }

    @Test("stays shallow enough for readers while prefixes come and go")
    func churn() throws {
        let tree = try makeTree()
        var random = SeededGenerator(seed: 1)
        let base: UInt64 = 0x2001_0db8_0000_0000
        try tree.apply([.set(.masked(ipv6: base, 0, 32), route: 1)])
        var present: [RoutePrefix] = []
        for step in 0..<30_000 {
            if present.count > 500 {
                present.swapAt(.random(in: present.indices, using: &random), present.count - 1)
                try tree.apply([.remove(present.removeLast())])
            }
            let prefix = RoutePrefix.masked(
                ipv6: base | ((random.next() >> 40) << 8), random.next(), .random(in: 33...70, using: &random))
            if tree.route(of: prefix) == nil { present.append(prefix) }
            try tree.apply([.set(prefix, route: 2)])
            try #require(memory.route6(prefix.high, prefix.low) == 2, "step \(step)")
            let other = memory.route6(base | ((random.next() >> 40) << 8), random.next())
            try #require(other == 1 || other == 2, "step \(step)")
        }
    }

    @Test("shows concurrent readers only the route before a change or the route after it")
    func concurrent() throws {
        let memory = memory
        let readers = ConcurrentReaders(count: 2)
        let tree = try PrefixTree(memory: memory.region, gracePeriod: readers)
        var random = SeededGenerator(seed: 6)
        // Every key keeps a /32 with route 1; longer prefixes over it come and go with route 2.
        let base: UInt64 = 0x2001_0db8_0000_0000
        try tree.apply([.set(.masked(ipv6: base, 0, 32), route: 1)])
        readers.start { random in
            var wrong = 0
            for _ in 0..<64 {
                let route = memory.route6(base | ((random.next() >> 40) << 8), random.next())
                if route != 1 && route != 2 { wrong += 1 }
            }
            return (64, wrong)
        }
        defer { readers.stop() }
        var present: Set<RoutePrefix> = []
        for _ in 0..<20_000 {
            if present.count > 500, let some = present.first {
                present.remove(some)
                try tree.apply([.remove(some)])
            }
            let prefix = RoutePrefix.masked(
                ipv6: base | ((random.next() >> 40) << 8), random.next(), .random(in: 33...70, using: &random))
            present.insert(prefix)
            try tree.apply([.set(prefix, route: 2)])
        }
        readers.stop()
        #expect(readers.wrong.load(ordering: .relaxed) == 0)
    }
}
