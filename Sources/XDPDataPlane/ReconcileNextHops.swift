// SPDX-License-Identifier: Apache-2.0
import CFastPath
import CLinux
import Tables

// Next hops and their groups: which slots are whose, and whether they say what is wanted.
extension XDPDataPlane {
    /// Gives every next hop that is wanted a slot: its own; in tables that were found, one that bears its name, by preference with
    /// its id. What points at slots with the same name means the same.
    func identifyNextHops(_ pass: inout ReconcilePass) {
        let wanted = state.entries(of: .nextHop).compactMap { entry -> NextHopEntry? in
            if case .nextHop(let hop) = entry { hop } else { nil }
        }.sorted { $0.id < $1.id }
        pass.report.checked += wanted.count
        if isAdopted {
            claimNextHops(wanted)
        } else {
            for (id, slot) in nextHopSlots where state.nextHop(id) == nil && !retiredNextHops.contains(slot) {
                pass.add(.extra, .nextHop, "next hop \(id.rawValue)")
                guard pass.repairs else { continue }
                advance(&pass)
                retiredNextHops.insert(slot)
                pass.unlinked.insert(slot)
            }
        }
        for hop in wanted {
            if let slot = nextHopSlots[hop.id], !retiredNextHops.contains(slot) { continue }
            var failure: String?
            if pass.repairs {
                do {
                    try addNextHop(hop.id)
                    programNextHop(hop.id)
                } catch {
                    failure = "\(error)"
                }
            }
            pass.add(.missing, .nextHop, "next hop \(hop.id.rawValue)", failure: failure)
        }
    }

    private func claimNextHops(_ wanted: [NextHopEntry]) {
        var unclaimed: [UInt64: [UInt32]] = [:]
        for slot in nextHopIDs.indices where nextHopNames[slot] != 0 {
            unclaimed[nextHopNames[slot], default: []].append(UInt32(slot))
        }
        func claim(_ hop: NextHopEntry, _ place: (([UInt32]) -> Int?)) -> Bool {
            let name = names.name(hop)
            guard let slots = unclaimed[name], let place = place(slots) else { return false }
            let slot = slots[place]
            unclaimed[name]?.remove(at: place)
            nextHopSlots[hop.id] = slot
            nextHopIDs[Int(slot)] = hop.id
            return true
        }
        let others = wanted.filter { hop in !claim(hop) { $0.firstIndex { nextHopIDs[Int($0)] == hop.id } } }
        for hop in others { _ = claim(hop) { $0.indices.first } }
        let claimed = Set(nextHopSlots.values)
        let free = Set(freeNextHops)
        retiredNextHops = Set(nextHopIDs.indices.map { UInt32($0) }).subtracting(claimed).subtracting(free)
    }

    /// Compares the slots of wanted next hops.
    func reconcileNextHops(_ pass: inout ReconcilePass) {
        for (id, slot) in nextHopSlots where !retiredNextHops.contains(slot) && state.nextHop(id) != nil {
            let record = fastPath.nextHops + Int(slot)
            let wanted = self.record(of: id)
            let second = record.pointee.state & UInt64(FP_NEXTHOP_SECOND)
            let inForce = second == 0 ? record.pointee.rewrite.0 : record.pointee.rewrite.1
            let nameIsRight = record.pointee.name == wanted.name
            let stateIsRight = record.pointee.state == wanted.state | second
            let rewriteIsRight = wanted.rewrite.map { sameBytes($0, inForce) } ?? true
            if nameIsRight && stateIsRight && rewriteIsRight { continue }
            pass.add(
                .altered, .nextHop, "next hop \(id.rawValue)",
                [
                    nameIsRight ? nil : "name \(found(record.pointee.name, wanted.name))",
                    stateIsRight ? nil : "state \(found(record.pointee.state, wanted.state | second))",
                    rewriteIsRight ? nil : "another rewrite",
                ].compactMap { $0 }.joined(separator: ", "))
            guard pass.repairs else { continue }
            // Where its packets go is looked at packet by packet; what it stands for is not.
            if !nameIsRight { advance(&pass) }
            programNextHop(id)
        }
    }

    /// Slots that no next hop has: those of deleted ones are unresolved, the others are empty.
    func reconcileRetiredNextHops(_ pass: inout ReconcilePass) {
        var isLive = [Bool](repeating: false, count: Int(FP_MAX_NEXTHOPS))
        for slot in nextHopSlots.values where !retiredNextHops.contains(slot) { isLive[Int(slot)] = true }
        for slot in 0..<Int(FP_MAX_NEXTHOPS) where !isLive[slot] {
            let record = fastPath.nextHops + slot
            let isNamed = slot < nextHopIDs.count && retiredNextHops.contains(UInt32(slot))
            let name = isNamed ? nextHopNames[slot] : 0
            let second = isNamed ? record.pointee.state & UInt64(FP_NEXTHOP_SECOND) : 0
            let state = isNamed ? UInt64(nextHopIDs[slot].rawValue) << 32 | second : 0
            if record.pointee.name == name && record.pointee.state == state { continue }
            if !pass.unlinked.contains(UInt32(slot)) {
                let id = isNamed ? "\(nextHopIDs[slot].rawValue)" : "in free slot \(slot)"
                pass.add(.extra, .nextHop, "next hop \(id)", "state \(found(record.pointee.state, state))")
            }
            guard pass.repairs else { continue }
            memory_store_release64(&record.pointee.state, state)
            memory_store_release64(&record.pointee.name, name)
        }
    }

    // MARK: Groups

    func reconcileGroups(_ pass: inout ReconcilePass) {
        let wanted = state.entries(of: .nextHopGroup).compactMap { entry -> NextHopGroupEntry? in
            if case .nextHopGroup(let group) = entry { group } else { nil }
        }.sorted { $0.id.rawValue < $1.id.rawValue }
        pass.report.checked += wanted.count
        if isAdopted {
            pass.releasedGroups = claimGroups(wanted)
        } else {
            for (id, slot) in groupSlots where state.group(id) == nil {
                pass.add(.extra, .nextHopGroup, "next-hop group \(id.rawValue)")
                guard pass.repairs else { continue }
                advance(&pass)
                groupSlots[id] = nil
                pass.releasedGroups.append(slot)
            }
        }
        for group in wanted {
            let kind: Discrepancy.Kind
            if let slot = groupSlots[group.id] {
                if sameBytes(fastPath.groups[Int(slot)], buckets(of: group.id)) { continue }
                kind = .altered
            } else {
                kind = .missing
            }
            var failure: String?
            if pass.repairs {
                advance(&pass)
                do { try programGroup(group, isGone: false) } catch { failure = "\(error)" }
            }
            pass.add(kind, .nextHopGroup, "next-hop group \(group.id.rawValue)", failure: failure)
        }
    }

    /// A group found is known by what its buckets name. A slot that some route may point at serves no other group.
    /// - Returns: slots that some route may point at, and that stand for no group.
    private func claimGroups(_ wanted: [NextHopGroupEntry]) -> [UInt32] {
        struct Content: Hashable {
            var words: [UInt32]
            init(_ record: fp_nexthop_group) {
                words = withUnsafeBytes(of: record) { Array($0.bindMemory(to: UInt32.self)) }
            }
        }
        var isNamed = [Bool](repeating: false, count: Int(FP_MAX_NEXTHOP_GROUPS))
        for record in 1..<fastPath.sizes.routeRecords {
            let word = ActionWord(rawValue: fastPath.routes[record].action)
            if word.has(ActionWord.permitOrGroup), Int(word.index) < isNamed.count { isNamed[Int(word.index)] = true }
        }
        // Taken from the end: of those with the same content the first that is named.
        var unclaimed: [Content: [UInt32]] = [:]
        for named in [false, true] {
            for slot in isNamed.indices.reversed() where isNamed[slot] == named {
                unclaimed[Content(fastPath.groups[slot]), default: []].append(UInt32(slot))
            }
        }
        for group in wanted { groupSlots[group.id] = unclaimed[Content(buckets(of: group.id))]?.popLast() }
        let claimed = Set(groupSlots.values)
        groupPool = RecordPool(from: 0, to: UInt32(FP_MAX_NEXTHOP_GROUPS)) {
            isNamed[Int($0)] || claimed.contains($0)
        }
        return isNamed.indices.map { UInt32($0) }.filter { isNamed[Int($0)] && !claimed.contains($0) }
    }
}
