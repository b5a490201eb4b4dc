// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport

@testable import Controller

/// The policy with flows that have rates, and a card that has room; rounds of one second. One rule for each flow.
struct PolicyTrial {
    struct Flow {
        var owner: UInt16
        var rate: Double
        var slot: Int
    }

    var policy: TierPolicy
    var flows: [Flow] = []
    var now: UInt64 = 1_000_000_000
    let capacity: Int
    let collisions: Int
    /// What every rule needs one of; nil: there is enough.
    var actions: Int?
    /// Why the planner refuses a flow; nil: it does not.
    var refusal: (Int) -> OffloadRefusal? = { _ in nil }
    /// Frames of these do not meet their rules.
    var missing: Set<Int> = []

    private(set) var placed: [Int: String] = [:]
    private var counts: [Int: UInt64] = [:]
    private(set) var moves = 0
    /// Flows tried in the last round, and ever.
    private(set) var tried: [Int] = []
    private(set) var tries = 0
    private(set) var mostMoves = 0

    init(capacity: Int = 64, collisions: Int = 8, settings: TierSettings = TierSettings()) {
        policy = TierPolicy(settings)
        (self.capacity, self.collisions) = (capacity, collisions)
    }

    @discardableResult
    mutating func add(_ count: Int, owner: UInt16, rate: Double, slot: Int? = nil) -> Range<Int> {
        let first = flows.count
        for index in first..<first + count { flows.append(Flow(owner: owner, rate: rate, slot: slot ?? index)) }
        return first..<first + count
    }

    var tables: [OffloadTable] {
        let inCollision = placed.values.count { $0 == "collision" }
        return [
            OffloadTable(name: "emh", capacity: capacity, used: placed.count - inCollision, wordsPerRule: 12),
            OffloadTable(name: "collision", capacity: collisions, used: inCollision, wordsPerRule: 12),
        ]
            + (actions.map {
                [
                    OffloadTable(
                        name: "action", capacity: $0, used: placed.count, wordsPerRule: 1, holdsRules: false)
                ]
            } ?? [])
    }

    func placed(of owner: UInt16) -> Int { placed.keys.count { flows[$0].owner == owner } }

    static func megaflow(_ flow: Int) -> Megaflow {
        var megaflow = Megaflow()
        megaflow.ipv4Source = IPv4Address(rawValue: UInt32(flow))
        return megaflow
    }

    static func entry(_ flow: Int) -> FlowEntry {
        FlowEntry(
            key: FlowKey(
                routerInterface: RouterInterfaceID(rawValue: 1), source: .v4(IPv4Address(rawValue: UInt32(flow))),
                destination: .v4(IPv4Address(rawValue: 1)), ipProtocol: 17), action: .drop)
    }

    private mutating func remove(_ megaflow: Megaflow) {
        guard let flow = megaflow.ipv4Source.map({ Int($0.rawValue) }) else { return }
        if placed.removeValue(forKey: flow) != nil { moves += 1 }
        counts[flow] = nil
    }

    private mutating func place(_ flow: Int) -> Result<[Megaflow], OffloadRefusal> {
        if let refusal = refusal(flow) { return .failure(refusal) }
        let isTaken = placed.contains { $0.value == "emh" && flows[$0.key].slot == flows[flow].slot }
        let table = isTaken ? "collision" : "emh"
        let room = isTaken ? collisions : capacity
        guard placed.values.count(where: { $0 == table }) < room else {
            return .failure(.full(table: table, capacity: room))
        }
        if let actions, placed.count >= actions { return .failure(.full(table: "action", capacity: actions)) }
        placed[flow] = table
        moves += 1
        return .success([Self.megaflow(flow)])
    }

    private mutating func look() {
        policy.look(at: placed.map { (Self.megaflow($0.key), counts[$0.key] ?? 0, $0.value) }, now: now)
    }

    /// A second passes; `noise` changes each rate by up to this part of it.
    mutating func round(noise: Double = 0, using random: inout SeededGenerator) {
        now += 1_000_000_000
        let before = moves
        for (index, flow) in flows.enumerated() {
            let rate = flow.rate * (1 + Double.random(in: -noise...noise, using: &random))
            if placed[index] != nil, !missing.contains(index) { counts[index, default: 0] += UInt64(rate) }
            guard rate >= policy.settings.promote else { continue }
            let owner = policy.settings.tenants.owner(of: PortID(rawValue: flow.owner))
            policy.hot.add(OffloadSample(.flow(Self.entry(index)), rate: rate, owner: owner))
        }
        look()
        let now = now
        let tables = tables
        let decided = policy.decide(tables: tables, now: now)
        for megaflow in decided.withdrawals { remove(megaflow) }
        tried = []
        for move in decided.offloads {
            guard case .flow(let flow) = move.sample.entry else { continue }
            let index = Int(truncatingIfNeeded: flow.key.source.low)
            tried.append(index)
            if refusal(index) == nil, let victim = move.victim { remove(victim) }
            policy.settle(move, place(index), tables: tables, now: now)
        }
        tries += tried.count
        look()
        mostMoves = max(mostMoves, moves - before)
    }

    mutating func rounds(_ count: Int, noise: Double = 0, using random: inout SeededGenerator) {
        for _ in 0..<count { round(noise: noise, using: &random) }
    }
}
