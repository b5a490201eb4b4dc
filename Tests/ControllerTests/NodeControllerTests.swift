// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("The controller")
struct NodeControllerTests {
    private func node() async throws -> NodeController {
        var options = NodeController.Options()
        options.logger = Fixture.quiet
        let node = try NodeController(dataPlane: ReferenceDataPlane(), options: options)
        try await node.start(Fixture.file(), facts: Fixture.facts)
        return node
    }

    private func process(_ frame: [UInt8], _ node: NodeController) async throws -> PacketVerdict? {
        try await node.withDataPlane { plane in
            try (plane as? ReferenceDataPlane)?.process(frame, port: 1)
        }
    }

    @Test("misses become entries by themselves, and the statistics tell")
    func misses() async throws {
        let node = try await node()
        let first = try await process(Fixture.frame(), node)
        #expect(first?.reason == .route)
        for await statistics in await node.watch(every: .milliseconds(10))
        where statistics.programmer.flowsInstalled == 1 {
            break
        }
        let second = try await process(Fixture.frame(), node)
        #expect(second?.reason == .flowCache)
        let flows = await node.flows()
        #expect(flows.count == 1 && flows.first?.origin == .derived && flows.first?.counter?.packets == 1)
        let status = await node.status()
        #expect(
            status.ports.map(\.binding.name) == ["p1", "p2", "p3"] && status.applied == 1 && status.complaints.isEmpty)
        #expect(status.statistics.packets.fast == 2)
        let names = await node.names()
        #expect(names.routerInterfaces.values.sorted() == ["p1", "p2", "p3"])
        await node.shutdown()
    }

    @Test("entries are listed with where they come from, and written with a result each")
    func entries() async throws {
        let node = try await node()
        let prefix = try #require(IPPrefix("100.64.0.0/10"))
        let results = await node.write([
            .insert(.route(RouteEntry(prefix: prefix, action: .drop))),
            .insert(.route(RouteEntry(prefix: prefix, action: .drop))),
            .delete(.acl(ACLEntry(id: 9, priority: 0, match: .init(), action: .drop))),
        ])
        #expect(results.map { $0 == .applied } == [true, false, false])
        let routes = await node.entries(of: .ipv4)
        #expect(routes.count { $0.origin == .user } == 1)
        #expect(routes.count { $0.origin == .configuration } == routes.count - 1)
        await node.shutdown()
    }

    @Test("calls from many tasks are served one by one, and streams end with the controller")
    func concurrency() async throws {
        let node = try await node()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 as Range<UInt32> {
                group.addTask {
                    guard let prefix = IPPrefix(.v4(IPv4Address(rawValue: 0x6440_0000 + number)), length: 32) else {
                        return
                    }
                    _ = await node.write([.insert(.route(RouteEntry(prefix: prefix, action: .drop)))])
                }
            }
        }
        let users = await node.entries(of: .ipv4).count { $0.origin == .user }
        #expect(users == 200)
        let stream = await node.watch(every: .seconds(60))
        await node.shutdown()
        for await _ in stream {}
        _ = await node.status()
    }

    @Test("a controller nobody holds is gone, and its thread with it")
    func lifetime() async throws {
        weak var gone: NodeController?
        do {
            let node = try await node()
            gone = node
            _ = await node.status()
        }
        // The last reference may be held for a moment by a turn on the controller's own thread.
        for _ in 0..<1000 where gone != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(gone == nil)
    }
}
