// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Tables

// Slots of next hops. Flows, groups and routes name slots; a slot never comes to mean another next hop while anything names it.
extension XDPDataPlane {
    /// Gives an id a slot, which bears its name from then on and is unresolved.
    func addNextHop(_ id: NextHopID) throws(TableError) {
        if let slot = nextHopSlots[id] {
            retiredNextHops.remove(slot)
            return
        }
        if nextHopIDs.count == Int(FP_MAX_NEXTHOPS), freeNextHops.isEmpty { recycleNextHops() }
        let slot: UInt32
        if let free = freeNextHops.popLast() {
            slot = free
            nextHopIDs[Int(slot)] = id
            nextHopNames[Int(slot)] = 0
        } else if nextHopIDs.count < Int(FP_MAX_NEXTHOPS) {
            slot = UInt32(nextHopIDs.count)
            nextHopIDs.append(id)
            nextHopNames.append(0)
        } else {
            throw .tableFull(table: .nextHop, capacity: Int(FP_MAX_NEXTHOPS))
        }
        nextHopSlots[id] = slot
        let record = fastPath.nextHops + Int(slot)
        let wanted = self.record(of: id)
        memory_store_release64(
            &record.pointee.state, UInt64(id.rawValue) << 32 | record.pointee.state & UInt64(FP_NEXTHOP_SECOND))
        memory_store_release64(&record.pointee.name, wanted.name)
        nextHopNames[Int(slot)] = wanted.name
    }

    func retireNextHop(_ id: NextHopID) {
        if let slot = nextHopSlots[id] { retiredNextHops.insert(slot) }
        nextHopCache.clear()
    }

    /// All slots are used up: takes back those of deleted next hops, with the flows that still name them.
    private func recycleNextHops() {
        // What a program that is being tried has replaced may come back, with flows that name these slots.
        guard !retiredNextHops.isEmpty, pendingReplacement == nil else { return }
        let retired = retiredNextHops
        removeFlows { word in
            word.disposition == .forward && !word.has(ActionWord.toPort) && retired.contains(word.index)
        }
        waitForReaders()
        for slot in retiredNextHops {
            let record = fastPath.nextHops + Int(slot)
            memory_store_release64(&record.pointee.state, 0)
            memory_store_release64(&record.pointee.name, 0)
            nextHopNames[Int(slot)] = 0
            if nextHopSlots[nextHopIDs[Int(slot)]] == slot { nextHopSlots[nextHopIDs[Int(slot)]] = nil }
        }
        freeNextHops = Array(retiredNextHops)
        retiredNextHops.removeAll()
        nextHopCache.clear()
    }

    func programNextHops(_ change: TableChange) {
        var affected = state.nextHops(affectedBy: change)
        // An entry that moved concerns what it was before as well.
        if let old = change.old, change.new != nil {
            affected += state.nextHops(affectedBy: TableChange(table: change.table, old: old, new: nil))
        }
        for id in affected { programNextHop(id) }
    }

    /// Writes the rewrite that is not in force and then, with one store, the state that puts it in force.
    func programNextHop(_ id: NextHopID) {
        guard let slot = nextHopSlots[id] else { return }
        let record = fastPath.nextHops + Int(slot)
        let wanted = self.record(of: id)
        // A next hop that goes keeps its name: its slot stays its own until nothing names it.
        if wanted.name != 0 { nextHopNames[Int(slot)] = wanted.name }
        if record.pointee.name != nextHopNames[Int(slot)] {
            memory_store_release64(&record.pointee.name, nextHopNames[Int(slot)])
        }
        let second = record.pointee.state & UInt64(FP_NEXTHOP_SECOND)
        guard let rewrite = wanted.rewrite else {
            memory_store_release64(&record.pointee.state, wanted.state | second)
            return
        }
        let inForce = second == 0 ? record.pointee.rewrite.0 : record.pointee.rewrite.1
        if sameBytes(rewrite, inForce) {
            memory_store_release64(&record.pointee.state, wanted.state | second)
            return
        }
        prepareFlip(.nextHop(slot))
        if second == 0 { record.pointee.rewrite.1 = rewrite } else { record.pointee.rewrite.0 = rewrite }
        memory_store_release64(&record.pointee.state, wanted.state | second ^ UInt64(FP_NEXTHOP_SECOND))
    }
}
