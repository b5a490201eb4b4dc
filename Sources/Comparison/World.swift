// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

public typealias ComparableDataPlane = any PacketProcessor & DataPlane

/// A packet and the port it arrives at.
public struct TestPacket: Sendable, Hashable {
    public var port: PortID
    public var bytes: [UInt8]

    public init(port: PortID, bytes: [UInt8]) { (self.port, self.bytes) = (port, bytes) }
}

/// Contents of tables, as the updates that make them.
public struct World: Sendable, Hashable {
    /// Written first. Updates that are rejected are welcome: all data planes have to reject them alike.
    public var updates: [TableUpdate]
    /// Derived flows written next, before the generation is advanced: those that must decide nothing.
    public var staleFlows: [FlowEntry]
    /// Flows written then. The generation of derived ones is replaced by the present one.
    public var flows: [FlowEntry]
    /// Written at the very end: modifications and deletions of what is there by then.
    public var changes: [TableUpdate]

    public init(
        updates: [TableUpdate] = [], staleFlows: [FlowEntry] = [], flows: [FlowEntry] = [], changes: [TableUpdate] = []
    ) {
        (self.updates, self.staleFlows, self.flows, self.changes) = (updates, staleFlows, flows, changes)
    }

    public var count: Int { updates.count + staleFlows.count + flows.count + changes.count }

    /// Writes everything to an empty data plane. Returns the result of each update, in order.
    public func install(on plane: any DataPlane) -> [UpdateResult] {
        var results = plane.write(updates)
        results += plane.write(staleFlows.map { .insert(.flow($0.derived(in: plane.generation))) })
        plane.advanceGeneration()
        results += plane.write(flows.map { .insert(.flow($0.derived(in: plane.generation))) })
        results += plane.write(
            changes.map { change in
                guard case .flow(let flow) = change.entry else { return change }
                return TableUpdate(change.operation, .flow(flow.derived(in: plane.generation)))
            })
        return results
    }

    /// All updates in words, in the order of `install`.
    public var updateTexts: [String] {
        updates.map(\.text) + staleFlows.map { "stale " + TableUpdate.insert(.flow($0)).text }
            + flows.map { TableUpdate.insert(.flow($0)).text } + changes.map(\.text)
    }
}

extension FlowEntry {
    fileprivate func derived(in generation: PolicyGeneration) -> FlowEntry {
        guard origin != .static else { return self }
        var entry = self
        entry.origin = .derived(generation)
        return entry
    }
}

extension DataPlane {
    /// Deletes every entry, users before what they use. Returns what could not be deleted, which is a fault of the data plane.
    public func removeAllEntries() -> [TableError] {
        sweepFlows { _ in .remove }
        sweepMACs { _ in .remove }
        let order: [TableID] = [
            .acl, .ipv4, .ipv6, .nextHopGroup, .nextHop, .neighbor, .myStation, .routerInterface, .vlan, .port,
        ]
        var errors: [TableError] = []
        for table in order {
            errors += write(entries(of: table).map { .delete($0) }).compactMap(\.error)
        }
        return errors
    }
}
