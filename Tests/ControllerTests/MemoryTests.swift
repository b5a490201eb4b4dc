// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

/// A node that is begun again and again on one store, each time on new tables.
private struct Node {
    let plane: ReferenceDataPlane
    let controller: NodeController

    init(
        _ store: ModelStore, _ text: String? = Fixture.yaml, facts: HostFacts = Fixture.facts
    ) async throws {
        let reference = ReferenceDataPlane()
        plane = reference
        var options = NodeController.Options()
        options.logger.logLevel = .critical
        nonisolated(unsafe) let owned: any DataPlane = reference
        controller = try NodeController(dataPlane: owned, store: store, options: options)
        try await controller.start(text.map { try Fixture.file($0) }, facts: facts)
    }

    func write(_ updates: TableUpdate...) async -> [UpdateResult] { await controller.write(updates) }

    /// Every entry, as the controller and as the tables have it.
    func entries() async -> Set<TableEntry> {
        var all: Set<TableEntry> = []
        for table in TableID.allCases {
            for record in await controller.entries(of: table) { all.insert(record.entry) }
        }
        return all
    }

    func wait(until condition: (NodeStatus) -> Bool) async throws -> NodeStatus {
        for _ in 0..<1000 {
            let status = await controller.status()
            if condition(status) { return status }
            try await Task.sleep(for: .milliseconds(10))
        }
        return await controller.status()
    }
}

private func route(_ prefix: String, _ action: RouteEntry.Action) throws -> TableEntry {
    .route(RouteEntry(prefix: try #require(IPPrefix(prefix)), action: action))
}

@Suite("What the node remembers")
struct MemoryTests {
    static let full = StoreProblem.full(path: "/state")

    @Test("what calls set, changed and deleted is there after a restart, with the file's and nothing else")
    func restart() async throws {
        let store = ModelStore()
        var node = try await Node(store)
        let key = FlowKey(
            routerInterface: RouterInterfaceID(rawValue: 1), source: Fixture.address("10.0.1.2"),
            destination: Fixture.address("192.0.2.7"), ipProtocol: 17, sourcePort: 1, destinationPort: 2)
        let results = await node.write(
            .insert(try route("100.64.0.0/10", .drop)), .modify(try route("192.0.2.0/24", .kernel)),
            .delete(try route("203.0.113.0/24", .drop)), .insert(.flow(FlowEntry(key: key, action: .drop))),
            .insert(try route("100.65.0.0/16", .drop)), .delete(try route("100.65.0.0/16", .drop)))
        #expect(results.allSatisfy { $0 == .applied })
        let before = await node.entries()
        let difference = await node.controller.difference()
        #expect(difference.count == 4)
        node = try await Node(store)
        #expect(await node.entries() == before)
        #expect(await node.controller.difference().map(\.amendment) == difference.map(\.amendment))
        // Without the file as well: it is remembered.
        node = try await Node(store, nil)
        #expect(await node.entries() == before)
        #expect(await node.controller.status().adoption?.isAdopted == false)
    }

    @Test("a file that differs is applied at the start: what it names is what it says, other changes by calls stay")
    func otherFile() async throws {
        let store = ModelStore()
        var node = try await Node(store)
        _ = await node.write(
            .insert(try route("100.64.0.0/10", .drop)), .modify(try route("192.0.2.0/24", .kernel)),
            .delete(try route("203.0.113.0/24", .drop)))
        let other = Fixture.yaml + "\n  - {prefix: 100.99.0.0/16, action: drop}\n"
        node = try await Node(store, other)
        #expect(await node.controller.difference().map(\.amendment.entry) == [try route("100.64.0.0/10", .drop)])
        let fresh = try await Node(ModelStore(), other)
        var expected = await fresh.entries()
        expected.insert(try route("100.64.0.0/10", .drop))
        #expect(await node.entries() == expected)
        // And the store agrees.
        #expect(store.disk.amendments.count == 1 && store.disk.node.configuration?.text == other)
    }

    @Test("next hops keep their numbers, and those that calls refer to stay when their neighbour is away")
    func numbers() async throws {
        let store = ModelStore()
        var facts = Fixture.facts
        facts.neighbors.append(.init(interface: "p1", address: Fixture.address("10.0.1.9"), mac: Fixture.mac(0x19)))
        var node = try await Node(store, facts: facts)
        func hop(_ address: String) async throws -> NextHopEntry {
            for record in await node.controller.entries(of: .nextHop) {
                if case .nextHop(let hop) = record.entry, hop.neighbor == Fixture.address(address) { return hop }
            }
            throw Missing()
        }
        let mine = try await hop("10.0.1.9")
        let files = try await hop("10.0.2.2")
        #expect(await node.write(.insert(try route("100.64.0.0/10", .nextHop(mine.id)))) == [.applied])
        facts = Fixture.facts
        try await node.controller.update(facts: facts)
        #expect(try await hop("10.0.1.9") == mine)
        node = try await Node(store, facts: facts)
        #expect(try await hop("10.0.1.9") == mine)
        #expect(try await hop("10.0.2.2") == files)
        #expect(await node.entries().contains(try route("100.64.0.0/10", .nextHop(mine.id))))
        #expect(await node.controller.status().complaints == [])
    }

    private struct Missing: Error {}

    @Test("an answer waits for the disk; what cannot be stored is undone, with all that came after it")
    func undone() async throws {
        let store = ModelStore()
        let node = try await Node(store)
        _ = await node.write(.insert(try route("100.64.0.0/10", .drop)))
        let before = await node.entries()
        let generation = node.plane.generation
        store.hold()
        let (changed, files) = (try route("100.64.0.0/10", .kernel), try route("203.0.113.0/24", .drop))
        let entries = try (0..<4).map { try route("100.\(70 + $0).0.0/16", .drop) }
        let controller = node.controller
        async let first = controller.write([.insert(entries[0]), .modify(changed)])
        async let second = controller.write([
            .delete(entries[0]), .delete(files), .insert(entries[1]), .insert(entries[1]),
        ])
        var status = try await node.wait { $0.memory?.pending == 2 }
        #expect(store.waiting == 2 && status.memory?.pending == 2)
        // The tables have them already, and the disk does not.
        #expect(await node.entries() != before && store.disk.amendments.count == 1)
        store.finish(Self.full)
        let results = await first + second
        #expect(
            results.allSatisfy {
                switch $0 {
                case .rejected(.notStored(_, _, let why)): why.contains("/state")
                case .rejected(.alreadyExists), .rejected(.notFound): true
                default: false
                }
            }, "\(results)")
        #expect(await node.entries() == before)
        #expect(node.plane.generation != generation)
        status = await node.controller.status()
        #expect(status.memory?.problem == Self.full && status.memory?.pending == 0)

        // Degraded: refused at once, without touching a table; the host is followed all the same.
        let refused = await node.write(.insert(entries[2]))
        #expect(refused.count == 1 && refused[0].error != nil)
        await #expect(throws: ApplyError.notStored(Self.full)) {
            try await node.controller.apply(
                try Fixture.file(Fixture.yaml + "\nacl_default: drop\n"), facts: Fixture.facts)
        }
        #expect(await node.entries() == before)
        var facts = Fixture.facts
        facts.neighbors.append(.init(interface: "p1", address: Fixture.address("10.0.1.9"), mac: Fixture.mac(0x19)))
        try await node.controller.update(facts: facts)
        #expect(await node.entries().count == before.count + 3)

        // And when there is room again, changes are taken, and what nobody waited for is stored.
        store.letRecover()
        status = try await node.wait { $0.memory?.problem == nil }
        #expect(status.memory?.problem == nil && store.recoveries > 0)
        #expect(await node.write(.insert(entries[3])) == [.applied])
        #expect(store.disk.amendments.count == 2)
        #expect(store.disk.node.identities.nextHops.given.count > 4)
    }

    @Test("a configuration that cannot be stored is not applied, and the one before it is in force")
    func undoneConfiguration() async throws {
        let store = ModelStore()
        let node = try await Node(store)
        _ = await node.write(.insert(try route("100.64.0.0/10", .drop)), .modify(try route("192.0.2.0/24", .kernel)))
        let before = await node.entries()
        store.hold()
        let file = try Fixture.file(Fixture.yaml.replacing("action: drop", with: "action: kernel"))
        let controller = node.controller
        let applied = Task { try await controller.apply(file, facts: Fixture.facts) }
        _ = try await node.wait { $0.memory?.pending == 1 }
        #expect(await node.entries() != before)
        store.finish(Self.full)
        await #expect(throws: ApplyError.notStored(Self.full)) { try await applied.value }
        #expect(await node.entries() == before)
        #expect(await node.controller.configuration == (try Fixture.configuration()))
        #expect(await node.controller.difference().count == 2)
    }

    @Test("a node whose store cannot be read runs by its file, degraded")
    func unreadable() async throws {
        let store = ModelStore()
        store.set(unreadable: .corrupt(path: "/state", what: "not a database"))
        let node = try await Node(store)
        let status = await node.controller.status()
        #expect(status.memory?.problem?.name == "corrupt")
        let expected = try await Node(ModelStore()).entries()
        #expect(await node.entries() == expected)
        #expect(await node.write(.insert(try route("100.64.0.0/10", .drop)))[0].error != nil)
        await #expect(throws: ApplyError.notConfigured) { try await Node(store, nil) }
    }

    @Test("what the tables do not take at the start is named, stays stored, and keeps nothing else out")
    func notInstalled() async throws {
        let store = ModelStore()
        var node = try await Node(store)
        _ = await node.write(.insert(try route("100.64.0.0/10", .drop)))
        var disk = store.disk
        let dangling = try route("100.65.0.0/16", .nextHop(NextHopID(rawValue: 4711)))
        disk.amendments[dangling.entryKey] = Amendment(.set, dangling, time: 0)
        let again = ModelStore(disk)
        node = try await Node(again)
        #expect(await node.entries().contains(try route("100.64.0.0/10", .drop)))
        let complaints = await node.controller.status().complaints
        #expect(complaints.count == 1 && complaints[0].contains("next hop 4711"), "\(complaints)")
        _ = await node.write(.insert(try route("100.66.0.0/16", .drop)))
        #expect(again.disk.amendments[dangling.entryKey] != nil && again.disk.amendments.count == 3)
    }

    @Test("any series of calls, files and restarts leaves what a model of the rule says", arguments: 0..<20)
    func rule(seed: UInt64) async throws {
        var random = Random(state: seed)
        let store = ModelStore()
        var node = try await Node(store)
        let prefixes = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "100.64.0.0/10", "100.65.0.0/16"]
        let named = prefixes[0..<3]
        func file(_ actions: [String: String]) -> String {
            "ports:\n  - {name: p1, addresses: [10.0.1.1/24]}\nroutes:\n"
                + actions.sorted { $0.key < $1.key }.map { "  - {prefix: \($0), action: \($1)}\n" }.joined()
        }
        // The rule: the last word wins; a file speaks of what it names and takes back what only the one before it named.
        var inFile: [String: String] = [:]
        var model: [String: String] = [:]
        var byCall: Set<String> = []
        var text = file([:])
        node = try await Node(store, text)
        for _ in 0..<30 {
            let prefix = try #require(prefixes.randomElement(using: &random))
            let action: RouteEntry.Action = random.next() % 2 == 0 ? .drop : .kernel
            let word = action == .drop ? "drop" : "kernel"
            switch random.next() % 5 {
            case 0:
                if await node.write(.insert(try route(prefix, action))) == [.applied] {
                    model[prefix] = word
                    // What a call makes as the file has it is the file's again.
                    if inFile[prefix] == word { byCall.remove(prefix) } else { byCall.insert(prefix) }
                }
            case 1:
                if await node.write(.modify(try route(prefix, action))) == [.applied] {
                    model[prefix] = word
                    // What a call makes as the file has it is the file's again.
                    if inFile[prefix] == word { byCall.remove(prefix) } else { byCall.insert(prefix) }
                }
            case 2:
                if await node.write(.delete(try route(prefix, action))) == [.applied] {
                    model[prefix] = nil
                    byCall.insert(prefix)
                }
            case 3: node = try await Node(store, random.next() % 2 == 0 ? nil : text)
            default:
                var actions: [String: String] = [:]
                for name in named where random.next() % 3 > 0 {
                    actions[name] = random.next() % 2 == 0 ? "drop" : "kernel"
                }
                let isOther = file(actions) != text || random.next() % 2 == 0
                text = file(actions)
                if random.next() % 2 == 0 || !isOther {
                    try await node.controller.apply(try Fixture.file(text), facts: Fixture.facts)
                } else if file(inFile) != text {
                    node = try await Node(store, text)
                } else {
                    continue
                }
                for name in inFile.keys where actions[name] == nil && !byCall.contains(name) { model[name] = nil }
                for (name, word) in actions {
                    model[name] = word
                    byCall.remove(name)
                }
                inFile = actions
            }
            var found: [String: String] = [:]
            for record in await node.controller.entries(of: .ipv4) {
                guard case .route(let route) = record.entry, prefixes.contains("\(route.prefix)") else { continue }
                found["\(route.prefix)"] = route.action == .drop ? "drop" : "kernel"
            }
            #expect(found == model, "seed \(seed)")
        }
    }
}

/// SplitMix64.
private struct Random: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
