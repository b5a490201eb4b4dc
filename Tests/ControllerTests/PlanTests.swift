// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("The plan of the tables")
struct PlanTests {
    private func plan(
        _ text: String, facts: HostFacts = Fixture.facts, _ identities: inout Identities
    ) throws -> TablePlan {
        TablePlan(try Fixture.configuration(text), facts: facts, identities: &identities)
    }

    private func set(_ plan: TablePlan) -> [EntryKey: TableEntry] {
        Dictionary(plan.entries.map { ($0.entryKey, $0) }) { first, _ in first }
    }

    private func route(_ plan: TablePlan, _ prefix: String) -> RouteEntry.Action? {
        guard let prefix = IPPrefix(prefix), case .route(let route)? = set(plan)[.route(.default, prefix)] else {
            return nil
        }
        return route.action
    }

    @Test("entries come in the order a data plane takes them, and each of them is taken")
    func order() throws {
        var identities = Identities()
        let plane = ReferenceDataPlane()
        let results = plane.write(try plan(Fixture.yaml, &identities).entries.map { .insert($0) })
        #expect(results.allSatisfy { $0 == .applied }, "\(results.compactMap(\.error))")
    }

    @Test("own addresses and connected networks go to the kernel, resolved neighbours by a next hop")
    func connected() throws {
        var identities = Identities()
        let plan = try plan(Fixture.yaml, &identities)
        #expect(route(plan, "10.0.1.1/32") == .kernel)
        #expect(route(plan, "10.0.1.0/24") == .kernel)
        #expect(route(plan, "fd00:2::1/128") == .kernel)
        guard case .nextHop? = route(plan, "10.0.2.2/32") else {
            Issue.record("a host route to the neighbour")
            return
        }
        #expect(plan.notices.isEmpty)
    }

    @Test("a route into a part of a connected network is stronger than the neighbour behind it, as in Linux")
    func innerRoute() throws {
        var identities = Identities()
        let plan = try plan(
            Fixture.yaml.replacing("routes:", with: "routes:\n  - {prefix: 10.0.2.0/25, via: 10.0.3.2}"), &identities)
        #expect(route(plan, "10.0.2.2/32") == nil)
    }

    @Test("the file's routes are stronger than those that addresses make, and none is no route at all")
    func fileFirst() throws {
        var identities = Identities()
        var facts = Fixture.facts
        facts.interfaces["p4"] = Fixture.interface("p4", 4, addresses: ["10.0.4.1/24"])
        let plan = try plan(
            """
            ports: [{name: p2, addresses: [10.0.2.1/24]}, {name: p4}]
            routes:
              - {prefix: 10.0.4.0/24, action: drop}
              - {prefix: 10.0.4.1/32, action: none}
              - {prefix: 10.0.2.0/24, action: none}
              - {prefix: 10.0.2.2/32, action: none}
            """, facts: facts, &identities)
        #expect(route(plan, "10.0.4.0/24") == .drop)
        #expect(route(plan, "10.0.2.1/32") == .kernel)
        for prefix in ["10.0.4.1/32", "10.0.2.0/24", "10.0.2.2/32"] { #expect(route(plan, prefix) == nil) }
        #expect(!plan.entries.contains { if case .nextHop = $0 { true } else { false } })
        let absent = try #require(IPPrefix("10.0.2.0/24"))
        #expect(plan.names(.route(.default, absent)))
    }

    @Test("a neighbour of the file can be none, and can be without a host route of its own")
    func neighbors() throws {
        var identities = Identities()
        let plan = try plan(
            """
            ports: [{name: p1, addresses: [10.0.1.1/24]}, {name: p2, addresses: [10.0.2.1/24]}]
            neighbors:
              - {address: 10.0.1.2, mac: none}
              - {address: 10.0.1.3, mac: none, route: false}
              - {address: 10.0.1.4, mac: "02:00:00:00:00:14"}
              - {address: 10.0.1.5, mac: "02:00:00:00:00:15", route: false}
              - {address: 10.0.2.2, mac: "02:00:00:00:00:99", route: false}
            """, &identities)
        let found = plan.entries.compactMap { entry in
            if case .neighbor(let neighbor) = entry { "\(neighbor.address) \(neighbor.mac)" } else { nil }
        }
        // The kernel has resolved 10.0.1.2 and 10.0.2.2.
        #expect(
            found.sorted() == [
                "10.0.1.4 02:00:00:00:00:14", "10.0.1.5 02:00:00:00:00:15", "10.0.2.2 02:00:00:00:00:99",
                "fd00:2::2 02:00:00:00:00:22",
            ])
        let hosts = (2...5).map { route(plan, "10.0.1.\($0)/32") != nil }
        #expect(hosts == [true, false, true, false])
        #expect(route(plan, "10.0.2.2/32") != nil, "the kernel's neighbour has its route all the same")
    }

    @Test("a number stays with its name when a call changes the entry, and is not given to another")
    func changedByCall() throws {
        var identities = Identities()
        let before = try plan(Fixture.yaml, &identities)
        guard case .nextHop(let id)? = route(before, "192.0.2.0/24") else {
            Issue.record("192.0.2.0/24 has a next hop")
            return
        }
        let changed = NextHopEntry(
            id: id, routerInterface: RouterInterfaceID(rawValue: 3), neighbor: Fixture.address("10.0.3.7"))
        let new = NextHopEntry(
            id: NextHopID(rawValue: 40), routerInterface: RouterInterfaceID(rawValue: 3),
            neighbor: Fixture.address("10.0.3.8"))
        let after = TablePlan(
            try Fixture.configuration(Fixture.yaml + "\n  - {prefix: 10.7.0.0/16, via: 10.0.3.8}\n"),
            facts: Fixture.facts,
            identities: &identities, reserved: [.nextHop(changed), .nextHop(new)])
        #expect(route(after, "192.0.2.0/24") == .nextHop(id))
        #expect(route(after, "10.7.0.0/16") != .nextHop(new.id))
    }

    @Test("a missing interface leaves the port down, and what routes by it in place")
    func missingInterface() throws {
        var identities = Identities()
        var facts = Fixture.facts
        facts.interfaces["p2"] = nil
        let plan = try plan(Fixture.yaml, facts: facts, &identities)
        guard case .port(let port)? = set(plan)[.port(PortID(rawValue: 2))] else {
            Issue.record("port 2 is planned")
            return
        }
        #expect(!port.up)
        #expect(plan.notices.contains { $0.contains("there is no interface p2") })
        #expect(ReferenceDataPlane().write(plan.entries.map { .insert($0) }).allSatisfy { $0 == .applied })
    }

    @Test("a renamed interface keeps its port")
    func renamed() throws {
        var identities = Identities()
        _ = try plan(Fixture.yaml, &identities)
        var facts = Fixture.facts
        facts.interfaces["p2"] = nil
        facts.interfaces["lan"] = Fixture.interface("lan", 2, addresses: ["10.0.2.1/24"])
        let plan = try plan(Fixture.yaml, facts: facts, &identities)
        #expect(plan.bindings.first { $0.name == "p2" }?.interface == "lan")
        #expect(plan.notices.contains { $0.contains("now called lan") })
    }

    @Test("numbers stay while names stay, and are free again when they go")
    func identities() throws {
        var identities = Identities()
        let before = try plan(Fixture.yaml, &identities)
        // p1 goes, and what stood before p2 and p3 with it.
        let without = Fixture.yaml.replacing("  - {name: p1, addresses: [10.0.1.1/24, \"fd00:1::1/64\"]}\n", with: "")
        let after = try plan(without, &identities)
        for name in ["p2", "p3"] {
            #expect(after.bindings.first { $0.name == name }?.port == before.bindings.first { $0.name == name }?.port)
        }
        #expect(route(after, "192.0.2.0/24") == route(before, "192.0.2.0/24"))
        #expect(route(after, "198.51.100.0/24") == route(before, "198.51.100.0/24"))
        #expect(after.bindings.map(\.port.rawValue) == [2, 3])
        let again = try plan(Fixture.yaml, &identities)
        #expect(Set(again.entries) == Set(before.entries))
    }

    @Test("every difference between two plans is accepted, and leads from one to the other")
    func difference() throws {
        let variants = [
            Fixture.yaml,
            Fixture.yaml.replacing("via: 10.0.2.2}", with: "via: [10.0.2.2, 10.0.3.2]}"),
            Fixture.yaml.replacing("weight: 3", with: "weight: 5").replacing("action: drop", with: "via: 10.0.1.2"),
            "ports:\n  - {name: p3, addresses: [10.0.3.1/24]}\n  - {name: p9, mode: switched}\nvlans: [{id: 1, untagged: [p9]}]\nmacs: [{vlan: 1, mac: \"02:00:00:00:00:99\", port: p9}]\nacl: [{id: 1, priority: 1, action: redirect p9}]\nflows: [{port: p3, source: 10.0.3.2, destination: 9.9.9.9, protocol: 50, action: via 10.0.3.2}]\n",
            "acl_default: drop\nports:\n  - {name: p2, vrf: 3, addresses: [10.0.2.1/24]}\nroutes: [{prefix: 0.0.0.0/0, via: 10.0.2.2, vrf: 3}]\n",
        ]
        for a in variants {
            for b in variants {
                for order in [TableDifference.Order.makeBeforeBreak, .breakBeforeMake] {
                    var identities = Identities()
                    let first = try plan(a, &identities)
                    let second = try plan(b, &identities)
                    let plane = ReferenceDataPlane()
                    #expect(plane.write(first.entries.map { .insert($0) }).allSatisfy { $0 == .applied })
                    let updates = TableDifference.updates(from: set(first), to: set(second), order: order)
                    let results = plane.write(updates)
                    #expect(results.allSatisfy { $0 == .applied }, "\(results.compactMap(\.error))")
                    #expect(plane.allEntries == Set(second.entries))
                    if a == b { #expect(updates.isEmpty) }
                }
            }
        }
    }
}

@Suite("Applying a configuration")
struct ApplyTests {
    static let other = """
        ports:
          - {name: p1, addresses: [10.0.1.1/24]}
          - {name: p2, addresses: [10.0.2.1/24]}
          - {name: p4, interface: p3, addresses: [10.0.4.1/24]}
        routes:
          - {prefix: 192.0.2.0/24, via: 10.0.4.2}
          - {prefix: 198.51.100.0/24, via: [10.0.2.2, 10.0.4.2]}
        acl:
          - {id: 7, priority: 1, match: {protocol: udp, destination_port: 53}, action: redirect p4}
        flows:
          - {port: p1, source: 10.0.1.2, destination: 9.9.9.9, protocol: 50, action: via 10.0.4.2}
        """

    @Test("whichever update fails, the tables are as before, and the next attempt succeeds")
    func undo() throws {
        let count = try {
            let core = Fixture.core(ReferenceDataPlane())
            _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
            return core.preview(try Fixture.configuration(Self.other), facts: Fixture.facts).updates.count
        }()
        #expect(count > 20)
        for failing in 0..<count {
            let plane = FailingDataPlane(ReferenceDataPlane())
            let core = Fixture.core(plane)
            _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
            let before = plane.allEntries
            let generation = plane.generation
            plane.remaining = failing
            let error = #expect(throws: ApplyError.self) {
                try core.apply(Fixture.configuration(Self.other), facts: Fixture.facts, now: 0)
            }
            guard case .rejected(_, .backEnd, let remains)? = error else {
                Issue.record("the data plane's error reaches the caller: \(String(describing: error))")
                return
            }
            #expect(remains.isEmpty)
            #expect(plane.allEntries == before, "update \(failing)")
            #expect(plane.generation != generation)
            #expect(core.refused == 1)
            plane.remaining = .max
            _ = try core.apply(Fixture.configuration(Self.other), facts: Fixture.facts, now: 0)
            #expect(plane.allEntries == Set(core.wanted.all))
        }
    }

    @Test("what the tables would not take is refused before anything is written")
    func rehearsal() throws {
        let plane = FailingDataPlane(ReferenceDataPlane())
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
        // A user's route holds on to a next hop of the file.
        guard case .nextHop(let hop)? = core.state.route(vrf: .default, to: Fixture.address("192.0.2.1"))?.action,
            let prefix = IPPrefix("100.64.0.0/10")
        else {
            Issue.record("192.0.2.0/24 has a next hop")
            return
        }
        #expect(
            core.write([.insert(.route(RouteEntry(prefix: prefix, action: .nextHop(hop))))], idleTimeouts: [:], now: 0)
                == [.applied])
        plane.remaining = 0
        let error = #expect(throws: ApplyError.self) {
            try core.apply(
                Fixture.configuration("ports: [{name: p1, addresses: [10.0.1.1/24]}]"), facts: Fixture.facts, now: 0)
        }
        #expect(plane.remaining == 0, "nothing was written")
        #expect(error?.description.contains("100.64.0.0/10") == true, "\(String(describing: error))")
    }

    @Test("users' entries survive a reload; the file's word comes back over users' changes")
    func users() throws {
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
        let mine = try #require(IPPrefix("100.64.0.0/10"))
        let theirs = try #require(IPPrefix("203.0.113.0/24"))
        let results = core.write(
            [
                .insert(.route(RouteEntry(prefix: mine, action: .drop))),
                .modify(.route(RouteEntry(prefix: theirs, action: .kernel))),
                .insert(.route(RouteEntry(prefix: theirs, action: .kernel))),
            ], idleTimeouts: [:], now: 0)
        #expect(results[0] == .applied && results[1] == .applied && results[2] != .applied)
        // Facts do not undo what users did.
        var facts = Fixture.facts
        facts.interfaces["p3"]?.up = false
        _ = try core.update(facts: facts, now: 0)
        #expect(core.state.route(vrf: .default, to: Fixture.address("203.0.113.1"))?.action == .kernel)
        _ = try core.apply(Fixture.configuration(), facts: facts, now: 0)
        #expect(core.state.route(vrf: .default, to: Fixture.address("203.0.113.1"))?.action == .drop)
        #expect(core.state.route(vrf: .default, to: Fixture.address("100.64.0.1"))?.action == .drop)
    }

    @Test("a neighbour's new address and a link going down leave derived entries valid; a route does not")
    func generation() throws {
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
        let generation = plane.generation
        var facts = Fixture.facts
        facts.neighbors[1].mac = Fixture.mac(0x99)
        facts.interfaces["p3"]?.up = false
        facts.interfaces["p2"]?.mtu = 9000
        facts.neighbors.append(.init(interface: "p1", address: Fixture.address("10.0.1.77"), mac: Fixture.mac(0x77)))
        let report = try core.update(facts: facts, now: 0)
        #expect(!report.isEmpty && !report.generationAdvanced && plane.generation == generation)
        #expect(try core.update(facts: facts, now: 0).isEmpty)
        _ = try core.apply(
            Fixture.configuration(Fixture.yaml.replacing("action: drop", with: "action: kernel")), facts: facts, now: 0)
        #expect(plane.generation != generation)
    }

    @Test("a data plane that holds entries is taken as it is, and nothing that is as wanted is changed")
    func adoption() throws {
        let plane = ReferenceDataPlane()
        let text =
            Fixture.yaml
            + "\nflows: [{port: p1, source: 10.0.1.2, destination: 9.9.9.9, protocol: 50, action: via 10.0.2.2}]\n"
        _ = try Fixture.core(plane).apply(Fixture.configuration(text), facts: Fixture.facts, now: 0)
        let before = plane.allEntries
        let generation = plane.generation
        let report = try Fixture.core(plane).apply(Fixture.configuration(text), facts: Fixture.facts, now: 0)
        #expect(report.isEmpty)
        #expect(plane.allEntries == before && plane.generation == generation)
    }
}
