// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// A part of an interval where a tree in memory was compared with the prefixes: what is right there and what was found.
struct PrefixTreeOverlap {
    /// VRF, or VRF + `FP_MAX_VRFS` for IPv6.
    var tree: Int
    /// Where it begins: as in `RoutePrefix`.
    var high: UInt64
    var low: UInt64
    /// The route of the longest prefix; 0 for none.
    var expected: UInt32
    /// What the tree gives; no route's number if it has one of the flags of a reference.
    var found: UInt32
}

// Taking over the trees that an earlier process left, and comparing trees in memory with what they should be. To take over: enter
// the prefixes with any numbers, `compare`, `renumber` them to the routes that were found, `settle`.
extension PrefixTree {
    /// Enters prefixes without changing what programs see.
    func enter(_ prefixes: some Sequence<(RoutePrefix, UInt32)>) {
        for (prefix, number) in prefixes { _ = setPrefix(prefix, number) }
        endCall()
    }

    /// Gives every prefix's route another number, without changing what programs see.
    func renumber(_ number: (UInt32) -> UInt32) {
        for tree in trees { tree?.prefixes.renumber(number) }
        for tree in lowers { tree.prefixes.renumber(number) }
    }

    /// What was found of one tree in memory.
    struct Walked {
        fileprivate var tree: PrefixTreeIntervals
        fileprivate var root: UInt32
        fileprivate var inherited: UInt32
        fileprivate var heights: [UInt8]
    }

    /// What a comparison has found out.
    struct Outcome {
        /// Trees that are not as the prefixes say, by VRF, IPv6 + `FP_MAX_VRFS`.
        var wrong: [Int] = []
        fileprivate var walked: [Walked] = []
    }

    /// Walks every tree as programs find it, beside the prefixes.
    /// - Parameter isRight: asked for every part of an interval; whether what was found there stands for what is expected.
    func compare(isRight: (PrefixTreeOverlap) -> Bool) -> Outcome {
        var outcome = Outcome()
        for slot in trees.indices {
            let root = rootPointer(slot).pointee
            // Most VRFs have no routes.
            if root == 0, trees[slot].map({ $0.root == 0 && $0.prefixes.isEmpty }) ?? true { continue }
            let tree = tree(slot)
            let before = outcome.walked.count
            var right = compare(tree, root: root, inherited: 0, (slot, nil), &outcome.walked, isRight)
            // A process that has taken over or built a tree knows its roots.
            if adopted.isEmpty, right {
                right = outcome.walked[before...].allSatisfy { $0.tree.root == $0.root || $0.tree.isTooDeep }
            }
            if !right {
                outcome.wrong.append(slot)
                outcome.walked.removeSubrange(before...)
            }
        }
        return outcome
    }

    /// - Parameter place: the tree's number, and in a lower tree the upper half of the address.
    private func compare(
        _ tree: PrefixTreeIntervals, root: UInt32, inherited: UInt32, _ place: (slot: Int, high: UInt64?),
        _ walked: inout [Walked], _ isRight: (PrefixTreeOverlap) -> Bool
    ) -> Bool {
        var cursor = PrefixTreeCursor(nodes, root: root)
        var piece = cursor.next()
        var following = cursor.next()
        var allRight = true
        func check(_ key: UInt64, _ expected: UInt32, _ found: UInt32) {
            let overlap = PrefixTreeOverlap(
                tree: place.slot, high: place.high ?? key, low: place.high == nil ? 0 : key, expected: expected,
                found: found)
            if !isRight(overlap) { allRight = false }
        }
        /// What the tree gives for the keys from `start` to `end`, of which the prefixes make one interval.
        func settle(_ start: UInt64, _ end: UInt64, _ route: UInt32, _ lower: Int32) {
            while let next = following, next.start <= start { (piece, following) = (next, cursor.next()) }
            var key = start
            while let found = piece {
                let reference = found.reference
                if lower < 0 || lowers[Int(lower)].prefixes.count == 0 {
                    check(key, route, reference)
                } else if reference & (PT_NODE | UInt32(PT_LOWER)) == UInt32(PT_LOWER) {
                    let index = reference & UInt32(PT_INDEX_MASK)
                    let below = lowers[Int(lower)]
                    if !compare(below, root: index, inherited: route, (place.slot, key), &walked, isRight) {
                        allRight = false
                    }
                } else {
                    lowers[Int(lower)].prefixes.visitIntervals { start, longer, _ in
                        _ = isRight(
                            PrefixTreeOverlap(
                                tree: place.slot, high: key, low: start, expected: longer != 0 ? longer : route,
                                found: reference))
                    }
                    allRight = false
                }
                guard let next = following, next.start <= end else { return }
                (piece, following, key) = (next, cursor.next(), next.start)
            }
        }
        var pending: (start: UInt64, route: UInt32, lower: Int32)?
        tree.prefixes.visitIntervals { start, route, lower in
            // A prefix that begins where its parent does takes the interval over.
            if let before = pending, before.start != start {
                settle(before.start, start - 1, before.route, before.lower)
            }
            pending = (start, route != 0 ? route : inherited, lower)
        }
        if let last = pending { settle(last.start, .max, last.route, last.lower) }
        walked.append(Walked(tree: tree, root: root, inherited: inherited, heights: cursor.heights))
        return allRight && !cursor.isBroken
    }

    /// Makes the trees that were found right this process's own, after `renumber` as they are numbered now, and builds those that
    /// were wrong anew, from the prefixes: for programs in one store each.
    ///
    /// - Parameter repairs: false leaves wrong trees to the next change.
    /// - Throws: `full`, `gracePeriod`: then the wrong trees stay as they are until the next change.
    func settle(_ outcome: Outcome, renumbered: (UInt32) -> UInt32 = { $0 }, repairs: Bool) throws(PrefixTreeError) {
        for found in outcome.walked {
            let inherited = found.inherited == 0 ? 0 : renumbered(found.inherited)
            found.tree.take(root: found.root, inherited: inherited, heights: found.heights)
        }
        let wasAdopted = !adopted.isEmpty
        adopted = []
        guard !outcome.wrong.isEmpty, repairs || wasAdopted else { return }
        for slot in outcome.wrong { forget(slot) }
        guard repairs else { return }
        try nodes.begin()
        do {
            for slot in outcome.wrong { try rebuild(tree(slot)) }
        } catch {
            abandon()
            for slot in outcome.wrong { forget(slot) }
            throw error
        }
        publish()
        // What the wrong trees were made of was not looked at; what is in use is found out anew.
        try nodes.wait()
        _ = nodes.collect(roots: roots)
    }

    /// The root that all VRFs without routes have; nobody writes it.
    var hasIntactEmptyRoot: Bool { (0..<16).allSatisfy { nodes.root(0)[$0] == 0 } }

    func repairEmptyRoot() {
        for slot in 0..<16 { memory_store_release32(nodes.root(0) + slot, 0) }
    }

    private func forget(_ slot: Int) {
        let tree = tree(slot)
        tree.forget()
        for node in tree.prefixes.nodes where node.lower >= 0 { lowers[Int(node.lower)].forget() }
    }
}
