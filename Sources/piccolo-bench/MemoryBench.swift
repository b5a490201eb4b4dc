// SPDX-License-Identifier: Apache-2.0
import Controller
import Dispatch
import Packet
import Tables
import XDPDataPlane

/// `store`, through the controller: entries written by calls, answered when they are on disk; and the restart that takes them over.
struct MemoryBench {
    static let batch = 1000
    let flows: Int

    static let file = "ports:\n  - {name: p1, addresses: [10.0.1.1/24]}\n  - {name: p2, addresses: [10.0.2.1/24]}\n"

    static func updates(_ numbers: Range<Int>) -> [TableUpdate] {
        numbers.map { number in
            .insert(
                .flow(
                    FlowEntry(
                        key: FlowKey(
                            routerInterface: RouterInterfaceID(rawValue: 1),
                            source: .v4(IPv4Address(rawValue: 0x0a00_0000 + UInt32(number))),
                            destination: .v4(IPv4Address(rawValue: 0xc633_6401)), ipProtocol: 17,
                            sourcePort: UInt16(truncatingIfNeeded: number), destinationPort: 53), action: .drop)))
        }
    }

    func controller(_ store: (any NodeStore)?, pins: String? = nil) async throws -> NodeController {
        var sizes = XDPConfiguration()
        sizes.ipv6Flows = 1024
        sizes.pinDirectory = pins
        let plane = try XDPDataPlane(sizes)
        var options = NodeController.Options()
        options.logger.logLevel = .critical
        options.ecmpSeed = plane.state.ecmpSeed
        nonisolated(unsafe) let owned: any DataPlane = plane
        let controller = try NodeController(dataPlane: owned, store: store, options: options)
        try await controller.start(ConfigurationFile(text: Self.file, path: "bench"), facts: HostFacts())
        return controller
    }

    /// Entries a second, in batches, with some of them under way at a time.
    func write(_ controller: NodeController, underWay: Int) async throws -> Double {
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            var next = 0
            func add() {
                let numbers = next..<min(next + Self.batch, flows)
                next = numbers.upperBound
                guard !numbers.isEmpty else { return }
                group.addTask {
                    let results = await controller.write(Self.updates(numbers))
                    guard results.allSatisfy({ $0 == .applied }) else {
                        throw BenchError.missing("\(results.first { $0 != .applied } ?? .applied)", remedy: "")
                    }
                }
            }
            for _ in 0..<underWay { add() }
            for try await _ in group { add() }
        }
        return Double(flows) / (ContinuousClock.now - begin).seconds
    }
}
