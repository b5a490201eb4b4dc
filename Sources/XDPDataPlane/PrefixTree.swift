// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// Why the prefix trees were not changed. Nothing of the call has taken effect.
public enum PrefixTreeError: Error, Equatable, CustomStringConvertible {
    /// The prefix is not one: too long for its family, or with bits set beyond its length, or a VRF out of range.
    case invalid(RoutePrefix)
    /// Route indices are 1 to 2²⁸ − 1; 0 stands for no route.
    case route(UInt32)
    /// There is no such prefix to remove.
    case absent(RoutePrefix)
    /// All nodes are in use.
    case full(nodes: Int)
    /// The memory handed in holds no tree.
    case memory(bytes: Int)
    /// Nodes could not be taken out of quarantine.
    case gracePeriod(GracePeriodError)

    public var description: String {
        switch self {
        case .invalid(let prefix):
            "route \(prefix): not a prefix; its host bits must be 0 and its length and VRF in range"
        case .route(let index): "route index \(index): must be 1 to \(PT_INDEX_MASK)"
        case .absent(let prefix): "remove route \(prefix): there is no such route"
        case .full(let nodes): "change routes: all \(nodes) nodes of the prefix trees are in use; nothing was changed"
        case .memory(let bytes):
            "prefix trees: \(bytes) bytes were handed in; at least \((pt_first_node() + 1) * 64) are needed"
        case .gracePeriod(let error): "free quarantined prefix-tree nodes: \(error)"
        }
    }
}

/// A prefix in a VRF.
public struct RoutePrefix: Hashable, Sendable, CustomStringConvertible {
    public enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
    }

    public var vrf: UInt16
    public var family: Family
    /// The upper 64 bits of an IPv6 address in host order; an IPv4 address in the upper 32 bits.
    public var high: UInt64
    /// The lower 64 bits of an IPv6 address in host order; 0 for IPv4.
    public var low: UInt64
    /// Bits of the prefix, 0 to 32 or 128.
    public var length: UInt8

    /// An IPv4 prefix; the address in host order.
    public init(vrf: UInt16 = 0, ipv4 address: UInt32, length: UInt8) {
        self.init(vrf: vrf, family: .ipv4, high: UInt64(address) << 32, low: 0, length: length)
    }

    /// An IPv6 prefix; the address's halves in host order.
    public init(vrf: UInt16 = 0, ipv6 high: UInt64, _ low: UInt64, length: UInt8) {
        self.init(vrf: vrf, family: .ipv6, high: high, low: low, length: length)
    }

    private init(vrf: UInt16, family: Family, high: UInt64, low: UInt64, length: UInt8) {
        self.vrf = vrf
        self.family = family
        self.high = high
        self.low = low
        self.length = length
    }

    var isValid: Bool {
        length <= (family == .ipv4 ? 32 : 128) && Int(vrf) < Int(FP_MAX_VRFS)
            && (length >= 64 || high & (~0 >> UInt64(length)) == 0)
            && (length >= 128 || low & (length <= 64 ? ~0 : ~0 >> UInt64(length - 64)) == 0)
    }

    public var description: String {
        func groups(_ half: UInt64) -> [String] {
            stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
        }
        let address =
            family == .ipv4
            ? [56, 48, 40, 32].map { String(high >> UInt64($0) & 0xff) }.joined(separator: ".")
            : (groups(high) + groups(low)).joined(separator: ":")
        return "\(address)/\(length) in VRF \(vrf)"
    }
}

/// One change of the routes.
public enum PrefixChange: Sendable {
    /// Adds a prefix, or gives it another route (an index into the routes, 1 to 2²⁸ − 1).
    case set(RoutePrefix, route: UInt32)
    case remove(RoutePrefix)
}

/// The one writer of the prefix trees that packet programs walk (`pt_lookup4`, `pt_lookup6`), for all VRFs.
///
/// Each call takes effect as a whole or not at all, and for each VRF and family in one store: a program sees the routes
/// before the call or those after it. See `Docs/decisions/0003-prefix-tree.md` and `bpf/include/prefix_tree.h`.
public final class PrefixTree {
    let nodes: PrefixTreeNodes
    /// By VRF; IPv4 first, then IPv6.
    var trees = [PrefixTreeIntervals?](repeating: nil, count: 2 * Int(FP_MAX_VRFS))
    var lowers: [PrefixTreeIntervals] = []
    private var freeLowers: [Int32] = []
    /// Nodes of an earlier process's trees, still read, until `load` or until the trees are taken over.
    var adopted: [UInt32] = []

    private var saved: [(tree: PrefixTreeIntervals, state: PrefixTreeIntervals.Saved)] = []
    private var undo: [(RoutePrefix, UInt32)] = []
    private var emptied: [(tree: PrefixTreeIntervals, key: UInt64, lower: Int32)] = []

    /// Trees in fresh memory, all zero; or, after a restart, in memory an earlier process left. Its routes stay in force until
    /// `load`, or are taken over by `enter`, `compare` and `settle`.
    ///
    /// - Parameters:
    ///   - memory: 64-byte nodes, the first of which hold the roots; three per prefix allow a load beside the trees in force.
    /// - Throws: `memory`.
    public init(
        memory: UnsafeMutableRawBufferPointer, gracePeriod: any GracePeriod, adopting: Bool = false
    ) throws(PrefixTreeError) {
        nodes = try PrefixTreeNodes(memory: memory, gracePeriod: gracePeriod)
        if adopting {
            adopted = nodes.collect(roots: roots)
        }
    }

    /// Nodes in use, and nodes there are.
    public var nodesInUse: Int { nodes.inUse }
    public var nodeCapacity: Int { nodes.capacity - Int(pt_first_node()) }
    /// Prefixes with a route, in all VRFs.
    public var count: Int { (trees.compactMap { $0 } + lowers).reduce(0) { $0 + $1.prefixes.count } }

    /// The route of exactly this prefix.
    public func route(of prefix: RoutePrefix) -> UInt32? {
        guard prefix.isValid, let tree = trees[slot(prefix)] else { return nil }
        var found: UInt32 = 0
        if prefix.length <= 64 {
            if let node = tree.prefixes.find(prefix.high, prefix.length) {
                found = tree.prefixes.nodes[Int(node)].route
            }
        } else if let node = tree.prefixes.find(prefix.high, 64), tree.prefixes.nodes[Int(node)].lower >= 0 {
            let lower = lowers[Int(tree.prefixes.nodes[Int(node)].lower)].prefixes
            if let node = lower.find(prefix.low, prefix.length - 64) { found = lower.nodes[Int(node)].route }
        }
        return found == 0 ? nil : found
    }

    /// Applies changes in order; all, or none.
    ///
    /// - Throws: `invalid`, `route`, `absent`, `full`, `gracePeriod`.
    public func apply(_ changes: [PrefixChange]) throws(PrefixTreeError) {
        try check(changes)
        try nodes.begin()
        do {
            // So many changes to one tree that building it anew is cheaper than following each.
            var perTree: [Int: Int] = [:]
            if changes.count > 512 {
                for change in changes { perTree[slot(change.prefix), default: 0] += 1 }
            }
            let rebuilt = perTree.filter { $0.value > 512 && $0.value > (trees[$0.key]?.prefixes.count ?? 0) / 4 }
            for change in changes {
                try apply(change, alone: changes.count == 1, rebuilding: rebuilt[slot(change.prefix)] != nil)
            }
            for slot in rebuilt.keys { try rebuild(tree(slot)) }
            // Lower trees have been seen to where they changed.
            for tree in trees { if let tree, tree.isTooDeep { try rebuild(tree) } }
            publish()
        } catch {
            abandon()
            throw error
        }
    }

    /// Replaces all routes of all VRFs, at once for each VRF and family.
    ///
    /// - Throws: `invalid`, `route`, `full` (then everything is as before), `gracePeriod`.
    public func load(_ prefixes: [(RoutePrefix, route: UInt32)]) throws(PrefixTreeError) {
        for (prefix, route) in prefixes { try check(prefix, route) }
        try nodes.begin()
        let before = (trees, lowers, freeLowers)
        trees = Array(repeating: nil, count: trees.count)
        (lowers, freeLowers) = ([], [])
        do {
            for (prefix, route) in prefixes { _ = setPrefix(prefix, route) }
            for tree in trees { if let tree { try rebuild(tree) } }
        } catch {
            (trees, lowers, freeLowers) = before
            endCall()
            nodes.abandon()
            throw error
        }
        for tree in before.0 { tree?.clear() }
        for tree in before.1 { tree.clear() }
        for index in adopted { nodes.retire(index) }
        adopted = []
        for slot in 0..<2 * Int(FP_MAX_VRFS) {
            let root = trees[slot]?.root ?? 0
            if rootPointer(slot).pointee != root { nodes.store(root, at: rootPointer(slot)) }
        }
        publish()
    }

    /// Waits for a grace period and frees the nodes in quarantine; for idle times.
    public func reclaim() throws(PrefixTreeError) { try nodes.reclaim() }

    // MARK: Checking

    func check(_ prefix: RoutePrefix, _ route: UInt32) throws(PrefixTreeError) {
        if !prefix.isValid { throw .invalid(prefix) }
        if route == 0 || route > UInt32(PT_INDEX_MASK) { throw .route(route) }
    }

    private func check(_ changes: [PrefixChange]) throws(PrefixTreeError) {
        // Whether a prefix is there, where an earlier change of this call decides it.
        var present: [RoutePrefix: Bool] = [:]
        for change in changes {
            switch change {
            case .set(let prefix, let route):
                try check(prefix, route)
                if changes.count > 1 { present[prefix] = true }
            case .remove(let prefix):
                if !prefix.isValid { throw .invalid(prefix) }
                if !(present[prefix] ?? (route(of: prefix) != nil)) { throw .absent(prefix) }
                if changes.count > 1 { present[prefix] = false }
            }
        }
    }

    // MARK: Changing

    private func slot(_ prefix: RoutePrefix) -> Int {
        Int(prefix.vrf) + (prefix.family == .ipv4 ? 0 : Int(FP_MAX_VRFS))
    }

    func rootPointer(_ slot: Int) -> UnsafeMutablePointer<UInt32> {
        slot < Int(FP_MAX_VRFS)
            ? pt_root4(nodes.base, UInt32(slot)) : pt_root6(nodes.base, UInt32(slot) - UInt32(FP_MAX_VRFS))
    }

    /// Roots as programs find them.
    var roots: [UInt32] { (0..<2 * Int(FP_MAX_VRFS)).map { rootPointer($0).pointee } }

    func tree(_ slot: Int) -> PrefixTreeIntervals {
        if let tree = trees[slot] { return tree }
        let tree = PrefixTreeIntervals(nodes: nodes)
        trees[slot] = tree
        return tree
    }

    /// Remembers a tree as it was before the call.
    private func touch(_ tree: PrefixTreeIntervals) {
        if tree.isTouched { return }
        tree.isTouched = true
        saved.append((tree, tree.save()))
    }

    /// Changes the prefixes alone, 0 to remove.
    ///
    /// - Returns: The route before, and the lower tree's number where the prefix belongs to one.
    func setPrefix(_ prefix: RoutePrefix, _ route: UInt32) -> (before: UInt32, lower: Int32) {
        let tree = tree(slot(prefix))
        touch(tree)
        if prefix.length <= 64 { return (tree.prefixes.set(prefix.high, prefix.length, route: route), -1) }
        var lower: Int32 = -1
        if let node = tree.prefixes.find(prefix.high, 64) { lower = tree.prefixes.nodes[Int(node)].lower }
        if lower < 0 {
            if route == 0 { return (0, -1) }
            lower = freeLowers.popLast() ?? Int32(lowers.count)
            let made = PrefixTreeIntervals(nodes: nodes)
            made.inherited = tree.prefixes.parentRoute(prefix.high, 65)
            if Int(lower) == lowers.count { lowers.append(made) } else { lowers[Int(lower)] = made }
            tree.prefixes.setLower(prefix.high, lower)
        }
        touch(lowers[Int(lower)])
        return (lowers[Int(lower)].prefixes.set(prefix.low, prefix.length - 64, route: route), lower)
    }

    private func apply(_ change: PrefixChange, alone: Bool, rebuilding: Bool) throws(PrefixTreeError) {
        let prefix = change.prefix
        let (before, lower) = setPrefix(prefix, change.route)
        if before == change.route { return }
        undo.append((prefix, before))
        let tree = tree(slot(prefix))
        if lower >= 0 && lowers[Int(lower)].prefixes.count == 0 { emptied.append((tree, prefix.high, lower)) }
        if rebuilding { return }
        if lower >= 0 {
            let lowerTree = lowers[Int(lower)]
            let root = lowerTree.root
            if lowerTree.root == 0 || lowerTree.prefixes.count == 0 {
                try rebuildLower(lowerTree)
            } else {
                try assign(
                    lowerTree, prefix.low, prefix.length - 64, change.route, alone: alone, upper: nil)
            }
            if lowerTree.isTooDeep { try rebuildLower(lowerTree) }
            if lowerTree.root != root {
                try tree.assign(prefix.high, prefix.high, reference(lowerTree), storing: alone)
            }
        } else {
            try assign(tree, prefix.high, prefix.length, change.route, alone: alone, upper: tree)
        }
    }

    /// Gives the keys whose longest prefix is this one their route; when it has gone, the next
    /// longest one's.
    private func assign(
        _ tree: PrefixTreeIntervals, _ key: UInt64, _ length: UInt8, _ route: UInt32, alone: Bool,
        upper: PrefixTreeIntervals?
    ) throws(PrefixTreeError) {
        var value = route
        if value == 0 { value = tree.prefixes.parentRoute(key, length) }
        if value == 0 { value = tree.inherited }
        let last = key | (length == 64 ? 0 : ~0 >> UInt64(length))
        var ranges: [(UInt64, UInt64)] = []
        var inheriting: [(UInt64, Int32)] = []
        var next: UInt64? = key
        func cut(_ from: UInt64, _ to: UInt64) {
            if let begin = next, begin < from { ranges.append((begin, from - 1)) }
            next = to == .max ? nil : to + 1
        }
        if length == 64, let node = tree.prefixes.find(key, 64), tree.prefixes.nodes[Int(node)].lower >= 0 {
            inheriting.append((key, tree.prefixes.nodes[Int(node)].lower))
            cut(key, key)
        }
        tree.prefixes.visitInside(key, length) { node in
            cut(node.first, node.last)
            if node.route == 0 { inheriting.append((node.key, node.lower)) }
        }
        if let begin = next, begin <= last { ranges.append((begin, last)) }
        if ranges.count > 512 && ranges.count > tree.prefixes.count / 4 { return try rebuild(tree) }
        let storing = alone && ranges.count + inheriting.count == 1 && key >> 60 == last >> 60
        for (first, last) in ranges { try tree.assign(first, last, value, storing: storing) }
        for (key, lower) in inheriting {
            let lowerTree = lowers[Int(lower)]
            touch(lowerTree)
            lowerTree.inherited = value
            try rebuildLower(lowerTree)
            try tree.assign(key, key, reference(lowerTree), storing: storing)
        }
    }

    /// What stands for a lower tree in the upper one: itself, or the route it inherits when it has no prefixes.
    func reference(_ lower: PrefixTreeIntervals) -> UInt32 {
        lower.root == 0 ? lower.inherited : UInt32(PT_LOWER) | lower.root
    }

    private func rebuildLower(_ tree: PrefixTreeIntervals) throws(PrefixTreeError) {
        if tree.prefixes.count == 0 { return tree.clear() }
        try tree.rebuild { (_, inherited) throws(PrefixTreeError) in inherited }
    }

    func rebuild(_ tree: PrefixTreeIntervals) throws(PrefixTreeError) {
        touch(tree)
        try tree.rebuild { (lower, inherited) throws(PrefixTreeError) in
            let lowerTree = lowers[Int(lower)]
            touch(lowerTree)
            lowerTree.inherited = inherited
            try rebuildLower(lowerTree)
            return reference(lowerTree)
        }
    }

    // MARK: Ending a call

    func publish() {
        for (slot, tree) in trees.enumerated() {
            guard let tree, tree.isTouched, rootPointer(slot).pointee != tree.root else { continue }
            nodes.store(tree.root, at: rootPointer(slot))
        }
        nodes.commit()
        for (tree, key, lower) in emptied {
            guard let node = tree.prefixes.find(key, 64), tree.prefixes.nodes[Int(node)].lower == lower,
                lowers[Int(lower)].prefixes.count == 0
            else { continue }
            tree.prefixes.setLower(key, -1)
            freeLowers.append(lower)
        }
        endCall()
    }

    func endCall() {
        for (tree, _) in saved { tree.isTouched = false }
        saved.removeAll(keepingCapacity: true)
        undo.removeAll(keepingCapacity: true)
        emptied.removeAll(keepingCapacity: true)
    }

    func abandon() {
        for (prefix, before) in undo.reversed() {
            let (_, lower) = setPrefix(prefix, before)
            if lower >= 0 && lowers[Int(lower)].prefixes.count == 0 {
                emptied.append((tree(slot(prefix)), prefix.high, lower))
            }
        }
        for (tree, state) in saved { tree.restore(state) }
        nodes.abandon()
        for (tree, key, lower) in emptied where lowers[Int(lower)].prefixes.count == 0 && lowers[Int(lower)].root == 0 {
            guard let node = tree.prefixes.find(key, 64), tree.prefixes.nodes[Int(node)].lower == lower else {
                continue
            }
            tree.prefixes.setLower(key, -1)
            freeLowers.append(lower)
        }
        endCall()
    }
}

extension PrefixChange {
    /// The prefix that changes.
    public var prefix: RoutePrefix {
        switch self {
        case .set(let prefix, _), .remove(let prefix): prefix
        }
    }

    /// The route it gets, 0 when it goes.
    var route: UInt32 {
        if case .set(_, let route) = self { return route }
        return 0
    }
}
