// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Glibc
import Netlink
import Northbound
import Packet
import Synchronization
import Tables
import TestSupport

/// Entries that only one of the two configurations has.
public struct Variants: Sendable {
    var onlyPlain: Set<TableEntry> = []
    var onlyExtended: Set<TableEntry> = []

    func change(to variant: SoakConfiguration.Variant, by what: String) -> Books.Change {
        let (comes, goes) = variant == .plain ? (onlyPlain, onlyExtended) : (onlyExtended, onlyPlain)
        return Books.Change("\(what) of the \(variant.rawValue) configuration", comes: comes, goes: goes)
    }

    /// Which of them entries are those of.
    func variant(of entries: Set<TableEntry>) -> SoakConfiguration.Variant {
        onlyExtended.isDisjoint(with: entries) ? .plain : .extended
    }
}

/// What goes on while the daemon dies: it keeps going until the daemon is dead, some of it until there is another one.
final class SoakActivity: Sendable {
    private let scenario: SoakScenario
    private let topology: RouterTopology
    private let paths: SoakPaths
    private let traffic: Traffic
    private let books: SharedBooks
    private let places: Places
    private let variants: Variants
    private let state = Mutex(State())

    private struct State {
        var isDead = false
        var isBack = false
        var complaints: [String] = []
    }

    init(
        _ scenario: SoakScenario, _ node: SoakNode, _ traffic: Traffic, _ books: SharedBooks, _ places: Places,
        _ variants: Variants
    ) {
        (self.scenario, topology, paths) = (scenario, node.topology, node.paths)
        (self.traffic, self.books, self.places, self.variants) = (traffic, books, places, variants)
    }

    /// Milliseconds from the beginning to the first moment the signal may come: until what is to be met by it is there.
    var headStart: Int { scenario.activity == .ageing ? SoakConfiguration.passingTimeout + 200 : 20 }

    func daemonIsDead() { state.withLock { $0.isDead = true } }
    func daemonIsBack() { state.withLock { $0.isBack = true } }
    private var isDead: Bool { state.withLock { $0.isDead } }
    private var isBack: Bool { state.withLock { $0.isBack } }
    var complaints: [String] { state.withLock { $0.complaints } }

    private func complain(_ what: String) { state.withLock { $0.complaints.append(what) } }

    /// Goes on until it is told that the daemon is dead, or back.
    func run() async {
        switch scenario.activity {
        case .entries, .keep: await writeEntries(.quiet, pause: .microseconds(500))
        case .policy: await writeEntries(.policy, pause: .milliseconds(3))
        case .apply:
            alternate("application") { variant in
                try paths.ask(["apply", paths.file(variant)])
            }
        case .reload:
            alternate("reload") { variant in
                try paths.write(variant)
                return try paths.ask(["reload"])
            }
        case .reconcile: repeatCommand { try paths.ask(["reconcile"]) }
        case .replacement: repeatCommand { try paths.ask(["program", "replace", paths.program]) }
        case .ageing: traffic.setPassing(perSecond: 3000)
        case .start: break
        case .facts: changeFacts()
        }
    }

    // MARK: Entries

    private func writeEntries(_ kind: EntryStream.Kind, pause: Duration) async {
        do {
            try await NodeClient.connect(to: paths.socket) { [self] client in
                var stream = EntryStream(
                    kind, interface: places.elsewhere, nextHop: places.away, present: books.entries, seed: scenario.seed
                )
                while !isDead {
                    let (change, updates) = stream.next()
                    if updates.isEmpty { continue }
                    let number = books.begin(change)
                    let results = try await client.write(updates)
                    books.end(number, refused: zip(updates, results).compactMap(Self.refusal))
                    try await Task.sleep(for: pause)
                }
            }
        } catch {
            // A daemon that is told to end or is killed answers no more; whether that was so is seen a moment later.
            if !holdsEventually(timeout: 5, { isDead }) { complain("\(error)") }
        }
    }

    private static func refusal(_ update: TableUpdate, _ result: UpdateResult) -> String? {
        result.error.map { "\(update.operation) of \(update.entry.keyText): \($0)" }
    }

    // MARK: Commands

    private func alternate(_ what: String, _ body: (SoakConfiguration.Variant) throws -> CommandResult) {
        var variant = variants.variant(of: books.entries)
        repeatCommand {
            variant = variant == .plain ? .extended : .plain
            let number = books.begin(variants.change(to: variant, by: what))
            let result = try body(variant)
            if result.isSuccess { books.end(number) }
            return result
        }
    }

    /// Runs a command that is to succeed as long as the daemon lives, again and again.
    private func repeatCommand(_ body: () throws -> CommandResult) {
        while !isDead {
            do {
                let result = try body()
                if result.isSuccess { continue }
                if !holdsEventually(timeout: 5, { isDead }) { complain(result.description) }
            } catch {
                complain("\(error)")
            }
            return
        }
    }

    // MARK: Facts

    /// Makes stations of port 3 known to the host and takes them away, and lets interfaces come and go.
    private func changeFacts() {
        var random = SeededRandom(seed: scenario.seed, stream: 3)
        do {
            var netlink = try NetlinkSocket(in: topology.node)
            let index = try netlink.link(named: "p3").index
            var known = try knownFacts()
            var hasInterface = false
            while !isBack {
                let address = UInt32.random(in: Places.factRange, using: &random)
                if known.contains(address) {
                    try netlink.deleteNeighbor(.v4(address), on: index)
                    known.remove(address)
                } else {
                    let mac = LinkLayerAddress(value: 0x0200_0000_cc00 | UInt64(address & 0xff))
                    try netlink.setNeighbor(Neighbor(linkIndex: index, address: .v4(address), linkLayerAddress: mac))
                    known.insert(address)
                }
                if UInt.random(in: 0..<10, using: &random) == 0 {
                    if hasInterface {
                        try netlink.deleteLink(try netlink.link(named: "soak0").index)
                    } else {
                        try netlink.createVethPair("soak0", peer: "soak1")
                    }
                    hasInterface.toggle()
                }
                usleep(UInt32.random(in: 500...10_000, using: &random))
            }
            if hasInterface { try netlink.deleteLink(try netlink.link(named: "soak0").index) }
        } catch {
            complain("\(error)")
        }
    }

    private func knownFacts() throws -> Set<UInt32> {
        var netlink = try NetlinkSocket(in: topology.node)
        let index = try netlink.link(named: "p3").index
        return Set(
            try netlink.neighbors(of: index).compactMap { neighbor in
                if case .v4(let address) = neighbor.address, Places.factRange.contains(address) { address } else { nil }
            })
    }

    /// Where the node's tables do not follow what the host knows.
    func factComplaints(_ snapshot: NodeSnapshot) -> [String] {
        var found: [String: Set<UInt32>] = ["neighbors": [], "next hops": [], "routes": []]
        for entry in snapshot.entries where places.isFact(entry) {
            switch entry {
            case .neighbor(let neighbor): found["neighbors"]?.insert(neighbor.address.low)
            case .nextHop(let nextHop): found["next hops"]?.insert(nextHop.neighbor.low)
            case .route(let route): found["routes"]?.insert(route.prefix.address.low)
            default: break
            }
        }
        do {
            let known = try knownFacts()
            return found.sorted { $0.key < $1.key }.filter { $0.value != known }.map { kind, addresses in
                "the host knows \(known.count) stations, and there are \(addresses.count) \(kind) of them, "
                    + "\(addresses.subtracting(known).count) of which it does not know"
            }
        } catch {
            return ["\(error)"]
        }
    }

    // MARK: Afterwards

    /// Waits, for a bounded time, until what takes its time has come: flows that are idle are gone, the host is followed. Whether
    /// it has come is for the checks to say.
    func settle() async throws {
        switch scenario.activity {
        case .ageing:
            traffic.setPassing(perSecond: 0)
            if try await !waits({ snapshot in !snapshot.learnedFlows.keys.contains { $0.ipProtocol == IPProtocol.tcp } }
            ) {
                complain("flows that have been idle for long are still there")
            }
        case .facts: _ = try await waits { snapshot in factComplaints(snapshot).isEmpty }
        default: break
        }
    }

    private func waits(_ condition: (NodeSnapshot) -> Bool) async throws -> Bool {
        let deadline = Date(timeIntervalSinceNow: 15)
        while Date() < deadline {
            let snapshot = try await NodeClient.connect(to: paths.socket) { try await NodeSnapshot(of: $0) }
            if condition(snapshot) { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}

extension IPAddress {
    fileprivate var low: UInt32 {
        switch self {
        case .v4(let address): address.rawValue
        case .v6(let address): UInt32(truncatingIfNeeded: address.low)
        }
    }
}
#endif
