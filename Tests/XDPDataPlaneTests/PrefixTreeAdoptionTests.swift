// SPDX-License-Identifier: Apache-2.0
import CFastPath
import TestSupport
import Testing

@testable import XDPDataPlane

/// Trees in memory, compared with the prefixes they were made of, taken over, and made right.
@Suite("The prefix tree is compared with its prefixes")
struct PrefixTreeAdoptionTests {
    let memory = TableTestMemory(bytes: 1 << 21)
    let grace = TestGracePeriod()

    private func prefix(_ random: inout SeededGenerator) -> RoutePrefix {
        let vrf = UInt16.random(in: 0...2, using: &random)
        if Bool.random(using: &random) {
            let length = UInt8.random(in: 0...32, using: &random)
            return .masked(ipv4: UInt32.random(in: 0 ... .max, using: &random) & 0xf007_03ff, length, vrf: vrf)
        }
        let length = UInt8.random(in: 0...128, using: &random)
        let high = UInt64.random(in: 0 ... .max, using: &random) & 0xf000_0000_0000_0003
        return .masked(
            ipv6: high, UInt64.random(in: 0 ... .max, using: &random) & 0xc000_0000_0000_0007, length, vrf: vrf)
    }

    private func change(_ naive: NaiveRoutes, _ random: inout SeededGenerator) -> PrefixChange {
        if naive.routes.count > 250 || Int.random(in: 0..<3, using: &random) == 0,
            let known = naive.routes.keys.randomElement(using: &random)
        {
            return .remove(known)
        }
        return .set(prefix(&random), route: UInt32.random(in: 1...1000, using: &random))
    }

    private func change(_ tree: PrefixTree, _ naive: inout NaiveRoutes, _ count: Int, _ random: inout SeededGenerator)
        throws
    {
        for _ in 0..<count {
            let change = change(naive, &random)
            try tree.apply([change])
            naive.apply(change)
        }
    }

    /// Where the two differ, at the ends of all prefixes and beside them.
    private func differences(_ naive: NaiveRoutes) -> Int {
        var count = 0
        for prefix in naive.routes.keys {
            let vrf = prefix.vrf
            if prefix.family == .ipv4 {
                let first = UInt32(prefix.high >> 32)
                let last = prefix.length == 0 ? .max : first | UInt32(UInt64(1) << (32 - UInt64(prefix.length)) - 1)
                for address in [first, last, first &- 1, last &+ 1]
                where memory.route4(address, vrf: Int(vrf)) != naive.lookup4(address, vrf: vrf) {
                    count += 1
                }
            } else {
                for (high, low) in [
                    (prefix.high, prefix.low), (prefix.high, prefix.low ^ 1), (prefix.high, ~prefix.low),
                ]
                where memory.route6(high, low, vrf: Int(vrf)) != naive.lookup6(high, low, vrf: vrf) {
                    count += 1
                }
            }
        }
        return count
    }

    private func isRight(_ overlap: PrefixTreeOverlap) -> Bool { overlap.expected == overlap.found }

    @Test(
        "trees an earlier process left are taken over as they are, and changed from there",
        arguments: [UInt64(1), 2, 3])
    func takesOver(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var naive = NaiveRoutes()
        var tree = try PrefixTree(memory: memory.region, gracePeriod: grace)
        for round in 0..<20 {
            try change(tree, &naive, round == 3 ? 0 : 300, &random)
            let image = Array(memory.region)
            tree = try PrefixTree(memory: memory.region, gracePeriod: grace, adopting: true)
            // Entered by other numbers, and given the right ones when they have been found.
            let known = Array(naive.routes)
            tree.enter(known.indices.lazy.map { (known[$0].key, UInt32($0 + 1)) })
            var found = [UInt32](repeating: 0, count: known.count + 1)
            let outcome = tree.compare { overlap in
                if overlap.expected == 0 { return overlap.found == 0 }
                found[Int(overlap.expected)] = overlap.found
                return known[Int(overlap.expected) - 1].value == overlap.found
            }
            #expect(outcome.wrong == [])
            for place in known.indices where found[place + 1] == 0 { found[place + 1] = known[place].value }
            tree.renumber { found[Int($0)] }
            try tree.settle(outcome, renumbered: { found[Int($0)] }, repairs: true)
            #expect(Array(memory.region) == image)
            #expect(tree.compare(isRight: isRight).wrong == [] && tree.count == naive.routes.count)
            #expect(differences(naive) == 0)
        }
        try change(tree, &naive, 2000, &random)
        #expect(differences(naive) == 0 && tree.compare(isRight: isRight).wrong == [])
    }

    @Test("a bit that others change is found unless it changes no route, and made right", arguments: [UInt64(4), 5])
    func bits(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var naive = NaiveRoutes()
        let tree = try PrefixTree(memory: memory.region, gracePeriod: grace)
        try change(tree, &naive, 1500, &random)
        let words = memory.region.bindMemory(to: UInt32.self)
        var wrong = 0
        for round in 0..<3000 {
            // A word that is in use, and any bit; now and then something else altogether.
            let used = words.indices.filter { words[$0] != 0 }
            guard let place = used.randomElement(using: &random) else { break }
            let before = words[place]
            words[place] =
                round % 7 == 0 ? UInt32.random(in: 0 ... .max, using: &random) : before ^ 1 << UInt32(round % 32)
            let outcome = tree.compare(isRight: isRight)
            if outcome.wrong.isEmpty {
                #expect(differences(naive) == 0, "round \(round): word \(place)")
                words[place] = before
            } else {
                wrong += 1
                try tree.settle(outcome, repairs: true)
                if !tree.hasIntactEmptyRoot { tree.repairEmptyRoot() }
                #expect(differences(naive) == 0 && tree.compare(isRight: isRight).wrong == [], "round \(round)")
            }
            if !tree.hasIntactEmptyRoot { tree.repairEmptyRoot() }
            if round % 50 == 0 { try change(tree, &naive, 20, &random) }
        }
        #expect(wrong > 100)
        #expect(differences(naive) == 0)
        // Nothing was lost on the way: trees built anew use what they need.
        let fresh = try PrefixTree(memory: TableTestMemory(bytes: 1 << 21).region, gracePeriod: grace)
        try fresh.load(naive.routes.map { ($0.key, route: $0.value) })
        try tree.load(naive.routes.map { ($0.key, route: $0.value) })
        try tree.reclaim()
        #expect(tree.nodesInUse == fresh.nodesInUse)
    }

    @Test("without room for a tree beside the wrong one, the wrong one stays until there is")
    func full() throws {
        // Of the tree's memory, 33 nodes are roots and the node that is never used.
        let small = TableTestMemory(bytes: (64 + 33) * 64)
        let tree = try PrefixTree(memory: small.region, gracePeriod: grace)
        try tree.apply((0..<100).map { .set(.masked(ipv4: 0x0a00_0000 | $0 << 8, 24), route: $0 + 1) })
        pt_root4(small.region.baseAddress, 0).pointee = 0
        let outcome = tree.compare(isRight: isRight)
        #expect(outcome.wrong == [0])
        #expect(throws: PrefixTreeError.self) { try tree.settle(outcome, repairs: true) }
        #expect(small.route4(0x0a00_0001) == 0)
    }
}
