// SPDX-License-Identifier: Apache-2.0
import BPF
import Controller
import Dispatch
import Glibc
import Packet
import Store
import Tables
import XDPDataPlane

/// `store`, through the controller: flows that calls write, in the tables and on disk when they are answered; and the restart that
/// takes them over.
struct MemoryBench {
    static let batch = 1000
    var rounds: Int
    var folder: String
    var isQuick: Bool

    private static let file =
        "ports:\n  - {name: p1, addresses: [10.0.1.1/24]}\n  - {name: p2, addresses: [10.0.2.1/24]}\n"

    func run(into report: inout Report) throws {
        // A BPF file system of its own, that goes with the mount namespace: nothing stays behind if a round fails.
        try Command.run("mkdir -p /mnt/bpf && mount -t bpf bpf /mnt/bpf")
        try Command.run("taskset -cp 0-\(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1, 0)) \(getpid()) > /dev/null")
        for flows in isQuick ? [100_000] : [100_000, 1_000_000] {
            var waiting: [Double] = []
            var flying: [Double] = []
            var adopted: [Double] = []
            var total: [Double] = []
            for round in 0..<rounds {
                let place = Place(folder: "\(folder)/memory-\(flows)-\(round)")
                let node = try Node(place)
                let half = flows / 2
                waiting.append(try node.write(0..<half, underWay: 1))
                flying.append(try node.write(half..<flows, underWay: 4))
                // Nothing is told to end, as by SIGKILL: tables and pins stay.
                node.leave()
                let again = try Node(place)
                guard again.adopted.isAdopted, again.adopted.report.isClean, again.amendments == flows else {
                    throw BenchError.missing(
                        "\(again.amendments) of \(flows) entries, \(again.adopted.report.found) of them not as wanted",
                        remedy: "this is a bug")
                }
                adopted.append(again.adopted.seconds)
                total.append(again.seconds)
                again.end()
            }
            let section = "Static IPv4 flows, \(flows), through the controller"
            func row(_ subject: String, _ values: [Double], _ unit: String) {
                report.rows.append(Row(section: section, subject: subject, value: Spread(values), unit: unit))
            }
            row("batches of 1000, each waited for", waiting.map { $0 / 1e3 }, "k entries/s")
            row("batches of 1000, four under way", flying.map { $0 / 1e3 }, "k entries/s")
            row("restart: memory read, tables compared", adopted, "s")
            row("restart: all, from opening the tables", total, "s")
            let limit = flows > 100_000 ? 3.0 : 1
            report.bars.append(
                Bar(
                    what: "\(flows) entries, durable, k/s", limit: 200, isUpper: false,
                    value: Spread(flying.map { $0 / 1e3 }).median))
            report.bars.append(
                Bar(what: "\(flows) entries, restart, s", limit: limit, isUpper: true, value: Spread(total).median))
        }
    }

    private struct Place {
        var folder: String
        var pins: String { "/mnt/bpf/node" }
    }

    /// A node without ports that are attached.
    private final class Node {
        let plane: XDPDataPlane
        let store: SQLiteStore
        let controller: NodeController
        let adopted: AdoptionReport
        let amendments: Int
        /// From before the tables were opened.
        let seconds: Double

        init(_ place: Place) throws {
            let begin = ContinuousClock.now
            var sizes = XDPConfiguration()
            sizes.ipv6Flows = 1024
            sizes.pinDirectory = place.pins
            let plane = try XDPDataPlane(sizes)
            let store = try SQLiteStore.open(directory: place.folder, node: "bench")
            var options = NodeController.Options()
            options.logger.logLevel = .critical
            nonisolated(unsafe) let owned: any DataPlane = plane
            let controller = try NodeController(dataPlane: owned, store: store, options: options)
            let file = try ConfigurationFile(text: MemoryBench.file, path: "bench")
            let start = wait { await Result { try await controller.start(file, facts: HostFacts()) } }
            adopted = try start.get()
            seconds = (ContinuousClock.now - begin).seconds
            amendments = wait { await controller.status().memory?.amendments ?? 0 }
            (self.plane, self.store, self.controller) = (plane, store, controller)
        }

        /// Entries a second, with some batches under way at a time.
        func write(_ numbers: Range<Int>, underWay: Int) throws -> Double {
            let begin = ContinuousClock.now
            let controller = controller
            let failure: String? = wait {
                await withTaskGroup(of: String?.self) { group in
                    var next = numbers.lowerBound
                    var failure: String?
                    func add() {
                        let part = next..<min(next + MemoryBench.batch, numbers.upperBound)
                        next = part.upperBound
                        guard !part.isEmpty else { return }
                        group.addTask {
                            let results = await controller.write(MemoryBench.updates(part))
                            return results.first { $0 != .applied }.map { "\($0)" }
                        }
                    }
                    for _ in 0..<underWay { add() }
                    while let outcome = await group.next() {
                        failure = failure ?? outcome
                        add()
                    }
                    return failure
                }
            }
            if let failure { throw BenchError.missing(failure, remedy: "this is a bug") }
            return Double(numbers.count) / (ContinuousClock.now - begin).seconds
        }

        /// Lets go of everything as it is.
        func leave() {
            wait { [controller] in await controller.shutdown() }
            store.close()
        }

        func end() {
            leave()
            plane.detachAll()
        }
    }

    private static func updates(_ numbers: Range<Int>) -> [TableUpdate] {
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
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
