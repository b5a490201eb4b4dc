// SPDX-License-Identifier: Apache-2.0
import CFastPath

/// One search tree over 64-bit keys, as the writer holds it: its prefixes, its root, and how to change an interval.
///
/// Nodes a reader may see are not written: a change copies the nodes on its path. The exception is a single reference
/// that changes in an otherwise unchanged node; storing it publishes what is below.
final class PrefixTreeIntervals {
    var prefixes = PrefixTrie()
    /// Node index of the root, 0 without routes.
    private(set) var root: UInt32 = 0
    /// The route of what no prefix here covers; of a lower tree, the route of its /64.
    var inherited: UInt32 = 0
    /// Set when the tree has to be built anew: it has become deeper than readers walk, or its nodes are not to be trusted.
    private(set) var isTooDeep = false

    /// Whether the call under way has changed it, or may have.
    var isTouched = false

    private var heights = [UInt8](repeating: 0, count: 16)
    private let nodes: PrefixTreeNodes

    private struct Piece {
        var start: UInt64
        var reference: UInt32
    }
    private var pieces: [Piece] = []

    struct Saved {
        var root: UInt32
        var inherited: UInt32
        var heights: [UInt8]
    }

    init(nodes: PrefixTreeNodes) { self.nodes = nodes }

    func save() -> Saved { Saved(root: root, inherited: inherited, heights: heights) }

    func restore(_ saved: Saved) {
        root = saved.root
        inherited = saved.inherited
        heights = saved.heights
        isTooDeep = false
    }

    /// Makes nodes that are in memory already this tree's.
    func take(root: UInt32, inherited: UInt32, heights: [UInt8]) {
        (self.root, self.inherited, self.heights) = (root, inherited, heights)
        isTooDeep = false
    }

    /// Lets go of the nodes without looking at them: the next change builds the tree anew from its prefixes.
    func forget() {
        root = 0
        heights = [UInt8](repeating: 0, count: 16)
        isTooDeep = true
    }

    private static var mask: UInt64 { (1 << 60) - 1 }
    @inline(__always) private static func isNode(_ reference: UInt32) -> Bool { reference & PT_NODE != 0 }

    /// Gives the keys `first...last` one value.
    ///
    /// - Parameter storing: Publish by storing one reference in a node readers see; otherwise everything up to the
    ///   root is copied and the caller publishes the root. Only for a single change within one root reference.
    func assign(_ first: UInt64, _ last: UInt64, _ value: UInt32, storing: Bool) throws(PrefixTreeError) {
        // A tree that may have to be built anew is not also changed by a store that is still to come.
        let storing = storing && root != 0 && !nodes.isFresh(root) && heights[Int(first >> 60)] < UInt8(PT_MAX_DEPTH)
        for slot in Int(first >> 60)...Int(last >> 60) {
            let old = nodes.root(root)[slot]
            pieces.removeAll(keepingCapacity: true)
            try edit(
                old, 0, Self.mask, slot == Int(first >> 60) ? first & Self.mask : 0,
                slot == Int(last >> 60) ? last & Self.mask : Self.mask, value, 0, storing)
            var reference = pieces[0].reference
            if pieces.count > 1 {
                reference = try makeNode(from: 0, to: pieces.count)
                heights[slot] += 1
                if heights[slot] > UInt8(PT_MAX_DEPTH) { isTooDeep = true }
            } else if !Self.isNode(reference) {
                heights[slot] = 0
            }
            if reference == old { continue }
            if storing {
                nodes.store(reference, at: nodes.root(root) + slot)
            } else {
                try ownRoot()
                nodes.root(root)[slot] = reference
            }
        }
    }

    /// Makes the root one that no reader sees yet.
    private func ownRoot() throws(PrefixTreeError) {
        if root != 0 && nodes.isFresh(root) { return }
        let copy = try nodes.allocate()
        for slot in 0..<16 { nodes.root(copy)[slot] = nodes.root(root)[slot] }
        if root != 0 { nodes.retire(root) }
        root = copy
    }

    /// Appends what takes the place of `reference`, which covers `low...high`, when `first...last` becomes `value`.
    private func edit(
        _ reference: UInt32, _ low: UInt64, _ high: UInt64, _ first: UInt64, _ last: UInt64, _ value: UInt32,
        _ floor: Int, _ storing: Bool
    ) throws(PrefixTreeError) {
        if first <= low && high <= last {
            release(reference)
            push(low, value, floor)
            return
        }
        guard Self.isNode(reference) else {
            if first > low { push(low, reference, floor) }
            push(max(first, low), value, floor)
            if last < high { push(last + 1, reference, floor) }
            return
        }
        let index = reference & UInt32(PT_INDEX_MASK)
        let keys = nodes.keys(index)
        let children = nodes.children(index)
        let base = pieces.count
        let used = nodes.childCount(index)
        for child in 0..<used {
            let start = child == 0 ? low : keys[child - 1]
            let end = child == used - 1 ? high : keys[child] - 1
            if end < first || start > last {
                push(start, children[child], base)
            } else {
                try edit(children[child], start, end, first, last, value, base, storing)
            }
        }
        let count = pieces.count - base
        if count == used, let changed = singleChange(index, base, count) {
            if changed < 0 {
                pieces.removeLast(count)
                return push(low, reference, floor)
            }
            if nodes.isFresh(index) || storing {
                let replacement = pieces[base + changed].reference
                pieces.removeLast(count)
                if nodes.isFresh(index) {
                    children[changed] = replacement
                } else {
                    nodes.store(replacement, at: children + changed)
                }
                return push(low, reference, floor)
            }
        }
        nodes.retire(index)
        if count == 1 {
            let only = pieces.removeLast()
            return push(low, only.reference, floor)
        }
        if count <= Int(PT_CHILDREN) {
            let made = try makeNode(from: base, to: base + count)
            pieces.removeLast(count)
            return push(low, made, floor)
        }
        let middle = base + count / 2
        let right = Piece(start: pieces[middle].start, reference: try makeNode(from: middle, to: base + count))
        let left = try makeNode(from: base, to: middle)
        pieces.removeLast(count)
        push(low, left, floor)
        push(right.start, right.reference, floor)
    }

    /// The one child whose reference differs from the node's, −1 when none does, `nil` when more has changed.
    private func singleChange(_ index: UInt32, _ base: Int, _ count: Int) -> Int? {
        let keys = nodes.keys(index)
        let children = nodes.children(index)
        var changed = -1
        for child in 0..<count {
            if child > 0 && keys[child - 1] != pieces[base + child].start { return nil }
            if children[child] != pieces[base + child].reference {
                if changed >= 0 { return nil }
                changed = child
            }
        }
        return changed
    }

    @inline(__always)
    private func push(_ start: UInt64, _ reference: UInt32, _ floor: Int) {
        if pieces.count > floor, pieces[pieces.count - 1].reference == reference, !Self.isNode(reference) { return }
        pieces.append(Piece(start: start, reference: reference))
    }

    private func makeNode(from: Int, to: Int) throws(PrefixTreeError) -> UInt32 {
        let index = try nodes.allocate()
        let keys = nodes.keys(index)
        let children = nodes.children(index)
        for child in 0..<Int(PT_CHILDREN) {
            let piece = min(from + child, to - 1)
            children[child] = pieces[piece].reference
            if child > 0 { keys[child - 1] = from + child < to ? pieces[piece].start : PT_NO_KEY }
        }
        return PT_NODE | index
    }

    /// Retires the nodes below a reference.
    private func release(_ reference: UInt32) {
        guard Self.isNode(reference) else { return }
        let index = reference & UInt32(PT_INDEX_MASK)
        for child in 0..<nodes.childCount(index) { release(nodes.children(index)[child]) }
        nodes.retire(index)
    }

    /// Retires the whole tree.
    func clear() {
        if root == 0 { return }
        for slot in 0..<16 { release(nodes.root(root)[slot]) }
        nodes.retire(root)
        root = 0
        heights = [UInt8](repeating: 0, count: 16)
        isTooDeep = false
    }

    /// Builds the tree anew from its prefixes, with full nodes.
    ///
    /// - Parameter lowerReference: What stands for a lower tree that inherits a route.
    func rebuild(
        lowerReference: (_ lower: Int32, _ inherited: UInt32) throws(PrefixTreeError) -> UInt32
    ) throws(PrefixTreeError) {
        clear()
        isTooDeep = false
        var intervals: [Piece] = []
        intervals.reserveCapacity(prefixes.count * 2 + 17)
        var failure: PrefixTreeError?
        prefixes.visitIntervals { start, route, lower in
            let route = route != 0 ? route : inherited
            var reference = route
            if lower >= 0 {
                do throws(PrefixTreeError) { reference = try lowerReference(lower, route) } catch {
                    failure = failure ?? error
                }
            }
            // A prefix that begins where its parent does takes the interval over.
            if let previous = intervals.last, previous.start == start { intervals.removeLast() }
            if let previous = intervals.last, previous.reference == reference { return }
            intervals.append(Piece(start: start, reference: reference))
        }
        if let failure { throw failure }
        if intervals.count == 1 && intervals[0].reference == 0 { return }
        try ownRoot()
        var next = 0
        var carried: UInt32 = 0
        for slot in 0..<16 {
            let begin = UInt64(slot) << 60
            pieces.removeAll(keepingCapacity: true)
            if next == intervals.count || intervals[next].start != begin {
                pieces.append(Piece(start: 0, reference: carried))
            }
            while next < intervals.count, Int(intervals[next].start >> 60) == slot {
                let piece = intervals[next]
                pieces.append(Piece(start: piece.start & Self.mask, reference: piece.reference))
                next += 1
            }
            if let last = pieces.last { carried = last.reference }
            var height: UInt8 = 0
            while pieces.count > 1 {
                let groups = (pieces.count + Int(PT_CHILDREN) - 1) / Int(PT_CHILDREN)
                var from = 0
                let count = pieces.count
                for group in 0..<groups {
                    let to = count * (group + 1) / groups
                    pieces[group] = Piece(start: pieces[from].start, reference: try makeNode(from: from, to: to))
                    from = to
                }
                pieces.removeLast(count - groups)
                height += 1
            }
            heights[slot] = height
            nodes.root(root)[slot] = pieces[0].reference
        }
    }
}
