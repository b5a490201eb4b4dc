// SPDX-License-Identifier: Apache-2.0

/// The prefixes of one search tree as the controller keeps them: a path-compressed binary trie over 64-bit keys.
///
/// It answers what the search tree cannot: which prefix an interval belongs to, and which takes over when it goes.
struct PrefixTrie {
    struct Node {
        var key: UInt64
        var length: UInt8
        /// The route, 0 for none (a node that only joins two others, or carries a lower tree).
        var route: UInt32
        /// The tree over the lower half of the address, for a /64 with longer prefixes; −1 for none.
        var lower: Int32
        var children: (Int32, Int32)

        var isEmpty: Bool { route == 0 && lower < 0 }
        var first: UInt64 { key }
        var last: UInt64 { key | (length == 64 ? 0 : ~0 >> UInt64(length)) }
    }

    private(set) var nodes: [Node] = [Node(key: 0, length: 0, route: 0, lower: -1, children: (-1, -1))]
    private var free: [Int32] = []
    /// Prefixes with a route.
    private(set) var count = 0
    /// No prefix, and none with a lower tree.
    var isEmpty: Bool { count == 0 && nodes[0].isEmpty && nodes[0].children == (-1, -1) }

    @inline(__always)
    private static func bit(_ key: UInt64, _ position: UInt8) -> Bool { (key << UInt64(position)) >> 63 != 0 }

    @inline(__always)
    private func child(_ node: Int32, _ one: Bool) -> Int32 {
        one ? nodes[Int(node)].children.1 : nodes[Int(node)].children.0
    }

    private mutating func setChild(_ node: Int32, _ one: Bool, _ child: Int32) {
        if one { nodes[Int(node)].children.1 = child } else { nodes[Int(node)].children.0 = child }
    }

    private mutating func make(_ key: UInt64, _ length: UInt8) -> Int32 {
        let node = Node(key: key, length: length, route: 0, lower: -1, children: (-1, -1))
        if let index = free.popLast() {
            nodes[Int(index)] = node
            return index
        }
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    /// The node of exactly this prefix, if there is one.
    func find(_ key: UInt64, _ length: UInt8) -> Int32? {
        var node: Int32 = 0
        while nodes[Int(node)].length < length {
            node = child(node, Self.bit(key, nodes[Int(node)].length))
            if node < 0 || nodes[Int(node)].length > length || !covers(node, key) { return nil }
        }
        return node
    }

    @inline(__always)
    private func covers(_ node: Int32, _ key: UInt64) -> Bool {
        let found = nodes[Int(node)]
        return found.length == 0 || (found.key ^ key) >> (64 - UInt64(found.length)) == 0
    }

    /// The route of the longest prefix that covers `key` and is shorter than `length`; 0 for none.
    func parentRoute(_ key: UInt64, _ length: UInt8) -> UInt32 {
        var node: Int32 = 0
        var route: UInt32 = 0
        while node >= 0, nodes[Int(node)].length < length, covers(node, key) {
            if nodes[Int(node)].route != 0 { route = nodes[Int(node)].route }
            node = child(node, Self.bit(key, nodes[Int(node)].length))
        }
        return route
    }

    /// The node of this prefix, made when there is none.
    mutating func ensure(_ key: UInt64, _ length: UInt8) -> Int32 {
        var node: Int32 = 0
        while true {
            let at = nodes[Int(node)].length
            if at == length { return node }
            let one = Self.bit(key, at)
            let next = child(node, one)
            if next < 0 {
                let leaf = make(key, length)
                setChild(node, one, leaf)
                return leaf
            }
            let other = nodes[Int(next)]
            let common = min(length, other.length, UInt8(truncatingIfNeeded: (key ^ other.key).leadingZeroBitCount))
            if common == other.length {
                node = next
                continue
            }
            let leaf = make(key, length)
            if common == length {
                setChild(leaf, Self.bit(other.key, length), next)
                setChild(node, one, leaf)
                return leaf
            }
            let fork = make(common == 0 ? 0 : key & ~(~0 >> UInt64(common)), common)
            setChild(fork, Self.bit(other.key, common), next)
            setChild(fork, Self.bit(key, common), leaf)
            setChild(node, one, fork)
            return leaf
        }
    }

    /// Gives a prefix a route, or takes it (0).
    ///
    /// - Returns: The route it had, 0 for none.
    mutating func set(_ key: UInt64, _ length: UInt8, route: UInt32) -> UInt32 {
        if route == 0 {
            guard let node = find(key, length) else { return 0 }
            let old = nodes[Int(node)].route
            if old != 0 { count -= 1 }
            nodes[Int(node)].route = 0
            prune(key, length)
            return old
        }
        let node = Int(ensure(key, length))
        let old = nodes[node].route
        if old == 0 { count += 1 }
        nodes[node].route = route
        return old
    }

    /// Gives every route another number.
    mutating func renumber(_ number: (UInt32) -> UInt32) {
        for index in nodes.indices where nodes[index].route != 0 { nodes[index].route = number(nodes[index].route) }
    }

    mutating func setLower(_ key: UInt64, _ lower: Int32) {
        if lower >= 0 {
            let node = Int(ensure(key, 64))
            nodes[node].lower = lower
        } else if let node = find(key, 64) {
            nodes[Int(node)].lower = -1
            prune(key, 64)
        }
    }

    /// Removes the node of a prefix, and the fork above it, when they carry nothing.
    private mutating func prune(_ key: UInt64, _ length: UInt8) {
        var above: Int32 = -1
        var parent: Int32 = -1
        var node: Int32 = 0
        while nodes[Int(node)].length < length {
            above = parent
            parent = node
            node = child(node, Self.bit(key, nodes[Int(node)].length))
            if node < 0 { return }
        }
        if splice(node, below: parent), above >= 0 { _ = splice(parent, below: above) }
    }

    /// Takes out a node that carries nothing and joins at most one other.
    private mutating func splice(_ node: Int32, below parent: Int32) -> Bool {
        let (zero, one) = nodes[Int(node)].children
        if parent < 0 || !nodes[Int(node)].isEmpty || (zero >= 0 && one >= 0) { return false }
        setChild(parent, nodes[Int(parent)].children.1 == node, max(zero, one))
        free.append(node)
        return true
    }

    /// Visits, in order, the outermost prefixes with a route or a lower tree strictly inside a prefix.
    func visitInside(_ key: UInt64, _ length: UInt8, _ visit: (Node) throws -> Void) rethrows {
        // The node of the prefix, or the one that would be below it.
        var node: Int32 = 0
        while node >= 0, nodes[Int(node)].length < length {
            node = child(node, Self.bit(key, nodes[Int(node)].length))
        }
        guard node >= 0 else { return }
        let found = nodes[Int(node)]
        if length > 0 && (found.key ^ key) >> (64 - UInt64(length)) != 0 { return }
        if found.length == length {
            try visitOutermost(found.children.0, visit)
            try visitOutermost(found.children.1, visit)
        } else {
            try visitOutermost(node, visit)
        }
    }

    private func visitOutermost(_ node: Int32, _ visit: (Node) throws -> Void) rethrows {
        if node < 0 { return }
        let found = nodes[Int(node)]
        if !found.isEmpty { return try visit(found) }
        try visitOutermost(found.children.0, visit)
        try visitOutermost(found.children.1, visit)
    }

    /// Visits the intervals of all keys in order: where each begins, and its route or lower tree (with the route it
    /// inherits). Neighbours may be equal.
    func visitIntervals(_ visit: (_ start: UInt64, _ route: UInt32, _ lower: Int32) throws -> Void) rethrows {
        try visitIntervals(0, inherited: 0, visit)
    }

    private func visitIntervals(
        _ node: Int32, inherited: UInt32, _ visit: (UInt64, UInt32, Int32) throws -> Void
    ) rethrows {
        let found = nodes[Int(node)]
        let route = found.route != 0 ? found.route : inherited
        try visit(found.first, route, found.lower)
        for next in [found.children.0, found.children.1] where next >= 0 {
            try visitIntervals(next, inherited: route, visit)
            let (after, overflow) = nodes[Int(next)].last.addingReportingOverflow(1)
            if !overflow && after <= found.last { try visit(after, route, -1) }
        }
    }
}
