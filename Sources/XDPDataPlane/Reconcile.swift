// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Tables

/// One comparison of the tables with what is wanted: what it may do, and what it has found so far.
struct ReconcilePass {
    let repairs: Bool
    var report: ReconcileReport
    /// The generation has been advanced for the sake of what is repaired.
    var hasAdvanced = false
    /// Slots of next hops that were found to be unwanted, and are yet to be made unresolved.
    var unlinked: Set<UInt32> = []
    /// Slots of groups that nobody wants, and that routes may point at until they have been looked at.
    var releasedGroups: [UInt32] = []

    init(repairs: Bool) {
        self.repairs = repairs
        report = ReconcileReport(repairs: repairs)
    }

    /// Notes a discrepancy. Where more have been found than are named, the words are not made.
    mutating func add(
        _ kind: Discrepancy.Kind, _ table: TableID?, _ subject: @autoclosure () -> String,
        _ detail: @autoclosure () -> String = "", failure: String? = nil
    ) {
        if report.discrepancies.count < ReconcileReport.limit {
            return report.add(Discrepancy(kind, table: table, subject: subject(), detail: detail(), failure: failure))
        }
        switch kind {
        case .missing: report.missing += 1
        case .extra: report.extra += 1
        case .altered: report.altered += 1
        }
        if failure != nil { report.failed += 1 }
    }
}

extension ReconcilePass {
    /// Where the next discrepancy will stand; nil if it is only counted.
    var place: Int? {
        report.discrepancies.count < ReconcileReport.limit ? report.discrepancies.count : nil
    }

    /// A discrepancy that has been noted could not be repaired.
    mutating func fail(_ place: Int?, _ why: String) {
        report.failed += 1
        if let place { report.discrepancies[place].failure = why }
    }
}

/// What was found, and what is right.
func found(_ found: some BinaryInteger, _ right: some BinaryInteger) -> String {
    "0x\(String(found, radix: 16)) in place of 0x\(String(right, radix: 16))"
}

extension XDPDataPlane: ReconcilableDataPlane {
    /// Every record that the programs read is made anew, by the code that writes it, and compared with the one in force.
    ///
    /// Which slots and records the entries have is known to the process that gave them; one that has found the tables goes by the
    /// names they bear. `state` is to count the references of the static flows that are wanted, as it does where flows are written one
    /// after the other.
    public func reconcileTables(_ wanted: TableState, repair: Bool) -> ReconcileReport {
        var pass = ReconcilePass(repairs: repair)
        let own = state
        state = wanted
        nextHopCache.clear()
        reconcileSettings(&pass)
        reconcilePorts(&pass)
        reconcileVLANs(&pass)
        identifyNextHops(&pass)
        reconcileNextHops(&pass)
        reconcileGroups(&pass)
        reconcileRoutes(&pass)
        reconcileRules(&pass)
        // Only now does nothing name what is not wanted any more.
        reconcileRetiredNextHops(&pass)
        reconcileInterfaces(&pass)
        reconcileDevices(&pass)
        reconcilePins(&pass)
        nextHopCache.clear()
        if repair || isAdopted {
            for id in 0..<UInt16(FP_MAX_ROUTER_INTERFACES) {
                knownRouterInterfaces[Int(id)] = state.routerInterface(RouterInterfaceID(rawValue: id)) != nil
            }
            for case .port(let entry) in state.entries(of: .port) { countedPorts.insert(entry.port.rawValue) }
        } else {
            state = own
        }
        isAdopted = false
        return pass.report
    }

    /// Derived entries are of another policy from here on. Called before the first repair that they could depend on.
    func advance(_ pass: inout ReconcilePass) {
        guard pass.repairs, !pass.hasAdvanced else { return }
        pass.hasAdvanced = true
        advanceGeneration()
    }

    // MARK: Settings

    private func reconcileSettings(_ pass: inout ReconcilePass) {
        let settings = fastPath.settings
        pass.report.checked += 9
        if settings.pointee.generation != generationInForce {
            pass.add(.altered, nil, "setting generation", found(settings.pointee.generation, generationInForce))
            advance(&pass)
        }
        if settings.pointee.abi_version != UInt32(FP_ABI_VERSION) {
            pass.add(.altered, nil, "setting abi_version", found(settings.pointee.abi_version, FP_ABI_VERSION))
            if pass.repairs { settings.pointee.abi_version = UInt32(FP_ABI_VERSION) }
        }
        if settings.pointee.created != fastPath.marker {
            pass.add(.altered, nil, "setting created", found(settings.pointee.created, fastPath.marker))
            if pass.repairs { settings.pointee.created = fastPath.marker }
        }
        if settings.pointee.name_key != fastPath.nameKey {
            pass.add(.altered, nil, "setting name_key")
            if pass.repairs { settings.pointee.name_key = fastPath.nameKey }
        }
        reconcileSeeds(&pass)
        let budget = FastPath.eventBudget(configuration)
        if settings.pointee.event_budget != budget {
            pass.add(.altered, nil, "setting event_budget", "\(settings.pointee.event_budget) in place of \(budget)")
            if pass.repairs { memory_store_release32(&settings.pointee.event_budget, budget) }
        }
        let flags =
            (state.aclDefault == .drop ? UInt32(FP_SETTING_ACL_DEFAULT_DROP) : 0)
            | (isChained ? UInt32(FP_SETTING_CHAIN) : 0)
        if settings.pointee.flags != flags {
            pass.add(.altered, nil, "setting flags", found(settings.pointee.flags, flags))
            if (settings.pointee.flags ^ flags) & UInt32(FP_SETTING_ACL_DEFAULT_DROP) != 0 { advance(&pass) }
            if pass.repairs { memory_store_release32(&settings.pointee.flags, flags) }
        }
        if timeIsSet, settings.pointee.epoch != now.rawValue {
            pass.add(.altered, nil, "setting epoch", found(settings.pointee.epoch, now.rawValue))
            if pass.repairs { memory_store_release16(&settings.pointee.epoch, now.rawValue) }
        }
        let moves = memory_load_acquire32(&settings.pointee.moves)
        if moves & 1 != 0 {
            // No entry is being moved now: readers would look again and again for nothing.
            pass.add(.altered, nil, "setting moves", "odd while nothing moves")
            if pass.repairs { memory_store_release32(&settings.pointee.moves, moves &+ 1) }
        }
    }

    private func reconcileSeeds(_ pass: inout ReconcilePass) {
        let repairs = pass.repairs
        let differs = withUnsafeMutableBytes(of: &fastPath.settings.pointee.seed) { bytes in
            let words = bytes.bindMemory(to: UInt64.self)
            var differs = false
            for (place, word) in fastPath.seeds.joined().enumerated() where words[place] != word {
                differs = true
                if repairs { words[place] = word }
            }
            return differs
        }
        if differs { pass.add(.altered, nil, "setting seed") }
    }

    // MARK: Ports

    private func reconcilePorts(_ pass: inout ReconcilePass) {
        for number in 0...PortID.maximum {
            let port = PortID(rawValue: number)
            let wanted = record(of: port)
            let entry = state.port(port)
            // No interface is this port: nothing says which record is in force, and nobody reads it.
            if isAdopted, portBanks[port] == nil {
                let isSecond = sameBytes(fastPath.ports[Int(number) + Int(FP_MAX_PORTS)].stations, wanted.stations)
                portBanks[port] = isSecond && !sameBytes(fastPath.ports[Int(number)].stations, wanted.stations) ? 1 : 0
            }
            let inForce = fastPath.ports + recordInForce(port)
            let heads = [inForce.pointee.head, fastPath.ports[recordInForce(port) ^ Int(FP_MAX_PORTS)].head]
            let headIsRight = heads == [wanted.head, wanted.head]
            let stationsAreRight = sameBytes(inForce.pointee.stations, wanted.stations)
            if entry != nil { pass.report.checked += 1 + state.stations(of: port).count }
            if headIsRight && stationsAreRight { continue }
            if !headIsRight {
                let kind: Discrepancy.Kind = entry == nil ? .extra : heads == [0, 0] ? .missing : .altered
                let wrong = heads[0] == wanted.head ? heads[1] : heads[0]
                pass.add(kind, .port, "port \(number)", found(wrong, wanted.head))
            }
            // Those of a port that is not there, or is not wanted, come and go with it.
            if !stationsAreRight, (entry == nil) == (heads == [0, 0]) {
                let none = inForce.pointee.stations.0.rif == 0
                let isExtra = entry == nil || state.stations(of: port).isEmpty
                let kind: Discrepancy.Kind = isExtra ? .extra : none ? .missing : .altered
                pass.add(kind, .myStation, "stations of port \(number)")
            }
            guard pass.repairs else { continue }
            if !stationsAreRight || heads.contains(where: { ($0 ^ wanted.head) & Self.policyOfHead != 0 }) {
                advance(&pass)
            }
            programPort(port)
        }
    }

    /// Which interface is which port: what is not ours would let an interface's frames in as a port's.
    private func reconcileInterfaces(_ pass: inout ReconcilePass) {
        var wanted: [Int: UInt64] = [:]
        for (interface, bound) in interfaceSlots {
            wanted[bound.slot] = fp_interface_slot(interface, UInt32(recordInForce(bound.port)))
        }
        pass.report.checked += wanted.count
        for slot in 0..<Int(FP_IFINDEX_SLOTS + FP_IFINDEX_PROBES) {
            let word = memory_load_acquire64(fastPath.interfaces + slot)
            let right = wanted[slot] ?? 0
            // A test run's packets come from loopback, which is any port for the moment.
            if word == right || (slot == 1 && right == 0 && processor != nil) { continue }
            let interface = UInt32(truncatingIfNeeded: right == 0 ? word : right)
            pass.add(
                right == 0 ? .extra : word == 0 ? .missing : .altered, nil, "port of interface \(interface)",
                found(word, right))
            if pass.repairs { memory_store_release64(fastPath.interfaces + slot, right) }
        }
    }

    // MARK: VLANs

    private func reconcileVLANs(_ pass: inout ReconcilePass) {
        pass.report.checked += state.count(of: .vlan)
        let none = fp_vlan_members()
        for number in 0..<UInt16(FP_MAX_VLANS) {
            let vlan = VLANID(rawValue: number)
            let record = fastPath.vlans + Int(number)
            let wanted = members(of: vlan)
            let inForce = record.pointee.state == 0 ? record.pointee.half.0 : record.pointee.half.1
            if sameBytes(inForce, wanted) && record.pointee.state <= 1 { continue }
            let kind: Discrepancy.Kind =
                state.vlan(vlan) == nil ? .extra : sameBytes(inForce, none) ? .missing : .altered
            pass.add(
                kind, .vlan, "VLAN \(number)",
                "members \(found(inForce.members, wanted.members)), "
                    + "untagged \(found(inForce.untagged, wanted.untagged))")
            if pass.repairs { programVLAN(vlan) }
        }
    }

    // MARK: ACL

    private func reconcileRules(_ pass: inout ReconcilePass) {
        let entries = state.acl
        let wantedIDs = Set(entries.map(\.id))
        let word = memory_load_acquire32(&fastPath.settings.pointee.acl)
        let rules = fastPath.acl + Int(word >> 31) * Int(FP_MAX_ACL_RULES)
        let count = Int(word & 0x7fff_ffff)
        var places: [UInt32: Int] = [:]
        for place in 0..<min(count, Int(FP_MAX_ACL_RULES)) where places[rules[place].id] == nil {
            places[rules[place].id] = place
        }
        pass.report.checked += entries.count
        let before = pass.report.found
        // In the order they are searched, those that are in both.
        let kept = places.keys.filter(wantedIDs.contains).sorted { places[$0, default: 0] < places[$1, default: 0] }
        var next = 0
        for entry in entries {
            guard let there = places[entry.id] else {
                pass.add(.missing, .acl, "ACL entry \(entry.id)")
                continue
            }
            let isInOrder = kept[next] == entry.id
            next += 1
            if isInOrder, sameBytes(rules[there], rule(entry)) { continue }
            pass.add(.altered, .acl, "ACL entry \(entry.id)")
        }
        for (id, place) in places where !wantedIDs.contains(id) {
            pass.add(.extra, .acl, "ACL entry \(id)", "in place \(place)")
        }
        if pass.report.found == before, count != entries.count {
            pass.add(.altered, .acl, "number of entries", "\(count) in place of \(entries.count)")
        }
        guard pass.repairs else { return }
        if pass.report.found != before {
            advance(&pass)
            for entry in entries where aclCounterSlots[entry.id] == nil {
                if let counter = takeCounter() { aclCounterSlots[entry.id] = counter }
            }
            writeACL()
        }
        for (id, counter) in aclCounterSlots where !wantedIDs.contains(id) {
            aclCounterSlots[id] = nil
            aclCounterPool.giveBack(counter)
        }
    }
}
