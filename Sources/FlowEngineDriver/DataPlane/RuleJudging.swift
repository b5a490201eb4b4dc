// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// Which rules a change of tables can touch, and what becomes of them.
extension FlowEngineDataPlane {
    func prove(_ megaflow: Megaflow) throws(OffloadRefusal) -> MegaflowProof {
        try MegaflowProof(megaflow, state: state, entries: held, traits: traits, ports: nodePorts)
    }

    /// Places whose rule, or condemned rule, is one that a change of these entries can make wrong.
    func touched(by entries: [TableEntry]) -> [Int] {
        var touched: Set<Int> = []
        var others: [TableEntry] = []
        for entry in entries {
            if case .mac(let station) = entry {
                touched.formUnion(readers[station.key] ?? [])
                // What was never proven may rest on anything.
                others.append(entry)
            } else if TouchTest.matters(entry) {
                others.append(entry)
            }
        }
        if others.isEmpty { return touched.sorted() }
        for ordinal in tables.book.ordinalsInUse {
            guard let rule = tables.book[ordinal] else { continue }
            let isProven = infos[ordinal]?.isProven == true
            for entry in others {
                if case .mac = entry, isProven { continue }
                guard !isProven || TouchTest.touches(entry, rule.megaflow) else { continue }
                touched.insert(ordinal)
                break
            }
        }
        return touched.sorted()
    }

    /// Proves rules again and makes them right. Returns the places of those that could not be made right, with the reason.
    func judge(_ ordinals: [Int]) -> [(ordinal: Int, why: OffloadRefusal)] {
        var steps: [FlowCacheTables.Step] = []
        var changed: [Int] = []
        var failures: [(Int, OffloadRefusal)] = []
        for ordinal in ordinals {
            guard let rule = tables.book[ordinal] else { continue }
            guard rule.state != .condemned else {
                failures.append((ordinal, .hardware(tables.lastError ?? "the card could not be written")))
                continue
            }
            do throws(OffloadRefusal) {
                let proof = try prove(rule.megaflow)
                let word = try tables.book.word(for: proof.decision)
                learn(proof, ordinal)
                if proof.decision != rule.decision {
                    steps.append(.modify(ordinal, proof.decision, word))
                    changed.append(ordinal)
                }
                // Its action is right before it is there.
                if rule.state == .placed { steps.append(.write(ordinal)) }
            } catch {
                steps.append(.remove(ordinal))
            }
        }
        // What was counted until now was decided as before.
        if !changed.isEmpty { count(changed) }
        // Taking out first: what is wrong goes before anything else is written.
        let ordered = steps.filter { $0.isRemoval } + steps.filter { !$0.isRemoval }
        let results = tables.carryOut(ordered) { forget($0, withdrawing: true) }
        for (step, result) in zip(ordered, results) {
            guard let result else { continue }
            failures.append((step.ordinal, result))
            lose(step.ordinal)
        }
        return failures
    }

    /// Keeps what a proof tells of a rule.
    func learn(_ proof: MegaflowProof, _ ordinal: Int) {
        var info = infos[ordinal] ?? RuleInfo()
        for key in info.macsRead {
            readers[key]?.remove(ordinal)
            if readers[key]?.isEmpty == true { readers[key] = nil }
        }
        (info.refreshes, info.isProven) = (proof.refreshes, true)
        info.macsRead = Array(proof.macsRead)
        for key in info.macsRead { readers[key, default: []].insert(ordinal) }
        infos[ordinal] = info
    }

    /// A rule that is out of the card: its last count goes to whom it belongs.
    func forget(_ rule: CardRule, withdrawing: Bool) {
        let ordinal = rule.place.ordinal
        account(rule)
        guard let info = infos[ordinal] else { return }
        for key in info.macsRead {
            readers[key]?.remove(ordinal)
            if readers[key]?.isEmpty == true { readers[key] = nil }
        }
        infos[ordinal] = nil
        if let key = info.flow, var flow = held.flows[key], flow.rule == ordinal {
            flow.rule = nil
            flow.packets += rule.packets
            held.set(key, flow)
        }
        if withdrawing, info.isOffloaded { withdrawn.append(record(rule)) }
    }

    /// If it is not known what the card has of a rule, its flow does without; it is told of when it is gone.
    func lose(_ ordinal: Int) {
        guard tables.book[ordinal]?.state == .condemned, let key = infos[ordinal]?.flow, var flow = held.flows[key],
            flow.rule == ordinal
        else { return }
        flow.rule = nil
        held.set(key, flow)
    }

    func record(_ rule: CardRule) -> OffloadRecord {
        OffloadRecord(
            megaflow: rule.megaflow, decision: rule.decision, place: tables.book.describe(rule), packets: rule.packets,
            bytes: nil)
    }
}

extension FlowCacheTables.Step {
    var isRemoval: Bool { if case .remove = self { true } else { false } }
}

/// Whether a change of an entry can make a difference to the frames of a megaflow. Rather too often yes than too seldom.
enum TouchTest {
    /// What decides frames that are rewritten decides none that a rule can: whether they are, routes and flows say.
    static func matters(_ entry: TableEntry) -> Bool {
        switch entry {
        case .neighbor, .nextHop, .nextHopGroup: false
        default: true
        }
    }

    static func touches(_ entry: TableEntry, _ megaflow: Megaflow) -> Bool {
        func can<Value: Equatable>(_ given: Value?, be value: Value?) -> Bool {
            given == nil || value == nil || given == value
        }
        switch entry {
        case .flow(let flow):
            guard flow.origin == .static else { return false }
            if flow.key.isIPv6 { return megaflow.canBeIPv6 }
            guard case .v4(let source) = flow.key.sourceAddress, case .v4(let destination) = flow.key.destinationAddress
            else { return true }
            return can(megaflow.ipv4Source, be: source) && can(megaflow.ipv4Destination, be: destination)
                && can(megaflow.ipProtocol, be: flow.key.ipProtocol)
        case .route(let route):
            switch route.prefix.address {
            case .v6: return megaflow.canBeIPv6
            case .v4: return megaflow.ipv4Destination.map { route.prefix.contains(.v4($0)) } ?? true
            }
        case .myStation(let station):
            let isAddressed = megaflow.destinationMAC.map {
                ($0.rawValue ^ station.mac.rawValue) & station.macMask.rawValue == 0
            }
            return (isAddressed ?? true) && can(megaflow.ingressPort, be: station.port)
        case .vlan(let vlan):
            return megaflow.vlan == nil || megaflow.vlan == .untagged || megaflow.vlan == vlan.vlan
        case .neighbor, .nextHop, .nextHopGroup: return false
        case .mac, .port, .acl, .routerInterface: return true
        }
    }
}

extension Megaflow {
    /// As hardware reads frames; IPv4 addresses are read in IPv4 only.
    var canBeIPv6: Bool { ipv4Source == nil && ipv4Destination == nil }
}
