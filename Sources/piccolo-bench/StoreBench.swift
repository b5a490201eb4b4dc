// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Dispatch
import Glibc
import Packet
import Store
import Synchronization
import Tables

struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Changes made durable, and a node's memory loaded.")
    @OptionGroup var options: Options
    @Option(help: "A directory on the disk to measure.") var directory = "/var/tmp"

    func run() throws {
        try options.report("store") { report in
            let folder = "\(directory)/piccolo-bench-\(getpid())"
            guard mkdir(folder, 0o700) == 0 else {
                throw BenchError.missing("\(folder): \(String(cString: strerror(errno)))", remedy: "give --directory")
            }
            defer { _ = try? Command.run("rm -rf '\(folder)'") }
            try StoreBench(rounds: options.effectiveRounds, folder: folder, isQuick: options.quick).run(into: &report)
            try MemoryBench(rounds: min(options.effectiveRounds, 5), folder: folder, isQuick: options.quick).run(
                into: &report)
        }
    }
}

/// `store`: amendments made durable in batches, against appending the same bytes to a file and waiting for the disk;
/// and loading them.
struct StoreBench {
    var rounds: Int
    var folder: String
    var isQuick: Bool

    /// How many batches are given before the first is waited for.
    private static let inFlight = 4

    private struct Series {
        var batch: Int
        var entries: Int
        var waiting: [Double] = []
        var flying: [Double] = []
        var floor: [Double] = []
        /// Milliseconds from the call to the disk, each batch waited for: the median of all, and the longest of each
        /// round.
        var latencies: [Double] = []
        var longest: [Double] = []
    }

    func run(into report: inout Report) throws {
        let scale = isQuick ? 4 : 1
        var series = [(1, 2000), (10, 20_000), (100, 100_000), (1000, 400_000)].map {
            Series(batch: $0.0, entries: $0.1 / scale)
        }
        var large = LargeTable()
        for round in 0..<rounds {
            for index in series.indices { try measure(&series[index], round) }
            try measure(&large, round)
        }
        for series in series { add(series, to: &report) }
        add(large, to: &report)
        for series in series where series.batch == 1000 {
            report.bars.append(bar("1000 at a time, each waited for", 200, Spread(series.waiting)))
            report.bars.append(bar("1000 at a time, 4 in flight", 200, Spread(series.flying)))
        }
        report.bars.append(bar("1000 more to a million, 4 in flight", 200, Spread(large.appending)))
        report.bars.append(
            Bar(
                what: "loading a million entries, ms", limit: 1500, isUpper: true, value: Spread(large.loading).median))
    }

    private func bar(_ what: String, _ limit: Double, _ value: Spread) -> Bar {
        Bar(what: "k entries/s, \(what)", limit: limit, isUpper: false, value: value.median)
    }

    private func measure(_ series: inout Series, _ round: Int) throws {
        let changes = Self.changes(series.entries, batch: series.batch, seed: UInt64(round))
        try withStore { store in
            let begin = ContinuousClock.now
            let times = try Self.store(changes, in: store, inFlight: 1)
            series.waiting.append(Double(series.entries) / (ContinuousClock.now - begin).seconds / 1e3)
            series.latencies += times
            series.longest.append(times.max() ?? 0)
        }
        series.floor.append(try floor(changes))
        try withStore { store in
            let begin = ContinuousClock.now
            _ = try Self.store(changes, in: store, inFlight: Self.inFlight)
            series.flying.append(Double(series.entries) / (ContinuousClock.now - begin).seconds / 1e3)
        }
    }

    private func add(_ series: Series, to report: inout Report) {
        let section = "\(series.entries) entries made durable, \(series.batch) at a time"
        func ratio(_ values: [Double]) -> Spread { Spread(zip(values, series.floor).map { $0 / $1 }) }
        let floor = "append and fdatasync"
        report.rows += [
            Row(
                section: section, subject: "each batch waited for", value: Spread(series.waiting),
                unit: "k entries/s", ratio: ratio(series.waiting), reference: floor),
            Row(
                section: section, subject: "\(Self.inFlight) batches in flight", value: Spread(series.flying),
                unit: "k entries/s", ratio: ratio(series.flying), reference: floor),
            Row(section: section, subject: floor, value: Spread(series.floor), unit: "k entries/s"),
            Row(section: section, subject: "a batch, waited for", value: Spread(series.latencies), unit: "ms"),
            Row(section: section, subject: "the longest of a round", value: Spread(series.longest), unit: "ms"),
        ]
    }

    // MARK: A million

    private struct LargeTable {
        var loading100k: [Double] = []
        var loading: [Double] = []
        var reading: [Double] = []
        var appending: [Double] = []
        var settingAgain: [Double] = []
        var bytes: [Double] = []
    }

    private func measure(_ large: inout LargeTable, _ round: Int) throws {
        let place = "\(folder)/large"
        let seed = UInt64(round) << 32 | 1
        var changes = Self.changes(1_000_000, batch: 10_000, seed: seed)
        var store = try open(place)
        _ = try Self.store(Array(changes.prefix(10)), in: store, inFlight: 1)
        store.close()
        store = try open(place)
        large.loading100k.append(try Self.load(store, expecting: 100_000))
        _ = try Self.store(Array(changes.dropFirst(10)), in: store, inFlight: Self.inFlight)
        store.close()
        var info = stat()
        if stat("\(place)/node.db", &info) == 0 { large.bytes.append(Double(info.st_size) / 1e6) }

        store = try open(place)
        large.loading.append(try Self.load(store, expecting: 1_000_000))
        let more = Self.changes(200_000, batch: 1000, seed: seed + 1)
        var begin = ContinuousClock.now
        _ = try Self.store(more, in: store, inFlight: Self.inFlight)
        large.appending.append(200 / (ContinuousClock.now - begin).seconds)
        // A fifth of the million again, in another order, with another action.
        var again = changes.flatMap(\.amendments)
        changes = []
        var random = Mixed(state: seed)
        again.shuffle(using: &random)
        let batches = stride(from: 0, to: isQuick ? 20_000 : 100_000, by: 1000).map { start in
            var change = StoreChange()
            change.amendments = Array(again[start..<start + 1000])
            for index in change.amendments.indices { change.amendments[index].time += 1 }
            return change
        }
        begin = ContinuousClock.now
        _ = try Self.store(batches, in: store, inFlight: Self.inFlight)
        large.settingAgain.append(Double(batches.count) / (ContinuousClock.now - begin).seconds)
        store.close()

        let reader = try SQLiteStore.openReader(directory: place)
        begin = ContinuousClock.now
        var count = 0
        _ = try reader.load { _ in count += 1 }
        large.reading.append((ContinuousClock.now - begin).seconds * 1e3)
        reader.close()
        guard count == 1_200_000 else { throw BenchError.rejected("entries", 1_200_000 - count, "not read") }
        try Command.run("rm -rf '\(place)'")
    }

    private func add(_ large: LargeTable, to report: inout Report) {
        let section = "A memory of a million entries"
        report.rows += [
            Row(section: section, subject: "loading 100,000", value: Spread(large.loading100k), unit: "ms"),
            Row(section: section, subject: "loading 1,000,000", value: Spread(large.loading), unit: "ms"),
            Row(section: section, subject: "reading 1,200,000 beside", value: Spread(large.reading), unit: "ms"),
            Row(
                section: section, subject: "200,000 more, 1000 at a time", value: Spread(large.appending),
                unit: "k entries/s"),
            Row(
                section: section, subject: "some set again, at random", value: Spread(large.settingAgain),
                unit: "k entries/s"),
            Row(section: section, subject: "size on disk", value: Spread(large.bytes), unit: "MB"),
        ]
    }

    // MARK: Steps

    private func open(_ place: String) throws -> SQLiteStore {
        let store = try SQLiteStore.open(directory: place, node: "bench")
        if let problem = store.problem { throw problem }
        return store
    }

    private func withStore(_ body: (SQLiteStore) throws -> Void) throws {
        let place = "\(folder)/state"
        let store = try open(place)
        try body(store)
        store.close()
        try Command.run("rm -rf '\(place)'")
    }

    /// Milliseconds.
    private static func load(_ store: SQLiteStore, expecting expected: Int) throws -> Double {
        let begin = ContinuousClock.now
        var count = 0
        _ = try store.load { _ in count += 1 }
        let time = (ContinuousClock.now - begin).seconds * 1e3
        guard count == expected else { throw BenchError.rejected("entries", expected - count, "not loaded") }
        return time
    }

    /// Returns how long each was under way, in milliseconds.
    private static func store(_ changes: [StoreChange], in store: SQLiteStore, inFlight: Int) throws -> [Double] {
        let free = DispatchSemaphore(value: inFlight)
        let outcome = Mutex<(problem: StoreProblem?, times: [Double])>((nil, []))
        for change in changes {
            free.wait()
            let begin = ContinuousClock.now
            store.commit(change) { problem in
                let time = (ContinuousClock.now - begin).seconds * 1e3
                outcome.withLock { outcome in
                    outcome.problem = outcome.problem ?? problem
                    outcome.times.append(time)
                }
                free.signal()
            }
        }
        for _ in 0..<inFlight { free.wait() }
        for _ in 0..<inFlight { free.signal() }
        let (problem, times) = outcome.withLock { $0 }
        if let problem { throw problem }
        return times
    }

    /// The same bytes appended to a file and synchronised, batch by batch: thousands of entries a second.
    private func floor(_ changes: [StoreChange]) throws -> Double {
        let path = "\(folder)/floor"
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchError.missing(path, remedy: "give --directory") }
        defer {
            close(file)
            unlink(path)
        }
        var entries = 0
        var bytes: [UInt8] = []
        let begin = ContinuousClock.now
        for change in changes {
            bytes.removeAll(keepingCapacity: true)
            for amendment in change.amendments {
                EntryCodec.appendKey(of: amendment.entry, to: &bytes)
                EntryCodec.appendValue(of: amendment.entry, to: &bytes)
                bytes.append(amendment.kind.rawValue)
                bytes.append(bigEndian: amendment.time)
                bytes.append(bigEndian: amendment.idleTimeout ?? 0)
            }
            entries += change.amendments.count
            let written = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            guard written == bytes.count, fdatasync(file) == 0 else {
                throw BenchError.rejected("bytes", bytes.count, String(cString: strerror(errno)))
            }
        }
        return Double(entries) / (ContinuousClock.now - begin).seconds / 1e3
    }

    /// SplitMix64.
    private struct Mixed: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    /// Static flows, half of them IPv6, with keys in no order.
    private static func changes(_ count: Int, batch: Int, seed: UInt64) -> [StoreChange] {
        var random = Mixed(state: seed)
        return stride(from: 0, to: count, by: batch).map { start in
            var change = StoreChange()
            change.amendments.reserveCapacity(batch)
            for index in start..<min(start + batch, count) {
                let (a, b) = (random.next(), random.next())
                func address(_ value: UInt64) -> IPAddress {
                    index % 2 == 0
                        ? .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: value)))
                        : .v6(IPv6Address(high: 0x2001_0db8_0000_0000 | value >> 32, low: value))
                }
                let key = FlowKey(
                    routerInterface: RouterInterfaceID(rawValue: 1 + UInt16(a >> 60)), source: address(a),
                    destination: address(b), ipProtocol: 6, sourcePort: UInt16(truncatingIfNeeded: b >> 40),
                    destinationPort: 443)
                let flow = FlowEntry(key: key, action: .nextHop(NextHopID(rawValue: UInt32(a & 0xff))))
                change.amendments.append(
                    Amendment(.set, .flow(flow), idleTimeout: index % 8 == 0 ? 120 : nil, time: 1_800_000_000))
            }
            return change
        }
    }
}
