// SPDX-License-Identifier: Apache-2.0
import CFastPath

/// Reads a search tree as it lies in memory: its intervals in order. What it reads may have been written by anybody, so it believes
/// nothing: it never leaves the array and always ends.
struct PrefixTreeCursor {
    struct Piece {
        /// First key of the interval; the next piece's start ends it.
        var start: UInt64
        /// A route, or the root of a tree over the lower half of the address.
        var reference: UInt32
    }

    private struct Step {
        var index: UInt32
        var child: Int
        var count: Int
        var low: UInt64
        var high: UInt64
    }

    private let nodes: PrefixTreeNodes
    private let root: UInt32
    private var slot = 0
    private var steps: [Step] = []
    /// Nodes on the longest path, by the four top bits of the key.
    private(set) var heights = [UInt8](repeating: 0, count: 16)
    /// Not a tree: nothing more is read.
    private(set) var isBroken = false

    /// - Parameter root: index of a root; 0 for the one without routes.
    init(_ nodes: PrefixTreeNodes, root: UInt32) {
        (self.nodes, self.root) = (nodes, root)
        isBroken = root != 0 && !nodes.isNode(root)
        steps.reserveCapacity(Int(PT_MAX_DEPTH))
    }

    /// The next interval; nil at the end. Neighbours may be equal.
    mutating func next() -> Piece? {
        while !isBroken {
            guard let top = steps.indices.last else {
                guard slot < 16 else { return nil }
                let low = UInt64(slot) << UInt64(PT_ROOT_SHIFT)
                slot += 1
                if let piece = enter(nodes.root(root)[slot - 1], low, low | (1 << UInt64(PT_ROOT_SHIFT) - 1)) {
                    return piece
                }
                continue
            }
            let step = steps[top]
            if step.child == step.count {
                steps.removeLast()
                continue
            }
            steps[top].child += 1
            let keys = nodes.keys(step.index)
            let base = UInt64(slot - 1) << UInt64(PT_ROOT_SHIFT)
            let low = step.child == 0 ? step.low : base | keys[step.child - 1]
            let high = step.child == step.count - 1 ? step.high : (base | keys[step.child]) &- 1
            guard low <= high, low >= step.low, high <= step.high, step.child == 0 || low > step.low else {
                isBroken = true
                return nil
            }
            if let piece = enter(nodes.children(step.index)[step.child], low, high) { return piece }
        }
        return nil
    }

    private mutating func enter(_ reference: UInt32, _ low: UInt64, _ high: UInt64) -> Piece? {
        guard reference & PT_NODE != 0 else { return Piece(start: low, reference: reference) }
        let index = reference & UInt32(PT_INDEX_MASK)
        guard reference == PT_NODE | index, nodes.isNode(index), steps.count < Int(PT_MAX_DEPTH) else {
            isBroken = true
            return nil
        }
        // Keys in use have the root's bits cleared; the others are greater than any, and programs count on both.
        let count = nodes.childCount(index)
        let keys = nodes.keys(index)
        for place in 0..<Int(PT_KEYS) {
            guard place < count - 1 ? keys[place] >> UInt64(PT_ROOT_SHIFT) == 0 : keys[place] == PT_NO_KEY else {
                isBroken = true
                return nil
            }
        }
        steps.append(Step(index: index, child: 0, count: count, low: low, high: high))
        heights[slot - 1] = max(heights[slot - 1], UInt8(steps.count))
        return nil
    }
}
