// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux

/// The array of 64-byte nodes that prefix trees live in: which are free, in use, or in quarantine.
///
/// A change allocates fresh nodes that no reader can reach, and is then committed (its references are stored, the nodes
/// it replaced go into quarantine) or abandoned, which leaves no trace.
final class PrefixTreeNodes {
    private enum State: UInt8 { case free, fresh, live }

    let base: UnsafeMutableRawPointer
    private let gracePeriod: any GracePeriod
    private var state: [State]
    private var free: [UInt32]
    private var fresh: [UInt32] = []
    /// Taken out by the change under way, and still read.
    private var retired: [UInt32] = []
    /// Taken out by earlier changes; free after a grace period.
    private var quarantine: [UInt32] = []
    private var stores: [(UnsafeMutablePointer<UInt32>, UInt32)] = []

    /// Nodes there are; node 0 is a root without routes, and the VRFs' roots are published in those up to `pt_first_node()`.
    let capacity: Int
    var inUse: Int { capacity - Int(pt_first_node()) - free.count - quarantine.count }

    init(memory: UnsafeMutableRawBufferPointer, gracePeriod: any GracePeriod) throws(PrefixTreeError) {
        let capacity = min(memory.count / MemoryLayout<pt_node>.stride, Int(PT_INDEX_MASK))
        guard let base = memory.baseAddress, capacity > pt_first_node() else { throw .memory(bytes: memory.count) }
        self.base = base
        self.capacity = capacity
        self.gracePeriod = gracePeriod
        state = Array(repeating: .free, count: capacity)
        for index in 0..<Int(pt_first_node()) { state[index] = .live }
        free = (pt_first_node()..<UInt32(capacity)).reversed()
    }

    @inline(__always)
    func node(_ index: UInt32) -> UnsafeMutablePointer<pt_node> {
        (base + Int(index) * 64).assumingMemoryBound(to: pt_node.self)
    }

    @inline(__always)
    func keys(_ index: UInt32) -> UnsafeMutablePointer<UInt64> {
        (base + Int(index) * 64).assumingMemoryBound(to: UInt64.self)
    }

    @inline(__always)
    func children(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
        (base + Int(index) * 64 + 40).assumingMemoryBound(to: UInt32.self)
    }

    /// A root's sixteen references.
    @inline(__always)
    func root(_ index: UInt32) -> UnsafeMutablePointer<UInt32> {
        (base + Int(index) * 64).assumingMemoryBound(to: UInt32.self)
    }

    /// Children in use; keys beyond them are `PT_NO_KEY`.
    func childCount(_ index: UInt32) -> Int {
        let keys = keys(index)
        var count = 1
        while count < Int(PT_CHILDREN), keys[count - 1] != PT_NO_KEY { count += 1 }
        return count
    }

    @inline(__always)
    func isFresh(_ index: UInt32) -> Bool { state[Int(index)] == .fresh }

    /// Starts a change; waits for a grace period when much is in quarantine.
    func begin() throws(PrefixTreeError) {
        if quarantine.count > max(capacity / 8, 64) { try reclaim() }
    }

    func allocate() throws(PrefixTreeError) -> UInt32 {
        if free.isEmpty { try reclaim() }
        guard let index = free.popLast() else { throw .full(nodes: capacity - Int(pt_first_node())) }
        state[Int(index)] = .fresh
        fresh.append(index)
        return index
    }

    /// A node the change under way no longer refers to.
    func retire(_ index: UInt32) {
        if state[Int(index)] == .fresh {
            // No reader has seen it.
            state[Int(index)] = .free
            free.append(index)
        } else {
            retired.append(index)
        }
    }

    /// Stores a reference when the change is committed.
    func store(_ reference: UInt32, at pointer: UnsafeMutablePointer<UInt32>) {
        stores.append((pointer, reference))
    }

    var storeCount: Int { stores.count }

    /// Makes the change seen, by the stores it asked for, and quarantines what it replaced.
    func commit() {
        for (pointer, reference) in stores { memory_store_release32(pointer, reference) }
        stores.removeAll(keepingCapacity: true)
        quarantine.append(contentsOf: retired)
        retired.removeAll(keepingCapacity: true)
        for index in fresh where state[Int(index)] == .fresh { state[Int(index)] = .live }
        fresh.removeAll(keepingCapacity: true)
    }

    /// Forgets the change under way.
    func abandon() {
        for index in fresh where state[Int(index)] == .fresh {
            state[Int(index)] = .free
            free.append(index)
        }
        fresh.removeAll(keepingCapacity: true)
        retired.removeAll(keepingCapacity: true)
        stores.removeAll(keepingCapacity: true)
    }

    func wait() throws(PrefixTreeError) {
        do { try gracePeriod.wait() } catch { throw .gracePeriod(error) }
    }

    func reclaim() throws(PrefixTreeError) {
        if quarantine.isEmpty { return }
        try wait()
        for index in quarantine {
            state[Int(index)] = .free
            free.append(index)
        }
        quarantine.removeAll(keepingCapacity: true)
    }

    var quarantined: Int { quarantine.count }

    /// Finds out which nodes are in use by following references from these roots, and returns them; all others are free. What is
    /// referred to may be anything: an earlier process wrote it, or somebody else.
    func collect(roots: some Sequence<UInt32>) -> [UInt32] {
        var found: [UInt32] = []
        for index in Int(pt_first_node())..<capacity { state[index] = .free }
        func mark(_ index: UInt32) -> Bool {
            guard index >= pt_first_node(), index < UInt32(capacity), state[Int(index)] == .free else { return false }
            state[Int(index)] = .live
            found.append(index)
            return true
        }
        func walk(_ reference: UInt32) {
            let index = reference & UInt32(PT_INDEX_MASK)
            if reference & PT_NODE != 0 {
                if mark(index) { for child in 0..<childCount(index) { walk(children(index)[child]) } }
            } else if reference & UInt32(PT_LOWER) != 0, mark(index) {
                for child in 0..<16 { walk(root(index)[child]) }
            }
        }
        for index in roots where mark(index) {
            for child in 0..<16 { walk(root(index)[child]) }
        }
        free = (pt_first_node()..<UInt32(capacity)).reversed().filter { state[Int($0)] == .free }
        quarantine.removeAll()
        return found
    }

    /// Whether this can be the index of a node.
    func isNode(_ index: UInt32) -> Bool { index >= pt_first_node() && index < UInt32(capacity) }
}
