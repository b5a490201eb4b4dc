// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Tables

// What an earlier process left, read from the tables alone: no file and no store is asked. Which entries the slots and records
// stand for is found out when the tables are reconciled.
extension XDPDataPlane {
    func readWhatIsThere() {
        // What the earlier process had taken out of the programs' reach: they have all left it when this returns.
        waitForReaders()
        let settings = fastPath.settings
        isChained = settings.pointee.flags & UInt32(FP_SETTING_CHAIN) != 0 && hasChain()
        readNextHops()
        readRules()
        readInterfaces()
        countedPorts.formUnion(portsThatCounted())
        if settings.pointee.policy_open != 0 {
            policyIsOpen = true
            advanceGeneration()
        }
    }

    private func hasChain() -> Bool {
        do { return try fastPath.map("chain").programID(at: 0) != nil } catch { return false }
    }

    /// Slots bear names and ids; one that is named is in use, as long as nobody has looked at all that may point at it.
    private func readNextHops() {
        let slots = fastPath.nextHops
        let used = (0..<Int(FP_MAX_NEXTHOPS)).last { slots[$0].name != 0 || slots[$0].state != 0 }
        nextHopIDs = (0..<(used ?? -1) + 1).map { NextHopID(rawValue: UInt32(slots[$0].state >> 32)) }
        nextHopNames = nextHopIDs.indices.map { slots[$0].name }
        freeNextHops = nextHopIDs.indices.reversed().filter { slots[$0].name == 0 && slots[$0].state == 0 }
            .map { UInt32($0) }
    }

    /// A rule's counter is the one that the list in force gives it.
    private func readRules() {
        let word = fastPath.settings.pointee.acl
        let rules = fastPath.acl + Int(word >> 31) * Int(FP_MAX_ACL_RULES)
        var used: Set<UInt32> = []
        for place in 0..<min(Int(word & 0x7fff_ffff), Int(FP_MAX_ACL_RULES)) {
            let (id, counter) = (rules[place].id, rules[place].counter)
            guard counter < UInt32(FP_MAX_ACL_RULES) * 2, aclCounterSlots[id] == nil, used.insert(counter).inserted
            else { continue }
            aclCounterSlots[id] = counter
        }
        aclCounterPool = RecordPool(from: 0, to: UInt32(FP_MAX_ACL_RULES) * 2) { used.contains($0) }
    }

    /// Interfaces keep their ports until somebody binds them anew or says that they are none.
    private func readInterfaces() {
        for slot in 0..<Int(FP_IFINDEX_SLOTS + FP_IFINDEX_PROBES) {
            let word = memory_load_acquire64(fastPath.interfaces + slot)
            let (interface, record) = (UInt32(truncatingIfNeeded: word), UInt32(word >> 32))
            let first = Int(interface) & (Int(FP_IFINDEX_SLOTS) - 1)
            guard interface != 0, record < UInt32(FP_PORT_RECORDS), interfaceSlots[interface] == nil,
                slot >= first, slot < first + Int(FP_IFINDEX_PROBES)
            else { continue }
            let port = PortID(rawValue: UInt16(record % UInt32(FP_MAX_PORTS)))
            interfaceSlots[interface] = InterfaceSlot(slot: slot, port: port)
            if portBanks[port] == nil { portBanks[port] = record / UInt32(FP_MAX_PORTS) }
        }
    }

    /// Ports that have received packets at some time.
    private func portsThatCounted() -> [UInt16] {
        do {
            let map = try fastPath.map("verdicts", key: UInt32.self, value: fp_counter.self)
            return try (0..<UInt16(FP_MAX_PORTS)).filter { port throws(BPFError) in
                for disposition in Disposition.allCases {
                    for reason in Reason.allCases {
                        let slot = fp_verdict_slot(UInt32(port), UInt32(disposition.rawValue), UInt32(reason.rawValue))
                        if try map.lookupPerCPU(slot)?.contains(where: { $0.packets != 0 }) ?? false { return true }
                    }
                }
                return false
            }
        } catch {
            complain("reading verdict counters: \(error)")
            return []
        }
    }
}
